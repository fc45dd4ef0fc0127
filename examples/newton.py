"""
Newton and the others
=====================

Gradient descent knows the slope of the ground under its feet. Newton's method knows the curvature,
too, and jumps to where the slope would be zero. L-BFGS guesses the curvature from the slopes that
it has seen, and Adam goes at its own pace in each direction. We let all four loose on the same
three surfaces, a hundred times each, and see Newton's method win, and then climb a mountain.

Run it with ``python examples/newton.py [--quick]``.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from _studies import conclude, options, parallel, print_table, save, save_numbers
from matplotlib.animation import FuncAnimation
from matplotlib.colors import ListedColormap

import tinygrad_edu as tg
from tinygrad_edu import optim, viz
from tinygrad_edu.scipy import optimize

chosen = options("newton")
STARTS = 20 if chosen.quick else 100
STEPS = 500 if chosen.quick else 5000
PIXELS = 80 if chosen.quick else 400
ARRIVED = 1e-8  # at a height less than this; all lowest points have the height 0

# %%
# Three surfaces
# --------------
# A bowl that is fifty times as steep in one direction as in the other, Rosenbrock's curved valley,
# and Himmelblau's function with its four hollows, a hill between them and passes from one to
# another.


def bowl(x, y):
    """The lowest point is at (0, 0)."""
    return x**2 + 50 * y**2


def valley(x, y):
    """The lowest point is at (1, 1)."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def hollows(x, y):
    """There are four lowest points."""
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


SURFACES = {  # and the part of the plane that is drawn, and the start that is drawn
    bowl: (2, (-1.7, 0.9)),
    valley: (2, (-1.2, 1.0)),
    hollows: (5, (-0.3, 3.6)),
}

# %%
# Four ways down
# --------------
# All walkers of a surface go at once: the points are an array (walkers, 2). No height depends on
# another walker, so the gradient of the sum of all heights is that of each, and the Hessian times
# (1, 0) is the first column of each of their Hessians.


def total(surface, points):
    """The sum of the heights of all walkers."""
    return surface(points[:, 0], points[:, 1]).sum()


def newton(surface, starts, steps):
    """Jump to where the slope would be zero, if the curvature were the same all the way."""

    def slope_and_curvature(points):
        height = partial(total, surface)
        along_x, along_y = (np.tile(v, (len(starts), 1)) for v in np.eye(2))
        return tg.grad(height)(points), [tg.hvp(height, points, v) for v in (along_x, along_y)]

    derivatives = tg.jit(slope_and_curvature)
    path = [starts]
    for _ in range(min(steps, 50)):
        slope, columns = derivatives(path[-1])
        jump = np.linalg.solve(np.stack(columns, axis=-1), slope[..., None])
        path.append(path[-1] - jump[..., 0])
    return np.array(path)


def by_gradients(make, surface, starts, steps):
    """Let an optimizer of the library walk; both are of the kind that treats each number alone."""
    points = tg.Tensor(starts, requires_grad=True, name="points")
    step = tg.compile(lambda: total(surface, points), make([points]))
    path = [starts]
    for _ in range(steps):
        step()
        path.append(points.data.copy())
    return np.array(path)


def lbfgs(surface, starts, _steps):
    """SciPy's L-BFGS, one walker after the other; who has arrived waits."""
    paths = []
    for start in starts:
        path = [start]
        optimize.minimize(
            lambda p: surface(p[0], p[1]),
            start,
            method="L-BFGS-B",
            callback=lambda p, path=path: path.append(p.copy()),
            tol=1e-12,
        )
        paths.append(path)
    longest = max(map(len, paths))
    return np.array([path + [path[-1]] * (longest - len(path)) for path in paths]).swapaxes(0, 1)


# %%
# Gradient descent and Adam have a learning rate to choose, so each is given the one that brings
# most walkers down, of those below. The others have nothing to choose.

RATES = {
    "gradient descent": (optim.SGD, (3e-4, 1e-3, 3e-3, 1e-2, 2e-2)),
    "Adam": (optim.Adam, (0.003, 0.01, 0.03, 0.1, 0.3)),
}


def arrival(surface, path):
    """The number of steps after which each walker is down; inf if never."""
    with np.errstate(all="ignore"):
        down = surface(path[..., 0], path[..., 1]) < ARRIVED
    return np.where(down.any(axis=0), down.argmax(axis=0), np.inf)


def best_rate(name, surface, starts):
    """Try all rates; return the best one's, or nothing of those that fall off the map."""
    make, rates = RATES[name]
    paths = {}
    for rate in rates:
        try:
            paths[rate] = by_gradients(partial(make, lr=rate), surface, starts, STEPS)
        except FloatingPointError:  # a step too large
            continue
    return max(paths.items(), key=lambda item: (1 / (1 + arrival(surface, item[1]))).mean())


def walk(surface):
    """All four ways, each from the same points at random; the first start is the one drawn."""
    size, first = SURFACES[surface]
    starts = np.random.default_rng(0).uniform(-size, size, (STARTS, 2))
    starts[0] = first
    paths = {}
    for name in RATES:
        rate, path = best_rate(name, surface, starts)
        paths[f"{name}, {rate:g}"] = path
    paths["L-BFGS"] = lbfgs(surface, starts, STEPS)
    paths["Newton"] = newton(surface, starts, STEPS)
    return paths


walked = parallel(walk, [(surface,) for surface in SURFACES], "surfaces", chosen.jobs)
paths = dict(zip(SURFACES, walked, strict=True))

# %%
# Who arrives, and when
# ---------------------
# A step of Newton's costs what three gradients cost here; with n parameters it is n + 1, and a
# system of n equations. That is why nobody trains networks so.


def in_words(steps):
    """The median, and the middle half; who does not arrive counts as infinitely slow."""
    low, middle, high = np.percentile(steps, [25, 50, 75], method="lower")
    if low == high:
        return f"{middle:.0f}".replace("inf", "never")
    return f"{middle:.0f} [{low:.0f}, {high:.0f}]".replace("inf", "never")


arrivals = {
    (surface.__name__, name): arrival(surface, path)
    for surface in SURFACES
    for name, path in paths[surface].items()
}
print_table(
    f"{STARTS} starts at random, at most {STEPS} steps",
    ("surface", "way down", "arrive", "steps: median and the middle half"),
    [
        (*cell, f"{np.isfinite(steps).mean():.0%}", in_words(steps))
        for cell, steps in arrivals.items()
    ],
)
save_numbers(
    chosen.output / "numbers.json",
    {
        ", ".join(cell): [None if np.isinf(n) else int(n) for n in steps]
        for cell, steps in arrivals.items()
    },
)

# %%
# The paths
# ---------
# One start on each surface. Look at the bowl: Newton's method needs one step, since the curvature
# *is* the same all the way. In the valley it leaps up the wall, out of the picture, and back.

COLORS = "#0072b2", "#d55e00", "#009e73", "#cc79a7"


def draw_ground(ax, surface):
    """Draw the heights of a surface, darker where it is higher."""
    size, start = SURFACES[surface]
    x, y = np.meshgrid(*2 * [np.linspace(-size, size, 200)])
    heights = np.log10(surface(x, y) + 1e-2)
    ground = ax.contourf(x, y, heights, 14, cmap="Greys", alpha=0.6)
    ground.set_gid("moving")  # to a film: what does not move is drawn on top of what does
    ax.plot(*start, "X", color="#1f2328", markeredgecolor="white", markersize=10)
    ax.set(title=surface.__name__, xlim=(-size, size), ylim=(-size, size), aspect="equal")


def draw_paths(axes):
    """Draw a line for every way down; return them with the path of each."""
    lines = []
    for ax, surface in zip(axes, SURFACES, strict=True):
        draw_ground(ax, surface)
        for (name, path), color in zip(paths[surface].items(), COLORS, strict=True):
            look = {"markersize": 7, "linewidth": 2} if name == "Newton" else {"markersize": 4}
            [line] = ax.plot(*path[:, 0].T, ".-", color=color, label=name, **look)
            lines.append((line, path[:, 0]))
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), frameon=False)
    return lines


figure, axes = plt.subplots(1, 3, figsize=(11, 4.9), layout="constrained")
draw_paths(axes)
save(figure, chosen.output / "paths.png")

# %%
# The same as a film, which is slow at first and then ever faster: gradient descent is still on its
# way when the others have long gone home.

figure, axes = plt.subplots(1, 3, figsize=(11, 4.9))
figure.subplots_adjust(left=0.04, right=0.99, bottom=0.26, top=0.9, wspace=0.12)
moving = draw_paths(axes)
frames = np.unique(np.geomspace(1, STEPS + 1, 12 if chosen.quick else 48).astype(int)) - 1
step_number = figure.text(0.01, 0.95, "")
for artist in (*(line for line, _ in moving), step_number):
    artist.set_gid("moving")


def show(frame):
    """Show the paths up to a step."""
    for line, path in moving:
        line.set_data(*path[: frames[frame] + 1].T)
    step_number.set_text(f"step {frames[frame]}")
    return [line for line, _ in moving]


film = FuncAnimation(figure, show, frames=len(frames))
viz.save_animation(film, chosen.output / "film.html", title="Four ways down")

# %%
# Where Newton's method ends
# --------------------------
# The hollows once more, from every point of the plane. Left the walkers go by gradient descent:
# who starts in a hollow ends at its bottom. Right they go by Newton's method. It looks for a slope
# of zero, and the hill and the passes have one, too; those who end there are black. And from two
# neighboring points it may jump to places far from each other.

BOTTOMS = np.array([[3, 2], [-2.805118, 3.131312], [-3.77931, -3.283186], [3.584428, -1.848126]])


def hollow_of(ends):
    """The number of the hollow in which each walker has ended, or 4 if in none."""
    distances = np.linalg.norm(ends[:, None] - BOTTOMS, axis=-1)
    return np.where(distances.min(axis=1) < 0.1, distances.argmin(axis=1), len(BOTTOMS))


size = SURFACES[hollows][0]
plane = np.stack(np.meshgrid(*2 * [np.linspace(-size, size, PIXELS)]), axis=-1).reshape(-1, 2)
plane += 1e-6  # to start exactly on an axis of symmetry is to have no unique Newton step
descended = hollow_of(by_gradients(partial(optim.SGD, lr=0.003), hollows, plane, 400)[-1])
jumped = hollow_of(newton(hollows, plane, 50)[-1])

figure, axes = plt.subplots(1, 2, figsize=(9.6, 5), layout="constrained")
palette = ListedColormap([*COLORS, "#000000"])
for ax, ends, name in zip(axes, (descended, jumped), ("gradient descent", "Newton"), strict=True):
    ax.imshow(
        ends.reshape(PIXELS, PIXELS),
        cmap=palette,
        vmin=0,
        vmax=4,
        origin="lower",
        extent=2 * (-size, size),
        interpolation="nearest",
    )
    ax.plot(*BOTTOMS.T, "o", color="white", markeredgecolor="#1f2328")
    ax.set_title(f"{name}: {(ends < 4).mean():.0%} end in a hollow")
save(figure, chosen.output / "where_it_ends.png")

# %%
# Findings
# --------

found = {cell: in_words(steps) for cell, steps in arrivals.items()}
rate_of = {name.split(",")[0]: name for name in paths[valley]}
slowest = arrivals["valley", rate_of["gradient descent"]]
lost = np.mean(jumped == len(BOTTOMS))
conclude(
    chosen,
    f"""
What holds:
- Where Newton's method arrives, nothing is as fast: {found["bowl", "Newton"]} step in the bowl,
  {found["valley", "Newton"]} in the valley, where L-BFGS takes {found["valley", "L-BFGS"]}, and
  Adam at its best rate {found["valley", rate_of["Adam"]]}. Within {STEPS} steps gradient descent at
  its best rate brings {np.isfinite(slowest).mean():.0%} of the walkers there.
- L-BFGS has no rate to choose, sees only gradients, and comes close.
What does not:
- "Newton's method goes down": it goes to where the slope is zero. Of all points of the plane with
  four hollows {lost:.0%} lead to the hill or to a pass.
- "The nearest hollow": whoever starts near a border between two of them may be sent to any.
Why:
- A step is the Hessian's inverse times the slope. Where the ground is curved downward, the Hessian
  has a negative eigenvalue, and the step goes up.""",
)

# sphinx_gallery_thumbnail_number = 3
