"""The tables of the benchmarks say what was measured."""

import csv
import importlib.util
import json
from pathlib import Path

PATH = Path(__file__).parents[2] / "docs" / "measure" / "benchmarks.py"
MACHINE = {
    "versions": {"NumPy": "2.4.6"},
    "python_version": "3.14.0",
    "cpu": {"brand_raw": "some processor", "count": 2},
    "system": "Linux",
    "threads": "1",
}


def measured(group, seconds, **params):
    return {"group": group, "params": params, "stats": {"min": seconds}}


def test_a_report_becomes_tables(tmp_path):
    spec = importlib.util.spec_from_file_location("benchmarks", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    report = [
        measured("moons", 7e-5, name="moons", way="NumPy"),
        measured("moons", 1.4e-4, name="moons", way="expressions"),
        measured("moons", 2.1e-4, name="moons", way="nn and optim"),
        measured("moons", 3.5e-5, name="moons", way="compiled"),
        measured("chain", 0.015, way="NumPy"),
        measured("chain", 0.06, way="expressions"),
        measured("two layers", 3e-5, width=4, batch=1, way="NumPy"),
        measured("two layers", 6e-5, width=4, batch=1, way="expressions"),
        measured("two layers", 9e-5, width=4, batch=1, way="nn and optim"),
        measured("two layers", 1.5e-5, width=4, batch=1, way="compiled"),
        measured("import", 0.08, module="numpy"),
    ]
    source = tmp_path / "report.json"
    date = "2026-11-21T10:00:00+00:00"
    source.write_text(json.dumps({"benchmarks": report, "machine_info": MACHINE, "datetime": date}))
    module.main(source, tmp_path)

    def table(name):
        return list(csv.reader((tmp_path / name).read_text(encoding="utf-8").splitlines()))

    assert table("steps.csv") == [
        ["", "moons", "chain"],
        ["NumPy", "1 (70 µs)", "1 (15 ms)"],
        ["expressions", "2.00", "4.00"],
        ["nn and optim", "3.00", ""],
        ["compiled", "0.50", ""],
    ]
    assert table("sweep.csv")[1:] == [["4", "1", "30", "2.00", "3.00", "0.50"]]
    assert ["date", "2026-11-21"] in table("machine.csv")
    assert ["NumPy", "2.4.6"] in table("machine.csv")
