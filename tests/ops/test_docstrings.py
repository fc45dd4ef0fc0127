"""A docstring that states a formula is held to it: the formula is evaluated, with NumPy alone."""

import builtins
import inspect
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import ops
from tinygrad_edu.trees import leaves

from .table import ROWS, Case, is_variable, replaced, sigmoid, softmax, variable

# --------------------------------------------------------------------------------------
# What is stated
# --------------------------------------------------------------------------------------

FORMULA = re.compile(r"^ {4}(\w+|d\w+/d\w+) = (.*?) *(?:#.*)?$", re.MULTILINE)


def is_python(formula):
    try:
        compile(formula, "formula", "eval")
    except SyntaxError:
        return False
    return True


FORMULAS = {
    name: [
        (target, formula)
        for target, formula in FORMULA.findall(inspect.getdoc(getattr(tg, name)))
        if is_python(formula) and "..." not in formula
    ]
    for name in ops.__all__
}
DERIVATIVES = {
    name: [target for target, _ in stated if target.startswith(("dy/", "dL/"))]
    for name, stated in FORMULAS.items()
}

# Operations that tell in words where gradients go.
TOLD = {
    *("array_split", "column_stack", "concatenate", "hstack", "split", "vstack"),
    *(
        "compress",
        "extract",
        "pad",
        "repeat",
        "sort",
        "take",
        "take_along_axis",
        "tile",
    ),
    *("cumprod", "cumsum", "diff", "kron", "maxout", "prod", "ptp", "tensordot"),
    *("append", "block", "dstack", "dsplit", "hsplit", "vsplit"),
    *("partition", "rollaxis", "sliding_window_view"),
    *("corrcoef", "median", "nanprod", "percentile"),
    *("ediff1d", "gradient", "meshgrid", "trapezoid"),
    *("astype", "diagonal", "trace"),
    *("conv1d", "conv2d", "conv_transpose2d", "avg_pool", "max_pool"),
    *("adaptive_avg_pool", "adaptive_max_pool"),
    *("adaptive_avg_pool", "adaptive_max_pool"),
    *("overlap_add", "sliding_windows"),
    *("cond", "eig", "eigh", "qr", "svd", "tensorinv", "tensorsolve"),
}


# --------------------------------------------------------------------------------------
# What it means
# --------------------------------------------------------------------------------------


def scattered(x, index, shape):
    y = np.zeros(shape)
    np.add.at(y, index, x)
    return y


def summed_to(gradient, shape):
    """The gradient of what was broadcast from a shape."""
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    return gradient.sum(tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


# A formula may mention the arguments, y, g, the number of elements n, NumPy's functions, and:
NUMPY = {
    **vars(np),
    **{
        name: getattr(np.linalg, name)
        for name in ("det", "inv", "multi_dot", "norm", "pinv", "solve")
    },
    "sigmoid": sigmoid,
    "softmax": softmax,
    "log_softmax": lambda x: np.log(softmax(x)),
    "scatter_add": scattered,
    "unbroadcast": summed_to,
    "cofactors": lambda x: np.linalg.det(x) * np.linalg.inv(x).T,
}
# What the formulas call the operands of a list.
LISTS = {
    "atleast_1d": ("arrays", "x"),
    "atleast_2d": ("arrays", "x"),
    "atleast_3d": ("arrays", "x"),
    "choose": ("choices", ["x0", "x1"]),
    "einsum": ("operands", "ab"),
    "multi_dot": ("arrays", ["x1", "x2", "x3"]),
    "select": ("choicelist", ["x1", "x2"]),
    "stack": ("arrays", ["x1", "x2"]),
}
ATTRIBUTES = {"T", "mT", "shape"}
SVD = "U", "s", "Vh"


def lower(m):
    return np.tril(m) + np.tril(m.T, -1)


def attending(q, k, **_):
    scale = 1 / np.sqrt(q.shape[-1])
    return {"scale": scale, "A": softmax(scale * q @ k.mT)}


FURTHER = {
    "attention_weights": attending,
    **dict.fromkeys(("batch_norm", "layer_norm", "rms_norm"), lambda **_: {"average": np.mean}),
    "cholesky": lambda **_: {
        "half": lambda m: np.tril(m) - np.diag(np.diag(m) / 2),
        "lower": lower,
    },
    "dropout": lambda p, **_: {"mask": np.random.default_rng(0).uniform(size=4) >= p},
    "eigvals": lambda x: {"V": np.linalg.eig(x)[1]},
    "eigvalsh": lambda x, **_: {"V": np.linalg.eigh(x)[1], "lower": lower},
    "cov": lambda m, **_: {"d": m - m.mean(1, keepdims=True), "n": m.shape[1], "ddof": 1},
    "interp": lambda x, xp, **_: {"i": np.searchsorted(xp, x) - 1},
    "linspace": lambda num, **_: {"t": np.linspace(0, 1, num)},
    "kl_divergence": lambda **_: {"n": 1},  # samples
    "matrix_power": lambda **_: {
        "power": np.linalg.matrix_power,
        **{name: getattr(builtins, name) for name in ("range", "sum")},
    },
    "nll_loss": lambda labels, **_: {"n": 1, "labels": np.eye(4)[labels]},  # as rows
    "norm": lambda x, **named: (
        {"p": named["ord"]} if x.ndim == 1 else dict(zip(SVD, np.linalg.svd(x), strict=True))
    ),
    "pinv": lambda x, **_: {"I": np.eye(len(x))},
    "quantile": lambda x, q, **_: {"s": np.sort(x), "i": int(q * (x.size - 1)), "n": x.size},
    "scaled_dot_product_attention": attending,
    "select": lambda condlist, **_: dict(zip(["c1", "c2"], condlist, strict=True)),
    "softmax_cross_entropy": lambda **_: {"n": 1},  # samples
    "svdvals": lambda x: dict(zip(SVD, np.linalg.svd(x), strict=True)),
}

v, w = np.array([0.3, -1.2, 0.7, 1.9]), np.array([0.6, -0.8, -0.9, 0.4])
u = np.where(w > 0.5, np.nan, v)
p = softmax(v)
A, B = np.random.default_rng(0).uniform(-1, 1, (2, 3, 3))
T = np.arange(24.0).reshape(2, 3, 4)

# What is not elementwise is stated for one vector or one matrix.
EXAMPLES = {
    "attention_weights": Case((A[:1], B)),
    "batch_norm": Case((v[:, None], w[:1], w[1:2])),
    "broadcast_to": Case((v[:, None], (4, 3))),
    "embedding": Case(([2, 0, 2], A)),
    **dict.fromkeys(["cosine_similarity", "huber_loss", "l1_loss"], Case((v, w))),
    "focal_loss": Case((v, np.array([0, 1, 1, 0]))),
    "gaussian_nll_loss": Case((v, w, w**2)),
    "hinge_loss": Case((v, np.array([-1, 1, 1, -1]))),
    "kl_divergence": Case((np.log(p), softmax(w))),
    "nll_loss": Case((v, np.array(2))),
    "dropout": Case((v,), {"p": 0.5, "rng": 0}),
    "layer_norm": Case((v, w, w)),
    "prelu": Case((A, w[:3])),
    "rms_norm": Case((v, w)),
    "scaled_dot_product_attention": Case((A[:1], B, T[0])),
    "atleast_1d": Case((np.array(0.5),)),
    "atleast_2d": Case((v,)),
    "atleast_3d": Case((v,)),
    "average": Case((v, None, p)),
    "binary_cross_entropy": Case((p, w**2)),
    **dict.fromkeys(["cholesky", "eigvals", "eigvalsh"], Case((A @ A.T + B @ B.T,))),
    "choose": Case(((v > 0) * 1, [v, w])),
    "clip": Case((v, -1.0, 1.0)),
    "clip with limits of every element": Case((v, w, np.array([0.1, 0.5, -1.3, 0.6]))),
    **dict.fromkeys(["convolve", "correlate"], Case((v, w[:3]))),
    "cov": Case((A,)),
    "cross": Case((v[:3], w[:3])),
    "diag": Case((A, 1)),
    **dict.fromkeys(["det", "fliplr", "flipud", "inv", "ravel", "rot90", "slogdet"], Case((A,))),
    **dict.fromkeys(["dot", "inner", "matmul", "vdot"], Case((A, B))),
    "einsum": Case(("ij,jk->ik", A, B)),
    "expand_dims": Case((v, 0)),
    **dict.fromkeys(["fmax", "fmin"], Case((u, np.where(w < -0.8, np.nan, w)))),
    "getitem": Case((v, [0, 2, 0])),
    "flip": Case((A, 0)),
    "interp": Case((v, np.array([-2.0, 0.1, 1.0, 2.5]), w)),
    "linspace": Case((np.array(1.0), np.array(3.0), 5)),
    "linear": Case((A, B, v[:3])),
    **dict.fromkeys(["logsumexp", "log_softmax", "max", "mean", "min"], Case((v,))),
    "lstsq": Case((A[:, :2], v[:3])),
    "matrix_power": Case((A, 3)),
    "matrix_transpose": Case((T,)),
    **dict.fromkeys(["maximum", "mean_squared_error", "minimum", "outer", "vecdot"], Case((v, w))),
    "moveaxis": Case((T, 0, 2)),
    "multi_dot": Case(([A[:2], A, B],)),
    **dict.fromkeys(["nanmax", "nanmean", "nanmin", "nanstd", "nansum", "nanvar"], Case((u,))),
    "norm": Case((v,)),
    "norm of order 3": Case((v,), {"ord": 3}),
    "norm of a matrix": Case((A,), {"ord": 2}),
    "pinv": Case((np.outer(A[0], B[0]) + np.outer(A[1], B[1]),), {"rcond": 1e-9}),
    "quantile": Case((v, np.array(0.3))),
    "reshape": Case((T, (4, 6))),
    "roll": Case((A, 1, 0)),
    "scatter_add": Case((v, [0, 0, 2, 1], (5,))),
    "select": Case(([v > 0, w > 0], [v, w])),
    "sigmoid_cross_entropy": Case((v, w**2)),
    "softmax_cross_entropy": Case((v, p)),
    "solve": Case((A, B)),
    "squeeze": Case((v[None],)),
    "stack": Case(([v, w], 1)),
    **dict.fromkeys(["softmax", "std", "sum", "var"], Case((v,))),
    "svdvals": Case((A,)),
    "swapaxes": Case((T, 0, 2)),
    "transpose": Case((T, (2, 0, 1))),
    **dict.fromkeys(["tril", "triu"], Case((A, 1))),
    "where": Case((v > 0, v, w)),
}

# Where several formulas are stated, those that are for an example.
LINES = {
    "norm": slice(0, 2),
    "norm of order 3": slice(2, 4),
    "norm of a matrix": slice(4, 6),
}


def by_name(op, case):
    """The arguments of a call by name; those of a list by the names that the formulas give them."""
    bound = inspect.signature(op).bind(*case.args, **case.options)
    bound.apply_defaults()
    named = dict(bound.arguments)
    several, names = LISTS.get(op.__name__, ("", ()))
    return named | dict(zip(names, named.get(several, ()), strict=True))


def assert_holds(name, case, lines=slice(None)):
    """Every formula in a docstring gives what the operation computes."""
    op = getattr(tg, name)
    named = by_name(op, case)
    args, tensors = replaced(case, variable)
    variables = dict(zip([k for k, x in named.items() if is_variable(x)], tensors, strict=True))
    y = [y for y in leaves(op(*args, **case.options)) if isinstance(y, tg.Tensor)][-1]
    g = np.random.default_rng(0).uniform(0.5, 1, y.shape)
    y.backward(g)

    names = {**NUMPY, "n": tensors[0].size, **named, "y": y.data, "g": g}
    names |= FURTHER.get(name, lambda **_: {})(**named)
    stated = FORMULAS[name][lines]
    for target, formula in reversed(stated):  # what a definition is made of comes after it
        if target not in RESULTS and target not in DERIVATIVES[name]:
            names[as_name(target)] = evaluated(formula, names)
    told = set()
    for target, formula in stated:
        x = target.partition("/d")[2] if target in DERIVATIVES[name] else ""
        value = evaluated(formula, names) if target in RESULTS or x in variables else None
        if value is None:
            continue
        if x:
            value = np.asarray(g * value if target.startswith("dy") else value)
            names[as_name(target)] = value = summed_to(value, variables[x].shape)
            told.add(x)
        computed = variables[x].grad if x else y.data
        np.testing.assert_allclose(value, computed, 1e-10, 1e-12, err_msg=formula)
    assert told == {target.partition("/d")[2] for target in DERIVATIVES[name]} & variables.keys()


RESULTS = {"y", "loss"}


def as_name(derivatives):
    """A formula in which derivatives are names of Python's."""
    return re.sub(r"d(\w+)/d(\w+)", r"d\1_by_d\2", derivatives)


def evaluated(formula, names):
    """The value of a formula, or None if it is not known what a symbol in it stands for."""
    code = compile(as_name(formula), formula, "eval")
    known = {name for name, value in names.items() if value is not None}
    if not known >= set(code.co_names) - ATTRIBUTES:
        return None
    return eval(code, names)  # noqa: S307 - our own formulas


# --------------------------------------------------------------------------------------
# The tests
# --------------------------------------------------------------------------------------

ELEMENTWISE = [row for row in ROWS if row.name not in EXAMPLES.keys() | TOLD]


def test_every_derivative_is_a_formula_or_told_in_words():
    assert {name for name, stated in DERIVATIVES.items() if not stated} == TOLD


@pytest.mark.parametrize("row", ELEMENTWISE, ids=str)
@given(data=st.data())
def test_formula_of_an_elementwise_operation(row, data):
    assert_holds(row.name, data.draw(row.cases))


@pytest.mark.parametrize("name", EXAMPLES)
def test_formula_for_vectors_and_matrices(name):
    assert_holds(name.partition(" ")[0], EXAMPLES[name], LINES.get(name, slice(None)))
