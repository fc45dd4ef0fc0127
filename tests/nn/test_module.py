"""Module: what it finds, how it names it, and what it takes back."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn


def parameter(*shape):
    return tg.Tensor(np.random.default_rng(0).normal(size=shape), requires_grad=True)


class Nested(nn.Module):
    """Parameters wherever they may be."""

    def __init__(self):
        self.scale = parameter()
        self.heads = {
            "left": [nn.Linear(2, 1, rng=0), nn.Linear(2, 1, rng=1)],
            "right": parameter(2),
        }
        self.pair = (parameter(3), 5.0)
        self.offset = tg.Tensor([1.0, 2.0])
        self.text = "no Tensor"
        self.computed = self.scale * 2.0

    def forward(self, x):
        return sum(head(x) for head in self.heads["left"]) * self.scale


NAMES = [
    "scale",
    "heads.left.0.W",
    "heads.left.0.b",
    "heads.left.1.W",
    "heads.left.1.b",
    "heads.right",
    "pair.0",
]


def test_parameters_are_found_in_nested_containers_and_named_by_path():
    module = Nested()
    assert [name for name, _ in module.named_parameters()] == NAMES
    assert module.parameters()[5] is module.heads["right"]


def test_the_state_holds_what_does_not_learn_too_but_nothing_computed():
    assert [*Nested().state_dict()] == [*NAMES, "offset"]


def test_a_parameter_or_module_used_twice_comes_once():
    class Tied(nn.Module):
        def __init__(self):
            self.a = nn.Linear(2, 2)
            self.b = self.a
            self.W = self.a.W
            self.me = self

    assert [name for name, _ in Tied().named_parameters()] == ["a.W", "a.b"]
    assert [name for name, _ in Tied().named_modules()] == ["", "a"]


def test_a_frozen_parameter_is_no_parameter():
    layer = nn.Linear(2, 3)
    layer.b.requires_grad = False
    assert layer.parameters() == [layer.W]
    assert "b" in layer.state_dict()


def test_a_call_groups_its_nodes_under_names_by_path():
    class Network(nn.Module):
        def __init__(self):
            self.body = nn.MLP([2, 3, 3], "tanh", rng=0)
            self.head = nn.Linear(3, 1, rng=0)

        def forward(self, x):
            return self.head(self.body(x))

    y = Network()(np.ones((1, 2)))
    found = []
    while isinstance(y, tg.Tensor):
        found.append((y._op.__name__, y.scope))
        y = y._inputs[0]
    assert found == [
        ("linear", ("Network", "head")),
        ("linear", ("Network", "body", "layers.1")),
        ("tanh", ("Network", "body", "layers.0")),
        ("linear", ("Network", "body", "layers.0")),
    ]


def test_a_module_that_was_called_alone_is_named_by_what_holds_it():
    layers = [nn.Linear(2, 2), nn.Linear(2, 2)]
    assert layers[0](np.ones((1, 2))).scope == ("Linear",)
    network = nn.Sequential(*layers)
    assert network(np.ones((1, 2))).scope == ("Sequential", "layers.1")
    assert layers[0](np.ones((1, 2))).scope == ("layers.0",)


def test_a_module_that_contains_itself_can_be_called():
    class Loop(nn.Module):
        def __init__(self):
            self.me = self
            self.layer = nn.Linear(2, 1)

        def forward(self, x):
            return self.layer(x)

    assert Loop()(np.ones((1, 2))).scope[-1] == "layer"


def test_train_and_eval_reach_every_module():
    module = Nested()
    inner = module.heads["left"][1]
    assert module.eval() is module
    assert not module.training
    assert not inner.training
    module.train()
    assert inner.training


def test_zero_grad_forgets_every_gradient():
    module = Nested()
    module(np.ones((4, 2))).sum().backward()
    assert module.scale.grad is not None
    module.zero_grad()
    assert all(p.grad is None for p in module.parameters())


def test_a_module_without_forward_says_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match="Empty must define forward"):
        Empty()(1.0)


# --- state ---------------------------------------------------------------------------------


def test_a_state_taken_over_gives_the_same_outputs():
    first, second = (nn.MLP([2, 4, 1], "tanh", rng=seed) for seed in (0, 1))
    x = np.ones((3, 2))
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(first(x).data, second(x).data)


def test_a_state_is_a_copy_both_ways():
    layer = nn.Linear(2, 3, rng=0)
    state = layer.state_dict()
    state["W"][:] = 0.0
    assert layer.W.data.all()
    layer.load_state_dict(state)
    state["W"][:] = 1.0
    assert not layer.W.data.any()


def test_a_state_is_cast_to_the_precision_of_the_module():
    layer = nn.Linear(2, 3, dtype=np.float32)
    layer.load_state_dict({"W": np.ones((2, 3)), "b": tg.Tensor([1, 2, 3])})
    assert layer.W.dtype == layer.b.dtype == np.float32
    assert layer.b.data.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers.0.b": None}, r"missing     layers.0.b: \(3,\) float64"),
        ({"layers.0.bias": np.zeros(3)}, "unexpected  layers.0.bias"),
        ({"layers.1.W": np.zeros((1, 3))}, r"layers.1.W: expected \(3, 1\) .*, got \(1, 3\)"),
        ({"layers.1.b": np.array(["a"])}, r"layers.1.b: expected \(1,\) float64, got .*U1"),
        ({"layers.1.b": np.array([1j])}, "got .* complex128"),
        ({"layers.1.W": [[1.0], [2.0, 3.0], []]}, r"expected \(3, 1\) .*, got \(3,\) object"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_whole(change, message):
    network = nn.MLP([2, 3, 1], rng=0)
    before = network.state_dict()
    state = {name: np.zeros_like(x) for name, x in before.items()} | change
    with pytest.raises(ValueError, match=message):
        network.load_state_dict({name: x for name, x in state.items() if x is not None})
    for name, x in network.state_dict().items():
        np.testing.assert_array_equal(x, before[name])


def test_what_is_no_state_is_refused():
    with pytest.raises(TypeError, match=r"as state_dict\(\) returns and tg.load reads; got list"):
        nn.Linear(2, 3).load_state_dict([np.zeros((2, 3)), np.zeros(3)])


def test_all_that_is_wrong_with_a_state_is_said_at_once():
    with pytest.raises(ValueError, match="does not fit this Linear") as caught:
        nn.Linear(2, 3).load_state_dict({"W": np.zeros(2), "c": np.zeros(3)})
    assert [line.split()[0] for line in str(caught.value).splitlines()[1:]] == [
        "missing",
        "unexpected",
        "misfit",
    ]


def masks(network, n=3):
    return [network(np.ones((4, 2))).data for _ in range(n)]


def dropping(seed=0, kind=np.random.default_rng):
    """A network of which two layers draw from one generator, and a third from another."""
    shared, weights = kind(seed), np.random.default_rng(seed)
    return nn.Sequential(
        nn.Dropout(0.5, rng=shared),
        nn.Linear(2, 8, rng=weights),
        nn.Dropout(0.5, rng=shared),
        nn.Dropout(0.5, rng=kind(seed + 1)),
    )


def test_the_states_of_generators_come_last_and_once():
    first, second = "layers.0.rng.PCG64", "layers.3.rng.PCG64"
    state = dropping().state_dict()
    assert [*state] == ["layers.1.W", "layers.1.b", first, second]
    assert state[first].dtype == np.uint64
    assert "layers.0.rng.RandomState" in dropping(kind=np.random.RandomState).state_dict()


@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState])
def test_a_network_goes_on_drawing_where_another_one_is(kind):
    network, twin = dropping(0, kind), dropping(5, kind)
    generators = [twin[i].rng for i in (0, 2, 3)]
    masks(network)
    twin.load_state_dict(network.state_dict())
    np.testing.assert_array_equal(masks(twin), masks(network))
    assert all(twin[i].rng is rng for i, rng in zip((0, 2, 3), generators, strict=True))


def test_a_compiled_step_draws_from_the_generators_of_a_state_that_was_taken_over():
    network = dropping()
    step = tg.compile(lambda x: (network(x) ** 2).mean())
    x = np.ones((4, 2))
    state = network.state_dict()
    losses = [step(x) for _ in range(4)]
    network.load_state_dict(state)
    assert [step(x) for _ in range(4)] == losses
    assert len(set(losses)) == 4


def test_any_generator_in_a_module_is_in_its_state():
    class Noisy(nn.Module):
        def __init__(self):
            self.sources = {"left": [np.random.default_rng(0)]}
            self.weights = np.ones(3)

    assert [*Noisy().state_dict()] == ["sources.left.0.PCG64"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers.3.rng.PCG64": None}, r"missing     layers.3.rng.PCG64: \(8,\) uint64"),
        ({"layers.2.rng.PCG64": np.zeros(8)}, "unexpected  layers.2.rng.PCG64"),
        ({"layers.3.rng.PCG64": np.zeros(8)}, "expected .* uint64, got .* float64"),
        ({"layers.3.rng.PCG64": [1, 0, 0, 0, 0, 0, 0, 0]}, "expected .* uint64, got .* int64"),
        ({"layers.3.rng.PCG64": np.full(8, 7, "u8")}, "misfit      .*64: no state of a PCG64, who"),
    ],
)
def test_the_state_of_a_generator_that_does_not_fit_is_refused_whole(change, message):
    network, twin = dropping(0), dropping(0)
    state = dropping(3).state_dict() | change
    with pytest.raises(ValueError, match=message):
        network.load_state_dict({name: x for name, x in state.items() if x is not None})
    np.testing.assert_array_equal(masks(network), masks(twin))


def test_what_is_wrong_with_generators_is_said_with_the_rest():
    state = dropping().state_dict() | {"layers.1.b": np.zeros(1)}
    for name in ("layers.0.rng.PCG64", "layers.3.rng.PCG64"):
        state[name] = np.full(8, 2**63, np.uint64)
    with pytest.raises(ValueError, match="does not fit this Sequential") as caught:
        dropping().load_state_dict(state)
    assert [line.split()[:2] for line in str(caught.value).splitlines()[1:]] == [
        ["misfit", "layers.1.b:"],
        ["misfit", "layers.0.rng.PCG64:"],
        ["misfit", "layers.3.rng.PCG64:"],
    ]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])  # noqa: S301
@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState])
def test_a_copy_draws_the_same_from_generators_of_its_own(duplicate, kind):
    network = dropping(0, kind)
    masks(network)
    twin = duplicate(network)
    assert twin[0].rng is twin[2].rng is not network[0].rng
    np.testing.assert_array_equal(masks(twin), masks(network))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])  # noqa: S301
def test_a_copy_is_equal_and_independent(duplicate):
    network = nn.Sequential(nn.MLP([2, 3, 2], "tanh", rng=0), nn.LeakyReLU(negative_slope=0.1))
    x = np.ones((1, 2))
    twin = duplicate(network)
    np.testing.assert_array_equal(twin(x).data, network(x).data)
    twin.parameters()[0].data = np.zeros((2, 3))
    assert network.parameters()[0].data.all()


def test_a_network_shows_its_structure():
    network = nn.Sequential(nn.Maxout(2, 3, 4), nn.Dropout(0.1), nn.Linear(3, 1, bias=False))
    assert repr(network).splitlines() == [
        "Sequential(",
        "  layers.0: Maxout(pieces=4",
        "    linear: Linear(2, 12)",
        "  )",
        "  layers.1: Dropout(p=0.1)",
        "  layers.2: Linear(3, 1, bias=False)",
        ")",
    ]
