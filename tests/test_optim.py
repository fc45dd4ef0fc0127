"""Optimizers: the rules against PyTorch's paths, and what a step may and may not change."""

import copy
import json
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import optim

REFERENCE = json.loads((Path(__file__).parent / "data" / "trajectories.json").read_text())
OURS = {
    "SGD": optim.SGD,
    "Adagrad": optim.Adagrad,
    "RMSprop": optim.RMSprop,
    "Adam": optim.Adam,
    "AdamW": optim.AdamW,
}
EVERY_OPTIMIZER = {
    "sgd": lambda ps: optim.SGD(ps, lr=0.01, weight_decay=0.1),
    "momentum": lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9),
    "nesterov": lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9, nesterov=True),
    "adagrad": optim.Adagrad,
    "rmsprop": lambda ps: optim.RMSprop(ps, momentum=0.5),
    "adam": lambda ps: optim.Adam(ps, weight_decay=0.1),
    "adamw": lambda ps: optim.AdamW(ps, lr=optim.warm_up(0.01, 3)),
}
every_optimizer = pytest.mark.parametrize("make", EVERY_OPTIMIZER.values(), ids=EVERY_OPTIMIZER)
LARGE = (65, 64)  # more than are packed together with others


def objective(w, b):
    return ((tg.tanh(w * b) - 0.3) ** 2).sum() + 5 * ((w[0] * w[1] + b) ** 2).sum()


def variables(*shapes, seed=0, dtype=float):
    rng = np.random.default_rng(seed)
    return [tg.Tensor(rng.normal(size=s), requires_grad=True, dtype=dtype) for s in shapes]


def give_gradients(parameters, seed):
    rng = np.random.default_rng(seed)
    for p in parameters:
        p.grad = rng.normal(size=p.shape).astype(p.dtype)


def snapshot(parameters):
    return [p.data.copy() for p in parameters]


def assert_same(found, expected):
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_array_equal(x, y)


# --- against PyTorch ---------------------------------------------------------------------


@pytest.mark.parametrize("case", REFERENCE["trajectories"])
def test_the_path_is_that_of_pytorch(case):
    reference = REFERENCE["trajectories"][case]
    w, b = (tg.Tensor(REFERENCE["start"][k], requires_grad=True) for k in "wb")
    optimizer = OURS[reference["optimizer"]]([w, b], **reference["settings"])
    expected = {step: values for step, *values in reference["path"]}
    for step in range(max(expected) + 1):
        optimizer.zero_grad()
        objective(w, b).backward()
        if "missing" in case and step % 3 == 2:
            b.zero_grad()
        if "by value" in case:
            optim.clip_by_value([w, b], 1.0)
        optimizer.step()
        if step in expected:
            found = [*w.data.ravel(), *b.data]
            np.testing.assert_allclose(found, expected[step], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "schedule"),
    {
        "step": optim.step_decay(1.0, 3, 0.5),
        "exponential": optim.exponential_decay(1.0, 0.9),
        "cosine": optim.cosine_decay(1.0, 10, 0.01),
        "warm-up": optim.warm_up(1.0, 5),
    }.items(),
)
def test_a_schedule_is_that_of_pytorch(name, schedule):
    found = [schedule(step) for step in range(10)]
    np.testing.assert_allclose(found, REFERENCE["schedules"][name], rtol=1e-12)


# --- parameters side by side ----------------------------------------------------------------


@every_optimizer
def test_parameters_together_move_as_each_alone(make):
    shapes = [(2, 3), (), (0, 4), LARGE, (5,)]
    together, alone = variables(*shapes), variables(*shapes)
    optimizer, optimizers = make(together), [make([p]) for p in alone]
    for step in range(4):
        give_gradients(together, step)
        for p, q, own in zip(together, alone, optimizers, strict=True):
            q.grad = p.grad.copy()
            own.step()
        optimizer.step()
    assert_same(snapshot(together), snapshot(alone))


# Of a parameter: how its data come to be what a step finds. Each returns the array to be changed.


def as_made(p):
    return p.data


def given_new_data(p):
    p.data = array = np.array(p.data * 0.5)
    return array


def given_a_view(p):
    whole = np.zeros((*p.shape, 2), p.dtype)
    p.data = array = whole[..., 1]
    return array


def given_fortran_order(p):
    p.data = array = np.array(p.data * 0.5, order="F")
    return array


def given_data_in_reverse(p):
    p.data = array = p.data[::-1] if p.ndim else p.data
    return array


ORIGINS = [as_made, given_new_data, given_a_view, given_fortran_order, given_data_in_reverse]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(
    "shapes", [[(2, 3)], [LARGE], [(2, 3), (), (3,)], [(3,), LARGE, (0, 4), (2,), LARGE]]
)
@every_optimizer
def test_a_step_writes_into_the_array_that_is_the_data(make, shapes, origin):
    parameters, twins = variables(*shapes), variables(*shapes)
    optimizer, twin = make(parameters), make(twins)
    for step in range(3):
        arrays = [origin(p) for p in parameters]
        for q, array in zip(twins, arrays, strict=True):
            q.data = array.copy()
        give_gradients(parameters, step)
        give_gradients(twins, step)
        optimizer.step()
        twin.step()
        for p, q, array in zip(parameters, twins, arrays, strict=True):
            assert p.data is array
            np.testing.assert_array_equal(array, q.data)
        if step == 1:
            optimizer.load_state_dict(optimizer.state_dict())


@pytest.mark.parametrize("shapes", [[(3,)], [(3,), (2,)], [LARGE]])
def test_two_optimizers_share_a_parameter(shapes):
    parameters = variables(*shapes)
    p = parameters[0]
    first, second = optim.SGD(parameters, lr=1.0), optim.SGD([p], lr=1.0)
    array, before = p.data, p.data.copy()
    for optimizer in (first, second, first):
        for q in parameters:
            q.grad = np.ones(q.shape)
        optimizer.step()
    assert p.data is array
    np.testing.assert_allclose(array, before - 3)


@pytest.mark.parametrize("shape", [(2, 3), LARGE])
def test_read_only_data_are_refused_before_anything_changes(shape):
    p, q = variables((2,), shape)
    optimizer = optim.SGD([p, q], lr=0.1, momentum=0.9)
    q.name = "the culprit"
    give_gradients([p, q], 0)
    optimizer.step()
    before, memory = snapshot([p, q]), optimizer.state_dict()
    q.data.flags.writeable = False
    with pytest.raises(ValueError, match=r"data of the culprit .* are read-only"):
        optimizer.step()
    assert_same(snapshot([p, q]), before)
    assert_same(optimizer.state_dict().values(), memory.values())
    q.data = q.data  # as it is
    with pytest.raises(ValueError, match="read-only"):
        optimizer.step()
    for array in (q.data[...], np.broadcast_to(1.0, shape)):
        q.data = array  # a copy, since a step could not write into it
        optimizer.step()
        assert not np.shares_memory(q.data, array)


def test_a_read_only_parameter_that_stays_as_it_is_is_no_error():
    p, q = variables((2,), (3,))
    optimizer = optim.SGD([p, q], lr=0.1)
    q.data.flags.writeable = False
    p.grad = np.ones(2)
    optimizer.step()


@every_optimizer
def test_a_parameter_that_requires_no_gradient_any_more_stays_as_it_is(make):
    parameters = variables((2, 3), (3,), LARGE)
    optimizer = make(parameters)
    give_gradients(parameters, 0)
    optimizer.step()
    for still in parameters[1:]:
        still.requires_grad = False
    before, memory = snapshot(parameters), optimizer.state_dict()
    optimizer.step()
    assert not np.array_equal(parameters[0].data, before[0])
    assert_same(snapshot(parameters[1:]), before[1:])
    for name, x in optimizer.state_dict().items():
        if name.endswith((".1", ".2")):
            np.testing.assert_array_equal(x, memory[name])
    parameters[0].requires_grad = False
    with pytest.raises(RuntimeError, match="no parameter has a gradient"):
        optimizer.step()


def test_two_threads_share_an_optimizer():
    parameters = variables((3,), (2, 2), LARGE)
    before = snapshot(parameters)
    optimizer = optim.SGD(parameters, lr=1.0)
    for p in parameters:
        p.grad = np.ones(p.shape)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: optimizer.step(), range(400)))
    finally:
        sys.setswitchinterval(interval)
    assert optimizer.steps == 400
    for p, x in zip(parameters, before, strict=True):
        np.testing.assert_allclose(p.data, x - 400)


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))],  # noqa: S301
)
def test_a_copy_of_an_optimizer_has_a_lock(copied):
    optimizer = copied(optim.Adam(variables((3,), (2,), LARGE)))
    give_gradients(optimizer.parameters, 0)
    optimizer.step()
    assert optimizer.lock.acquire(blocking=False)


# --- groups ---------------------------------------------------------------------------------


def test_groups_have_settings_of_their_own():
    shapes = [(2, 3), (3,), LARGE, (4,)]
    grouped, alone = variables(*shapes), variables(*shapes)
    own = {"lr": 0.5, "momentum": 0.5, "nesterov": True, "weight_decay": [0.1, 0.0]}
    settings = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}
    optimizer = optim.SGD([{"params": grouped[:2], **own}, {"params": grouped[2:]}], **settings)
    optimizers = optim.SGD(alone[:2], **own), optim.SGD(alone[2:], **settings)
    for step in range(3):
        give_gradients(grouped, step)
        give_gradients(alone, step)
        optimizer.step()
        for each in optimizers:
            each.step()
    assert_same(snapshot(grouped), snapshot(alone))
    assert optimizer.parameters == grouped
    assert [group.parameters for group in optimizer.groups] == [grouped[:2], grouped[2:]]
    assert optimizer.groups[0].options == {"lr": 0.5, "momentum": 0.5, "nesterov": True}
    assert optimizer.groups[1].options == {}


def test_the_learning_rate_of_a_group_may_be_a_schedule_and_may_change():
    w, b = (tg.Tensor([0.0], requires_grad=True) for _ in range(2))
    halved = optim.exponential_decay(1.0, 0.5)
    optimizer = optim.SGD([{"params": [w], "lr": halved}, {"params": [b]}], lr=10.0)
    w.grad = b.grad = np.array([-1.0])
    optimizer.step()
    optimizer.step()
    assert (w.item(), b.item()) == (1.5, 20)
    optimizer.groups[0].options["lr"] = 2
    optimizer.lr = 1
    optimizer.step()
    assert (w.item(), b.item()) == (3.5, 21)
    optimizer.groups[0].options["lr"] = -1
    with pytest.raises(ValueError, match=r"learning rate .* got -1"):
        optimizer.step()


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        (lambda w, b: [{"params": [w]}, b], TypeError, "list of Tensors; got dict"),
        (lambda w, b: [{"params": [w]}, {"params": [w, b]}], ValueError, "came twice"),
        (lambda w, b: [{"params": w}, {"params": [b]}], TypeError, "a group takes a list"),
        (lambda w, b: [{"lr": 0.1}], TypeError, "single NoneType"),  # noqa: ARG005
        (lambda w, b: {"params": [w, b]}, TypeError, "got a single dict"),
        (lambda w, b: [{"params": [w, b], "lr": -1}], ValueError, "learning rate .* got -1"),
        (lambda w, b: [{"params": [w, b], "momentum": 2}], ValueError, "momentum .* got 2"),
        (lambda w, b: [{"params": [w, b], "nesterov": True}], ValueError, "needs a momentum"),
        (lambda w, b: [{"params": [w, b], "weight_decay": [0]}], ValueError, "got 1 of them"),
        (
            lambda w, b: [{"params": [w, b], "eps": 1}],
            ValueError,
            "a group of SGD has params, lr, weight_decay, momentum, nesterov; got .* 'eps'",
        ),
    ],
)
def test_bad_groups_are_refused(groups, error, message):
    with pytest.raises(error, match=message):
        optim.SGD(groups(*variables((2,), (3,))), lr=0.1)


def test_what_an_optimizer_looks_like():
    w, b = variables((2,), (3,))
    assert (
        repr(optim.SGD([w, b], lr=0.1, momentum=0.9)) == "SGD(2 parameters, lr=0.1, momentum=0.9)"
    )
    assert repr(optim.AdamW([w])) == "AdamW(1 parameter, lr=0.001)"
    assert repr(optim.Adam([w], optim.step_decay(1.0, 2))) == "Adam(1 parameter, lr=<schedule>)"
    groups = [{"params": [w]}, {"params": [b], "lr": 1.0}]
    assert repr(optim.RMSprop(groups, weight_decay=0.1)) == (
        "RMSprop(2 parameters in 2 groups, lr=0.01, weight_decay=0.1)"
    )
    assert repr(Careless([w], lr=1.0)) == "Careless(1 parameter, lr=1.0)"


# --- precision --------------------------------------------------------------------------------


@every_optimizer
def test_precisions_are_kept(make):
    parameters = [
        *variables((2, 3), (4,), dtype=np.float32),
        *variables((2, 3), LARGE),
        *variables(LARGE, dtype=np.float32),
    ]
    dtypes = [p.dtype for p in parameters]
    optimizer = make(parameters)
    for step in range(2):
        give_gradients(parameters, step)
        optimizer.step()
    assert [p.dtype for p in parameters] == dtypes


@pytest.mark.parametrize("shape", [(2, 3), LARGE])
def test_a_gradient_of_another_precision_is_cast(shape):
    parameters = variables(shape, shape, dtype=np.float32)
    before = snapshot(parameters)
    for p in parameters:
        p.grad = np.ones(shape)
    optim.SGD(parameters, lr=0.5).step()
    assert_same(snapshot(parameters), [x - np.float32(0.5) for x in before])
    assert {p.dtype for p in parameters} == {np.dtype(np.float32)}


@every_optimizer
def test_a_parameter_without_gradient_stays_with_what_is_remembered_of_it(make):
    parameters = variables((2, 3), (3,), LARGE)
    optimizer = make(parameters)
    give_gradients(parameters, 0)
    optimizer.step()
    for missing in (1, 2):
        before, memory = snapshot(parameters), optimizer.state_dict()
        give_gradients(parameters, 1)
        parameters[missing].zero_grad()
        optimizer.step()
        np.testing.assert_array_equal(parameters[missing].data, before[missing])
        assert not np.array_equal(parameters[0].data, before[0])
        for slot in optimizer.slots:
            name = f"{slot}.{missing}"
            np.testing.assert_array_equal(optimizer.state_dict()[name], memory[name])


@every_optimizer
def test_new_data_are_taken_over(make):
    p, q = variables((2, 3), (3,))
    optimizer = make([p, q])
    give_gradients([p, q], 0)
    optimizer.step()
    p.data = np.full((2, 3), 100.0)
    give_gradients([p, q], 1)
    optimizer.step()
    assert np.all(np.abs(p.data - 100) < 2)


def test_weight_decay_for_each_parameter():
    w, b = variables((2, 3), (3,))
    before = snapshot([w, b])
    w.grad, b.grad = np.zeros((2, 3)), np.zeros(3)
    optim.SGD([w, b], lr=0.5, weight_decay=[0.1, 0.0]).step()
    np.testing.assert_allclose(w.data, before[0] * 0.95)
    np.testing.assert_array_equal(b.data, before[1])


@every_optimizer
@pytest.mark.parametrize("shape", [(2, 3), LARGE])
def test_a_graph_of_before_the_step_raises_instead_of_mixing(make, shape):
    w, x = variables(shape, shape)
    loss = (w * w * x).sum()
    optimizer = make([w, x])
    loss.backward()  # the optimizer was made, but has not moved anything
    optimizer.step()
    with pytest.raises(RuntimeError, match="was given new data"):
        loss.backward()


@pytest.mark.parametrize("shape", [(2, 3), LARGE])
@pytest.mark.parametrize(
    "make",
    [
        lambda ps, x: optim.SGD(ps, lr=x, momentum=x, weight_decay=x),
        lambda ps, x: optim.SGD(ps, lr=lambda _: x, weight_decay=[x, x]),
        lambda ps, x: optim.SGD(ps, lr=np.array(x), weight_decay=np.array([x, x])),
        lambda ps, x: optim.Adagrad(ps, lr=x, eps=x),
        lambda ps, x: optim.RMSprop(ps, lr=x, alpha=x, eps=x, momentum=x),
        lambda ps, x: optim.Adam(ps, lr=x, betas=(x, x), eps=x),
    ],
    ids=["momentum", "schedule", "arrays", "adagrad", "rmsprop", "adam"],
)
def test_a_number_of_numpys_keeps_single_precision(make, shape):
    parameters, twins = (variables(shape, shape, dtype=np.float32) for _ in range(2))
    optimizer, twin = make(parameters, np.float64(0.1)), make(twins, 0.1)
    for step in range(2):
        for each in (optimizer, twin):
            give_gradients(each.parameters, step)
            each.step()
    assert_same(snapshot(parameters), snapshot(twins))
    state = optimizer.state_dict()
    state.pop("steps")
    assert {x.dtype for x in state.values()} == {np.dtype(np.float32)}


class Careless(optim.Optimizer):
    """A rule that somebody else wrote."""

    slots = ("memory",)
    result = staticmethod(lambda p, g, memory: (p - g, memory))

    def update(self, p, g, *state, **_):
        return self.result(p, g, *state)


@pytest.mark.parametrize(
    "result",
    [
        lambda p, g, _: p - g,
        lambda p, g, _: (p - g,),
        lambda p, g, memory: (p - g, memory, memory),
        lambda p, g, memory: ((p - g).sum(), memory),
        lambda p, g, memory: (p - g, memory[:1]),
    ],
    ids=["no tuple", "no state", "too many", "a number", "state too short"],
)
@pytest.mark.parametrize("shape", [(2, 3), LARGE])
def test_a_rule_that_returns_something_else_changes_nothing(shape, result):
    parameters = variables(shape, (3,))
    optimizer = Careless(parameters, lr=0.1)
    optimizer.result = result
    before, memory = snapshot(parameters), optimizer.state_dict()
    give_gradients(parameters, 0)
    with pytest.raises(ValueError, match="must return the new values and 1 arrays of state"):
        optimizer.step()
    assert_same(snapshot(parameters), before)
    assert_same(optimizer.state_dict().values(), memory.values())


def test_a_rule_that_computes_in_another_precision():
    parameters = variables((2, 3), LARGE, dtype=np.float32)
    optimizer = Careless(parameters, lr=0.1)
    optimizer.result = lambda p, g, memory: (p - np.float64(0.5) * g, memory + np.float64(1))
    give_gradients(parameters, 0)
    optimizer.step()
    assert {p.dtype for p in parameters} == {np.dtype(np.float32)}
    assert optimizer.state_dict()["memory.1"].dtype == np.float32


@pytest.mark.parametrize("gradient", [[1.0, 1.0], 1.0])
def test_a_gradient_that_is_no_array_is_refused(gradient):
    p, q = variables((2,), (3,))
    before = snapshot([p, q])
    give_gradients([p, q], 0)
    p._grad = gradient  # `p.grad = gradient` refuses it at once
    with pytest.raises(TypeError, match=f"an array or a Tensor; got .*{type(gradient).__name__}"):
        optim.SGD([p, q], lr=0.1).step()
    assert_same(snapshot([p, q]), before)


@pytest.mark.parametrize("shape", [(2, 3), LARGE])
def test_a_complex_gradient_is_refused(shape):
    p, q = variables(shape, (3,))
    before = snapshot([p, q])
    give_gradients([p, q], 0)
    p._grad = p.grad * 1j
    with pytest.raises(TypeError, match="complex128"):
        optim.SGD([p, q], lr=0.1).step()
    assert_same(snapshot([p, q]), before)


@pytest.mark.parametrize("shapes", [[(3,)], [(3,), (2, 2)], [LARGE, (3,)]])
def test_of_a_gradient_that_is_a_tensor_the_values_are_taken(shapes):
    parameters = variables(*shapes)
    before = snapshot(parameters)
    sum((w * w).sum() for w in parameters).backward(create_graph=True)
    assert all(isinstance(p.grad, tg.Tensor) for p in parameters)
    optim.SGD(parameters, lr=0.1, momentum=0.5).step()
    for p, x in zip(parameters, before, strict=True):
        assert type(p.data) is np.ndarray
        np.testing.assert_allclose(p.data, x * 0.8)


@pytest.mark.parametrize("shapes", [[(3,)], [(3,), (2,)], [LARGE]])
def test_a_rule_may_return_what_it_was_given(shapes):
    parameters = variables(*shapes)
    optimizer = Careless(parameters, lr=0.1)
    before = snapshot(parameters)
    for result in (lambda p, g, _: (p - g, p), lambda p, g, _: (p - g, g)):
        optimizer.result = result
        give_gradients(parameters, 0)
        optimizer.step()
        expected = before if optimizer.steps == 1 else [p.grad.copy() for p in parameters]
        for p in parameters:
            p.grad += 1.0  # whose memory is no part of the state
        for i, x in enumerate(expected):
            np.testing.assert_array_equal(optimizer.state_dict()[f"memory.{i}"], x)


@pytest.mark.parametrize("rule", ["sgd", "adagrad", "rmsprop", "adam", "adamw"])
def test_a_rule_changes_nothing_and_runs_on_tensors(rule):
    rng = np.random.default_rng(0)
    function = getattr(optim, rule)
    slots = {"sgd": 1, "adagrad": 1}.get(rule, 2)
    arrays = [rng.uniform(0.5, 1, 3) for _ in range(2 + slots)]
    options = {"lr": 0.1, "weight_decay": 0.1}
    if rule.startswith("adam"):
        options["t"] = 3
    if rule in ("sgd", "rmsprop"):
        options["momentum"] = 0.9
    before = [x.copy() for x in arrays]
    results = function(*arrays, **options)
    assert_same(arrays, before)
    assert len(results) == 1 + slots
    recorded = function(*(tg.Tensor(x, requires_grad=True) for x in arrays), **options)
    for x, y in zip(results, recorded, strict=True):
        assert y.requires_grad
        np.testing.assert_allclose(y.data, x, rtol=1e-15)


# --- nothing, if anything is wrong -----------------------------------------------------------


@every_optimizer
@pytest.mark.parametrize("wrong", [0, 1, 2], ids=["first", "middle", "large"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_changes_nothing(make, wrong, value):
    parameters = variables((2, 3), (3,), LARGE)
    parameters[wrong].name = "the culprit"
    optimizer = make(parameters)
    give_gradients(parameters, 0)
    optimizer.step()
    before, memory = snapshot(parameters), optimizer.state_dict()
    give_gradients(parameters, 1)
    parameters[wrong].grad.flat[1] = value
    with (
        np.errstate(all="ignore"),
        pytest.raises(FloatingPointError, match=f"the gradient of the culprit .* is {value} at"),
    ):
        optimizer.step()
    assert_same(snapshot(parameters), before)
    assert_same(optimizer.state_dict().values(), memory.values())
    give_gradients(parameters, 1)
    optimizer.step()  # and it can go on


def test_a_step_into_infinity_changes_nothing():
    p, q = variables((3,), LARGE)
    before = snapshot([p, q])
    give_gradients([p, q], 0)
    q.grad[0, 0] = 1e300
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="learning rate below"):
        optim.SGD([p, q], lr=1e100).step()
    assert_same(snapshot([p, q]), before)


@pytest.mark.parametrize("shape", [(3,), (1, 3), ()])
def test_a_gradient_of_another_shape_changes_nothing(shape):
    p, q = variables((2, 2), (2, 3))
    before = snapshot([p, q])
    give_gradients([p, q], 0)
    q._grad = np.zeros(shape)
    with pytest.raises(ValueError, match=r"of shape \(2, 3\) must have that shape; got"):
        optim.SGD([p, q], lr=0.1).step()
    assert_same(snapshot([p, q]), before)


def test_no_gradient_at_all():
    optimizer = optim.SGD(variables((2,)), lr=0.1)
    with pytest.raises(RuntimeError, match="call backward"):
        optimizer.step()
    assert optimizer.steps == 0


# --- state --------------------------------------------------------------------------------------


@every_optimizer
def test_going_on_from_a_saved_state_is_the_same_bit_for_bit(make):
    def steps(optimizer, seeds):
        for seed in seeds:
            give_gradients(optimizer.parameters, seed)
            optimizer.step()

    shapes = [(2, 3), (3,), LARGE]
    first = make(variables(*shapes))
    steps(first, range(3))
    second = make([tg.Tensor(p.data, requires_grad=True) for p in first.parameters])
    second.load_state_dict(first.state_dict())
    steps(first, range(3, 6))
    steps(second, range(3, 6))
    assert second.steps == 6
    assert_same(snapshot(second.parameters), snapshot(first.parameters))


@every_optimizer
def test_going_on_after_pickling_is_the_same_bit_for_bit(make):
    first = make(variables((2, 3), (3,), LARGE))
    give_gradients(first.parameters, 0)
    first.step()
    second = pickle.loads(pickle.dumps(first))  # noqa: S301 - our own
    for optimizer in (first, second):
        give_gradients(optimizer.parameters, 1)
        optimizer.step()
    assert_same(snapshot(second.parameters), snapshot(first.parameters))


def test_a_state_is_a_copy():
    optimizer = optim.SGD(variables((2, 3), LARGE), lr=0.1, momentum=0.9)
    state = optimizer.state_dict()
    for array in state.values():
        array[...] = 7
    assert not any(x.any() for x in optimizer.state_dict().values())


def test_a_state_that_does_not_fit_is_refused_whole():
    adam = optim.Adam(variables((2, 3), (3,)))
    give_gradients(adam.parameters, 0)
    adam.step()
    before = adam.state_dict()
    wrong = dict(before, **{"mean.0": np.zeros((3, 2)), "velocity.0": np.zeros((2, 3))})
    del wrong["square.1"]
    with pytest.raises(ValueError, match="does not fit") as caught:
        adam.load_state_dict(wrong)
    for part in (
        "misfit      mean.0: expected (2, 3) float64, got (3, 2) float64",
        "missing     square.1: (3,) float64",
        "unexpected  velocity.0",
    ):
        assert part in str(caught.value)
    assert_same(adam.state_dict().values(), before.values())


@pytest.mark.parametrize(
    "change",
    [
        {"square.1": np.array(["a", "b", "c"])},
        {"square.1": np.full(3, 1j)},
        {"square.1": [[1], [2, 3]]},
        {"steps": -1},
        {"steps": np.nan},
    ],
)
def test_a_state_of_something_else_is_refused_whole(change):
    adam = optim.Adam(variables((2, 3), (3,)))
    before = adam.state_dict()
    other = {name: x + 1 for name, x in before.items()}
    with pytest.raises(ValueError, match=r"does not fit|must not be negative"):
        adam.load_state_dict(other | change)
    assert_same(adam.state_dict().values(), before.values())
    with pytest.raises(TypeError, match=r"a mapping of names to arrays.*got list"):
        adam.load_state_dict([1, 2])


def test_a_negative_number_of_steps_is_named_with_the_rest():
    adam = optim.Adam(variables((2, 3)))
    state = adam.state_dict() | {"steps": -1, "square.0": np.zeros(2)}
    with pytest.raises(ValueError, match="fit this Adam") as caught:
        adam.load_state_dict(state)
    assert "misfit      steps: the number of steps must not be negative; got -1" in str(
        caught.value
    )
    assert "misfit      square.0: expected (2, 3) float64, got (2,)" in str(caught.value)


# --- clipping and schedules ------------------------------------------------------------------


@given(max_norm=st.floats(0.01, 10), seed=st.integers(0, 100))
def test_clipping_by_norm(max_norm, seed):
    parameters = variables((2, 3), (3,), ())
    give_gradients(parameters, seed)
    parameters[1].zero_grad()
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = np.linalg.norm(np.concatenate(gradients, axis=None))
    assert optim.clip_by_norm(parameters, max_norm) == pytest.approx(norm)
    clipped = [p.grad for p in parameters if p.grad is not None]
    assert np.linalg.norm(np.concatenate(clipped, axis=None)) <= max_norm * (1 + 1e-12) or (
        norm <= max_norm
    )
    for g, c in zip(gradients, clipped, strict=True):  # the direction is kept
        np.testing.assert_allclose(c, g * min(1, max_norm / norm))


@pytest.mark.parametrize(
    ("entries", "dtype", "norm"),
    [
        ([300.0, 0.0], np.float16, 300),
        ([6e4, 6e4], np.float16, 6e4 * 2**0.5),
        ([1e-6, 0.0], np.float16, 1e-6),
        ([3e20, 4e20], np.float32, 5e20),
        ([3e-30, 4e-30], np.float32, 5e-30),
        ([3e200, -4e200], np.float64, 5e200),
        ([3e-200, -4e-200], np.float64, 5e-200),
        ([0.0, 0.0], np.float32, 0),
    ],
)
@pytest.mark.parametrize("fraction", [1e-8, 1e-3, 2.0])
def test_clipping_by_norm_of_very_large_and_small_gradients(entries, dtype, norm, fraction):
    (p,) = variables((2,), dtype=dtype)
    p.grad = g = np.array(entries, dtype)
    tolerance = 0.05 if dtype == np.float16 and norm < 1e-3 else 3 * float(np.finfo(dtype).eps)
    assert optim.clip_by_norm([p], fraction * norm) == pytest.approx(norm, rel=tolerance)
    assert p.grad.dtype == dtype
    expected = (g.astype(np.float64) * min(1.0, fraction)).astype(dtype)
    np.testing.assert_allclose(
        p.grad, expected, rtol=tolerance, atol=np.finfo(dtype).smallest_subnormal
    )


def test_clipping_at_infinity_measures_only():
    (p,) = variables((2,))
    p.grad = np.array([3.0, 4.0])
    assert optim.clip_by_norm([p], np.inf) == 5
    np.testing.assert_array_equal(p.grad, [3.0, 4.0])


def test_clipping_refuses_nan_and_changes_nothing():
    p, q = variables((2,), (2,))
    give_gradients([p, q], 0)
    p.grad[0] = np.nan
    before = [p.grad.copy(), q.grad.copy()]
    with pytest.raises(FloatingPointError, match="cannot be clipped"):
        optim.clip_by_norm([p, q], 0.1)
    assert_same([p.grad, q.grad], before)


def test_a_schedule_goes_on_after_its_end():
    assert optim.cosine_decay(1.0, 4, final=0.25)(9) == 0.25
    assert optim.warm_up(optim.exponential_decay(1.0, 0.5), 2)(3) == 0.125
    assert optim.warm_up(1.0, 4)(0) == 0.25


def test_a_schedule_sets_the_rate_of_each_step():
    (w,) = variables((1,))
    w.data = np.zeros(1)
    optimizer = optim.SGD([w], lr=optim.step_decay(1.0, every=2, factor=0.5))
    seen = []
    for _ in range(5):
        seen.append(optimizer.learning_rate)
        w.grad = np.array([-1.0])
        optimizer.step()
    assert seen == [1, 1, 0.5, 0.5, 0.25]
    assert w.data == [3.25]


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda _: optim.SGD([], lr=0.1), ValueError, "at least one parameter"),
        (lambda w: optim.SGD([w, w], lr=0.1), ValueError, "came twice"),
        (lambda w: optim.SGD([w.data], lr=0.1), TypeError, "list of Tensors; got ndarray"),
        (lambda w: optim.SGD(w, lr=0.1), TypeError, "got a single Tensor"),
        (lambda _: optim.SGD(tg.nn.Linear(2, 1), lr=0.1), TypeError, r"pass its \.parameters\(\)"),
        (
            lambda w: optim.SGD([w], lr="0.1"),
            TypeError,
            "rate must be a number; got '0.1'",
        ),
        (lambda w: optim.SGD([w], lr=np.ones(2)), TypeError, r"number; got array\(\[1., 1.\]\)"),
        (lambda w: optim.SGD([w], lr=1j), TypeError, "learning rate must be a number; got 1j"),
        (lambda w: optim.SGD([w], lr=0.1, momentum=None), TypeError, "number; got None"),
        (lambda w: optim.SGD([w], lr=0.1, weight_decay="1"), TypeError, "number; got '1'"),
        (lambda w: optim.SGD([w * 2], lr=0.1), ValueError, "must be a leaf"),
        (lambda w: optim.SGD([w.detach()], lr=0.1), ValueError, "requires a gradient"),
        (lambda w: optim.SGD([w], lr=-0.1), ValueError, "learning rate .* got -0.1"),
        (lambda w: optim.SGD([w], lr=np.nan), ValueError, "learning rate .* got nan"),
        (lambda w: optim.SGD([w], lr=0.1, momentum=1.5), ValueError, "momentum .* got 1.5"),
        (lambda w: optim.SGD([w], lr=0.1, nesterov=True), ValueError, "needs a momentum"),
        (lambda w: optim.SGD([w], lr=0.1, weight_decay=-1), ValueError, "decay .* got -1"),
        (lambda w: optim.SGD([w], lr=0.1, weight_decay=[0, 0]), ValueError, "got 2 of them"),
        (lambda w: optim.Adam([w], betas=(0.9, 2)), ValueError, r"betas\[1\] .* got 2"),
        (lambda w: optim.Adam([w], betas=(1.0, 0.9)), ValueError, r"betas\[0\] .* below 1; got 1"),
        (lambda w: optim.Adam([w], betas=(0.9,)), ValueError, r"two numbers; got \(0.9,\)"),
        (lambda w: optim.Adam([w], betas=0.9), ValueError, "two numbers; got 0.9"),
        (lambda w: optim.RMSprop([w], alpha=-1), ValueError, "alpha .* got -1"),
        (lambda w: optim.Adagrad([w], eps=-1), ValueError, "eps .* got -1"),
        (lambda _: optim.cosine_decay(0.1, 0), ValueError, "steps must be at least 1"),
        (lambda _: optim.step_decay(0.1, 2.5), TypeError, "every must be an integer; got 2.5"),
        (lambda _: optim.step_decay("1", 2), TypeError, "learning rate must be a number; got '1'"),
        (lambda _: optim.exponential_decay(0.1, -1), ValueError, "factor .* got -1"),
        (lambda _: optim.cosine_decay(0.1, 2, -1), ValueError, "final .* got -1"),
        (lambda _: optim.warm_up(-2, 2), ValueError, "learning rate .* got -2"),
        (lambda w: optim.clip_by_norm(w, 1.0), TypeError, "clip_by_norm .* got a single Tensor"),
        (lambda w: optim.clip_by_value([w.data], 1.0), TypeError, "clip_by_value .* got ndarray"),
        (lambda w: optim.clip_by_norm([w], -1), ValueError, "max_norm .* got -1"),
        (lambda w: optim.clip_by_value([w], -1), ValueError, "limit .* got -1"),
    ],
)
def test_bad_input_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make(*variables((2,)))


def test_a_schedule_below_zero_is_refused_before_anything_changes():
    (w,) = variables((2,))
    before = w.data.copy()
    optimizer = optim.SGD([w], lr=lambda _: -1.0)
    w.grad = np.ones(2)
    with pytest.raises(ValueError, match=r"of the schedule .* got -1"):
        optimizer.step()
    np.testing.assert_array_equal(w.data, before)
