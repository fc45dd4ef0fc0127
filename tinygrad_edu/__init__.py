"""An array that remembers how it was computed, so that it can be differentiated and drawn.

>>> from tinygrad_edu import Tensor
>>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> loss = (x * x).sum()
>>> loss.backward()
>>> x.grad
array([2., 4., 6.])
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from tinygrad_edu.context import no_grad, scope
from tinygrad_edu.engine import differentiable
from tinygrad_edu.errors import GradientError
from tinygrad_edu.migrants import TOP, answer
from tinygrad_edu.ops import *  # noqa: F403 - every operation, by its own __all__
from tinygrad_edu.ops import __all__ as _ops  # type: ignore[attr-defined]  # hidden from mypy
from tinygrad_edu.ops.indexing import one_hot
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.transforms import (
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
)

if TYPE_CHECKING:
    from tinygrad_edu import nn, optim
    from tinygrad_edu.batching import vmap
    from tinygrad_edu.checkpointing import checkpoint
    from tinygrad_edu.compiler import compile, jit
    from tinygrad_edu.debugging import debug
    from tinygrad_edu.gradcheck import check_gradients
    from tinygrad_edu.nn.init import manual_seed
    from tinygrad_edu.nn.stateless import functional_call
    from tinygrad_edu.practice import compare_steps, exercise
    from tinygrad_edu.saving import load, save
    from tinygrad_edu.state import get_rng_state, set_rng_state
    from tinygrad_edu.training import History, batches, train, train_epochs
    from tinygrad_edu.viz.explorer import explore
    from tinygrad_edu.viz.explorer.side_by_side import explore_side_by_side
    from tinygrad_edu.viz.graph import draw_graph

__version__ = "0.1.0"
__all__ = [
    "GradientError",
    "History",
    "Tensor",
    "batches",
    "check_gradients",
    "checkpoint",
    "compare_steps",
    "compile",
    "debug",
    "differentiable",
    "draw_graph",
    "exercise",
    "explore",
    "explore_side_by_side",
    "functional_call",
    "get_rng_state",
    "grad",
    "gradients",
    "hessian",
    "hvp",
    "jacobian",
    "jit",
    "jvp",
    "load",
    "manual_seed",
    "nn",
    "no_grad",
    "one_hot",
    "optim",
    "save",
    "scope",
    "set_rng_state",
    "stop_gradient",
    "train",
    "train_epochs",
    "value_and_grad",
    "vjp",
    "vmap",
]
__all__ += _ops  # noqa: PLE0605 - a list of strings too

# Public names that are imported when they are first used, so that `import tinygrad_edu` stays fast,
# each with the module that it is in; or that it is.
_ROOMS = {
    "History": "training",
    "batches": "training",
    "check_gradients": "gradcheck",
    "checkpoint": "checkpointing",
    "compare_steps": "practice",
    "compile": "compiler",
    "compiler": "compiler",
    "debug": "debugging",
    "debugging": "debugging",
    "draw_graph": "viz.graph",
    "exercise": "practice",
    "explore": "viz.explorer",
    "explore_side_by_side": "viz.explorer.side_by_side",
    "functional_call": "nn.stateless",
    "get_rng_state": "state",
    "jit": "compiler",
    "load": "saving",
    "manual_seed": "nn.init",
    "nn": "nn",
    "optim": "optim",
    "practice": "practice",
    "save": "saving",
    "scipy": "scipy",
    "set_rng_state": "state",
    "sklearn": "sklearn",
    "train": "training",
    "train_epochs": "training",
    "training": "training",
    "viz": "viz",
    "vmap": "batching",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        answer(__name__, name)
    room = import_module(f"{__name__}.{_ROOMS[name]}")
    return room if _ROOMS[name] == name else getattr(room, name)


def __dir__() -> list[str]:
    return [*globals(), *_ROOMS]


class _Module(ModuleType):
    """The file of Tensor, under the name of PyTorch's function: called, it says what to write."""

    def __call__(self, *_data: Any, **_options: Any) -> NoReturn:
        raise TypeError(f"tg.tensor is a module of this library; write {TOP['tensor']}")


import_module("tinygrad_edu.tensor").__class__ = _Module
