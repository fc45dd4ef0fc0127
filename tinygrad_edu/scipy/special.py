"""SciPy's special functions on Tensors, recorded, with derivatives of any order.

They differ only in formulas, so most are a table: how SciPy's function is called, an example, and
its derivative by each argument in terms of the arguments and of the value y. Formulas may use
NumPy's functions and those of the table itself; that is why derivatives have any order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy import special

from tinygrad_edu import ops
from tinygrad_edu.engine import differentiable
from tinygrad_edu.ops._common import NUMPY, Axis, Operand, implements, values, weighted
from tinygrad_edu.quick import as_a_whole

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

__all__ = [
    "beta",
    "betainc",
    "betaincc",
    "betaincinv",
    "betaln",
    "binom",
    "cosm1",
    "dawsn",
    "digamma",
    "ellipe",
    "ellipk",
    "entr",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfi",
    "erfinv",
    "exp1",
    "exp10",
    "expi",
    "expit",
    "exprel",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
    "gammaln",
    "gammasgn",
    "huber",
    "hyp0f1",
    "hyp1f1",
    "hyp2f1",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "iv",
    "ive",
    "j0",
    "j1",
    "jn",
    "jv",
    "k0",
    "k0e",
    "k1",
    "k1e",
    "kl_div",
    "kn",
    "kv",
    "kve",
    "log_expit",
    "log_ndtr",
    "log_softmax",
    "loggamma",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "ndtri",
    "owens_t",
    "poch",
    "polygamma",
    "powm1",
    "pseudo_huber",
    "psi",
    "rel_entr",
    "softmax",
    "spence",
    "stdtr",
    "wrightomega",
    "xlog1py",
    "xlogy",
    "y0",
    "y1",
    "yn",
    "yv",
    "zeta",
]

Function: TypeAlias = "Callable[..., Tensor]"

# --- how a line of the table becomes a function -------------------------------------------------

NAMES: dict[str, Any] = {**vars(np)}
"""What formulas may mention."""


def formula(arguments: str, expression: str) -> Callable[..., Any]:
    """A formula as a function of the arguments."""
    function: Callable[..., Any] = eval(f"lambda {arguments}: {expression}", NAMES)  # noqa: S307
    return function


def _recorded(
    call: str, example: str, note: str = "", of: Callable[..., Any] | None = None, **slopes: str
) -> Function:
    """SciPy's function of every element, from its derivatives as formulas.

    The formula is the code: it is what the closure computes, what the docstring says, and what the
    pictures show. The derivative by an argument without a formula is not known. The example is
    "arguments -> y, slope by the last argument", and stands in the docstring as a doctest.

    A function that SciPy wrote in Python is given as ``of``. It cannot run on Tensors, so there the
    formulas must not mention y.
    """
    name, _, rest = call.partition("(")
    arguments = rest.removesuffix(")")
    names = arguments.split(", ")
    function = of or _ufunc(name)
    derivatives = [x in slopes and formula(f"{arguments}, y", slopes[x]) for x in names]

    def body(*operands: Operand) -> tuple[Any, ...]:
        operands = _as_arrays(operands)
        y = function(*map(values, operands)) if of else function(*operands)

        def closure(derivative: Any, argument: str) -> Callable[[Any], Any]:
            if not derivative:
                return _unknown(name, argument)
            return lambda g: g * derivative(*operands, y)

        return y, *map(closure, derivatives, names)

    body.__name__ = body.__qualname__ = name
    body.__module__ = __name__  # where readers and doctest find it
    body.__doc__ = _described(call, example, note, slopes)
    body.__signature__ = Signature(  # type: ignore[attr-defined]  # functions take attributes
        [Parameter(x, Parameter.POSITIONAL_ONLY) for x in names]
    )
    op = NAMES[name] = differentiable(body)
    return op if of else implements(function)(op)


def _ufunc(name: str) -> Any:
    """SciPy's ufunc: where SciPy serves other libraries' arrays, too, its function wraps that."""
    function = getattr(special, name)
    return getattr(function, "__wrapped__", function)


def _as_arrays(operands: tuple[Operand, ...]) -> tuple[Any, ...]:
    """Lists as arrays, and Python's numbers in the precision of the arrays, as NumPy has it.

    SciPy computes in float64 where a number meets an array of float32.
    """
    operands = tuple(map(list_as_array, operands))
    if not any(isinstance(x, int | float) for x in operands):
        return operands
    dtype = np.result_type(*(getattr(x, "dtype", x) for x in operands))
    return tuple(np.asarray(x, dtype) if isinstance(x, int | float) else x for x in operands)


def _unknown(name: str, argument: str) -> Callable[[Any], Any]:
    def closure(_: Any) -> Any:
        raise NotImplementedError(
            f"no derivative of {name} by its argument {argument} is known; if it is constant, "
            "pass its .detach()"
        )

    return closure


def _described(call: str, example: str, note: str, slopes: dict[str, str]) -> str:
    """The docstring of a line of the table."""
    name, _, rest = call.partition("(")
    *others, x = names = rest.removesuffix(")").split(", ")
    unknown = [argument for argument in names if argument not in slopes]
    notes = [note] if note else []
    if unknown:
        notes.append(f"By {' and '.join(unknown)} no derivative is known: NotImplementedError.")
    given, gives = example.split(" -> ")
    *constants, at = given.split(", ")
    return _DOCSTRING.format(
        call=call,
        name=name,
        slopes="\n        ".join(f"dy/d{by} = {slope}" for by, slope in slopes.items()),
        notes="".join(f"\n    {text}\n" for text in notes),
        arguments=", ".join(names),
        broadcast=" They broadcast against each other." if others else "",
        shape="the broadcast shape" if others else f"the shape of {x}",
        x=x,
        at=at,
        example=f"{name}({', '.join([*constants, x])})",
        gives=gives,
    )


_DOCSTRING = """{call} of every element, as `scipy.special.{name}`.

    ::

        y = {call}
        {slopes}
{notes}
    Parameters
    ----------
    {arguments} : Tensor or array_like
        Floating point.{broadcast}

    Returns
    -------
    Tensor
        Of {shape}.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.scipy import special
    >>> {x} = tg.Tensor({at}, requires_grad=True)
    >>> y = special.{example}
    >>> y.backward()
    >>> round(y.item(), 4), round({x}.grad.item(), 4)
    ({gives})
    """


def _ratio(a: Any, b: Any) -> Any:
    """``a / b``, which is 0 where both are."""
    return a / np.where((a == 0) & (b == 0), 1, b)


@as_a_whole
def _polygamma(n: Any, x: Any) -> Any:
    return np.asarray(special.polygamma(n, x), np.result_type(x, 0.0))  # SciPy's is of float64


NAMES["ratio"] = _ratio
_AT_ENDS = "At the ends of the domain y and its slope are infinite."
_AT_POLES = "At the poles 0, -1, -2, ... value and slope are infinite or nan, as SciPy has them."
_CANCELS = (
    "For large x the slope, a small difference of large terms, loses as many digits as x**2 has."
)
_RATIO = "Here ratio(a, b) is a / b, and 0 where both are 0."
_KINK = "At 0, where it has a kink, the slope is the mean of those on both sides."

# --- the table ------------------------------------------------------------------------------------

# the error function and its relatives
erf: Function = _recorded("erf(x)", "0.5 -> 0.5205, 0.8788", x="2 / sqrt(pi) * exp(-(x**2))")
erfc: Function = _recorded("erfc(x)", "0.5 -> 0.4795, -0.8788", x="-2 / sqrt(pi) * exp(-(x**2))")
erfcx: Function = _recorded(
    "erfcx(x)",
    "0.5 -> 0.6157, -0.5127",
    _CANCELS,
    x="2 * x * y - 2 / sqrt(pi)",
)
erfi: Function = _recorded("erfi(x)", "0.5 -> 0.615, 1.4489", x="2 / sqrt(pi) * exp(x**2)")
dawsn: Function = _recorded("dawsn(x)", "0.5 -> 0.4244, 0.5756", _CANCELS, x="1 - 2 * x * y")
erfinv: Function = _recorded(
    "erfinv(x)", "0.5 -> 0.4769, 1.1126", _AT_ENDS, x="sqrt(pi) / 2 * exp(y**2)"
)
erfcinv: Function = _recorded(
    "erfcinv(x)", "0.5 -> 0.4769, -1.1126", _AT_ENDS, x="-sqrt(pi) / 2 * exp(y**2)"
)

# the normal distribution
ndtr: Function = _recorded("ndtr(x)", "0.5 -> 0.6915, 0.3521", x="exp(-(x**2) / 2) / sqrt(2 * pi)")
log_ndtr: Function = _recorded(
    "log_ndtr(x)", "0.5 -> -0.3689, 0.5092", x="sqrt(2 / pi) / erfcx(-x / sqrt(2))"
)
ndtri: Function = _recorded(
    "ndtri(x)", "0.7 -> 0.5244, 2.8761", _AT_ENDS, x="sqrt(2 * pi) * exp(y**2 / 2)"
)
owens_t: Function = _recorded(
    "owens_t(h, a)",
    "1.0, 0.5 -> 0.0431, 0.0682",
    h="-exp(-(h**2) / 2) * erf(a * h / sqrt(2)) / sqrt(8 * pi)",
    a="exp(-(h**2) * (1 + a**2) / 2) / (2 * pi * (1 + a**2))",
)

# gamma and beta functions
gamma: Function = _recorded("gamma(x)", "2.5 -> 1.3293, 0.9347", _AT_POLES, x="y * digamma(x)")
gammaln: Function = _recorded("gammaln(x)", "2.5 -> 0.2847, 0.7032", _AT_POLES, x="digamma(x)")
loggamma: Function = _recorded(
    "loggamma(x)", "2.5 -> 0.2847, 0.7032", "It is nan where x < 0.", x="digamma(x)"
)
gammasgn: Function = _recorded("gammasgn(x)", "-0.5 -> -1.0, 0.0", x="0.0")
digamma: Function = _recorded("digamma(x)", "2.5 -> 0.7032, 0.4904", _AT_POLES, x="polygamma(1, x)")
polygamma: Function = _recorded(
    "polygamma(n, x)", "1, 2.5 -> 0.4904, -0.2362", of=_polygamma, x="polygamma(n + 1, x)"
)
zeta: Function = _recorded(
    "zeta(x, q)",
    "2.0, 1.5 -> 0.9348, -0.8288",
    of=as_a_whole(special.zeta),
    q="-x * zeta(x + 1, q)",
)
beta: Function = _recorded(
    "beta(a, b)",
    "2.0, 3.0 -> 0.0833, -0.0486",
    a="y * (digamma(a) - digamma(a + b))",
    b="y * (digamma(b) - digamma(a + b))",
)
betaln: Function = _recorded(
    "betaln(a, b)",
    "2.0, 3.0 -> -2.4849, -0.5833",
    a="digamma(a) - digamma(a + b)",
    b="digamma(b) - digamma(a + b)",
)
poch: Function = _recorded(
    "poch(x, m)",
    "1.5, 2.0 -> 3.75, 4.1368",
    x="y * (digamma(x + m) - digamma(x))",
    m="y * digamma(x + m)",
)
binom: Function = _recorded(
    "binom(n, k)",
    "4.5, 2.0 -> 7.875, 1.4204",
    n="y * (digamma(n + 1) - digamma(n - k + 1))",
    k="y * (digamma(n - k + 1) - digamma(k + 1))",
)

# incomplete gamma and beta functions: distribution functions, and their inverses
gammainc: Function = _recorded(
    "gammainc(a, x)", "2.0, 1.5 -> 0.4422, 0.3347", x="exp(xlogy(a - 1, x) - x - gammaln(a))"
)
gammaincc: Function = _recorded(
    "gammaincc(a, x)", "2.0, 1.5 -> 0.5578, -0.3347", x="-exp(xlogy(a - 1, x) - x - gammaln(a))"
)
gammaincinv: Function = _recorded(
    "gammaincinv(a, x)", "2.0, 0.3 -> 1.0973, 2.7304", x="exp(gammaln(a) + y - xlogy(a - 1, y))"
)
gammainccinv: Function = _recorded(
    "gammainccinv(a, x)", "2.0, 0.3 -> 2.4392, -4.6999", x="-exp(gammaln(a) + y - xlogy(a - 1, y))"
)
betainc: Function = _recorded(
    "betainc(a, b, x)",
    "2.0, 3.0, 0.4 -> 0.5248, 1.728",
    x="exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))",
)
betaincc: Function = _recorded(
    "betaincc(a, b, x)",
    "2.0, 3.0, 0.4 -> 0.4752, -1.728",
    x="-exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))",
)
betaincinv: Function = _recorded(
    "betaincinv(a, b, x)",
    "2.0, 3.0, 0.4 -> 0.3292, 0.5626",
    x="exp(betaln(a, b) - xlogy(a - 1, y) - xlog1py(b - 1, -y))",
)
stdtr: Function = _recorded(
    "stdtr(df, x)",
    "3.0, 0.5 -> 0.6743, 0.3132",
    x="exp(-betaln(df / 2, 0.5) - (df + 1) / 2 * log1p(x**2 / df)) / sqrt(df)",
)

# logistic function and entropies
expit: Function = _recorded("expit(x)", "0.5 -> 0.6225, 0.235", x="y * expit(-x)")
log_expit: Function = _recorded("log_expit(x)", "0.5 -> -0.4741, 0.3775", x="expit(-x)")
logit: Function = _recorded("logit(x)", "0.7 -> 0.8473, 4.7619", _AT_ENDS, x="1 / (x * (1 - x))")
xlogy: Function = _recorded(
    "xlogy(a, b)", "2.0, 0.5 -> -1.3863, 4.0", _RATIO, a="log(b)", b="ratio(a, b)"
)
xlog1py: Function = _recorded(
    "xlog1py(a, b)", "2.0, 0.5 -> 0.8109, 1.3333", _RATIO, a="log1p(b)", b="ratio(a, 1 + b)"
)
entr: Function = _recorded(
    "entr(x)",
    "0.5 -> 0.3466, -0.3069",
    "At 0 the slope is infinite; below, where y is -inf, nan.",
    x="-log(x) - 1",
)
rel_entr: Function = _recorded(
    "rel_entr(a, b)",
    "0.7, 0.4 -> 0.3917, -1.75",
    _RATIO,
    a="log(ratio(a, b)) + 1",
    b="-ratio(a, b)",
)
kl_div: Function = _recorded(
    "kl_div(a, b)", "0.7, 0.4 -> 0.0917, -0.75", _RATIO, a="log(ratio(a, b))", b="1 - ratio(a, b)"
)

# exponentials, where a difference would lose digits
exp10: Function = _recorded("exp10(x)", "0.5 -> 3.1623, 7.2814", x="y * log(10)")
exprel: Function = _recorded("exprel(x)", "0.5 -> 1.2974, 0.7026", x="hyp1f1(2, 3, x) / 2")
cosm1: Function = _recorded("cosm1(x)", "0.5 -> -0.1224, -0.4794", x="-sin(x)")
powm1: Function = _recorded(
    "powm1(a, b)", "2.0, 0.5 -> 0.4142, 0.9803", a="b * a ** (b - 1)", b="a**b * log(a)"
)

# Bessel functions of the first and the second kind
j0: Function = _recorded("j0(x)", "0.5 -> 0.9385, -0.2423", x="-j1(x)")
j1: Function = _recorded("j1(x)", "0.5 -> 0.2423, 0.4539", x="(j0(x) - jv(2, x)) / 2")
jv: Function = _recorded(
    "jv(v, x)", "1.5, 0.5 -> 0.0917, 0.2659", x="(jv(v - 1, x) - jv(v + 1, x)) / 2"
)
y0: Function = _recorded("y0(x)", "0.5 -> -0.4445, 1.4715", x="-y1(x)")
y1: Function = _recorded("y1(x)", "0.5 -> -1.4715, 2.4984", x="(y0(x) - yn(2, x)) / 2")
yn: Function = _recorded(
    "yn(n, x)", "2, 0.5 -> -5.4414, 20.294", x="(yn(n - 1, x) - yn(n + 1, x)) / 2"
)
yv: Function = _recorded(
    "yv(v, x)", "1.5, 0.5 -> -2.5215, 6.5742", x="(yv(v - 1, x) - yv(v + 1, x)) / 2"
)

# modified Bessel functions; those whose name ends in e are scaled by exp(-abs(x)) or by exp(x)
i0: Function = _recorded("i0(x)", "0.5 -> 1.0635, 0.2579", x="i1(x)")
i1: Function = _recorded("i1(x)", "0.5 -> 0.2579, 0.5477", x="(i0(x) + iv(2, x)) / 2")
iv: Function = _recorded(
    "iv(v, x)", "1.5, 0.5 -> 0.0964, 0.2988", x="(iv(v - 1, x) + iv(v + 1, x)) / 2"
)
i0e: Function = _recorded("i0e(x)", "0.5 -> 0.645, -0.4886", _KINK, x="i1e(x) - sign(x) * y")
i1e: Function = _recorded(
    "i1e(x)", "0.5 -> 0.1564, 0.1758", x="(i0e(x) + ive(2, x)) / 2 - sign(x) * y"
)
ive: Function = _recorded(
    "ive(v, x)",
    "1.5, 0.5 -> 0.0585, 0.1227",
    _KINK,
    x="(ive(v - 1, x) + ive(v + 1, x)) / 2 - sign(x) * y",
)
k0: Function = _recorded("k0(x)", "0.5 -> 0.9244, -1.6564", x="-k1(x)")
k1: Function = _recorded("k1(x)", "0.5 -> 1.6564, -4.2373", x="-(k0(x) + kn(2, x)) / 2")
kn: Function = _recorded(
    "kn(n, x)", "2, 0.5 -> 7.5502, -31.8572", x="-(kn(n - 1, x) + kn(n + 1, x)) / 2"
)
kv: Function = _recorded(
    "kv(v, x)", "1.5, 0.5 -> 3.2251, -10.7505", x="-(kv(v - 1, x) + kv(v + 1, x)) / 2"
)
k0e: Function = _recorded("k0e(x)", "0.5 -> 1.5241, -1.2069", x="y - k1e(x)")
k1e: Function = _recorded("k1e(x)", "0.5 -> 2.731, -4.2551", x="y - (k0e(x) + kve(2, x)) / 2")
kve: Function = _recorded(
    "kve(v, x)", "1.5, 0.5 -> 5.3174, -12.4072", x="y - (kve(v - 1, x) + kve(v + 1, x)) / 2"
)

# hypergeometric functions, elliptic and exponential integrals
hyp0f1: Function = _recorded("hyp0f1(v, x)", "1.5, 0.5 -> 1.3683, 0.8099", x="hyp0f1(v + 1, x) / v")
hyp1f1: Function = _recorded(
    "hyp1f1(a, b, x)", "1.5, 2.5, 0.5 -> 1.3613, 0.8623", x="a / b * hyp1f1(a + 1, b + 1, x)"
)
hyp2f1: Function = _recorded(
    "hyp2f1(a, b, c, x)",
    "0.5, 1.5, 2.5, 0.3 -> 1.1081, 0.4358",
    x="a * b / c * hyp2f1(a + 1, b + 1, c + 1, x)",
)
ellipk: Function = _recorded(
    "ellipk(m)", "0.5 -> 1.8541, 0.8472", m="pi / 8 * hyp2f1(1.5, 1.5, 2, m)"
)
ellipe: Function = _recorded(
    "ellipe(m)", "0.5 -> 1.3506, -0.5034", m="-pi / 8 * hyp2f1(0.5, 1.5, 2, m)"
)
exp1: Function = _recorded("exp1(x)", "0.5 -> 0.5598, -1.2131", x="-exp(-x) / x")
expi: Function = _recorded("expi(x)", "0.5 -> 0.4542, 3.2974", x="exp(x) / x")
spence: Function = _recorded("spence(x)", "0.5 -> 0.5822, -1.3863", x="-1 / exprel(log(x))")
wrightomega: Function = _recorded("wrightomega(x)", "0.5 -> 0.7662, 0.4338", x="y / (1 + y)")

# losses that grow slowly
huber: Function = _recorded(
    "huber(delta, r)",
    "1.0, 0.5 -> 0.125, 0.5",
    delta="maximum(abs(r) - delta, 0)",
    r="clip(r, -delta, delta)",
)
pseudo_huber: Function = _recorded(
    "pseudo_huber(delta, r)",
    "1.0, 0.5 -> 0.118, 0.4472",
    delta="2 * y / delta - r**2 / (delta * sqrt(1 + (r / delta) ** 2))",
    r="r / sqrt(1 + (r / delta) ** 2)",
)

# SciPy's other names.
psi: Function = digamma
jn: Function = jv

for _name in ("cbrt", "exp2", "expm1", "log1p"):  # which NumPy has, too
    NUMPY[_ufunc(_name)] = getattr(ops, _name)


# --- functions that are expressions ---------------------------------------------------------------


def logsumexp(
    a: Operand,
    axis: Axis = None,
    b: Operand | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
) -> Any:
    """Logarithm of a sum of weighted exponentials, without overflow, as `scipy.special.logsumexp`.

    ::

        y = log(sum(b * exp(a)))
        dy/da = b * exp(a - y)
        dy/db = exp(a - y)

    Where b is 0, a counts for nothing, infinite or not. Where the sum is negative, y is nan.

    Parameters
    ----------
    a : Tensor or array_like
        The exponents.
    axis : int, tuple of int or None, optional
        Along which to sum; all by default.
    b : Tensor or array_like, optional
        The weights, which broadcast against a; 1 by default.
    keepdims : bool, optional
        Whether to keep the axes with length 1.
    return_sign : bool, optional
        Whether to return the logarithm of the absolute value of the sum, and its sign.

    Returns
    -------
    Tensor, or tuple of Tensor and ndarray
        The logarithm, and the sign if that was asked for.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.scipy import special
    >>> a = tg.Tensor([1000.0, 1000.0], requires_grad=True)
    >>> y = special.logsumexp(a, b=[3.0, 1.0])
    >>> y.backward()
    >>> round(y.item(), 4), a.grad
    (1001.3863, array([0.75, 0.25]))
    """
    a, b = list_as_array(a), list_as_array(b)
    if b is None and not return_sign:
        return ops.logsumexp(a, axis=axis, keepdims=keepdims)
    b = np.ones_like(a) if b is None else b
    shift = _largest(np.where(values(b) == 0, -np.inf, values(a)), axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.sum(weighted(b, np.exp(a - shift)), axis=axis, keepdims=keepdims)
        shift = shift if keepdims else shift.reshape(total.shape)
        y = np.log(np.abs(total) if return_sign else total) + shift
    return (y, np.sign(values(total))) if return_sign else y


def softmax(x: Operand, axis: Axis = None) -> Any:
    """Exponentials in proportion to their sum, as `scipy.special.softmax`.

    ::

        y = exp(x) / sum(exp(x))
        dL/dx = y * (g - sum(g * y))

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axis : int, tuple of int or None, optional
        Along which y adds up to 1; all by default.

    Returns
    -------
    Tensor
        Of the shape of x.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.scipy import special
    >>> x = tg.Tensor([0.0, 0.0, 1000.0], requires_grad=True)
    >>> special.softmax(x)
    Tensor([0., 0., 1.], op=divide)
    """
    x = list_as_array(x)
    e = np.exp(x - _largest(values(x), axis))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(x: Operand, axis: Axis = None) -> Any:
    """Logarithm of softmax, without overflow, as `scipy.special.log_softmax`.

    ::

        y = x - log(sum(exp(x)))
        dL/dx = g - exp(y) * sum(g)

    Parameters
    ----------
    x : Tensor or array_like
        Any shape.
    axis : int, tuple of int or None, optional
        Along which exp(y) adds up to 1; all by default.

    Returns
    -------
    Tensor
        Of the shape of x.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.scipy import special
    >>> x = tg.Tensor([0.0, 0.0, 1000.0], requires_grad=True)
    >>> special.log_softmax(x).data
    array([-1000., -1000.,     0.])
    """
    x = list_as_array(x)
    z = x - _largest(values(x), axis)
    return z - np.log(np.sum(np.exp(z), axis=axis, keepdims=True))


def multigammaln(a: Operand, d: int) -> Any:
    """Logarithm of the gamma function of d dimensions, as `scipy.special.multigammaln`.

    ::

        y = d * (d - 1) / 4 * log(pi) + sum(gammaln(a - i / 2) for i in range(d))
        dy/da = sum(digamma(a - i / 2) for i in range(d))

    Parameters
    ----------
    a : Tensor or array_like
        Floating point, above (d - 1) / 2.
    d : int
        The number of dimensions.

    Returns
    -------
    Tensor
        Of the shape of a.

    Raises
    ------
    ValueError
        If an element of a is too small.

    Examples
    --------
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu.scipy import special
    >>> a = tg.Tensor(2.5, requires_grad=True)
    >>> y = special.multigammaln(a, 2)
    >>> y.backward()
    >>> round(y.item(), 4), round(a.grad.item(), 4)
    (0.857, 1.1259)
    """
    a = list_as_array(a)
    if not np.all(values(a) > (d - 1) / 2):
        raise ValueError(f"a must be above (d - 1) / 2 = {(d - 1) / 2}; got {values(a)}")
    y: Any = d * (d - 1) / 4 * math.log(math.pi)
    for i in range(d):
        y = y + gammaln(a - i / 2)
    return y


def list_as_array(x: Any) -> Any:
    return np.asarray(x) if isinstance(x, list | tuple) else x


def _largest(x: Any, axis: Axis) -> Any:
    """The largest elements, to subtract before exponentials are taken; 0 if they are infinite."""
    largest = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(largest), largest, 0)
