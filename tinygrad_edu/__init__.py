"""An array that remembers how it was computed, so that it can be differentiated and drawn.

>>> from tinygrad_edu import Tensor
>>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> loss = (x * x).sum()
>>> loss.backward()
>>> x.grad
array([2., 4., 6.])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tinygrad_edu.context import no_grad, scope
from tinygrad_edu.engine import differentiable
from tinygrad_edu.errors import GradientError
from tinygrad_edu.ops import *  # noqa: F403 - every operation, by its own __all__
from tinygrad_edu.ops import __all__ as _ops  # type: ignore[attr-defined]  # hidden from mypy
from tinygrad_edu.ops.indexing import one_hot
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

if TYPE_CHECKING:
    from tinygrad_edu import nn, optim
    from tinygrad_edu.compiler import compile
    from tinygrad_edu.debugging import debug
    from tinygrad_edu.gradcheck import check_gradients
    from tinygrad_edu.saving import load, save
    from tinygrad_edu.training import History, batches, train, train_epochs
    from tinygrad_edu.viz.explorer import explore
    from tinygrad_edu.viz.graph import draw_graph

__version__ = "0.1.0"
__all__ = [
    "GradientError",
    "History",
    "Tensor",
    "batches",
    "check_gradients",
    "compile",
    "debug",
    "differentiable",
    "draw_graph",
    "explore",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "load",
    "nn",
    "no_grad",
    "one_hot",
    "optim",
    "save",
    "scope",
    "train",
    "train_epochs",
    "value_and_grad",
    "vjp",
]
__all__ += _ops  # noqa: PLE0605 - a list of strings too

# What is built upon the core is imported when it is first asked for, so that the core stays quick
# to import: a public name, and the module it lives in, or is.
_ROOMS = {
    "History": "training",
    "batches": "training",
    "check_gradients": "gradcheck",
    "compile": "compiler",
    "debug": "debugging",
    "draw_graph": "viz.graph",
    "explore": "viz.explorer",
    "load": "saving",
    "nn": "nn",
    "optim": "optim",
    "save": "saving",
    "train": "training",
    "train_epochs": "training",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = import_module(f"{__name__}.{_ROOMS[name]}")
    return room if _ROOMS[name] == name else getattr(room, name)


def __dir__() -> list[str]:
    return [*globals(), *_ROOMS]
