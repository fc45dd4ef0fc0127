"""
What does a unit want to see?
=============================

Training holds the pictures and moves the weights. Here the weights are held and the picture moves,
up the gradient of what a unit answers. The answer to the question "what is a 3, to you?" looks like
noise to us - and every other network says that it is a 3. We try two cures, to ask for a picture
that may be shifted, and to teach the network not to fall for small changes.

Run it with ``python examples/optimize_the_input.py [--quick]``.
"""

import matplotlib.pyplot as plt
import numpy as np
from _studies import conclude, options, parallel, print_table, save, save_numbers, spread
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

chosen = options("optimize_the_input")
SEEDS = 2 if chosen.quick else 5
EPOCHS = 8 if chosen.quick else 40
STEPS = 40 if chosen.quick else 200  # of a picture

# %%
# The networks
# ------------
# Scikit-learn's digits, 8 x 8 pixels between 0 and 1. Two kinds of training: on the pictures, and
# on the pictures made worse, each pixel by 0.15 in the direction that hurts most. That direction is
# the sign of the gradient of the loss by the picture.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
SIZE = 0.15


def attack(network, x, labels, size):
    """Move each pixel by a size, in the direction that raises the loss; weights stay."""

    def loss(x):
        return tg.softmax_cross_entropy(network(x), labels, reduction="sum")

    return np.clip(x + size * np.sign(tg.grad(loss)(x)), 0, 1)


def train(robust, seed):
    """Train a network, on the pictures or on attacked ones."""
    rng = np.random.default_rng(seed)
    network = nn.MLP([64, 64, 64, 10], "relu", rng=rng)
    batches = len(X_train) // 32

    def loss(x, labels):
        if robust:  # what the attack does is no part of the gradient: it is a constant
            x = tg.stop_gradient(attack(network, x, labels, SIZE))
        return tg.softmax_cross_entropy(network(x), labels)

    adam = optim.Adam(network.parameters(), lr=optim.cosine_decay(0.003, EPOCHS * batches))
    step = tg.compile(loss, adam)
    for _ in range(EPOCHS):
        for batch in np.array_split(rng.permutation(len(X_train)), batches):
            step(X_train[batch], y_train[batch])
    return network


KINDS = {"plain": False, "robust": True}
cells = [(kind, seed) for kind in KINDS for seed in range(SEEDS)]
trained = parallel(train, [(KINDS[k], seed) for k, seed in cells], "training", chosen.jobs)
networks = dict(zip(cells, trained, strict=True))


def accuracy(network, x):
    """Which fraction of test pictures is read right."""
    with tg.no_grad():
        return np.mean(network(x).data.argmax(axis=1) == y_test)


# %%
# Pictures that a unit likes
# --------------------------
# A picture is the sigmoid of 64 free numbers, so that pixels stay between 0 and 1; Adam moves them.
# All pictures are made at once, one for each unit. A picture may be asked to please in all nine
# places to which it is shifted by at most one pixel, which leaves no room for single dots.


def scores(network, x):
    """What the ten output units answer."""
    return network(x)


def hidden(network, x):
    """What ten units of the second layer answer, before ReLU: below zero it has no gradient."""
    return (network[0](x) @ network[1].W + network[1].b)[:, :10]


def nine_places(x):
    """The pictures, shifted by -1, 0 and 1 in both directions."""
    wide = tg.pad(x.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    return [wide[:, i : i + 8, j : j + 8].reshape(-1, 64) for i in range(3) for j in range(3)]


def wanted(network, layer=scores, shifted=False, seed=0):
    """Ten pictures, each such that one of the ten units of a layer answers as loudly as it can."""
    noise = np.random.default_rng(seed).normal(0, 0.1, (10, 64))
    free = tg.Tensor(noise, requires_grad=True, name="free")

    def loss():
        x = tg.sigmoid(free)
        seen = nine_places(x) if shifted else [x]
        return -sum(tg.trace(layer(network, view)) for view in seen) / len(seen)

    step = tg.compile(loss, optim.Adam([free], lr=0.1))
    for _ in range(STEPS):
        step()
    return tg.sigmoid(free.data)


# %%
# Who else sees a 3?
# ------------------
# A picture of a 3 is one for others, too. We show the pictures of each network to plain ones of the
# other seeds, look for the most similar real digit, and compare with the mean of the real ones.


def others_agree(seed, pictures):
    """How many of ten pictures the plain networks of other seeds read as meant."""
    others = [networks["plain", other] for other in range(SEEDS) if other != seed]
    return np.mean([network(pictures).data.argmax(axis=1) == range(10) for network in others])


def cosines(pictures, others):
    """How much pictures have in common with others, up to brightness: 1 if they are the same."""
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (pictures, others))
    return a @ b.T


def nearest_agrees(pictures):
    """How many of ten pictures have their own digit as the nearest real one."""
    return np.mean(y_train[cosines(pictures, X_train).argmax(axis=1)] == range(10))


means = np.array([X_train[y_train == digit].mean(axis=0) for digit in range(10)])


def likeness(pictures):
    """How much ten pictures look like the mean of their real digits."""
    return np.trace(cosines(pictures - pictures.mean(), means - means.mean())) / 10


def judged(pictures, seed):
    """What others say of ten pictures that were made for the network of a seed."""
    return others_agree(seed, pictures), nearest_agrees(pictures), likeness(pictures)


WAYS = {
    "plain": ("plain", False),
    "plain, in nine places": ("plain", True),
    "robust": ("robust", False),
    "robust, in nine places": ("robust", True),
}
pictures = {
    (way, seed): wanted(networks[kind, seed], shifted=shifted)
    for way, (kind, shifted) in tqdm(WAYS.items(), desc="pictures")
    for seed in range(SEEDS)
}
agree = {
    way: np.array([judged(pictures[way, seed], seed) for seed in range(SEEDS)]).T for way in WAYS
}
print_table(
    f"pictures of ten digits, {SEEDS} seeds: median and the middle half",
    ("network", "others read it so", "nearest real digit is so", "likeness to the mean digit"),
    [
        (way, spread(others, ".0%"), spread(near, ".0%"), spread(like, ".2f"))
        for way, (others, near, like) in agree.items()
    ],
)

# %%
# The pictures
# ------------
# Each row ten digits, 0 to 9. The first row are the means of the real ones. Look for the digits:
# in which row do you see them best? Then look at the likeness above. Once one knows what is meant,
# one sees it.

rows = {"mean of the real": means} | {way: pictures[way, 0] for way in WAYS}
rows |= {f"hidden units, {kind}": wanted(networks[kind, 0], hidden) for kind in KINDS}


def draw_rows(rows):
    """Draw a row of ten pictures each."""
    figure, axes = plt.subplots(len(rows), 10, figsize=(10, 1.02 * len(rows)), layout="constrained")
    for row, (name, ten) in zip(axes, rows.items(), strict=True):
        for ax, picture in zip(row, ten, strict=True):
            ax.imshow(picture.reshape(8, 8), cmap="Greys", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(name.replace(", ", ",\n"), rotation=0, ha="right", va="center")
    return figure


save(draw_rows(rows), chosen.output / "wanted.png")

# %%
# The other direction
# -------------------
# The same gradient turns a digit into one that is read wrong. Left the accuracy on test pictures
# whose pixels were all moved by a size, each network by its own gradient; right some of them.

SIZES = (0, 0.05, 0.1, 0.15, 0.2, 0.3)
falls = {
    kind: np.array(
        [
            [
                accuracy(networks[kind, s], attack(networks[kind, s], X_test, y_test, size))
                for size in SIZES
            ]
            for s in range(SEEDS)
        ]
    )
    for kind in KINDS
}
figure, (ax, mosaic) = plt.subplots(1, 2, figsize=(10.5, 4.2), layout="constrained")
for (kind, curves), color in zip(falls.items(), ("#d55e00", "#0072b2"), strict=True):
    ax.plot(SIZES, curves.T, "o-", color=color, alpha=0.6, linewidth=1.2)
    ax.plot([], [], "o-", color=color, label=kind)
ax.set(xlabel="size of the change of each pixel", ylabel="accuracy", ylim=(0, 1.02))
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
network = networks["plain", 0]
attacked = attack(network, X_test[:6], y_test[:6], SIZE).numpy()
read = network(attacked).data.argmax(axis=1)
mosaic.axis("off")
mosaic.set_title(f"moved by {SIZE}: what a plain network reads", y=0.82)
for i in range(6):
    for row, picture in enumerate((X_test[i], attacked[i])):
        inset = mosaic.inset_axes([i / 6, 0.5 - 0.34 * row, 0.15, 0.23])
        inset.imshow(picture.reshape(8, 8), cmap="Greys", vmin=0, vmax=1)
        inset.set_title(f"{y_test[i]}" if row == 0 else f"→ {read[i]}", fontsize="small", pad=2)
        inset.set(xticks=[], yticks=[])
save(figure, chosen.output / "attacks.png")

print_table(
    f"accuracy on test pictures, {SEEDS} seeds",
    ("network", *(f"moved by {size}" for size in SIZES)),
    [(kind, *(spread(column, ".2f") for column in curves.T)) for kind, curves in falls.items()],
)
save_numbers(
    chosen.output / "numbers.json",
    {"accuracy": falls, "others agree": {way: values[0] for way, values in agree.items()}},
)

# %%
# Findings
# --------

at = SIZES.index(SIZE)
clean = {kind: f"{np.median(curves[:, 0]):.1%}" for kind, curves in falls.items()}
under = {kind: f"{np.median(curves[:, at]):.0%}" for kind, curves in falls.items()}
others, nearest, likenesses = (
    {way: f"{np.median(values[i]):{form}}" for way, values in agree.items()}
    for i, form in enumerate((".0%", ".0%", ".2f"))
)
conclude(
    chosen,
    f"""
What holds:
- The pictures that a plain network likes best look like noise to us, but others see in them what
  is meant: networks of other seeds read {others["plain"]} of them so, and {nearest["plain"]} have
  a real digit of their kind nearest. The digit is in them, beside much that is in no digit.
- Moved by {SIZE} in each pixel, {under["plain"]} of the test pictures are still read right by a
  plain network, and {under["robust"]} by a robust one. Unmoved it is {clean["plain"]} and
  {clean["robust"]}.
What does not:
- "A robust network wants to see digits": of what its units like best the likeness is
  {likenesses["robust"]}, and {likenesses["plain"]} for a plain one.
- "Smoother pictures are better ones": asked to please in nine places, a plain network makes
  pictures of a likeness of {likenesses["plain, in nine places"]}, and a robust one of
  {likenesses["robust, in nine places"]}; {others["robust, in nine places"]} of the latter are read
  as meant by others.
Why:
- A digit at the border of the picture was never trained for, so nothing says what a network makes
  of it. And a plain network uses all that tells digits apart, also what no eye would look at.""",
)

# sphinx_gallery_thumbnail_number = 1
