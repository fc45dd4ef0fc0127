"""Networks: modules with parameters, and how to initialize them."""

from tinygrad_edu.nn import activation_modules, activations, init
from tinygrad_edu.nn.activation_modules import *  # noqa: F403 - each that it makes public
from tinygrad_edu.nn.layers import MLP, Dropout, Linear, Maxout, Sequential
from tinygrad_edu.nn.module import Module

__all__ = [
    "MLP",
    "Dropout",
    "Linear",
    "Maxout",
    "Module",
    "Sequential",
    "activations",
    "init",
]
__all__ += activation_modules.__all__
