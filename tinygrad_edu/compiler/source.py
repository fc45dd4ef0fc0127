"""Write the source of a function that repeats the calls on a tape.

A line for each value: short ones that are used once stand in the line that uses them, and what
nothing uses is left out. A large result is written into a buffer that is kept from call to call, or
over an operand that is not needed any more.
"""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Iterable
from types import BuiltinFunctionType, MethodDescriptorType
from typing import Any

import numpy as np

from tinygrad_edu.absorbing import has_nan
from tinygrad_edu.compiler.recording import Recording, StepRecording
from tinygrad_edu.compiler.rewriting import matrix_transposed, transposed
from tinygrad_edu.compiler.rolling import Repetition, repetitions
from tinygrad_edu.compiler.storage import LARGE, Place, Storage, is_view, nbytes, new_buffer
from tinygrad_edu.compiler.values import Value

__all__ = ["NotFiniteError", "Writer"]

INLINE = 34  # characters: a longer expression gets a line and a name of its own
SMALL = 8  # elements: a larger constant is not written out

OPERATORS: list[tuple[str, int, tuple[Any, ...]]] = [  # with their precedence
    ("==", 1, (np.equal,)),
    ("!=", 1, (np.not_equal,)),
    ("<", 1, (np.less,)),
    ("<=", 1, (np.less_equal,)),
    (">", 1, (np.greater,)),
    (">=", 1, (np.greater_equal,)),
    ("|", 2, (np.bitwise_or,)),
    ("&", 3, (np.bitwise_and,)),
    ("+", 4, (np.add, operator.add)),
    ("-", 4, (np.subtract, operator.sub)),
    ("*", 5, (np.multiply, operator.mul)),
    ("/", 5, (np.divide, operator.truediv)),
    ("@", 5, (np.matmul,)),
    ("**", 8, (operator.pow,)),
]
INFIX = {f: (symbol, precedence) for symbol, precedence, functions in OPERATORS for f in functions}
PREFIX: dict[Any, tuple[str, int]] = {
    np.negative: ("-", 6),
    operator.neg: ("-", 6),
    np.invert: ("~", 6),
}
ATOM = 9  # what needs no parentheses
VIEWS = {transposed: "T", matrix_transposed: "mT"}


WITH_NUMBERS = {
    *[np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum],
    *[np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal],
}
NUMBERS = {0.0: "zero", 1.0: "one", 2.0: "two", 0.5: "half"}


class Name(str):
    """The name of something in the source."""

    __slots__ = ()


class Writer:
    """Writes the lines of a function that computes what was recorded.

    Parameters
    ----------
    recording : Recording
        The tape, what is returned, and where results are written.
    name : str
        Of the function.
    """

    recording: Recording
    name: str
    values: list[Value]  # those that are needed
    names: dict[Value, str]
    letters: dict[Value, str]
    uses: Counter[Value]
    counts: Counter[str]  # of the names that begin with a letter
    inline: dict[Value, str]  # expressions without a name, written where they are used
    header: list[str]
    functions: list[str]  # lines of functions that the program calls
    lines: list[str]
    constants: dict[str, Any]  # objects that cannot be written out, by name
    rounds: dict[Value, Repetition]  # that are written as loops, by the first value in each
    repeated: set[Value]  # all values in loops
    numbers: dict[Any, Name]  # arrays of one number, by the number
    doubtful: list[Value]  # in which a nan would go unnoticed
    parts: set[Value]  # elements of tuples, with names of their own
    copied: set[Value]  # returned values that were copied before a step changes their memory
    views: set[str]  # names of views of what the program is given
    storage: Storage
    loss_is_array: bool  # or a scalar of NumPy's, and not a number of Python's
    checked: bool  # whether the check for finite numbers is written

    def __init__(self, recording: Recording, name: str) -> None:
        self.recording = recording
        self.name = name
        self.doubtful = doubtful(recording)
        self.values = self._needed()
        self.names = dict(recording.wanted_names)
        self.letters = recording.letters()
        self.uses = Counter(used for value in self.values for used in value.uses())
        self.uses.update(dict.fromkeys(self._kept(), 2))  # a value used twice gets a name
        self.counts = Counter()
        self.inline = {}
        self.header, self.functions = [], []
        self.lines = []
        self.constants = {}
        self.numbers, self.parts, self.views, self.copied = {}, set(), set(), set()
        self.checked = False
        self.loss_is_array = True
        self.storage = Storage(self.values, recording, [*recording.returned, *self.doubtful])
        self.rounds = self._repetitions()
        self.repeated = {value for x in self.rounds.values() for value in x.values}
        for repetition in self.rounds.values():
            self.uses.update({repetition.first[i]: 2 for i in repetition.carried()})
        self._write_program()

    def _write_program(self) -> None:
        for value in self.values:
            if value in self.rounds:
                self._write_repetition(self.rounds[value])
            elif value not in self.repeated:
                self._write_step(value)
        self._finish()

    def _repetitions(self) -> dict[Value, Repetition]:
        """What is written as a loop, by the first value in it; large results have their places."""
        found = repetitions(self.values, self._kept())
        return {x.body[0]: x for x in found if all(nbytes(value) < LARGE for value in x.first)}

    def _write_repetition(self, repetition: Repetition) -> None:
        """Write rounds of calls as a loop that changes what the round before it has computed."""
        first, body, last = repetition.first, repetition.body, repetition.last
        outside = {used for x in self.values if x not in self.repeated for used in x.uses()}.union(
            self._kept()
        )
        lines, self.lines = self.lines, []
        for i, value in enumerate(body):
            if i in repetition.carried():
                self.names[value] = self.names[first[i]]
            elif last[i] in outside:
                self._named(value)
            self._write(value)
        self.lines = [
            *lines,
            f"for _ in range({repetition.times}):",
            *(f"    {line}" for line in self.lines),
        ]
        for value, in_loop in zip(last, body, strict=True):
            if in_loop in self.names:
                self.names[value] = self.names[in_loop]
                self._store(value)

    def _write_step(self, value: Value) -> None:
        """Write what computes a value, and whatever must be written before and after it."""
        if self.storage.places.get(value) in self.recording.overwritten:
            self._write_check()
        self._write(value)
        self._store(value)

    def _expect_number(self) -> None:
        """The loss will be a number of Python's."""
        self.loss_is_array = False

    def _finish(self) -> None:
        self._write_check()
        self._write_changes()

    def _kept(self) -> list[Value]:
        """All that must be computed."""
        return [
            *self.recording.returned,
            *self.doubtful,
            *self.recording.stored,
            *self.recording.overwritten,
            *self.recording.overwritten.values(),
        ]

    def _needed(self) -> list[Value]:
        """The values that these are computed from, in order, and these."""
        needed = {*self._kept(), *self.recording.memory}
        for value in reversed(self.recording.tape.values):
            if value in needed:
                needed.update(value.uses())
        return [value for value in self.recording.tape.values if value in needed]

    def source(self) -> str:
        """The whole program."""
        inputs = [value.input or "" for value in self.inputs()]
        returned = [*map(self._returned, self.recording.returned)]
        if isinstance(self.recording, StepRecording) and self.loss_is_array:
            returned[0] += ".item()"
        body = [*self.lines, f"return {', '.join(returned)}".rstrip()]
        indented = (f"    {line}" for line in body)
        header = ["import numpy as np", *self._sorted_header(), *self.functions]
        return "\n".join([*header, "", "", f"def {self.name}({', '.join(inputs)}):", *indented])

    def _returned(self, value: Value) -> str:
        """What the caller gets, in memory that nobody else has."""
        kept = any(owner.function is None for owner in self.storage.owners[value])
        is_array = isinstance(value.example, np.ndarray)
        escapes = (
            kept and is_array and value in self.recording.escaping and value not in self.copied
        )
        return f"{self._operand(value)}.copy()" if escapes else self._text(value)

    def _sorted_header(self) -> list[str]:
        """Imports, then parameters, constants and memory, each in the order of their use."""
        parameters = self.views | {value.input for value in self.recording.bound}
        memory = {value.input for value in self.recording.memory} - parameters

        def section(line: str) -> int:
            name = line.split(" = ", maxsplit=1)[0]
            if line.startswith(("from ", "import ")):
                return 0
            if name in parameters:
                return 1
            return 3 if name in memory or "= np.empty(" in line else 2

        return sorted(self.header, key=section)

    def inputs(self) -> list[Value]:
        """What the program takes: of the settings of an optimizer, those that its rule uses."""
        settings = getattr(self.recording, "settings", ())
        unneeded = {*settings}.difference(self.values)
        return [value for value in self.recording.inputs if value not in unneeded]

    # --- lines ----------------------------------------------------------------------------

    def _write(self, value: Value) -> None:
        if value in self.recording.memory:
            self._write_memory(value)
        elif value in self.parts:
            pass  # it got its name with the others
        elif isinstance(value.example, tuple) and self._parts_of(value):
            self._write_several(value)
        elif is_view(value) and value.args[0] in self.recording.memory:
            self._write_ahead(value)
        elif value.input is not None:
            self.names[value] = value.input
        elif value.function is None:
            self._write_constant(value)
        elif value in self.recording.stored:
            self._write_gradient(value)
        elif place := self.storage.places.get(value):
            call = self._call_into(value, self._buffer(place))
            self.lines.append(f"{self._named(value)} = {call}")
        else:
            text = self._expression(value)
            if value not in self.names and self._goes_inline(value, text):
                self.inline[value] = text
            else:
                self.lines.append(f"{self._named(value)} = {text}")

    def _parts_of(self, value: Value) -> dict[int, Value]:
        """The elements of a tuple, if nothing else is used of it."""
        uses = [x for x in self.values if value in x.uses()]
        parts = {x.args[1]: x for x in uses if x.function is operator.getitem}
        return parts if len(parts) == len(uses) > 1 else {}

    def _write_several(self, value: Value) -> None:
        """Give names to the elements of a tuple."""
        parts = self._parts_of(value)
        self.parts.update(parts.values())
        names = [self._named(parts[i]) if i in parts else "_" for i in range(len(value.example))]
        self.lines.append(f"{', '.join(names)} = {self._expression(value)}")

    def _write_ahead(self, value: Value) -> None:
        """A view of a parameter is made once."""
        whole = self._text(value.args[0])
        suffix = "T" if value.function in VIEWS else "_view"
        name = self.names[value] = self.recording.unused(f"{whole}{suffix}")
        self.views.add(name)
        self.header.append(f"{name} = {self._expression(value)}")

    def _write_check(self) -> None:
        """Before anything is changed, make sure that it may be."""
        if self.checked:
            return
        self.checked = True
        recording = self.recording
        self._require_no_nan()
        if not recording.overwritten:
            return
        loss = recording.returned[0]
        for value in dict.fromkeys(recording.returned):
            is_number = value is loss and not self.loss_is_array
            if not is_number and not self.storage.owners[value].isdisjoint(recording.overwritten):
                name = self._unused("h")
                self.lines.append(f"{name} = {self._operand(value)}.copy()")  # from before the step
                self.inline.pop(value, None)
                self.names[value] = name
                self.copied.add(value)
        # Large parameters are changed in place: what is looked at are their gradients.
        checked = [x for x in recording.flat_gradients() if nbytes(x) >= LARGE]
        parameters = {*recording.parts.values()}
        for old, new in recording.overwritten.items():
            if old in parameters and nbytes(new) < LARGE:
                checked.append(new)
        function = self._imported(require_finite.__module__, require_finite.__name__)
        self.lines.append(f"{function}({', '.join(map(self._text, [loss, *checked]))})")

    def _require_no_nan(self) -> None:
        if self.doubtful:
            function = self._imported(require_no_nan.__module__, require_no_nan.__name__)
            self.lines.append(f"{function}({', '.join(map(self._text, self.doubtful))})")

    def _write_gradient(self, value: Value) -> None:
        """Compute a gradient where it belongs, in the memory of all gradients."""
        part = self.recording.stored[value][0]
        name = self.names[value] = self._buffer(part)
        if self.storage.places.get(value) is part:
            self.lines.append(self._call_into(value, name))
        else:
            self.lines.append(f"{name}[...] = {self._expression(value)}")

    def _store(self, value: Value) -> None:
        """Write a gradient to all other places where it belongs."""
        for part in self.recording.stored.get(value, ()):
            if self.names.get(value) != self._buffer(part):
                self.lines.append(f"{self._buffer(part)}[...] = {self._text(value)}")

    def _write_changes(self) -> None:
        """At the end, let the inputs that the step changes have their new values."""
        changes = {
            old: self._text(new)
            for old, new in self.recording.overwritten.items()
            if self.storage.places.get(new) is not old
        }
        for old, new in self.recording.overwritten.items():
            if not self.storage.owners[new].isdisjoint(self.recording.overwritten):
                copy = self._unused("u")
                self.lines.append(f"{copy} = {changes[old]}.copy()")  # of what is overwritten
                changes[old] = copy
        self.lines += [f"{self.names[old]}[...] = {new}" for old, new in changes.items()]

    def _goes_inline(self, value: Value, text: str) -> bool:
        if value.function in VIEWS:
            return True
        stays = not any(  # no buffer that it reads may be written to before
            nbytes(owner) >= LARGE for used in value.uses() for owner in self.storage.owners[used]
        )
        return self.uses[value] == 1 and stays and len(text) <= INLINE

    def _write_constant(self, value: Value) -> None:
        if type(value.example) in (int, float):
            self.inline[value] = repr(value.example)
            return
        array = np.asarray(value.example)
        name = self.names[value] = self.names.get(value) or self._unused("c")
        if 0 < array.size <= SMALL and np.isfinite(array).all():
            dtype = "" if array.dtype in (np.float64, np.int64, bool) else f", np.{array.dtype}"
            self.header.append(f"{name} = np.array({array.tolist()}{dtype})")
        else:
            self.constants[name] = array
            self.header.append(f"{name} = ...  # an array: {array.shape} {array.dtype}")

    def _write_memory(self, value: Value) -> None:
        whole = self.recording.parts.get(value)
        if whole is not None:
            self._write_memory(whole)
        if value not in self.names:
            self.names[value] = value.input or ""
            if whole in self.recording.bound:
                self.views.add(self.names[value])
            self.header.append(f"{value.input} = {self.recording.memory[value]}")

    def _named(self, value: Value) -> str:
        if value not in self.names:
            self.names[value] = self._unused(self.letters[value])
        return self.names[value]

    def _unused(self, letter: str) -> str:
        """The next name that begins with a letter."""
        self.counts[letter] += 1
        name = f"{letter}{self.counts[letter]}"
        return self._unused(letter) if name in self.recording.names else name

    def _buffer(self, place: Place) -> str:
        """The name of where a result goes."""
        if isinstance(place, Value):
            if place in self.recording.memory:
                self._write_memory(place)
            return self.names[place]
        name = self.recording.other_than_inputs(f"buffer{place}")
        line = f"{name} = {new_buffer(self.storage.kinds[place])}"
        if line not in self.header:
            self.header.append(line)
        return name

    # --- expressions ------------------------------------------------------------------------

    def _expression(self, value: Value) -> str:
        function, options = value.function, value.options
        args = self._with_numbers(value)
        if function in INFIX and len(args) == 2 and not options:
            symbol, precedence = INFIX[function]
            left = self._operand(args[0], precedence + (symbol == "**"))
            return f"{left} {symbol} {self._operand(args[1], precedence + 1)}"
        if function in PREFIX and not options:
            symbol, precedence = PREFIX[function]
            return f"{symbol}{self._operand(args[0], precedence)}"
        if function in VIEWS:
            return f"{self._operand(args[0])}.{VIEWS[function]}"
        if function is operator.getitem:
            return f"{self._operand(args[0])}[{self._index(args[1])}]"
        name, args = self._function(function, args)
        return f"{name}({self._arguments(args, options)})"

    def _with_numbers(self, value: Value) -> tuple[Any, ...]:
        """The arguments, with arrays in place of numbers beside small arrays.

        NumPy combines them twice as fast: 230 ns instead of 460.
        """
        arrays = [x for x in value.args if isinstance(x, Value)]
        if value.function not in WITH_NUMBERS or len(arrays) != 1 or value.options:
            return value.args
        array = arrays[0].example
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or array.ndim == 0:
            return value.args
        if array.nbytes >= LARGE:
            return value.args
        return tuple(
            self._number(x, array.dtype) if type(x) in (int, float) and math.isfinite(x) else x
            for x in value.args
        )

    def _number(self, x: float, dtype: np.dtype[Any]) -> Name:
        """The name of an array that holds a number."""
        key = float(x), math.copysign(1, x), dtype
        if key not in self.numbers:
            name = NUMBERS.get(key[0]) if x or key[1] > 0 else None
            name = self.recording.unused(name) if name else self._unused("c")
            self.numbers[key] = Name(name)
            as_type = "" if dtype == np.float64 else f", np.{dtype}"
            self.header.append(f"{name} = np.array({float(x)!r}{as_type})")
        return self.numbers[key]

    def _call_into(self, value: Value, out: str) -> str:
        """The call of a ufunc, or of ``dot``, with where the result goes."""
        if isinstance(value.function, np.ufunc):
            args = self._arguments(self._with_numbers(value), {})
            return f"{self._ufunc(value.function)}({args}, out={out})"
        left, right = value.args
        return f"{self._operand(left)}.dot({self._text(right)}, out={out})"

    def _function(self, function: Any, args: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
        """How a function is called, and what stands in its brackets."""
        name: str = function.__name__
        if isinstance(function, MethodDescriptorType):
            return f"{self._operand(args[0])}.{name}", args[1:]
        if isinstance(function, np.ufunc):
            return self._ufunc(function), args
        if isinstance(function, BuiltinFunctionType) and isinstance(function.__self__, np.ufunc):
            return f"np.{function.__self__.__name__}.{name}", args
        module = function.__module__
        if module.split(".")[0] == "numpy":
            return f"{module.replace('numpy', 'np', 1)}.{name}", args
        return self._imported(module, name), args

    def _ufunc(self, function: np.ufunc) -> str:
        """The name of a ufunc, of NumPy's or of someone else's."""
        known = getattr(np, function.__name__, None) is function
        return f"np.{function.__name__}" if known else self._object(function)

    def _imported(self, module: str, name: str) -> str:
        """The name of a function of another module."""
        alias = self.recording.other_than_inputs(name)
        line = f"from {module} import {name}" + (f" as {alias}" if alias != name else "")
        if line not in self.header:
            self.header.insert(0, line)
        return alias

    def _arguments(self, args: Iterable[Any], options: dict[str, Any]) -> str:
        named = [f"{name}={self._text(x)}" for name, x in options.items()]
        return ", ".join([*map(self._text, args), *named])

    def _operand(self, x: Any, precedence: int = ATOM) -> str:
        """An argument beside an operator, in parentheses if it has a lower precedence."""
        text = self._text(x)
        return f"({text})" if self._precedence(x, text) < precedence else text

    def _precedence(self, x: Any, text: str) -> int:
        if isinstance(x, Value) and x in self.inline and not x.options:
            _, precedence = INFIX.get(x.function) or PREFIX.get(x.function) or ("", ATOM)
            return precedence
        return 6 if text.startswith("-") else ATOM

    def _text(self, x: Any) -> str:
        if isinstance(x, Name | Value):
            return x if isinstance(x, Name) else self.inline.get(x) or self.names[x]
        if isinstance(x, tuple | list):
            parts = ", ".join(map(self._text, x))
            return f"[{parts}]" if isinstance(x, list) else f"({parts}{',' * (len(x) == 1)})"
        if isinstance(x, np.dtype):
            return f"np.{x}"
        if isinstance(x, float) and not math.isfinite(x):
            return "-np.inf" if x < 0 else f"np.{x}"
        if isinstance(x, type) and issubclass(x, np.generic):
            return f"np.{x.__name__}"
        literal = x is None or isinstance(x, bool | int | float | complex | str | slice)
        return "..." if x is Ellipsis else repr(x) if literal else self._object(x)

    def _object(self, x: Any) -> str:
        """The name of something that cannot be written out."""
        for name, known in self.constants.items():
            if known is x:
                return name
        name = self._unused("c")
        self.constants[name] = x
        self.header.append(f"{name} = ...  # {x!r}")
        return name

    def _index(self, index: Any) -> str:
        if isinstance(index, tuple) and index:
            return ", ".join(map(self._index, index))
        if isinstance(index, slice):
            bounds = ["" if x is None else self._text(x) for x in (index.start, index.stop)]
            return ":".join([*bounds, *([] if index.step is None else [self._text(index.step)])])
        return self._text(index)


# --- what is not finite --------------------------------------------------------------------------


class NotFiniteError(FloatingPointError):
    """A program came upon a number that is not finite, before it had changed anything."""


def require_finite(loss: Any, *gradients: Any) -> None:
    """Raise if the loss or a gradient is not finite."""
    if math.isfinite(loss) and all(math.isfinite(g.dot(g)) for g in gradients):
        return
    if not all(np.isfinite(x).all() for x in (loss, *gradients)):  # g.dot(g) may overflow
        raise NotFiniteError("the loss or a gradient is not finite")


def require_no_nan(*arrays: Any) -> None:
    """Raise if there is a nan that may be due to what the program leaves out."""
    if any(map(has_nan, arrays)):
        raise NotFiniteError("a nan came up")


# Functions from floating-point numbers to such in whose results a nan need not show.
HIDES_NAN: set[Any] = {
    *[np.fmax, np.fmin, np.hypot, np.nan_to_num, np.fmax.reduce, np.fmin.reduce],
    *[np.nansum, np.nanprod, np.nanmean, np.nanmax, np.nanmin, np.nanstd, np.nanvar],
    *[np.nanmedian, np.nanquantile, np.nanpercentile, np.nancumsum, np.nancumprod],
}


def doubtful(recording: Recording) -> list[Value]:
    """Values that may have a nan where the function itself would not, and nobody would notice.

    They are handed to something that makes a number or a truth of a nan, as a comparison does, or
    to the caller. What is not chosen, by ``where`` or an index, does not matter.
    """
    returned = [] if isinstance(recording, StepRecording) else recording.returned
    hidden = [
        used
        for value in recording.tape.values
        if value.function in HIDES_NAN or not _are_floats(value.example)
        for used in value.uses()
    ]
    found = (x for x in (*hidden, *returned) if x.is_fragile)
    return [x for x in dict.fromkeys(found) if _are_floats(x.example)]


def _are_floats(x: Any) -> bool:
    """Whether something is an array or a scalar of floating-point numbers, or several of them."""
    if isinstance(x, tuple):
        return all(map(_are_floats, x))
    return getattr(x, "dtype", None) in FLOATS


FLOATS = [np.dtype(kind) for kind in (np.float16, np.float32, np.float64, np.longdouble)]
