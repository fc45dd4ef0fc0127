"""Random programs: whole graphs of expressions, with shared nodes, diamonds and dead branches.

A program is data. It runs on whatever NumPy's functions take: on arrays, on Tensors, and on
complex numbers, which give its derivative without any engine: for an analytic f the imaginary
part of f(x + ih) is h f'(x), exact for a tiny h, since nothing is subtracted.
"""

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

# Functions whose values stay small, however often they are nested.
OPERATIONS = {
    "a + b": (2, lambda a, b: a + b),
    "a - b": (2, lambda a, b: a - b),
    "a * cos(b)": (2, lambda a, b: a * np.cos(b)),
    "a / (2 + sin(b))": (2, lambda a, b: a / (2 + np.sin(b))),
    "-a": (1, lambda a: -a),
    "2 - a": (1, lambda a: 2 - a),
    "sin(a)": (1, np.sin),
    "tanh(a)": (1, np.tanh),
    "exp(-a**2)": (1, lambda a: np.exp(-(a**2))),
    "sum(a)": (1, lambda a: np.sum(a, axis=tuple(range(np.ndim(a)))[-1:], keepdims=True)),
    "mean(a)": (1, lambda a: np.mean(a, keepdims=True)),
    "prod(a)": (1, lambda a: np.prod(np.sin(a), axis=tuple(range(np.ndim(a)))[:1], keepdims=True)),
    "cumsum(a)": (1, lambda a: np.cumsum(a.reshape(-1)).reshape(a.shape)),
    "flip(a)": (1, np.flip),
}
KINKED = {
    "maximum(a, b)": (2, np.maximum),
    "where(a > 0, a, b)": (2, lambda a, b: np.where(a > 0, a, b)),
}


class Step(NamedTuple):
    """An operation on values computed before, told by their numbers."""

    operation: str
    at: tuple[int, ...]


class Program(NamedTuple):
    """Inputs, steps, and the numbers of the values whose sum is the result."""

    inputs: tuple[Any, ...]
    steps: tuple[Step, ...]
    results: tuple[int, ...]

    def run(self, inputs):
        """The result for other inputs."""
        values = list(inputs)
        for operation, at in self.steps:
            values.append((OPERATIONS | KINKED)[operation][1](*(values[i] for i in at)))
        total = np.sum(values[self.results[0]])
        for i in self.results[1:]:
            total = total + np.sum(values[i])
        return total

    def gradients(self):
        """The gradients of the inputs, by the complex step."""
        step = 1e-30
        found = []
        for k, x in enumerate(self.inputs):
            gradient = np.zeros(x.shape)
            for index in np.ndindex(x.shape):
                moved = [np.array(y, complex) for y in self.inputs]
                moved[k][index] += 1j * step
                gradient[index] = self.run(moved).imag / step
            found.append(gradient)
        return found


@st.composite
def programs(draw, smooth=False, max_steps=10):
    """Programs of up to so many steps, on inputs that broadcast against each other."""
    several = hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=2, max_side=3)
    shapes = draw(several).input_shapes
    inputs = tuple(
        np.array(draw(hnp.arrays(int, shape, elements=st.integers(-20, 20), unique=True)) / 10 + e)
        for shape, e in zip(shapes, (0.013, 0.0271, 0.0414), strict=True)  # no zeros, and no ties
    )
    operations = OPERATIONS if smooth else OPERATIONS | KINKED
    steps = []
    for n in range(len(inputs), len(inputs) + draw(st.integers(1, max_steps))):
        operation = draw(st.sampled_from(sorted(operations)))
        arity = operations[operation][0]
        # The youngest values are the most likely, so that programs become deep.
        back = st.integers(0, n - 1).map(lambda i, n=n: n - 1 - i)
        steps.append(Step(operation, tuple(draw(back) for _ in range(arity))))
    last = len(inputs) + len(steps) - 1
    more = draw(st.lists(st.integers(0, last), max_size=2))
    return Program(inputs, tuple(steps), (last, *more))
