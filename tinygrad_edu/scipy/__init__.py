"""SciPy with gradients: its special functions, log-densities and optimizers on Tensors.

Once this is imported, SciPy's own ufuncs are recorded, too: ``scipy.special.erf(tensor)``.
"""

from tinygrad_edu.scipy import special, stats

__all__ = ["special", "stats"]
