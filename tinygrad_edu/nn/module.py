"""Module: a function with parameters, which are found in its attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, ClassVar, TypeAlias, TypeVar

from numpy.typing import ArrayLike, NDArray

from tinygrad_edu.context import no_grad, scope
from tinygrad_edu.migrants import MODULE, answering
from tinygrad_edu.nn.summary import Line, Summary, shape_of
from tinygrad_edu.state import RANDOM, Random, fitting, get_rng_state, problem_of, put_words
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.trees import named_leaves

__all__ = ["Module"]

M = TypeVar("M", bound="Module")

TorchNames: TypeAlias = tuple[tuple[str, tuple[str, ...], bool], ...]
"""A name in PyTorch, the names of what is there one array, and whether that is transposed."""

_watcher: ContextVar[Callable[[Any, Any], None] | None] = ContextVar("watcher", default=None)


class _Changes:
    """How often attributes of modules were set: who has read some can ask if it still holds."""

    count: int = 0


changes: _Changes = _Changes()


@answering(MODULE)
class Module:
    """A function with parameters: the base class of layers and networks.

    A subclass assigns Tensors and other modules to attributes, also in lists, tuples and dicts,
    and computes its output in ``forward``. A Tensor that requires a gradient is a parameter; its
    name is the path to it, as ``layers.0.W``. What a call computes is grouped under the name of
    the module, so that a drawn graph shows it as one cluster.

    All Tensors are saved by ``state_dict()``, also those that require no gradient, and so are the
    states of random generators. Other attributes are not, plain arrays among them.

    Attributes
    ----------
    training : bool
        Whether to behave as in training; `Dropout` does nothing if not.
    BUFFERS : tuple of str
        Of a class: the attributes that are Tensors but never learn, as the running mean of
        `BatchNorm`. `requires_grad_` leaves them alone.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> class Neuron(tg.nn.Module):
    ...     def __init__(self):
    ...         self.w = tg.Tensor([1.0, -1.0], requires_grad=True)
    ...         self.b = tg.Tensor(0.5, requires_grad=True)
    ...     def forward(self, x):
    ...         return tg.sigmoid(x @ self.w + self.b)
    >>> neuron = Neuron()
    >>> neuron([2.0, 2.5]).data
    array(0.5)
    >>> [name for name, _ in neuron.named_parameters()]
    ['w', 'b']
    """

    training: bool = True
    BUFFERS: ClassVar[tuple[str, ...]] = ()
    TORCH: ClassVar[TorchNames] = ()  # its Tensors in a state_dict of PyTorch
    _name: str | None = None  # the path in the module that contains it; None before the first call

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name != "_name":
            changes.count += 1

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        changes.count += 1

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Compute the output; defined by every subclass."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(self, ...)")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Compute the output, in a scope of the name of this module."""
        return self.within(self.forward, *inputs, **options)

    def within(self, method: Callable[..., Any], *inputs: Any, **options: Any) -> Any:
        """Call a method as the module itself is called: in its scope, and seen by who watches.

        Parameters
        ----------
        method : callable
            Of this module.
        *inputs : anything
            What the method takes.
        **options : anything
            As well.

        Returns
        -------
        anything
            What the method returns.
        """
        if self._name is None:
            self._name_modules(type(self).__name__)
        with scope(self._name):  # type: ignore[arg-type]  # it has a name now
            try:
                outputs = method(*inputs, **options)
            except Exception as error:
                error.add_note(f"in {self._described()}")
                raise
        watcher = _watcher.get()
        if watcher is not None:
            watcher(self, outputs)
        return outputs

    def _described(self) -> str:
        """What it is, and where: ``layers.0: Linear(2, 3)``."""
        facts, kind = self.extra_repr(), type(self).__name__
        kind = f"{kind}({facts})" if facts else kind
        return kind if self._name in (None, type(self).__name__) else f"{self._name}: {kind}"

    def _name_modules(self, name: str) -> None:
        self._name = name
        for path, child in self._children():
            if isinstance(child, Module) and child._name != path:
                child._name_modules(path)

    # --- what it consists of ------------------------------------------------------------

    def _parts(self) -> Mapping[str, Any]:
        """Where to look for what it consists of: its attributes."""
        return vars(self)

    def _children(self) -> Iterator[tuple[str, Child]]:
        """The Tensors, modules and generators in the attributes, with the path to each."""
        return ((name, x) for name, x in named_leaves(self._parts()) if isinstance(x, CHILDREN))

    def _walk(self, prefix: str = "", seen: set[Any] | None = None) -> Iterator[tuple[str, Child]]:
        """All Tensors, modules and generators below; one that is used twice is met once."""
        seen = {self} if seen is None else seen
        for name, child in self._children():
            if child in seen:
                continue
            seen.add(child)
            yield prefix + name, child
            if isinstance(child, Module):
                yield from child._walk(f"{prefix}{name}.", seen)

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """All modules in this one, each with the path to it; first this one itself, as ``""``."""
        yield "", self
        for name, child in self._walk():
            if isinstance(child, Module):
                yield name, child

    def _named_tensors(self) -> Iterator[tuple[str, Tensor]]:
        for name, child in self._walk():
            if isinstance(child, Tensor) and child.is_leaf:
                yield name, child

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """All parameters, each with the path to it; one that is used twice comes once.

        Yields
        ------
        name : str
            The path, as ``layers.0.W``.
        parameter : Tensor
            A leaf that requires a gradient.

        Examples
        --------
        >>> import tinygrad_edu as tg
        >>> network = tg.nn.MLP([2, 3, 1], rng=0)
        >>> {name: p.shape for name, p in network.named_parameters()}
        {'layers.0.W': (2, 3), 'layers.0.b': (3,), 'layers.1.W': (3, 1), 'layers.1.b': (1,)}
        """
        return ((name, t) for name, t in self._named_tensors() if t.requires_grad)

    def parameters(self) -> list[Tensor]:
        """All parameters, in the order of `named_parameters`."""
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def requires_grad_(self: M, mode: bool = True) -> M:
        """Let all Tensors of this module learn, or none; returns the module itself.

        Parameters
        ----------
        mode : bool, optional
            Whether they shall. `BUFFERS`, and Tensors of whole numbers, never do.

        Returns
        -------
        Module
            This module.

        Examples
        --------
        >>> import tinygrad_edu as tg
        >>> network = tg.nn.MLP([2, 3, 1])
        >>> network[0].requires_grad_(False)
        Linear(2, 3, activation=relu)
        >>> [name for name, _ in network.named_parameters()]
        ['layers.1.W', 'layers.1.b']
        """
        for _, module in self.named_modules():
            for name, child in module._children():
                is_buffer = name.partition(".")[0] in module.BUFFERS
                if isinstance(child, Tensor) and child.is_leaf and not is_buffer:
                    child.requires_grad = mode and child.dtype.kind == "f"
        return self

    def apply(self: M, function: Callable[[Module], Any]) -> M:
        """Call a function with every module in this one, and with this one last.

        Parameters
        ----------
        function : callable
            Takes a module; what it returns does not matter.

        Returns
        -------
        Module
            This module.

        Examples
        --------
        >>> import tinygrad_edu as tg
        >>> def small(module):
        ...     if isinstance(module, tg.nn.Linear):
        ...         module.W.data = module.W.data * 0.1
        >>> tg.nn.MLP([2, 1], init="constant").apply(small)[0].W.data
        array([[0.1],
               [0.1]])
        """
        for _, module in [*self.named_modules()][::-1]:
            function(module)
        return self

    def parameter_groups(self, settings: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the parameters in groups, for an optimizer: some with settings of their own.

        Parameters
        ----------
        settings : mapping of str to mapping
            From the path of a module or a parameter to the settings of all that is in it, as
            ``{"layers.0": {"lr": 0.01}}``. Of several paths the longest counts.

        Returns
        -------
        list of dict
            A group for each path that has parameters, and one for the others.

        Raises
        ------
        ValueError
            If there is no such path.

        Examples
        --------
        >>> import tinygrad_edu as tg
        >>> network = tg.nn.MLP([2, 3, 1])
        >>> groups = network.parameter_groups({"layers.0": {"lr": 0.01}})
        >>> tg.optim.SGD(groups, lr=0.1)
        SGD(4 parameters in 2 groups, lr=0.1)
        """
        groups: dict[str, list[Tensor]] = {path: [] for path in [*settings, ""]}
        used = set()
        for name, parameter in self.named_parameters():
            within = [path for path in settings if f"{name}.".startswith(f"{path}.")]
            used.update(within)
            groups[max(within, key=len, default="")].append(parameter)
        if missing := [path for path in settings if path not in used]:
            names = ", ".join(name for name, _ in self.named_parameters())
            raise ValueError(f"no parameters are in {', '.join(missing)}; there are {names}")
        return [
            {"params": parameters, **settings.get(path, {})}
            for path, parameters in groups.items()
            if parameters
        ]

    # --- training or not --------------------------------------------------------------------

    def train(self: M, mode: bool = True) -> M:
        """Behave as in training, this module and all in it; returns the module itself."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Behave as in use, not in training; returns the module itself."""
        return self.train(False)

    # --- state ---------------------------------------------------------------------------------

    def _named_generators(self) -> Iterator[tuple[str, Random, NDArray[Any]]]:
        """The random generators, each with the name and the value of its entry in the state."""
        for name, child in self._walk():
            if isinstance(child, RANDOM):
                for kind, words in get_rng_state(child).items():
                    yield f"{name}.{kind}", child, words

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Copy the values of all Tensors and the states of all random generators, by name.

        Of the Tensors, these are the parameters and those that do not learn. A generator, as that
        of `Dropout`, has an entry of the name of its kind: ``layers.1.rng.PCG64``. What is used
        twice comes once.

        Returns
        -------
        dict of str to ndarray
            What `load_state_dict` and `tinygrad_edu.save` take.

        Raises
        ------
        TypeError
            If there is a random generator of an unknown kind; see `get_rng_state`.

        Examples
        --------
        >>> import tinygrad_edu as tg
        >>> tg.nn.Linear(2, 1, init="zeros").state_dict()
        {'W': array([[0.],
               [0.]]), 'b': array([0.])}
        """
        state = {name: tensor.data.copy() for name, tensor in self._named_tensors()}
        return state | {name: words for name, _, words in self._named_generators()}

    def load_state_dict(self, state: Mapping[str, ArrayLike | Tensor]) -> None:
        """Take over what `state_dict` returned; all of it, or nothing if anything is wrong.

        Nothing may be missing. To load some of the entries only, and keep the others as they are,
        load ``module.state_dict() | entries``.

        Parameters
        ----------
        state : mapping of str to array_like
            A value for each Tensor of this module, in its shape, and a state for each random
            generator.

        Raises
        ------
        TypeError
            If the state is no mapping; or if a value is a Tensor that requires a gradient, which
            would get lost: see `tinygrad_edu.functional_call`.
        ValueError
            If entries are missing, unexpected, or of another shape or kind of number, or a
            generator cannot have such a state: the message names all of them.

        Examples
        --------
        >>> import tinygrad_edu as tg
        >>> layer = tg.nn.Linear(2, 1)
        >>> layer.load_state_dict({"W": [[1.0], [2.0]], "bias": [0.0]})
        Traceback (most recent call last):
            ...
        ValueError: the state does not fit this Linear:
          missing     b: (1,) float64
          unexpected  bias
        """
        tensors = dict(self._named_tensors())
        expected = {name: tensor.data for name, tensor in tensors.items()}
        generators = {}
        for name, rng, words in self._named_generators():
            generators[name], expected[name] = rng, words

        def problem(name: str, x: NDArray[Any]) -> str | None:
            return problem_of(generators[name], x) if name in generators else None

        for name, array in fitting(state, expected, type(self).__name__, problem).items():
            if name in tensors:
                tensors[name].data = array
            else:
                put_words(generators[name], array)

    def torch_names(self) -> TorchNames:
        """Return the names that the Tensors in this module have in PyTorch; see `TORCH`."""
        return self.TORCH

    def torch_path(self, path: str) -> str:
        """Return the path that a module in this one has in PyTorch."""
        return path

    # --- what it looks like --------------------------------------------------------------------

    def summary(self, *inputs: Any, **options: Any) -> Summary:
        """Run the module, and return what came out of every layer, as a table.

        It runs as in use, not in training, and so changes nothing: no running statistics, and no
        state of a random generator.

        Parameters
        ----------
        *inputs : anything
            What the module takes.
        **options : anything
            As well.

        Returns
        -------
        Summary
            A table, to be printed.

        Examples
        --------
        >>> import numpy as np
        >>> import tinygrad_edu as tg
        >>> network = tg.nn.Sequential(tg.nn.Conv2d(1, 4, 3), tg.nn.MaxPool(2), tg.nn.Flatten())
        >>> network.summary(np.ones((2, 1, 8, 8)))
        layer                        output        parameters
        Sequential                   (2, 36)               40
          layers.0: Conv2d(1, 4, 3)  (2, 4, 6, 6)          40
          layers.1: MaxPool(2)       (2, 4, 3, 3)
          layers.2: Flatten          (2, 36)
        40 parameters, 320 bytes
        """
        shapes: dict[Module, str] = {}

        def watch(module: Module, outputs: Any) -> None:
            shapes[module] = shape_of(outputs)

        modes = [(module, module.training) for _, module in self.named_modules()]
        token = _watcher.set(watch)
        try:
            with no_grad():
                self.eval()(*inputs, **options)
        finally:
            _watcher.reset(token)
            for module, mode in modes:
                module.training = mode
        paths = [path for path, _ in self.named_modules()]
        lines = [
            Line(
                sum(path != outer and path.startswith(outer and f"{outer}.") for outer in paths),
                module._described() if path else type(module).__name__,
                shapes.get(module, ""),
                sum(p.size for p in module.parameters()),
            )
            for path, module in self.named_modules()
        ]
        tensors = [t for _, t in self._named_tensors()]
        learned = sum(t.size for t in tensors if t.requires_grad)
        rest = sum(t.size for t in tensors if not t.requires_grad)
        return Summary(lines, learned, rest, sum(t.data.nbytes for t in tensors))

    def extra_repr(self) -> str:
        """Return the arguments of this module, for ``repr``, in place of its own Tensors."""
        return ""

    def __repr__(self) -> str:
        facts, leaves = self.extra_repr(), [*named_leaves(self._parts())]
        tensors = [(name, x) for name, x in leaves if isinstance(x, Tensor) and not facts]
        layers = [(name, x) for name, x in leaves if _is_layer(name, x)]
        if not layers:
            facts = facts or ", ".join(f"{name}: {x.shape}" for name, x in tensors)
            return f"{type(self).__name__}({facts})"
        lines = [f"{name}: {x.shape}" for name, x in tensors]
        lines += [f"{name}: {_shown(x)}" for name, x in layers]
        inner = "\n".join(lines).replace("\n", "\n  ")
        return f"{type(self).__name__}({facts}\n  {inner}\n)"


def _is_layer(path: str, x: Any) -> bool:
    """Whether it is a module, or a function in a list of such."""
    return isinstance(x, Module) or (callable(x) and "." in path)


def _shown(layer: Any) -> str:
    """A layer: a module, or the name of a function."""
    return repr(layer) if isinstance(layer, Module) else getattr(layer, "__name__", repr(layer))


def write_buffer(buffer: Tensor, value: Any) -> None:
    """Give a buffer a new value: the one place where a forward pass changes what a module keeps.

    Parameters
    ----------
    buffer : Tensor
        One of the `BUFFERS` of a module.
    value : ndarray
        Of its shape; computed from values, so that nothing is recorded.
    """
    buffer.data = value.astype(buffer.dtype, copy=False)


Child: TypeAlias = Tensor | Module | Random
"""What a module consists of."""

CHILDREN = (Tensor, Module, *RANDOM)
