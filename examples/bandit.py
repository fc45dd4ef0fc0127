"""
Learning from rewards
=====================

Ten levers, each of which pays a different sum on average, and nobody says which is the best. There
is no right answer to compare with, so no loss: only what was paid for the lever that was pulled.
The policy gradient makes a loss of it. It is right on average, and can still be useless: it depends
on a number that changes nothing on average.

Run it with ``python examples/bandit.py [--quick]``.
"""

import matplotlib.pyplot as plt
import numpy as np
from _studies import conclude, options, parallel, print_table, save, save_numbers

import tinygrad_edu as tg
from tinygrad_edu import optim

chosen = options("bandit")
RUNS = 100 if chosen.quick else 2000  # all at once, each with levers of its own
PULLS = 300 if chosen.quick else 1000
LEVERS = 10

# %%
# The gradient of an average
# --------------------------
# The policy is a softmax: a number for each lever, and the larger it is, the more often the lever
# is pulled. What it earns on average is the sum of probability times payment. That could simply be
# differentiated, if the payments were known. If they are not, pull a lever, and take the gradient
# of ``payment * log(probability of that lever)``: on average that is the same gradient. And nothing
# is changed on average if a baseline is subtracted from all payments.


def sampled_loss(numbers, pulled, payment, baseline):
    """The loss of the policy gradient; ``pulled`` is 1 for the lever that was pulled, else 0."""
    log_probability = (tg.log_softmax(numbers) * pulled).sum(axis=-1)
    return -((payment - baseline) * log_probability).sum()


rng = np.random.default_rng(0)
pays = rng.normal(4, 1, LEVERS)  # on average
numbers = rng.normal(0, 1, LEVERS)
probability = tg.softmax(numbers)
exact = tg.grad(lambda numbers: -(tg.softmax(numbers) * pays).sum())(numbers)

samples = 2000 if chosen.quick else 100_000
pulled = np.eye(LEVERS)[rng.choice(LEVERS, samples, p=probability)]
payment = pulled @ pays + rng.normal(0, 1, samples)
rows = []
for name, baseline in (("0", 0.0), ("the average payment", probability @ pays), ("20", 20.0)):
    many = np.tile(numbers, (samples, 1))
    gradients = tg.grad(sampled_loss)(many, pulled, payment, baseline)
    error = np.linalg.norm(gradients.mean(axis=0) - exact)
    spread_of_one = np.sqrt(gradients.var(axis=0).sum())
    rows.append((name, f"{error:.3f}", f"{spread_of_one:.2f}", f"{np.linalg.norm(exact):.2f}"))
print_table(
    f"{samples} sampled gradients",
    ("baseline", "error of their mean", "spread of one", "the exact one has the norm"),
    rows,
)

# %%
# Learning
# --------
# A step after each pull. As a baseline the average of all payments so far; or none; and to compare,
# who keeps the average of each lever, and pulls the best one, but one time in ten any.


def play(learning_rate, with_baseline, height):
    """Pull levers that pay ``height`` on average; return which part of the pulls was the best."""
    rng = np.random.default_rng(1)
    pays = rng.normal(height, 1, (RUNS, LEVERS))
    numbers = tg.Tensor(np.zeros((RUNS, LEVERS)), requires_grad=True, name="numbers")
    step = tg.compile(
        lambda *seen: sampled_loss(numbers, *seen), optim.SGD([numbers], lr=learning_rate)
    )
    baseline = np.zeros(RUNS)
    best = []
    for pull in range(1, PULLS + 1):
        # The largest number, with noise of Gumbel's distribution, is a draw from the softmax.
        lever = (numbers.data + rng.gumbel(size=numbers.shape)).argmax(axis=1)
        payment = pays[range(RUNS), lever] + rng.standard_normal(RUNS)
        if with_baseline:
            baseline = baseline + (payment - baseline) / pull
        step(np.eye(LEVERS)[lever], payment, baseline)
        best.append(lever == pays.argmax(axis=1))
    sure = tg.softmax(numbers.data).max(axis=1) > 0.9
    wrong = numbers.data.argmax(axis=1) != pays.argmax(axis=1)
    return np.mean(best, axis=1), np.mean(sure & wrong)


def keep_averages(height):
    """The same for the averages of the levers."""
    rng = np.random.default_rng(1)
    pays = rng.normal(height, 1, (RUNS, LEVERS))
    averages, counts, runs = np.zeros((RUNS, LEVERS)), np.zeros((RUNS, LEVERS)), np.arange(RUNS)
    best = []
    for _ in range(PULLS):
        lever = averages.argmax(axis=1)
        lever = np.where(rng.uniform(size=RUNS) < 0.1, rng.integers(0, LEVERS, RUNS), lever)
        counts[runs, lever] += 1
        payment = pays[runs, lever] + rng.standard_normal(RUNS)
        averages[runs, lever] += (payment - averages[runs, lever]) / counts[runs, lever]
        best.append(lever == pays.argmax(axis=1))
    return np.mean(best, axis=1)


HEIGHTS = (0, 4)
cells = [
    (rate, kind, height) for height in HEIGHTS for kind in (True, False) for rate in (0.1, 0.4)
]
results = dict(zip(cells, parallel(play, cells, "playing", chosen.jobs), strict=True))
averages = {height: keep_averages(height) for height in HEIGHTS}
final = {cell: best[-PULLS // 10 :].mean() for cell, (best, _) in results.items()}
print_table(
    f"{RUNS} runs of {PULLS} pulls: in the last tenth",
    ("payments", "baseline", "rate", "the best lever", "sure of another"),
    [
        (
            f"around {height}",
            "average" if kind else "none",
            rate,
            f"{final[rate, kind, height]:.0%}",
            f"{results[rate, kind, height][1]:.0%}",
        )
        for rate, kind, height in cells
    ]
    + [
        (f"around {height}", "(averages of levers)", "-", f"{best[-PULLS // 10 :].mean():.0%}", "-")
        for height, best in averages.items()
    ],
)
save_numbers(
    chosen.output / "numbers.json",
    {
        "the best lever": {str(cell): value for cell, value in final.items()},
        "gradients": {name: [float(x) for x in values] for name, *values in rows},
    },
)

# %%
# How they learn
# --------------
# To the left levers that pay around 0, to the right the same ones, each of which pays 4 more. With
# a baseline it is all the same; without one, the right is another problem: whichever lever is
# pulled, it is praised.

figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.4), sharey=True, layout="constrained")
for ax, height in zip(axes, HEIGHTS, strict=True):
    for kind, color in ((True, "#0072b2"), (False, "#d55e00")):
        for rate, style in ((0.1, "-"), (0.4, "--")):
            label = f"{'baseline' if kind else 'none'}, rate {rate}"
            ax.plot(results[rate, kind, height][0], style, color=color, linewidth=1.3, label=label)
    ax.plot(averages[height], color="#9aa0a6", linewidth=1.3, label="averages of levers")
    ax.set(title=f"payments around {height}", xlabel="pull", ylim=(0, 1))
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("part of the runs that pull the best lever")
axes[1].legend(frameon=False, fontsize="small", ncols=2, loc="upper left")
save(figure, chosen.output / "learning.png")

# %%
# Findings
# --------

part = {cell: f"{value:.0%}" for cell, value in final.items()}
stuck = {cell: f"{value[1]:.0%}" for cell, value in results.items()}
conclude(
    chosen,
    f"""
What holds:
- The mean of the sampled gradients is the exact one, whatever the baseline: their errors are
  {rows[0][1]}, {rows[1][1]} and {rows[2][1]}, beside a norm of {rows[0][3]}. The spread of a single
  one is {rows[0][2]}, {rows[1][2]} and {rows[2][2]}, and each step is taken by a single one.
- With a baseline it does not matter that all levers pay 4 more: {part[0.1, True, 0]} and
  {part[0.1, True, 4]} of the last pulls are the best lever's. Without it these are
  {part[0.1, False, 0]} and {part[0.1, False, 4]}.
What does not:
- "It will find the best lever in the end": {stuck[0.4, True, 4]} of the runs with a baseline and
  the rate 0.4 are more than 90% sure of another one, and of those without one
  {stuck[0.4, False, 4]}.
Why:
- A lever that is not pulled is not learned about. Who is sure stops trying, and a large step, or a
  payment that is praise for whatever was done, makes sure too soon.""",
)
