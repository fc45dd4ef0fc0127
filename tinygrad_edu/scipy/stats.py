"""SciPy's distributions as expressions over Tensors, differentiable in all their parameters.

They differ only in formulas, so they are a table: the parameters, the logarithm of the density, the
support, and the distribution function. Formulas may use NumPy's functions and those of
`tinygrad_edu.scipy.special`.
"""

from __future__ import annotations

import math
from inspect import Parameter, Signature
from typing import Any

import numpy as np

from tinygrad_edu import ops
from tinygrad_edu.ops._common import Operand, values
from tinygrad_edu.scipy.special import formula, gammaln, list_as_array, xlogy

__all__ = [
    "Continuous",
    "Dirichlet",
    "Discrete",
    "MultivariateNormal",
    "bernoulli",
    "beta",
    "binom",
    "cauchy",
    "chi2",
    "dirichlet",
    "expon",
    "gamma",
    "geom",
    "gumbel_r",
    "laplace",
    "logistic",
    "lognorm",
    "multivariate_normal",
    "norm",
    "poisson",
    "t",
    "uniform",
]


class _Distribution:
    """What the distributions of a number have in common: parameters, support and formulas."""

    _defaults: dict[str, float]

    def __init__(
        self,
        call: str,
        log_density: str,
        support: tuple[str, str] = ("-inf", "inf"),
        valid: str | None = None,
    ) -> None:
        self.name: str = call.partition("(")[0]
        rest = call.partition("(")[2]
        x, *shapes = rest.removesuffix(")").split(", ")
        arguments = ", ".join([x, *shapes])
        valid = valid or " & ".join(f"({shape} > 0)" for shape in shapes) or "True"
        self._log_density = formula(arguments, log_density)
        self._low, self._high = (formula(arguments, end) for end in support)
        self._valid = formula(arguments, valid)
        self._signature = Signature(
            [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in shapes]
            + [
                Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=default)
                for name, default in self._defaults.items()
            ]
        )

    def __repr__(self) -> str:
        return f"<{self.name}{self._signature}>"

    def _arguments(self, x: Any, args: Any, named: Any) -> tuple[list[Any], np.dtype[Any]]:
        """The place, the parameters in order, and the dtype of the result."""
        bound = self._signature.bind(*args, **named)
        bound.apply_defaults()
        arguments = [list_as_array(x) for x in (x, *bound.args)]
        dtype = np.result_type(*(getattr(x, "dtype", x) for x in arguments), 0.0)
        return [x if hasattr(x, "dtype") else np.asarray(x, dtype) for x in arguments], dtype

    def _logarithm(self, x: Any, shapes: list[Any], outside: Any = False) -> Any:
        """The logarithm of the density: -inf outside of the support, nan of invalid parameters."""
        y = self._log_density(x, *shapes)
        outside = outside | (x < self._low(x, *shapes)) | (x > self._high(x, *shapes))
        y = np.where(outside, -np.inf, y)
        return np.where(self._valid(x, *shapes), y, np.nan)


def _in_precision(y: Any, dtype: np.dtype[Any]) -> Any:
    """The result in the precision of the arguments; constants in formulas are of float64."""
    return y if y.dtype == dtype else y.astype(dtype)


class Continuous(_Distribution):
    """A distribution with a density, as those of `scipy.stats`.

    ::

        z = (x - loc) / scale
        logpdf(x) = log_density(z) - log(scale)
        pdf(x) = exp(logpdf(x))
        cdf(x) = distribution(z)

    Outside of the support logpdf is -inf, and its gradient is 0; at its ends it is what the formula
    says. Where parameters are invalid, it is nan.

    Parameters
    ----------
    call : str
        The name, with the variable and the parameters of the shape: ``"gamma(x, a)"``.
    log_density : str
        The logarithm of the density as a formula in them, for loc = 0 and scale = 1.
    distribution : str
        The distribution function, likewise.
    support : tuple of str, optional
        The ends of the support.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.scipy import stats
    >>> loc, scale = tg.Tensor(1.0, requires_grad=True), tg.Tensor(2.0, requires_grad=True)
    >>> y = stats.norm.logpdf([0.0, 2.0], loc, scale)
    >>> y.data.round(4)
    array([-1.7371, -1.7371])
    >>> y.sum().backward()
    >>> loc.grad, scale.grad
    (array(0.), array(-0.75))
    """

    _defaults = {"loc": 0, "scale": 1}  # noqa: RUF012 - never changed

    def __init__(
        self,
        call: str,
        log_density: str,
        distribution: str,
        support: tuple[str, str] = ("-inf", "inf"),
    ) -> None:
        super().__init__(call, log_density, support)
        self._distribution = formula(call.partition("(")[2].removesuffix(")"), distribution)
        self.__doc__ = _DOCSTRING.format(
            name=self.name,
            signature=str(self._signature).strip("()"),
            block=f"logpdf(x) = {log_density}\n    cdf(x) = {distribution}",
            where="where loc = 0 and scale = 1, and x is from {} to {}".format(*support),
        )

    def logpdf(self, x: Operand, *args: Operand, **named: Operand) -> Any:
        """Logarithm of the density.

        Parameters
        ----------
        x : Tensor or array_like
            Where.
        *args, **named : Tensor or array_like
            The parameters of the shape, loc and scale, in this order or by name.

        Returns
        -------
        Tensor
            Of the broadcast shape.
        """
        (x, *shapes, loc, scale), dtype = self._arguments(x, args, named)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            y = self._logarithm((x - loc) / scale, shapes) - np.log(scale)
        return _in_precision(np.where(scale > 0, y, np.nan), dtype)

    def pdf(self, x: Operand, *args: Operand, **named: Operand) -> Any:
        """Density.

        Parameters
        ----------
        x : Tensor or array_like
            Where.
        *args, **named : Tensor or array_like
            The parameters of the shape, loc and scale, in this order or by name.

        Returns
        -------
        Tensor
            Of the broadcast shape.
        """
        return np.exp(self.logpdf(x, *args, **named))

    def cdf(self, x: Operand, *args: Operand, **named: Operand) -> Any:
        """Distribution function: the probability of values up to x.

        The derivative by parameters of the shape is known if the formula for it is elementary; else
        asking for it raises NotImplementedError.

        Parameters
        ----------
        x : Tensor or array_like
            Where.
        *args, **named : Tensor or array_like
            The parameters of the shape, loc and scale, in this order or by name.

        Returns
        -------
        Tensor
            Of the broadcast shape.
        """
        (x, *shapes, loc, scale), dtype = self._arguments(x, args, named)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            z = (x - loc) / scale
            z = np.clip(z, self._low(z, *shapes), self._high(z, *shapes))
            y = self._distribution(z, *shapes)
        valid = self._valid(z, *shapes) & (scale > 0)
        return _in_precision(np.where(valid, y, np.nan), dtype)


class Discrete(_Distribution):
    """A distribution of whole numbers, as those of `scipy.stats`.

    ::

        logpmf(k) = log_probability(k - loc)
        pmf(k) = exp(logpmf(k))

    Of what is not in the support, or not whole, logpmf is -inf, and its gradient is 0. Where
    parameters are invalid, it is nan.

    Parameters
    ----------
    call : str
        The name, with the variable and the parameters: ``"poisson(k, mu)"``.
    log_probability : str
        The logarithm of the probability as a formula in them, for loc = 0.
    support : tuple of str
        Its ends.
    valid : str
        Which parameters are.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.scipy import stats
    >>> mu = tg.Tensor(2.0, requires_grad=True)
    >>> y = stats.poisson.logpmf([0, 3], mu)
    >>> y.data.round(4)
    array([-2.    , -1.7123])
    >>> y.sum().backward()
    >>> mu.grad
    array(-0.5)
    """

    _defaults = {"loc": 0}  # noqa: RUF012 - never changed

    def __init__(
        self, call: str, log_probability: str, support: tuple[str, str], valid: str
    ) -> None:
        super().__init__(call, log_probability, support, valid)
        self.__doc__ = _DOCSTRING.format(
            name=self.name,
            signature=str(self._signature).strip("()"),
            block=f"logpmf(k) = {log_probability}",
            where="where loc = 0, and k is a whole number from {} to {}".format(*support),
        )

    def logpmf(self, k: Operand, *args: Operand, **named: Operand) -> Any:
        """Logarithm of the probability.

        Parameters
        ----------
        k : Tensor or array_like
            Of which numbers.
        *args, **named : Tensor or array_like
            The parameters and loc, in this order or by name.

        Returns
        -------
        Tensor
            Of the broadcast shape.
        """
        (k, *shapes, loc), dtype = self._arguments(k, args, named)
        k = k - loc
        with np.errstate(divide="ignore", invalid="ignore"):
            y = self._logarithm(k, shapes, np.abs(values(k) - np.floor(values(k))) > 0)
        return _in_precision(y, dtype)

    def pmf(self, k: Operand, *args: Operand, **named: Operand) -> Any:
        """Probability.

        Parameters
        ----------
        k : Tensor or array_like
            Of which numbers.
        *args, **named : Tensor or array_like
            The parameters and loc, in this order or by name.

        Returns
        -------
        Tensor
            Of the broadcast shape.
        """
        return np.exp(self.logpmf(k, *args, **named))


_DOCSTRING = """The distribution `scipy.stats.{name}`; its parameters are {signature}.

::

    {block}

{where}.
"""

# --- the table ------------------------------------------------------------------------------------

POSITIVE = ("0", "inf")

norm: Continuous = Continuous("norm(x)", "-(x**2) / 2 - log(2 * pi) / 2", "ndtr(x)")
t: Continuous = Continuous(
    "t(x, df)",
    "-betaln(df / 2, 0.5) - log(df) / 2 - (df + 1) / 2 * log1p(x**2 / df)",
    "stdtr(df, x)",
)
cauchy: Continuous = Continuous("cauchy(x)", "-log(pi) - log1p(x**2)", "arctan2(1, -x) / pi")
laplace: Continuous = Continuous(
    "laplace(x)", "-abs(x) - log(2)", "where(x > 0, 1 - exp(-x) / 2, exp(x) / 2)"
)
logistic: Continuous = Continuous("logistic(x)", "log_expit(x) + log_expit(-x)", "expit(x)")
gumbel_r: Continuous = Continuous("gumbel_r(x)", "-x - exp(-x)", "exp(-exp(-x))")
expon: Continuous = Continuous("expon(x)", "-x", "-expm1(-x)", POSITIVE)
gamma: Continuous = Continuous(
    "gamma(x, a)", "xlogy(a - 1, x) - x - gammaln(a)", "gammainc(a, x)", POSITIVE
)
chi2: Continuous = Continuous(
    "chi2(x, df)",
    "xlogy(df / 2 - 1, x / 2) - x / 2 - gammaln(df / 2) - log(2)",
    "gammainc(df / 2, x / 2)",
    POSITIVE,
)
lognorm: Continuous = Continuous(
    "lognorm(x, s)",
    "-log(x) * (log(x) / s**2 + 2) / 2 - log(s) - log(2 * pi) / 2",
    "ndtr(log(x) / s)",
    POSITIVE,
)
beta: Continuous = Continuous(
    "beta(x, a, b)",
    "xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b)",
    "betainc(a, b, x)",
    ("0", "1"),
)
uniform: Continuous = Continuous("uniform(x)", "0 * x", "x", ("0", "1"))

bernoulli: Discrete = Discrete(
    "bernoulli(k, p)",
    "xlogy(k, p) + xlog1py(1 - k, -p)",
    ("0", "1"),
    "(p >= 0) & (p <= 1)",
)
binom: Discrete = Discrete(
    "binom(k, n, p)",
    "gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + xlogy(k, p) + xlog1py(n - k, -p)",
    ("0", "n"),
    "(n >= 0) & (n == floor(n)) & (p >= 0) & (p <= 1)",
)
poisson: Discrete = Discrete(
    "poisson(k, mu)", "xlogy(k, mu) - mu - gammaln(k + 1)", ("0", "inf"), "mu >= 0"
)
geom: Discrete = Discrete(
    "geom(k, p)", "xlog1py(k - 1, -p) + log(p)", ("1", "inf"), "(p > 0) & (p <= 1)"
)

# --- of several numbers ---------------------------------------------------------------------------


class MultivariateNormal:
    """Normal distribution of vectors, as `scipy.stats.multivariate_normal`.

    ::

        logpdf(x) = -((x - mean) @ inv(cov) @ (x - mean) + log(det(cov)) + d * log(2 * pi)) / 2

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.scipy import stats
    >>> cov = tg.Tensor([[2.0, 1.0], [1.0, 2.0]], requires_grad=True)
    >>> y = stats.multivariate_normal.logpdf([1.0, 0.0], cov=cov)
    >>> y.backward()
    >>> round(y.item(), 4), cov.grad.round(4)
    (-2.7205, array([[-0.1111,  0.0556],
           [ 0.0556, -0.2778]]))
    """

    def logpdf(self, x: Operand, mean: Operand | None = None, cov: Operand = 1) -> Any:
        """Logarithm of the density.

        The gradient of cov is that of its entries as if each varied by itself.

        Parameters
        ----------
        x : Tensor or array_like of shape (..., d)
            Where; numbers if d = 1.
        mean : Tensor or array_like of shape (d,), optional
            The mean; 0 by default.
        cov : Tensor or array_like of shape (d, d), (d,) or (), optional
            The covariance matrix, its diagonal, or the number that is all of its diagonal.

        Returns
        -------
        Tensor
            Of the shape of x, without its last axis.

        Raises
        ------
        ValueError
            If cov is not symmetric and positive definite, or shapes do not fit.
        """
        x, mean, cov = (_as_float(v) for v in (x, 0.0 if mean is None else mean, cov))
        d = mean.size if mean.ndim else len(cov) if cov.ndim else 1
        if cov.ndim < 2:
            cov = np.multiply(cov, np.eye(d, dtype=cov.dtype))
        _check_covariance(values(cov), d)
        if x.ndim == 0 or (d == 1 and x.ndim == 1):
            x = x[..., None]
        if x.shape[-1] != d:
            raise ValueError(f"x must have {d} numbers along its last axis; got shape {x.shape}")
        deviations = x - mean
        rows = deviations.reshape(-1, d)
        distances = (rows * ops.solve(cov, rows.T).T).sum(axis=-1)
        y = -(distances + ops.slogdet(cov)[1] + d * math.log(2 * math.pi)) / 2
        return y.reshape(deviations.shape[:-1])

    def pdf(self, x: Operand, mean: Operand | None = None, cov: Operand = 1) -> Any:
        """Density.

        Parameters
        ----------
        x, mean, cov : Tensor or array_like
            As in `logpdf`.

        Returns
        -------
        Tensor
            Of the shape of x, without its last axis.
        """
        return np.exp(self.logpdf(x, mean, cov))


class Dirichlet:
    """Distribution of proportions, as `scipy.stats.dirichlet`.

    ::

        logpdf(x) = gammaln(sum(alpha)) - sum(gammaln(alpha)) + sum(xlogy(alpha - 1, x))

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.scipy import stats
    >>> alpha = tg.Tensor([2.0, 3.0], requires_grad=True)
    >>> y = stats.dirichlet.logpdf([0.5, 0.5], alpha)
    >>> y.backward()
    >>> round(y.item(), 4), alpha.grad.round(4)
    (0.4055, array([ 0.3902, -0.1098]))
    """

    def logpdf(self, x: Operand, alpha: Operand) -> Any:
        """Logarithm of the density.

        Parameters
        ----------
        x : Tensor or array_like of shape (k, ...) or (k - 1, ...)
            The proportions, which add up to 1 along the first axis; the last may be left out.
        alpha : Tensor or array_like of shape (k,)
            The concentrations.

        Returns
        -------
        Tensor
            Of the shape of x, without its first axis.

        Raises
        ------
        ValueError
            If a concentration is not positive, x holds no proportions, or shapes do not fit.
        """
        x, alpha = _as_float(x), _as_float(alpha)
        if alpha.ndim != 1 or not np.all(values(alpha) > 0):
            raise ValueError(f"alpha must be a vector of positive numbers; got {values(alpha)}")
        if len(x) == len(alpha) - 1:
            x = np.concatenate([x, 1 - x.sum(axis=0, keepdims=True)])
        _check_proportions(values(x), values(alpha))
        logarithms = xlogy(alpha - 1, np.moveaxis(x, 0, -1)).sum(axis=-1)
        return logarithms + gammaln(alpha.sum()) - gammaln(alpha).sum()

    def pdf(self, x: Operand, alpha: Operand) -> Any:
        """Density.

        Parameters
        ----------
        x, alpha : Tensor or array_like
            As in `logpdf`.

        Returns
        -------
        Tensor
            Of the shape of x, without its first axis.
        """
        return np.exp(self.logpdf(x, alpha))


multivariate_normal: MultivariateNormal = MultivariateNormal()
dirichlet: Dirichlet = Dirichlet()


def _as_float(x: Any) -> Any:
    """What has the attributes of an array of floating-point numbers."""
    if hasattr(x, "dtype") and x.dtype.kind == "f":
        return x
    return np.asarray(x, float)


def _check_covariance(cov: Any, d: int) -> None:
    if cov.shape != (d, d):
        raise ValueError(f"cov must have shape {(d, d)}, as there are {d} means; got {cov.shape}")
    try:
        np.linalg.cholesky(cov)
        symmetric = np.allclose(cov, cov.T)
    except np.linalg.LinAlgError:
        symmetric = False
    if not symmetric:
        raise ValueError(f"cov must be symmetric and positive definite; got {cov.tolist()}")


def _check_proportions(x: Any, alpha: Any) -> None:
    if len(x) != len(alpha):
        raise ValueError(
            f"x must have {len(alpha)} proportions along its first axis, as there are "
            f"concentrations, or one less; got shape {x.shape}"
        )
    sums = x.sum(axis=0)
    if np.any(x < 0) or np.any(np.abs(sums - 1) > 1e-9 + 8 * np.finfo(x.dtype).eps):
        raise ValueError(f"x must be proportions, which add up to 1; they add up to {sums}")
