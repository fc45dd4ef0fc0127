"""
Physics in the loss
===================

A network is to be the motion of a spring: no data, only the differential equation, and how the
motion begins. The loss has the first and the second derivative of the network by its input, so
its gradient is of third order in all; that is two nested ``tg.grad`` and one ``tg.compile``. The
exact solution is known, so we can tell whether it works - and it stops working sooner than one
thinks, while the loss says that all is well.

Run it with ``python examples/physics.py [--quick]``.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from _studies import Stack, conclude, options, parallel, print_table, save, save_numbers, spread

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

chosen = options("physics")
SEEDS = 4 if chosen.quick else 12
STEPS = 300 if chosen.quick else 4000
PERIODS = (1, 2, 4)  # for how long we ask

# %%
# The equation
# ------------
# A mass on a spring, with friction, pulled to 1 and let go::
#
#     u'' + 2 d u' + w^2 u = 0,    u(0) = 1,    u'(0) = 0
#
# The frequency w is 2 pi, so that without friction a period takes a time of 1.

w, d = 2 * np.pi, 0.6
damped = np.sqrt(w**2 - d**2)


def exact(t):
    """The solution, as one finds it by hand."""
    return np.exp(-d * t) * (np.cos(damped * t) + d / damped * np.sin(damped * t))


# %%
# The loss
# --------
# Where the network u solves the equation, its residual is zero. The derivative of u by t is that
# of the sum of u over all times: no u(t) depends on another t. The residual is divided by w^2 and
# the slope by w, so that all terms are of the size of u.


def loss_of(network, span):
    """The loss: of the times at which the equation shall hold, and of how the motion begins."""

    def u(t):
        return network(2 / span * t - 1)  # a network likes its inputs around zero

    slope = tg.grad(lambda t: u(t).sum())
    bend = tg.grad(lambda t: slope(t).sum())

    def losses(t, height_at_0, slope_at_0):
        """One number for each network of a stack."""
        residual = (bend(t) + 2 * d * slope(t) + w**2 * u(t)) / w**2
        start = t[:, :1]
        begin = (u(start) - height_at_0) ** 2 + ((slope(start) - slope_at_0) / w) ** 2
        return (residual**2).mean(axis=(1, 2)) + begin.sum(axis=(1, 2))

    return losses, u, slope


def times(span):
    """32 points in a period, for every network of the stack."""
    t = np.linspace(0, span, 32 * span)[:, None]
    return np.tile(t, (SEEDS, 1, 1))


def solve(span, height=1.0, slope=0.0):
    """Train a stack of networks; return their losses, and their motion on a fine grid."""
    networks = Stack(nn.MLP([1, 32, 32, 1], "tanh", rng=seed) for seed in range(SEEDS))
    losses, u, slope_of_u = loss_of(networks, span)
    adam = optim.Adam(networks.parameters, lr=optim.cosine_decay(0.005, STEPS))
    step = tg.compile(lambda *given: losses(*given).sum(), adam)
    given = times(span), np.full((SEEDS, 1, 1), height), np.full((SEEDS, 1, 1), slope)
    for _ in range(STEPS):
        step(*given)
    fine = np.tile(np.linspace(0, span, 100 * span + 1)[:, None], (SEEDS, 1, 1))
    with tg.no_grad():
        return losses(*given).data, u(fine).data[..., 0], slope_of_u(fine)[..., 0]


# %%
# What the compiler makes of it
# -----------------------------
# The function below computes u three times, and its slope twice. The program that is recorded from
# it computes each once, and has the whole way back written out.


def seconds_per_step(step, given, steps):
    """How long a step takes, after the first, which records it."""
    step(*given)
    start = time.perf_counter()
    for _ in range(steps):
        step(*given)
    return (time.perf_counter() - start) / steps


def with_a_graph(loss, optimizer):
    """A step as one writes it without a compiler."""

    def step(*given):
        optimizer.zero_grad()
        loss(*given).backward()
        optimizer.step()

    return step


rows = []
for kind, make in (("with a graph", with_a_graph), ("compiled", tg.compile)):
    networks = Stack(nn.MLP([1, 32, 32, 1], "tanh", rng=seed) for seed in range(SEEDS))
    losses, _, _ = loss_of(networks, span=1)
    given = times(1), np.ones((SEEDS, 1, 1)), np.zeros((SEEDS, 1, 1))
    step = make(lambda *given, f=losses: f(*given).sum(), optim.Adam(networks.parameters, lr=1e-3))
    rows.append((kind, f"{1000 * seconds_per_step(step, given, 30):.1f} ms"))
lines = step.source.count("\n")
print_table(f"a step of {SEEDS} networks; compiled, it has {lines} lines", ("step", "time"), rows)

# %%
# One period, two, four
# ---------------------


def error(motion, span):
    """The largest distance from the exact solution, for each network."""
    return np.abs(motion - exact(np.linspace(0, span, motion.shape[1]))).max(axis=1)


spans = parallel(solve, [(span,) for span in PERIODS], "periods", chosen.jobs)
loss = {span: found[0] for span, found in zip(PERIODS, spans, strict=True)}
motion = {span: found[1] for span, found in zip(PERIODS, spans, strict=True)}
errors = {span: error(motion[span], span) for span in PERIODS}

# %%
# A cure: one period after the other
# ----------------------------------
# Four networks for four periods, each of which begins where and as fast as the one before it has
# ended, instead of one that must find all four at once.


def march(periods):
    """Solve one period after the other; return the whole motion."""
    pieces, height, slope = [], 1.0, 0.0
    for _ in range(periods):
        _, piece, slopes = solve(1, height, slope)
        height, slope = piece[:, -1:, None], slopes[:, -1:, None]
        pieces.append(piece[:, :-1])
    return np.concatenate([*pieces, height[..., 0]], axis=1)


longest = PERIODS[-1]
[marched] = parallel(march, [(longest,)], "one after the other", 1)
errors["marched"] = error(marched, longest)
print_table(
    f"after {STEPS} steps, {SEEDS} seeds: median and the middle half",
    ("periods", "loss", "largest error"),
    [(span, spread(loss[span], ".1e"), spread(errors[span])) for span in PERIODS]
    + [(f"{longest}, one by one", "-", spread(errors["marched"]))],
)
save_numbers(
    chosen.output / "numbers.json",
    {
        "loss": {str(span): loss[span] for span in PERIODS},
        "error": {str(span): values for span, values in errors.items()},
    },
)

# %%
# What they have found
# --------------------
# Each thin line is a network, the black one is exact. Look at where they go wrong: not into a
# wrong motion, but to rest. A spring at rest solves the equation, too, wherever it is; only the
# start tells it to move, and the news of it must travel from point to point.

motions = {f"{span} period{'s' * (span > 1)}": (motion[span], errors[span]) for span in PERIODS}
motions[f"{longest} periods, one by one"] = marched, errors["marched"]
figure, axes = plt.subplots(2, 2, figsize=(10.5, 6), sharey=True, layout="constrained")
for ax, (name, (found, distances)) in zip(axes.flat, motions.items(), strict=True):
    t = np.arange(found.shape[1]) / 100
    ax.plot(t, found.T, color="#0072b2", alpha=0.4, linewidth=1)
    ax.plot(t, exact(t), color="#000000", linestyle="--", linewidth=1.5, label="exact")
    ax.set(title=f"{name}: largest error {np.median(distances):.3f}", xlabel="time", ylabel="u")
    ax.spines[["top", "right"]].set_visible(False)
axes[0, 0].legend(frameon=False)
save(figure, chosen.output / "motions.png")

# %%
# A small loss is no small error
# ------------------------------
# Each dot is a network. The loss is a mean over all times, and a motion that dies too early breaks
# the equation only while it dies, and only a little: a loss of 0.002 is an error of 0.3.

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for span, color in zip(PERIODS, ("#0072b2", "#009e73", "#d55e00"), strict=True):
    ax.scatter(loss[span], errors[span], color=color, ec="white", s=45, label=f"{span}")
ax.set(xscale="log", yscale="log", xlabel="loss", ylabel="largest error")
ax.legend(title="periods", frameon=False)
ax.spines[["top", "right"]].set_visible(False)
save(figure, chosen.output / "loss_and_error.png")

# %%
# Findings
# --------

middle = {span: f"{np.median(values):.3f}" for span, values in errors.items()}
conclude(
    chosen,
    f"""
What holds:
- A network learns one period of the motion from the equation alone: the largest error of
  {SEEDS} seeds has a median of {middle[1]}, and is never above {errors[1].max():.3f}.
- Marching carries it through {longest} periods, with an error of {middle["marched"]}.
What does not:
- The same network, asked for {longest} periods at once, is off by {middle[longest]}, where the
  motion itself is of size 1. Its loss is {np.median(loss[longest]):.1e}: small enough to be
  believed, were there no exact solution to ask.
Why:
- Zero solves the equation. The loss asks for a motion only at the start; far from it the cheapest
  thing to do is to rest, and a mean over many times hides the few at which this is wrong.""",
)

# sphinx_gallery_thumbnail_number = 1
