"""Time training steps against NumPy written by hand: ``python docs/measure/benchmarks.py``.

Writes steps.csv and sweep.csv, which the documentation shows, and machine.csv. The implementations
take turns, for several rounds; what counts is the shortest step of each, in relation to NumPy's: it
is the one that nothing else on the machine disturbed. One thread, for the same reason. Before
anything is timed, all must agree on the losses of the first steps.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy starts

import csv
import datetime as dt
import platform
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

import tinygrad_edu as tg

HERE = Path(__file__).parent
ROUNDS, DURATION = 9, 0.02  # seconds of a round
LEARNING_RATE = 0.05


# --------------------------------------------------------------------------------------
# One step of training, three times: forward, loss, backward, update
# --------------------------------------------------------------------------------------


def numpy_step(parameters, activation, x, y):
    """The step as one would derive and write it by hand."""
    pairs = list(zip(parameters[::2], parameters[1::2], strict=True))

    def step():
        inputs, h = [], x
        for W, b in pairs[:-1]:
            inputs.append(h)
            z = h @ W + b
            match activation:
                case "sigmoid":
                    h = 1 / (1 + np.exp(-z))
                case "tanh":
                    h = np.tanh(z)
                case "relu":
                    h = np.maximum(z, 0)
        inputs.append(h)
        W, b = pairs[-1]
        z = h @ W + b
        e = np.exp(z - z.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        rows = np.arange(len(y))
        loss = -np.log(p[rows, y]).mean()
        g = p
        g[rows, y] -= 1
        g /= len(y)
        for (W, b), h in zip(reversed(pairs), reversed(inputs), strict=True):
            dW, db = h.T @ g, g.sum(axis=0)
            if h is not x:
                g = g @ W.T
                match activation:
                    case "sigmoid":
                        g *= h * (1 - h)
                    case "tanh":
                        g *= 1 - h * h
                    case "relu":
                        g *= h > 0
            W -= LEARNING_RATE * dW
            b -= LEARNING_RATE * db
        return float(loss)

    return step


def expressions_step(parameters, activation, x, y):
    """The step in expressions of Tensors, with an update of each parameter."""
    parameters = [tg.Tensor(p, requires_grad=True) for p in parameters]
    *hidden, (W, b) = zip(parameters[::2], parameters[1::2], strict=True)
    bend = getattr(tg, activation)

    def step():
        h = x
        for V, c in hidden:
            h = bend(h @ V + c)
        loss = tg.softmax_cross_entropy(h @ W + b, y)
        loss.backward()
        for p in parameters:
            p.data -= LEARNING_RATE * p.grad
            p.grad = None
        return loss.item()

    return step


def network_step(parameters, activation, x, y):
    """The step with tg.nn and tg.optim."""
    sizes = [parameters[0].shape[0], *(b.size for b in parameters[1::2])]
    network = tg.nn.MLP(sizes, activation, init="zeros", dtype=x.dtype)
    for tensor, p in zip(network.parameters(), parameters, strict=True):
        tensor.data = p.copy()
    optimizer = tg.optim.SGD(network.parameters(), lr=LEARNING_RATE)

    def step():
        loss = tg.softmax_cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


STEPS = {"NumPy": numpy_step, "expressions": expressions_step, "nn and optim": network_step}


# --------------------------------------------------------------------------------------
# Timing
# --------------------------------------------------------------------------------------


def compare(sizes, activation, batch, dtype):
    """Seconds for a step of each implementation."""
    rng = np.random.default_rng(seed=0)
    shapes = [shape for n, m in pairwise(sizes) for shape in ((n, m), (m,))]
    parameters = [(rng.normal(size=s) / np.sqrt(s[0]) * (len(s) > 1)).astype(dtype) for s in shapes]
    x = rng.normal(size=(batch, sizes[0])).astype(dtype)
    y = rng.integers(sizes[-1], size=batch)
    steps = {
        name: make([p.copy() for p in parameters], activation, x, y) for name, make in STEPS.items()
    }
    losses = np.array([[step() for _ in range(3)] for step in steps.values()])
    np.testing.assert_allclose(
        losses, np.broadcast_to(losses[0], losses.shape), rtol=1e-3, atol=1e-6
    )
    found = {name: shortest(step, 3) for name, step in steps.items()}
    for _ in range(ROUNDS):
        for name, step in steps.items():
            count = max(1, int(DURATION / found[name]))
            found[name] = min(found[name], shortest(step, count))
    return found


def shortest(step, count):
    """Seconds for the quickest of some steps."""
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return min(times)


def write(name, rows):
    """Write rows to a file beside this one."""
    with (HERE / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


NETWORKS = [
    ([2, 4, 3, 2], "sigmoid", 1, float),
    ([2, 4, 3, 2], "relu", 1, float),
    ([2, 4, 4, 2], "tanh", 300, float),
    ([2, *[5] * 10, 2], "sigmoid", 4, float),
    ([784, 256, 128, 10], "relu", 128, np.float32),
    ([1024, 2048, 2048, 10], "relu", 256, np.float32),
]
WIDTHS = [4, 16, 64, 256, 1024, 2048]
BATCHES = [1, 4, 16, 64, 256, 1024]


def main():
    """Time everything."""
    rows = [["network", "activation", "batch", "precision", "NumPy, µs", *list(STEPS)[1:]]]
    for sizes, activation, batch, dtype in NETWORKS:
        base, *others = compare(sizes, activation, batch, dtype).values()
        name = "-".join(map(str, sizes)) if len(sizes) < 9 else f"2-10×5-{sizes[-1]}"
        facts = [name, activation, batch, np.dtype(dtype).name, f"{base * 1e6:.0f}"]
        rows.append([*facts, *(f"{t / base:.2f}" for t in others)])
        print(*rows[-1])  # noqa: T201
    write("steps.csv", rows)

    rows = [["width", "batch", "NumPy, µs", *list(STEPS)[1:]]]
    for width in WIDTHS:
        for batch in BATCHES:
            base, *others = compare([width, width, 10], "relu", batch, np.float32).values()
            rows.append([width, batch, f"{base * 1e6:.0f}", *(f"{t / base:.2f}" for t in others)])
            print(*rows[-1])  # noqa: T201
    write("sweep.csv", rows)

    today = dt.datetime.now(dt.UTC).date().isoformat()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"
    versions = [["tinygrad_edu", tg.__version__], ["NumPy", np.__version__]]
    versions += [["Python", platform.python_version()], ["machine", machine], ["date", today]]
    write("machine.csv", versions)


if __name__ == "__main__":
    main()
