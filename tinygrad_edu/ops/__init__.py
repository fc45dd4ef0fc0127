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
    axes,
    diagonals,
    elementary,
    indexing,
    joining,
    linear_algebra,
    loss,
    order,
    products,
    reduction,
    repeating,
    selection,
    shape,
)
from tinygrad_edu.ops.activation import *
from tinygrad_edu.ops.arithmetic import *
from tinygrad_edu.ops.axes import *
from tinygrad_edu.ops.diagonals import *
from tinygrad_edu.ops.elementary import *
from tinygrad_edu.ops.indexing import *
from tinygrad_edu.ops.joining import *
from tinygrad_edu.ops.linear_algebra import *
from tinygrad_edu.ops.loss import *
from tinygrad_edu.ops.order import *
from tinygrad_edu.ops.products import *
from tinygrad_edu.ops.reduction import *
from tinygrad_edu.ops.repeating import *
from tinygrad_edu.ops.selection import *
from tinygrad_edu.ops.shape import *

# Type checkers take what is imported with * for public, and mypy would not understand these sums.
if not TYPE_CHECKING:
    __all__ = []
    __all__ += activation.__all__
    __all__ += arithmetic.__all__
    __all__ += axes.__all__
    __all__ += diagonals.__all__
    __all__ += elementary.__all__
    __all__ += indexing.__all__
    __all__ += joining.__all__
    __all__ += linear_algebra.__all__
    __all__ += loss.__all__
    __all__ += order.__all__
    __all__ += products.__all__
    __all__ += reduction.__all__
    __all__ += repeating.__all__
    __all__ += selection.__all__
    __all__ += shape.__all__
