"""Networks: modules with parameters, and how to initialize them."""

from tinygrad_edu.nn import activations, init
from tinygrad_edu.nn.activations import (
    ELU,
    GELU,
    Identity,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinygrad_edu.nn.layers import MLP, Dropout, Linear, Maxout, Sequential
from tinygrad_edu.nn.module import Module

__all__ = [
    "ELU",
    "GELU",
    "MLP",
    "Dropout",
    "Identity",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "Maxout",
    "Module",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "activations",
    "init",
]
