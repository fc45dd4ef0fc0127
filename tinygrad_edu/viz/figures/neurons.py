"""Figures of a network, and of each of its neurons, as functions on the plane."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tinygrad_edu import ops
from tinygrad_edu.context import no_grad
from tinygrad_edu.nn.containers import Sequential
from tinygrad_edu.nn.layers import Linear
from tinygrad_edu.nn.module import Module
from tinygrad_edu.viz.arrays import Array, array_of
from tinygrad_edu.viz.figures.axes import Grid, new_axes
from tinygrad_edu.viz.figures.plane import (
    Plane,
    draw_boundary,
    draw_image,
    points_and_labels,
    probability,
    scatter,
)

__all__ = ["in_use", "layer_inputs", "linear_layers", "neuron_boundaries", "neuron_images"]


@contextmanager
def in_use(f: Any) -> Iterator[None]:
    """Record nothing, and let a network behave as in use; then again as before."""
    before = {m: m.training for _, m in f.named_modules()} if isinstance(f, Module) else {}
    try:
        for module in before:
            module.training = False
        with no_grad():
            yield
    finally:
        for module, training in before.items():
            module.training = training


def linear_layers(network: Sequential) -> list[Linear]:
    """The linear layers of a network, of which there must be one."""
    if not isinstance(network, Sequential):
        raise TypeError(
            f"network must be a Sequential, as an MLP is one; got {type(network).__name__}"
        )
    layers = [layer for layer in network if isinstance(layer, Linear)]
    if not layers:
        raise ValueError(f"the network has no linear layer of its own; it has {list(network)}")
    return layers


def layer_inputs(network: Sequential, x: Any) -> list[Array]:
    """What every linear layer of a network computes, before its activation.

    Parameters
    ----------
    network : Sequential
        An `MLP`, or linear layers and functions.
    x : array_like
        Samples of shape (n, inputs).

    Returns
    -------
    list of ndarray
        For each linear layer an array of shape (n, units); that of the output comes last.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.viz.figures.neurons import layer_inputs
    >>> network = tg.nn.MLP([2, 4, 3, 1], rng=0)
    >>> [z.shape for z in layer_inputs(network, [[0.0, 1.0]])]
    [(1, 4), (1, 3), (1, 1)]
    """
    linear_layers(network)
    found: list[Array] = []
    with in_use(network):
        for layer in network:
            if isinstance(layer, Linear):
                z = ops.linear(x, layer.W, layer.b)
                found.append(array_of(z))
                x = layer.activation(z)
            else:
                x = layer(x)
    return found


def neuron_boundaries(
    network: Sequential, X: Any, y: Any, axes: Any = None, *, resolution: int = 150
) -> Grid:
    """Draw the decision boundary of the output, and of every hidden neuron.

    The output is shown as a probability. A hidden neuron divides the plane into where its input
    is above zero (blue) and where it is not (red).

    Parameters
    ----------
    network : Sequential
        An `MLP` with two inputs, and one output or two.
    X : array_like
        The data, of shape (n, 2).
    y : array_like
        Their labels, of shape (n,).
    axes : array of Axes, optional
        Where to draw, one for the output and one for each hidden neuron; on a new figure if there
        are none.
    resolution : int, optional
        The number of points along each side at which the network is evaluated.

    Returns
    -------
    array of Axes
        In one row: the output, then the neurons of the first hidden layer, and so on.

    Raises
    ------
    ValueError
        If the network has more than two outputs, or other inputs than two.
    TypeError
        If it is no Sequential.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import viz
    >>> X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    >>> axes = viz.neuron_boundaries(tg.nn.MLP([2, 3, 1], rng=0), X, y)
    >>> [ax.get_title() for ax in axes.flat]
    ['output', 'layer 1, neuron 1', 'layer 1, neuron 2', 'layer 1, neuron 3']
    """
    X, y = points_and_labels(X, y)
    plane = Plane(X, resolution)
    images = neuron_images(network, plane)
    grid = new_axes(axes, 1, len(images), (2.1, 2.2), sharex=True, sharey=True)
    for ax, (title, image) in zip(grid.flat, images.items(), strict=True):
        draw_image(ax, image, plane)
        draw_boundary(ax, image - 0.5, plane)
        scatter(ax, X, y, 9.0)
        ax.set(title=title, xticks=[], yticks=[])
    return grid


def neuron_images(network: Sequential, plane: Plane) -> dict[str, Array]:
    """The picture of each neuron on the plane: the output's probability, the hidden ones' sign."""
    linear = linear_layers(network)
    inputs, outputs = linear[0].W.shape[0], linear[-1].W.shape[1]
    if inputs != 2 or outputs > 2:
        raise ValueError(
            "a network on the plane must have two inputs, and one output or two; this one has "
            f"{inputs} and {outputs}"
        )
    *hidden, output = layer_inputs(network, plane.points)
    z = output[:, 0] if output.shape[1] == 1 else output[:, 1] - output[:, 0]
    images = {"output": plane.image(probability(z))}
    for i, layer in enumerate(hidden, start=1):
        for j, z in enumerate(layer.T, start=1):
            images[f"layer {i}, neuron {j}"] = plane.image((z > 0).astype(float))
    return images
