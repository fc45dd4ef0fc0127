"""
Handwritten digits
==================

A classifier of this library is an estimator of scikit-learn's: it takes its place in a pipeline, is
cross-validated there, and its confusion matrix drawn. What its first layer has learned can be seen.

Run it with ``python examples/digits.py [--quick]``.
"""

import matplotlib.pyplot as plt
import numpy as np
from _studies import conclude, options, parallel, print_table, save, save_numbers
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from tinygrad_edu import viz
from tinygrad_edu.sklearn import MLPClassifier

chosen = options("digits")

# %%
# The data and the pipeline
# -------------------------
# 1797 scans of 8 x 8 pixels.

X, y = load_digits(return_X_y=True)
classifier = make_pipeline(
    MinMaxScaler(),
    MLPClassifier(
        hidden_sizes=128,
        activation="relu",
        optimizer="adam",
        learning_rate=0.003,
        epochs=10 if chosen.quick else 40,
        batch_size=32,
        l2=1e-4,
        random_state=0,
    ),
)

# %%
# Cross-validation
# ----------------
# Each of ten parts is predicted by a network that was trained on the other nine; the folds are
# independent, and run in parallel.

folds = StratifiedKFold(5 if chosen.quick else 10, shuffle=True, random_state=0)


def predict_fold(known, unknown):
    """Train on one part of the data, predict the other."""
    return clone(classifier).fit(X[known], y[known]).predict(X[unknown])


splits = list(folds.split(X, y))
predictions = np.empty_like(y)
accuracies = []
for (_, unknown), predicted in zip(
    splits, parallel(predict_fold, splits, "folds", chosen.jobs), strict=True
):
    predictions[unknown] = predicted
    accuracies.append(accuracy_score(y[unknown], predicted))
print_table(
    "accuracy on digits never seen",
    ("mean", "standard deviation", "worst fold", "best fold"),
    [[f"{f(accuracies):.2%}" for f in (np.mean, np.std, np.min, np.max)]],
)
save_numbers(chosen.output / "numbers.json", {"accuracies": accuracies})

# %%
# What it confuses
# ----------------

figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.6), layout="constrained", width_ratios=(1, 1.1))
ConfusionMatrixDisplay.from_predictions(
    y, predictions, ax=axes[0], cmap="Blues", colorbar=False, text_kw={"fontsize": 9}
)
axes[0].set_title(f"{(predictions != y).sum()} of {len(y)} wrong")
wrong = np.flatnonzero(predictions != y)[:24]
mosaic = axes[1]
mosaic.axis("off")
mosaic.set_title("some of them: what it is, and what was read")
for i, index in enumerate(wrong):
    inset = mosaic.inset_axes([i % 6 / 6, 0.77 - i // 6 / 4, 0.13, 0.18])
    inset.imshow(X[index].reshape(8, 8), cmap="Greys")
    inset.set_title(f"{y[index]} → {predictions[index]}", fontsize="small", pad=2)
    inset.set(xticks=[], yticks=[])
save(figure, chosen.output / "confusion.png")

# %%
# What the first layer has learned
# --------------------------------
# The weights into half of the 128 hidden units, those with the largest, as pictures: blue pixels
# speak for a unit, red ones against it.

classifier.fit(X, y)
mlp = classifier[-1]
save(viz.training_curves(mlp.history_, log=True), chosen.output / "training.png")
weights = mlp.model_[0].W.data.T
weights = weights[np.argsort(-np.linalg.norm(weights, axis=1))[:64]].reshape(-1, 8, 8)
limit = np.abs(weights).max()
figure, axes = plt.subplots(8, 8, figsize=(7, 7.4), layout="constrained")
for ax, picture in zip(axes.flat, weights, strict=True):
    ax.imshow(picture, cmap="RdBu", vmin=-limit, vmax=limit)
    ax.set(xticks=[], yticks=[])
figure.suptitle("the weights into 64 of 128 hidden units")
save(figure, chosen.output / "weights.png")

# %%
# Findings
# --------

mistakes = y[predictions != y], predictions[predictions != y]
pairs, counts = np.unique(mistakes, axis=1, return_counts=True)
digit, read = pairs[:, counts.argmax()]
conclude(
    chosen,
    f"""
What holds:
- A network with one hidden layer reads {np.mean(accuracies):.1%} of the digits that it has never
  seen.
- The mistakes are spread out: of {counts.sum()}, the most common one, a {digit} that is read as a
  {read}, is made {counts.max()} times.
What depends on the split:
- The accuracy of a part: between {min(accuracies):.1%} and {max(accuracies):.1%}.""",
)
