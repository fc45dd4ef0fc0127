"""
The vanishing gradient
======================

The exclusive or of two numbers needs one hidden layer. A published study gives it ten, of sigmoid
units - and nothing is learned, since the gradient that reaches the first layer is a million times
smaller than that of the last. ReLU is the published cure. We watch the gradient vanish, layer by
layer, and ask how often the cure works.

Run it with ``python examples/vanishing_gradient_xor.py [--quick]``.
"""

import matplotlib.pyplot as plt
import numpy as np
from _studies import Stack, conclude, options, parallel, print_table, save, save_numbers

import tinygrad_edu as tg
from tinygrad_edu import nn, viz

chosen = options("vanishing_gradient_xor")
SEEDS = 10 if chosen.quick else 200
STEPS = 501 if chosen.quick else 10001
EVERY = 25  # how often we look

# %%
# Four points
# -----------

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = np.array([[0.0], [1.0], [1.0], [0.0]])

# %%
# What is used where
# ------------------

print_table(
    "activations by problem",
    ("problem", "hidden layers", "output", "loss"),
    [
        ("regression", "ReLU and its relatives", "identity", "mean squared error"),
        ("two classes", "ReLU and its relatives", "sigmoid", "binary cross entropy"),
        ("many classes", "ReLU and its relatives", "softmax", "cross entropy"),
        ("many labels at once", "ReLU and its relatives", "sigmoid", "binary cross entropies"),
    ],
)
names = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus"]
save(viz.activation_curves(names, columns=3), chosen.output / "activations.png")

# %%
# Eleven layers of weights
# ------------------------
# Ten hidden layers of five units, weights drawn from U(-1, 1), full-batch gradient descent with a
# learning rate of 0.1. Beside the two networks of the study: what tanh, the relatives of ReLU,
# maxout, He's initialization and more units change. A maxout unit is the larger of two weighted
# sums, so it has twice the weights; one of the two always lets the gradient pass, so it cannot die.

VARIANTS = {  # the activation, the width, the initializer
    "sigmoid": ("sigmoid", 5, "uniform"),
    "tanh": ("tanh", 5, "uniform"),
    "ReLU": ("relu", 5, "uniform"),
    "leaky ReLU": ("leaky_relu", 5, "uniform"),
    "ELU": ("elu", 5, "uniform"),
    "maxout of two": ("maxout", 5, "uniform"),
    "ReLU, He": ("relu", 5, "he_normal"),
    "ReLU, He, width 8": ("relu", 8, "he_normal"),
    "ReLU, He, width 16": ("relu", 16, "he_normal"),
}


def network(activation, width, init, seed):
    """Draw the weights; biases are zero."""
    rng = np.random.RandomState(seed)
    if activation != "maxout":
        return nn.MLP([2, *[width] * 10, 1], activation, init=init, rng=rng)
    hidden = [nn.Maxout(n, width, init=init, rng=rng) for n in [2, *[width] * 9]]
    return nn.Sequential(*hidden, nn.Linear(width, 1, init=init, rng=rng))


def train(variant, seeds):
    """Train a network for each seed; return what is seen on the way."""
    networks = Stack(network(*VARIANTS[variant], seed) for seed in seeds)
    targets = np.broadcast_to(y, (len(networks), *y.shape))
    seen = {"cost": [], "accuracy": [], "norms": [], "dead": [], "hidden": []}
    with np.errstate(over="ignore", invalid="ignore"):  # who diverges is counted in the end
        for step in range(STEPS):
            layers = []
            logits = networks(X, layers)
            losses = tg.sigmoid_cross_entropy(logits, targets, reduction="none").mean(axis=(1, 2))
            losses.sum().backward()
            if step % EVERY == 0:
                hidden = [h.data for h in layers[:-1]]
                seen["cost"].append(losses.data)
                seen["accuracy"].append(((logits.data > 0) == y).mean(axis=(1, 2)))
                seen["norms"].append(networks.gradient_norms())
                seen["dead"].append([(h == 0).all(axis=1).sum(axis=-1) for h in hidden])
                seen["hidden"].append([hidden[i].swapaxes(0, 1).reshape(4, -1) for i in (0, 4, 9)])
            networks.descend(0.1)
        with tg.no_grad():
            seen["outputs"] = tg.sigmoid(networks(X)).data[:, :, 0].T
    return {name: np.array(values) for name, values in seen.items()}


parts = np.array_split(range(SEEDS), 2)  # halves of each, so that two cores share the work
cells = [(variant, part) for variant in VARIANTS for part in parts]
halves = parallel(train, cells, "ten hidden layers", chosen.jobs)
runs = {
    variant: {
        name: np.concatenate([halves[2 * i][name], halves[2 * i + 1][name]], axis=-1)
        for name in halves[0]
    }
    for i, variant in enumerate(VARIANTS)
}

# %%
# The table
# ---------

PUBLISHED = {"sigmoid": "accuracy .5", "ReLU": "accuracy 1"}
solved = {variant: run["accuracy"][-1] == 1 for variant, run in runs.items()}
flow = {variant: np.median(run["norms"], axis=-1) for variant, run in runs.items()}
units = {variant: 10 * width for variant, (_, width, _) in VARIANTS.items()}
rows = [
    (
        variant,
        PUBLISHED.get(variant, "-"),
        f"{run['accuracy'][-1][0]:.2f}",
        f"{solved[variant].sum()}/{SEEDS}",
        f"{flow[variant][0][0]:.1e}",
        f"{flow[variant][0][-1]:.1e}",
        f"{run['dead'][0].sum(axis=0).mean():.1f}/{units[variant]}",
        f"{run['dead'][-1].sum(axis=0).mean():.1f}/{units[variant]}",
    )
    for variant, run in runs.items()
]
print_table(
    f"after {STEPS} steps; medians of gradient norms and mean numbers of dead units over the seeds",
    ("network", "published", "seed 0", "solved", "|dW1| before", "|dW11|", "dead", "dead at end"),
    rows,
)
ratios = runs["sigmoid"]["norms"][0, 0] / runs["sigmoid"]["norms"][0, -1]
factor = np.median(ratios) ** -0.1
print(f"sigmoid, first to last layer: {np.median(ratios):.1e}, a factor {factor:.1f} per layer")
outputs = runs["ReLU"]["outputs"][:, solved["ReLU"]]
print("ReLU, published outputs: [0.00202512 0.99999821 0.99999785 0.00202512]")
print(f"a solved network here:   {outputs[:, 0].round(8) if outputs.size else 'none'}")
save_numbers(
    chosen.output / "numbers.json",
    {
        "solved": {variant: int(n.sum()) for variant, n in solved.items()},
        "seeds": SEEDS,
        "sigmoid gradient ratios": ratios,
    },
)

# %%
# Where the gradient is lost
# --------------------------
# The norm of the gradient of each weight matrix in the first 1000 steps, as the median over the
# seeds. The slope of a sigmoid is at most 1/4, and at each layer a factor of this kind is lost. As
# soon as the output has found the mean of the labels, nothing is left for the top layers either.
# With tanh and with He's weights the bottom of the picture is as bright as its top.

figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
steps = np.arange(0, STEPS, EVERY)
for ax, variant in zip(axes, ("sigmoid", "tanh", "ReLU, He, width 16"), strict=True):
    beginning = flow[variant][: 1000 // EVERY]
    norms = {f"W{i}": beginning[:, i - 1] for i in range(1, 12)}
    viz.gradient_flow(norms, ax, steps=steps[: len(beginning)], limits=(1e-8, 1))
    ax.set_title(variant)
save(figure, chosen.output / "gradient_flow.png")

# %%
# Cost and accuracy
# -----------------
# Each thin line is a seed, the thick one their median.

figure, axes = plt.subplots(
    2, 4, figsize=(11, 4.8), sharex=True, sharey="row", layout="constrained"
)
for column, variant in zip(axes.T, ("sigmoid", "tanh", "ReLU", "ReLU, He, width 16"), strict=True):
    for ax, name in zip(column, ("cost", "accuracy"), strict=True):
        values = runs[variant][name][:, :50]
        ax.plot(steps, values, color="#0072b2", alpha=0.15, linewidth=0.8)
        ax.plot(steps, np.median(runs[variant][name], axis=1), color="#d55e00", linewidth=2)
        ax.spines[["top", "right"]].set_visible(False)
    share = solved[variant].mean()
    column[0].set_title(f"{variant}\n{share:.0%} solved")
    column[1].set_xlabel("step")
axes[0, 0].set_xscale("symlog", linthresh=100)  # most of it happens early
axes[0, 0].set_ylabel("cost")
axes[1, 0].set_ylabel("accuracy")
save(figure, chosen.output / "curves.png")

# %%
# What the hidden units say
# -------------------------
# Outputs of the first, the fifth and the tenth hidden layer, over all seeds. Sigmoid units forget
# their input on the way up; those of tanh spread out, and saturate as they learn.

for variant in ("sigmoid", "tanh", "ReLU"):
    hidden = runs[variant]["hidden"]
    layers = {f"{variant}, layer {n}": hidden[:, i] for i, n in enumerate((1, 5, 10))}
    axes = viz.activation_histograms(layers, activation=VARIANTS[variant][0], steps=steps)
    save(axes, chosen.output / f"units_{variant.lower()}.png")

# %%
# How often it works
# ------------------

figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
shares = [solved[variant].mean() for variant in VARIANTS]
bars = ax.barh([*VARIANTS], shares, color="#0072b2")
ax.bar_label(bars, [f"{share:.0%}" for share in shares], padding=4)
ax.invert_yaxis()
ax.set(xlim=(0, 1.1), xticks=[], title=f"share of {SEEDS} seeds that learn the exclusive or")
ax.spines[["top", "right", "bottom"]].set_visible(False)
save(figure, chosen.output / "solved.png")

# %%
# Findings
# --------

dead = runs["ReLU"]["dead"][0].sum(axis=0).mean()
cut = (runs["ReLU"]["dead"][-1] == 5).any(axis=0)
right = solved["ReLU"]
cuts = (cut & ~right).sum(), (cut & right).sum()
diverged = np.isnan(runs["maxout of two"]["cost"][-1]).sum()
share = {variant: f"{solved[variant].mean():.0%}" for variant in VARIANTS}
conclude(
    chosen,
    f"""
What holds:
- Ten layers of sigmoid units learn nothing: {solved["sigmoid"].sum()} of {SEEDS} seeds. The
  gradient of the first layer is {np.median(ratios):.0e} of that of the last, a factor of
  {factor:.1f} for each layer.
What depends on the seed:
- "ReLU solves it": {share["ReLU"]} of the seeds do. Its gradient does not vanish gradually, it is
  cut: with U(-1, 1) on average {dead:.0f} of 50 units are dead before the first step, and one layer
  in which all are dead separates the input from the loss. Of the {(~right).sum()} seeds that fail,
  {cuts[0]} end with such a layer; of the {right.sum()} that succeed, {cuts[1]}.
What helps:
- tanh, whose slope at 0 is 1: {share["tanh"]}.
- Maxout, which always lets the gradient pass: {share["maxout of two"]}. But nothing bounds it
  either: {diverged} of {SEEDS} seeds diverge.
- He's weights, which keep the variance, and above all width, which makes a layer in which all are
  dead less likely: {share["ReLU, He"]}, {share["ReLU, He, width 8"]} and
  {share["ReLU, He, width 16"]} for 5, 8 and 16 units.""",
)

# sphinx_gallery_thumbnail_number = 2
