"""Networks: modules with parameters, and how to initialize them."""

# ruff: noqa: F403 - what a file makes public, it lists itself
from typing import TYPE_CHECKING, Any

from tinygrad_edu.migrants import answer
from tinygrad_edu.nn import (
    activation_modules,
    attention,
    cells,
    containers,
    convolution,
    embedding,
    from_torch,
    layers,
    module,
    normalization,
    pooling,
    recurrent,
)
from tinygrad_edu.nn import activations as activations
from tinygrad_edu.nn import init as init
from tinygrad_edu.nn.activation_modules import *
from tinygrad_edu.nn.attention import *
from tinygrad_edu.nn.cells import *
from tinygrad_edu.nn.containers import *
from tinygrad_edu.nn.convolution import *
from tinygrad_edu.nn.embedding import *
from tinygrad_edu.nn.from_torch import *
from tinygrad_edu.nn.layers import *
from tinygrad_edu.nn.module import *
from tinygrad_edu.nn.normalization import *
from tinygrad_edu.nn.pooling import *
from tinygrad_edu.nn.recurrent import *

# Type checkers take what is imported with * for public, and mypy would not understand these sums.
if not TYPE_CHECKING:
    __all__ = ["activations", "init"]
    __all__ += activation_modules.__all__
    __all__ += attention.__all__
    __all__ += cells.__all__
    __all__ += containers.__all__
    __all__ += convolution.__all__
    __all__ += embedding.__all__
    __all__ += from_torch.__all__
    __all__ += layers.__all__
    __all__ += module.__all__
    __all__ += normalization.__all__
    __all__ += pooling.__all__
    __all__ += recurrent.__all__

    def __getattr__(name: str) -> Any:
        answer(__name__, name)
