"""Find out what goes wrong: sources of nan, writes into a graph, dead units, mistakes."""

from tinygrad_edu.debugging.health import UnitHealth, gradient_flow, unit_health
from tinygrad_edu.debugging.mistakes import Suspect, Verdict, diagnose
from tinygrad_edu.debugging.nonfinite import explain_nonfinite, find_nonfinite
from tinygrad_edu.debugging.watching import debug

__all__ = [
    "Suspect",
    "UnitHealth",
    "Verdict",
    "debug",
    "diagnose",
    "explain_nonfinite",
    "find_nonfinite",
    "gradient_flow",
    "unit_health",
]
