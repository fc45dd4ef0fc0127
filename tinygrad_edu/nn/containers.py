"""Containers: modules made of modules, one after the other, in a list or by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast, overload

from tinygrad_edu.nn.module import Module
from tinygrad_edu.ops._common import Operand, as_array

__all__ = ["ModuleDict", "ModuleList", "Residual", "Sequential"]

Layer = Callable[..., Any]


class Sequential(Module):
    """Modules and functions, one after the other.

    Parameters
    ----------
    *layers : Module or callable, or one mapping of str to such
        Each takes what the one before it returned. In a mapping they have names.

    Raises
    ------
    TypeError
        If a layer is no module and no function, or is the class of one.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> network = tg.nn.Sequential(tg.nn.Linear(2, 3, rng=0), tg.tanh, tg.nn.Linear(3, 1, rng=1))
    >>> network([[1.0, 2.0]]).shape
    (1, 1)
    >>> network[0]
    Linear(2, 3)

    A part of it is a network of the same layers:

    >>> network[:2]([[1.0, 2.0]]).shape
    (1, 3)
    >>> named = tg.nn.Sequential({"body": network[:2], "head": network[2]})
    >>> named["head"], [name for name, _ in named.named_parameters()]
    (Linear(3, 1), ['layers.body.layers.0.W', 'layers.body.layers.0.b', 'layers.head.W',
     'layers.head.b'])
    """

    layers: list[Layer] | dict[str, Layer]

    def __init__(self, *layers: Layer | Mapping[str, Layer]) -> None:
        named = layers[0] if len(layers) == 1 and isinstance(layers[0], Mapping) else None
        self.layers = [*cast("tuple[Layer, ...]", layers)] if named is None else {**named}
        for layer in self:
            if isinstance(layer, type) and issubclass(layer, Module):
                name = layer.__name__
                raise TypeError(f"a layer is a module, not its class; got {name}: write {name}()")
            if not callable(layer):
                raise TypeError(f"a layer must be a module or a function; got {layer!r}")

    def forward(self, x: Operand) -> Any:
        """Apply all layers."""
        for layer in self:
            try:
                y = layer(x)
            except Exception as error:
                if isinstance(x, tuple):
                    error.add_note(
                        f"it was given a tuple of {len(x)}, which the layer before returned; to "
                        "take the first, write lambda outputs: outputs[0] between them"
                    )
                raise
            x = y
        return x

    def torch_path(self, path: str) -> str:
        """Return the path without ``layers.``, which PyTorch has not."""
        return path.removeprefix("layers.")

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers.values() if isinstance(self.layers, dict) else self.layers)

    @overload
    def __getitem__(self, index: int | str) -> Layer: ...

    @overload
    def __getitem__(self, index: slice) -> Sequential: ...

    def __getitem__(self, index: int | str | slice) -> Layer | Sequential:
        if isinstance(index, str):
            if not isinstance(self.layers, dict) or index not in self.layers:
                names = ", ".join(self.layers) if isinstance(self.layers, dict) else "none"
                raise KeyError(f"no layer is called {index!r}; the names are: {names}")
            return self.layers[index]
        if not isinstance(index, slice):
            layer: Layer = [*self][index]
            return layer
        if isinstance(self.layers, dict):
            return Sequential(dict([*self.layers.items()][index]))
        return Sequential(*self.layers[index])


class Residual(Sequential):  # numpydoc ignore=PR02
    """Layers whose result is added to what they were given.

    ::

        y = x + layers(x)

    So gradients find a way back on which nothing makes them smaller.

    Parameters
    ----------
    *layers : Module or callable, or one mapping of str to such
        As in `Sequential`; the last returns the shape that the first was given.

    Raises
    ------
    ValueError
        When it is called: if the shapes differ.

    References
    ----------
    He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> tg.nn.Residual(lambda x: x / 10)([1.0, 2.0])
    array([1.1, 2.2])
    """

    def forward(self, x: Operand) -> Any:
        """Apply all layers, and add x."""
        x = as_array(x)
        y = super().forward(x)
        if y.shape != x.shape:
            raise ValueError(
                "Residual adds what its layers return to what they were given, of one shape; got "
                f"{y.shape} for {x.shape}"
            )
        return x + y


class ModuleList(Module):
    """Modules in a list, to be called by the one that they belong to.

    A plain list does as well; this one is a module, with all that modules can.

    Parameters
    ----------
    modules : iterable of Module, optional
        The modules.

    Raises
    ------
    TypeError
        If one of them is no module.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> heads = tg.nn.ModuleList(tg.nn.Linear(2, n) for n in (1, 3))
    >>> heads.append(tg.nn.Linear(2, 5))
    >>> [head([[1.0, 2.0]]).shape for head in heads]
    [(1, 1), (1, 3), (1, 5)]
    >>> heads[1:]
    ModuleList(
      0: Linear(2, 3)
      1: Linear(2, 5)
    )
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.items: list[Module] = []
        self.extend(modules)

    def _parts(self) -> Mapping[str, Any]:
        return {str(i): module for i, module in enumerate(self.items)}

    def append(self, module: Module) -> None:
        """Add a module at the end.

        Parameters
        ----------
        module : Module
            The module.
        """
        self.items.append(_module(module))

    def extend(self, modules: Iterable[Module]) -> None:
        """Add modules at the end.

        Parameters
        ----------
        modules : iterable of Module
            The modules.
        """
        for module in modules:
            self.append(module)

    def insert(self, index: int, module: Module) -> None:
        """Add a module before another one.

        Parameters
        ----------
        index : int
            Of that one.
        module : Module
            The module.
        """
        self.items.insert(index, _module(module))

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.items)

    def __getitem__(self, index: int | slice) -> Any:
        return ModuleList(self.items[index]) if isinstance(index, slice) else self.items[index]

    def __setitem__(self, index: int, module: Module) -> None:
        self.items[index] = _module(module)

    def __delitem__(self, index: int | slice) -> None:
        del self.items[index]


class ModuleDict(Module):
    """Modules by name, to be called by the one that they belong to.

    A plain dict does as well; this one is a module, with all that modules can.

    Parameters
    ----------
    modules : mapping of str to Module, optional
        The modules by name.

    Raises
    ------
    TypeError
        If one of them is no module.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> heads = tg.nn.ModuleDict({"where": tg.nn.Linear(2, 4), "what": tg.nn.Linear(2, 10)})
    >>> [*heads], heads["what"]([[1.0, 2.0]]).shape
    (['where', 'what'], (1, 10))
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        self.by_name: dict[str, Module] = {}
        for name, module in (modules or {}).items():
            self[name] = module

    def _parts(self) -> Mapping[str, Any]:
        return self.by_name

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self.by_name.keys()

    def values(self) -> Iterable[Module]:
        """Return the modules."""
        return self.by_name.values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """Return the names with the modules."""
        return self.by_name.items()

    def __len__(self) -> int:
        return len(self.by_name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def __contains__(self, name: object) -> bool:
        return name in self.by_name

    def __getitem__(self, name: str) -> Module:
        return self.by_name[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self.by_name[name] = _module(module)

    def __delitem__(self, name: str) -> None:
        del self.by_name[name]


def _module(x: Any) -> Module:
    if not isinstance(x, Module):
        raise TypeError(f"expected a module; got {x!r}")
    return x
