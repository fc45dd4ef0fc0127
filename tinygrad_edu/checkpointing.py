"""checkpoint: compute once more on the way back, instead of keeping what was computed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.context import Context, current, within
from tinygrad_edu.engine import Node, differentiable, next_order
from tinygrad_edu.ops._common import shown_as
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.transforms import Trace, others_below

__all__ = ["checkpoint"]


def checkpoint(f: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same function, which keeps nothing for the way back, but runs once more there.

    The arrays that f computes on its way are freed at once, all but the result. A network of n
    layers, a checkpoint around each block of sqrt(n) of them, needs memory for 2 sqrt(n) layers
    instead of n, and the time of one more forward pass.

    Parameters
    ----------
    f : callable
        A function, or a module, that returns a Tensor. It may use other Tensors than its arguments,
        as the parameters of a network: their gradients are the same as without.

    Returns
    -------
    callable
        Takes the arguments of f, returns what f returns.

    Raises
    ------
    TypeError
        When called, if f does not return a Tensor.
    RuntimeError
        On the way back, if f returns another value the second time, as with random numbers that it
        draws (`Dropout` in training does): draw them outside, and hand them in.

    Notes
    -----
    Derivatives of higher order are right, too, but what is recorded for them
    (``create_graph=True``) is kept as usual.

    References
    ----------
    Chen, Xu, Zhang and Guestrin, "Training deep nets with sublinear memory cost", 2016.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> w = tg.Tensor(2.0, requires_grad=True)
    >>> block = tg.checkpoint(lambda x: tg.exp(tg.sin(x * w)))
    >>> x = np.linspace(0.0, 1.0, 1000)
    >>> block(x).mean().backward()
    >>> round(w.grad.item(), 4)
    0.1815
    """

    @functools.wraps(f)
    def function(*args: Any, **options: Any) -> Tensor:
        context, since = current(), next_order()
        y = f(*args, **options)
        if not isinstance(y, Tensor):
            raise TypeError(
                f"a checkpoint is of a function that returns a Tensor; got {type(y).__name__}"
            )
        if not y.requires_grad:
            return y
        used = [*others_below(y, since)]  # arguments or not
        run = _Run(functools.partial(f, *args, **options), context, used, y._array)
        with within(stand_in=None):
            return _checkpoint(*used, run)

    return function


class _Run:
    """A call that can be made again, with others in place of the Tensors that it used."""

    def __init__(
        self,
        call: functools.partial[Tensor],
        context: Context,
        used: list[Node],
        value: NDArray[Any],
    ) -> None:
        self.call, self.context, self.used, self.value = call, context, used, value

    def __repr__(self) -> str:
        return getattr(self.call.func, "__name__", type(self.call.func).__name__)

    def __call__(self, *own: Tensor) -> Tensor:
        stand_ins = dict(zip(self.used, own, strict=True))
        outer = self.context.stand_in

        def stand_in(x: Any) -> Any:
            x = x if outer is None else outer(x)
            return stand_ins.get(x, x)

        scope, nested = self.context.scope, self.context.nested
        with within(scope=scope, nested=nested, observer=None, stand_in=stand_in):
            y = self.call()
        self._require_same(y)
        return y

    def _require_same(self, y: Tensor) -> None:
        """Refuse to take the gradient of a function that is another one the second time."""
        value = self.value
        if type(value) is not np.ndarray:  # a compiler's, which has no numbers
            return
        near = np.sqrt(np.finfo(value.dtype).eps)  # other strides may be summed in another order
        largest = np.abs(value[np.isfinite(value)]).max(initial=0.0)
        if y.shape != value.shape or not np.allclose(y._array, value, near, near * largest, True):
            raise RuntimeError(
                f"{self!r} returned another value when it ran once more for its gradient; draw "
                "random numbers outside of a checkpoint and hand them in"
            )


@differentiable
@shown_as("checkpoint")
def _checkpoint(*inputs: Any) -> tuple[Any, ...]:
    """What a run returned, of the Tensors that it used; the run itself is the last input."""
    *xs, run = inputs
    latest: tuple[Any, list[Any]] = None, []  # one run serves all closures

    def pulled(i: int, g: Any) -> Any:
        nonlocal latest
        of, gradients = latest
        if of is not g:
            trace = Trace(run, xs, tensors=any(isinstance(x, Node) for x in xs))
            gradients = trace.pull(trace.output, g)
        latest = (g, gradients) if i < len(xs) - 1 else (None, [])
        return gradients[i]

    return (run.value, *(functools.partial(pulled, i) for i in range(len(xs))))
