"""The docstring of every public name says what numpydoc asks for, itself or by NumPy's."""

import inspect
import re
import tomllib
from functools import reduce
from importlib import import_module
from pathlib import Path

import numpy as np
import numpydoc.validate
import pytest

from tinygrad_edu import ops
from tinygrad_edu.ops._common import NUMPY

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
ROOMS = ["", ".compiler", ".debugging", ".nn", ".nn.init", ".optim", ".sklearn", ".training"]
ROOMS += [".scipy.optimize", ".scipy.special", ".scipy.stats", ".viz", ".practice"]


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


# In place of what is described: the function of NumPy's that describes it, and what differs.
AS_NUMPY = re.compile(r"^Parameters as `numpy\.([\w.]+)`(?P<but>(?:.+\n?)*)", re.MULTILINE)
SECTION = re.compile(r"^(Parameters|Returns|Raises)\n-+$", re.MULTILINE)


@pytest.mark.parametrize(("thing", "name"), [*public_things()])
def test_parameters_results_and_the_rest_are_described(thing, name):
    allowed = not_asked_for()
    if inspect.isclass(thing) and "__init__" not in vars(thing):
        allowed.add("PR01")  # the class that it inherits them from describes its parameters
    if AS_NUMPY.search(inspect.getdoc(thing)):
        assert not SECTION.search(inspect.getdoc(thing))
        allowed |= {"PR01", "RT01"}
    errors = numpydoc.validate.validate(name)["errors"]
    assert [(code, text) for code, text in errors if code not in allowed] == []


SHORT = [name for name in ops.__all__ if AS_NUMPY.search(inspect.getdoc(getattr(ops, name)))]
# What concerns only the type of the result and its place in memory, operations do not take.
NOT_TAKEN = {"casting", "copy", "device", "dtype", "kwargs", "order", "out", "subok"}


def parameters_that_differ(op, function):
    """The names of parameters that only one of the two has; operands go by their places."""
    ours = inspect.signature(op).parameters.values()
    names = {p.name for p in ours if p.kind != p.VAR_KEYWORD}
    if isinstance(function, np.ufunc):  # not all versions of NumPy know their signatures
        theirs = [f"x{i + 1}" for i in range(function.nin)] + ["axis"] * ("axis" in names)
    else:
        theirs = [*inspect.signature(function).parameters]
    for place, parameter in enumerate(ours):
        if "Operand" in str(parameter.annotation) and place < len(theirs):
            theirs[place] = parameter.name
    return names.symmetric_difference(theirs) - NOT_TAKEN


@pytest.mark.parametrize("name", SHORT)
def test_a_docstring_that_refers_to_numpy_says_what_differs(name):
    op = getattr(ops, name)
    reference = AS_NUMPY.search(inspect.getdoc(op))
    function = reduce(getattr, reference[1].split("."), np)
    assert NUMPY[function] is op
    if np.lib.NumpyVersion(np.__version__) >= "2.4.0":  # before, some names were others
        told = set(re.findall(r"``(\w+)``", reference["but"]))
        assert parameters_that_differ(op, function) - told == set()
