"""Activations: what is registered beside them, and how exact sums over many elements are."""

import inspect
import pickle

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.debugging import unit_health
from tinygrad_edu.ops import activation, further_activations
from tinygrad_edu.ops.activation import TRAITS

# --------------------------------------------------------------------------------------
# Registered once, known everywhere
# --------------------------------------------------------------------------------------

OF_EVERY_ELEMENT = [f for f, traits in TRAITS.items() if traits.steepest]
MODULES = {
    module.function: module
    for module in vars(nn).values()
    if inspect.isclass(module)
    and issubclass(module, nn.ActivationModule)
    and module is not nn.ActivationModule
}


def test_every_activation_is_registered():
    names = {*activation.__all__, *further_activations.__all__}
    assert {f.__name__ for f in TRAITS} == names - {"maxout", "prelu"}


def test_every_registered_activation_has_a_name_and_a_module():
    names = {"identity": nn.activations.identity} | {f.__name__: f for f in TRAITS}
    assert names == nn.activations.ACTIVATIONS
    assert MODULES.keys() == {*names.values()}


@pytest.mark.parametrize("function", MODULES, ids=lambda f: f.__name__)
def test_a_module_is_made_of_its_function(function):
    module = MODULES[function]
    assert module.__name__.lower() == function.__name__.replace("_", "")
    assert module.__doc__ == f"`tinygrad_edu.{function.__name__}` as a module."
    assert isinstance(pickle.loads(pickle.dumps(module())), module)  # noqa: S301 - our own


def test_a_module_of_a_function_of_ones_own():
    class Sine(nn.ActivationModule, function=tg.sin):
        """A wave."""

    class Wave(Sine): ...

    assert Sine.__doc__ == "A wave."
    assert Wave()(tg.Tensor(0.5)).item() == np.sin(0.5)


@pytest.mark.parametrize("f", OF_EVERY_ELEMENT, ids=lambda f: f.__name__)
def test_the_steepest_slope_is_the_largest(f):
    x = tg.Tensor(np.linspace(-10, 10, 2001), requires_grad=True)
    f(x).sum().backward()
    assert np.abs(x.grad).max() == pytest.approx(TRAITS[f].steepest, rel=0.002)


def test_health_is_known_of_what_works_on_each_element():
    x = tg.Tensor(np.ones((2, 3)), requires_grad=True)
    for f in TRAITS:
        assert ({f.__name__} if f in OF_EVERY_ELEMENT else set()) == {*unit_health(f, x)}


@pytest.mark.parametrize("f", TRAITS, ids=lambda f: f.__name__)
def test_rectifiers_are_initialized_by_he(f):
    rectifies = {"relu", "leaky_relu", "elu", "softplus", "gelu", "silu", "mish", "relu6"}
    init = "he_normal" if f.__name__ in rectifies else "xavier_normal"
    layer, same = nn.Linear(30, 20, f, rng=0), nn.Linear(30, 20, f, init=init, rng=0)
    np.testing.assert_array_equal(layer.W.data, same.W.data)


# --------------------------------------------------------------------------------------
# Sums over many elements
# --------------------------------------------------------------------------------------

LAYOUTS = {
    "rows": (lambda x: x, -1),
    "columns": (np.asfortranarray, 1),
    "along the first axis": (lambda x: np.ascontiguousarray(x.T), 0),
    "along an axis between": (lambda x: np.ascontiguousarray(np.stack([x.T, x.T])), 1),
    "one row": (lambda x: x[0], 0),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_million_elements_are_added_in_pairs(layout):
    laid_out, axis = LAYOUTS[layout]
    x = laid_out(np.random.default_rng(0).normal(size=(2, 10**6)).astype(np.float32))
    exact = np.exp(x.astype(float))
    total = exact.sum(axis, keepdims=True)
    y = tg.softmax(x, axis)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.sum(axis, dtype=float), 1, atol=2e-7)
    np.testing.assert_allclose(y, exact / total, rtol=2e-6)
    log_total = tg.logsumexp(x, axis, keepdims=True)
    np.testing.assert_allclose(log_total, np.log(total), atol=2e-6)
    np.testing.assert_allclose(tg.log_softmax(x, axis), np.log(exact / total), atol=4e-6)
