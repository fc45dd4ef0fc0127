"""The benchmarks time what is right and installed, and their tables say what was measured."""

import csv
import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ..benchmarks import agreement
from ..benchmarks.agreement import agreeing_steps, expected
from ..benchmarks.peers import PACKAGES
from ..benchmarks.steps import WAYS
from ..benchmarks.workloads import WORKLOADS

PATH = Path(__file__).parents[2] / "docs" / "measure" / "benchmarks.py"
ADAPTERS = Path(__file__).parents[1] / "benchmarks" / "adapters"
MACHINE = {
    "versions": {"NumPy": "2.4.6"},
    "python_version": "3.14.0",
    "cpu": {"brand_raw": "some processor", "count": 2},
    "system": "Linux",
    "threads": "1",
}


def measured(group, seconds, steps=1, **params):
    return {
        "group": group,
        "params": params,
        "stats": {"min": seconds},
        "extra_info": {"steps": steps},
    }


def test_a_report_becomes_tables(tmp_path):
    spec = importlib.util.spec_from_file_location("benchmarks", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    report = [
        measured("moons", 7e-5, name="moons", way="NumPy"),
        measured("moons", 1.4e-4, name="moons", way="expressions"),
        measured("moons", 1.4e-3, name="moons", way="HIPS autograd"),
        measured("moons", 3.5e-4, steps=100, name="moons", way="numba, in epochs"),
        measured("chain", 0.015, name="chain", way="NumPy"),
        measured("chain", 0.06, name="chain", way="expressions"),
        measured("two layers", 3e-5, width=4, batch=1, way="NumPy"),
        measured("two layers", 6e-5, width=4, batch=1, way="expressions"),
        measured("two layers", 9e-5, width=4, batch=1, way="PyTorch"),
        measured("more samples", 6e-5, width=4, batch=2, way="NumPy"),
        measured("more samples", 6e-6, width=4, batch=2, way="PyTorch"),
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
        ["HIPS autograd", "20", ""],
        ["numba, in epochs", "0.050", ""],
    ]
    assert table("sweep.csv") == [
        ["width", "batch", "NumPy, µs", "expressions", "PyTorch"],
        ["4", "1", "30", "2.00", "3.00"],
        ["4", "2", "60", "", "0.10"],
    ]
    assert ["date", "2026-11-21"] in table("machine.csv")
    assert ["NumPy", "2.4.6"] in table("machine.csv")


def test_the_tables_shown_are_of_all_our_ways_and_workloads():
    folder = PATH.parent
    steps = list(csv.reader((folder / "steps.csv").read_text(encoding="utf-8").splitlines()))
    assert steps[0][1:] == [*WORKLOADS]
    assert {*WAYS} <= {row[0] for row in steps}
    sweep = csv.DictReader((folder / "sweep.csv").read_text(encoding="utf-8").splitlines())
    assert {"compiled", "numba"} <= {*sweep.fieldnames}


@pytest.mark.parametrize(("way", "package"), [*PACKAGES.items(), ("numba", "numba")])
def test_what_is_not_installed_is_skipped(way, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(pytest.skip.Exception, match=f"{package} is not installed"):
        agreeing_steps(way, WORKLOADS["moons"])


def test_numba_is_not_asked_for_what_takes_it_minutes():
    pytest.importorskip("numba")
    with pytest.raises(pytest.skip.Exception, match="20,000 operations"):
        agreeing_steps("numba", WORKLOADS["chain of 20,000"])


def test_what_is_wrong_is_not_timed(monkeypatch):
    def wrong(problem):
        return WAYS["NumPy"](problem._replace(rate=2 * problem.rate))

    monkeypatch.setitem(agreement.ALL, "wrong", wrong)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        agreeing_steps("wrong", WORKLOADS["moons"])


@pytest.mark.parametrize("way", ["expressions", "nn and optim", "compiled"])
@pytest.mark.parametrize("name", ["2-4-3-1, relu", "moons", "XOR, 10 layers", "784-256-128-10"])
def test_our_ways_agree_with_the_step_by_hand(name, way):
    agreeing_steps(way, WORKLOADS[name])


def loaded(adapter):
    spec = importlib.util.spec_from_file_location(adapter, ADAPTERS / f"{adapter}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def handed_over(name):
    """A workload as a harness outside describes it."""
    problem = WORKLOADS[name].problem()
    workload = SimpleNamespace(
        hidden=problem.hidden,
        loss={"sigmoid": "bce"}.get(problem.loss, problem.loss),
        lr=problem.rate,
        momentum=problem.momentum,
        l2=problem.penalty,
    )
    batches = [] if problem.loss == "chain" else problem.batches
    return SimpleNamespace(workload=workload, params=problem.parameters, batches=batches)


@pytest.mark.parametrize("adapter", ["eager", "fused", "compiled", "numba", "numba_epoch"])
def test_adapters_take_steps_one_by_one(adapter, monkeypatch):
    if adapter.startswith("numba"):
        pytest.importorskip("numba")
    monkeypatch.syspath_prepend(PATH.parents[2])
    step = loaded(adapter).build("moons", handed_over("moons"))
    losses = [step() for _ in range(5)]
    assert losses == pytest.approx(expected(WORKLOADS["moons"]), rel=1e-9)


def test_an_adapter_refuses_what_is_not_for_it(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.syspath_prepend(PATH.parents[2])
    with pytest.raises(Exception, match="nobody would notice") as info:
        loaded("numba_epoch").build("wide", handed_over("1024-2048-2048-10"))
    assert info.typename == "Unsupported"
