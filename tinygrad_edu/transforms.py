"""Derivatives of functions: functions in, functions out, of any order.

Arguments are arrays, Tensors, or lists, tuples and dicts of them. Arrays in give arrays out;
Tensors in give Tensors out, recorded, which is why ``grad(grad(f))`` works. Arrays in give recorded
Tensors out, too, if the function uses other Tensors that require a gradient, as the parameters of a
network: a loss may be made of the derivative, and its gradient reaches the parameters. Under
`no_grad` nothing is recorded, and arrays give arrays.

Whole numbers of Python's are converted, 3 to 3.0; integer arrays are refused. What the function
does not depend on has a gradient of zeros. Inside of the function, ``.item()`` of what is
differentiated raises an error, and so does ``math.exp(x)``: the gradient would be lost.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_edu import ops
from tinygrad_edu.context import current, within
from tinygrad_edu.engine import Node, backpropagate
from tinygrad_edu.errors import describe
from tinygrad_edu.ops._common import values
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.trees import Tree, leaves, tree_map

Array = NDArray[Any]

__all__ = [
    "Trace",
    "grad",
    "gradients",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "others_below",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]


class Trace:
    """One run of a function on Tensors of its own, ready to be pulled back.

    Parameters
    ----------
    f : callable
        The function.
    primals : sequence
        Its arguments.
    tensors : bool, optional
        Whether the results are Tensors; by default if an argument is one, or if the output depends
        on other Tensors that require a gradient.
    """

    def __init__(
        self, f: Callable[..., Any], primals: Sequence[Tree], tensors: bool | None = None
    ) -> None:
        self.recording: bool = current().recording
        self.inputs: list[Tree] = tree_map(_own, list(primals))
        self.since: int = min((x._order for x in leaves(self.inputs)), default=0)
        with within(recording=True, nested=True):
            self.output: Tree = f(*self.inputs)
        if tensors is None:
            tensors = any(isinstance(x, Tensor) for x in leaves(list(primals)))
            tensors |= self.recording and any(True for _ in others_below(self.output, self.since))
        self.tensors: bool = tensors

    def pull(self, output: Tree, gradient: Tree) -> list[Tree]:
        """The gradients of the inputs, given that of the output or of a part of it."""
        tensors = self.tensors or any(isinstance(g, Tensor) for g in leaves(gradient))
        recorded = tensors and current().recording
        seeds: dict[Any, Any] = {}

        def collect(y: Any, g: Any) -> None:
            if isinstance(y, Tensor) and y.requires_grad:
                g = _in_shape_of(y, g)
                g = g if recorded else g.data
                seeds[y] = seeds[y] + g if y in seeds else g

        tree_map(collect, output, gradient)
        with within(recording=True, stand_in=None):  # the graph holds what stood in
            found = backpropagate(seeds, create_graph=recorded, since=self.since)

        gradients: list[Tree] = tree_map(lambda x: _found(found, x, tensors), self.inputs)
        return gradients

    def result(self, y: Any) -> Any:
        """An output in the kind of the arguments: arrays in, arrays out."""
        if not isinstance(y, Tensor) or (self.tensors and self.recording):
            return y
        return y.detach() if self.tensors else y.data


def _found(gradients: dict[Node, Any], x: Tensor, as_tensor: bool) -> Any:
    """The gradient of x among those of a walk, or zeros, for the caller alone."""
    g = gradients[x] if x in gradients else np.zeros_like(x.data)
    if not as_tensor:
        return np.copy(g)  # which a compiler can follow, unlike np.array
    return g if isinstance(g, Tensor) else Tensor(g)


def others_below(output: Tree, since: int) -> Iterator[Node]:
    """The Tensors older than a run that its output depends on, and that require a gradient."""
    found = [y for y in leaves(output) if isinstance(y, Node) and y._requires_grad]
    seen = set(found)
    for node in found:  # which grows meanwhile
        if node._order < since:
            yield node
        else:
            for x in node._inputs:
                if isinstance(x, Node) and x._requires_grad and x not in seen:
                    seen.add(x)
                    found.append(x)


def _own(x: Any) -> Tensor:
    """A Tensor of its own to differentiate by, still connected to what x was computed from."""
    if isinstance(x, Tensor) and x.requires_grad:
        own: Tensor = ops.positive(x)
        if own.requires_grad:  # not so under no_grad
            own.retain_grad()
            return own
    if type(x) is int:
        x = float(x)
    dtype = getattr(x, "dtype", None)
    if dtype is not None and dtype.kind in "iub":
        raise TypeError(
            f"derivatives are by floating-point numbers; got an argument of {x.shape} {dtype}. "
            "Write x.astype(float), or leave it out by argnums if it is data"
        )
    return Tensor(values(x), requires_grad=True)


def _in_shape_of(y: Tensor, g: Any) -> Tensor:
    seed: Tensor = g if isinstance(g, Tensor) else Tensor(g, dtype=y.dtype)
    if seed.shape != y.shape:
        raise ValueError(f"expected a gradient of the output's shape {y.shape}; got {seed.shape}")
    return seed


def vjp(f: Callable[..., Tree], *primals: Tree) -> tuple[Tree, Callable[[Tree], Any]]:
    """Vector-Jacobian product: the value of f, and the function that pulls gradients back.

    ::

        y = f(x)
        pullback(g) = g @ J, with J = dy/dx

    Parameters
    ----------
    f : callable
        A function of Tensors.
    *primals : array_like, Tensor, or list, tuple or dict of them
        Where to evaluate it; floating point.

    Returns
    -------
    y : tree of ndarray or Tensor
        The value.
    pullback : callable
        Takes a gradient in the structure and shapes of y; returns those of the primals, as a
        tuple if there are several.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> y, pullback = tg.vjp(lambda x: x * x, np.array([1.0, 2.0, 3.0]))
    >>> y, pullback([1.0, 0.0, 1.0])
    (array([1., 4., 9.]), array([2., 0., 6.]))
    """
    trace = Trace(f, primals)

    def pullback(gradient: Tree) -> Any:
        return _one_or_all(trace.pull(trace.output, _matching(trace.output, gradient)))

    return tree_map(trace.result, trace.output), pullback


def _one_or_all(results: list[Any]) -> Any:
    return results[0] if len(results) == 1 else tuple(results)


def _matching(output: Tree, gradient: Tree) -> Tree:
    """The gradient as a tree like the output; a nested list is an array where a Tensor stands."""
    if isinstance(output, dict | list | tuple):
        return gradient
    return gradient if isinstance(gradient, Tensor | np.ndarray) else np.asarray(gradient)


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0
) -> Callable[..., tuple[Any, Any]]:
    """The function that returns the value of f and its gradient.

    Parameters
    ----------
    f : callable
        A function of Tensors that returns a single number.
    argnums : int or sequence of int, optional
        The positional arguments to differentiate by.

    Returns
    -------
    callable
        Takes the arguments of f; returns ``(value, gradient)``. The gradient has the structure
        of the argument; it is a tuple if argnums is a sequence.

    Raises
    ------
    ValueError
        When called, if f does not return a single number.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> def loss(parameters, x):
    ...     return ((parameters["w"] * x + parameters["b"]) ** 2).sum()
    >>> tg.value_and_grad(loss)({"w": 2.0, "b": 1.0}, np.array([1.0, 2.0]))
    (array(34.), {'w': array(26.), 'b': array(16.)})
    """

    def function(*args: Any, **options: Any) -> tuple[Any, Any]:
        trace, several = _trace_arguments(f, argnums, args, options)
        y = _single_number(trace.output)
        gradients = trace.pull(y, np.ones(y.shape, y.dtype))
        return trace.result(y), tuple(gradients) if several else gradients[0]

    return functools.wraps(f)(function)


def _single_number(y: Any) -> Tensor:
    """What f returned, if it can be differentiated; a constant has a gradient of zeros."""
    needed = "grad needs a function that returns a single number; got "
    if not isinstance(y, Tensor | int | float | np.ndarray | np.generic):
        raise ValueError(f"{needed}{type(y).__name__}. Compute it with Tensors")
    number = y if isinstance(y, Tensor) else Tensor(y)
    if number.size != 1:
        raise ValueError(f"{needed}a Tensor of shape {number.shape}. Use jacobian")
    return number


def _trace_arguments(
    f: Callable[..., Any], argnums: int | Sequence[int], args: tuple[Any, ...], options: Any
) -> tuple[Trace, bool]:
    """Run f with the chosen arguments as variables and the others as they are."""
    numbers = [argnums] if isinstance(argnums, int) else list(argnums)
    if any(not -len(args) <= n < len(args) for n in numbers):
        raise ValueError(f"argnums={argnums} is out of range for {len(args)} positional arguments")

    def of_chosen(*chosen: Any) -> Any:
        every = list(args)
        for n, x in zip(numbers, chosen, strict=True):
            every[n] = x
        return f(*every, **options)

    return Trace(of_chosen, [args[n] for n in numbers]), not isinstance(argnums, int)


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The gradient function of f.

    Parameters
    ----------
    f : callable
        A function of Tensors that returns a single number.
    argnums : int or sequence of int, optional
        The positional arguments to differentiate by.

    Returns
    -------
    callable
        Takes the arguments of f, returns the gradient; see `value_and_grad`.

    Raises
    ------
    ValueError
        When called, if f does not return a single number.

    Examples
    --------
    Derivatives of any order, by differentiating derivatives:

    >>> import tinygrad_edu as tg
    >>> f = tg.sin
    >>> for order in range(5):
    ...     print(order, f(tg.Tensor(1.0)).data.round(4))
    ...     f = tg.grad(f)
    0 0.8415
    1 0.5403
    2 -0.8415
    3 -0.5403
    4 0.8415
    """
    value_and_gradient = value_and_grad(f, argnums)

    def function(*args: Any, **options: Any) -> Any:
        return value_and_gradient(*args, **options)[1]

    return functools.wraps(f)(function)


def jvp(f: Callable[..., Tree], primals: Sequence[Tree], tangents: Sequence[Tree]) -> Any:
    """Jacobian-vector product: how f changes when its arguments move along tangents.

    ::

        y = f(x)
        tangent = J @ v, with J = dy/dx

    The pullback ``g -> g @ J`` is linear in g, so its own pullback is ``v -> J @ v``.

    Parameters
    ----------
    f : callable
        A function of Tensors.
    primals : sequence
        The arguments of f.
    tangents : sequence
        A direction for each of them, in the same structure and shapes.

    Returns
    -------
    y : tree of ndarray or Tensor
        The value.
    tangent : tree of ndarray or Tensor
        Its directional derivative, in the structure of y.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> tg.jvp(lambda x: x * x, [np.array([1.0, 2.0])], [np.array([0.0, 1.0])])
    (array([1., 4.]), array([0., 4.]))
    """
    outer = Trace(f, primals)
    gradient = tree_map(_variable_like, outer.output)
    inner = Trace(lambda g: outer.pull(outer.output, g), [gradient], tensors=outer.tensors)
    [tangent] = inner.pull(inner.output, list(tangents))
    return tree_map(outer.result, outer.output), tangent


def _variable_like(y: Any) -> Array:
    """Zeros in the shape of an output, to differentiate by: floating-point, whatever y is."""
    return np.zeros(np.shape(y), np.result_type(getattr(y, "dtype", float), np.float16))


def jacobian(f: Callable[..., Tree], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The function that computes the Jacobian of f, one row for each output element.

    ::

        J[i, j] = dy[i] / dx[j]

    Parameters
    ----------
    f : callable
        A function of Tensors.
    argnums : int or sequence of int, optional
        The positional arguments to differentiate by.

    Returns
    -------
    callable
        Takes the arguments of f; returns for each output an array of shape
        ``y.shape + x.shape``, in the structure of the argument.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> tg.jacobian(lambda x: x * x)(np.array([1.0, 2.0, 3.0]))
    array([[2., 0., 0.],
           [0., 4., 0.],
           [0., 0., 6.]])
    """

    def function(*args: Any, **options: Any) -> Any:
        trace, several = _trace_arguments(f, argnums, args, options)

        def rows(y: Any) -> Any:
            y = y if isinstance(y, Tensor) else Tensor(y)
            basis = np.eye(y.size, dtype=y.dtype).reshape(y.size, *y.shape)
            gradients = [trace.pull(y, e) for e in basis]
            stack: Any = ops.stack if trace.tensors else np.stack

            def stacked(x: Tensor, *gs: Any) -> Any:
                if not gs:  # no output, no row
                    return trace.result(Tensor(np.zeros(y.shape + x.shape, x.dtype)))
                return stack(gs).reshape(y.shape + x.shape)

            matrices = tree_map(stacked, trace.inputs, *gradients)
            return tuple(matrices) if several else matrices[0]

        return tree_map(rows, trace.output)

    return functools.wraps(f)(function)


def hessian(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """The function that computes the Hessian of f, the Jacobian of its gradient.

    ::

        H[i, j] = d2y / (dx[i] dx[j])

    Parameters
    ----------
    f : callable
        A function of Tensors that returns a single number.
    argnums : int, optional
        The positional argument to differentiate by.

    Returns
    -------
    callable
        Takes the arguments of f; returns an array of shape ``x.shape + x.shape``.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> tg.hessian(lambda x: (x**3).sum() + x[0] * x[1])(np.array([1.0, 2.0]))
    array([[ 6.,  1.],
           [ 1., 12.]])
    """
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Callable[..., Any], x: Tree, v: Tree) -> Any:
    """Hessian-vector product, at the cost of a few gradients: the Hessian is never built.

    ::

        H @ v = d(grad f(x)) / dx @ v

    Parameters
    ----------
    f : callable
        A function of a Tensor that returns a single number.
    x : array_like, Tensor, or list, tuple or dict of them
        Where to evaluate it.
    v : as x
        The vector, in the structure and shapes of x.

    Returns
    -------
    as x
        The product.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> tg.hvp(lambda x: (x**3).sum(), np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    return vjp(grad(f), x)[1](v)  # the Hessian is symmetric, so v @ H is H @ v


# --- of what was computed already ----------------------------------------------------------------


def gradients(
    y: Tensor,
    inputs: Tree,
    create_graph: bool = False,
    gradient: ArrayLike | Tensor | None = None,
) -> Tree:
    """The gradients of y with respect to Tensors that it was computed from; no ``.grad`` changes.

    ::

        gradients(y, x) = dy/dx

    Parameters
    ----------
    y : Tensor
        A single number, unless a gradient to begin with is given.
    inputs : Tensor, or list, tuple or dict of them
        Leaves or computed Tensors that require a gradient.
    create_graph : bool, optional
        Record the way back, so that what is returned can be differentiated in turn.
    gradient : array_like or Tensor, optional
        The gradient to begin with, dL/dy, in the shape of y. Left out for a single number: 1.

    Returns
    -------
    as inputs
        Arrays; Tensors with ``create_graph``. Zeros for an input that y does not depend on.

    Raises
    ------
    TypeError
        If y or an input is no Tensor.
    ValueError
        If y is no single number and no gradient is given, or one of another shape.
    RuntimeError
        If y or an input does not require a gradient, so that nobody knows whether y depends on it;
        or if the data of a leaf was changed since.

    Examples
    --------
    A gradient of a gradient, as in the loss of a differential equation:

    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> slope = tg.gradients((x**3).sum(), x, create_graph=True)
    >>> slope.data, tg.gradients(slope.sum(), x), x.grad
    (array([ 3., 12.]), array([ 6., 12.]), None)

    With respect to something in between:

    >>> h = x * x
    >>> tg.gradients(tg.exp(h).sum(), {"h": h, "x": x})["h"] == tg.exp(h).data
    array([ True,  True])
    """
    if not isinstance(y, Tensor):
        raise TypeError(f"gradients are those of a Tensor; got {type(y).__name__}")
    used = tree_map(_differentiable, inputs)
    found = y._gradients(gradient, create_graph, wanted=set(leaves(used)))
    return tree_map(lambda x: _found(found, x, create_graph), used)


def _differentiable(x: Any) -> Tensor:
    """A Tensor by which y may be differentiated, or what stands in for it."""
    if not isinstance(x, Tensor):
        raise TypeError(f"gradients are with respect to Tensors; got {type(x).__name__}")
    stand_in = current().stand_in
    x = x if stand_in is None else stand_in(x)
    if not x.requires_grad:
        raise RuntimeError(
            f"{describe(x)} does not require a gradient, so what was computed from it is unknown"
        )
    return cast("Tensor", x)


def stop_gradient(x: Tree) -> Tree:
    """The same values as constants: derivatives of any order do not pass.

    ::

        y = x
        dy/dx = 0

    Parameters
    ----------
    x : Tensor, array, or list, tuple or dict of them
        The values.

    Returns
    -------
    as x
        Tensors are detached, sharing memory; all else is returned as it is.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.grad(lambda x: x * tg.stop_gradient(x))(3.0)  # and not 6
    array(3.)
    """
    return tree_map(lambda leaf: leaf.detach() if isinstance(leaf, Tensor) else leaf, x)
