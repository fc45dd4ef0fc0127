"""
A plane of digits
=================

A variational autoencoder squeezes a picture through two numbers, and makes it again from them. So
every digit gets a place on a plane, and every point of the plane is a picture: also those where no
digit is. We draw the plane, and see what happens to it if the encoder may say exactly where a
picture belongs, or if the decoder does not need to be told.

Run it with ``python examples/vae.py [--quick]``.
"""

import matplotlib.pyplot as plt
import numpy as np
from _studies import conclude, options, parallel, print_table, save, save_numbers, spread
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

import tinygrad_edu as tg
from tinygrad_edu import nn, optim

chosen = options("vae")
SEEDS = 2 if chosen.quick else 5
EPOCHS = 10 if chosen.quick else 150
WEIGHTS = (0, 1, 5)  # of the second term of the loss
BATCH = 64

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)

# %%
# The loss
# --------
# The encoder says where on the plane a picture belongs, and how exactly: a mean and a spread, in
# both directions. A place is drawn from there, and the decoder must make the picture from it. That
# the gradient passes through the drawing is due to a trick: the place is mean + spread * noise,
# and the noise does not depend on anything.
#
# The loss has two terms: what the picture costs (the cross entropy of its pixels), and how much
# the encoder has said: the divergence of its answer from a standard normal number, which would say
# nothing. Their sum bounds the negative log-likelihood of the picture, if the weight is 1.


class Autoencoder(nn.Module):
    """64 pixels, 128 units, a place on the plane, 128 units, 64 pixels."""

    def __init__(self, rng):
        self.encoder = nn.MLP([64, 128, 4], "relu", rng=rng)
        self.decoder = nn.MLP([2, 128, 64], "relu", rng=rng)

    def encode(self, x):
        """Tell the mean and the logarithm of the spread, each of shape (pictures, 2)."""
        answer = self.encoder(x)
        return answer[:, :2], answer[:, 2:]

    def forward(self, x, noise):
        """Both terms of the loss, for each picture."""
        mean, log_spread = self.encode(x)
        place = mean + tg.exp(log_spread) * noise
        logits = self.decoder(place)
        picture = tg.sigmoid_cross_entropy(logits, x, reduction="none").sum(axis=1)
        said = 0.5 * (mean**2 + tg.exp(2 * log_spread) - 1) - log_spread
        return picture, said.sum(axis=1)


def train(weight, seed):
    """Train an autoencoder; return it."""
    rng = np.random.default_rng(seed)
    model = Autoencoder(rng)
    batches = len(X_train) // BATCH

    def loss(x, noise):
        picture, said = model(x, noise)
        return (picture + weight * said).mean()

    adam = optim.Adam(model.parameters(), lr=optim.cosine_decay(0.003, EPOCHS * batches))
    step = tg.compile(loss, adam)
    for _ in range(EPOCHS):
        for batch in np.array_split(rng.permutation(len(X_train)), batches):
            step(X_train[batch], rng.standard_normal((len(batch), 2)))
    return model


cells = [(weight, seed) for weight in WEIGHTS for seed in range(SEEDS)]
models = dict(zip(cells, parallel(train, cells, "training", chosen.jobs), strict=True))

# %%
# What was learned
# ----------------
# On digits never seen: both terms, and whether the plane knows what it was never told, the labels.
# A test picture gets that of most of its five nearest neighbors on the plane.


def places(model, x):
    """Where on the plane pictures belong."""
    with tg.no_grad():
        return model.encode(x)[0].data


def measure(model):
    """Both terms of the loss of test pictures, and how many labels the plane knows."""
    noise = np.random.default_rng(0).standard_normal((len(X_test), 2))
    with tg.no_grad():
        picture, said = (term.data.mean() for term in model(X_test, noise))
    neighbors = KNeighborsClassifier(5).fit(places(model, X_train), y_train)
    return picture, said, neighbors.score(places(model, X_test), y_test)


measured = {
    weight: np.array([measure(models[weight, seed]) for seed in range(SEEDS)]).T
    for weight in WEIGHTS
}
print_table(
    f"on test pictures, {SEEDS} seeds: median and the middle half",
    ("weight", "picture", "said", "bound", "labels known"),
    [
        (
            weight,
            spread(picture, ".1f"),
            spread(said, ".1f"),
            spread(picture + said, ".1f"),
            spread(known, ".0%"),
        )
        for weight, (picture, said, known) in measured.items()
    ],
)
save_numbers(chosen.output / "numbers.json", {str(w): values for w, values in measured.items()})

# %%
# Where the digits are
# --------------------
# Test pictures on the plane, each as its digit. Look at the scales: without the second term nothing
# holds the places together, and most of the plane means nothing.

COLORS = plt.get_cmap("tab10").colors


def draw_places(ax, weight):
    """Draw the place of each test picture."""
    z = places(models[weight, 0], X_test)
    for digit in range(10):
        ax.scatter(
            *z[y_test == digit].T, color=COLORS[digit], marker=f"${digit}$", s=28, linewidths=0.3
        )
    ax.set(title=f"weight {weight}", aspect="equal", adjustable="datalim")
    ax.spines[["top", "right"]].set_visible(False)


figure, axes = plt.subplots(1, len(WEIGHTS), figsize=(12, 4.4), layout="constrained")
for ax, weight in zip(axes, WEIGHTS, strict=True):
    draw_places(ax, weight)
save(figure, chosen.output / "places.png")

# %%
# What every point means
# ----------------------
# The pictures that the decoder makes of a grid of places. With a weight of 1 one digit turns into
# another along every path; between them are pictures of no digit.


def atlas(model, size=2.2, count=11):
    """The pictures of a grid of places, as one large picture with some white between them."""
    along = np.linspace(-size, size, count)
    grid = np.stack(np.meshgrid(along, along[::-1]), axis=-1).reshape(-1, 2)
    with tg.no_grad():
        pictures = tg.sigmoid(model.decoder(grid)).data
    apart = np.pad(pictures.reshape(count, count, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1)))
    return apart.swapaxes(1, 2).reshape(count * 10, count * 10)


figure, axes = plt.subplots(1, len(WEIGHTS), figsize=(12, 4.4), layout="constrained")
for ax, weight in zip(axes, WEIGHTS, strict=True):
    ax.imshow(atlas(models[weight, 0]), cmap="Greys", vmin=0, vmax=1, extent=2 * (-2.2, 2.2))
    ax.set_title(f"weight {weight}")
save(figure, chosen.output / "atlas.png")

# %%
# New digits
# ----------
# A place drawn from a standard normal, and its picture. A classifier that has seen the real ones
# says how sure it is of what it sees, and how many different digits there are: the exponential of
# the entropy of its answers, which is 10 if all are equally frequent.

judge = KNeighborsClassifier(10).fit(X_train, y_train)


def judged(pictures):
    """How sure the classifier is on average, and how many different digits it sees."""
    probabilities = judge.predict_proba(pictures)
    share = np.bincount(probabilities.argmax(axis=1), minlength=10) / len(pictures)
    share = share[share > 0]
    return probabilities.max(axis=1).mean(), np.exp(-(share * np.log(share)).sum())


def invented(model, count=1000):
    """Pictures of places at random."""
    with tg.no_grad():
        z = np.random.default_rng(1).standard_normal((count, 2))
        return tg.sigmoid(model.decoder(z)).data


new = {
    weight: np.array([judged(invented(models[weight, seed])) for seed in range(SEEDS)]).T
    for weight in WEIGHTS
}
print_table(
    "invented digits, as a classifier sees them",
    ("weight", "sure", "different digits"),
    [(w, spread(sure, ".2f"), spread(different, ".1f")) for w, (sure, different) in new.items()]
    + [("real ones", *(f"{value:.2f}" for value in judged(X_test)))],
)

# %%
# Findings
# --------

middle = {
    w: [f"{np.median(v):{form}}" for v, form in zip(values, (".1f", ".1f", ".0%"), strict=True)]
    for w, values in measured.items()
}
sure = {w: f"{np.median(values[0]):.2f}" for w, values in new.items()}
different = {w: f"{np.median(values[1]):.1f}" for w, values in new.items()}
bound = {w: f"{np.median(picture + said):.1f}" for w, (picture, said, _) in measured.items()}
conclude(
    chosen,
    f"""
What holds:
- Two numbers know the digit of {middle[1][2]} of the test pictures, though no label was ever shown.
- Of pictures drawn at random a classifier is {sure[1]} sure, and sees {different[1]} different
  digits of ten, at a weight of 1; without the second term these are {sure[0]} and {different[0]}.
- The second term hardly costs anything: a picture never seen costs {middle[1][0]} with it, and
  {middle[0][0]} without. But without it the encoder says {middle[0][1]} where {middle[1][1]} is
  enough, so that the bound is {bound[0]} against {bound[1]}.
What does not:
- "It makes the plane know more": without it {middle[0][2]} of the labels are known.
- "More of it is better": at a weight of 5 the encoder says {middle[5][1]}, and of different digits
  there are {different[5]}: the decoder has one picture for all.
- "What a classifier is sure of is a good picture": of that one it is {sure[5]} sure.
Why:
- The second term is the price of a word. If words are free, the encoder uses places as far apart
  as it likes, and most of the plane is where no digit is; if they are dear, it falls silent, and
  the decoder answers with the mean of all.""",
)

# sphinx_gallery_thumbnail_number = 2
