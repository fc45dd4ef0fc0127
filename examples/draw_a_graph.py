"""
Drawing graphs
==============

Any computation on Tensors can be drawn: one neuron with all its numbers, a deep network with its
layers folded, and a network in which the gradient vanishes on its way back.

Run it with ``python examples/draw_a_graph.py [--output folder]``.
"""

import argparse
from pathlib import Path

import numpy as np

import tinygrad_edu as tg

parser = argparse.ArgumentParser(description="Draw some graphs.")
parser.add_argument("--output", type=Path, default="output/draw_a_graph", help="a folder")
parser.add_argument("--quick", action="store_true", help="changes nothing, this is quick")
output = parser.parse_args().output
output.mkdir(parents=True, exist_ok=True)


def save(graph, name):
    """Write a picture as SVG, for pages, and as PNG."""
    for kind in ("svg", "png"):
        (output / f"{name}.{kind}").write_bytes(graph.pipe(kind))
    print(f"wrote {name}.svg and {name}.png to {output}")


# %%
# One neuron
# ----------
# Each card is a Tensor: its name, its shape, its value, and the operation that made it. Names come
# from the Tensors themselves or, with ``locals()``, from the variables. Before ``backward()`` no
# gradient is known, and it is shown as "-".

x = tg.Tensor([1.5, -0.5])
w = tg.Tensor([0.8, 0.4], requires_grad=True)
b = tg.Tensor(-0.2, requires_grad=True)
y = tg.tanh(x @ w + b)
loss = (y - 1.0) ** 2
save(tg.draw_graph(loss, locals()), "before_backward")

# %%
# After ``backward()`` every card has its gradient, those in the middle too.

loss.backward()
save(tg.draw_graph(loss, locals()), "neuron")

# %%
# Layers
# ------
# What is computed inside ``with tg.scope(name)`` is drawn in a frame of that name. Large arrays are
# shown by the distribution of their numbers.

rng = np.random.default_rng(seed=0)


def layer(name, h, n_out):
    """One layer of a network, in a scope of its own."""
    with tg.scope(name):
        W = tg.Tensor(
            rng.normal(0, 0.4, (h.shape[1], n_out)), requires_grad=True, name=f"W of {name}"
        )
        return tg.sigmoid(h @ W)


def network(depth):
    """A network of some layers on twenty samples, after its backward pass."""
    h = tg.Tensor(rng.normal(size=(20, 4)), name="x")
    for i in range(1, depth + 1):
        h = layer(f"layer {i}", h, 6)
    loss = h.mean()
    loss.backward()
    return loss


save(tg.draw_graph(network(2), direction="TB"), "layers")

# %%
# With ``depth=0`` each outermost scope is folded into one card, which says what is inside.

save(tg.draw_graph(network(4), depth=0), "folded")

# %%
# Where the gradient gets lost
# ----------------------------
# ``color_by="grad"`` draws each edge as thick and as bright as the gradient that flows back over
# it. In a chain of sigmoids it is gone before it reaches the first layer.

save(tg.draw_graph(network(6), color_by="grad", depth=0, direction="TB"), "vanishing_gradient")

# sphinx_gallery_thumbnail_number = 3
