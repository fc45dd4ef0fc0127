"""The docstring of every public name says what numpydoc asks for."""

import inspect
import tomllib
from importlib import import_module
from pathlib import Path

import numpydoc.validate
import pytest

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
ROOMS = ["", ".compiler", ".debugging", ".nn", ".nn.init", ".optim", ".sklearn", ".training"]
ROOMS += [".scipy.optimize", ".scipy.special", ".scipy.stats", ".viz"]


def public_things():
    for room in ROOMS:
        module = import_module(f"tinygrad_edu{room}")
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isfunction(thing) or (
                inspect.isclass(thing) and thing.__module__.startswith("tinygrad_edu")
            ):
                yield pytest.param(thing, f"{module.__name__}.{name}", id=f"tg{room}.{name}")


def not_asked_for():
    """The checks that the configuration leaves out, but for parameters and results."""
    with PYPROJECT.open("rb") as file:
        checks = tomllib.load(file)["tool"]["numpydoc_validation"]["checks"]
    return {*checks} - {"all", "PR01", "RT01"}


@pytest.mark.parametrize(("thing", "name"), [*public_things()])
def test_parameters_results_and_the_rest_are_described(thing, name):
    allowed = not_asked_for()
    if inspect.isclass(thing) and "__init__" not in vars(thing):
        allowed.add("PR01")  # the class that it inherits them from describes its parameters
    errors = numpydoc.validate.validate(name)["errors"]
    assert [(code, text) for code, text in errors if code not in allowed] == []
