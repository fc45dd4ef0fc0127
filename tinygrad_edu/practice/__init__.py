"""Derivatives worked out by hand, asked for and checked."""

from tinygrad_edu.practice.answers import Exercise, Score, exercise
from tinygrad_edu.practice.comparison import Comparison, Difference, compare_steps

__all__ = ["Comparison", "Difference", "Exercise", "Score", "compare_steps", "exercise"]
