"""The playground: one page in which a network of two inputs is trained, by the page itself.

Its arithmetic is the formulas of the library as JavaScript; here are the data and the choices.
"""

import json
from base64 import b64encode
from inspect import signature
from pathlib import Path
from string import Template

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.ops.activation import TRAITS
from tinygrad_edu.viz import javascript, mathml, pages
from tinygrad_edu.viz.formulas import derivative

HERE = Path(__file__).parent
SCRIPTS = ["network", "training", "shading", "picture", "inspector", "python", "begin"]
"""The files of the page's script, in order."""

N = 200  # points of each data set, half of them of each class
RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10]
ACTIVATIONS = {
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "none": "none",
}
INITS = {
    "xavier_normal": "Xavier (Glorot)",
    "he_normal": "He",
    "normal": "normal, spread 1",
    "small": "normal, spread 0.01",
    "zeros": "all zero",
}


# --- data -------------------------------------------------------------------------------------


def moons(rng):
    """Two half circles that reach into each other."""
    angle = np.linspace(0, np.pi, N // 2)
    one = np.stack([np.cos(angle) - 0.5, np.sin(angle) - 0.25], axis=1)
    both = np.concatenate([one, -one]) * 1.7
    return both + rng.normal(0, 0.2, both.shape)


def circle(rng):
    """A disk, and a ring around it."""
    angle = rng.uniform(0, 2 * np.pi, N)
    radius = np.concatenate([rng.uniform(1.6, 2.6, N // 2), rng.uniform(0, 1.1, N // 2)])
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def xor(rng):
    """Four squares, of which those on a diagonal are alike."""
    x = rng.uniform(0.15, 2.5, (N, 2)) * rng.choice([-1, 1], (N, 1))
    return x * np.where(np.arange(N)[:, None] < N // 2, 1, [1, -1])


def spirals(rng):
    """Two arms around each other."""
    part = np.linspace(0.08, 1, N // 2)
    angle = 1.4 * 2 * np.pi * part
    arm = 2.6 * part[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    both = np.concatenate([arm, -arm])
    return both + rng.normal(0, 0.06, both.shape)


def data():
    """The points of each data set, as they are written into the page: the first half is class 0."""
    labels = [0] * (N // 2) + [1] * (N // 2)
    sets = {f.__name__: f(np.random.default_rng(seed=0)) for f in (moons, circle, xor, spirals)}
    return {name: {"X": X.round(3).tolist(), "y": labels} for name, X in sets.items()}


# --- the page ---------------------------------------------------------------------------------


def activation(name, label):
    """What the page needs to know of an activation."""
    if name == "none":
        return {"label": label}
    op = getattr(tg, name)
    slope = derivative(op, "x", 0).right
    options = {name: p.default for name, p in signature(op).parameters.items() if name != "x"}
    numbers = {name: np.asarray(value) for name, value in options.items()}
    return {
        "label": label,
        "options": options,
        "steepest": TRAITS[op].steepest,
        "slope": mathml.mathml(slope, numbers, {"y": "<mi>h</mi>", "x": "<mi>z</mi>"}),
    }


def page():
    """The page, which needs nothing else."""
    activations = {name: activation(name, label) for name, label in ACTIVATIONS.items()}
    choices = {"data": data(), "activations": activations, "inits": INITS, "rates": RATES}
    used = [tg.linear, tg.sigmoid_cross_entropy]
    used += [getattr(tg, name) for name in ACTIVATIONS if name != "none"]
    known = json.dumps(choices).replace("<", "\\u003c")
    parts = [
        javascript.source(map(javascript.operation, used)),
        f"const choices = {known};",
        *((HERE / "script" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS),
    ]
    script = '"use strict";\n(() => {\n' + "\n".join(parts) + "})();"
    icon = (HERE.parent / "_static" / "favicon.svg").read_bytes()
    style = pages.part("tinygrad_edu.viz.pages", "controls.css")
    return Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        title="Playground · tinygrad_edu",
        icon=f"data:image/svg+xml;base64,{b64encode(icon).decode()}",
        style=f"{style}\n{(HERE / 'page.css').read_text(encoding='utf-8')}",
        script=pages.part("tinygrad_edu.viz.pages", "theme.js") + script,
    )
