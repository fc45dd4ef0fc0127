"""The same step with other libraries, as their documentation writes it.

Each function imports the library that it is about; where it is not installed, that is found out
before anything else is done.
"""

# ruff: noqa: PLC0415 - see above

from functools import partial

import numpy as np

from .workloads import LENGTH, SCALE, SHIFT, chain


def with_pytorch(problem):
    import torch
    from torch.nn import functional

    parameters = [torch.tensor(p, requires_grad=True) for p in problem.parameters]
    batches = problem.endless(torch.tensor)
    weights, biases = parameters[::2], parameters[1::2]
    optimizer = torch.optim.SGD(parameters, lr=problem.rate, momentum=problem.momentum)
    cross_entropy = {
        "sigmoid": functional.binary_cross_entropy_with_logits,
        "softmax": functional.cross_entropy,
    }.get(problem.loss)

    def loss_of(x, y):
        for W, b in zip(weights[:-1], biases[:-1], strict=True):
            x = getattr(torch, problem.hidden)(x @ W + b)
        loss = cross_entropy(x @ weights[-1] + biases[-1], y)
        if problem.penalty:
            loss = loss + problem.penalty / 2 * sum((W * W).sum() for W in weights)
        return loss

    if problem.loss == "chain":
        loss_of = partial(chain, *parameters)

    def step():
        loss = loss_of(*next(batches))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def with_jax(problem):
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    bend = {"sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "relu": jax.nn.relu}.get(problem.hidden)

    def loss_of(parameters, x, y):
        weights, biases = parameters[::2], parameters[1::2]
        for W, b in zip(weights[:-1], biases[:-1], strict=True):
            x = bend(x @ W + b)
        z = x @ weights[-1] + biases[-1]
        if problem.loss == "softmax":
            chosen = jnp.take_along_axis(jax.nn.log_softmax(z), y[:, np.newaxis], axis=1)
            loss = -chosen.mean()
        else:
            loss = (jax.nn.softplus(z) - y * z).mean()
        return loss + problem.penalty / 2 * sum((W * W).sum() for W in weights)

    def loss_of_chain(parameters):
        return jax.lax.fori_loop(0, LENGTH, lambda _, x: x * SCALE + SHIFT, *parameters).sum()

    differentiated = jax.value_and_grad(loss_of_chain if problem.loss == "chain" else loss_of)

    @partial(jax.jit, donate_argnums=(0, 1))
    def train(parameters, velocities, *batch):
        loss, gradients = differentiated(parameters, *batch)
        if problem.momentum:
            gradients = velocities = [
                problem.momentum * v + g for v, g in zip(velocities, gradients, strict=True)
            ]
        changed = [p - problem.rate * g for p, g in zip(parameters, gradients, strict=True)]
        return loss, changed, velocities

    parameters = [jnp.array(p) for p in problem.parameters]
    velocities = [jnp.zeros_like(p) for p in parameters] if problem.momentum else []
    batches = problem.endless(jnp.array)

    def step():
        nonlocal parameters, velocities
        loss, parameters, velocities = train(parameters, velocities, *next(batches))
        return float(loss)

    return step


def with_mygrad(problem):
    import mygrad
    from mygrad.nnet import activations
    from mygrad.nnet.losses import softmax_crossentropy

    mygrad.turn_memory_guarding_off()  # its documentation says that this is the faster way
    parameters = [mygrad.tensor(p) for p in problem.parameters]
    weights, biases = parameters[::2], parameters[1::2]

    def loss_of(x, y):
        for W, b in zip(weights[:-1], biases[:-1], strict=True):
            x = getattr(activations, problem.hidden)(mygrad.matmul(x, W) + b)
        z = mygrad.matmul(x, weights[-1]) + biases[-1]
        if problem.loss == "softmax":
            loss = softmax_crossentropy(z, y)
        else:
            loss = mygrad.mean(mygrad.logaddexp(0, z) - y * z)
        if problem.penalty:
            loss = loss + problem.penalty / 2 * sum((W * W).sum() for W in weights)
        return loss

    if problem.loss == "chain":
        loss_of = partial(chain, *parameters)
    velocities, batches = [np.zeros_like(p) for p in problem.parameters], problem.endless()

    def step():
        loss = loss_of(*next(batches))
        loss.backward()
        descend(problem, [p.data for p in parameters], velocities, [p.grad for p in parameters])
        return loss.item()

    return step


def with_autograd(problem):
    import autograd
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    bend = {
        "sigmoid": lambda z: 1 / (1 + anp.exp(-z)),
        "tanh": anp.tanh,
        "relu": lambda z: anp.maximum(z, 0),
    }.get(problem.hidden)

    def loss_of(parameters, x, y):
        weights, biases = parameters[::2], parameters[1::2]
        for W, b in zip(weights[:-1], biases[:-1], strict=True):
            x = bend(anp.dot(x, W) + b)
        z = anp.dot(x, weights[-1]) + biases[-1]
        if problem.loss == "softmax":
            loss = anp.mean(logsumexp(z, axis=1) - z[anp.arange(len(z)), y])
        else:
            loss = anp.mean(anp.logaddexp(0, z) - y * z)
        if problem.penalty:
            loss = loss + problem.penalty / 2 * sum(anp.sum(W * W) for W in weights)
        return loss

    if problem.loss == "chain":

        def loss_of(parameters):
            return chain(*parameters)

    differentiated = autograd.value_and_grad(loss_of)
    parameters = problem.parameters
    velocities, batches = [np.zeros_like(p) for p in parameters], problem.endless()

    def step():
        loss, gradients = differentiated(parameters, *next(batches))
        descend(problem, parameters, velocities, gradients)
        return float(loss)

    return step


def descend(problem, parameters, velocities, gradients):
    """The update, for libraries that leave it to their users."""
    if problem.momentum:
        for v, g in zip(velocities, gradients, strict=True):
            v *= problem.momentum
            v += g
        gradients = velocities
    for p, g in zip(parameters, gradients, strict=True):
        p -= problem.rate * g


PEERS = {
    "PyTorch": with_pytorch,
    "JAX": with_jax,
    "MyGrad": with_mygrad,
    "HIPS autograd": with_autograd,
}
PACKAGES = {"PyTorch": "torch", "JAX": "jax", "MyGrad": "mygrad", "HIPS autograd": "autograd"}
