"""Ask several engines what they answer at the hard points: ``python docs/measure/hard_points.py``.

Writes hard_points.csv, which the documentation shows, and engines.csv, the versions. Run it in an
environment with the engines to ask: micrograd, mygrad, autograd, dezero, tinygrad, torch, jax. One
that is missing is left out.
"""

# ruff: noqa: D103, PLC0415 - an engine is imported by the function of its name, if it is there

import csv
import datetime as dt
import importlib.metadata
import platform
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np

HERE = Path(__file__).parent
INF, NAN = float("inf"), float("nan")


# --------------------------------------------------------------------------------------
# The engines: how each spells the same functions
# --------------------------------------------------------------------------------------


def with_tape(make, functions, *, backward=lambda y: y.backward(), read=lambda x: x.grad):
    """An engine whose values remember: make a value, compute, call backward, read a gradient."""

    def grad(f, x):
        x = make(x)
        backward(f(x))
        return read(x)

    return SimpleNamespace(grad=grad, make=make, backward=backward, read=read, **functions)


def with_functions(grad, functions):
    """An engine that differentiates functions of arrays."""

    def of_array(f, x):
        return grad(f)(np.asarray(x))

    return SimpleNamespace(grad=of_array, **functions)


def named(module, **other):
    """The functions of a module under NumPy's names, with some from elsewhere."""
    names = ["abs", "clip", "exp", "log", "max", "maximum", "mean", "prod", "sqrt", "std", "sum"]
    found = {name: getattr(module, name) for name in [*names, "where"] if hasattr(module, name)}
    found["index"] = lambda x, i: x[np.array(i)]
    return found | {name: f for name, f in other.items() if f is not None}


def tinygrad_edu():
    import tinygrad_edu as tg

    return with_tape(
        lambda x: tg.Tensor(x, requires_grad=True),
        named(tg, relu=tg.relu, sigmoid=tg.sigmoid, norm=tg.norm, cross=tg.softmax_cross_entropy),
    )


def torch():
    import torch
    from torch.nn.functional import cross_entropy

    def where(condition, a, b):
        return torch.where(condition, a, torch.tensor(b, dtype=a.dtype))

    return with_tape(
        lambda x: torch.tensor(np.asarray(x), requires_grad=True),
        named(
            torch,
            relu=torch.relu,
            sigmoid=torch.sigmoid,
            norm=torch.linalg.norm,
            std=lambda x: torch.std(x, correction=0),
            where=where,
            cross=lambda z, y: cross_entropy(z, torch.tensor(y)),
        ),
        backward=lambda y: y.backward(retain_graph=True),
        read=lambda x: x.grad.numpy(),
    )


def jax():
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    log_softmax = jax.nn.log_softmax
    return with_functions(
        lambda f: lambda x: np.asarray(jax.grad(f)(jnp.asarray(x))),
        named(
            jnp,
            relu=jax.nn.relu,
            sigmoid=jax.nn.sigmoid,
            norm=jnp.linalg.norm,
            cross=lambda z, y: -log_softmax(z)[np.arange(len(y)), np.array(y)].mean(),
        ),
    )


def autograd():
    import autograd
    import autograd.numpy as anp

    return with_functions(
        autograd.grad,
        named(
            anp,
            relu=lambda x: anp.maximum(x, 0.0),
            sigmoid=lambda x: 1 / (1 + anp.exp(-x)),
            norm=anp.linalg.norm,
        ),
    )


def mygrad():
    import mygrad as mg
    from mygrad.nnet import activations, losses

    return with_tape(
        mg.tensor,
        named(
            mg,
            relu=activations.relu,
            sigmoid=activations.sigmoid,
            norm=mg.linalg.norm,
            cross=lambda z, y: losses.softmax_crossentropy(z, np.array(y)),
        ),
    )


def dezero():
    np.int = int  # noqa: NPY001 - DeZero needs this alias, which NumPy no longer has
    import dezero
    from dezero import functions as F  # noqa: N812 - as its users do

    return with_tape(
        lambda x: dezero.Variable(np.array(x)),
        named(
            SimpleNamespace(exp=F.exp, log=F.log, max=F.max, sum=F.sum),
            mean=lambda x: F.sum(x) / x.size,
            relu=F.relu,
            sigmoid=F.sigmoid,
            clip=F.clip,
            cross=lambda z, y: F.softmax_cross_entropy(z, np.array(y)),
        ),
        read=lambda x: x.grad.data,
    )


def tinygrad():
    from tinygrad import Tensor

    def grad(f):
        def gradient(x):
            x = Tensor(np.atleast_1d(x))
            return f(x).sum().gradient(x)[0].numpy()

        return gradient

    names = ["abs", "clip", "max", "maximum", "mean", "prod", "relu", "sigmoid", "sqrt", "sum"]
    return with_functions(
        grad,
        {name: getattr(Tensor, name) for name in names}
        | {
            "norm": lambda x: x.square().sum().sqrt(),
            "std": lambda x: x.std(correction=0),
            "where": lambda condition, a, b: condition.where(a, b),
            "cross": lambda z, y: z.sparse_categorical_crossentropy(Tensor(y)),
            "index": lambda x, i: x[Tensor(i)],
        },
    )


def micrograd():
    from micrograd.engine import Value

    return with_tape(
        lambda x: Value(x) if np.ndim(x) == 0 else missing(),
        {"relu": Value.relu, "mean": lambda x: x},
    )


def missing():
    raise AttributeError("it has numbers only")


ENGINES = {
    "tinygrad_edu": tinygrad_edu,
    "PyTorch": torch,
    "JAX": jax,
    "HIPS autograd": autograd,
    "MyGrad": mygrad,
    "DeZero": dezero,
    "tinygrad": tinygrad,
    "micrograd": micrograd,
}
PACKAGES = {"PyTorch": "torch", "JAX": "jax", "HIPS autograd": "autograd"}


# --------------------------------------------------------------------------------------
# The hard points: what is asked, and a function of an engine that answers
# --------------------------------------------------------------------------------------


def backward_twice(e):
    x = e.make(2.0)
    z = (x * x) * x * 2.0
    e.backward(z)
    e.backward(z)
    return e.read(x)


def changed_meanwhile(e):
    x = e.make(3.0)
    y = x * x
    x.data = type(x.data)(10.0) if isinstance(x.data, float) else x.data * 0 + 10.0
    e.backward(y)
    return e.read(x)


def chain(e, length=20_000):
    def f(x):
        for _ in range(length):
            x = x * 1.0001
        return x

    return e.grad(f, 1.0)


def precision(e):
    x = np.ones(2, np.float32)
    return e.grad(lambda x: e.mean(x * 2.0 + np.float64(1.0).item()), x).dtype


CASES = [
    ("`relu` at 0", lambda e: e.grad(e.relu, 0.0)),
    ("`abs` at 0", lambda e: e.grad(e.abs, 0.0)),
    ("`clip(x, -1, 1)` at 1", lambda e: e.grad(lambda x: e.clip(x, -1.0, 1.0), 1.0)),
    ("`max` of [2, 2, 1]", lambda e: e.grad(e.max, np.array([2.0, 2.0, 1.0]))),
    ("`maximum(x, 2)` at 2", lambda e: e.grad(lambda x: e.maximum(x, x * 0 + 2.0), 2.0)),
    ("`relu` at nan", lambda e: e.grad(e.relu, NAN)),
    ("`sigmoid` at -1000", lambda e: e.grad(e.sigmoid, -1000.0)),
    ("`where(x > 0, sqrt(x), 0)` at 0", lambda e: e.grad(
        lambda x: e.where(x > 0, e.sqrt(x), 0.0), 0.0)),
    ("`where(x > 0, sqrt(x), 0)` at -1", lambda e: e.grad(
        lambda x: e.where(x > 0, e.sqrt(x), 0.0), -1.0)),
    ("`norm` at [0, 0]", lambda e: e.grad(e.norm, np.zeros(2))),
    ("`std` of [1, 1]", lambda e: e.grad(e.std, np.ones(2))),
    ("`prod` of [0, 2, 3]", lambda e: e.grad(e.prod, np.array([0.0, 2.0, 3.0]))),
    ("`prod` of [0, 0, 3]", lambda e: e.grad(e.prod, np.array([0.0, 0.0, 3.0]))),
    ("`x**0` at 0", lambda e: e.grad(lambda x: x**0.0, 0.0)),
    ("`0**p` by p, at 2", lambda e: e.grad(lambda p: (p * 0.0) ** p, 2.0)),
    ("`x[[0, 0, 1]].sum()`", lambda e: e.grad(
        lambda x: e.sum(e.index(x, [0, 0, 1])), np.array([3.0, 5.0]))),
    ("softmax cross entropy at logits [1000, -1000], label 1", lambda e: e.grad(
        lambda z: e.cross(z, [1]), np.array([[1000.0, -1000.0]]))),
    ("the same at [-inf, 0], label 1", lambda e: e.grad(
        lambda z: e.cross(z, [1]), np.array([[-INF, 0.0]]))),
    ("float32 in; gradient", precision),
    ("`backward()` twice, 24 each", backward_twice),
    ("`x * x` at 3, but `x.data = 10` before `backward()`", changed_meanwhile),
    ("20,000 times `x = x * 1.0001`", chain),
]  # fmt: skip


def ask(case, engine):
    """The answer of an engine, in a word."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            answer = case(engine)
    except AttributeError:
        return "\N{EN DASH}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return type(error).__name__
    if answer is None:
        return "none"
    if isinstance(answer, np.dtype):
        return str(answer)
    numbers = np.asarray(answer).real.astype(float)
    return " ".join(f"{number:.4g}".replace("-0", "0") for number in numbers.ravel())


def main():
    """Ask everyone everything, and write it down."""
    sys.setrecursionlimit(1000)  # Python's own
    found = {}
    for name, make in ENGINES.items():
        try:
            found[name] = make()
        except ImportError as error:
            print(f"{name} is left out: {error}")  # noqa: T201
    rows = [[question, *(ask(case, e) for e in found.values())] for question, case in CASES]
    with (HERE / "hard_points.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([["gradient of", *found], *rows])
    versions = [(n, importlib.metadata.version(PACKAGES.get(n, n.lower()))) for n in found]
    versions += [("NumPy", np.__version__), ("Python", platform.python_version())]
    versions += [("asked on", dt.datetime.now(dt.UTC).date().isoformat())]
    with (HERE / "engines.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(versions)


if __name__ == "__main__":
    main()
