"""The one exception of our own; every other error is a standard one."""


class GradientError(AssertionError):
    """A derivative does not agree with the difference quotient of its function."""
