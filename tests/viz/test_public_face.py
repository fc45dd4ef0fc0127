"""What is public, and what it imports."""

import subprocess
import sys

import pytest

import tinygrad_edu as tg
from tinygrad_edu import viz


@pytest.mark.parametrize("name", viz.__all__)
def test_every_public_name_is_a_function_with_a_docstring(name):
    if name not in ("draw_graph", "explore", "explore_side_by_side"):
        pytest.importorskip(
            "matplotlib", reason="nothing here draws figures: pip install matplotlib"
        )
    assert callable(getattr(viz, name))
    assert getattr(viz, name).__doc__
    assert name in dir(viz)


def test_the_same_functions_are_at_the_top():
    assert tg.draw_graph is viz.draw_graph
    assert tg.explore is viz.explore


def test_another_name_is_an_error():
    with pytest.raises(AttributeError, match=r"'tinygrad_edu\.viz' has no attribute 'draw'"):
        _ = viz.draw


@pytest.mark.parametrize(
    ("code", "drawing_libraries"),
    [
        ("import tinygrad_edu.viz", set()),
        ("import tinygrad_edu; tinygrad_edu.draw_graph", {"graphviz"}),
        ("import tinygrad_edu; tinygrad_edu.explore", {"graphviz"}),
        ("from tinygrad_edu.viz import training_curves", {"matplotlib"}),
    ],
)
def test_only_what_draws_is_imported(code, drawing_libraries):
    if "matplotlib" in drawing_libraries:
        pytest.importorskip(
            "matplotlib", reason="nothing here draws figures: pip install matplotlib"
        )
    run = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(run.stdout.split())
    assert imported & {"graphviz", "pygraphviz", "matplotlib"} == drawing_libraries
