"""Turn a report of the benchmarks into the tables that the documentation shows.

    export OPENBLAS_NUM_THREADS=1
    pytest -p benchmark -p no:randomly -n0 tests/benchmarks --benchmark-json=report.json
    python docs/measure/benchmarks.py report.json [folder]

Writes steps.csv, sweep.csv and machine.csv. What counts is the shortest step of each, in relation
to NumPy's: it is the one that nothing else on the machine disturbed.
"""

import csv
import json
import sys
from collections import defaultdict
from pathlib import Path

UNITS = {"s": 1, "ms": 1e-3, "µs": 1e-6}


def shortest_steps(report):
    """Seconds for each way to take a step, by workload; and what the workloads are."""
    seconds, facts = defaultdict(dict), {}
    for benchmark in report["benchmarks"]:
        if "way" in benchmark["params"]:
            steps = benchmark["extra_info"]["steps"]  # in one call of what was timed
            shortest = benchmark["stats"]["min"] / steps
            seconds[benchmark["group"]][benchmark["params"]["way"]] = shortest
            facts[benchmark["group"]] = benchmark["params"]
    return seconds, facts


def ways_of(seconds, groups):
    """The ways that were timed, in their order: what is not installed is not there."""
    ways = dict.fromkeys(way for group in groups for way in seconds[group])
    return [way for way in ways if way != "NumPy"]


def ratio(seconds, way):
    """How many times as long as NumPy's step another one takes, in two digits or more."""
    if way not in seconds:
        return ""
    number = seconds[way] / seconds["NumPy"]
    return f"{number:.2f}" if 0.1 <= number < 10 else f"{number:#.2g}".removesuffix(".")


def readable(seconds):
    """A time in the largest unit in which it is not less than 1."""
    unit = next((unit for unit, size in UNITS.items() if seconds >= size), "µs")
    return f"{seconds / UNITS[unit]:.3g} {unit}"


def steps(report):
    """A table with a column for each workload."""
    seconds, facts = shortest_steps(report)
    columns = [group for group in seconds if "width" not in facts[group]]
    yield ["", *columns]
    yield ["NumPy", *(f"1 ({readable(seconds[group]['NumPy'])})" for group in columns)]
    for way in ways_of(seconds, columns):
        yield [way, *(ratio(seconds[group], way) for group in columns)]


def sweep(report):
    """A table with a row for each size."""
    seconds, facts = shortest_steps(report)
    groups = [group for group in seconds if "width" in facts[group]]
    ways = ways_of(seconds, groups)
    yield ["width", "batch", "NumPy, µs", *ways]
    for group in groups:
        size = [facts[group][name] for name in ("width", "batch")]
        base = f"{seconds[group]['NumPy'] * 1e6:.0f}"
        yield [*size, base, *(ratio(seconds[group], way) for way in ways)]


def machine(report):
    """With what it was measured."""
    info = report["machine_info"]
    yield from info["versions"].items()
    yield "Python", info["python_version"]
    yield "machine", f"{info['cpu']['brand_raw']}, {info['cpu']['count']} cores, {info['system']}"
    yield "threads", info["threads"]
    yield "date", report["datetime"][:10]


def main(source, folder=Path(__file__).parent):
    """Write the tables."""
    report = json.loads(Path(source).read_text(encoding="utf-8"))
    for table in (steps, sweep, machine):
        path = Path(folder, f"{table.__name__}.csv")
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(table(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
