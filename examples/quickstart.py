"""Quickstart: reading digits.

Teach a small network to read handwritten digits, and draw how it learned.

Run it with ``python examples/quickstart.py [output folder]``.
"""

import sys
from pathlib import Path

try:
    import numpy as np
    from matplotlib.figure import Figure
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from tqdm import trange

    import tinygrad_edu as tg
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not installed; do: pip install -e '.[examples]'")

EPOCHS, BATCH, MOMENTUM, NOISE = 40, 16, 0.9, 0.2
output = Path(sys.argv[1] if len(sys.argv) > 1 else "output/quickstart")
rng = np.random.default_rng(seed=0)

# 1797 real scans of 8 x 8 pixels, scaled to [0, 1]; a quarter of them is kept for the test.
pixels, digits = load_digits(return_X_y=True)
split = train_test_split(pixels / 16, digits, stratify=digits, random_state=0)
x_train, x_test, y_train, y_test = split

# The network: 64 pixels -> 64 hidden units -> 10 digits. He's initialization suits ReLU.
W1 = tg.Tensor(rng.normal(0, np.sqrt(2 / 64), (64, 64)), requires_grad=True, name="W1")
b1 = tg.Tensor(np.zeros(64), requires_grad=True, name="b1")
W2 = tg.Tensor(rng.normal(0, np.sqrt(2 / 64), (64, 10)), requires_grad=True, name="W2")
b2 = tg.Tensor(np.zeros(10), requires_grad=True, name="b2")
parameters = [W1, b1, W2, b2]


def network(x):
    """Score the ten digits for each picture; the highest score is what the network reads."""
    h = tg.relu(x @ W1 + b1)
    return h @ W2 + b2


def accuracy(x, y):
    """Tell which fraction of the pictures is read right."""
    with tg.no_grad():
        return np.mean(network(x).data.argmax(axis=1) == y)


# Gradient descent with momentum: a gradient changes the velocity of its parameter. The learning
# rate falls to zero, so that the network settles, and noise keeps it from learning by heart.
velocities = [np.zeros(p.shape) for p in parameters]
losses = []
for epoch in (progress := trange(EPOCHS, desc="training", unit="epoch")):
    learning_rate = 0.1 * (1 - epoch / EPOCHS)
    for batch in np.array_split(rng.permutation(len(x_train)), len(x_train) // BATCH):
        x = x_train[batch] + rng.normal(0, NOISE, (len(batch), 64))
        loss = tg.softmax_cross_entropy(network(x), y_train[batch])
        loss.backward()
        for i, p in enumerate(parameters):
            velocities[i] = MOMENTUM * velocities[i] - learning_rate * p.grad
            p.data = p.data + velocities[i]
            p.zero_grad()
        losses.append(loss.item())
    progress.set_postfix(loss=f"{losses[-1]:.4f}", accuracy=f"{accuracy(x_train, y_train):.2%}")
print(f"test accuracy {accuracy(x_test, y_test):.2%} on {len(y_test)} pictures never seen before")

# The loss over time, and the graph of one step on three pictures, so that it can be read.
figure = Figure(figsize=(7, 4), layout="constrained")
axes = figure.subplots(subplot_kw={"xlabel": "epoch", "ylabel": "cross entropy", "yscale": "log"})
axes.plot(np.reshape(losses, (EPOCHS, -1)).mean(axis=1), marker=".")
loss = tg.softmax_cross_entropy(network(tg.Tensor(x_test[:3], name="x")), y_test[:3])
loss.backward()
output.mkdir(parents=True, exist_ok=True)
figure.savefig(output / "loss.png", dpi=150)
try:
    graph = tg.draw_graph(loss, direction="TB")
    for kind in ("svg", "png"):
        (output / f"graph.{kind}").write_bytes(graph.pipe(kind))
except RuntimeError as no_graphviz:
    sys.exit(f"wrote loss.png to {output}, but no graph: {no_graphviz}")
print(f"wrote loss.png, graph.svg and graph.png to {output}")
