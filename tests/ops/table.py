"""The table of operations: how to draw arguments for each, and what NumPy says it computes.

A strategy draws a `Case`: the arguments of one call. What is an array of floating-point numbers
in it, also inside a list, is what to differentiate by; all else is passed on as it is.

Difference quotients cannot judge at a kink. So the numbers come from a grid, cut so that kinks
lie on its lines, and every operand has a place of its own between the lines: no number is near a
kink, and no two of one array or of two operands tie.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_edu as tg
from tinygrad_edu.trees import tree_map

# --------------------------------------------------------------------------------------
# How to draw arguments
# --------------------------------------------------------------------------------------


class Case(NamedTuple):
    """The arguments of a call."""

    args: tuple[Any, ...]
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


def is_variable(x):
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def replaced(case, f):
    """The arguments with f of each variable in its place, and the list of these."""
    variables = []

    def replace(x):
        if not is_variable(x):
            return x
        variables.append(f(x))
        return variables[-1]

    return tree_map(replace, case.args), variables


def variable(x):
    return tg.Tensor(x, requires_grad=True)


REAL = (-2.0, 2.0)
WIDE = (-4.0, 4.0)
POSITIVE = (0.2, 3.0)
UNIT = (-0.9, 0.9)

LINES = 64  # of the grid, more than any array here has numbers
GOLDEN = 0.618  # multiples of it lie far apart between the lines

SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, max_side=3)
VECTORS = hnp.array_shapes(min_dims=1, max_dims=3, max_side=3)  # with one axis at least
MATRICES = hnp.array_shapes(min_dims=2, max_dims=3, max_side=3)
EMPTY = st.sampled_from([(0,), (2, 0), (0, 3)])
ANY = SHAPES | SHAPES | SHAPES | EMPTY


def numbers(shape, domain=REAL, operand=0):
    """Distinct numbers of a domain, off the lines of its grid."""
    low, high = domain
    between = (operand + 1) * GOLDEN % 1
    lines = hnp.arrays(int, shape, elements=st.integers(0, LINES - 1), unique=True)
    return lines.map(lambda line: np.asarray(low + (line + between) * ((high - low) / LINES)))


def axes(shape, least=1):
    """None, an axis or several of a shape that has ``least`` elements or more along them."""
    choices = st.none()
    if shape:
        n = len(shape)
        choices |= st.integers(-n, n - 1) | hnp.valid_tuple_axes(n)

    def enough(axis):
        lengths = np.array(shape, int)
        return lengths[... if axis is None else [*np.atleast_1d(axis)]].prod() >= least

    return choices.filter(enough)


@st.composite
def operands(draw, *domains, **options):
    """One operand of each domain, which broadcast against each other."""
    if len(domains) == 1:
        shapes = [draw(ANY)]
    else:
        least = draw(st.sampled_from([1, 1, 1, 0]))
        shapes = draw(
            hnp.mutually_broadcastable_shapes(
                num_shapes=len(domains), min_side=least, max_dims=3, max_side=3
            )
        ).input_shapes
    args = [draw(numbers(*of, k)) for k, of in enumerate(zip(shapes, domains, strict=True))]
    return Case(tuple(args), {name: draw(option) for name, option in options.items()})


@st.composite
def reduction(draw, domain=REAL, shapes=SHAPES, least=1, **options):
    """An operand to reduce along some axes, or all."""
    shape = draw(shapes.filter(lambda shape: np.prod(shape, dtype=int) >= least))
    given = {"axis": draw(axes(shape, least)), **{k: draw(v) for k, v in options.items()}}
    return Case((draw(numbers(shape, domain)),), given)


@st.composite
def along(draw, domain=REAL, shapes=VECTORS, optional=False, **options):
    """An operand, and one of its axes; or None if that is an option."""
    shape = draw(shapes)
    axis = draw(axis_of(shape) | st.none() if optional else axis_of(shape))
    return Case(
        (draw(numbers(shape, domain)),),
        {"axis": axis, **{name: draw(option) for name, option in options.items()}},
    )


def axis_of(shape, more=0):
    return st.integers(-len(shape) - more, len(shape) + more - 1)


@st.composite
def gufunc(draw, signature, *domains):
    """Operands whose last axes fit a signature, as that of matmul, and the others broadcast."""
    shapes = draw(hnp.mutually_broadcastable_shapes(signature=signature, max_dims=1, max_side=3))
    pairs = zip(shapes.input_shapes, domains, strict=True)
    return Case(tuple(draw(numbers(*of, k)) for k, of in enumerate(pairs)))


@st.composite
def contraction(draw, shapes, **options):
    """Two operands, of shapes made of three lengths."""
    k, m, n = (draw(st.integers(1, 3)) for _ in "kmn")
    a, b = draw(st.sampled_from(shapes(k, m, n)))
    return Case(
        (draw(numbers(a)), draw(numbers(b, REAL, 1))),
        {name: draw(option) for name, option in options.items()},
    )


@st.composite
def shaped(draw, *rest, shapes=ANY, domain=REAL, **options):
    """An operand, further arguments that depend on its shape, options that depend on it."""
    shape = draw(shapes)
    x = draw(numbers(shape, domain))
    further = (draw(part(shape)) for part in rest)
    return Case((x, *further), {name: draw(option(shape)) for name, option in options.items()})


@st.composite
def several(draw, axis=None, new_axis=False):
    """A list of operands of one shape, except for the length of one axis."""
    shape = list(draw(VECTORS))
    options = {} if axis is not None else {"axis": draw(axis_of(shape, int(new_axis)))}
    varies = None if new_axis else options.get("axis", axis)
    parts = []
    for k in range(draw(st.integers(1, 3))):
        if varies is not None:
            shape[varies % len(shape)] = draw(st.integers(0, 3))
        parts.append(draw(numbers(tuple(shape), REAL, k)))
    return Case((parts,), options)


@st.composite
def stacked(draw):
    """A list of vectors, or of matrices, or of columns."""
    n = draw(st.integers(1, 3))
    shapes = draw(st.lists(st.sampled_from([(n,), (n, 1), (n, n)]), min_size=1, max_size=3))
    return Case(([draw(numbers(shape, REAL, k)) for k, shape in enumerate(shapes)],))


@st.composite
def square_matrices(draw, regular=True):
    """Matrices that are far from singular, or any."""
    n = draw(st.integers(1, 3))
    x = draw(numbers((*draw(st.sampled_from([(), (), (2,)])), n, n), (-1.0, 1.0)))
    return Case((x * draw(st.sampled_from([1, -1])) + 3 * np.eye(n) if regular else x,))


@st.composite
def systems(draw):
    """Matrices and right-hand sides of linear systems."""
    (a,) = draw(square_matrices()).args
    n = len(a[-1]) if a.ndim == 2 else a.shape[-1]
    columns = (draw(st.integers(1, 2)),)
    shapes = [(n,), (n, *columns), (*a.shape[:-2], n, *columns)]
    return Case((a, draw(numbers(draw(st.sampled_from(shapes)), REAL, 1))))


@st.composite
def spread_matrices(draw, square=True):
    """Matrices near a diagonal one whose eigenvalues and singular values lie far apart."""
    m, n = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    lead = draw(st.sampled_from([(), (), (2,)]))
    x = draw(numbers((*lead, m, m if square else n), (-0.5, 0.5)))
    return Case((x + np.diag([2.0, 5.0, 8.0])[:m, : x.shape[-1]],))


@st.composite
def definite_matrices(draw, **options):
    """Matrices whose triangles are those of symmetric positive definite ones."""
    (x,) = draw(spread_matrices()).args
    return Case((x,), {name: draw(option) for name, option in options.items()})


@st.composite
def least_squares(draw):
    """Matrices of full rank, and right-hand sides."""
    (a,) = draw(spread_matrices(square=False).filter(lambda case: case.args[0].ndim == 2)).args
    columns = draw(st.sampled_from([(), (1,), (2,)]))
    return Case((a, draw(numbers((len(a), *columns), REAL, 1))))


@st.composite
def chains(draw):
    """Matrices to multiply in a chain, whose ends may be vectors."""
    lengths = draw(st.lists(st.integers(1, 3), min_size=3, max_size=5))
    shapes = [*itertools.pairwise(lengths)]
    if draw(st.booleans()):
        shapes[0] = shapes[0][1:]
    if draw(st.booleans()):
        shapes[-1] = shapes[-1][:1]
    return Case(([draw(numbers(shape, REAL, k)) for k, shape in enumerate(shapes)],))


@st.composite
def tensor_systems(draw):
    """Tensors that are regular matrices in another shape, and right-hand sides."""
    x = draw(numbers((4, 4), (-0.5, 0.5))) + 3 * np.eye(4)
    rows, columns = (draw(st.sampled_from([(4,), (2, 2), (1, 4)])) for _ in "ab")
    return Case((x.reshape(rows + columns), draw(numbers(rows, REAL, 1))))


@st.composite
def linear_layers(draw):
    """Samples, weights and perhaps a bias."""
    lead = draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3))
    n, k = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    biases = st.none() | numbers((k,), REAL, 2)
    return Case((draw(numbers((*lead, n))), draw(numbers((n, k), REAL, 1)), draw(biases)))


SUBSCRIPTS = [
    "ij,jk->ik",
    "ij,jk",  # the result is understood
    "bij,bjk->bik",
    "ij->ji",
    "ij->",
    "i->",
    "i,i->",
    "i,j->ij",
    "ij,ij->j",
    "ii->i",  # a diagonal
    "ii",
    "iij,j->i",
    "iii->i",
    "i,ij,j->",
    "...i,...i->...",
    "...ij,...jk->...ik",
    "i...->...",
    "ij, j -> i",
    ",i->i",
]


@st.composite
def einsums(draw):
    """Subscripts, and operands whose axes are as long as their letters say."""
    subscripts = draw(st.sampled_from(SUBSCRIPTS))
    length = {letter: draw(st.integers(1, 3)) for letter in "bijk"}
    args = []
    for k, term in enumerate(subscripts.partition("->")[0].replace(" ", "").split(",")):
        before, dots, after = term.partition("...")
        more = draw(st.sampled_from([(), (2,), (1,), (3, 1), (3, 2)])) if dots else ()
        shape = (*(length[i] for i in before), *more, *(length[i] for i in after))
        args.append(draw(numbers(shape, REAL, k)))
    options = st.sampled_from([{}, {"optimize": True}])
    return Case((subscripts, *args), draw(options))


@st.composite
def choices(draw):
    """A mask, and two operands to choose from."""
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3))
    mask, a, b = shapes.input_shapes
    return Case((draw(hnp.arrays(bool, mask)), draw(numbers(a)), draw(numbers(b, REAL, 1))))


@st.composite
def crosses(draw):
    """Vectors along any axes of two operands, or along the same axis of both."""
    n = draw(st.integers(1, 2))
    if draw(st.booleans()):
        shape, axis = draw(st.sampled_from([((3, n), 0), ((n, 3, 2), 1), ((n, 3, 2), -2)]))
        return Case((draw(numbers(shape)), draw(numbers(shape, REAL, 1))), {"axis": axis})
    a, b = draw(numbers((3, n))), draw(numbers(draw(st.sampled_from([(n, 3), (2, n, 3)])), REAL, 1))
    return Case((a, b), {"axisa": 0, "axisb": -1, "axisc": draw(st.sampled_from([0, 1, -1]))})


@st.composite
def rows_of_numbers(draw):
    """Two rows to convolve."""
    m, n = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    mode = draw(st.sampled_from(["full", "same", "valid"]))
    return Case((draw(numbers((m,))), draw(numbers((n,), REAL, 1)), mode))


@st.composite
def lines(draw):
    """Two ends, how many numbers between them, and the axis of these."""
    (start, stop), _ = draw(operands(REAL, REAL))
    axis = draw(st.integers(-1, max(start.ndim, stop.ndim)))
    options = {"endpoint": draw(st.booleans()), "axis": axis}
    return Case((start, stop, draw(st.integers(1, 4))), options)


@st.composite
def grids(draw):
    """Coordinates along some axes."""
    shapes = draw(st.lists(st.sampled_from([(1,), (2,), (3,), ()]), min_size=1, max_size=3))
    options = {"indexing": draw(st.sampled_from(["xy", "ij"])), "sparse": draw(st.booleans())}
    return Case(tuple(draw(numbers(shape, REAL, k)) for k, shape in enumerate(shapes)), options)


@st.composite
def spaced(draw):
    """A function on a grid, and distances or coordinates for each of its axes."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=2, min_side=3, max_side=4))
    steps = [draw(numbers(draw(st.sampled_from([(), (n,)])), POSITIVE, 1)) for n in shape]
    distances = [h if h.ndim == 0 else h.cumsum() for h in steps]
    return Case((draw(numbers(shape)), *distances), {"edge_order": draw(st.sampled_from([1, 2]))})


def ends(_):
    return st.sampled_from([None, 1.5, [0.0, 2.0]])


@st.composite
def integrals(draw):
    """A function on a grid, and perhaps the coordinates of its points."""
    shape = draw(VECTORS)
    axis = draw(axis_of(shape))
    widths = draw(st.none() | st.sampled_from([(shape[axis],), shape]).flatmap(positive))
    x = widths if widths is None else widths.cumsum(axis if widths.ndim > 1 else 0)
    return Case((draw(numbers(shape)), x), {"dx": draw(st.sampled_from([1.0, 0.5])), "axis": axis})


@st.composite
def interpolations(draw):
    """Where to interpolate, off the given points; these, and values there, or a constant beside."""
    n = draw(st.integers(1, 4))
    x, points = draw(numbers(draw(SHAPES), WIDE)), np.sort(draw(numbers((n,), REAL, 1)))
    assume(np.abs(x[..., None] - points).min() > 0.01)
    beside = {"left": None, "right": draw(st.sampled_from([None, 1.5]))}
    return Case((x, points, draw(numbers((n,), REAL, 2))), beside)


@st.composite
def averages(draw):
    """An operand, and weights of its shape, or of the lengths of the axes, or none."""
    shape = draw(VECTORS)
    axis = draw(axes(shape))
    lengths = [tuple(shape[i] for i in np.atleast_1d(axis))] if axis is not None else []
    weights = draw(st.none() | st.sampled_from([shape, *lengths]).flatmap(positive))
    return Case((draw(numbers(shape)), axis, weights), {"keepdims": draw(st.booleans())})


def positive(shape):
    return numbers(shape, POSITIVE, 1)


@st.composite
def quantiles(draw, whole):
    """An operand, and a part of the whole, or several."""
    (x,), options = draw(reduction(keepdims=st.booleans()))
    part = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]).map(lambda q: q * whole)
    return Case((x, draw(part | st.lists(part, min_size=1, max_size=3))), options)


@st.composite
def samples(draw, **options):
    """Rows of samples of which none are nearly alike, and perhaps more; or columns of them."""
    n, rows, columns = draw(st.integers(3, 4)), draw(st.integers(1, 3)), draw(st.booleans())
    shapes = [(rows, n), draw(st.sampled_from([None, (n,), (2, n)]))]
    if columns:
        shapes = [shape and shape[::-1] for shape in shapes]
    m, y = (s and draw(numbers(s, REAL, k)) for k, s in enumerate(shapes))
    assume(all((np.std(x, 0 if columns else -1) > 0.3).all() for x in (m, y) if x is not None))
    given = {"rowvar": not columns, **{name: draw(option) for name, option in options.items()}}
    return Case((m, y), given)


@st.composite
def with_a_nan(draw, cases):
    """The same, with nan in the place of one element, or none."""
    case = draw(cases)
    x = case.args[0]
    if x.size and draw(st.booleans()):
        x.flat[draw(st.integers(0, x.size - 1))] = np.nan
    return case


@st.composite
def selections(draw):
    """Conditions, choices for them, and perhaps what is chosen if none holds."""
    shape = draw(SHAPES)
    n = draw(st.integers(1, 3))
    masks = [draw(hnp.arrays(bool, shape)) for _ in range(n)]
    parts = [draw(numbers(draw(st.sampled_from([shape, ()])), REAL, k)) for k in range(n)]
    return Case((masks, parts, *draw(st.sampled_from([(), (2.5,)]))))


@st.composite
def choices_by_position(draw):
    """Positions, and operands to choose from."""
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3))
    positions, *others = shapes.input_shapes
    return Case(
        (
            draw(hnp.arrays(int, positions, elements=st.integers(0, 1))),
            [draw(numbers(shape, REAL, k)) for k, shape in enumerate(others)],
        )
    )


@st.composite
def limits(draw):
    """An operand to clip, and limits, which may be crossed, and of which either may be missing."""
    x, low, high = draw(operands(REAL, REAL, REAL)).args
    ends = [(low, high), (None, high), (low, None), (-1, 1)]
    return Case((x, *draw(st.sampled_from(ends))))


def indices(shape):
    """What may stand between brackets after an array of a shape."""
    basic = hnp.basic_indices(shape, max_dims=5, allow_newaxis=True)
    if not shape:
        return basic
    masks = hnp.arrays(bool, shape) | hnp.arrays(bool, shape[:1])
    if 0 in shape:
        return basic | masks
    mixed = st.tuples(hnp.arrays(int, 3, elements=positions(shape[0])), st.just(...))
    pointwise = hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2))
    return basic | masks | mixed | pointwise | positions(shape[0])


def positions(n):
    return st.integers(-n, n - 1)


@st.composite
def scatters(draw):
    """Values to put at an index of zeros."""
    shape = draw(ANY)
    index = draw(indices(shape))
    return Case((draw(numbers(np.zeros(shape)[index].shape)), index, shape))


@st.composite
def takes(draw):
    """An operand, positions along an axis of it, or in a row of all elements."""
    shape = draw(VECTORS)
    axis = draw(st.none() | axis_of(shape))
    n = np.prod(shape) if axis is None else shape[axis]
    index = positions(n) | hnp.arrays(int, hnp.array_shapes(max_dims=2), elements=positions(n))
    return Case((draw(numbers(shape)), draw(index)), {"axis": axis})


@st.composite
def takes_along(draw):
    """An operand, and positions along an axis for every row, or for all rows alike."""
    shape = draw(VECTORS)
    axis = draw(st.none() | axis_of(shape))
    if axis is None:
        along, n = (draw(st.integers(1, 4)),), int(np.prod(shape))
    else:
        along, n = list(shape), shape[axis]
        along[axis] = draw(st.integers(1, 4))
        if len(shape) > 1 and draw(st.booleans()):
            along[(axis + 1) % len(shape)] = 1  # broadcast
    return Case(
        (draw(numbers(shape)), draw(hnp.arrays(int, tuple(along), elements=positions(n)))),
        {"axis": axis},
    )


@st.composite
def compressions(draw):
    """A condition for each position along an axis, and the operand."""
    shape = draw(VECTORS)
    axis = draw(st.none() | axis_of(shape))
    n = int(np.prod(shape)) if axis is None else shape[axis]
    return Case((draw(hnp.arrays(bool, st.integers(1, n))), draw(numbers(shape))), {"axis": axis})


@st.composite
def extractions(draw):
    shape = draw(SHAPES)
    return Case((draw(hnp.arrays(bool, shape)), draw(numbers(shape))))


@st.composite
def cuts(draw, any_number=False):
    """An operand, and into how many parts or where to split it along an axis."""
    shape = draw(VECTORS)
    axis = draw(axis_of(shape))
    equal = [n for n in (1, 2, 3) if any_number or shape[axis] % n == 0]
    where = st.sampled_from(equal) | st.lists(st.integers(0, 3), max_size=2).map(sorted)
    return Case((draw(numbers(shape)), draw(where)), {"axis": axis})


@st.composite
def cuts_on(draw, axis, shapes=VECTORS):
    """The same for the functions that are named after an axis."""
    shape = draw(shapes)
    length = shape[min(axis, len(shape) - 1)]
    equal = [n for n in (1, 2, 3) if length % n == 0]
    where = st.sampled_from(equal) | st.lists(st.integers(0, 3), max_size=2).map(sorted)
    return Case((draw(numbers(shape)), draw(where)))


@st.composite
def blocks(draw):
    """Nested lists of blocks that fit."""
    m, n, k = (draw(st.integers(1, 3)) for _ in "mnk")
    a, b, c, d = ((m, n), (m, k), (1, n), (1, k))
    layouts = [[a], [a, b], [[a, b]], [[a], [c]], [[a, b], [c, d]], [[a, b], [(n,), (k,)]]]
    layouts += [[(), (n,)], [[[a, b]], [[a, b]]], [[(2, m, n), (2, m, k)], [(2, 1, n), (2, 1, k)]]]
    number = iter(range(9))
    return Case((put_together(draw, draw(st.sampled_from(layouts)), number),))


def put_together(draw, layout, number):
    if isinstance(layout, tuple):
        return draw(numbers(layout, REAL, next(number)))
    return [put_together(draw, part, number) for part in layout]


def sorted_partition(x, kth, axis=-1):
    y = np.sort(x, axis)
    chosen = [np.take(a, kth, axis) for a in (y, np.partition(x, kth, axis))]
    np.testing.assert_array_equal(*chosen)
    return y


@st.composite
def partitions(draw):
    """An operand, and which element of every row is to be at its place."""
    shape = draw(VECTORS)
    axis = draw(st.none() | axis_of(shape))
    n = int(np.prod(shape)) if axis is None else shape[axis]
    return Case((draw(numbers(shape)), draw(positions(n) | st.just([0, n - 1]))), {"axis": axis})


@st.composite
def window_views(draw):
    """An operand, and the shape of windows for all axes, or for some."""
    shape = draw(VECTORS)
    if draw(st.booleans()):
        return Case((draw(numbers(shape)), tuple(draw(st.integers(1, n)) for n in shape)))
    axis = draw(axis_of(shape))
    twice = draw(st.booleans()) and shape[axis] > 1  # windows of windows
    width = (2, shape[axis] - 1) if twice else draw(st.integers(1, shape[axis]))
    return Case((draw(numbers(shape)), width), {"axis": (axis, axis) if twice else axis})


@st.composite
def repeats(draw):
    """An operand, and how many times to repeat all or each of its slices."""
    shape = draw(SHAPES)
    axis = draw(st.none() | axis_of(shape)) if shape else None
    n = int(np.prod(shape)) if axis is None else shape[axis]
    times = st.integers(0, 3) | st.lists(st.integers(0, 3), min_size=n, max_size=n)
    return Case((draw(numbers(shape)), draw(times)), {"axis": axis})


def repetitions(_):
    return st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=3)


def margins(shape):
    pair = st.tuples(st.integers(0, 3), st.integers(0, 3))
    return st.integers(0, 3) | pair | st.tuples(*(pair for _ in shape))


def permutations(shape):
    return st.permutations(range(len(shape))).map(tuple)


def new_shapes(shape):
    """Other shapes for as many elements."""
    return st.sampled_from([shape[::-1], (1, *shape), (np.prod(shape, dtype=int),)]) | (
        st.just(-1) if 0 in shape else st.just((-1, *shape[1:]))
    )


def larger_shapes(shape):
    larger = hnp.broadcastable_shapes(shape, min_dims=len(shape), max_dims=4, max_side=3)
    return larger.map(lambda other: np.broadcast_shapes(shape, other))


@st.composite
def moves(draw):
    """An operand, and axes to move."""
    shape = draw(VECTORS)
    several = st.lists(axis_of(shape), unique_by=lambda i: i % len(shape), min_size=1)
    source = draw(several | axis_of(shape))
    n = len(source) if isinstance(source, list) else None
    target = draw(axis_of(shape) if n is None else several.filter(lambda t: len(t) == n))
    return Case((draw(numbers(shape)), source, target))


@st.composite
def rolls(draw):
    shape = draw(VECTORS)
    axis = draw(st.none() | axis_of(shape) | hnp.valid_tuple_axes(len(shape), min_size=1))
    n = len(axis) if isinstance(axis, tuple) else 0
    shift = st.tuples(*[st.integers(-4, 4)] * n) if n else st.integers(-4, 4)
    return Case((draw(numbers(shape)), draw(shift)), {"axis": axis})


@st.composite
def groups(draw):
    """An operand for maxout, and the size of its groups."""
    shape, pieces = list(draw(VECTORS)), draw(st.integers(1, 3))
    axis = draw(axis_of(shape))
    shape[axis] = pieces * draw(st.integers(0, 2))
    return Case((draw(numbers(tuple(shape))), pieces), {"axis": axis})


@st.composite
def channels(draw, more=(), samples=(2, 3), shapes=((), (2,)), **options):
    """Samples of some channels, and perhaps numbers for each channel."""
    n, c = draw(st.integers(*samples)), draw(st.integers(1, 3))
    x = draw(numbers((n, c, *draw(st.sampled_from(shapes)))))
    further = [draw(st.none() | numbers((c,), domain, k)) for k, domain in enumerate(more, 1)]
    if further and further[0] is None:
        further = []
    return Case((x, *further), {name: draw(option) for name, option in options.items()})


@st.composite
def fixed_channels(draw):
    """The same, and a mean and a variance that do not come from the samples."""
    case = draw(channels((REAL, REAL), (1, 3)))
    c = case.args[0].shape[1]
    fixed = {"mean": np.linspace(-1, 1, c), "var": np.linspace(0.5, 2, c)}
    return case._replace(options=fixed)


@st.composite
def features(draw, more):
    """Samples, and perhaps numbers for each of their features, along one axis or two."""
    shape = draw(st.sampled_from([(3,), (2, 3), (1, 2, 2)]))
    axes = draw(st.integers(1, len(shape)))
    further = [draw(st.none() | numbers(shape[-axes:], REAL, k)) for k in range(1, more + 1)]
    axis = -1 if axes == 1 else tuple(range(-axes, 0))
    eps = draw(st.sampled_from([0.01, 0.5]))
    return Case((draw(numbers(shape)), *further), {"axis": axis, "eps": eps})


@st.composite
def lookups(draw):
    """Indices, and the table with the rows that they are of."""
    n, k = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    rows = hnp.arrays(int, hnp.array_shapes(min_dims=0, max_dims=2), elements=st.integers(0, n - 1))
    return Case((draw(rows), draw(numbers((n, k)))))


@st.composite
def attentions(draw, values=True):
    """Queries, keys and values; a mask of what to attend to, which may be nothing."""
    signature = "(l,d),(s,d),(s,e)->(l,e)" if values else "(l,d),(s,d)->(l,s)"
    case = draw(gufunc(signature, *[REAL] * (3 if values else 2)))
    shape = case.args[0].shape[-2], case.args[1].shape[-2]
    mask = draw(st.none() | hnp.arrays(bool, shape))
    options = {"causal": draw(st.booleans()), "scale": draw(st.sampled_from([None, 0.5]))}
    return case._replace(options={"mask": mask, **options})


@st.composite
def windows(draw, axes):
    """For each of some axes: a window, a stride, a dilation, and a length with room for these."""
    window, stride, dilation = ([draw(st.integers(1, 2)) for _ in range(axes)] for _ in "wsd")
    spans = [d * (k - 1) + 1 for k, d in zip(window, dilation, strict=True)]
    lengths = [span + draw(st.integers(0, 3 - axes)) for span in spans]
    return tuple(window), tuple(stride), tuple(dilation), tuple(lengths)


@st.composite
def window_cases(draw):
    """An operand, and windows on its last axes."""
    window, stride, dilation, lengths = draw(windows(draw(st.integers(1, 2))))
    lead = draw(st.sampled_from([(), (2,)]))
    if draw(st.booleans()) and len(window) == 1:
        window = window[0]
    return Case(
        (draw(numbers((*lead, *lengths))), window), {"stride": stride, "dilation": dilation}
    )


@st.composite
def overlaps(draw):
    """Windows, and the lengths of the axes that they are added up on."""
    window, stride, dilation, lengths = draw(windows(draw(st.integers(1, 2))))
    counts = places(lengths, window, stride, dilation)
    lead = draw(st.sampled_from([(), (2,)]))
    return Case(
        (draw(numbers((*lead, *counts, *window))), lengths),
        {"stride": stride, "dilation": dilation},
    )


@st.composite
def convolutions(draw, axes, transposed=False):
    """Images, weights and perhaps a bias; and where the windows are."""
    window, stride, dilation, lengths = draw(windows(axes))
    groups = draw(st.sampled_from([1, 1, 2]))
    channels, outputs = groups, groups * draw(st.integers(1, 2))
    n = draw(st.integers(1, 2))
    x = draw(numbers((n, channels, *(lengths if not transposed else [3] * axes))))
    lead = (channels, outputs // groups) if transposed else (outputs, channels // groups)
    W = draw(numbers((*lead, *window), REAL, 1))
    b = draw(st.none() | numbers((outputs,), REAL, 2))
    options = {"stride": stride, "padding": draw(st.integers(0, 1)), "dilation": dilation}
    if transposed:
        options["output_padding"] = tuple(draw(st.integers(0, s - 1)) for s in stride)
    return Case((x, W, b), options | {"groups": groups})


@st.composite
def pools(draw, dilated=False):
    """Signals or images, and windows on them."""
    window, stride, dilation, lengths = draw(windows(draw(st.integers(1, 2))))
    x = draw(numbers((draw(st.integers(1, 2)), 1, *lengths)))
    stride = draw(st.sampled_from([None, stride]))
    if not dilated:
        return Case((x, window), {"stride": stride, "padding": min(window) // 2})
    options = {"padding": tuple(k // 2 for k in window), "dilation": dilation}
    return Case((x, window), {"stride": stride, **options})


@st.composite
def adaptive_pools(draw):
    """Signals or images, and into how many windows they are divided."""
    lengths = draw(hnp.array_shapes(min_dims=1, max_dims=2, max_side=4))
    size = tuple(draw(st.integers(1, 5)) for _ in lengths)
    return Case((draw(numbers((draw(st.integers(1, 2)), 1, *lengths))), size))


REDUCTIONS = st.sampled_from(["mean", "sum", "none"])


@st.composite
def classifications(draw):
    """Logits, and class indices or probabilities."""
    shape = draw(VECTORS)
    classes = hnp.arrays(int, shape[:-1], elements=st.integers(0, shape[-1] - 1))
    labels = draw(classes | numbers(shape, (0.0, 1.0), 1))
    return Case((draw(numbers(shape, WIDE)), labels), {"reduction": draw(REDUCTIONS)})


@st.composite
def losses(draw, predictions, targets):
    """Predictions and targets of one shape."""
    shape = draw(SHAPES)
    args = draw(numbers(shape, predictions)), draw(numbers(shape, targets, 1))
    return Case(args, {"reduction": draw(REDUCTIONS)})


@st.composite
def weighted_classifications(draw, spread=True):
    """Logits, labels of which some may be ignored, weights of classes, labels that are smoothed."""
    n, classes = draw(st.integers(1, 3)), draw(st.integers(2, 3))
    indices = draw(hnp.arrays(int, (n,), elements=st.integers(0, classes - 1)))
    indices[1:] = np.where(draw(hnp.arrays(bool, (n - 1,))), -7, indices[1:])
    kinds = [indices, draw(numbers((n, classes), (0.0, 1.0), 1))]
    labels = draw(st.sampled_from(kinds[: 2 if spread else 1]))
    weight = draw(st.none() | st.just(np.linspace(0.5, 2, classes).tolist()))
    options = {"reduction": draw(REDUCTIONS), "weight": weight}
    options["ignore_index"] = -7 if labels is indices else None
    if spread:
        options["label_smoothing"] = draw(st.sampled_from([0.0, 0.25]))
    return Case((draw(numbers((n, classes), WIDE)), labels), options)


@st.composite
def weighted_decisions(draw):
    """Logits, targets of which some may be ignored, weights, targets that are smoothed."""
    n = draw(st.integers(1, 3))
    targets = draw(numbers((n, 2), (0.0, 1.0), 1))
    options = {"reduction": draw(REDUCTIONS), "label_smoothing": draw(st.sampled_from([0.0, 0.25]))}
    options["weight"] = draw(st.sampled_from([None, 2.0, [0.5, 3.0]]))
    options["pos_weight"] = draw(st.sampled_from([None, [0.5, 3.0]]))
    if draw(st.booleans()):
        targets = draw(hnp.arrays(int, (n, 2), elements=st.integers(-1, 1)))
        targets[0, 0] = 1
        options["ignore_index"] = -1
    return Case((draw(numbers((n, 2), WIDE)), targets), options)


@st.composite
def sided(draw, low, high, **options):
    """Scores, and for each of them one of two labels."""
    shape = draw(SHAPES)
    labels = draw(hnp.arrays(int, shape, elements=st.sampled_from([low, high])))
    given = {name: draw(option) for name, option in options.items()}
    return Case((draw(numbers(shape, WIDE)), labels), {"reduction": draw(REDUCTIONS), **given})


@st.composite
def distributions(draw):
    """Logarithms, and targets of one shape, with rows."""
    shape = draw(VECTORS)
    args = draw(numbers(shape, WIDE)), draw(numbers(shape, POSITIVE, 1))
    return Case(args, {"reduction": draw(REDUCTIONS)})


@st.composite
def quotients(draw):
    """A dividend and a divisor, of which none is a multiple of the other."""
    a, b = draw(operands(WIDE, (0.5, 2.0))).args
    ratio = a / b
    assume((np.abs(ratio - np.rint(ratio)) > 0.01).all())
    return Case((a, np.asarray(b * draw(st.sampled_from([1, -1])))))


@st.composite
def vector_norms(draw):
    orders = st.sampled_from([None, 2, 1, 3, 2.5, 0.5, -1, 0, np.inf, -np.inf])
    return draw(along(ord=orders, keepdims=st.booleans()))


@st.composite
def matrix_norms(draw, orders):
    """A matrix or several, whose norm is no tie."""
    shape = draw(MATRICES)
    x = draw(numbers(shape))
    order = draw(st.sampled_from(orders))
    pair = draw(st.sampled_from([(-2, -1), (-1, -2), (0, 1)])) if len(shape) > 2 else None
    inner = np.moveaxis(x, pair or (0, 1), (-2, -1))
    sums = {1: -2, -1: -2, np.inf: -1, -np.inf: -1}
    if order in sums:
        compared = np.abs(inner).sum(sums[order])
    else:
        compared = np.concatenate([np.linalg.svd(inner)[1], np.zeros((*inner.shape[:-2], 1))], -1)
    assume((np.diff(np.sort(compared)) > 0.05).all())
    return Case((x,), {"ord": order, "axis": pair, "keepdims": draw(st.booleans())})


# --------------------------------------------------------------------------------------
# What NumPy says
# --------------------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    return np.exp(x) / np.exp(x).sum(axis, keepdims=True)


def gelu(x):
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi).astype(x.dtype) * (x + 0.044715 * x**3)))


def mish(x):
    return x * np.tanh(np.log(1 + np.exp(x)))


def of_channels(c, x):
    return 1 if c is None else c.reshape(-1, *[1] * (x.ndim - 2))


def prelu(x, slope):
    return np.where(x > 0, x, x * of_channels(slope, x))


def batch_norm(x, gain=None, b=None, mean=None, var=None, eps=1e-5):
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes) if mean is None else mean
    var = x.var(axes) if var is None else var
    u = (x - of_channels(mean, x)) / np.sqrt(of_channels(var, x) + eps)
    return u * of_channels(gain, x) + (0 if b is None else of_channels(b, x))


def layer_norm(x, gain, b, axis, eps):
    u = (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + eps)
    return u * (1 if gain is None else gain) + (0 if b is None else b)


def rms_norm(x, gain, axis, eps):
    u = x / np.sqrt((x**2).mean(axis, keepdims=True) + eps)
    return u * (1 if gain is None else gain)


def dropout(x, p, rng):
    kept = np.random.default_rng(rng).uniform(size=x.shape) >= p
    return x * (kept / (1 - p)).astype(x.dtype)


def attention_weights(q, k, mask, causal, scale):
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    e = np.exp(scale * np.einsum("...ld,...sd->...ls", q, k))
    if causal:
        e = e * np.tri(*e.shape[-2:], dtype=e.dtype)
    if mask is not None:
        e = e * mask
    total = e.sum(-1, keepdims=True)
    return e / np.where(total == 0, 1, total)


def maxout(x, pieces, axis=-1):
    groups = np.moveaxis(x, axis, -1)
    groups = groups.reshape(*groups.shape[:-1], groups.shape[-1] // pieces, pieces)
    return np.moveaxis(groups.max(-1, initial=-9), -1, axis)


def linear(x, W, b):
    return x @ W if b is None else x @ W + b


def scatter_add(x, index, shape):
    y = np.zeros(shape, x.dtype)
    np.add.at(y, index, x)
    return y


def places(lengths, window, stride, dilation):
    """How many windows there are along each axis, counted one by one."""
    of_axes = zip(lengths, window, stride, dilation, strict=True)
    return tuple(sum(1 for i in range(0, n, s) if i + d * (k - 1) < n) for n, k, s, d in of_axes)


def sliding_windows(x, window, stride, dilation):
    window = tuple(np.atleast_1d(window).tolist())
    lead, lengths = x.shape[: -len(window)], x.shape[-len(window) :]
    y = np.empty((*lead, *places(lengths, window, stride, dilation), *window), x.dtype)
    for at in np.ndindex(*y.shape[len(lead) :]):
        of_axes = zip(at, at[len(window) :], stride, dilation, strict=False)
        y[(..., *at)] = x[(..., *(i * s + j * d for i, j, s, d in of_axes))]
    return y


def overlap_add(x, shape, stride, dilation):
    axes = len(shape)
    y = np.zeros((*x.shape[: -2 * axes], *shape), x.dtype)
    for at in np.ndindex(*x.shape[-2 * axes :]):
        of_axes = zip(at, at[axes:], stride, dilation, strict=False)
        y[(..., *(i * s + j * d for i, j, s, d in of_axes))] += x[(..., *at)]
    return y


def margins_of(x, padding, value=0):
    pairs = [(p, p) for p in np.broadcast_to(padding, x.ndim - 2).tolist()]
    return np.pad(x, [(0, 0), (0, 0), *pairs], constant_values=value)


def convolution(x, W, b, stride, padding, dilation, groups):
    x, parts = margins_of(x, padding), []
    for xs, Ws in zip(np.split(x, groups, 1), np.split(W, groups), strict=True):
        patches = sliding_windows(xs, W.shape[2:], stride, dilation)
        subscripts = "ncik,ock->noi" if W.ndim == 3 else "ncijkl,ockl->noij"
        parts.append(np.einsum(subscripts, patches, Ws))
    y = np.concatenate(parts, 1)
    return y if b is None else y + b.reshape(-1, *[1] * (W.ndim - 2))


def conv_transpose2d(x, W, b, stride, padding, output_padding, dilation, groups):
    full = [
        (n - 1) * s + d * (k - 1) + 1 + e
        for n, k, s, d, e in zip(
            x.shape[2:], W.shape[2:], stride, dilation, output_padding, strict=True
        )
    ]
    parts = []
    for xs, Ws in zip(np.split(x, groups, 1), np.split(W, groups), strict=True):
        put_down = np.einsum("ncij,cokl->noijkl", xs, Ws)
        parts.append(overlap_add(put_down, full, stride, dilation))
    y = np.concatenate(parts, 1)[(..., *(slice(padding, n - padding) for n in full))]
    return y if b is None else y + b[:, None, None]


def pooled(function, value):
    def pool(x, window, stride, padding, dilation=None):
        x = margins_of(x, padding, value)
        patches = sliding_windows(x, window, stride or window, dilation or [1] * len(window))
        return function(patches, axis=tuple(range(x.ndim, patches.ndim)))

    return pool


def divided(function):
    def pool(x, size):
        for axis, m in enumerate(size, start=2):
            n = x.shape[axis]
            parts = [
                function(np.take(x, range(i * n // m, -(-(i + 1) * n // m)), axis), axis=axis)
                for i in range(m)
            ]
            x = np.stack(parts, axis)
        return x

    return pool


def reduced(losses, reduction):
    return losses if reduction == "none" else getattr(np, reduction)(losses)


def mean_squared_error(predictions, targets, reduction):
    return reduced((predictions - targets) ** 2, reduction)


def binary_cross_entropy(p, targets, reduction):
    return reduced(-targets * np.log(p) - (1 - targets) * np.log(1 - p), reduction)


def sigmoid_cross_entropy(logits, targets, reduction):
    return reduced(np.log(1 + np.exp(logits)) - targets * logits, reduction)


def softmax_cross_entropy(logits, labels, reduction):
    if labels.dtype.kind == "i":
        labels = np.eye(logits.shape[-1], dtype=logits.dtype)[labels]
    return reduced(-(labels * np.log(softmax(logits))).sum(-1), reduction)


def averaged(losses, counts, reduction):
    """The same, where a mean divides by how much the losses count."""
    return losses.sum() / counts.sum() if reduction == "mean" else reduced(losses, reduction)


def weighted_cross_entropy(
    logits, labels, reduction, weight, ignore_index, label_smoothing=0.0, log_p=None
):
    log_p = np.log(softmax(logits)) if log_p is None else log_p
    classes = logits.shape[-1]
    weight = np.asarray(weight or [1] * classes, logits.dtype)
    counts = np.ones(len(logits), logits.dtype)
    if labels.dtype.kind == "i":
        present = labels != ignore_index
        labels = np.eye(classes, dtype=logits.dtype)[labels * present] * present[:, None]
        counts = (labels * weight).sum(-1)
        label_smoothing = label_smoothing * present[:, None].astype(logits.dtype)
    spread = (1 - label_smoothing) * labels + label_smoothing / classes
    return averaged(-(weight * spread * log_p).sum(-1), counts, reduction)


def nll_loss(log_p, labels, reduction, weight=None, ignore_index=None):
    return weighted_cross_entropy(log_p, labels, reduction, weight, ignore_index, log_p=log_p)


def weighted_sigmoid_cross_entropy(
    z, y, reduction, label_smoothing, weight, pos_weight, ignore_index=None
):
    weight, pos_weight = (np.asarray(1 if x is None else x, z.dtype) for x in (weight, pos_weight))
    present = (y != (ignore_index or 9)).astype(z.dtype)
    y = y.astype(z.dtype) * (1 - label_smoothing) + label_smoothing / 2
    p = sigmoid(z)
    losses = -present * weight * (pos_weight * y * np.log(p) + (1 - y) * np.log(1 - p))
    return averaged(losses, present, reduction)


def focal_loss(z, y, reduction, gamma=2.0, alpha=None):
    p = np.where(y == 1, sigmoid(z), sigmoid(-z))
    weight = 1 if alpha is None else np.where(y == 1, alpha, 1 - alpha).astype(z.dtype)
    return reduced(-weight * (1 - p) ** gamma * np.log(p), reduction)


def huber_loss(predictions, targets, reduction, delta=1.0):
    e = np.abs(predictions - targets)
    return reduced(np.where(e <= delta, e**2 / 2, delta * (e - delta / 2)), reduction)


def kl_divergence(log_p, targets, reduction):
    return reduced((targets * (np.log(targets) - log_p)).sum(-1), reduction)


def gaussian_nll_loss(mean, targets, variances, reduction):
    return reduced((np.log(variances) + (mean - targets) ** 2 / variances) / 2, reduction)


def cosine_similarity(a, b, axis):
    lengths = (np.sqrt((x**2).sum(axis)) for x in (a, b))
    return (a * b).sum(axis) / math.prod(lengths)


# --------------------------------------------------------------------------------------
# The table
# --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """An operation, how to draw arguments for it, and the function that says what it computes."""

    name: str
    cases: st.SearchStrategy[Case]
    reference: Callable[..., Any] | None = None  # NumPy's function of the same name, if None
    label: str = ""  # tells apart two rows of one operation
    order: int = 2  # up to which its derivatives are known
    outputs: int | None = None  # how many of the outputs have a derivative, the first; all, if None

    def __str__(self):
        return f"{self.name}-{self.label}" if self.label else self.name

    @property
    def op(self):
        return self._of_outputs(getattr(tg, self.name))

    @property
    def expected(self):
        return self._of_outputs(self.numpys)

    @property
    def numpys(self):
        rooms = np, np.linalg, np.lib.stride_tricks
        return self.reference or next(
            getattr(room, self.name) for room in rooms if hasattr(room, self.name)
        )

    def _of_outputs(self, f):
        """The function without the outputs that have no derivative."""
        if self.outputs is None:
            return f
        return lambda *args, **options: f(*args, **options)[: self.outputs]


KEEPDIMS = {"keepdims": st.booleans()}
DDOF = {"ddof": st.sampled_from([0, 0.5])}

ROWS = [
    # roots, exponentials, logarithms
    Row("sqrt", operands(POSITIVE)),
    Row("cbrt", operands(WIDE)),
    Row("square", operands(REAL)),
    Row("reciprocal", operands(POSITIVE)),
    Row("exp", operands(REAL)),
    Row("exp2", operands(REAL)),
    Row("expm1", operands(REAL)),
    Row("log", operands(POSITIVE)),
    Row("log2", operands(POSITIVE)),
    Row("log10", operands(POSITIVE)),
    Row("log1p", operands((-0.8, 2.0))),
    Row("logaddexp", operands(REAL, REAL)),
    Row("logaddexp2", operands(REAL, REAL)),
    # angles and hyperbolic functions
    Row("sin", operands(WIDE)),
    Row("cos", operands(WIDE)),
    Row("tan", operands((-1.2, 1.2))),
    Row("arcsin", operands(UNIT)),
    Row("arccos", operands(UNIT)),
    Row("arctan", operands(WIDE)),
    Row("arctan2", operands(REAL, REAL)),
    Row("hypot", operands(REAL, REAL)),
    Row("deg2rad", operands(WIDE)),
    Row("rad2deg", operands(WIDE)),
    Row("degrees", operands(WIDE)),
    Row("radians", operands(WIDE)),
    Row("sinc", operands(WIDE)),
    Row("sinc", operands((-0.11, 0.11)), label="near 0"),
    Row("sinh", operands(REAL)),
    Row("cosh", operands(REAL)),
    Row("arcsinh", operands(WIDE)),
    Row("arccosh", operands((1.1, 4.0))),
    Row("arctanh", operands(UNIT)),
    # magnitude, sign, rounding
    Row("absolute", operands(REAL)),
    Row("abs", operands(REAL)),
    Row("fabs", operands(REAL)),
    Row("sign", operands(REAL)),
    Row("floor", operands(WIDE)),
    Row("ceil", operands(WIDE)),
    Row("trunc", operands(WIDE)),
    Row("rint", operands(WIDE)),
    Row("round", operands(WIDE, decimals=st.sampled_from([0, -1]))),
    Row("fix", operands(WIDE)),
    # numbers that might be complex, or none
    Row("real", operands(REAL)),
    Row("imag", operands(REAL)),
    Row("conjugate", operands(REAL)),
    Row("real_if_close", operands(REAL, tol=st.sampled_from([100, 1000]))),
    Row("angle", operands(REAL, deg=st.booleans())),
    Row("nan_to_num", operands(REAL, nan=st.just(1.0), posinf=st.sampled_from([None, 9.0]))),
    # arithmetic
    Row("add", operands(REAL, REAL)),
    Row("subtract", operands(REAL, REAL)),
    Row("multiply", operands(REAL, REAL)),
    Row("divide", operands(REAL, POSITIVE)),
    Row("power", operands(POSITIVE, REAL)),
    Row("power", shaped(lambda _: st.integers(-2, 4), domain=REAL), label="whole exponent"),
    Row("negative", operands(REAL)),
    Row("positive", operands(REAL)),
    Row("remainder", quotients()),
    Row("floor_divide", quotients()),
    Row("divmod", quotients()),
    # activations
    Row("sigmoid", operands(WIDE), sigmoid),
    Row("tanh", operands(WIDE)),
    Row("relu", operands(REAL), lambda x: x * (x > 0)),
    Row("leaky_relu", operands(REAL), lambda x: np.where(x > 0, x, x * 0.01)),
    Row(
        "leaky_relu",
        operands(REAL, negative_slope=st.sampled_from([0, 0.3, 2.0])),
        lambda x, negative_slope: np.where(x > 0, x, x * negative_slope),
        label="slope",
    ),
    Row(
        "elu",
        operands(REAL, alpha=st.sampled_from([1.0, 0.5])),
        lambda x, alpha: np.where(x > 0, x, np.expm1(x) * alpha),
    ),
    Row("softplus", operands(WIDE), lambda x: np.log(1 + np.exp(x))),
    Row("silu", operands(WIDE), lambda x: x * sigmoid(x)),
    Row("gelu", operands(REAL), gelu),
    Row("mish", operands(WIDE), mish),
    Row("hardtanh", operands(REAL), lambda x: np.clip(x, -1, 1)),
    Row(
        "hardtanh",
        operands(REAL, low=st.sampled_from([-1.5, 0.5]), high=st.just(1.0)),
        lambda x, low, high: np.minimum(np.maximum(x, low), high),
        label="ends",
    ),
    Row("relu6", operands((-4.0, 12.0)), lambda x: np.clip(x, 0, 6)),
    Row("prelu", channels((REAL,)).filter(lambda case: len(case.args) > 1), prelu),
    Row("maxout", groups(), maxout),
    Row("softmax", along(), softmax),
    Row("log_softmax", along(), lambda x, axis: np.log(softmax(x, axis))),
    # normalization, noise, attention
    Row("batch_norm", channels((REAL, REAL), eps=st.sampled_from([0.01, 0.5])), batch_norm),
    Row("batch_norm", fixed_channels(), batch_norm, label="mean and variance"),
    Row("layer_norm", features(2), layer_norm),
    Row("rms_norm", features(1), rms_norm),
    Row("dropout", operands(REAL, p=st.sampled_from([0, 0.5]), rng=st.integers(0, 9)), dropout),
    Row("attention_weights", attentions(values=False), attention_weights),
    Row(
        "scaled_dot_product_attention",
        attentions(),
        lambda q, k, v, **options: attention_weights(q, k, **options) @ v,
    ),
    # losses
    Row("mean_squared_error", losses(REAL, REAL), mean_squared_error),
    Row("binary_cross_entropy", losses((0.05, 0.95), (0.0, 1.0)), binary_cross_entropy),
    Row("sigmoid_cross_entropy", losses(WIDE, (0.0, 1.0)), sigmoid_cross_entropy),
    Row("softmax_cross_entropy", classifications(), softmax_cross_entropy),
    Row(
        "softmax_cross_entropy",
        weighted_classifications(),
        weighted_cross_entropy,
        label="weights",
    ),
    Row(
        "sigmoid_cross_entropy",
        weighted_decisions(),
        weighted_sigmoid_cross_entropy,
        label="weights",
    ),
    Row("nll_loss", weighted_classifications(spread=False), nll_loss),
    Row("focal_loss", sided(0, 1), focal_loss),
    Row(
        "focal_loss",
        sided(0, 1, gamma=st.sampled_from([0, 0.5, 1, 3.0]), alpha=st.sampled_from([None, 0.25])),
        focal_loss,
        label="gamma",
    ),
    Row("l1_loss", losses(REAL, REAL), lambda x, y, reduction: reduced(np.abs(x - y), reduction)),
    Row("huber_loss", losses(REAL, REAL), huber_loss),
    Row(
        "hinge_loss",
        sided(-1, 1),
        lambda x, y, reduction: reduced(np.maximum(1 - x * y.astype(x.dtype), 0), reduction),
    ),
    Row("kl_divergence", distributions(), kl_divergence),
    Row(
        "gaussian_nll_loss",
        losses(REAL, REAL).flatmap(
            lambda case: numbers(case.args[0].shape, POSITIVE, 2).map(
                lambda variances: Case((*case.args, variances), case.options)
            )
        ),
        gaussian_nll_loss,
    ),
    Row(
        "cosine_similarity",
        gufunc("(n),(n)->()", POSITIVE, REAL).map(lambda case: Case(case.args, {"axis": -1})),
        cosine_similarity,
    ),
    # choosing among values
    Row("where", choices()),
    Row("maximum", operands(REAL, REAL)),
    Row("minimum", operands(REAL, REAL)),
    Row("fmax", operands(REAL, REAL)),
    Row("fmin", operands(REAL, REAL)),
    Row("clip", limits()),
    Row("select", selections()),
    Row("choose", choices_by_position()),
    # reductions
    Row("sum", reduction(shapes=ANY, least=0, **KEEPDIMS)),
    Row("mean", reduction(**KEEPDIMS)),
    Row("prod", reduction(shapes=ANY, least=0, **KEEPDIMS)),
    Row("max", reduction(**KEEPDIMS)),
    Row("min", reduction(**KEEPDIMS)),
    Row("ptp", reduction(least=2, **KEEPDIMS)),
    Row("var", reduction(**DDOF, **KEEPDIMS)),
    Row("std", reduction(least=2, **DDOF, **KEEPDIMS)),
    Row("average", averages()),
    Row("median", reduction(**KEEPDIMS)),
    Row("quantile", quantiles(1)),
    Row(
        "quantile",
        st.tuples(along(), numbers((2,), (0.0, 1.0), 1)).map(
            lambda t: Case((*t[0].args, t[1]), t[0].options)
        ),
        label="of several",
    ),
    Row("percentile", quantiles(100)),
    Row("cov", samples()),
    Row("cov", samples(bias=st.booleans(), ddof=st.sampled_from([None, 0, 1])), label="freedom"),
    Row("corrcoef", samples()),
    Row("nansum", with_a_nan(reduction(shapes=ANY, least=0, **KEEPDIMS))),
    Row("nanprod", with_a_nan(reduction(shapes=ANY, least=0, **KEEPDIMS))),
    Row("nanmax", with_a_nan(reduction(least=2, **KEEPDIMS))),
    Row("nanmin", with_a_nan(reduction(least=2, **KEEPDIMS))),
    Row("nanmean", with_a_nan(reduction(least=2, **KEEPDIMS))),
    Row("nanvar", with_a_nan(reduction(least=2, **DDOF, **KEEPDIMS))),
    Row("nanstd", with_a_nan(reduction(least=3, **DDOF, **KEEPDIMS))),
    Row("cumsum", along(shapes=VECTORS | EMPTY, optional=True)),
    Row("cumprod", along(shapes=VECTORS | EMPTY, optional=True)),
    Row(
        "logsumexp",
        reduction(**KEEPDIMS),
        lambda x, axis, keepdims: np.log(np.exp(x).sum(axis, keepdims=keepdims)),
    ),
    # products
    Row("matmul", gufunc("(m?,n),(n,p?)->(m?,p?)", REAL, REAL)),
    Row("linear", linear_layers(), linear),
    Row(
        "dot",
        contraction(
            lambda k, m, n: [
                ((), (n,)),
                ((n, m), ()),
                ((n,), (n,)),
                ((m, n), (n,)),
                ((n,), (n, k)),
                ((m, n), (n, k)),
                ((k, m, n), (n,)),
                ((2, m, n), (k, n, 2)),
            ]
        ),
    ),
    Row(
        "inner",
        contraction(
            lambda k, m, n: [
                ((), (n,)),
                ((n, m), ()),
                ((n,), (n,)),
                ((m, n), (n,)),
                ((m, n), (k, n)),
                ((2, m, n), (k, n)),
            ]
        ),
    ),
    Row("tensordot", contraction(lambda k, m, n: [((k, m, n), (m, n)), ((m, n), (m, n, k))])),
    Row(
        "tensordot",
        contraction(lambda k, m, n: [((k, m, n), (n, m, k))], axes=st.just(([0, 1], [2, 1])))
        | contraction(lambda k, m, n: [((k, m, n), (n, m))], axes=st.just(([1, 2], [1, 0])))
        | contraction(lambda k, m, n: [((m, n), (k, n, m))], axes=st.just((-1, 1)))
        | contraction(lambda k, m, n: [((m, n), (k,)), ((), (k,))], axes=st.just(0)),
        label="axes",
    ),
    Row("vdot", contraction(lambda k, m, n: [((k, m), (m, k)), ((m, n), (m * n,)), ((), ())])),
    Row("vecdot", gufunc("(n),(n)->()", REAL, REAL)),
    Row(
        "vecdot",
        contraction(lambda k, m, n: [((k, m, n), (k, m, n))], axis=st.sampled_from([0, -2])),
        label="axis",
    ),
    Row("outer", contraction(lambda k, m, n: [((k, m), (n,)), ((), (n,)), ((m,), (n,))])),
    Row("cross", gufunc("(3),(3)->(3)", REAL, REAL)),
    Row("cross", crosses(), label="axes"),
    Row(
        "kron",
        contraction(lambda k, m, n: [((k, m), (n,)), ((m,), (k, n)), ((m, n), (n, k)), ((), (n,))]),
    ),
    Row("einsum", einsums()),
    Row("convolve", rows_of_numbers()),
    Row("correlate", rows_of_numbers()),
    # convolutions and pooling
    Row("sliding_windows", window_cases(), sliding_windows),
    Row("overlap_add", overlaps(), overlap_add),
    Row("conv1d", convolutions(1), convolution),
    Row("conv2d", convolutions(2), convolution),
    Row("conv_transpose2d", convolutions(2, transposed=True), conv_transpose2d),
    Row("max_pool", pools(dilated=True), pooled(np.max, -np.inf)),
    Row("avg_pool", pools(), pooled(np.mean, 0)),
    Row("adaptive_max_pool", adaptive_pools(), divided(np.max)),
    Row("adaptive_avg_pool", adaptive_pools(), divided(np.mean)),
    # functions on a grid
    Row("linspace", lines()),
    Row("meshgrid", grids()),
    Row(
        "gradient",
        along(
            shapes=hnp.array_shapes(min_dims=1, max_dims=3, min_side=3, max_side=4),
            edge_order=st.sampled_from([1, 2]),
        ),
    ),
    Row("gradient", spaced(), label="distances"),
    Row("ediff1d", shaped(shapes=VECTORS, to_end=ends, to_begin=ends)),
    Row("trapezoid", integrals()),
    Row("interp", interpolations()),
    # linear algebra
    Row(
        "diagonal",
        shaped(shapes=MATRICES, offset=lambda _: st.integers(-3, 3))
        | shaped(
            shapes=hnp.array_shapes(min_dims=3, max_dims=3, max_side=3),
            axis1=lambda _: st.just(-1),
            axis2=lambda _: st.integers(0, 1),
        ),
    ),
    Row("trace", shaped(shapes=MATRICES, offset=lambda _: st.integers(-3, 3))),
    Row(
        "diag",
        shaped(shapes=hnp.array_shapes(max_dims=2, max_side=3), k=lambda _: st.integers(-3, 3)),
    ),
    Row("triu", shaped(shapes=MATRICES, k=lambda _: st.integers(-2, 2))),
    Row("tril", shaped(shapes=MATRICES, k=lambda _: st.integers(-2, 2))),
    Row("norm", vector_norms()),
    Row("norm", matrix_norms([None, "fro", 1, -1, np.inf, -np.inf]), label="matrix"),
    Row("norm", matrix_norms([2, -2, "nuc"]), label="singular values"),
    Row("cond", matrix_norms([2, -2]).map(lambda case: Case((case.args[0], case.options["ord"])))),
    Row(
        "cond",
        st.tuples(spread_matrices(), st.sampled_from(["fro", "nuc"])).map(
            lambda drawn: Case((*drawn[0].args, drawn[1]))
        ),
        label="by the inverse",
    ),
    Row("inv", square_matrices()),
    Row("pinv", spread_matrices(square=False)),
    Row(
        "tensorinv",
        tensor_systems().map(lambda case: Case(case.args[:1], {"ind": case.args[1].ndim})),
    ),
    Row("det", square_matrices(regular=False)),
    Row("slogdet", square_matrices()),
    Row("solve", systems()),
    Row("tensorsolve", tensor_systems()),
    Row("lstsq", least_squares(), outputs=1),
    Row("multi_dot", chains()),
    Row(
        "matrix_power",
        st.tuples(square_matrices(), st.integers(-2, 3)).map(lambda t: Case((*t[0].args, t[1]))),
    ),
    # decompositions
    Row("cholesky", definite_matrices(upper=st.booleans())),
    Row("qr", spread_matrices(square=False)),
    Row("qr", spread_matrices(square=False).map(lambda case: Case((*case.args, "r"))), label="r"),
    Row("eigh", definite_matrices(UPLO=st.sampled_from(["L", "U"]))),
    Row("eigvalsh", definite_matrices(UPLO=st.sampled_from(["L", "U"]))),
    Row("eig", spread_matrices()),
    Row("eigvals", spread_matrices()),
    Row("svd", spread_matrices()),
    Row(
        "svd",
        spread_matrices(square=False).map(lambda case: Case(case.args, {"full_matrices": False})),
        label="reduced",
    ),
    Row("svdvals", spread_matrices(square=False)),
    # shape
    Row("reshape", shaped(new_shapes)),
    Row("ravel", operands(REAL)),
    Row(
        "squeeze",
        shaped(shapes=st.sampled_from([(), (1,), (3, 1), (1, 2, 1)]))
        | shaped(
            shapes=st.sampled_from([(1, 3, 1), (1, 1, 1)]),
            axis=lambda _: st.sampled_from([0, -1, (0, 2)]),
        ),
    ),
    Row("expand_dims", shaped(lambda shape: axis_of(shape, 1) | st.just((0, -1)))),
    Row("transpose", operands(REAL)),
    Row("transpose", shaped(permutations), label="axes"),
    Row("swapaxes", shaped(axis_of, axis_of, shapes=VECTORS)),
    Row("matrix_transpose", shaped(shapes=MATRICES)),
    Row("moveaxis", moves()),
    Row("broadcast_to", shaped(larger_shapes, shapes=SHAPES)),
    Row("atleast_1d", operands(REAL) | operands(REAL, REAL)),
    Row("atleast_2d", operands(REAL) | operands(REAL, REAL)),
    Row("atleast_3d", operands(REAL) | operands(REAL, REAL)),
    Row(
        "rollaxis",
        shaped(axis_of, shapes=VECTORS, start=lambda shape: st.integers(-len(shape), len(shape))),
    ),
    Row("flip", reduction(shapes=ANY, least=0)),
    Row("fliplr", shaped(shapes=MATRICES)),
    Row("flipud", shaped(shapes=VECTORS)),
    Row("roll", rolls()),
    Row(
        "rot90",
        shaped(
            shapes=MATRICES,
            k=lambda _: st.integers(-2, 3),
            axes=lambda _: st.sampled_from([(0, 1), (1, 0), (-1, -2)]),
        ),
    ),
    Row("astype", shaped(lambda _: st.sampled_from([float, "longdouble"]))),
    Row("copy", operands(REAL)),
    # joining, splitting, repeating, padding
    Row("concatenate", several()),
    Row(
        "concatenate",
        st.lists(ANY.flatmap(numbers), min_size=1, max_size=3).map(
            lambda parts: Case((parts,), {"axis": None})
        ),
        label="in a row",
    ),
    Row("stack", several(new_axis=True)),
    Row("hstack", stacked().filter(lambda case: len({x.ndim for x in case.args[0]}) == 1)),
    Row("vstack", stacked().filter(lambda case: len({x.shape[-1] for x in case.args[0]}) == 1)),
    Row("column_stack", stacked()),
    Row("dstack", stacked().filter(lambda case: len({x.shape for x in case.args[0]}) == 1)),
    Row(
        "append",
        several().map(lambda case: Case((case.args[0][0], case.args[0][-1]), case.options)),
    ),
    Row(
        "append", st.tuples(ANY.flatmap(numbers), ANY.flatmap(numbers)).map(Case), label="in a row"
    ),
    Row("block", blocks()),
    Row("split", cuts()),
    Row("hsplit", cuts_on(1)),
    Row("vsplit", cuts_on(0, MATRICES)),
    Row("dsplit", cuts_on(2, hnp.array_shapes(min_dims=3, max_dims=3, max_side=4))),
    Row("array_split", cuts(any_number=True)),
    Row("tile", shaped(repetitions, shapes=SHAPES)),
    Row("repeat", repeats()),
    Row(
        "pad",
        shaped(margins, shapes=VECTORS, constant_values=lambda _: st.sampled_from([0, 1.5, (1, 2)]))
        | shaped(margins, lambda _: st.just("constant"), shapes=EMPTY),
    ),
    Row(
        "pad",
        shaped(
            margins,
            lambda _: st.sampled_from(["edge", "reflect", "symmetric", "wrap"]),
            shapes=VECTORS,
        ),
        label="mode",
    ),
    # indexing
    Row("getitem", shaped(indices), lambda x, index: x[index]),
    Row("scatter_add", scatters(), scatter_add),
    Row("embedding", lookups(), lambda indices, W: W[indices]),
    Row("take", takes()),
    Row("take_along_axis", takes_along()),
    Row("sort", along(optional=True, shapes=VECTORS | EMPTY)),
    Row("partition", partitions(), sorted_partition),  # NumPy may order the others otherwise
    Row("sliding_window_view", window_views()),
    Row("diff", along(n=st.integers(0, 3))),
    Row("compress", compressions()),
    Row("extract", extractions()),
]
