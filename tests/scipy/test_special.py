"""SciPy's special functions on Tensors, put through the same gauntlet as the operations."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special as scipy_special

import tinygrad_edu as tg
from tinygrad_edu.scipy import special

from ..garbage import garbage_of
from ..ops.table import (
    POSITIVE,
    REAL,
    UNIT,
    VECTORS,
    WIDE,
    Case,
    Row,
    operands,
    reduction,
    replaced,
    shaped,
    variable,
)
from ..ops.test_gauntlet import assert_slope, backward, inner, random_like, run


class Special(Row):
    """A function of our room, and SciPy's of the same name as what it computes."""

    @property
    def op(self):
        return getattr(special, self.name)

    @property
    def expected(self):
        return getattr(scipy_special, self.name)


def parameter(*domains, **given):
    """Operands of which the first are parameters: constants, as Python numbers."""
    constants = [st.sampled_from(values) for values in given.values()]
    return st.tuples(st.tuples(*constants), operands(*domains)).map(
        lambda pair: Case((*pair[0], *pair[1].args))
    )


@st.composite
def weighted_sums(draw):
    """The arguments of logsumexp, with weights that broadcast."""
    a = draw(reduction(shapes=VECTORS))
    shape = a.args[0].shape
    weights = st.sampled_from([(), shape, shape[-1:]]).flatmap(
        lambda shape: st.integers(0, 9).map(
            lambda seed: np.asarray(np.random.default_rng(seed).uniform(0.5, 2, shape))
        )
    )
    return Case((*a.args, a.options["axis"], draw(weights), draw(st.booleans())))


OPEN = (0.05, 0.95)
ORDERS = [0, 1, 2.5]
WHOLE = [0, 1, 3]

ROWS = [
    *(Special(name, operands(REAL)) for name in ("erf", "erfc", "erfcx", "erfi", "dawsn")),
    Special("erfinv", operands(UNIT)),
    Special("erfcinv", operands((0.1, 1.9))),
    Special("ndtr", operands(WIDE)),
    Special("log_ndtr", operands(WIDE)),
    Special("ndtri", operands(OPEN)),
    Special("owens_t", operands(REAL, REAL)),
    # gamma and beta functions
    Special("gamma", operands((0.5, 4.0))),
    Special("gamma", operands((-1.8, -1.2)), label="negative"),
    Special("gammaln", operands((0.5, 9.0))),
    Special("gammaln", operands((-1.8, -1.2)), label="negative"),
    Special("gammasgn", operands((-1.8, -1.2))),
    Special("loggamma", operands((0.5, 9.0))),
    *(Special(name, operands((0.5, 9.0))) for name in ("digamma", "psi")),
    Special("digamma", operands((-1.8, -1.2)), label="negative"),
    Special("polygamma", parameter((0.8, 9.0), n=[0, 1, 2, 3])),
    Special("zeta", parameter((0.8, 4.0), x=[1.5, 2.0, 4.0])),
    Special("beta", operands(POSITIVE, POSITIVE)),
    Special("betaln", operands(POSITIVE, POSITIVE)),
    Special("poch", operands(POSITIVE, POSITIVE)),
    Special("binom", operands((3.1, 5.0), POSITIVE)),
    Special("multigammaln", shaped(lambda _: st.integers(1, 3), domain=(2.0, 5.0))),
    # their incomplete forms
    *(Special(name, parameter(POSITIVE, a=[0.5, 1, 3.5])) for name in ("gammainc", "gammaincc")),
    *(Special(name, parameter(OPEN, a=[0.8, 1, 3.5])) for name in ("gammaincinv", "gammainccinv")),
    *(
        Special(name, parameter(OPEN, a=[0.5, 1, 3.5], b=[0.8, 1, 2]))
        for name in ("betainc", "betaincc")
    ),
    Special("betaincinv", parameter((0.15, 0.85), a=[0.8, 1, 3.5], b=[0.8, 1, 2])),
    Special("stdtr", parameter(REAL, df=[1, 2.5, 30])),
    # logistic function, entropies
    Special("expit", operands(WIDE)),
    Special("log_expit", operands(WIDE)),
    Special("logit", operands(OPEN)),
    Special("xlogy", operands(REAL, POSITIVE)),
    Special("xlog1py", operands(REAL, (-0.8, 2.0))),
    Special("entr", operands(POSITIVE)),
    Special("rel_entr", operands(POSITIVE, POSITIVE)),
    Special("kl_div", operands(POSITIVE, POSITIVE)),
    Special("logsumexp", reduction(shapes=VECTORS, keepdims=st.booleans())),
    Special("logsumexp", weighted_sums(), label="weighted"),
    Special("softmax", reduction()),
    Special("log_softmax", reduction()),
    # exponentials
    Special("exp10", operands(UNIT)),
    Special("exprel", operands(WIDE)),
    Special("cosm1", operands(WIDE)),
    Special("powm1", operands(POSITIVE, REAL)),
    # Bessel functions
    *(Special(name, operands(WIDE)) for name in ("j0", "j1", "i0", "i1")),
    *(Special(name, operands(POSITIVE)) for name in ("i0e", "i1e")),
    *(Special(name, operands((-3.0, -0.2)), label="negative") for name in ("i0e", "i1e")),
    *(Special(name, operands(POSITIVE)) for name in ("y0", "y1", "k0", "k1", "k0e", "k1e")),
    *(Special(name, parameter(POSITIVE, v=ORDERS)) for name in ("jv", "jn", "yv", "iv", "kv")),
    *(Special(name, parameter(POSITIVE, v=ORDERS)) for name in ("ive", "kve")),
    *(Special(name, parameter(POSITIVE, n=WHOLE)) for name in ("yn", "kn")),
    # hypergeometric functions and integrals
    Special("hyp0f1", parameter(REAL, v=[0.5, 2])),
    Special("hyp1f1", parameter(REAL, a=[0.5, 2], b=[1.5, 3])),
    Special("hyp2f1", parameter(UNIT, a=[0.5, 2], b=[0.5, 1], c=[2.5, 4])),
    Special("ellipk", operands(UNIT)),
    Special("ellipe", operands(UNIT)),
    Special("exp1", operands(POSITIVE)),
    Special("expi", operands(POSITIVE)),
    Special("spence", operands(POSITIVE)),
    Special("wrightomega", operands(REAL)),
    # losses
    Special("huber", operands((1.0, 1.4), (-0.9, 0.9)), label="near"),
    Special("huber", operands((1.0, 1.4), (1.5, 3.0)), label="far"),
    Special("pseudo_huber", operands(POSITIVE, REAL)),
]
PYTHONS = {"polygamma", "zeta", "logsumexp", "softmax", "log_softmax", "multigammaln"}

every_row = pytest.mark.parametrize("row", ROWS, ids=str)
a_case = given(data=st.data())
fewer_times = settings(max_examples=max(settings().max_examples // 4, 3))


def ufunc(name):
    function = getattr(scipy_special, name)
    return getattr(function, "__wrapped__", function)


# --------------------------------------------------------------------------------------
# The gauntlet
# --------------------------------------------------------------------------------------


def test_every_function_has_a_row():
    assert {row.name for row in ROWS} == set(special.__all__)


@every_row
@a_case
def test_value_is_what_scipy_computes(row, data):
    case = data.draw(row.cases)
    expected = row.expected(*case.args, **case.options)
    [array], _ = run(row.op, case, np.asarray)
    [tensor], _ = run(row.op, case, tg.Tensor)
    assert isinstance(tensor, tg.Tensor)
    for y in array, tensor.data:
        assert (y.dtype, y.shape) == (expected.dtype, expected.shape)
        np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)


@every_row
@a_case
def test_gradient_is_the_slope_of_scipys_function(row, data):
    case = data.draw(row.cases)
    outputs, variables = run(row.op, case, variable)
    weights = backward(outputs)
    gradients = [x.grad for x in variables]
    assert [(g.shape, g.dtype) for g in gradients] == [(x.shape, x.dtype) for x in variables]
    directions = random_like(gradients, -1)

    def value(h):
        direction = iter(directions)
        return inner(run(row.expected, case, lambda x: x + h * next(direction))[0], weights)

    assert_slope(gradients, directions, value)


@every_row
@a_case
def test_second_derivative_is_the_slope_of_the_first(row, data):
    case = data.draw(row.cases)
    directions = random_like(replaced(case, np.asarray)[1], -1)

    def moved(h, **options):
        direction = iter(directions)
        outputs, variables = run(row.op, case, lambda x: variable(x + h * next(direction)))
        backward(outputs, **options)
        return variables

    variables = moved(0, create_graph=True)
    gradients = [x.grad for x in variables]
    for x in variables:
        x.zero_grad()
    weights = backward(gradients)
    products = [np.zeros(x.shape) if x.grad is None else x.grad for x in variables]
    assert_slope(products, directions, lambda h: inner([x.grad for x in moved(h)], weights))


@every_row
@fewer_times
@a_case
def test_check_gradients_says_so_too(row, data):
    case = data.draw(row.cases)

    def f(*xs):
        x = iter(xs)
        return run(row.op, case, lambda _: next(x))[0]

    tg.check_gradients(f, *replaced(case, np.asarray)[1], order=2)


@every_row
@fewer_times
@given(data=st.data(), dtype=st.sampled_from(["float16", "float32"]))
def test_precision_is_kept(row, data, dtype):
    case = data.draw(row.cases)
    exactly = case._replace(args=replaced(case, lambda x: x.astype(dtype).astype(float))[0])
    case = case._replace(args=replaced(case, lambda x: x.astype(dtype))[0])
    outputs, variables = run(row.op, case, variable)
    backward(outputs)
    judged, judges = run(row.op, exactly, variable)
    backward(judged)
    tolerance = 1000 * float(np.finfo(dtype).eps)
    if dtype == "float32":  # SciPy has no float16
        assert outputs[0].dtype == dtype
    np.testing.assert_allclose(outputs[0].data, judged[0].data, rtol=tolerance, atol=tolerance)
    for x, z in zip(variables, judges, strict=True):
        assert x.grad.dtype == dtype
        scale = max(1, np.abs(z.grad).max(initial=0))
        np.testing.assert_allclose(x.grad, z.grad, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("row", [row for row in ROWS if row.name not in PYTHONS], ids=str)
@fewer_times
@a_case
def test_scipys_ufunc_is_recorded(row, data):
    case = data.draw(row.cases)
    args, _ = replaced(case, variable)
    y, expected = ufunc(row.name)(*args), row.op(*args)
    assert isinstance(y, tg.Tensor)
    assert y._op is expected._op
    np.testing.assert_array_equal(y.data, expected.data)


@every_row
@settings(max_examples=2)
@given(data=st.data(), create_graph=st.booleans())
def test_nothing_is_left_for_the_garbage_collector(row, data, create_graph):
    case = data.draw(row.cases)

    def step():
        outputs, variables = run(row.op, case, variable)
        backward(outputs, create_graph=create_graph)
        for x in variables:
            x.zero_grad()

    assert garbage_of(step) == 0


@every_row
@fewer_times
@a_case
def test_lists_are_as_good_as_arrays(row, data):
    case = data.draw(
        row.cases.filter(lambda case: all(x.size for x in replaced(case, np.asarray)[1]))
    )
    expected, _ = run(row.op, case, np.asarray)
    outputs, _ = run(row.op, case, np.ndarray.tolist)
    np.testing.assert_array_equal(outputs[0], expected[0])


# --------------------------------------------------------------------------------------
# Hard points: value and gradient as the docstrings state them
# --------------------------------------------------------------------------------------

INF, NAN = np.inf, np.nan
HARD = {
    "erfinv": [((1.0,), INF, (INF,)), ((-1.0,), -INF, (INF,)), ((1.5,), NAN, (NAN,))],
    "erfcinv": [((0.0,), INF, (-INF,)), ((2.0,), -INF, (-INF,))],
    "ndtri": [((0.0,), -INF, (INF,)), ((1.0,), INF, (INF,))],
    "log_ndtr": [((-INF,), -INF, (INF,)), ((INF,), 0, (0,)), ((-1e10,), -5e19, (1e10,))],
    "logit": [((0.0,), -INF, (INF,)), ((1.0,), INF, (INF,)), ((1.5,), NAN, None)],
    "expit": [((-INF,), 0, (0,)), ((INF,), 1, (0,)), ((40.0,), 1, (4.248354255291589e-18,))],
    "log_expit": [((-INF,), -INF, (1,)), ((INF,), 0, (0,)), ((-1000.0,), -1000, (1,))],
    "gamma": [((0.0,), INF, (-INF,)), ((-1.0,), NAN, (NAN,))],
    "gammaln": [((0.0,), INF, (-INF,)), ((-1.0,), INF, (NAN,))],
    "digamma": [((0.0,), -INF, (INF,)), ((-1.0,), NAN, (INF,))],
    "gammainc": [((1.0, 0.0), 0, (1,)), ((0.5, 0.0), 0, (INF,)), ((2.0, 0.0), 0, (0,))],
    "betainc": [((1.0, 1.0, 0.0), 0, (1,)), ((0.5, 1.0, 0.0), 0, (INF,))],
    "xlogy": [
        ((0.0, 0.0), 0, (-INF, 0)),
        ((0.0, 2.0), 0, (np.log(2), 0)),
        ((2.0, 0.0), -INF, (-INF, INF)),
    ],
    "xlog1py": [((0.0, -1.0), 0, (-INF, 0)), ((2.0, -1.0), -INF, (-INF, INF))],
    "entr": [((0.0,), 0, (INF,)), ((-1.0,), -INF, (NAN,))],
    "rel_entr": [((0.0, 0.0), 0, (-INF, 0)), ((0.0, 2.0), 0, (-INF, 0))],
    "kl_div": [((0.0, 0.0), 0, (-INF, 1)), ((0.0, 2.0), 2, (-INF, 1)), ((2.0, 2.0), 0, (0, 0))],
    "exprel": [((0.0,), 1, (0.5,)), ((1e-12,), 1, (0.5,)), ((-INF,), 0, None)],
    "spence": [((1.0,), 0, (-1,)), ((0.0,), np.pi**2 / 6, (-INF,))],
    "j1": [((0.0,), 0, (0.5,))],
    "jv": [((1.0, 0.0), 0, (0.5,))],
    "i1": [((0.0,), 0, (0.5,))],
    "i0e": [((0.0,), 1, (0,)), ((-2.0,), None, None)],
    "k0": [((0.0,), INF, (-INF,))],
    "ellipk": [((0.0,), np.pi / 2, (np.pi / 8,)), ((1.0,), INF, (INF,))],
    "huber": [((1.0, 1.0), 0.5, (0, 1))],
}


@pytest.mark.parametrize(
    ("name", "at", "value", "slopes"),
    [(name, *point) for name, points in HARD.items() for point in points],
)
def test_hard_point(name, at, value, slopes):
    op = getattr(special, name)
    known = len(slopes) if slopes else 1
    constants, variables = at[: len(at) - known], [variable(x) for x in at[len(at) - known :]]
    y = op(*constants, *variables)
    np.testing.assert_equal(y.item(), float(ufunc(name)(*at)))
    if value is not None:
        np.testing.assert_allclose(y.item(), value, rtol=1e-12)
    y.backward()
    if slopes:
        np.testing.assert_allclose([x.grad for x in variables], slopes, rtol=1e-12)


@pytest.mark.parametrize("name", ["erfinv", "logit", "ndtri", "xlogy", "gammaln", "entr"])
@pytest.mark.parametrize("order", [1, 2])
def test_a_masked_pole_gets_no_gradient(name, order):
    op = getattr(special, name)
    x = variable([0.6, 1.0, 0.0])

    def f(x):
        y = op(x, x) if name == "xlogy" else op(x)
        return np.where([True, False, False], y, 0.0).sum()

    gradient = tg.grad(f)(x) if order == 1 else tg.grad(lambda x: tg.grad(f)(x).sum())(x)
    assert np.isfinite(gradient.data).all()
    assert gradient.data[0] != 0
    assert gradient.data[1:].tolist() == [0, 0]


def test_mixed_derivative_of_xlogy_where_its_factor_is_0():
    """The convention at 0 / 0 takes nothing from the derivatives beside it."""
    h = tg.hessian(lambda x: special.xlogy(x[0], x[1]))(np.array([0.0, 2.0]))
    np.testing.assert_array_equal(h, [[0, 0.5], [0.5, 0]])


def test_parameter_without_known_derivative():
    a, x = variable(2.0), variable(1.5)
    y = special.gammainc(a, x)
    with pytest.raises(NotImplementedError, match=r"gammainc by its argument a .*detach"):
        y.backward()
    special.gammainc(a.detach(), x).backward()
    assert x.grad > 0


def test_weights_of_logsumexp():
    a, b = variable([1.0, 1000.0, INF]), variable([2.0, -1.0, 0.0])
    y, sign = special.logsumexp(a, b=b, return_sign=True)
    assert (y.item(), sign) == (1000, -1)
    y.backward()
    np.testing.assert_allclose(a.grad, [0, 1, 0])
    assert np.isnan(special.logsumexp(a, b=b).item())
    assert special.logsumexp(tg.Tensor([-INF, -INF])).item() == -INF
    y, sign = special.logsumexp([0.0, 0.0], b=[1.0, -1.0], return_sign=True)
    assert (y, sign) == (-INF, 0)


def test_multigammaln_says_where_it_ends():
    with pytest.raises(ValueError, match=r"above .* = 0\.5; got"):
        special.multigammaln(variable(0.5), 2)


def test_fourth_derivative():
    f, expected = special.erf, scipy_special.erf
    for _ in range(4):
        f = tg.grad(f)
    x = 0.3  # Hermite's polynomial of degree 3
    polynomial = -(8 * x**3 - 12 * x) * 2 / np.sqrt(np.pi) * np.exp(-(x**2))
    assert float(f(x)) == pytest.approx(polynomial, rel=1e-12)
    assert expected(x) == special.erf(x)


# --------------------------------------------------------------------------------------
# SciPy's own names
# --------------------------------------------------------------------------------------


def test_what_numpy_has_too_is_recorded():
    for name in ("cbrt", "exp2", "expm1", "log1p"):
        assert ufunc(name)(variable(0.5))._op is getattr(tg, name)


def test_function_without_derivative_is_named():
    with pytest.raises(
        TypeError, match=r"^scipy\.special\.bdtr is not supported on Tensors: no de"
    ):
        ufunc("bdtr")(1, 2, variable(0.5))


def run_without_array_api(program):
    environment = {k: v for k, v in os.environ.items() if k != "SCIPY_ARRAY_API"}
    command = [sys.executable, "-c", "import tinygrad_edu as tg, scipy.special\n" + program]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return done.stdout + done.stderr


def test_scipys_function_after_and_before_the_import():
    answer = run_without_array_api("scipy.special.erf(tg.Tensor(0.5))")
    assert (
        "TypeError: scipy.special.erf is not yet supported on Tensors: import tinygrad_edu"
        in answer
    )
    answer = run_without_array_api(
        "import tinygrad_edu.scipy; print(scipy.special.erf(tg.Tensor(0.5, requires_grad=True)))"
    )
    assert answer == "Tensor(0.52049988, op=erf)\n"


def test_nobody_else_imports_scipy():
    program = "import sys, tinygrad_edu.nn, tinygrad_edu.training; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"False"


def test_functions_that_scipy_wrote_in_python_refuse():
    answer = run_without_array_api("scipy.special.softmax(tg.Tensor([0.5], requires_grad=True))")
    assert "would lose the gradient" in answer


def test_special_functions_are_compiled():
    w = variable([1.0, 2.0])

    def loss(x):
        return special.erf(x * w).sum() + special.polygamma(1, w).sum()

    step = tg.compile(loss, tg.optim.SGD([w], lr=0.1))
    for x in np.array([[0.5, 1.5], [1.0, -1.0]]):
        expected = loss(x)
        w.zero_grad()
        expected.backward()
        after = w.data - 0.1 * w.grad
        assert float(step(x)) == pytest.approx(expected.item())
        np.testing.assert_allclose(w.data, after)
