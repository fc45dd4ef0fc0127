"""The formulas in the docstrings: that they can be read, that they are true, how they look."""

import inspect
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import ops
from tinygrad_edu.viz.calls import SYMBOLS, arguments
from tinygrad_edu.viz.folding import arrange
from tinygrad_edu.viz.formulas import Formula, derivative, formulas, hold, unstated
from tinygrad_edu.viz.mathml import mathml
from tinygrad_edu.viz.model import read_graph
from tinygrad_edu.viz.story import steps_of
from tinygrad_edu.viz.story.symbols import numeric, symbolic, values_of, with_numbers

OPS = {name: getattr(ops, name) for name in ops.__all__ if hasattr(getattr(ops, name), "body")}


def written(markup):
    """Read MathML back as a line: fractions with a slash, exponents with a caret."""

    def read(e):
        inner = [read(child) for child in e]
        match e.tag:
            case "mfrac":
                line = f"[{inner[0]} / {inner[1]}]"
            case "msup":
                line = "^".join(inner)
            case "msub":
                line = "_".join(inner)
            case "msqrt":
                line = f"√[{''.join(inner)}]"
            case "mroot":
                line = f"root{inner[1]}[{inner[0]}]"
            case "mtable":
                line = f"<{e.get('class')} {'; '.join(inner)}>"
            case "mtr":
                line = ", ".join(inner)
            case "mspace":
                line = " "
            case _:
                line = (e.text or "") + "".join(inner)
        return line

    return read(ET.fromstring(f"<math>{markup}</math>"))  # noqa: S314 - our own markup


# --------------------------------------------------------------------------------------
# Reading the docstrings
# --------------------------------------------------------------------------------------


def test_most_operations_state_formulas():
    stated = {name for name, op in OPS.items() if formulas(op)}
    assert len(stated) > 100
    assert {"tanh", "matmul", "softmax_cross_entropy", "getitem"} <= stated


@pytest.mark.parametrize("name", sorted(name for name in OPS if formulas(OPS[name])))
def test_an_operation_states_its_value_and_its_derivatives(name):
    assert not formulas(OPS[name])[0].by
    arguments = inspect.signature(OPS[name]).parameters
    for formula in formulas(OPS[name]):
        assert formula.of in ("", "L", "y", "u")
        variadic = any(p.kind is p.VAR_POSITIONAL for p in arguments.values())
        assert not formula.by or formula.by in arguments or variadic


def test_a_formula_has_a_left_a_right_and_perhaps_a_note():
    def op(x):
        """Some operation.

        ::

            y = 2 * x                 # for one axis
            dL/dx[i] = g[i] == 2

        More text = not a formula.
        """

    value, slope = formulas(op)
    assert value == Formula("y", "2 * x", "for one axis")
    assert (value.of, value.by) == ("", "")
    assert (slope.right, slope.of, slope.by) == ("g[i] == 2", "L", "x")


def test_an_operation_without_formulas_states_none():
    assert formulas(lambda x: x) == ()
    assert formulas(None) == ()
    assert derivative(lambda x: x, "x", 0) is None


def test_each_argument_has_its_derivative():
    assert derivative(ops.matmul, "b", 1).right == "a.mT @ g"
    assert derivative(ops.where, "condition", 0) is None
    # Of any number of operands, the formula for the first stands for the others.
    assert derivative(ops.concatenate, "arrays[5]", 5).left == "dL/dx1"
    assert derivative(ops.einsum, "operands[1]", 1).left == "dL/db"


def test_symbols_are_of_operations_that_exist():
    assert SYMBOLS.keys() <= {op.__name__ for op in OPS.values()}


# --------------------------------------------------------------------------------------
# They are true
# --------------------------------------------------------------------------------------

A, B = np.array([[0.3, 0.7], [0.45, 0.2]]), np.array([[0.6, 0.15], [0.8, 0.35]])
CALLS = {
    **{name: (A,) for name in OPS if list(inspect.signature(OPS[name]).parameters) == ["x"]},
    **{name: (A, B) for name in OPS if list(inspect.signature(OPS[name]).parameters) == ["a", "b"]},
    "arccosh": (1 + A,),
    "binary_cross_entropy": (A, B),
    "clip": (A, 0.25, 0.5),
    "elu": (A - 0.4, 0.7),
    "leaky_relu": (A - 0.4, 0.2),
    "log_softmax": (A[0],),
    "logsumexp": (A,),
    "max": (A,),
    "mean_squared_error": (A, B),
    "outer": (A[0], B[0]),
    "min": (A,),
    "sigmoid_cross_entropy": (A, B),
    "softmax": (A[0],),
    "std": (A,),
    "sum": (A,),
    "var": (A,),
    "where": (A > B, A, B),
}
IN_WORDS = {"atleast_1d", "atleast_2d", "det", "gelu", "kron"}
NAMES = {name: getattr(np, name) for name in np.__all__} | {
    name: op for name, op in OPS.items() if name in ("sigmoid", "softmax", "logsumexp")
}
NAMES |= {"inv": np.linalg.inv, "solve": np.linalg.solve}


def evaluate(expression, values):
    for attribute in ("mT", "T"):
        expression = re.sub(rf"\b(\w+)\.{attribute}\b", r"swapaxes(\1, -1, -2)", expression)
    return eval(expression, NAMES | values)  # noqa: S307 - our own formulas


@pytest.mark.parametrize("name", sorted(CALLS.keys() - IN_WORDS))
def test_what_is_stated_is_what_is_computed(name):
    op, args = OPS[name], CALLS[name]
    inputs = [
        tg.Tensor(x, requires_grad=True) if np.ndim(x) and x.dtype == float else x for x in args
    ]
    y = op(*inputs)
    g = np.linspace(0.5, 1.5, y.size).reshape(y.shape)
    values = {k: getattr(v, "data", v) for k, v in arguments(y).items()}
    values |= {"y": y.data, "g": g, "n": args[0].size, "ddof": 0}
    checked = 0
    stated = formulas(op)[0]
    if mathml(stated.right) and evaluable(stated.right, values):
        np.testing.assert_allclose(evaluate(stated.right, values), y.data, rtol=1e-10)
        checked += 1
    for position, argument in enumerate(inspect.signature(op).parameters):
        formula = derivative(op, argument, position)
        if formula and mathml(formula.right) and evaluable(formula.right, values):
            result = evaluate(formula.right, values)
            expected = result if formula.of == "L" else g * result
            got = y._closures[position](g)
            np.testing.assert_allclose(np.broadcast_to(got, np.shape(expected)), expected, 1e-9)
            checked += 1
    assert checked >= 2


def evaluable(expression, values):
    used = set(re.findall(r"[a-zA-Z_]\w*", expression)) - {"mT", "T", "shape"}
    return used <= NAMES.keys() | values.keys()


# --------------------------------------------------------------------------------------
# As mathematics
# --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "looks"),
    [
        ("1 - y**2", "1−y^2"),
        ("a - (b - c)", "a−(b−c)"),
        ("a - b - c", "a−b−c"),
        ("(a + b) * c", "(a+b)·c"),
        ("a * (b * c)", "a·(b·c)"),
        ("a / (b + c)", "[a / b+c]"),
        ("(a + b)**2", "(a+b)^2"),
        ("a**(b - 1)", "a^b−1"),
        ("(-x)**2", "(−x)^2"),
        ("-(a + b)", "−(a+b)"),
        ("-a * b", "(−a)·b"),
        ("exp(a - y)", "e^a−y"),
        ("sqrt(a**2 + b**2)", "√[a^2+b^2]"),
        ("cbrt(x)", "root3[x]"),
        ("log(1 - x)", "log\u2061(1−x)"),
        ("log1p(x)", "log\u2061(1+x)"),
        ("expm1(x)", "e^x−1"),
        ("alpha * expm1(x)", "α·(e^x−1)"),
        ("square(a + b)", "(a+b)^2"),
        ("reciprocal(x)", "[1 / x]"),
        ("absolute(x)", "|x|"),
        ("floor(a / b)", "⌊[a / b]⌋"),
        ("sigmoid(x)", "σ\u2061(x)"),
        ("g @ b.mT", "g b^T"),
        ("-(y.mT @ g @ y.mT)", "−y^T g y^T"),
        ("x[i + 1] - x[i]", "x_i+1−x_i"),
        ("x[:, ::-1]", "x[:, ::-1]"),
        ("x == y", "x=y"),
        ("0 <= x < 1", "0≤x<1"),
        ("where(x > 0, x, 0)", "<cases x, if\xa0x>0; 0, else>"),
        (
            "where(a > b, g, where(a == b, g / 2, 0))",
            "<cases g, if\xa0a>b; [g / 2], if\xa0a=b; 0, else>",
        ),
        ("x if x > 0 else 0", "<cases x, if\xa0x>0; 0, else>"),
        ("where((0 <= x) & (x <= 1), g, 0)", "<cases g, if\xa00≤x\xa0and\xa0x≤1; 0, else>"),
        (
            "where((a > b) | isnan(b), g, 0)",
            "<cases g, if\xa0a>b\xa0or\xa0isnan\u2061(b); 0, else>",
        ),
        ("du/dx", "[∂u / ∂x]"),
        ("2 * y * du/dx", "2·y·[∂u / ∂x]"),
        ("dL/dx[i]", "[∂L / ∂x_i]"),
        ("x @ x @ ... @ x", "x x … x"),
        ("concatenate([x1, x2, ...], axis=1)", "concatenate\u2061([x_1,x_2,…],axis=1)"),
        ("reshape(g, x.shape)", "reshape\u2061(g,shape of\xa0x)"),
        ("sum(x, keepdims=True)", "∑\u2061(x,keepdims=True)"),
        ("exp()", "exp\u2061()"),
        ("log1p()", "log1p\u2061()"),
        ("sqrt()", "sqrt\u2061()"),
    ],
)
def test_an_expression_looks_like_mathematics(expression, looks):
    assert written(mathml(expression)) == looks


@pytest.mark.parametrize(
    "text",
    [
        "zeros, with g at the index",
        "sum(x[j] for j <= i)",
        "g, and zeros elsewhere, like x",
        "",
        "lambda x: x",
        "x.strange",
        "x or y",
        "f(x)(y)",
        "x << 2",
        "x in y",
        "f(**options)",
        "f(*args)",
        "0x" + "f" * 400,
        "+x",
    ],
)
def test_what_is_no_mathematics_is_left_as_it_is(text):
    assert mathml(text) is None


@pytest.mark.parametrize("name", sorted(OPS))
def test_no_python_is_left_in_the_mathematics(name):
    for formula in formulas(OPS[name]):
        for side in (formula.left, formula.right):
            markup = mathml(side)
            if markup is not None:
                assert not re.search(r"\*\*|[@*/]|where|lambda", written(markup).replace(" / ", ""))


def test_numbers_stand_for_names():
    values = {"g": np.array(2.0), "y": np.array(-0.5), "x": np.array([[1.0, 2.0], [3.0, 4.0]])}
    assert written(mathml("g * (1 - y**2)", values)) == "2·(1−(−0.5)^2)"
    assert written(mathml("y - g", values)) == "−0.5−2"
    assert written(mathml("x + x.T", values)) == ("<matrix 1, 2; 3, 4>+<matrix 1, 2; 3, 4>^T")
    assert written(mathml("x * x @ x", values)) == (
        "<matrix 1, 2; 3, 4>⊙<matrix 1, 2; 3, 4> <matrix 1, 2; 3, 4>"
    )
    assert written(mathml("exp(x) + exp(g)", values)).startswith("exp\u2061(<matrix")
    assert written(mathml("reshape(g, x.shape)", values)) == "reshape\u2061(2,(2, 2))"


def test_numbers_that_are_too_many_are_not_written():
    values = {"x": np.ones((9, 9)), "g": np.array(2.0)}
    assert numeric("g * 3", values) is not None
    assert numeric("g * x", values) is None
    assert numeric('einsum("ij->i", g)', values) is None
    assert numeric("g for the largest", values) is None


def test_numbers_are_written_only_if_there_is_one_for_every_name():
    values = {"g": np.array(2.0), "x": np.array([1.0, 2.0])}
    assert numeric("g / n", values) is None
    assert numeric("transpose(g, axes)", values) is None
    words = {"axes": "<mtext>(1, 0)</mtext>"}
    assert written(numeric("transpose(g, axes)", values, words)) == "transpose\u2061(2,(1, 0))"
    assert written(numeric("transpose(g, axes)", values, {"axes": ""})) == "transpose\u2061(2)"
    assert written(numeric("pi * g", values)) == "π·2"


def test_a_formula_has_the_names_of_the_program():
    def looks(root, expression, node=None):
        graph = read_graph(root)
        return written(symbolic(graph, node or root, expression))

    a, b = (tg.Tensor(x, requires_grad=True, name=n) for x, n in [(2.0, "b"), (3.0, "y")])
    product = tg.Tensor(1.0) * a * b
    assert looks(product, "a * b") == "t_1·y"
    assert looks(product, "y") == "L"
    assert looks(product, "g * b") == "g·y"
    assert looks(a**2.5, "b * a**(b - 1)") == "2.5·b^2.5−1"
    n = tg.Tensor([1.0, 2.0], requires_grad=True, name="n")
    assert looks(n.mean(), "sum(x) / n") == "[∑\u2061(n) / n\u0304]"
    g = tg.Tensor(2.0, requires_grad=True, name="g")
    assert looks(tg.sin(g), "g * cos(x)") == "g\u0304·cos\u2061(g)"
    assert looks(g - np.ones(2), "a - b") == "g−array"
    joined = tg.concatenate([tg.Tensor([1.0], requires_grad=True, name=name) for name in "uv"])
    assert looks(joined, "concatenate([x1, x2, ...], axis)") == "concatenate\u2061([u,v,…],0)"
    assert symbolic(read_graph(g), g * g, "zeros, with g at the index") is None
    assert symbolic(read_graph(g), g * g, 'einsum("ij->i", g)') is None


@pytest.mark.parametrize(
    ("op", "args", "options", "n"),
    [
        (tg.mean, [np.ones((2, 3))], {"axis": 0}, 2),
        (tg.mean_squared_error, [np.ones((2, 3)), np.ones((2, 3))], {}, 6),
        (tg.mean_squared_error, [np.ones((2, 3)), np.ones((2, 3))], {"reduction": "sum"}, 1),
        (tg.mean_squared_error, [np.ones((2, 3)), np.ones((2, 3))], {"reduction": "none"}, 1),
        (tg.softmax_cross_entropy, [np.ones((4, 3)), np.zeros(4, int)], {}, 4),
        (tg.softmax_cross_entropy, [np.ones((4, 3)), np.zeros(4, int)], {"reduction": "none"}, 1),
        (tg.kl_divergence, [np.ones((4, 3)), np.ones((4, 3))], {}, 4),
        (tg.nll_loss, [np.ones((4, 3)), np.zeros(4, int)], {}, 4),
    ],
)
def test_over_how_many_terms_a_mean_is_taken(op, args, options, n):
    first, *others = args
    node = op(tg.Tensor(first, requires_grad=True), *others, **options)
    assert values_of(node)["n"] == n


def test_a_list_is_an_array_and_what_is_left_out_is_not_written():
    x = tg.Tensor([1.0, 2.0], requires_grad=True, name="x")
    y = tg.dot(x, [3.0, 4.0])
    assert written(symbolic(read_graph(y), y, "g @ b.mT")) == "g array^T"
    assert written(numeric("a @ b", values_of(y))) == "<matrix 1, 2> <matrix 3; 4>"
    W = tg.Tensor(np.ones((2, 3)), requires_grad=True, name="W")
    turned = W.T.sum().inputs[0]
    rule = symbolic(read_graph(turned), turned, "transpose(g, argsort(axes))")
    assert written(rule) == "transpose\u2061(g)"


def test_labels_in_a_formula_are_rows_with_a_single_one():
    logits = tg.Tensor(np.zeros((2, 3)), requires_grad=True)
    for op in (tg.softmax_cross_entropy, tg.nll_loss):
        values = values_of(op(logits, np.array([0, 2])))
        np.testing.assert_array_equal(values["labels"], [[1, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    ("op", "args", "options", "not_stated"),
    [
        (tg.softmax_cross_entropy, [[0, 1]], {}, []),
        (tg.softmax_cross_entropy, [[0, 1]], {"reduction": "sum", "weight": None}, []),
        (tg.softmax_cross_entropy, [[0, 1]], {"weight": [1.0, 2.0]}, ["weight"]),
        (tg.softmax_cross_entropy, [[0, -7]], {"ignore_index": -7}, ["ignore_index"]),
        (tg.softmax_cross_entropy, [[0, 1]], {"label_smoothing": 0.5}, ["label_smoothing"]),
        (tg.sigmoid_cross_entropy, [np.eye(2)], {"pos_weight": 3.0}, ["pos_weight"]),
        (tg.nan_to_num, [], {"nan": 1.0, "posinf": 2.0}, ["nan", "posinf"]),
        (tg.huber_loss, [np.eye(2)], {"delta": 0.5}, []),
        (tg.sort, [], {"kind": "quicksort"}, []),
    ],
)
def test_numbers_are_for_calls_that_the_formula_is_true_of(op, args, options, not_stated):
    node = op(tg.Tensor(np.ones((2, 2)), requires_grad=True, name="x"), *args, **options)
    assert unstated(node) == not_stated
    assert hold(node) is (not not_stated)
    story = " ".join(step.html for step in steps_of(arrange(read_graph(node), None, 300)))
    remark = f"without {' and '.join(f'<code>{name}</code>' for name in not_stated)}"
    assert (remark in story) is bool(not_stated)


def test_a_loss_with_weights_is_not_said_to_be_the_loss_without():
    logits = tg.Tensor([[1.0, 0.0]], requires_grad=True)
    plain, weighted = (
        tg.softmax_cross_entropy(logits, [0], "sum", weight) for weight in (None, [3.0, 1.0])
    )
    value, rule, _ = formulas(ops.softmax_cross_entropy)
    for formula in (value, rule):
        values = values_of(plain, np.array(1.0))
        assert with_numbers(plain, formula, values) is not None
        values = values_of(weighted, np.array(1.0))
        assert with_numbers(weighted, formula, values) is None


@pytest.mark.parametrize(
    ("call", "looks"),
    [
        (lambda x: x.sum(), "∑\u2061(x)"),
        (lambda x: x.sum(axis=0), "∑\u2061(x,axis=0)"),
        (lambda x: x[0].sum(axis=0), "∑\u2061(t_1)"),  # there is but one
        (lambda x: x.mean(axis=(0, 1)), "[∑\u2061(x,axis=(0,1)) / n]"),
        (tg.softmax, "[e^x / ∑\u2061(e^x,axis=−1)]"),
        (lambda x: tg.l1_loss(x, np.ones((2, 2))), "mean\u2061(|x−array|)"),
        (lambda x: tg.l1_loss(x, np.ones((2, 2)), "sum"), "∑\u2061(|x−array|)"),
        (lambda x: tg.l1_loss(x, np.ones((2, 2)), "none"), "|x−array|"),
    ],
)
def test_a_formula_says_what_the_call_says(call, looks):
    root = call(tg.Tensor(np.ones((2, 2)), requires_grad=True, name="x"))
    value = formulas(root._op)[0].right
    assert written(symbolic(read_graph(root), root, value)) == looks


def test_a_product_over_many_axes_is_not_the_formula_for_two():
    a = tg.Tensor(np.ones((2, 2, 2)), requires_grad=True)
    assert hold(tg.dot(a[0], a[1]))
    assert not hold(tg.dot(a, a))
    assert not hold(tg.inner(a[0, 0], a[1, 0]))


@pytest.mark.parametrize("lead", [(), (2,), (3, 2)])
def test_samples_of_a_linear_layer_are_rows(lead):
    x, W = tg.Tensor(np.ones((*lead, 4)), requires_grad=True), np.ones((4, 5))
    values = values_of(tg.linear(x, W, np.ones(5)), np.ones((*lead, 5)))
    rows = int(np.prod(lead))
    assert [values[name].shape for name in "xyg"] == [(rows, 4), (rows, 5), (rows, 5)]


def test_vectors_in_a_product_are_rows_and_columns():
    x, w = tg.Tensor([1.0, 2.0], requires_grad=True), tg.Tensor([3.0, 4.0], requires_grad=True)
    row, column = "<matrix 1, 2>", "<matrix 3; 4>"
    assert written(numeric("a @ b", values_of(x @ w))) == f"{row} {column}"
    values = values_of(np.ones((2, 2)) @ w, np.array([5.0, 6.0]))
    assert written(numeric("g @ b.mT", values)) == f"<matrix 5; 6> {column}^T"


@given(st.text(max_size=20), st.text(max_size=20))
@example("</math><script>", '"&<>')
@example("0", "\x00")
def test_any_text_gives_markup_that_can_be_parsed(a, b):
    for text in (a, f"x[{a!r}]", f"f({b!r}, {a!r})"):
        markup = mathml(text)
        if markup is not None:
            written(markup)
