"""A life with gradients, against a model: losses come and go, data change, gradients add up."""

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

import tinygrad_edu as tg

from .programs import programs


class Accumulation(RuleBasedStateMachine):
    """Three parameters, losses computed from them by random programs, and what `.grad` must be.

    The model knows nothing of graphs: a loss is the gradients that the complex step says it has,
    and which parameters have got new data since.
    """

    losses = Bundle("losses")

    def __init__(self):
        super().__init__()
        self.parameters = [
            # No two elements are equal: at a tie, the complex step of the model goes to one side.
            tg.Tensor(0.3 + k + np.arange(np.prod(shape)).reshape(shape) / 8, requires_grad=True)
            for k, shape in enumerate([(), (3,), (2, 1)])
        ]
        self.gradients = [None, None, None]
        self.updates = [0, 0, 0]

    @rule(target=losses, program=programs(max_steps=5))
    def compute(self, program):
        program = program._replace(inputs=tuple(p.data.copy() for p in self.parameters))
        loss = program.run(self.parameters)
        reached = reachable(loss)
        gradients = [
            g if id(p) in reached else None
            for p, g in zip(self.parameters, program.gradients(), strict=True)
        ]
        return loss, gradients, list(self.updates)

    def is_stale(self, gradients, updates):
        changed = (now != then for now, then in zip(self.updates, updates, strict=True))
        return any(g is not None and new for g, new in zip(gradients, changed, strict=True))

    @rule(loss=losses, create_graph=st.booleans())
    def backward(self, loss, create_graph):
        loss, gradients, updates = loss
        if not loss.requires_grad or self.is_stale(gradients, updates):
            with pytest.raises(RuntimeError):
                loss.backward(create_graph=create_graph)
            return
        loss.backward(create_graph=create_graph)
        for k, gradient in enumerate(gradients):
            if gradient is not None:
                before = self.gradients[k]
                self.gradients[k] = gradient if before is None else before + gradient

    @rule(loss=losses)
    def fail(self, loss):
        """Nothing of what fails on the way is left behind."""
        total = self.parameters[0].sum() + broken(loss[0]) + broken(self.parameters[1]).sum()
        with pytest.raises((RuntimeError, ZeroDivisionError)):
            total.backward()

    @rule(k=st.integers(0, 2), in_place=st.booleans())
    def update(self, k, in_place):
        p = self.parameters[k]
        if in_place:
            p.data -= 0.05
        else:
            p.data = p.data * 0.9
        self.updates[k] += 1

    @rule(k=st.integers(0, 2))
    def zero_grad(self, k):
        self.parameters[k].zero_grad()
        self.gradients[k] = None

    @rule(loss=consumes(losses))
    def forget(self, loss):
        pass

    @rule(program=programs(max_steps=3))
    def compute_unrecorded(self, program):
        with tg.no_grad():
            assert not program.run(self.parameters).requires_grad

    @invariant()
    def gradients_are_those_of_the_model(self):
        for p, expected in zip(self.parameters, self.gradients, strict=True):
            assert (p.grad is None) == (expected is None)
            if expected is not None:
                computed = p.grad.data if isinstance(p.grad, tg.Tensor) else p.grad
                assert computed.shape == p.shape
                np.testing.assert_allclose(computed, expected, rtol=1e-8, atol=1e-8)


@tg.differentiable
def broken(x):
    return x, lambda _: 1 / 0


def reachable(node):
    """The identities of a node and all that it was computed from."""
    found, pending = set(), [node]
    while pending:
        node = pending.pop()
        if id(node) not in found:
            found.add(id(node))
            pending += [x for x in node._inputs if isinstance(x, tg.Tensor)]
    return found


TestAccumulation = Accumulation.TestCase
TestAccumulation.settings = settings(stateful_step_count=20)
