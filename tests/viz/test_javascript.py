"""Operations as JavaScript: what a page computes by itself is what the engine computes."""

import json

import numpy as np
import pytest
from hypothesis import Phase, given, settings

import tinygrad_edu as tg
from tinygrad_edu import ops
from tinygrad_edu.trees import leaves
from tinygrad_edu.viz import javascript
from tinygrad_edu.viz.arrays import array_of
from tinygrad_edu.viz.gradients import retrace, retraced
from tinygrad_edu.viz.model import Constant, read_graph

from ..ops.table import ROWS, replaced, variable

RUN = """
const encoded = (x) => x && {shape: x.shape, data: [...x.data].map((value) => String(value))};
return programs.map((program) => {
  const {values, gradients, contributions} = engine.run(program, operations);
  return {
    values: values.map(encoded),
    gradients: Array.from(gradients, encoded),
    contributions: contributions.map(({node, position, parent, fitted}) => (
      {node, position, parent, fitted: encoded(fitted)})),
  };
});
"""


def decoded(array):
    numbers = [float(text.replace("Infinity", "inf")) for text in array["data"]]
    return np.reshape(numbers, array["shape"])


@pytest.fixture(scope="session")
def run_in_page(browser):
    """Run programs in a page, all at once."""

    def run(programs):
        operations = {op.name: op for program in programs for op in program.operations}
        script = javascript.source(operations.values())
        page = browser.new_page()
        data = json.dumps([program.data for program in programs])
        results = page.evaluate(f"() => {{ const programs = {data};\n{script}\n{RUN} }}")
        page.close()
        return results

    return run


def drawn(cases, n):
    """Draw some cases, always the same."""
    found = []

    @settings(max_examples=n, database=None, derandomize=True, phases=[Phase.generate])
    @given(case=cases)
    def collect(case):
        found.append(case)

    collect()
    return found


def weighted_sum(outputs):
    """Return a loss to which no two elements contribute alike."""
    return sum((y * np.linspace(0.5, 1.5, y.size).reshape(y.shape)).sum() for y in outputs)


def graphs_of(row, n=3):
    """Graphs of calls of an operation."""
    for case in drawn(row.cases, n):
        args, _ = replaced(case, variable)
        outputs = leaves(row.op(*args, **case.options))
        outputs = [y for y in outputs if isinstance(y, tg.Tensor) and y.requires_grad]
        if outputs:
            yield read_graph(weighted_sum(outputs))


def assert_agreement(graph, result, rtol=1e-10):
    """What came from a page is what the engine computed."""
    gradients = retraced(graph)
    for i, item in enumerate(graph.items):
        array = array_of(item.data if isinstance(item, Constant) else item)
        np.testing.assert_allclose(decoded(result["values"][i]), array, rtol, 1e-13)
        if item in gradients:
            got = decoded(result["gradients"][i])
            assert got.shape == array.shape
            np.testing.assert_allclose(got, gradients[item], rtol, 1e-12)
    flows = list(retrace(graph))
    assert len(flows) == len(result["contributions"])
    for flow, found in zip(flows, result["contributions"], strict=True):
        ends = [graph.items[found[name]] for name in ("node", "parent")]
        assert [*ends, found["position"]] == [flow.node, flow.parent, flow.position]
        np.testing.assert_allclose(decoded(found["fitted"]), flow.fitted, rtol, 1e-12)


# Operations whose formulas are in words, or about single elements.
FILMS = """
adaptive_avg_pool adaptive_max_pool avg_pool cholesky compress cond conv1d conv2d conv_transpose2d
convolve correlate cross cumprod cumsum det diag diagonal diff einsum extract kron linspace
matrix_power max_pool overlap_add partition pad pinv prod repeat sliding_window_view
sliding_windows sort take take_along_axis tensordot tile
"""


def test_the_operations_that_a_page_can_compute():
    found = {name for name in ops.__all__ if hasattr(getattr(ops, name), "body")}
    found = {name for name in found if javascript.operation(getattr(ops, name)) is None}
    assert found == set(FILMS.split())


def test_every_operation_with_a_formula_computes_in_a_page_what_the_engine_computes(run_in_page):
    programs, graphs = [], []
    for row in ROWS:
        for graph in graphs_of(row):
            program = javascript.program(graph)
            if not program.missing:
                programs.append(program)
                graphs.append((row, graph))
    computed = {op.name for program in programs for op in program.operations}
    named = {op.__name__ for op in vars(ops).values() if hasattr(op, "body")}
    seldom = {"inner", "nan_to_num", "nll_loss"}  # have formulas for few arguments only
    assert named - set(FILMS.split()) - computed <= seldom
    assert {"concatenate", "masked_softmax", "stack"} <= computed - named
    for (row, graph), result in zip(graphs, run_in_page(programs), strict=True):
        try:
            assert_agreement(graph, result)
        except AssertionError as error:
            raise AssertionError(f"{row}: {error}") from error


def leaf(*numbers):
    return tg.Tensor(numbers, requires_grad=True)


def square_of_sum(x):
    return (x + x) * (x + x)


FAR = (-1000.0, -40.0, 0.0, 40.0, 1000.0)
HARD = {
    "far sigmoid": lambda: tg.sigmoid(leaf(*FAR)),
    "far tanh": lambda: tg.tanh(leaf(*FAR)),
    "far softplus": lambda: tg.softplus(leaf(*FAR)),
    "far softmax": lambda: tg.softmax(leaf(*FAR)),
    "far log_softmax": lambda: tg.log_softmax(leaf(50.0, 0.0, -1000.0)),
    "far logsumexp": lambda: tg.logsumexp(leaf(1000.0, 1000.0)),
    "far logaddexp": lambda: tg.logaddexp(leaf(*FAR), leaf(*FAR[::-1])),
    "far logits": lambda: tg.sigmoid_cross_entropy(leaf(*FAR), [0.0, 1.0, 1.0, 1.0, 0.0]),
    "far classes": lambda: tg.softmax_cross_entropy(leaf(*FAR), 0),
    "an impossible class": lambda: tg.softmax_cross_entropy(leaf(0.0, -np.inf, 1.0), 2),
    "certain probabilities": lambda: tg.binary_cross_entropy(leaf(0.0, 1.0), [0.0, 1.0]),
    "elu of much": lambda: tg.elu(leaf(*FAR), 0.5),
    "ties": lambda: tg.max(leaf(2.0, 2.0, 1.0)) + tg.maximum(leaf(1.0, 2.0), leaf(1.0, 3.0)),
    "kinks": lambda: tg.relu(leaf(0.0, -1.0)) + tg.abs(leaf(0.0, 1.0)),
    "nan": lambda: tg.relu(leaf(np.nan, -np.inf, np.inf)),
    "a root at 0": lambda: tg.where(np.array([True, False]), tg.sqrt(leaf(4.0, 0.0)), 0),
    "a product at 0": lambda: tg.matmul(tg.log(leaf(1.0, 0.0)) * np.array([1.0, 0.0]), np.eye(2)),
    "constants": lambda: tg.std(leaf(3.0, 3.0)) + tg.norm(leaf(0.0, 0.0)),
    "powers": lambda: leaf(0.0, 1.0, 2.0) ** 0 + leaf(0.0, -1.0, 2.0) ** 2,
    "exponents": lambda: tg.power(np.array([0.0, 1.0, 2.0]), leaf(2.0, 3.0, -1.0)),
    "inner products": lambda: tg.inner(np.ones((3, 2)), tg.reshape(leaf(1.0, 2.0), (1, 2))),
    "not a number": lambda: tg.nan_to_num(leaf(np.nan, np.inf, -np.inf, 1.0)),
    "an unlikely log": lambda: tg.nll_loss(leaf(-0.1, -np.inf), 0),
    "a smooth label": lambda: tg.softmax_cross_entropy(leaf(1.0, 2.0), leaf(0.25, 0.75)),
    "twice the same": lambda: square_of_sum(leaf(1.5, -2.0)),
    "an index twice": lambda: leaf(1.0, 2.0, 3.0)[[0, 0, 2]],
    "float32": lambda: tg.tanh(tg.Tensor(np.float32([0.1, 0.7]), requires_grad=True)),
}


def test_hard_points(run_in_page):
    with np.errstate(all="ignore"):
        graphs = [read_graph(tg.sum(call())) for call in HARD.values()]
        programs = [javascript.program(graph) for graph in graphs]
        assert [program.missing for program in programs] == [{}] * len(HARD)
        for name, graph, result in zip(HARD, graphs, run_in_page(programs), strict=True):
            try:
                assert_agreement(graph, result, 1e-6 if name == "float32" else 1e-10)
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from error
