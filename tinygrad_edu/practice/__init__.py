"""Derivatives worked out by hand, asked for and checked."""

from tinygrad_edu.practice.answers import Exercise, Score, exercise

__all__ = ["Exercise", "Score", "exercise"]
