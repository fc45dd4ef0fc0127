"""A module as a pure function of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike

from tinygrad_edu.context import current, within
from tinygrad_edu.nn.module import Module
from tinygrad_edu.tensor import Tensor

__all__ = ["functional_call"]


def functional_call(
    model: Module, parameters: Mapping[str, ArrayLike | Tensor], *inputs: Any, **options: Any
) -> Any:
    """Run a module with other values in place of its parameters.

    ::

        functional_call(model, {"W": W, "b": b}, x) = model(x), with W and b for model.W and model.b

    So a network is a function of its parameters, for `grad`, `jacobian` and the others. The module
    stays as it is, also while this runs: other threads may go on using it.

    Parameters
    ----------
    model : Module
        The module.
    parameters : mapping of str to array_like or Tensor
        By the names of ``model.named_parameters()``, in their shapes. Parameters that are left out
        are those of the module.
    *inputs : anything
        What the module takes.
    **options : anything
        As well.

    Returns
    -------
    anything
        What the module returns; its gradients reach the Tensors given as parameters.

    Raises
    ------
    TypeError
        If the model is no Module, or the parameters are no mapping; or if the module replaces the
        data of a Tensor while it runs.
    ValueError
        If the module has no parameter of such a name, or one of another shape.

    Examples
    --------
    Gradients by sample, here of two samples:

    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Linear(2, 1, init="zeros")
    >>> x, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0], [2.0]])
    >>> def losses(parameters):
    ...     return ((tg.functional_call(layer, parameters, x) - y) ** 2).sum(axis=1)
    >>> tg.jacobian(losses)(layer.state_dict())["b"]
    array([[-2.],
           [-4.]])
    """
    if not isinstance(model, Module):
        raise TypeError(f"functional_call runs a Module; got {type(model).__name__}")
    if not isinstance(parameters, Mapping):
        raise TypeError(
            "parameters are a mapping of names to arrays or Tensors; got "
            f"{type(parameters).__name__}"
        )
    own = dict(model.named_parameters())
    if strangers := [name for name in parameters if name not in own]:
        raise ValueError(f"no parameters are called {strangers}; there are {[*own]}")
    given = {
        own[name]: x if isinstance(x, Tensor) else Tensor(x, name=own[name].name)
        for name, x in parameters.items()
    }
    for name in parameters:
        if own[name].shape != given[own[name]].shape:
            raise ValueError(
                f"{name} has the shape {own[name].shape}; got {given[own[name]].shape}"
            )
    outer = current().stand_in

    def stand_in(x: Any) -> Any:
        x = given.get(x, x)
        return x if outer is None else outer(x)

    with within(stand_in=stand_in):
        return model(*inputs, **options)
