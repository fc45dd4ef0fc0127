"""
Learning to learn
=================

Ten points of a sine of unknown height and phase, and one step of gradient descent: can a network
know the whole curve? From random weights it cannot, nor from weights that were trained on all
sines. But one can search for weights *from which one step is enough*. The loss is that after the
step, so its gradient goes through a gradient step: a gradient of a gradient.

Run it with ``python examples/maml.py [--quick]``.
"""

import matplotlib.pyplot as plt
import numpy as np
from _studies import conclude, options, parallel, print_table, save, save_numbers, spread
from tqdm import tqdm

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

chosen = options("maml")
SEEDS = 2 if chosen.quick else 5
STEPS = 200 if chosen.quick else 4000
TASKS, POINTS = 25, 10  # in a step of training
RATE = 0.05  # of the step that a learner takes
RATES = 0.003, 0.01, 0.03, 0.1  # for those who were not prepared for that one
LOOKS = (0, 1, 2, 5, 10)  # after how many steps on a new task we look

# %%
# The tasks
# ---------
# The mean of all these sines is a single curve, -1.6 cos(x): the most that can be known of them all
# before a point of one is seen.


def draw_tasks(rng, tasks=TASKS):
    """Draw sines at random: points to learn from, and others to be judged by."""
    height, phase = rng.uniform(0.1, 5, (tasks, 1, 1)), rng.uniform(0, np.pi, (tasks, 1, 1))
    x = rng.uniform(-5, 5, (2, tasks, POINTS, 1))
    y = height * np.sin(x - phase)
    return x[0], y[0], x[1], y[1]


# %%
# A network as a function of its weights
# --------------------------------------
# Each task gets weights of its own, which begin as copies of the common ones: arrays with a leading
# axis, of tasks. Since no task uses the weights of another, the gradient of the sum of all losses
# is the gradient of each.


def network(weights, x):
    """Two hidden layers of 40 units, for many tasks at once."""
    x = x * 0.4  # to a spread of about 1
    *hidden, (W, b) = zip(weights[::2], weights[1::2], strict=True)
    for V, c in hidden:
        x = tg.tanh(x @ V + c)
    return x @ W + b


def errors(weights, x, y):
    """The mean squared error of each task."""
    return ((network(weights, x) - y) ** 2).mean(axis=(1, 2))


def learn(weights, x, y, rate=RATE, through=tg.positive):
    """One step of gradient descent, in each task; ``through`` is what becomes of its gradient."""
    gradients = tg.grad(lambda weights: errors(weights, x, y).sum())(weights)
    return [w - rate * through(g) for w, g in zip(weights, gradients, strict=True)]


def copies(weights, tasks):
    """The common weights, once for each task."""
    return [tg.broadcast_to(w, (tasks, *w.shape)) for w in weights]


# %%
# Three ways to prepare
# ---------------------
# *All sines at once* is what one would try first. *Learning to learn* differs in one line. The
# third is the same without the second derivatives: it takes the gradient of the step for constant.


def all_at_once(weights, x, y, x_new, y_new):
    """How well the common weights do by themselves."""
    return errors(copies(weights, TASKS), x_new, y_new).mean() + 0 * (x.sum() + y.sum())


def to_learn(weights, x, y, x_new, y_new, through=tg.positive):
    """How well the weights do on new points after one step on the others."""
    return errors(learn(copies(weights, TASKS), x, y, through=through), x_new, y_new).mean()


def to_learn_first_order(weights, *task):
    """The same, but the step is not differentiated."""
    return to_learn(weights, *task, through=tg.stop_gradient)


WAYS = {
    "all sines at once": all_at_once,
    "to learn, first order": to_learn_first_order,
    "to learn": to_learn,
}


def fresh_weights(seed):
    """W and b of each layer, the biases with an axis for the points of a task."""
    weights = nn.MLP([1, 40, 40, 1], "tanh", rng=seed).parameters()
    return [tg.Tensor(np.atleast_2d(p.data), requires_grad=True, name=p.name) for p in weights]


def prepare(way, seed):
    """Train common weights on tasks at random; return their arrays."""
    weights, rng = fresh_weights(seed), np.random.default_rng(seed)
    loss = WAYS[way]
    step = tg.compile(
        lambda *task: loss(weights, *task), optim.Adam(weights, lr=optim.cosine_decay(0.005, STEPS))
    )
    for _ in range(STEPS):
        step(*draw_tasks(rng))
    return [w.data for w in weights]


cells = [(way, seed) for way in WAYS for seed in range(SEEDS)]
found = parallel(prepare, cells, "preparing", chosen.jobs)
prepared = dict(zip(cells, found, strict=True))
prepared |= {("random", seed): [w.data for w in fresh_weights(seed)] for seed in range(SEEDS)}

# %%
# A new task
# ----------
# 500 sines that nobody has seen, the same for all. One step was trained for; what do more do? The
# others choose their rate, the one that is best in the end; in the last row, those prepared to
# learn do so, too.


one_step = tg.jit(learn)  # recorded once for all rates: a rate is an array to it


def over_time(weights, x, y, look, rate=RATE):
    """Learn on new tasks, step by step; return what ``look`` sees at some of the steps."""
    weights, seen = [np.tile(w, (len(x), 1, 1)) for w in weights], []
    for count in range(LOOKS[-1] + 1):
        if count in LOOKS:
            seen.append(look(weights))
        weights = one_step(weights, x, y, np.array(rate))
    return seen


x, y, x_new, y_new = draw_tasks(np.random.default_rng(1000), 500)


def errors_over_time(weights, rates):
    """The mean error after some steps, at the rate that gives the smallest in the end."""

    def look(weights):
        return errors(weights, x_new, y_new).mean().item()

    with np.errstate(all="ignore"):  # of those with too large a rate
        tried = [over_time(weights, x, y, look, rate) for rate in rates]
    return min(tried, key=lambda seen: np.nan_to_num(seen[-1], nan=np.inf))


results = {
    (way, seed): errors_over_time(weights, (RATE,) if "to learn" in way else RATES)
    for (way, seed), weights in tqdm(prepared.items(), desc="new tasks")
}
for seed in range(SEEDS):
    results["to learn, other rate", seed] = errors_over_time(prepared["to learn", seed], RATES)
curves = {
    way: np.array([results[way, seed] for seed in range(SEEDS)])
    for way in ("random", *WAYS, "to learn, other rate")
}
print_table(
    f"error on new points after steps on ten others: {SEEDS} seeds, median and the middle half",
    ("prepared", *(f"{n} steps" if n != 1 else "1 step" for n in LOOKS)),
    [(way, *(spread(column, ".2f") for column in curve.T)) for way, curve in curves.items()],
)
save_numbers(chosen.output / "numbers.json", curves)

# %%
# One step, drawn
# ---------------
# Three new sines (gray) and ten points of each. Dotted: what a network says before it has seen
# them; thin and thick: after one step and after ten. Look at the dotted line of the lower row: it
# is no better than that of the upper one. These weights know nothing; they are *about to* know.

sines = [(4.0, 0.3), (2.0, 2.8), (1.0, 1.5)]
line = np.linspace(-5, 5, 200)[:, None]
xs = np.random.default_rng(5).uniform(-5, 5, (3, POINTS, 1))
ys = np.array([A * np.sin(at - phase) for at, (A, phase) in zip(xs, sines, strict=True)])
figure, axes = plt.subplots(2, 3, figsize=(11, 6), sharey=True, layout="constrained")
for row, way in zip(axes, ("all sines at once", "to learn"), strict=True):
    drawn = over_time(prepared[way, 0], xs, ys, lambda weights: network(weights, line))
    for i, (ax, (A, phase)) in enumerate(zip(row, sines, strict=True)):
        ax.plot(line, A * np.sin(line - phase), color="#9aa0a6", linewidth=5, alpha=0.5)
        looks = {0: (":", 1.5, "before"), 1: ("-", 1.3, "1 step"), 4: ("-", 2.6, "10 steps")}
        for at, (style, width, label) in looks.items():
            guess = drawn[at][i]
            ax.plot(line, guess, style, color="#d55e00", linewidth=width, label=label)
        ax.plot(xs[i], ys[i], "o", color="#0072b2", markeredgecolor="white", zorder=3)
        ax.spines[["top", "right"]].set_visible(False)
    row[0].set_ylabel(way)
axes[0, 0].legend(frameon=False, fontsize="small")
save(figure, chosen.output / "sines.png")

# %%
# The error, step by step; each line is a seed.

figure, ax = plt.subplots(figsize=(6.6, 4.2), layout="constrained")
for (way, curve), color in zip(
    curves.items(), ("#9aa0a6", "#0072b2", "#009e73", "#d55e00", "#cc79a7"), strict=True
):
    ax.plot(LOOKS, curve.T, "o-", color=color, alpha=0.6, linewidth=1.2)
    ax.plot([], [], "o-", color=color, label=way)
ax.set(yscale="log", xlabel="steps on a new task", ylabel="error on new points", xticks=LOOKS)
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
save(figure, chosen.output / "steps.png")

# %%
# Findings
# --------

middle = {way: [f"{e:.2f}" for e in np.median(curve, axis=0)] for way, curve in curves.items()}
joint, first, full = (middle[way] for way in WAYS)
patient = middle["to learn, other rate"]
conclude(
    chosen,
    f"""
What holds:
- After one step on ten points the error on others is {full[1]}, where weights that were trained on
  all sines have {joint[1]}, and random ones {middle["random"][1]}: the median of {SEEDS} seeds.
- Before that step they are no better ({full[0]} against {joint[0]}). What was learned is not a
  sine, but how to become one.
- The second derivatives matter: without them the error after one step is {first[1]}.
What does not:
- "The more steps, the better": these weights were prepared for one step of that size. After ten the
  error is {full[-1]}; at a rate they were not prepared for, it is {patient[1]} after one step and
  {patient[-1]} after ten.
Why:
- The step was trained to end in the right place. What a second one does from there, nobody has
  asked; at this size it mostly jumps over the goal.""",
)

# sphinx_gallery_thumbnail_number = 1
