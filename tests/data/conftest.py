"""The scripts here are run by hand: what they import is not there in a test run."""

collect_ignore_glob = ["make_*.py"]
