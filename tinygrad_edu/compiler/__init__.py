"""What is recorded once, written out as straight NumPy, and run: training steps and functions."""

from tinygrad_edu.compiler.function import JittedFunction, jit
from tinygrad_edu.compiler.step import CompiledStep, compile

__all__ = ["CompiledStep", "JittedFunction", "compile", "jit"]
