"""
Names, letter by letter
=======================

What letter comes next in a name? First we count which letter follows which, and find that a network
of one layer learns the same table. Counting longer contexts runs out of names; a network that gives
letters places in a plane of its own does not. Then batch normalization, of which we derive every
gradient by hand, and a network that reads eight letters as a tree.

Run it with ``python examples/names.py [--quick]``.

The 5163 names in ``names.txt`` are the given names of women and men that the Census Bureau of the
United States listed after the census of 1990. They are a work of the government, and so in the
public domain.
"""

from collections import Counter
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from _studies import EXAMPLES, conclude, options, parallel, print_table, save, save_numbers, spread

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.scipy.optimize import minimize

chosen = options("names")
SEEDS = 2 if chosen.quick else 5
EPOCHS = 1 if chosen.quick else 12

# %%
# Letters as numbers
# ------------------
# A name is spelled by numbers, a = 1 to z = 26; 0 is what is before its beginning and after its
# end. A sample is a letter, and the letters before it. Four fifths of the names are for learning.

names = (EXAMPLES / "names.txt").read_text().split()
np.random.default_rng(0).shuffle(names)
parts = {"known": names[: len(names) * 4 // 5], "new": names[len(names) * 4 // 5 :]}
LETTERS = ".abcdefghijklmnopqrstuvwxyz"


def samples(names, length):
    """Contexts of so many letters, an array (samples, length), and the letters that follow."""
    contexts, following = [], []
    for name in names:
        codes = [0] * length + [LETTERS.index(letter) for letter in name] + [0]
        for i in range(length, len(codes)):
            contexts.append(codes[i - length : i])
            following.append(codes[i])
    return np.array(contexts), np.array(following)


# %%
# Counting
# --------
# The probability of a letter after another is how often it came there. One is added to each count,
# so that nothing is impossible. The loss is the mean of -log p of the letters that came.

x, y = samples(parts["known"], 1)
counts = np.ones((27, 27))
np.add.at(counts, (x[:, 0], y), 1)
probabilities = counts / counts.sum(axis=1, keepdims=True)

# %%
# The same by a network
# ---------------------
# A row of logits for each letter, 27 x 27 numbers: ``embedding`` looks up the row. The loss of a
# count is the cross entropy, and a count that begins at one is a data set in which each pair occurs
# once more. This loss is convex: wherever we start, there is one end.

pairs = np.indices((27, 27)).reshape(2, -1)
contexts, following = np.append(x[:, 0], pairs[0]), np.append(y, pairs[1])


def one_layer(W):
    """The loss of a table of logits."""
    return tg.softmax_cross_entropy(tg.embedding(contexts, W), following)


counted = -np.log(probabilities[contexts, following]).mean()
learned = [
    minimize(one_layer, np.random.default_rng(seed).normal(size=(27, 27)), method="L-BFGS-B")
    for seed in range(SEEDS)
]
table = tg.softmax(learned[0].x.reshape(27, 27)).data
print(f"loss by counting {counted:.6f}, by a network {', '.join(f'{r.fun:.6f}' for r in learned)}")
print(f"largest difference of the probabilities: {np.abs(table - probabilities).max():.4f}")

figure, axes = plt.subplots(1, 2, figsize=(10, 5.2), layout="constrained", sharey=True)
for ax, values, title in zip(
    axes, (probabilities, table), ("counted", "learned by a network"), strict=True
):
    image = ax.imshow(values, cmap="Blues", vmax=0.5)
    ax.set(title=title, xlabel="next letter", xticks=range(27), yticks=range(27))
    ax.set_xticklabels(LETTERS, fontsize="small")
    ax.set_yticklabels(LETTERS, fontsize="small")
axes[0].set_ylabel("letter")
figure.colorbar(image, ax=axes, label="probability", extend="max", shrink=0.8)
save(figure, chosen.output / "table.png")

# %%
# Where counting ends
# -------------------
# A longer context should know more. But of 27 x 27 x 27 x 27 contexts most were never seen, and of
# those what is counted is noise: on new names the loss goes up again.


def count_with(length, extra=0.1):
    """The losses of counting with contexts of a length, on known and on new names."""
    seen, together = Counter(), Counter()
    for context, letter in zip(*samples(parts["known"], length), strict=True):
        seen[tuple(context)] += 1
        together[*context, letter] += 1
    return [
        np.mean(
            [
                -np.log((together[*c, letter] + extra) / (seen[tuple(c)] + 27 * extra))
                for c, letter in zip(*samples(part, length), strict=True)
            ]
        )
        for part in parts.values()
    ]


LENGTHS = range(5)
by_counting = [count_with(length) for length in LENGTHS]
print_table(
    "counting, with 0.1 added to each count: loss per letter",
    ("letters before", "known names", "new names"),
    [
        (length, *(f"{loss:.3f}" for loss in losses))
        for length, losses in zip(LENGTHS, by_counting, strict=True)
    ],
)

# %%
# Batch normalization by hand
# ---------------------------
# A small network: the vectors of three letters side by side, a layer, batch normalization, tanh, a
# layer. Every intermediate value has a name, since of every one we will know the gradient.

rng = np.random.default_rng(0)
x, y = (values[:32] for values in samples(parts["known"], 3))
C = tg.Tensor(rng.normal(size=(27, 10)), requires_grad=True)
W1 = tg.Tensor(rng.normal(0, 30**-0.5, (30, 64)), requires_grad=True)
b1 = tg.Tensor(rng.normal(0, 0.1, 64), requires_grad=True)
gain = tg.Tensor(rng.normal(1, 0.1, 64), requires_grad=True)
shift = tg.Tensor(rng.normal(0, 0.1, 64), requires_grad=True)
W2 = tg.Tensor(rng.normal(0, 0.1, (64, 27)), requires_grad=True)
b2 = tg.Tensor(rng.normal(0, 0.1, 27), requires_grad=True)

e = tg.embedding(x, C)
row = e.reshape(32, 30)
z = row @ W1 + b1
mean = z.mean(axis=0)
centered = z - mean
square = centered**2
variance = square.mean(axis=0)
inverse = (variance + 1e-5) ** -0.5
normal = centered * inverse
out = gain * normal + shift
h = tg.tanh(out)
logits = h @ W2 + b2
loss = tg.softmax_cross_entropy(logits, y)

# %%
# Now backward, by hand, in NumPy: ``d["h"]`` is the derivative of the loss with respect to h. Where
# a value was used for all samples, its gradient is a sum over them. Where it was used twice, as
# ``centered``, it is a sum over its uses.

d = {}
n = len(x)
p = np.exp(logits.data) / np.exp(logits.data).sum(axis=1, keepdims=True)
d["logits"] = (p - np.eye(27)[y]) / n
d["W2"] = h.data.T @ d["logits"]
d["b2"] = d["logits"].sum(axis=0)
d["h"] = d["logits"] @ W2.data.T
d["out"] = d["h"] * (1 - h.data**2)
d["gain"] = (d["out"] * normal.data).sum(axis=0)
d["shift"] = d["out"].sum(axis=0)
d["normal"] = d["out"] * gain.data
d["inverse"] = (d["normal"] * centered.data).sum(axis=0)
d["variance"] = d["inverse"] * -0.5 * inverse.data**3
d["square"] = np.ones((n, 1)) * d["variance"] / n
d["centered"] = d["normal"] * inverse.data + d["square"] * 2 * centered.data
d["mean"] = -d["centered"].sum(axis=0)
d["z"] = d["centered"] + d["mean"] / n
d["W1"] = row.data.T @ d["z"]
d["b1"] = d["z"].sum(axis=0)
d["row"] = d["z"] @ W1.data.T
d["e"] = d["row"].reshape(e.shape)
d["C"] = np.zeros(C.shape)
np.add.at(d["C"], x, d["e"])

# %%
# The library differentiates by every one of them. ``b1`` is the surprise: its gradient is 0, since
# the mean, which is subtracted next, takes it away again. It is not learned.

variables = {name: globals()[name] for name in d}
by_library = tg.gradients(loss, variables)
print_table(
    "gradients by hand, and those of the library",
    ("of", "shape", "norm", "largest difference"),
    [
        (
            name,
            "x".join(map(str, d[name].shape)),
            f"{np.linalg.norm(d[name]):.2g}",
            f"{np.abs(d[name] - by_library[name]).max():.0e}",
        )
        for name in d
    ],
)

# %%
# On paper the nine lines from ``out`` to ``z`` shrink to one: what comes back, less its mean and
# less what points along the normalized values. So the sum of a column of dL/dz is 0, and its
# product with the normalized values, too: the layer does not care for shifts or scales of z.

g = d["normal"]
on_paper = inverse.data * (g - g.mean(axis=0) - normal.data * (g * normal.data).mean(axis=0))
# (up to the 1e-5 that is added to the variance)
print(f"in one line, largest difference: {np.abs(on_paper - by_library['z']).max():.0e}")

# %%
# Networks that read more
# -----------------------
# The first reads three letters, the others eight. The last one, as WaveNet, reads them as a tree:
# it joins two neighbors to a pair, two pairs to a four, and two fours to all eight, by three small
# layers instead of a wide one, each with batch normalization.

VECTOR, UNITS = 10, 64


def flat(length, rng, normalize=False, std=1.0):
    """Join the vectors of all letters at once; at first these are of the given size."""
    hidden = nn.Linear(length * VECTOR, UNITS, bias=not normalize, rng=rng, dtype="float32")
    norm = [nn.BatchNorm(UNITS, dtype="float32")] if normalize else []
    return nn.Sequential(
        nn.Embedding(27, VECTOR, init=partial(nn.init.normal, std=std), rng=rng, dtype="float32"),
        nn.Flatten(),
        hidden,
        *norm,
        tg.tanh,
        nn.Linear(UNITS, 27, rng=rng, dtype="float32"),
    )


class JoinPairs(nn.Module):
    """Put each two neighbors side by side, and apply a layer, batch normalization and tanh."""

    def __init__(self, n, units, rng):
        self.linear = nn.Linear(2 * n, units, bias=False, rng=rng, dtype="float32")
        self.norm = nn.BatchNorm(units, dtype="float32")

    def forward(self, x):
        """From (samples, positions, n) to (samples, positions / 2, units)."""
        samples, positions, n = x.shape
        pairs = x.reshape(samples * positions // 2, 2 * n)  # all are treated alike
        return tg.tanh(self.norm(self.linear(pairs))).reshape(samples, positions // 2, -1)


def tree(rng, units=32):
    """Join eight letters in three steps."""
    return nn.Sequential(
        {
            "letters": nn.Embedding(27, VECTOR, rng=rng, dtype="float32"),
            "pairs": JoinPairs(VECTOR, units, rng),
            "fours": JoinPairs(units, units, rng),
            "eight": JoinPairs(units, units, rng),
            "flat": nn.Flatten(),
            "scores": nn.Linear(units, 27, rng=rng, dtype="float32"),
        }
    )


MODELS = {
    "three letters": (3, partial(flat, 3)),
    "three, small vectors": (3, partial(flat, 3, std=0.1)),
    "eight letters": (8, partial(flat, 8)),
    "eight, batch norm": (8, partial(flat, 8, normalize=True)),
    "eight, tree": (8, tree),
}


def loss_of(model, x, y):
    """The mean of -log p over all samples."""
    with tg.no_grad():
        return tg.softmax_cross_entropy(model(x), y).item()


def learn(name, seed):
    """Train a model; return it and its losses on known and on new names, first and last."""
    length, make = MODELS[name]
    rng = np.random.default_rng(seed)
    model = make(rng)
    x, y = samples(parts["known"], length)
    rate = tg.optim.cosine_decay(0.004, EPOCHS * -(-len(x) // 64))
    history = tg.train(
        model,
        x,
        y,
        loss=tg.softmax_cross_entropy,
        optimizer=tg.optim.AdamW(model.parameters(), lr=rate),
        epochs=EPOCHS,
        batch_size=64,
        rng=rng,
        validation=samples(parts["new"], length),
        every=max(1, EPOCHS // 4),
        health=False,
        progress=False,
        compile=True,
    )
    return model, history


cells = [(name, seed) for name in reversed(MODELS) for seed in range(SEEDS)]
trained = dict(zip(cells, parallel(learn, cells, "networks", chosen.jobs), strict=True))
losses = {
    name: np.array(
        [
            [trained[name, seed][1][which][-1] for which in ("loss", "validation_loss")]
            for seed in range(SEEDS)
        ]
    )
    for name in MODELS
}
print_table(
    f"loss per letter, of {SEEDS} seeds",
    ("network", "parameters", "known names", "new names"),
    [
        (
            name,
            sum(p.data.size for p in trained[name, 0][0].parameters()),
            *(spread(column) for column in losses[name].T),
        )
        for name in MODELS
    ],
)

# %%
# All of it in one picture: for new names every dot is a seed.

figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
bars = [f"counting, {length} before" for length in LENGTHS]
ax.plot([new for _, new in by_counting], bars, "D", color="#d55e00", label="counting, new names")
ax.plot(
    [known for known, _ in by_counting],
    bars,
    "D",
    color="#d55e00",
    fillstyle="none",
    label="counting, known names",
)
for column, style, label in (
    (1, "full", "networks, new names"),
    (0, "none", "networks, known names"),
):
    dots = [(loss, name) for name in MODELS for loss in losses[name][:, column]]
    ax.plot(*zip(*dots, strict=True), "o", color="#0072b2", fillstyle=style, label=label)
ax.invert_yaxis()
ax.set(xlabel="loss per letter")
ax.legend(frameon=False, loc="lower right")
ax.spines[["top", "right"]].set_visible(False)
save(figure, chosen.output / "losses.png")

# %%
# What is known of letters
# ------------------------
# The vectors that the networks of three letters gave to letters, in the plane in which they differ
# most. Nobody told them that there are vowels. Both find them: among ten numbers for each letter,
# the nearest to a vowel is mostly a vowel. But the plane shows it only where the vectors were small
# at first. Large random ones are enough to tell letters apart, and fill all ten directions.

VOWELS = np.array([letter in "aeiouy" for letter in LETTERS])


def vowels_by_vowels(vectors):
    """The fraction of the vowels to which another vowel is the nearest letter."""
    distances = np.linalg.norm(vectors[:, None] - vectors, axis=-1)
    np.fill_diagonal(distances, np.inf)
    return VOWELS[distances.argmin(axis=1)][VOWELS].mean()


figure, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
together = {}
for ax, name in zip(axes, ("three letters", "three, small vectors"), strict=True):
    of_seeds = [trained[name, seed][0][0].W.data for seed in range(SEEDS)]
    together[name] = [vowels_by_vowels(vectors) for vectors in of_seeds]
    vectors = of_seeds[0] - of_seeds[0].mean(axis=0)
    plane = vectors @ np.linalg.svd(vectors, full_matrices=False)[2][:2].T
    for letter, point, vowel in zip(LETTERS, plane, VOWELS, strict=True):
        color, weight = ("#d55e00", "bold") if vowel else ("#0072b2", None)
        ax.text(*point, letter, ha="center", va="center", size=14, color=color, weight=weight)
    reach = 1.1 * np.abs(plane).max()
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], title=name)
save(figure, chosen.output / "letters.png")
print_table(
    "vowels whose nearest letter is a vowel; by chance it were a fifth",
    ("network", "share"),
    [(name, spread(shares, ".0%")) for name, shares in together.items()],
)

# %%
# The tree on four samples, as a graph with a card for each layer.

model = trained["eight, tree", 0][0].train()
x, y = (values[:4] for values in samples(parts["new"], 8))
loss = tg.softmax_cross_entropy(model(x), y)
loss.backward()
graph = tg.draw_graph(loss, {"loss": loss}, direction="TB", depth=1, legend=False)
for kind in ("svg", "png"):
    (chosen.output / f"tree.{kind}").write_bytes(graph.pipe(kind))
model.eval()

# %%
# New names
# ---------
# A network writes a name by drawing letter after letter, until it draws the end.


def write_names(model, length, n, rng):
    """Draw names, all at once; those that are over go on unseen."""
    texts = np.zeros((n, length), int)
    with tg.no_grad():
        for _ in range(20):
            p = tg.softmax(model(texts[:, -length:])).data.astype(float)
            drawn = (p.cumsum(axis=1) > rng.random((n, 1)) * p.sum(axis=1, keepdims=True)).argmax(1)
            texts = np.column_stack([texts, drawn])
    words = ["".join(LETTERS[code] for code in text[length:]) for text in texts]
    return [word.partition(".")[0] for word in words]


rng = np.random.default_rng(1)
written = {
    "counting": write_names(lambda x: tg.Tensor(np.log(probabilities)[x[:, -1]]), 1, 1000, rng),
    **{
        name: write_names(trained[name, 0][0], MODELS[name][0], 1000, rng)
        for name in ("three letters", "eight, tree")
    },
}
real = {
    name: [np.mean([word in part for word in words]) for part in map(set, parts.values())]
    for name, words in written.items()
}
print_table(
    "names written: the first ones, and how many of 1000 there really are",
    ("by", "known", "new", "for example"),
    [
        (name, *(f"{share:.1%}" for share in real[name]), " ".join(words[:8]))
        for name, words in written.items()
    ],
)
save_numbers(
    chosen.output / "numbers.json",
    {
        "counted": counted,
        "learned": [result.fun for result in learned],
        "counting": by_counting,
        "by hand": {name: np.abs(d[name] - by_library[name]).max() for name in d},
        "losses": losses,
        "written": real,
        "vowels": together,
    },
)

# %%
# Findings
# --------

best = min(new for _, new in by_counting)
new = {name: f"{np.median(values[:, 1]):.3f}" for name, values in losses.items()}
nearest = {name: f"{np.median(shares):.0%}" for name, shares in together.items()}
exist = {name: f"{sum(shares):.0%}" for name, shares in real.items()}
conclude(
    chosen,
    f"""
What holds:
- A network of one layer learns what is counted: from {SEEDS} beginnings its loss is that of
  counting, {counted:.4f}, to {max(result.fun for result in learned) - counted:.0e}.
- Counting is best with {np.argmin(by_counting, axis=0)[1]} letters before, at {best:.3f}; with 4 it
  is worse, although it knows the known names better than ever. Networks go on to learn where
  counting ends: {new["three letters"]} with three letters, {new["eight letters"]} with
  eight.
- All {len(d)} gradients derived by hand are those of the library, to
  {max(np.abs(d[name] - by_library[name]).max() for name in d):.0e}.
What surprises:
- A bias before batch normalization has the gradient 0: it is subtracted with the mean.
- The tree reads as well as the wide layer, which has more weights: {new["eight, tree"]} and
  {new["eight letters"]}. Batch normalization by itself is no help,
  {new["eight, batch norm"]}: a network of one hidden layer learns without it.
- A plane hides much: the letter nearest to a vowel is a vowel in {nearest["three letters"]} of the
  cases, and one does not see it. With small vectors, {nearest["three, small vectors"]}, one does,
  and yet such a network learns less in the same time: {new["three, small vectors"]}.
What fails:
- To write names that exist: of 1000 by the tree {exist["eight, tree"]} do, and of 1000 by counting
  pairs {exist["counting"]}. But read them: those of the tree sound like names. What is better per
  letter need not show in what can be looked up.""",
)

# sphinx_gallery_thumbnail_number = 3
