"""
Writing letter by letter
========================

A recurrent network reads a poem letter by letter, and guesses the next one. An LSTM and a GRU learn
much of Poe's "The Raven" by heart, and write verses of that kind. We ask what they have learned,
how far back the gradient reaches - here, too, it vanishes - and when it must be clipped.

Run it with ``python examples/text_lstm.py [--quick]``.
"""

from pathlib import Path

import _studies
import matplotlib.pyplot as plt
import numpy as np
from _studies import conclude, options, parallel, print_table, save, save_numbers, spread

import tinygrad_edu as tg
from tinygrad_edu import nn

chosen = options("text_lstm")
SEEDS = range(1 if chosen.quick else 5)
READERS = SEEDS[:3]  # the seeds of those that learn the poem, which takes longest
STEPS = 40 if chosen.quick else 300
BATCH = 32  # how many pieces of the poem are read at once
LENGTH = 25 if chosen.quick else 50  # and how long each is
REACH = 60 if chosen.quick else 100  # how far back we ask for the gradient
WRITTEN = 60 if chosen.quick else 240  # letters

# %%
# The poem
# --------
# Edgar Allan Poe, "The Raven", New York 1845, in the public domain; written down in
# :download:`the_raven.txt <../../examples/the_raven.txt>`. The last four stanzas are kept for the
# test. What counting achieves there is what a network must beat: how often does a letter follow the
# one before?

poem = Path(_studies.__file__).with_name("the_raven.txt").read_text()
alphabet = sorted(set(poem))
letters = np.array([alphabet.index(letter) for letter in poem])
stanzas = poem.split("\n\n")
begin = len(poem) - len("\n\n".join(stanzas[-4:]))
known, unknown = letters[:begin], letters[begin:]


def count_pairs(read, asked):
    """Guess by how often, in what was read, a letter follows another; return bits for a letter."""
    counts = np.ones((len(alphabet), len(alphabet)))  # nothing is impossible
    np.add.at(counts, (read[:-1], read[1:]), 1)
    return -np.log2(counts / counts.sum(axis=1, keepdims=True))[asked[:-1], asked[1:]].mean()


counting = count_pairs(known, unknown)
print_table(
    "the poem",
    ("letters", "different ones", "to learn from", "for the test", "bits by counting pairs"),
    [(len(poem), len(alphabet), len(known), len(unknown), f"{counting:.2f}")],
)

# %%
# The networks
# ------------
# A plain recurrent layer computes its whole state anew at each letter. A GRU and an LSTM have a
# gate that says how much of the state is kept. At the beginning this gate is half open. In two
# variants we open it: a bias of 3 keeps sigmoid(3) = 95 % of the state at each letter.

VARIANTS = {  # the layer, and the bias of the gate that keeps the state
    "RNN": (nn.RNN, None),
    "GRU": (nn.GRU, 0),
    "LSTM": (nn.LSTM, 0),
    "GRU, open": (nn.GRU, 3),
    "LSTM, open": (nn.LSTM, 3),
}
COLORS = {"RNN": "#d55e00", "GRU": "#009e73", "LSTM": "#0072b2"}


class Reader(nn.Module):
    """Reads letters one after the other, and scores at each what could be the answer to it."""

    def __init__(self, variant, symbols, units, seed):
        layer, bias = VARIANTS[variant]
        rng = np.random.default_rng(seed)
        self.letters = nn.Embedding(symbols, 16, rng=rng, dtype=np.float32)
        self.memory = layer(16, units, rng=rng, dtype=np.float32)
        self.scores = nn.Linear(units, symbols, rng=rng, dtype=np.float32)
        if bias is not None:
            self.memory.cells[0].b_x.data[units : 2 * units] = bias  # of the second gate

    def forward(self, x):
        """Score what comes after each letter of x, an array (pieces, letters)."""
        h, _ = self.memory(self.letters(x))
        return self.scores(h)


def pieces(text, count, length, rng):
    """Cut pieces out of a text, at random places."""
    begins = rng.integers(0, len(text) - length + 1, (count, 1))
    return text[begins + np.arange(length)]


def bits(model, text):
    """Measure how many bits a letter of a text costs, read in pieces."""
    rows = text[: len(text) // LENGTH * LENGTH].reshape(-1, LENGTH)
    with tg.no_grad():
        loss = tg.softmax_cross_entropy(model(rows[:, :-1]), rows[:, 1:])
    return loss.item() / np.log(2)


# %%
# What it writes
# --------------
# Asked again and again for the next letter, a network writes. It says how likely each letter is;
# one of them is drawn, and given back to it. At a temperature below 1 the likely ones are drawn
# more often.


def write(model, count, temperature=0.7):
    """Let a network write that many letters."""
    rng = np.random.default_rng(seed=0)
    text, state = [alphabet.index("\n")], None
    with tg.no_grad():
        for _ in range(count):
            h, state = model.memory.step(model.letters(text[-1:]), state)
            p = tg.softmax(model.scores(h) / temperature).data[0].astype(float)
            text.append(rng.choice(len(alphabet), p=p / p.sum()))
    return "".join(alphabet[letter] for letter in text).strip()


# %%
# How far back the gradient reaches
# ---------------------------------
# Here is a gradient for each state that a network was in while it read a hundred letters, of the
# loss of the last one alone: how much would that guess change, if the state had been another one?


def gradients_through_time(model):
    """Return norms of dL/dstate, from the state one letter before the guess to the first one."""
    text = pieces(known, 32, REACH + 1, np.random.default_rng(seed=0))
    state, states = None, []
    for letter in text.T[:-1]:
        h, state = model.memory.step(model.letters(letter), state)
        states.append(state)
    loss = tg.softmax_cross_entropy(model.scores(h), text[:, -1], reduction="sum")
    norms = []
    for gradient in reversed(tg.gradients(loss, states[:-1])):
        of_pieces = np.moveaxis(np.asarray(gradient, float), -2, 0).reshape(len(text), -1)
        norms.append(np.median(np.linalg.norm(of_pieces, axis=1)))
    return norms


# %%
# Learning by heart
# -----------------


def learn_poem(variant, seed):
    """Train on pieces of the poem; return what is seen before, on the way and after."""
    model = Reader(variant, len(alphabet), 64, seed)
    step = tg.compile(
        lambda x, y: tg.softmax_cross_entropy(model(x), y),
        tg.optim.Adam(model.parameters(), lr=0.01),
        clip_norm=1.0,
    )
    rng = np.random.default_rng(seed)
    seen = {"step": [], "known": [], "unknown": [], "text": [], "norms": []}
    for k in range(STEPS + 1):
        if k % 20 == 0:
            seen["step"].append(k)
            seen["known"].append(bits(model, known))
            seen["unknown"].append(bits(model, unknown))
        if k in (0, STEPS // 4, STEPS):
            seen["text"].append(write(model, WRITTEN))
        if k in (0, STEPS):
            seen["norms"].append(gradients_through_time(model))
        text = pieces(known, BATCH, LENGTH + 1, rng)
        step(text[:, :-1], text[:, 1:])
    return seen


cells = [(variant, seed) for variant in VARIANTS for seed in READERS]
results = iter(parallel(learn_poem, cells, "the poem", chosen.jobs))
poems = {variant: [next(results) for _ in READERS] for variant in VARIANTS}
steps = poems["LSTM"][0]["step"]


def of_seeds(variant, name):
    """What the networks of all seeds have seen, as an array (seeds, times)."""
    return np.array([seen[name] for seen in poems[variant]])


rows = [
    (
        variant,
        spread(of_seeds(variant, "known")[:, -1], ".2f"),
        spread(of_seeds(variant, "unknown").min(axis=1), ".2f"),
        spread(np.take(steps, of_seeds(variant, "unknown").argmin(axis=1)), ".0f"),
        spread(of_seeds(variant, "unknown")[:, -1], ".2f"),
    )
    for variant in VARIANTS
]
print_table(
    f"bits for a letter (median and the middle half of {len(READERS)} seeds)",
    ("network", "known, at the end", "test, at best", "after steps", "test, at the end"),
    rows,
)
for k, text in zip((0, STEPS // 4, STEPS), poems["LSTM"][0]["text"], strict=True):
    print(f"\nAn LSTM after {k} steps:\n{text}")
print(f"\nA GRU after {STEPS} steps:\n{poems['GRU'][0]['text'][-1]}")

# %%
# Look at the two curves of each network: what it knows of the stanzas it reads gets better to the
# end, what it knows of the others only for a while. Five thousand letters are enough to be learned
# by heart, and not enough to learn English from.

figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
for ax, variant in zip(axes, COLORS, strict=True):
    for name, color in ("known", "#0072b2"), ("unknown", "#d55e00"):
        curves = of_seeds(variant, name).T
        ax.plot(steps, curves, color=color, alpha=0.3, linewidth=0.8)
        label = "stanzas it learns" if name == "known" else "stanzas kept for the test"
        ax.plot(steps, np.median(curves, axis=1), color=color, linewidth=2, label=label)
    ax.axhline(counting, color="#666666", linestyle=":", label="counting pairs, on the test")
    ax.set(title=variant, xlabel="step", ylim=(0, 6))
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("bits for a letter")
axes[0].legend(frameon=False, fontsize="small")
save(figure, chosen.output / "learning.png")

# %%
# The vanishing gradient
# ----------------------
# The axis is logarithmic: a straight line is a factor for each letter. What surprises on the left:
# the gradient of an LSTM as it is drawn vanishes nearly as fast as that of the plain network, since
# a gate that is half open halves the gradient at each letter. Only with the gate open does it pass.
# What surprises on the right: learning brings them together. The plain network remembers more than
# before, and the LSTM whose gate began open has closed it: the next letter of a poem hardly depends
# on what was fifty letters ago, and a network learns to forget what it does not need. Only the GRU
# whose gate began open keeps more of it, to no use: its bits for a letter are no better.


def draw_through_time(ax, variant, curves, label):
    """Draw the curves of a variant by their median, with the range of all."""
    color, style = COLORS[variant.removesuffix(", open")], "--" if "open" in variant else "-"
    x = np.arange(1, curves.shape[1] + 1)
    ax.plot(x, np.median(curves, axis=0), style, color=color, linewidth=2, label=label)
    ax.fill_between(x, curves.min(axis=0), curves.max(axis=0), color=color, alpha=0.15, linewidth=0)


figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, layout="constrained")
for i, (ax, title) in enumerate(zip(axes, ("as drawn", "having learned the poem"), strict=True)):
    for variant in VARIANTS:
        draw_through_time(ax, variant, of_seeds(variant, "norms")[:, i], variant)
    ax.set(title=title, xlabel="letters before the guess", yscale="log", ylim=(1e-16, 10))
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("norm of the gradient of the state")
axes[0].legend(frameon=False, fontsize="small", loc="lower left")
save(figure, chosen.output / "gradients.png")

# %%
# What must be remembered
# -----------------------
# So we ask for something that only memory can answer: thirty-one letters of eight kinds, at
# random; which one was the first? The right guess depends on a state thirty letters ago and on
# nothing else, and what the gradient does not reach is not learned.

KINDS, GAP = 8, 30
RECALLS = 40 if chosen.quick else 400


def learn_first(variant, seed):
    """Train to recall the first letter; return the accuracy every so many steps."""
    model = Reader(variant, KINDS, 32, seed)
    step = tg.compile(
        lambda x: tg.softmax_cross_entropy(model(x)[:, -1], x[:, 0]),
        tg.optim.Adam(model.parameters(), lr=0.005),
        clip_norm=1.0,
    )
    rng = np.random.default_rng(seed)
    test = rng.integers(0, KINDS, (500, GAP + 1))
    accuracies = []
    for k in range(RECALLS + 1):
        if k % 20 == 0:
            with tg.no_grad():
                guesses = model(test).data[:, -1].argmax(axis=1)
            accuracies.append(np.mean(guesses == test[:, 0]))
        step(rng.integers(0, KINDS, (32, GAP + 1)))
    return accuracies


cells = [(variant, seed) for variant in VARIANTS for seed in SEEDS]
results = iter(parallel(learn_first, cells, "recalling", chosen.jobs))
recalled = {variant: np.array([next(results) for _ in SEEDS]) for variant in VARIANTS}
print_table(
    f"recalling the first of {GAP + 1} letters, after {RECALLS} steps",
    ("network", "accuracy", "worst seed", "best seed"),
    [
        (variant, spread(x[:, -1]), f"{x[:, -1].min():.3f}", f"{x[:, -1].max():.3f}")
        for variant, x in recalled.items()
    ],
)

figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for variant, curves in recalled.items():
    draw_through_time(ax, variant, curves, variant)
ax.set_xticks(*np.transpose([(k + 1, 20 * k) for k in range(0, RECALLS // 20 + 1, 5)]))
ax.axhline(1 / KINDS, color="#666666", linestyle=":", label="guessing")
ax.set(xlabel="step", ylabel="accuracy", ylim=(0, 1.03))
ax.set_title(f"which letter was the first of {GAP + 1}?")
ax.legend(frameon=False, fontsize="small")
ax.spines[["top", "right"]].set_visible(False)
save(figure, chosen.output / "recall.png")

# %%
# Clipping
# --------
# The same product of many factors that makes gradients vanish makes them explode once the factors
# are larger than 1. A plain network, and gradient descent with learning rates from small to too
# large: each with and without clipping, which shrinks a gradient of a norm above 1 to 1.

RATES = (0.5, 4) if chosen.quick else (0.5, 1, 2, 4, 8)
CLIPPINGS = {"without clipping": np.inf, "clipped to 1": 1.0}
DESCENT = 30 if chosen.quick else 150


def descend(rate, max_norm, seed):
    """Take steps of gradient descent on the poem; return the bits and the norms at each."""
    model = Reader("RNN", len(alphabet), 64, seed)
    optimizer = tg.optim.SGD(model.parameters(), lr=rate)
    add_gradients = tg.compile(lambda x, y: tg.softmax_cross_entropy(model(x), y))
    rng = np.random.default_rng(seed)
    losses, norms = [], []
    for _ in range(DESCENT):
        text = pieces(letters, 16, LENGTH + 1, rng)
        optimizer.zero_grad()
        losses.append(add_gradients(text[:, :-1], text[:, 1:]) / np.log(2))
        norms.append(tg.optim.clip_by_norm(optimizer.parameters, max_norm))
        optimizer.step()
    return losses, norms


cells = [(rate, most, seed) for most in CLIPPINGS.values() for rate in RATES for seed in SEEDS]
descents = np.array(parallel(descend, cells, "descending", chosen.jobs))
descents = descents.reshape(len(CLIPPINGS), len(RATES), len(SEEDS), 2, DESCENT)
ends = descents[..., 0, -20:].mean(axis=-1)  # bits in the last twenty steps
largest = descents[..., 1, :].max(axis=-1)
print_table(
    f"bits for a letter after {DESCENT} steps; guessing blindly costs {np.log2(len(alphabet)):.2f}",
    ("learning rate", *CLIPPINGS, "largest norm without", "largest norm with"),
    [
        (rate, *(spread(x, ".2f") for x in ends[:, i]), *(spread(x, ".1f") for x in largest[:, i]))
        for i, rate in enumerate(RATES)
    ],
)

RATE = RATES.index(4)
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for name, of_ends, of_descents, color in zip(
    CLIPPINGS, ends, descents, ("#d55e00", "#0072b2"), strict=True
):
    axes[0].plot(RATES, of_ends, "o", color=color, alpha=0.35, markersize=5)
    axes[0].plot(RATES, np.median(of_ends, axis=1), color=color, linewidth=2, label=name)
    axes[1].plot(of_descents[RATE, 0, 1], color=color, linewidth=1, label=name)
axes[0].axhline(np.log2(len(alphabet)), color="#666666", linestyle=":", label="guessing blindly")
axes[0].set(xlabel="learning rate", ylabel=f"bits for a letter after {DESCENT} steps")
axes[0].set(xscale="log", yscale="log", xticks=RATES, yticks=(2, 3, 5, 10, 20, 40))
axes[1].set(xlabel="step", yscale="log", title=f"norm of the gradient, learning rate {RATES[RATE]}")
for axis in (axes[0].xaxis, axes[0].yaxis):
    axis.set_major_formatter("{x:g}")
    axis.minorticks_off()
for ax in axes:
    ax.legend(frameon=False, fontsize="small")
    ax.spines[["top", "right"]].set_visible(False)
save(figure, chosen.output / "clipping.png")

# %%
# Findings
# --------

drawn = {v: np.median(of_seeds(v, "norms")[:, 0], axis=0) for v in VARIANTS}
factor = {v: (x[-1] / x[0]) ** (1 / (len(x) - 1)) for v, x in drawn.items()}
learned = {v: np.median(of_seeds(v, "norms")[:, 1], axis=0) for v in VARIANTS}
best = {v: np.median(of_seeds(v, "unknown").min(axis=1)) for v in VARIANTS}
end = {v: np.median(of_seeds(v, "unknown")[:, -1]) for v in VARIANTS}
final = {v: np.median(x[:, -1]) for v, x in recalled.items()}
without, clipped = np.median(ends, axis=-1)
save_numbers(
    chosen.output / "numbers.json",
    {
        "counting": counting,
        "known": {v: of_seeds(v, "known")[:, -1] for v in VARIANTS},
        "unknown at best": {v: of_seeds(v, "unknown").min(axis=1) for v in VARIANTS},
        "factor per letter": factor,
        "recalled": {v: x[:, -1] for v, x in recalled.items()},
        "without clipping": ends[0],
        "clipped": ends[1],
        "clipped norms": largest[1],
    },
)
conclude(
    chosen,
    f"""
What holds:
- Gradients vanish through time by a factor for each letter: {factor["RNN"]:.2f} for a plain
  network. Those of a GRU and an LSTM as they are drawn vanish, too, by {factor["GRU"]:.2f} and
  {factor["LSTM"]:.2f}; with the gate open it is {factor["GRU, open"]:.2f} and
  {factor["LSTM, open"]:.2f}.
- What the gradient does not reach is not learned. A letter {GAP} letters ago is recalled by
  {final["RNN"]:.0%} (RNN), {final["GRU"]:.0%} (GRU) and {final["LSTM"]:.0%} (LSTM), where guessing
  gets {1 / KINDS:.0%}; with the gate open by {final["GRU, open"]:.0%} and
  {final["LSTM, open"]:.0%}.
- Clipping matters where steps are large. At a learning rate of {RATES[RATE]} the plain network ends
  at {without[RATE]:.2f} bits for a letter without it, where guessing blindly pays
  {np.log2(len(alphabet)):.2f}, and at {clipped[RATE]:.2f} with it. It makes large steps safe rather
  than learning better: the best rate gets {without.min():.2f} without it, and {clipped.min():.2f}
  with it. And at a rate of {RATES[-1]} it is not enough, since a clipped step is too long, too:
  {clipped[-1]:.2f}.
What does not:
- "Gradients do not vanish in an LSTM": only if its forget gate begins open, and only as long as
  remembering pays. After learning the poem the gradient of fifty letters ago is
  {learned["LSTM, open"][49]:.0e} with the gate that began open, {learned["LSTM"][49]:.0e} with the
  other one.
- "It writes like Poe": it learns him by heart. On stanzas it has not read an LSTM pays
  {best["LSTM"]:.2f} bits for a letter at best, where counting pairs pays {counting:.2f}. At the end
  it pays {end["LSTM"]:.2f} there, and {np.median(of_seeds("LSTM", "known")[:, -1]):.2f} on those it
  has read.""",
)

# sphinx_gallery_thumbnail_number = 2
