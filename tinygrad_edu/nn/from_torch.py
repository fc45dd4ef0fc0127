"""Weights of PyTorch: its names and layouts, for the same layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.nn.module import Module
from tinygrad_edu.tensor import Tensor

__all__ = ["load_torch_state_dict", "torch_state_dict"]


class _Entry(NamedTuple):
    """An array in a state of PyTorch."""

    name: str
    parts: list[str]
    """The names here of what it holds side by side."""
    transposed: bool


def torch_state_dict(module: Module) -> dict[str, NDArray[Any]]:
    """Return the values of all Tensors as PyTorch would call and lay them out.

    Parameters
    ----------
    module : Module
        Made of layers that PyTorch has, too, in the same order.

    Returns
    -------
    dict of str to ndarray
        For ``load_state_dict`` there, of Tensors made by ``torch.from_numpy``.

    See Also
    --------
    load_torch_state_dict : The other way.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> network = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.BatchNorm(3))
    >>> {name: x.shape for name, x in tg.nn.torch_state_dict(network).items()}
    {'0.weight': (3, 2), '0.bias': (3,), '1.weight': (3,), '1.bias': (3,),
     '1.running_mean': (3,), '1.running_var': (3,)}
    """
    state = module.state_dict()
    result = {}
    for name, parts, transposed in _entries(module):
        array = (
            np.concatenate([state[part] for part in parts], -1) if parts[1:] else state[parts[0]]
        )
        result[name] = np.ascontiguousarray(array.T) if transposed else array
    return result


def load_torch_state_dict(module: Module, state: Mapping[str, Any]) -> None:
    """Take over the weights of a network of PyTorch; all of them, or none if anything is wrong.

    Parameters
    ----------
    module : Module
        Made of the same layers, in the same order.
    state : mapping of str to array_like
        What ``state_dict()`` of PyTorch returns, or the file of one: Tensors on the processor.

    Raises
    ------
    ValueError
        If entries are missing, unexpected, or of another shape: the message names all of them.

    See Also
    --------
    torch_state_dict : The other way.

    Notes
    -----
    Linear layers have their weights transposed there, and those of several gates or projections in
    one array. ``num_batches_tracked`` of PyTorch is left out.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Linear(2, 1)
    >>> tg.nn.load_torch_state_dict(layer, {"weight": [[1.0, 2.0]], "bias": [3.0]})
    >>> layer.W.data.tolist(), layer.b.data.tolist()
    ([[1.0], [2.0]], [3.0])
    """
    entries = [*_entries(module)]
    given = {name: x for name, x in state.items() if not name.endswith("num_batches_tracked")}
    expected = {name: x.shape for name, x in torch_state_dict(module).items()}
    problems = [f"missing     {name}: {expected[name]}" for name in expected if name not in given]
    problems += [f"unexpected  {name}" for name in given if name not in expected]
    arrays = {name: np.asarray(given[name]) for name in expected if name in given}
    problems += [
        f"misfit      {name}: expected {expected[name]}, got {x.shape}"
        for name, x in arrays.items()
        if x.shape != expected[name]
    ]
    if problems:
        kind = type(module).__name__
        raise ValueError("\n  ".join([f"the state does not fit this {kind}:", *problems]))
    ours: dict[str, Any] = {}
    for name, parts, transposed in entries:
        array = arrays[name].T if transposed else arrays[name]
        ours |= zip(parts, np.split(array, len(parts), -1) if parts[1:] else [array], strict=True)
    module.load_state_dict(module.state_dict() | ours)


def _entries(
    module: Module, ours: str = "", theirs: str = "", done: Any = None
) -> Iterator[_Entry]:
    """The entries of the state of a module in PyTorch, as its class says it."""
    done = set() if done is None else done
    there = {name for name, _ in module._named_tensors()}
    for name, parts, transposed in module.torch_names():
        if there.issuperset(parts) and ours + parts[0] not in done:
            done.update(ours + part for part in parts)
            yield _Entry(theirs + name, [ours + part for part in parts], transposed)
    for path, child in module._children():
        if isinstance(child, Module):
            yield from _entries(
                child, f"{ours}{path}.", f"{theirs}{module.torch_path(path)}.", done
            )
        elif isinstance(child, Tensor) and ours + path not in done:
            done.add(ours + path)
            yield _Entry(theirs + path, [ours + path], False)
