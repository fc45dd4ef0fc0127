"""The settings under which operations run, local to the thread and to the async task."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextvars import ContextVar
from functools import wraps
from typing import Any, NamedTuple, NoReturn, ParamSpec, TypeVar

__all__ = ["Context", "current", "no_grad", "scope", "within"]

P = ParamSpec("P")
R = TypeVar("R")


class Context(NamedTuple):
    """The settings that an operation looks up when it is called."""

    recording: bool = True
    scope: tuple[str, ...] = ()
    nested: bool = False  # inside a function that a transform differentiates
    observer: Callable[[Any], None] | None = None  # called with every node that is recorded
    stand_in: Callable[[Any], Any] | None = None  # from a node to the one used instead
    assign: Callable[[Any, Any], None] | None = None  # takes note of new data of a node
    outer: Context | None = None  # the one to restore


_context = ContextVar("tinygrad_edu", default=Context())
current: Callable[[], Context] = _context.get


class within:  # noqa: N801 - used like a function, as no_grad and scope are
    """Change the context inside a ``with`` block, or inside a function decorated with it.

    What held before is kept in the context itself, and not here: one object may be entered many
    times, also in itself, and in several threads at once.
    """

    __slots__ = ("_changes",)

    def __init__(self, **changes: Any) -> None:
        self._changes = changes

    def __enter__(self) -> None:
        _context.set(self._changed(current()))

    def __exit__(self, *exception: object) -> None:
        _context.set(current().outer or Context())

    def _changed(self, context: Context) -> Context:
        return context._replace(**self._changes, outer=context)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Change the context whenever the function runs; of a generator, whenever it goes on."""
        import inspect  # noqa: PLC0415 - rarely needed, and slow to import

        if inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{type(self).__name__} cannot decorate {function.__name__}, an asynchronous "
                "generator; write a with block inside of it"
            )
        decorated: Callable[..., Any]
        if inspect.isgeneratorfunction(function):

            def decorated(*args: P.args, **kwargs: P.kwargs) -> Any:
                return self._resumed(function(*args, **kwargs))

        elif inspect.iscoroutinefunction(function):

            async def decorated(*args: P.args, **kwargs: P.kwargs) -> Any:
                with self:
                    return await function(*args, **kwargs)

        else:

            def decorated(*args: P.args, **kwargs: P.kwargs) -> Any:
                with self:
                    return function(*args, **kwargs)

        return wraps(function)(decorated)

    def _resumed(self, generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """A generator that runs in the changed context, and yields in that of its caller."""
        resume, sent = generator.send, None
        while True:
            try:
                with self:
                    value = resume(sent)
            except StopIteration as end:
                return end.value
            try:
                resume, sent = generator.send, (yield value)
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the generator's
                resume, sent = generator.throw, error


class _Uncalled(type):
    """The class of `no_grad` itself: in a ``with`` block it says that brackets are missing."""

    def __enter__(cls) -> NoReturn:
        raise TypeError(f"{cls.__name__} must be called: write `with tg.{cls.__name__}():`")

    def __exit__(cls, *exception: object) -> None: ...


class no_grad(within, metaclass=_Uncalled):  # noqa: N801 - as PyTorch's  # numpydoc ignore=PR02
    """Record nothing inside the ``with`` block; also a decorator, with brackets or without.

    A decorated function may be a generator or a coroutine. One object may be used many times.

    Parameters
    ----------
    function : callable, optional
        The function to decorate, where it is a decorator without brackets.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(3.0, requires_grad=True)
    >>> with tg.no_grad():
    ...     (x * x).requires_grad
    False
    >>> @tg.no_grad
    ... def square(x):
    ...     return x * x
    >>> square(x).requires_grad
    False
    """

    __slots__ = ()

    def __new__(cls, function: Any = None) -> Any:
        """Make one, or decorate a function."""
        made = super().__new__(cls)
        if function is None:
            return made
        if not callable(function):
            raise TypeError(f"no_grad takes no arguments, or a function; got {function!r}")
        no_grad.__init__(made)
        return made(function)

    def __init__(self, function: Any = None) -> None:  # noqa: ARG002 - __new__ has decorated it
        super().__init__(recording=False)


class scope(within):  # noqa: N801 - as no_grad
    """Group the nodes made inside the ``with`` block under a name; also a decorator. Scopes nest.

    Parameters
    ----------
    name : str
        The name of the group.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> with tg.scope("layer1"):
    ...     y = tg.Tensor(1.0, requires_grad=True) * 2.0
    >>> y.scope
    ('layer1',)
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def _changed(self, context: Context) -> Context:
        # Not by _replace, which is slow.
        recording, path, nested, observer, stand_in, assign, _ = context
        path = (*path, self._name)
        return Context(recording, path, nested, observer, stand_in, assign, context)
