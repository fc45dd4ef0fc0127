"""What is typed by habit, or by mistake, is answered with what to write."""

import copy
import pickle
import re
import threading
from functools import reduce
from inspect import signature

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import migrants, nn, ops, optim
from tinygrad_edu.migrants import ARGUMENTS, LINEAR, MODULE, NN, OPTIM, TENSOR, TOP

LONG = 400  # no message shows pages of numbers


@pytest.fixture
def names():
    """What the code of the tables reads."""
    big = tg.Tensor(np.arange(6000.0).reshape(2, 3000), requires_grad=True, name="big")
    return {
        "np": np,
        "tg": tg,
        "nn": nn,
        "optim": optim,
        "arr": np.ones((2, 3000)),
        "t": big,
        "computed": big * 2,
        "loss": big.sum(),
        "w1": tg.Tensor(1.0, requires_grad=True),
        "w2": tg.Tensor(2.0, requires_grad=True),
        "model": nn.Linear(2, 1, rng=0),
        "column": np.ones((3, 1)),
        "row": np.ones(3),
        "logits": np.zeros((3, 2)),
        "labels": np.array([0, 1, 1]),
        "plt": lambda: pytest.importorskip("matplotlib.pyplot"),
    }


MISTAKES = [
    # The arguments of other libraries.
    ("t.sum(dim=1)", TypeError, "write axis= in place of dim="),
    ("t.sum(1, keepdim=True)", TypeError, "write keepdims= in place of keepdim="),
    ("tg.mean(t, dim=0)", TypeError, "write axis="),
    ("t.max(dim=0, keepdim=True)", TypeError, "axis= in place of dim=, write keepdims="),
    ("t.argmax(dim=1)", TypeError, "write axis="),
    ("tg.softmax(t, dim=-1)", TypeError, "write axis="),
    ("tg.stack([w1, w2], dim=0)", TypeError, "write axis="),
    ("tg.concatenate([t, t], dim=0)", TypeError, "write axis="),
    ("t.std(unbiased=False)", TypeError, "write ddof="),
    ("tg.relu(input=t)", TypeError, "write x="),
    ("tg.matmul(t, other=t)", TypeError, "write b="),
    ("t.sum(frobnicate=1)", TypeError, "no argument frobnicate=. It takes x, axis, keepdims"),
    ("nn.Linear(in_features=2, out_features=3)", TypeError, "write inputs="),
    ("loss.backward(retain_graph=True)", TypeError, "the graph stays"),
    ("tg.Tensor([1.0], constant=True)", TypeError, "Tensor has no argument constant=: leave it"),
    ("tg.Tensor([1.0], device='cpu')", TypeError, "leave it out"),
    (
        "nn.Conv2d(3, 4, kernel_size=3)",
        TypeError,
        "Conv2d has no argument kernel_size=: write window=",
    ),
    (
        "nn.Conv2d(in_channels=3, out_channels=4)",
        TypeError,
        "write inputs= in place of in_channels=",
    ),
    ("nn.LSTM(3, 4, num_layers=2)", TypeError, "LSTM has no argument num_layers=: write layers="),
    ("nn.GRU(3, 4, batch_first=True)", TypeError, "samples come first"),
    ("nn.MultiHeadAttention(4, num_heads=2)", TypeError, "write heads="),
    ("tg.dropout(t, training=True)", TypeError, "nn.Dropout"),
    ("tg.conv2d(t, weight=t)", TypeError, "write W="),
    ("tg.max_pool(t, kernel_size=2)", TypeError, "write window="),
    # An array in which a Tensor should end.
    ("arr += t", TypeError, "arr = arr + t"),
    ("arr *= t", TypeError, "arr = arr * t"),
    ("arr -= t", TypeError, "arr = arr - t"),
    ("arr /= t", TypeError, "arr = arr / t"),
    ("np.add(arr, t, out=arr)", TypeError, "arr = arr + t"),
    ("np.add(t, arr, out=arr)", TypeError, "write arr = np.add(...)"),
    ("np.exp(t, out=arr)", TypeError, "write arr = np.exp(...)"),
    ("np.asarray(computed)", TypeError, ".detach()"),
    ("plt().plot(computed)", TypeError, ".detach()"),
    # Classes and functions that should have been called.
    ("nn.Linear(2, 3, activation=nn.ReLU)", TypeError, "nn.ReLU()"),
    ("nn.MLP([2, 3, 1], nn.Tanh)", TypeError, "nn.Tanh()"),
    ("tg.compile(lambda: loss, optim.SGD)", TypeError, "optim.SGD(model.parameters()"),
    ("optim.SGD(model, lr=0.1)", TypeError, "model.parameters()"),
    ("optim.SGD(model.parameters, lr=0.1)", TypeError, "model.parameters()"),
    ("optim.SGD([computed], lr=0.1)", ValueError, "Tensor: (2, 3000) float64"),
    ("with tg.no_grad: pass", TypeError, "with tg.no_grad():"),
    # Labels of another shape or coding.
    ("tg.mean_squared_error(column, row)", ValueError, "targets[:, None]"),
    ("tg.mean_squared_error(row, column)", ValueError, "targets.ravel()"),
    ("tg.sigmoid_cross_entropy(column, row)", ValueError, "targets[:, None]"),
    ("tg.binary_cross_entropy(row, column)", ValueError, "targets.ravel()"),
    ("tg.softmax_cross_entropy(logits, labels[:, None])", ValueError, "labels.ravel()"),
    ("tg.softmax_cross_entropy(logits, labels * 1.0)", TypeError, "labels.astype(int)"),
    ("tg.softmax_cross_entropy(logits, np.eye(2, dtype=int)[labels])", TypeError, "argmax(-1)"),
    ("tg.softmax_cross_entropy(column, labels)", ValueError, "sigmoid_cross_entropy"),
    ("tg.softmax_cross_entropy(row, labels)", TypeError, "sigmoid_cross_entropy"),
    ("tg.sigmoid_cross_entropy(row, labels * 2 - 1)", ValueError, "(targets + 1) / 2"),
    ("tg.sigmoid_cross_entropy(0.5, -1.0)", ValueError, "(targets + 1) / 2"),
    ("tg.sigmoid_cross_entropy(row, labels * 2)", ValueError, "softmax_cross_entropy"),
    ("tg.binary_cross_entropy(row, labels * 2 - 1)", ValueError, "(targets + 1) / 2"),
    ("tg.binary_cross_entropy(row * 2, labels)", ValueError, "sigmoid_cross_entropy"),
    # Lists of Tensors.
    ("tg.exp([w1, w2])", TypeError, "tg.stack"),
    ("tg.sum([w1, w2])", TypeError, "tg.stack"),
    ("tg.matmul([[w1, w2]], [1.0, 2.0])", TypeError, "tg.stack"),
    ("np.sum([w1, w2])", TypeError, "tg.stack"),
    ("np.exp([w1, w2])", TypeError, "tg.stack"),
    # Names.
    ("tg.tensor([1.0])", TypeError, "tg.Tensor(data)"),
    ("tg.zeros((2, 3))", AttributeError, "tg.Tensor(np.zeros(shape))"),
    ("tg.nn.functional.relu(t)", AttributeError, "tg.relu"),
    ("nn.BatchNorm2d(3)", AttributeError, "nn.BatchNorm(channels)"),
    ("nn.CrossEntropyLoss()", AttributeError, "tg.softmax_cross_entropy(logits, labels)"),
    ("optim.RMSProp([w1], lr=0.1)", AttributeError, "optim.RMSprop"),
    ("t.view(-1)", AttributeError, "t.reshape"),
    ("t.unsqueeze(0)", AttributeError, "tg.expand_dims"),
    ("model.weight", AttributeError, "layer.W, of shape (inputs, outputs)"),
    ("model.cuda()", AttributeError, "write module"),
]


@pytest.mark.parametrize(("code", "kind", "said"), MISTAKES, ids=[code for code, *_ in MISTAKES])
def test_a_mistake_is_answered_with_what_to_write(code, kind, said, names):
    with pytest.raises(kind) as caught:
        exec(code, names)  # noqa: S102 - our own table
    message = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert said in message
    assert len(message) < LONG


ALONG = [name for name in ops.__all__ if "axis" in signature(getattr(ops, name)).parameters]


@pytest.mark.parametrize("name", ALONG)
def test_every_operation_along_an_axis_knows_what_dim_is(name):
    with pytest.raises(TypeError, match="write axis= in place of dim="):
        getattr(tg, name)(tg.Tensor(np.ones((2, 2))), dim=0)


def test_a_nan_does_not_hide_what_is_no_probability():
    with pytest.raises(ValueError, match="between 0 and 1"):
        tg.binary_cross_entropy([np.nan, 2.0], [0.0, 1.0])


def test_nothing_of_the_checks_stands_in_a_compiled_step():
    w = tg.Tensor([[0.5], [1.0]], requires_grad=True)
    step = tg.compile(lambda x, y: tg.sigmoid_cross_entropy(x @ w, y), optim.SGD([w], lr=0.1))
    step(np.ones((4, 2)), np.ones((4, 1)))
    assert "fractions" not in step.source
    assert "fmin" not in step.source


# --- the tables ------------------------------------------------------------------------------


PLACES = [
    (tg, {name: here for name, here in TOP.items() if name != "tensor"}),
    (nn, NN),
    (optim, OPTIM),
    (tg.Tensor([1.0, 2.0], requires_grad=True), TENSOR),
    (nn.MLP([2, 1], rng=0), MODULE),
    (nn.Linear(2, 1, rng=0), LINEAR),
]
NAMES = [
    pytest.param(place, name, here, id=f"{getattr(place, '__name__', type(place).__name__)}.{name}")
    for place, names in PLACES
    for name, here in names.items()
]


@pytest.mark.parametrize(("thing", "name", "here"), NAMES)
def test_a_name_of_another_library(thing, name, here):
    assert not hasattr(thing, name)
    assert name not in dir(thing)
    with pytest.raises(AttributeError, match=re.escape(f"; write {here}")) as caught:
        getattr(thing, name)
    assert caught.value.name == name
    assert caught.value.obj is thing


@pytest.mark.parametrize("table", ["TOP", "NN", "OPTIM", "TENSOR", "MODULE", "LINEAR"])
def test_what_is_to_be_written_exists(table):
    places = {"tg": tg, "nn": nn, "optim": optim, "np": np, "t": tg.Tensor([1.0]), "rng": None}
    places["rng"], places["layer"] = np.random.default_rng(), nn.Linear(1, 1)
    places["module"] = places["layer"]
    for here in getattr(migrants, table).values():
        for path in re.findall(r"\b(?:tg|nn|optim|np|t|rng|layer|module)(?:\.\w+)+", here):
            if path.startswith("tg.scipy"):
                pytest.importorskip("scipy")
            first, *rest = path.split(".")
            reduce(getattr, rest, places[first])


def test_arguments_are_those_of_something_here():
    taken = {name for op in ops.__all__ for name in signature(getattr(ops, op)).parameters}
    layers = [nn.Conv2d, nn.LSTM, nn.BatchNorm, nn.Embedding, nn.LayerNorm, nn.TransformerBlock]
    taken |= {name for layer in layers for name in signature(layer).parameters}
    taken |= {"lr", "gradient"}
    for here in ARGUMENTS.values():
        assert isinstance(here, int) or " " in here or here in taken


def test_a_name_that_nobody_knows_is_answered_by_python():
    for thing in (tg, nn, optim, tg.Tensor(1.0)):
        with pytest.raises(AttributeError, match=r"has no attribute 'frobnicate'$"):
            thing.frobnicate  # noqa: B018 - asking is the point


def test_a_class_may_define_what_another_library_has():
    class Net(nn.Module):
        def __init__(self):
            self.weight = tg.Tensor([1.0], requires_grad=True)
            self.to = "somewhere"

        def fit(self):
            return self.weight

    net = Net()
    assert net.fit() is net.weight
    assert net.to == "somewhere"
    assert {"fit", "to", "weight"} <= {*dir(net)}


def test_protocols_find_nothing_new():
    t = tg.Tensor([1.0, 2.0], requires_grad=True)
    for name in ["__array_struct__", "__array_interface__", "__dask_graph__", "_mask", "mask"]:
        assert not hasattr(t, name)
    assert np.ma.getmask(t) is np.ma.nomask
    for thing in (t, nn.Linear(2, 1, rng=0)):
        pickled = pickle.loads(pickle.dumps(thing))  # noqa: S301 - our own
        for other in (copy.copy(thing), copy.deepcopy(thing), pickled):
            assert type(other) is type(thing)


# --- rooms, forms and how things look ------------------------------------------------------


@pytest.mark.parametrize("room", ["compiler", "debugging", "scipy", "sklearn", "training", "viz"])
def test_a_room_is_there_when_it_is_asked_for(room):
    if room in {"scipy", "sklearn"}:
        pytest.importorskip(room)
    assert getattr(tg, room).__name__ == f"tinygrad_edu.{room}"


def test_the_mlp_of_micrograd():
    theirs, ours = nn.MLP(3, [4, 4, 1], rng=0), nn.MLP([3, 4, 4, 1], rng=0)
    assert repr(theirs) == repr(ours)
    np.testing.assert_array_equal(theirs.parameters()[0].data, ours.parameters()[0].data)
    assert "tanh" in repr(nn.MLP((2,), (3, 1), output="tanh"))


def test_a_module_shows_its_own_tensors_and_functions():
    class Neuron(nn.Module):
        def __init__(self):
            self.w = tg.Tensor([1.0, -1.0], requires_grad=True)
            self.b = tg.Tensor(0.5, requires_grad=True)

    class Net(nn.Module):
        def __init__(self):
            self.scale = tg.Tensor([1.0])
            self.layers = [nn.Linear(2, 3, rng=0), tg.tanh, Neuron()]

    assert repr(Neuron()) == "Neuron(w: (2,), b: ())"
    assert repr(Net()).splitlines() == [
        "Net(",
        "  scale: (1,)",
        "  layers.0: Linear(2, 3)",
        "  layers.1: tanh",
        "  layers.2: Neuron(w: (2,), b: ())",
        ")",
    ]


def test_a_compiled_step_shows_what_it_is():
    w = tg.Tensor([1.0], requires_grad=True)

    def loss(x, y):
        return tg.mean_squared_error(x * w, y)

    step = tg.compile(loss, optim.SGD([w], lr=0.1))
    assert repr(step) == "<compiled step of loss(x, y) with SGD(1 parameter, lr=0.1), 0 programs>"
    step(np.ones(1), np.ones(1))
    assert repr(step).endswith("1 program>")
    assert repr(tg.compile(loss)) == "<compiled step of loss(x, y), 0 programs>"


# --- randomness --------------------------------------------------------------------------------


@pytest.fixture
def seeds():
    yield
    tg.manual_seed(None)


def drawn():
    network = nn.Sequential(nn.MLP([3, 4, 1]), nn.Dropout(0.5))
    (batch,) = next(tg.batches(np.arange(100), batch_size=5))
    return [*(p.data for p in network.parameters()), network(np.ones((2, 3))).data, batch]


@pytest.mark.usefixtures("seeds")
def test_a_seed_for_everything_that_is_given_none():
    tg.manual_seed(7)
    first, second = drawn(), drawn()
    tg.manual_seed(7)
    again = drawn()
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], second[0])  # each draws other numbers
    tg.manual_seed(None)
    assert not np.array_equal(first[0], drawn()[0])
    tg.manual_seed(7)
    np.random.seed(0)  # noqa: NPY002 - it has no influence
    np.testing.assert_array_equal(drawn()[0], first[0])


@pytest.mark.usefixtures("seeds")
def test_threads_may_draw_at_once():
    def numbers(threads):
        tg.manual_seed(0)
        found = []

        def draw():
            found.extend(nn.init.as_rng(None).integers(2**60) for _ in range(50))

        running = [threading.Thread(target=draw) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        return sorted(found)

    assert numbers(4) == numbers(4)  # whoever draws them, the numbers are the same
    assert len({*numbers(4)}) == 200


def test_a_bad_seed_is_refused():
    for seed, kind in [(-1, ValueError), (0.5, TypeError), (True, TypeError), ("a", TypeError)]:
        with pytest.raises(kind, match="seed must"):
            tg.manual_seed(seed)


# --- inputs that are not used, parameters that do not learn any more -----------------------------


def test_an_input_that_is_not_used_is_told():
    with pytest.warns(UserWarning, match="does not use input 1"):
        tg.check_gradients(lambda *inputs: inputs[0] * 2.0, 1.0, 2.0)
    with pytest.warns(UserWarning, match="does not use input 0"):
        tg.check_gradients(lambda *_: tg.Tensor(1.0), 1.0)


@pytest.mark.parametrize("f", [np.floor, tg.sign, lambda x: x * 0.0], ids=["floor", "sign", "0"])
def test_a_derivative_that_is_zero_is_right(f):
    tg.check_gradients(f, [0.3, -1.2])


def test_an_operation_may_say_that_there_is_no_derivative():
    @tg.differentiable
    def weighted(x, weight):
        return x * np.round(weight), lambda g: g * np.round(weight), None

    tg.check_gradients(weighted, 1.5, 2.2)


def test_a_step_without_an_optimizer_notices_what_learns():
    w, v = (tg.Tensor([x], requires_grad=True) for x in (1.0, 2.0))
    step = tg.compile(lambda x: (x * w * v).sum())
    step(np.ones(1))
    assert (w.grad, v.grad) == (2.0, 1.0)
    w.requires_grad = False
    w.zero_grad(), v.zero_grad()
    step(np.ones(1))
    assert w.grad is None
    assert v.grad == 1.0
    w.requires_grad = True
    v.zero_grad()
    step(np.ones(1))
    assert (w.grad, v.grad) == (2.0, 1.0)
    w.requires_grad = v.requires_grad = False
    with pytest.raises(TypeError, match="depends on a parameter"):
        step(np.ones(1))
