"""
Watching backpropagation
========================

``tg.explore`` writes a page on which a computation can be followed step by step: forward node by
node, then backward edge by edge, with the formulas, the numbers and the shapes. The page is one
file. Open it in any browser; it needs no network. Step with the arrow keys, play with the space
bar, and click on what you want to see.

Run it with ``python examples/watch_backprop.py [--output folder]``.
"""

import argparse
from pathlib import Path

import numpy as np

import tinygrad_edu as tg

parser = argparse.ArgumentParser(description="Write pages on which backpropagation can be watched.")
parser.add_argument("--output", type=Path, default="output/watch_backprop", help="a folder")
parser.add_argument("--quick", action="store_true", help="changes nothing, this is quick")
output = parser.parse_args().output
output.mkdir(parents=True, exist_ok=True)

# %%
# One neuron
# ----------
# Of a function the page also shows the lines of the program, and the names of its variables.


def neuron(x, w, b):
    """Measure how far one neuron is from the answer 1."""
    y = tg.tanh(x @ w + b)
    return (y - 1.0) ** 2


x = tg.Tensor([1.5, -0.5], name="x")  # given, so without a gradient; the arrays are to be learned
tg.explore(neuron, x, np.array([0.8, 0.4]), -0.2, path=output / "neuron.html")

# %%
# A network that learns XOR
# -------------------------
# Here matrices are multiplied and biases broadcast. Look for the transposes, and for the axis that
# the gradient of a bias is summed over.

rng = np.random.default_rng(seed=0)
points = tg.Tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], name="points")
answers = np.array([[0.0], [1.0], [1.0], [0.0]])


def network(x, W1, b1, W2, b2):
    """One step of training: the mean squared error of a network with three hidden units."""
    with tg.scope("hidden layer"):
        h = tg.tanh(x @ W1 + b1)
    with tg.scope("output layer"):
        y = tg.sigmoid(h @ W2 + b2)
    error = y - answers
    return (error * error).mean()


parameters = rng.normal(size=(2, 3)), np.zeros(3), rng.normal(size=(3, 1)), np.zeros(1)
tg.explore(network, points, *parameters, path=output / "network.html")

for page in ("neuron.html", "network.html"):
    print(f"wrote {output / page}; open it in a browser")

# sphinx_gallery_thumbnail_path = "images/explorer.png"
