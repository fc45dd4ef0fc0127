"""
From scalars to arrays
======================

The demo of Karpathy's micrograd separates two moons with a network in which every number is a node
of the graph. Here is the same network twice: first of scalars, as there, then of arrays. Both have
the same losses, to the last digits. What differs is how many nodes there are, how long a step takes
and what one sees when it is drawn.

Run it with ``python examples/micrograd.py [--quick]``.
"""

import gc
import random
import time
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from _studies import Stack, conclude, options, print_table, save, save_numbers, spread
from sklearn.datasets import make_moons
from tqdm import trange

import tinygrad_edu as tg
from tinygrad_edu import nn, viz

chosen = options("micrograd")
STEPS = 100
SCALAR_STEPS = 3 if chosen.quick else STEPS
SEEDS = 10 if chosen.quick else 200

# %%
# The points, and the weights of the demo
# ---------------------------------------
# Two inputs, two hidden layers of 16 ReLU units, one score: 337 weights and biases. They are drawn
# by Python's generator in the order and from the seed of the demo, so that its losses are ours.

X, labels = make_moons(100, noise=0.1, random_state=1337)
y = 2.0 * labels - 1  # -1 and 1
SIZES = [2, 16, 16, 1]
draw = random.Random(1337)  # noqa: S311 - the generator of the demo, and no secret
WEIGHTS = [
    np.array([[draw.uniform(-1, 1) for _ in range(n)] for _ in range(units)])
    for n, units in pairwise(SIZES)
]


def learning_rate(step):
    """From 1 down to 0.1."""
    return 1 - 0.9 * step / STEPS


# %%
# With scalars
# ------------
# A neuron is a list of weights and a bias. There is nothing here but numbers, +, * and ReLU.

layers = [
    [([tg.Tensor(w, True) for w in unit], tg.Tensor(0.0, True)) for unit in W] for W in WEIGHTS
]
scalars = [p for layer in layers for weights, bias in layer for p in (*weights, bias)]


def neuron(x, weights, bias):
    """A weighted sum of numbers."""
    for w, number in zip(weights, x, strict=True):
        bias = bias + w * number
    return bias


def score_of(x):
    """The output of the network for one point: positive for the moon of the label 1."""
    for i, layer in enumerate(layers, start=1):
        units = []
        with tg.scope(f"layer {i}"):
            for j, unit in enumerate(layer, start=1):
                with tg.scope(f"unit {j}"):
                    z = neuron(x, *unit)
                    units.append(tg.relu(z) if i < len(layers) else z)
        x = units
    return x[0]


def scalar_loss():
    """The hinge loss, with a small penalty on the weights: 65,000 operations."""
    hinges = [tg.relu(1 - label * score_of(x)) for x, label in zip(X.tolist(), y, strict=True)]
    return sum(hinges) * (1 / len(hinges)) + 1e-4 * sum(p * p for p in scalars)


# %%
# The graph of a single point, with a card for each unit: the network as textbooks draw it. The loss
# of 100 points has 100 of these. Below it is one unit of the first layer, from the inside.


def write(graph, name):
    """Write a graph as SVG, for pages, and as PNG."""
    for kind in ("svg", "png"):
        (chosen.output / f"{name}.{kind}").write_bytes(graph.pipe(kind))


hinge = tg.relu(1 - y[0] * score_of(X[0].tolist()))
hinge.backward()
write(tg.draw_graph(hinge, {"hinge": hinge}, depth=1, constants=False, legend=False), "scalars")
(w1, w2), b = layers[0][1]
unit = tg.relu(neuron([tg.Tensor(-1.0, name="x1"), tg.Tensor(0.5, name="x2")], (w1, w2), b))
unit.backward()
write(tg.draw_graph(unit, {"w1": w1, "w2": w2, "b": b, "unit": unit}), "one_unit")
for p in scalars:
    p.zero_grad()

# %%
# A step is that of any network: forward, backward, and a little down. Python's garbage collector
# looks for cycles again and again while 65,000 nodes are made. A graph of this library has none, so
# the collector finds nothing; but it takes its time, so we turn it off, and measure what it took.


def descend(loss, parameters, steps):
    """Gradient descent; return the losses, and the seconds that a step takes."""
    optimizer = tg.optim.SGD(parameters, lr=learning_rate)
    losses, seconds = [], []
    for _ in steps:
        start = time.process_time()
        current = loss()
        current.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(current.item())
        seconds.append(time.process_time() - start)
    return losses, np.median(seconds)


start = time.process_time()
scalar_loss().backward()
collected_time = time.process_time() - start
for p in scalars:
    p.zero_grad()
gc.disable()
scalar_losses, scalar_time = descend(scalar_loss, scalars, trange(SCALAR_STEPS, desc="scalars"))
gc.enable()

# %%
# With arrays
# -----------
# A layer is a matrix, and all points go through it at once.

arrays = []
for i, W in enumerate(WEIGHTS, start=1):
    arrays.append(tg.Tensor(W.T, True, name=f"W{i}"))
    arrays.append(tg.Tensor(np.zeros(len(W)), True, name=f"b{i}"))


def scores_of(x):
    """The outputs for all points."""
    W1, b1, W2, b2, W3, b3 = arrays
    with tg.scope("layer 1"):
        h1 = tg.relu(x @ W1 + b1)
    with tg.scope("layer 2"):
        h2 = tg.relu(h1 @ W2 + b2)
    with tg.scope("layer 3"):
        return (h2 @ W3 + b3)[:, 0]


def array_loss():
    """The same loss."""
    return tg.relu(1 - y * scores_of(X)).mean() + 1e-4 * sum((p * p).sum() for p in arrays)


# %%
# Its graph. Of a large array a card shows the distribution, here of all hundred points.

hinges = tg.relu(1 - y * scores_of(tg.Tensor(X, name="x"))).mean()
hinges.backward()
write(tg.draw_graph(hinges, {"hinges": hinges}, direction="TB"), "arrays")
for p in arrays:
    p.zero_grad()
array_losses, array_time = descend(array_loss, arrays, range(STEPS))
difference = np.abs(np.subtract(scalar_losses, array_losses[:SCALAR_STEPS])).max()

# %%
# Compiled
# --------
# What the graph of arrays says once for each step can be written out as plain NumPy, and run as
# often as one likes.

for i, W in enumerate(WEIGHTS):  # once more from the beginning
    arrays[2 * i].data, arrays[2 * i + 1].data = W.T.copy(), np.zeros(len(W))
step = tg.compile(array_loss, tg.optim.SGD(arrays, lr=learning_rate))
compiled_losses = [step()]  # which writes the program
start = time.process_time()
compiled_losses += [step() for _ in range(STEPS - 1)]
compiled_time = (time.process_time() - start) / (STEPS - 1)


def operations(root):
    """Count the operations by which a Tensor was computed."""
    seen, todo = set(), [root]
    while todo:
        t = todo.pop()
        if t not in seen:
            seen.add(t)
            todo.extend(t.inputs)
    return sum(t.op is not None for t in seen)


rows = {
    "scalars": (operations(scalar_loss()), scalar_time, scalar_losses),
    "arrays": (operations(array_loss()), array_time, array_losses),
    "arrays, compiled": ("-", compiled_time, compiled_losses),
}
print_table(
    "one network in three ways",
    ("made of", "operations", "CPU time of a step", *(f"loss {i}" for i in (1, SCALAR_STEPS))),
    [
        (name, count, f"{1e3 * s:.3g} ms", f"{values[0]:.12f}", f"{values[SCALAR_STEPS - 1]:.12f}")
        for name, (count, s, values) in rows.items()
    ],
)
print(f"a step of scalars with Python's garbage collector: {1e3 * collected_time:.0f} ms")
print(f"largest difference of the losses of scalars and arrays: {difference:.1e}")
print("published losses of the first steps: 0.895844102868, 1.723590533697, 0.742900631385")

# %%
# What it learned
# ---------------
# The loss doubles in the second step: a learning rate of 1 is bold. Then it falls, and by the end
# every point is on its side of the boundary with a margin of 1, so that only the penalty on the
# weights is left.

with tg.no_grad():
    hinge_left = tg.relu(1 - y * scores_of(X)).mean().item()
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
axes[0].plot(np.arange(1, STEPS + 1), array_losses, color="#0072b2", label="arrays")
axes[0].plot(np.arange(1, SCALAR_STEPS + 1), scalar_losses, ":", color="#d55e00", linewidth=3,
             label="scalars")  # fmt: skip
axes[0].set(xlabel="step", ylabel="loss", yscale="log", title="the same losses")
axes[0].legend(frameon=False)
axes[0].spines[["top", "right"]].set_visible(False)
viz.decision_boundary(scores_of, X, labels, ax=axes[1])
axes[1].set_title("the score after 100 steps")
save(figure, chosen.output / "moons.png")

# %%
# Other weights
# -------------
# One network is an anecdote. Here are many, which differ in the seed of their weights; with the
# rate of the demo, with others, and with He's weights. How many have all points right in the end?


def seeds(init, scale):
    """Train a network for each seed; return losses, accuracies by step, and the last scores."""
    networks = Stack(
        nn.MLP(SIZES, "relu", init=init, rng=np.random.RandomState(seed)) for seed in range(SEEDS)
    )
    losses, accuracies = [], []
    with np.errstate(over="ignore", invalid="ignore"):  # some diverge
        for step in range(STEPS):
            scores = networks(X)[..., 0]
            penalty = sum((p * p).sum(axis=(1, 2)) for p in networks.parameters)
            loss = tg.relu(1 - y * scores).mean(axis=1) + 1e-4 * penalty
            loss.sum().backward()
            networks.descend(scale * learning_rate(step))
            losses.append(loss.data)
            accuracies.append(((scores.data > 0) == labels).mean(axis=1))
    return np.array(losses), np.array(accuracies), scores.data


VARIANTS = {
    "rate / 10": ("uniform", 0.1),
    "rate / 3": ("uniform", 1 / 3),
    "as the demo": ("uniform", 1.0),
    "rate x 3": ("uniform", 3.0),
    "He's weights": ("he_normal", 1.0),
}
runs = {name: seeds(*variant) for name, variant in VARIANTS.items()}
solved = {name: (accuracies[-1] == 1).mean() for name, (_, accuracies, _) in runs.items()}
print_table(
    f"{SEEDS} seeds, after {STEPS} steps",
    ("network", "all points right", "accuracy", "first loss", "largest loss", "last loss"),
    [
        (
            name,
            f"{solved[name]:.0%}",
            spread(accuracies[-1]),
            spread(losses[0], ".2f"),
            spread(losses.max(axis=0), ".2f"),
            spread(losses[-1]),
        )
        for name, (losses, accuracies, _) in runs.items()
    ],
)
save_numbers(
    chosen.output / "numbers.json",
    {
        "difference": difference,
        "losses": array_losses,
        "operations": [count for count, *_ in rows.values()],
        "seconds": [s for _, s, _ in rows.values()],
        "solved": solved,
    },
)
figure, axes = plt.subplots(1, len(runs), figsize=(12, 3), sharey=True, layout="constrained")
for ax, (name, (losses, *_)) in zip(axes, runs.items(), strict=True):
    ax.plot(losses[:, :100], color="#0072b2", alpha=0.15, linewidth=0.8)
    ax.plot(np.median(losses, axis=1), color="#d55e00", linewidth=2)
    ax.set(xlabel="step", title=f"{name}\n{solved[name]:.0%} solved", yscale="log", ylim=(5e-3, 10))
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("loss")
save(figure, chosen.output / "seeds.png")

# %%
# Findings
# --------

same_scores = (np.ptp(runs["rate x 3"][2], axis=1) == 0).mean()
conclude(
    chosen,
    f"""
What holds:
- Scalars and arrays are one network: over {SCALAR_STEPS} steps their losses differ by
  {difference:.0e} at most, and they begin as the published ones.
- What a framework of arrays saves is not arithmetic, which is the same, but bookkeeping:
  {rows["scalars"][0]} operations in a step become {rows["arrays"][0]}, and a step is
  {scalar_time / array_time:.0f} times as fast; compiled, {scalar_time / compiled_time:.0f} times.
- The demo is no lucky seed: {solved["as the demo"]:.0%} of {SEEDS} have all points right.
What surprises:
- At the end the hinge loss is {hinge_left:.1g}, and the whole loss is the penalty on the weights.
- The bold rate is right. It throws the loss up to a median of
  {np.median(runs["as the demo"][0].max(axis=0)):.1f} first, but with a third of it only
  {solved["rate / 3"]:.0%} are done after {STEPS} steps, and with a tenth {solved["rate / 10"]:.0%}:
  their losses are still falling.
What fails:
- Three times the rate of the demo: {solved["rate x 3"]:.0%}. A step that long can leave a layer
  with dead units only, and then all points have the same score, and no gradient tells them apart:
  so ended {same_scores:.0%} of the networks.
- He's weights, which suit deep networks: {solved["He's weights"]:.0%}, fewer than U(-1, 1).""",
)

# sphinx_gallery_thumbnail_number = 4
