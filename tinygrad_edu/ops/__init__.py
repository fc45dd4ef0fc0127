"""The mathematics: every operation in one form, an array function with one closure per input.

Where a docstring says "Parameters as `numpy.sum`", they are those in the signature. NumPy's
options on how a result is computed and stored (``out``, ``dtype``, ``casting``, ``order``, and the
``where`` of its ufuncs) are left out: an operation returns a new Tensor of the dtype of its input.
"""

# ruff: noqa: F403 - what a file of operations makes public, it lists itself
from typing import TYPE_CHECKING

from tinygrad_edu.ops import (
    activation,
    arithmetic,
    attention,
    convolution,
    decompositions,
    distances,
    elementary,
    further_activations,
    grids,
    indexing,
    joining,
    linear_algebra,
    loss,
    noise,
    normalization,
    pooling,
    products,
    reduction,
    selection,
    shape,
    statistics,
    windows,
)
from tinygrad_edu.ops.activation import *
from tinygrad_edu.ops.arithmetic import *
from tinygrad_edu.ops.attention import *
from tinygrad_edu.ops.convolution import *
from tinygrad_edu.ops.decompositions import *
from tinygrad_edu.ops.distances import *
from tinygrad_edu.ops.elementary import *
from tinygrad_edu.ops.further_activations import *
from tinygrad_edu.ops.grids import *
from tinygrad_edu.ops.indexing import *
from tinygrad_edu.ops.joining import *
from tinygrad_edu.ops.linear_algebra import *
from tinygrad_edu.ops.loss import *
from tinygrad_edu.ops.noise import *
from tinygrad_edu.ops.normalization import *
from tinygrad_edu.ops.pooling import *
from tinygrad_edu.ops.products import *
from tinygrad_edu.ops.reduction import *
from tinygrad_edu.ops.selection import *
from tinygrad_edu.ops.shape import *
from tinygrad_edu.ops.statistics import *
from tinygrad_edu.ops.windows import *

FILES = (
    activation,
    arithmetic,
    attention,
    convolution,
    decompositions,
    distances,
    elementary,
    further_activations,
    grids,
    indexing,
    joining,
    linear_algebra,
    loss,
    noise,
    normalization,
    pooling,
    products,
    reduction,
    selection,
    shape,
    statistics,
    windows,
)

if not TYPE_CHECKING:  # which takes what is imported with * for public
    __all__ = [name for file in FILES for name in file.__all__]
