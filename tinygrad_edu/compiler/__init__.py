"""The recorded step: one training step as straight NumPy, written out and run."""

from tinygrad_edu.compiler.step import CompiledStep, compile

__all__ = ["CompiledStep", "compile"]
