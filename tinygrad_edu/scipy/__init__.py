"""SciPy with gradients: its special functions, distributions and optimizers on Tensors.

Once this is imported, SciPy's own ufuncs are recorded, too: ``scipy.special.erf(tensor)``.
"""

from tinygrad_edu.scipy import optimize, special, stats

__all__ = ["optimize", "special", "stats"]
