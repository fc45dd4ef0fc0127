"""Training: the loop is the one written by hand, and its reports are true."""

import copy
import inspect
import os
import pickle
import signal
import subprocess
import sys
import threading
from functools import partial

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import optim, training
from tinygrad_edu.debugging import unit_health
from tinygrad_edu.training import Epoch, loop

X = np.random.default_rng(0).normal(size=(30, 2))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
ONE_HOT = np.eye(2)[Y]


def network(seed=0, sizes=(2, 5, 2), activation="tanh"):
    return tg.nn.MLP(sizes, activation, rng=seed)


def values(model):
    return [p.data.copy() for p in model.parameters()]


def assert_same(found, expected):
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_array_equal(x, y)


def with_defaults(train):
    """Let a test give the model, and of the other arguments only what it is about."""

    def run(model, x=X, y=Y, *, lr=0.1, loss=tg.softmax_cross_entropy, **options):
        options = {"epochs": 3, "progress": False, "rng": 0} | options
        optimizer = options.pop("optimizer", None) or optim.SGD(model.parameters(), lr=lr)
        return train(model, x, y, loss=loss, optimizer=optimizer, **options)

    return run


train, train_epochs = with_defaults(tg.train), with_defaults(tg.train_epochs)


pytestmark = pytest.mark.usefixtures("python_handles_ctrl_c")


def step_by_hand(model, x, y, lr=0.1):
    model.zero_grad()
    tg.softmax_cross_entropy(model(x), y).backward()
    for p in model.parameters():
        p.data = p.data - lr * p.grad


# --- the loop ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [None, 1, 7, 30, 1000])
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_loop_is_that_written_by_hand(size, shuffle):
    model, twin = network(), network()
    train(model, batch_size=size, shuffle=shuffle, rng=3)
    rng = np.random.default_rng(3)
    for _ in range(3):
        order = np.arange(30)
        if shuffle and size is not None and size < 30:
            order = rng.permutation(30)
        for batch in np.split(order, range(size or 30, 30, size or 30)):
            step_by_hand(twin, X[batch], Y[batch])
    assert_same(values(model), values(twin))


def test_the_same_seed_gives_the_same_bits_and_another_one_others():
    histories, models = [], []
    for seed in (1, 1, 2):
        models.append(network())
        histories.append(train(models[-1], batch_size=4, rng=seed))
    assert histories[0].epochs == histories[1].epochs
    assert_same(values(models[0]), values(models[1]))
    assert histories[0]["loss"] != histories[2]["loss"]


def test_a_model_may_be_a_function():
    w = tg.Tensor(np.zeros((2, 2)), requires_grad=True, name="w")
    b = tg.Tensor(np.zeros(2), requires_grad=True)
    optimizer = optim.SGD([w, b], lr=0.5)
    reports = [*train_epochs(lambda x: tg.linear(x, w, b), optimizer=optimizer)]
    assert reports[-1].loss < reports[0].loss
    assert [*reports[-1].update_size] == ["w", "parameter 2"]


def test_parameters_of_one_name_are_told_apart():
    first, second = tg.nn.Linear(2, 3, "tanh", rng=0), tg.nn.Linear(3, 2, rng=1)
    optimizer = optim.SGD([*first.parameters(), *second.parameters()], lr=0.1)
    report = [*train_epochs(lambda x: second(first(x)), optimizer=optimizer)][-1]
    assert [*report.update_size] == [*report.gradient_norm] == ["W", "b", "W (2)", "b (2)"]
    assert report.gradient_norm["W"] != report.gradient_norm["W (2)"]


def test_a_module_behaves_as_in_training_only_during_the_steps():
    model = tg.nn.Sequential(network(), tg.nn.Dropout(0.5, rng=0))
    seen = []

    def loss(outputs, y):
        seen.append((model.training, outputs.requires_grad))
        return tg.softmax_cross_entropy(outputs, y)

    for _ in train_epochs(model, loss=loss, epochs=1, health=False):
        assert not model.training
    assert seen == [(False, False), (True, True), (False, False)]  # nothing is recorded in vain


def test_gradients_are_clipped():
    model, twin = network(), network()
    report = [*train_epochs(model, clip_norm=0.01, epochs=1)][-1]
    before = values(twin)
    step_by_hand(twin, X, Y)
    gradients = np.concatenate([p.grad.ravel() for p in twin.parameters()])
    assert np.linalg.norm(gradients) > 0.01
    assert np.linalg.norm([*report.gradient_norm.values()]) == pytest.approx(0.01)
    for p, old, q in zip(model.parameters(), before, twin.parameters(), strict=True):
        expected = old - 0.1 * q.grad * 0.01 / np.linalg.norm(gradients)
        np.testing.assert_allclose(p.data, expected)


# --- several inputs -----------------------------------------------------------------------------


class TwoInputs(tg.nn.Module):
    """A network that is given the columns of X by themselves."""

    def __init__(self):
        self.network = network()

    def forward(self, left, right):
        return self.network(np.concatenate([left, right], axis=1))


COLUMNS = X[:, :1], X[:, 1:]


def test_a_model_of_several_inputs_learns_as_one_of_a_single_input():
    model, twin = TwoInputs(), network()
    options = {"batch_size": 4, "patience": 5}
    history = train(model, COLUMNS, validation=(COLUMNS, 1 - Y), **options)
    expected = train(twin, validation=(X, 1 - Y), **options)
    assert_same(values(model), values(twin))
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        assert history[name] == expected[name]
    for name in ("dead", "saturated"):
        assert [*history[name].values()] == [*expected[name].values()]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            (X, X[1:]),
            r"got shapes \(30, 2\), \(29, 2\) and \(30,\) \(x is a tuple, so each item is an input",
        ),
        ((X, X * np.inf), r"^x\[1\] must be finite; got -?inf at \(0, 0\)"),
        (tuple(range(30)), "x is a tuple, so each item is an input of the model"),
        ((), r"at least 1; got shapes \(0,\) and \(30,\)"),
    ],
)
def test_bad_input_among_several_is_refused(x, message):
    with pytest.raises(ValueError, match=message):
        train_epochs(TwoInputs(), x)


def test_a_list_is_a_single_input():
    assert train(network(), X.tolist(), Y.tolist()).epochs == train(network()).epochs


# --- batches --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 4, 30, 100])
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_hold_each_sample_once_and_belong_together(size, shuffle):
    taken = [*tg.batches(X, Y, np.arange(30), batch_size=size, shuffle=shuffle, rng=0)]
    sizes = [len(numbers) for _, _, numbers in taken]
    assert sizes == [min(size, 30 - start) for start in range(0, 30, size)]
    order = np.concatenate([numbers for *_, numbers in taken])
    assert sorted(order) == [*range(30)]
    assert np.array_equal(order, np.arange(30)) == (not shuffle or size >= 30)
    for x, y, numbers in taken:
        assert_same((x, y), (X[numbers], Y[numbers]))


def test_batches_are_drawn_from_the_source_of_randomness_that_is_given():
    def order(rng):
        return [x.tolist() for (x,) in tg.batches(range(30), batch_size=4, rng=rng)]

    assert order(0) == order(0) != order(1)
    rng = np.random.default_rng(0)
    assert order(rng) == order(0) != order(rng)
    assert order(None) != order(None)
    assert order(np.random.RandomState(0)) != order(0)


def test_batches_of_anything_with_a_first_axis():
    names, tensors = ["a", "b", "c"], tg.Tensor([1.0, 2.0, 3.0])
    taken = [*tg.batches(names, tensors, batch_size=2, shuffle=False)]
    assert [(x.tolist(), y.tolist()) for x, y in taken] == [
        (["a", "b"], [1.0, 2.0]),
        (["c"], [3.0]),
    ]
    assert not [*tg.batches([], batch_size=3)]


@pytest.mark.parametrize(
    ("arrays", "options", "error", "message"),
    [
        ((X, Y[:3]), {}, ValueError, r"of the same length .* got shapes \(30, 2\) and \(3,\)"),
        ((X, 3.0), {}, ValueError, r"got shapes \(30, 2\) and \(\)"),
        ((3.0,), {}, ValueError, r"got shape \(\)$"),
        ((), {}, ValueError, "takes one or more arrays"),
        ((X,), {"batch_size": 0}, ValueError, "batch_size must be at least 1; got 0"),
        ((X,), {"batch_size": 2.5}, TypeError, "batch_size must be an integer; got 2.5"),
        ((X,), {"rng": "a"}, TypeError, "rng"),
    ],
)
def test_what_gives_no_batches_is_refused_at_once(arrays, options, error, message):
    with pytest.raises(error, match=message):
        tg.batches(*arrays, **{"batch_size": 3} | options)


# --- the reports --------------------------------------------------------------------------------


def test_reports_come_before_the_training_and_after_each_epoch():
    assert [r.epoch for r in train_epochs(network(), epochs=4)] == [0, 1, 2, 3, 4]
    assert [r.epoch for r in train_epochs(network(), epochs=7, every=3)] == [0, 3, 6, 7]


def test_train_returns_the_reports_of_train_epochs():
    model, twin = network(), network()
    options = {"batch_size": 4, "validation": (X, Y), "every": 2, "epochs": 5, "patience": 3}
    history = train(model, **options)
    assert history.epochs == [*train_epochs(twin, **options)]
    assert_same(values(model), values(twin))
    by_generator = tg.History(train_epochs(network(), **options))
    assert (by_generator.epochs, by_generator.stopped) == (history.epochs, history.stopped)


def test_train_and_train_epochs_take_the_same_arguments():
    signatures = [inspect.signature(f).parameters for f in (tg.train, tg.train_epochs)]
    assert [*signatures[0].values()] == [*signatures[1].values()]


def test_nothing_happens_before_the_first_report_is_asked_for():
    model = network()
    before = values(model)
    reports = train_epochs(model)
    next(reports)
    assert_same(values(model), before)
    next(reports)
    assert not np.array_equal(values(model)[0], before[0])


def test_a_report_is_about_the_model_as_it_is_now():
    model, others = network(), (X[:7] + 0.1, Y[:7])
    for report in train_epochs(model, batch_size=4, validation=others):
        for (x, y), loss, accuracy in (
            ((X, Y), report.loss, report.accuracy),
            (others, report.validation_loss, report.validation_accuracy),
        ):
            outputs = model(x)
            assert loss == tg.softmax_cross_entropy(outputs, y).item()
            assert accuracy == np.mean(outputs.data.argmax(axis=1) == y)


def test_norms_of_gradients_and_updates():
    model, twin = network(), network()
    optimizer = optim.SGD(model.parameters(), lr=lambda step: 0.1 / (step + 1))
    first, _, report = train_epochs(
        model, epochs=2, batch_size=10, shuffle=False, optimizer=optimizer
    )
    for step, start in enumerate((0, 10, 20, 0, 10, 20)):
        if step == 3:
            before, squares = values(twin), []
        step_by_hand(twin, X[start : start + 10], Y[start : start + 10], lr=0.1 / (step + 1))
        if step >= 3:
            squares.append([np.sum(p.grad**2) for p in twin.parameters()])
    names = [name for name, _ in model.named_parameters()]
    assert [*report.gradient_norm] == [*report.update_size] == names
    np.testing.assert_allclose(
        [*report.gradient_norm.values()], np.sqrt(np.mean(squares, axis=0)), rtol=1e-12
    )
    changes = [np.linalg.norm(new - old) for new, old in zip(values(twin), before, strict=True)]
    np.testing.assert_allclose([*report.update_size.values()], changes, rtol=1e-12)
    assert first.gradient_norm == first.update_size == {}
    assert (first.learning_rate, report.learning_rate) == (0.1, 0.1 / 7)


def test_dead_and_saturated_units_are_reported_by_layer():
    model = network(sizes=(2, 4, 4, 2), activation="relu")
    model.layers[1].b.data = np.array([-100.0, 0.0, 0.0, 0.0])
    first = next(train_epochs(model))
    assert [*first.dead] == [*first.saturated] == ["layers.0", "layers.1"]
    health = unit_health(model, X)
    assert first.dead == {name: layer.dead for name, layer in health.items()}
    assert first.saturated == {name: layer.saturated for name, layer in health.items()}
    assert first.dead["layers.1"] >= 1 / 4
    assert next(train_epochs(model, health=False)).dead == {}


@pytest.mark.parametrize(
    ("loss", "sizes", "y"),
    [
        (tg.softmax_cross_entropy, (2, 2), Y),
        (tg.softmax_cross_entropy, (2, 2), ONE_HOT),
        (partial(tg.softmax_cross_entropy, reduction="sum"), (2, 2), Y),
        (tg.sigmoid_cross_entropy, (2, 1), Y[:, None]),
        (lambda p, y: tg.binary_cross_entropy(tg.sigmoid(p), y), (2, 1), Y[:, None]),
    ],
    ids=["indices", "one-hot", "sum", "logits", "custom"],
)
def test_the_accuracy_is_known_for_the_cross_entropies(loss, sizes, y):
    model = network(sizes=sizes)
    scores = model(X).data
    labels = scores.argmax(axis=1) if sizes[1] == 2 else (scores > 0).ravel()
    custom = partial(lambda z, y: float(np.mean((z > 0) == y))) if "lambda" in str(loss) else None
    assert next(train_epochs(model, y=y, loss=loss, accuracy=custom)).accuracy == np.mean(
        labels == Y
    )


def test_the_accuracy_of_probabilities_and_of_a_regression():
    model = tg.nn.MLP([2, 1], output="sigmoid", rng=0)
    report = next(train_epochs(model, y=Y[:, None], loss=tg.binary_cross_entropy))
    assert report.accuracy == np.mean((model(X).data > 0.5).ravel() == Y)
    report = next(train_epochs(network(sizes=(2, 1)), y=X[:, :1], loss=tg.mean_squared_error))
    assert report.accuracy is None


# --- ends -----------------------------------------------------------------------------------------


def test_an_early_stop_leaves_the_model_at_its_best():
    model, best, losses = network(), None, []
    wrong_labels = np.where(np.arange(30) < 10, 1 - Y, Y)
    reports = train_epochs(model, lr=1.0, epochs=500, patience=3, validation=(X, wrong_labels))
    for report in reports:
        losses.append(report.validation_loss)
        if losses[-1] == min(losses):
            best = values(model)
    assert 5 < losses.index(min(losses)) == len(losses) - 4
    assert_same(values(model), best)
    assert train(model, epochs=500, patience=1, lr=5.0).stopped == "stopped early"


def test_without_an_early_stop_the_best_is_taken_as_well():
    model = network()
    history = train(model, lr=8.0, epochs=20, patience=1000)
    assert history.stopped == "finished"
    assert 0 < np.argmin(history["loss"]) < 20
    assert tg.softmax_cross_entropy(model(X), Y).item() == min(history["loss"])


def test_a_loss_that_stays_the_same_has_not_become_smaller():
    history = train(network(), lr=0.0, epochs=50, patience=4)
    assert history.stopped == "stopped early"
    assert history["epoch"] == [0, 1, 2, 3, 4]


@pytest.fixture(params=["train", "train_epochs"])
def trained(request):
    """Return the history of a training, by the one function or by the other."""
    if request.param == "train":
        return train
    return lambda *args, **options: tg.History(train_epochs(*args, **options))


def interrupt_at(step, times=1):
    """A loss at whose so-manieth call Ctrl-C is pressed."""
    calls = []

    def loss(outputs, y):
        calls.append(len(y))
        for _ in range(times if len(calls) == step else 0):
            os.kill(os.getpid(), signal.SIGINT)
        return tg.softmax_cross_entropy(outputs, y)

    return loss


def test_ctrl_c_waits_for_the_step_and_keeps_what_was_learned(trained):
    model, twin = network(), network()
    loss = interrupt_at(1 + 3 + 1 + 2)  # report, first epoch, report, second step
    history = trained(model, loss=loss, batch_size=10, shuffle=False, epochs=50)
    for start in (0, 10, 20, 0, 10):
        step_by_hand(twin, X[start : start + 10], Y[start : start + 10])
    assert history.stopped == "interrupted"
    assert history["epoch"] == [0, 1, 2]
    assert_same(values(model), values(twin))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_after_ctrl_c_there_is_a_report_whatever_the_interval(trained):
    history = trained(network(), loss=interrupt_at(4), every=10, epochs=50)
    assert history.stopped == "interrupted"
    assert history["epoch"] == [0, 3]


def test_ctrl_c_leaves_the_model_at_its_best_if_that_is_wanted(trained):
    model, other_labels = network(), (X, 1 - Y)  # the better it learns, the worse on these
    before = values(model)
    options = {"validation": other_labels, "patience": 100, "epochs": 50}
    history = trained(model, loss=interrupt_at(8), **options)
    assert history.stopped == "interrupted"
    assert history["validation_loss"][0] < history["validation_loss"][-1]
    assert_same(values(model), before)


def test_ctrl_c_twice_does_not_wait(trained):
    with pytest.raises(KeyboardInterrupt):
        trained(network(), loss=interrupt_at(3, times=2))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_between_the_epochs_of_train_waits_as_well(monkeypatch):
    class Pressed(tg.History):
        def append(self, epoch):
            super().append(epoch)
            if epoch.epoch == 2:
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop, "History", Pressed)
    history = train(network(), epochs=50)
    assert history.stopped == "interrupted"
    assert history["epoch"] == [0, 1, 2]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_ends_a_training_within_a_training_and_the_outer_one():
    inner = []

    def accuracy(*_):
        inner.append(train(network(), loss=interrupt_at(4), epochs=50))
        return 0.0

    outer = train(network(), accuracy=accuracy, epochs=50)
    assert [history["epoch"] for history in (outer, *inner)] == [[0], [0, 1, 2]]
    assert {history.stopped for history in (outer, *inner)} == {"interrupted"}


def test_between_the_epochs_of_train_epochs_ctrl_c_is_as_always():
    for _ in train_epochs(network()):
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_someone_else_is_left_alone(trained):
    def theirs(*_):
        pass

    signal.signal(signal.SIGINT, theirs)
    try:
        trained(network(), loss=interrupt_at(3))
        assert signal.getsignal(signal.SIGINT) is theirs
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_it_works_in_a_thread(trained):
    histories = []
    thread = threading.Thread(target=lambda: histories.append(trained(network())))
    thread.start()
    thread.join()
    assert histories[0].stopped == "finished"


# --- what goes wrong ----------------------------------------------------------------------------


def test_a_loss_that_is_nan_stops_with_the_operation_that_made_it():
    def loss(p, y):
        return -(y * tg.log(p) + (1 - y) * tg.log(1 - p)).mean()

    model, twin = (tg.nn.MLP([1, 1], output="sigmoid", rng=0) for _ in range(2))
    x = np.array([[1.0], [1000.0]])
    options = {"y": np.ones((2, 1)), "loss": loss, "batch_size": 1, "shuffle": False, "lr": 1.0}
    train(twin, x[:1], **options | {"y": np.ones((1, 1)), "epochs": 1})
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError) as caught:
        train(model, x, **options)
    assert "the loss is nan, in epoch 1, step 2; the model is as before" in str(caught.value)
    assert "log made -inf at (0, 0)\n  where its input is 0.0" in str(caught.value)
    assert_same(values(model), values(twin))


def test_a_gradient_that_is_infinite_stops_with_the_operation_that_made_it():
    model = tg.nn.Linear(1, 1, init="zeros")
    optimizer = optim.Adam(model.parameters())
    before, memory = values(model), optimizer.state_dict()
    reports = train_epochs(
        model,
        np.ones((3, 1)),
        np.ones((3, 1)),
        loss=lambda z, _: tg.sqrt(z).sum(),
        optimizer=optimizer,
    )
    with pytest.raises(FloatingPointError) as caught:
        tg.History(reports)
    for part in ("the gradient of W", "in epoch 1, step 1", "it comes from sqrt("):
        assert part in str(caught.value)
    assert_same(values(model), before)
    assert_same(optimizer.state_dict().values(), memory.values())


def test_a_diverging_training_stops_and_can_be_used():
    model = network(sizes=(2, 4, 1), activation="relu")
    with pytest.raises(FloatingPointError, match="the model is as before this step"):
        train(model, y=100 * X[:, :1], loss=tg.mean_squared_error, lr=1e3, epochs=1000)
    assert all(np.isfinite(p.data).all() for p in model.parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": Y[:-1]}, r"the same length, at least 1; got shapes \(30, 2\) and \(29,\)"),
        ({"x": X[:0], "y": Y[:0]}, "at least 1"),
        (
            {"x": np.where(X.max() == X, np.nan, X)},
            r"^x must be finite; got nan at \(\d+, \d\)",
        ),
        ({"y": np.where(Y, np.inf, 0.0)}, r"^y must be finite; got inf at \(\d+,\)"),
        ({"x": X.astype(object)}, "^x must be numbers; got dtype object"),
        ({"y": Y.astype(str)}, "^y must be numbers; got dtype <U"),
        ({"x": [[1.0], [2.0, 3.0]]}, "^x is no array of numbers"),
        ({"validation": (X, Y[:3])}, "validation samples and the validation targets must have"),
        ({"validation": (X * np.inf, Y)}, "^the validation samples must be finite"),
        ({"y": Y + 1}, "class indices must lie in 0 to 1"),
        ({"epochs": 0}, "epochs must be at least 1; got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1; got 0"),
        ({"patience": 0}, "patience must be at least 1; got 0"),
        ({"every": -1}, "every must be at least 1; got -1"),
        ({"clip_norm": -1.0}, "clip_norm must be finite and not negative; got -1"),
        ({"accuracy": lambda z, _: z}, r"the accuracy must be a single number; got array"),
        ({"accuracy": lambda *_: None}, "the accuracy must be a single number; got None"),
        ({"loss": lambda z, _: z}, r"a single number; got shape \(30, 2\)"),
        ({"loss": lambda *_: 1.0}, "a single number; got float"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(options, message):
    model = network()
    before = values(model)
    with pytest.raises(ValueError, match=message):
        train(model, **options)
    assert_same(values(model), before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 2.5}, "epochs must be an integer; got 2.5"),
        ({"epochs": None}, "epochs must be an integer; got None"),
        ({"batch_size": 2.0}, "batch_size must be an integer; got 2.0"),
        ({"patience": "3"}, "patience must be an integer; got '3'"),
        ({"every": 1.5}, "every must be an integer; got 1.5"),
        ({"clip_norm": "1"}, "clip_norm must be a number; got '1'"),
        ({"validation": X}, "a pair of samples and targets; got ndarray"),
        ({"validation": (X, Y, Y)}, "a pair of samples and targets; got tuple"),
        ({"loss": "mse"}, "the loss must be a function or a module; got 'mse'"),
        ({"optimizer": optim.SGD}, r"as optim.SGD\(model.parameters\(\), lr=0.1\); got <class"),
        ({"optimizer": "adam"}, "made with the parameters to train, .* got 'adam'"),
    ],
)
def test_an_argument_of_another_kind_is_refused_at_once(options, message):
    with pytest.raises(TypeError, match=message):
        train_epochs(network(), **options)  # before the first report is asked for


def test_an_optimizer_of_another_model_says_so():
    model, other = network(), network()
    before = values(model)
    with pytest.raises(RuntimeError, match="on a loss that was computed from them"):
        train(model, optimizer=optim.SGD(other.parameters(), lr=0.1))
    assert_same(values(model), before)


def test_after_an_error_a_module_behaves_as_in_use():
    model = network(sizes=(2, 4, 1), activation="relu")
    with pytest.raises(FloatingPointError):
        train(model, y=100 * X[:, :1], loss=tg.mean_squared_error, lr=1e3, epochs=1000)
    assert not model.training


# --- progress and history ---------------------------------------------------------------------


def test_a_progress_bar_shows_how_it_goes(capsys, monkeypatch):
    tqdm = pytest.importorskip("tqdm.auto").tqdm
    bars = []
    monkeypatch.setattr(loop, "tqdm", lambda **options: bars.append(tqdm(**options)) or bars[0])
    train(network(), progress=True, every=2)
    assert bars[0].n == 3
    shown = capsys.readouterr().err
    assert "training: 100%" in shown
    assert "3/3" in shown
    assert "loss=" in shown


def test_ctrl_c_while_progress_is_shown_keeps_what_was_reported(monkeypatch, trained):
    tqdm = pytest.importorskip("tqdm.auto").tqdm

    class Pressed(tqdm):
        def set_postfix(self, *args, **options):
            super().set_postfix(*args, **options)
            if self.n == 2:
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop, "tqdm", Pressed)
    history = trained(network(), progress=True, epochs=50)
    assert history.stopped == "interrupted"
    assert history["epoch"] == [0, 1, 2, 3]


def test_ctrl_c_while_progress_is_shown_of_an_epoch_without_report(monkeypatch, trained):
    tqdm = pytest.importorskip("tqdm.auto").tqdm

    class Pressed(tqdm):
        def update(self, n=1):
            super().update(n)
            if self.n == 3:
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop, "tqdm", Pressed)
    history = trained(network(), progress=True, epochs=50, every=10)
    assert history.stopped == "interrupted"
    assert history["epoch"] == [0, 4]


def test_without_tqdm_there_is_no_bar(monkeypatch, capsys):
    monkeypatch.setattr(loop, "tqdm", None)
    train(network(), progress=True)
    assert not capsys.readouterr().err


def test_a_history_has_a_list_for_each_quantity():
    history = train(network(), validation=(X, Y))
    assert [*history] == list(training.Epoch._fields)
    assert len(history) == len(training.Epoch._fields)
    assert history["epoch"] == [0, 1, 2, 3]
    assert history["loss"] == history["validation_loss"] == [e.loss for e in history.epochs]
    norms = history["gradient_norm"]["layers.0.W"]
    assert np.isnan(norms[0])
    assert norms[1:] == [e.gradient_norm["layers.0.W"] for e in history.epochs[1:]]
    with pytest.raises(KeyError, match="'los' is not reported; these are: epoch, loss"):
        history["los"]


def test_a_history_leaves_out_what_there_is_not():
    history = train(network(), health=False, loss=lambda z, _: (z * z).mean())
    assert [*history] == ["epoch", "loss", "learning_rate", "gradient_norm", "update_size"]
    for name in ("accuracy", "dead"):
        assert name not in history
        with pytest.raises(KeyError, match=f"'{name}' is not reported; these are: epoch, loss, l"):
            history[name]
    assert not [*tg.History()]
    assert repr(tg.History()) == "History()"


def test_a_history_shows_how_the_training_began_and_how_it_ended():
    history = tg.History([Epoch(0, 0.75, 0.5), Epoch(10, 1 / 3, 0.9, 0.5), Epoch(20, 1e-6, 1.0)])
    assert repr(history).splitlines() == [
        "History of 20 epochs",
        "epoch   loss  accuracy  validation_loss",
        "    0   0.75       0.5                -",
        "   20  1e-06         1                -",
    ]
    assert repr(tg.History([Epoch(12345, np.nan)])).splitlines() == [
        "History of 12345 epochs",
        "epoch  loss",
        "12345   nan",
    ]
    assert repr(train(network(), epochs=1)).startswith("History of 1 epoch, finished\n")
    assert "\n    0  0." in repr(train(network(), epochs=12, lr=0.0, patience=1))


def test_histories_of_a_training_that_was_continued_are_joined():
    model, twin = network(), network()
    first, second = train(model, epochs=2), train(model, epochs=3, every=2)
    joined = first + second
    assert joined["epoch"] == [0, 1, 2, 4, 5]
    assert joined["loss"] == first["loss"] + second["loss"][1:]
    assert joined["loss"][-1] == train(twin, epochs=5)["loss"][-1]
    assert (first["epoch"], second["epoch"]) == ([0, 1, 2], [0, 2, 3])
    second.stopped = "interrupted"
    assert (first + second).stopped == "interrupted"
    assert (first + tg.History()).stopped == "finished"
    for same in (first + tg.History(), tg.History() + first):
        assert same.epochs == first.epochs
        assert same.epochs is not first.epochs
    with pytest.raises(TypeError, match="unsupported operand"):
        first + None


def test_a_history_is_made_of_its_numbers_again(tmp_path):
    first, second = train(network(), epochs=2), train(network(), validation=(X, Y), health=False)
    history = first + second
    tg.save(tmp_path / "file.npz", {"history": history})
    found = tg.History(tg.load(tmp_path / "file.npz")["history"])
    assert found.epochs == history.epochs
    np.testing.assert_equal(dict(found), dict(history))
    assert type(found.epochs[0].epoch) is int
    assert type(found.epochs[0].loss) is float
    assert (found.stopped, (found + train(network())).stopped) == (None, "finished")
    assert tg.History(tg.History()).epochs == tg.History({}).epochs == []


def test_what_some_reports_do_not_have_is_nan_in_a_history():
    history = tg.History([Epoch(0, 0.5), Epoch(1, 0.25, 0.75, validation_loss=0.5)])
    np.testing.assert_equal(history["accuracy"], [np.nan, 0.75])
    np.testing.assert_equal(history["validation_loss"], [np.nan, 0.5])
    assert "validation_accuracy" not in history


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"epoch": [0], "loss": [0.5], "los": [1.0]}, "no numbers of this kind: 'los'"),
        ({"epoch": [0], "loss": {"a": [0.5]}}, "no numbers of this kind: 'loss'"),
        ({"epoch": [0], "loss": [0.5], "dead": [0.0]}, "no numbers of this kind: 'dead'"),
        ({"loss": [0.5]}, "made of the epoch and the loss of each report, .* got loss"),
        ({"epoch": [0, 1], "loss": [0.5]}, "got epoch, loss"),
        ({"epoch": 0, "loss": 0.5}, "got epoch, loss"),
        ({"epoch": [0], "loss": [0.5], "dead": {"a": [0.0, 0.0]}}, "got epoch, loss, dead"),
    ],
)
def test_a_history_is_made_of_nothing_else(columns, message):
    with pytest.raises(ValueError, match=message):
        tg.History(columns)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])  # noqa: S301
def test_a_copy_of_a_history(duplicate):
    history = train(network())
    twin = duplicate(history)
    twin.append(Epoch(4, 0.5))
    assert (twin.epochs[:-1], twin.stopped) == (history.epochs, "finished")


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState])
@pytest.mark.parametrize("stop", [1, 4])
def test_a_training_that_was_saved_goes_on_bit_for_bit(tmp_path, suffix, kind, stop):
    if suffix == "safetensors":
        pytest.importorskip("safetensors")

    def make(seed):
        rng = kind(seed)
        model = tg.nn.Sequential(
            tg.nn.Dropout(0.1, rng=rng), network(seed), tg.nn.Dropout(0.2, rng)
        )
        optimizer = optim.Adam(model.parameters(), lr=optim.cosine_decay(0.05, steps=40))
        return model, optimizer, kind(seed + 1)

    def go(model, optimizer, rng, epochs):
        return train(model, optimizer=optimizer, rng=rng, epochs=epochs, batch_size=7)

    whole = go(*make(0), epochs=6)
    model, optimizer, rng = make(0)
    history = go(model, optimizer, rng, epochs=stop)
    tg.save(
        tmp_path / f"file.{suffix}",
        {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "rng": tg.get_rng_state(rng),
            "history": history,
        },
    )
    model, optimizer, rng = make(5)
    found = tg.load(tmp_path / f"file.{suffix}")
    model.load_state_dict(found["model"])
    optimizer.load_state_dict(found["optimizer"])
    tg.set_rng_state(rng, found["rng"])
    joined = tg.History(found["history"]) + go(model, optimizer, rng, epochs=6 - stop)
    assert joined.epochs == whole.epochs


def test_a_history_holds_reports_only():
    with pytest.raises(TypeError, match="holds reports, each an Epoch; got float"):
        tg.History([0.5, 0.25])


def test_a_history_plots_itself():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    history = train(network(), validation=(X, Y))
    ax = history.plot()
    lines = {line.get_label(): line for axes in ax.figure.axes for line in axes.lines}
    np.testing.assert_array_equal(lines["loss"].get_ydata(), history["loss"])
    assert {"loss", "accuracy", "validation_loss", "validation_accuracy"} <= lines.keys()
    assert history.plot(pyplot.figure().subplots(), names=["loss"]).lines
    pyplot.close("all")


def test_training_does_not_import_what_it_may_do_without():
    code = (
        "import sys, tinygrad_edu as tg; tg.train; tg.nn; tg.optim; tg.save; tg.debug;"
        "sys.exit(any(m in sys.modules for m in ('matplotlib', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_norms_whose_squares_are_too_large():
    w = tg.Tensor(np.ones((2, 1)), requires_grad=True, name="w")
    x = np.full((4, 2), 1e200)
    reports = tg.train_epochs(
        lambda x: x @ w,
        x,
        np.zeros((4, 1)),
        loss=lambda outputs, y: (outputs - y).mean(),
        optimizer=optim.SGD([w], lr=1e-201),
        epochs=1,
        batch_size=2,
        clip_norm=1e200,
        health=False,
        progress=False,
    )
    *_, last = reports
    assert last.gradient_norm["w"] == pytest.approx(1e200)


@pytest.mark.parametrize("compile", [True, "numba"])
@pytest.mark.parametrize("batch_size", [7, 30])
def test_compiled_steps_train_alike(compile, batch_size):  # noqa: A002 - the name of the option
    if compile == "numba":
        pytest.importorskip("numba")
    models = [network(), network()]
    options = {"batch_size": batch_size, "clip_norm": 0.5, "epochs": 4, "validation": (X, Y)}
    eager, compiled = (
        train(model, compile=way, **options)
        for model, way in zip(models, (False, compile), strict=True)
    )
    for p, q in zip(*map(values, models), strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-9, atol=1e-12)
    for name in ("loss", "accuracy", "validation_loss"):
        found, expected = ([getattr(e, name) for e in h.epochs] for h in (compiled, eager))
        np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert all(not epoch.gradient_norm for epoch in compiled.epochs)
    assert compiled.epochs[-1].update_size


def test_compiled_training_of_several_inputs_and_dropout():
    class Model(tg.nn.Module):
        def __init__(self):
            self.first, self.second = tg.nn.Linear(2, 4, rng=0), tg.nn.Linear(2, 4, rng=1)
            self.dropout, self.last = tg.nn.Dropout(0.5, rng=2), tg.nn.Linear(4, 2, rng=3)

        def forward(self, a, b):
            return self.last(self.dropout(tg.tanh(self.first(a) + self.second(b))))

    models = [Model(), Model()]
    for model, way in zip(models, (False, True), strict=True):
        train(model, (X, X * 2), compile=way, batch_size=10)
    for p, q in zip(*map(values, models), strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-10)


def test_a_compiled_training_stops_as_the_other_one():
    def loss(outputs, targets):
        return tg.softmax_cross_entropy(outputs * 1e200 * 1e200, targets)

    for way in (False, True):
        with (
            np.errstate(all="ignore"),
            pytest.raises(FloatingPointError, match="in epoch 1, step 1; the model is as before"),
        ):
            train(network(), loss=loss, compile=way, health=False, accuracy=lambda *_: 0.0)
    with pytest.raises(ValueError, match='compile must be True, False, "numpy" or "numba"'):
        train(network(), compile="jax")
