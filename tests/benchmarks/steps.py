"""A step of training - forward, loss, backward, update - written by hand, and in our ways.

This is the one place where the steps are written that the tests check and time, and that the
documentation shows. A way to write them is a function that takes a problem, and returns a function
that takes a step each time it is called, and returns the loss before it; or several steps, and
returns an array of losses.
"""

from functools import partial

import numpy as np

import tinygrad_edu as tg

from .workloads import LENGTH, SCALE, chain

BENDS = {  # of z; and its slope, in terms of its value
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda h: h * (1 - h)),
    "tanh": (np.tanh, lambda h: 1 - h * h),
    "relu": (lambda z: np.maximum(z, 0), lambda h: h > 0),
}


def by_hand(problem):
    """The step as one would write it without a library."""
    if problem.loss == "chain":
        return chain_by_hand(problem)
    parameters, batches = problem.parameters, problem.endless()
    weights, biases = parameters[::2], parameters[1::2]
    velocities = [np.zeros_like(p) for p in parameters]
    bend, slope = BENDS[problem.hidden]
    last = len(weights) - 1

    def step():
        x, y = next(batches)
        n = len(x)
        h = [x]
        for i in range(last):
            h.append(bend(h[i].dot(weights[i]) + biases[i]))
        z = h[last].dot(weights[last]) + biases[last]
        if problem.loss == "softmax":
            z = z - z.max(axis=1, keepdims=True)
            e = np.exp(z)
            total = e.sum(axis=1, keepdims=True)
            loss = np.mean(np.log(total[:, 0]) - z[np.arange(n), y])
            delta = e / total
            delta[np.arange(n), y] -= 1
        else:
            loss = np.mean(np.logaddexp(0, z) - y * z)
            delta = 1 / (1 + np.exp(-z)) - y
        delta /= n
        if problem.penalty:
            loss += problem.penalty / 2 * sum((W * W).sum() for W in weights)
        gradients = [None] * len(parameters)
        for i in reversed(range(last + 1)):
            gradients[2 * i] = h[i].T.dot(delta)
            gradients[2 * i + 1] = delta.sum(axis=0)
            if problem.penalty:
                gradients[2 * i] += problem.penalty * weights[i]
            if i:
                delta = delta.dot(weights[i].T) * slope(h[i])
        if problem.momentum:
            for v, g in zip(velocities, gradients, strict=True):
                v *= problem.momentum
                v += g
            gradients = velocities
        for p, g in zip(parameters, gradients, strict=True):
            p -= problem.rate * g
        return float(loss)

    return step


def chain_by_hand(problem):
    """The step of the long chain of operations."""
    (x,) = problem.parameters

    def step():
        loss = chain(x)
        slope = np.ones_like(x)
        for _ in range(LENGTH):
            slope = slope * SCALE
        x[...] = x - problem.rate * slope
        return float(loss)

    return step


def cross_entropy_of(problem):
    return getattr(tg, f"{problem.loss}_cross_entropy")


def in_expressions(problem):
    """The step as expressions on Tensors, with an update of each parameter."""
    parameters = [tg.Tensor(p, requires_grad=True) for p in problem.parameters]
    velocities = [np.zeros_like(p) for p in problem.parameters]
    loss_of, batches = loss_in_expressions(problem, parameters), problem.endless()

    def step():
        loss = loss_of(*next(batches))
        loss.backward()
        for p, v in zip(parameters, velocities, strict=True):
            if problem.momentum:
                v *= problem.momentum
                v += p.grad
                p.data -= problem.rate * v
            else:
                p.data -= problem.rate * p.grad
            p.zero_grad()
        return loss.item()

    return step


def loss_in_expressions(problem, parameters):
    """The loss of a batch."""
    if problem.loss == "chain":
        return partial(chain, *parameters)
    weights = parameters[::2]
    *layers, (W_last, b_last) = zip(weights, parameters[1::2], strict=True)
    bend, cross_entropy = getattr(tg, problem.hidden), cross_entropy_of(problem)

    def loss_of(x, y):
        for W, b in layers:
            x = bend(x @ W + b)
        loss = cross_entropy(x @ W_last + b_last, y)
        if problem.penalty:
            loss = loss + problem.penalty / 2 * sum((W * W).sum() for W in weights)
        return loss

    return loss_of


def loss_and_optimizer(problem):
    """The loss of a batch through a network of tg.nn, and an optimizer."""
    if problem.loss == "chain":
        x = tg.Tensor(*problem.parameters, requires_grad=True)
        return partial(chain, x), tg.optim.SGD([x], lr=problem.rate)
    sizes = [*map(len, problem.parameters[::2]), len(problem.parameters[-1])]
    dtype = problem.parameters[0].dtype
    network = tg.nn.MLP(sizes, problem.hidden, init="zeros", dtype=dtype)
    parameters = network.parameters()
    for tensor, p in zip(parameters, problem.parameters, strict=True):
        tensor.data = p
    cross_entropy, penalty = cross_entropy_of(problem), problem.penalty

    def loss_of(x, y):
        loss = cross_entropy(network(x), y)
        if penalty:
            loss = loss + penalty / 2 * sum((W * W).sum() for W in parameters[::2])
        return loss

    return loss_of, tg.optim.SGD(parameters, lr=problem.rate, momentum=problem.momentum)


def with_nn_and_optim(problem):
    """The step with a network of tg.nn and an optimizer of tg.optim."""
    loss_of, optimizer = loss_and_optimizer(problem)
    batches = problem.endless()

    def step():
        loss = loss_of(*next(batches))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def compiled(problem, backend="numpy"):
    """The same, compiled."""
    step = tg.compile(*loss_and_optimizer(problem), backend=backend)
    batches = problem.endless()
    return lambda: step(*next(batches))


class DoesNotApplyError(Exception):
    """This workload is not for this way; the message says why."""


def require_numba(problem):
    """Raise before any work is done if numba is not there, or this is not for it."""
    import numba  # noqa: F401, PLC0415

    if problem.loss == "chain":
        raise DoesNotApplyError("numba takes too long to compile a program of 20,000 operations")


def with_numba(problem):
    """The same, compiled by numba."""
    require_numba(problem)
    return compiled(problem, "numba")


def in_epochs(problem):
    """The same, with the loop over the batches compiled, too: many steps in a call."""
    require_numba(problem)
    step = tg.compile(*loss_and_optimizer(problem), backend="numba")
    x, y = (np.concatenate(arrays) for arrays in zip(*problem.batches, strict=True))
    batch_size = len(problem.batches[0][0])
    work = batch_size * sum(p.size for p in problem.parameters)
    times = max(1, min(1000, 2**18 // work) // len(problem.batches))  # about a millisecond
    x, y = (np.concatenate([array] * times) for array in (x, y))
    return lambda: step.epoch(x, y, batch_size=batch_size)


WAYS = {
    "NumPy": by_hand,
    "expressions": in_expressions,
    "nn and optim": with_nn_and_optim,
    "compiled": compiled,
    "numba": with_numba,
    "numba, in epochs": in_epochs,
}


def losses_of(steps):
    """The losses of a way, one after the other."""
    while True:
        yield from np.atleast_1d(steps()).tolist()
