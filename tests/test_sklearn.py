"""The scikit-learn estimators: the conventions in full, and what only ours can do."""

import os

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.datasets import load_digits, make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.sklearn import OPTIMIZERS, MLPClassifier, MLPRegressor

MOONS = make_moons(200, noise=0.2, random_state=0)
BOTH = pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])


@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


# --- what they learn ---------------------------------------------------------------------------


def test_digits_in_a_pipeline():
    X, X_test, y, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)
    model = make_pipeline(MinMaxScaler(), MLPClassifier(epochs=15, random_state=0))
    assert model.fit(X, y).score(X_test, y_test) > 0.96


def test_classes_may_be_strings():
    X, y = MOONS
    names = np.array(["up", "down"])[y]
    model = MLPClassifier(20, epochs=30, learning_rate=0.02, random_state=0).fit(X, names)
    assert model.classes_.tolist() == ["down", "up"]
    assert model.score(X, names) > 0.93
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(model.classes_[probabilities.argmax(axis=1)], model.predict(X))


def test_several_outputs_of_a_regression():
    X = np.linspace(-1, 1, 100).reshape(-1, 1)
    Y = np.hstack([np.sin(3 * X), X**2])
    model = MLPRegressor(random_state=0, learning_rate=0.01).fit(X, Y)
    assert model.score(X, Y) > 0.99
    assert model.predict(X[:3]).shape == (3, 2)
    assert model.fit(X, Y[:, 0]).predict(X[:3]).shape == (3,)


def test_without_hidden_layers_it_is_a_logistic_regression():
    X, y = MOONS
    ours = MLPClassifier((), epochs=300, learning_rate=0.05, l2=0.0, batch_size=200, random_state=0)
    theirs = LogisticRegression(C=np.inf).fit(X, y)
    np.testing.assert_allclose(ours.fit(X, y).predict_proba(X), theirs.predict_proba(X), atol=0.01)


def convolutional(inputs, outputs, rng):
    return nn.Sequential(
        nn.Conv2d(inputs, 4, 3, stride=2, activation="relu", rng=rng),
        nn.BatchNorm(4),
        nn.Flatten(),
        nn.Dropout(0.1, rng),
        nn.Linear(36, outputs, rng=rng),
    )


def test_a_network_of_the_user_for_images():
    X, y = load_digits(return_X_y=True)
    images = X.reshape(-1, 1, 8, 8)[:600] / 16
    model = MLPClassifier(model=convolutional, epochs=8, learning_rate=0.01, random_state=0)
    scores = cross_val_score(model, images, y[:600], cv=3)
    assert scores.min() > 0.7  # a guess is right once in ten times
    clone(model).fit(images, y[:600])
    fitted = model.fit(images, y[:600])
    assert fitted.n_features_in_ == 1
    np.testing.assert_array_equal(fitted.predict_proba(images), fitted.predict_proba(images))
    with pytest.raises(ValueError, match=r"takes x of shape \(..., 36\)"):
        fitted.predict(images[:, :, :6])
    with pytest.raises(ValueError, match="dim 4"):  # an MLP takes rows
        MLPClassifier(epochs=1).fit(images, y[:600])


def test_a_network_of_the_user_for_a_regression():
    X = np.linspace(-1, 1, 60).reshape(-1, 1, 1)
    y = X[:, 0, 0] ** 2

    def signals(inputs, outputs, rng):
        conv = nn.Conv1d(inputs, 8, 1, activation="tanh", rng=rng)
        return nn.Sequential(conv, nn.Flatten(), nn.Linear(8, outputs, rng=rng))

    model = MLPRegressor(model=signals, learning_rate=0.05, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.98


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, tg.optim.Adam])
def test_every_optimizer_learns(optimizer):
    X, y = MOONS
    model = MLPClassifier(20, optimizer=optimizer, learning_rate=0.02, epochs=30, random_state=0)
    model.fit(X, y)
    assert model.history_["loss"][-1] < 0.6 * model.history_["loss"][0]


@BOTH
def test_the_same_seed_gives_the_same_bits(Estimator):
    first, second = (Estimator(5, epochs=3, random_state=1).fit(*MOONS) for _ in range(2))
    other = Estimator(5, epochs=3, random_state=2).fit(*MOONS)
    for p, q, r in zip(*(m.model_.parameters() for m in (first, second, other)), strict=True):
        np.testing.assert_array_equal(p.data, q.data)
        assert not np.array_equal(p.data, r.data)


@BOTH
def test_learning_on_for_n_epochs_is_learning_for_n_epochs(Estimator):
    X, y = MOONS
    whole = Estimator(5, epochs=4, random_state=0).fit(X, y)
    parts = Estimator(5, random_state=0)
    options = {"classes": [0, 1]} if Estimator is MLPClassifier else {}
    for _ in range(4):
        parts.partial_fit(X, y, **options)
    for p, q in zip(whole.model_.parameters(), parts.model_.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


@BOTH
def test_single_precision_is_kept(Estimator):
    X, y = MOONS
    model = Estimator(5, epochs=2, random_state=0).fit(X.astype(np.float32), y)
    assert {p.dtype for p in model.model_.parameters()} == {np.dtype(np.float32)}
    assert model._outputs(X).dtype == np.float32


@BOTH
def test_the_penalty_acts_on_weights_only(Estimator):
    settings = {"hidden_sizes": 5, "epochs": 20, "optimizer": "sgd", "random_state": 0}
    free = Estimator(l2=0.0, **settings).fit(*MOONS)
    bound = Estimator(l2=1.0, learning_rate=0.1, **settings).fit(*MOONS)
    for layer, other in zip(free.model_.layers, bound.model_.layers, strict=True):
        assert np.linalg.norm(other.W.data) < 0.5 * np.linalg.norm(layer.W.data)
    assert [*bound.optimizer_.blocks[0].weight_decay[[0, 9, 14, -1]]] == [1, 1, 0, 0]


def test_an_early_stop():
    X, y = MOONS
    noise = np.random.default_rng(0).permutation(y)
    model = MLPClassifier(50, epochs=500, learning_rate=0.02, patience=5, random_state=0)
    model.fit(X, noise)
    assert model.history_.stopped == "stopped early"
    assert model.history_["epoch"][-1] < 100


# --- spread over processes -----------------------------------------------------------------------

GRID = {"mlpclassifier__activation": ["tanh", "relu"], "mlpclassifier__hidden_sizes": [(4,), (8,)]}


def search(**options):
    model = make_pipeline(
        StandardScaler(), MLPClassifier(epochs=10, learning_rate=0.02, random_state=0)
    )
    return GridSearchCV(model, GRID, cv=2, **options).fit(*MOONS)


def scores(found):
    return found.cv_results_["mean_test_score"]


def test_a_search_over_processes_finds_the_same():
    alone, spread = search(), search(n_jobs=2)
    np.testing.assert_array_equal(scores(alone), scores(spread))
    assert alone.best_params_ == spread.best_params_
    np.testing.assert_array_equal(alone.predict_proba(MOONS[0]), spread.predict_proba(MOONS[0]))


@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_a_search_over_a_dask_cluster_finds_the_same():
    distributed = pytest.importorskip("distributed")
    import joblib  # noqa: PLC0415 - comes with scikit-learn

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config("dask"),
    ):
        spread = search()
        workers = {*client.run(os.getpid).values()}
        ran_in = cross_val_score(MLPClassifier(4, epochs=1), *MOONS, scoring=lambda *_: os.getpid())
    assert {*ran_in} <= workers
    assert os.getpid() not in workers
    np.testing.assert_array_equal(scores(search()), scores(spread))


def test_cross_validation_and_clones():
    model = clone(MLPClassifier(8, learning_rate=0.02, epochs=20, random_state=0))
    assert cross_val_score(model, *MOONS, cv=3).mean() > 0.8
    assert not hasattr(model, "model_")


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": "rellu"}, "unknown activation 'rellu'; known are identity"),
        ({"init": "kaiming"}, "unknown initializer 'kaiming'; known are zeros"),
        ({"optimizer": "adma"}, "unknown optimizer 'adma'; known are sgd"),
        ({"learning_rate": -1.0}, "learning rate must be finite and not negative; got -1"),
        ({"l2": -1.0}, "weight decay must be finite and not negative; got -1"),
        ({"epochs": 0}, "epochs must be at least 1; got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1; got 0"),
        ({"hidden_sizes": (3, 0)}, "positive integer; got 0"),
        ({"optimizer": ["adam"]}, r"unknown optimizer \['adam'\]; known are sgd"),
        ({"patience": 3, "validation_fraction": 1.5}, "validation_fraction must lie .* got 1.5"),
        ({"patience": 3, "validation_fraction": 0}, "validation_fraction must lie .* got 0"),
    ],
)
@BOTH
def test_a_bad_setting_is_refused(Estimator, settings, message):
    with pytest.raises(ValueError, match=message):
        Estimator(**settings).fit(*MOONS)


def values(model):
    return [p.data.copy() for p in model.model_.parameters()]


def assert_same(found, expected):
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_class_that_was_not_announced():
    X, y = MOONS
    model = MLPClassifier(4)
    with pytest.raises(ValueError, match="needs all classes"):
        model.partial_fit(X, y)
    model.partial_fit(X, y, classes=[0, 1])
    before = values(model)
    with pytest.raises(ValueError, match=r"y has the class 2; known are \[0, 1\]. For others make"):
        model.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match=r"those of the first call, \[0, 1\]; got \[0, 1, 2\]"):
        model.partial_fit(X, y, classes=[0, 1, 2])
    assert_same(values(model), before)
    model.partial_fit(X, y, classes={1, 0})


def test_a_first_call_that_fails_can_be_made_again():
    X, y = MOONS
    model = MLPClassifier(4)
    with pytest.raises(ValueError, match="y has the class 5"):
        model.partial_fit(X, y + 5, classes=[0, 1])
    assert model.partial_fit(X, y + 5, classes=[5, 6]).classes_.tolist() == [5, 6]


@BOTH
@pytest.mark.parametrize(
    ("settings", "error"),
    [({"learning_rate": -1.0}, ValueError), ({"learning_rate": 1e200}, FloatingPointError)],
)
def test_a_fit_that_fails_leaves_what_was_learned(Estimator, settings, error):
    X, y = MOONS
    model = Estimator(5, epochs=2, random_state=0).fit(X, y)
    before, predicted = values(model), model.predict(X)
    model.set_params(**settings)
    with pytest.raises(error):
        model.fit(np.hstack([X, X]), y + 7)
    assert_same(values(model), before)
    np.testing.assert_array_equal(model.predict(X), predicted)


def test_a_number_of_outputs_that_is_not_that_of_the_first_call():
    X, y = MOONS
    model = MLPRegressor(5, epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=r"\(200, 1\) and \(200, 2\)"):
        model.partial_fit(X, X)
    assert model.predict(X).shape == y.shape
    assert model.partial_fit(X, y[:, None]).predict(X).shape == y.shape


@BOTH
def test_learning_on_takes_all_samples_whatever_the_patience(Estimator):
    X, y = MOONS
    options = {"classes": [0, 1]} if Estimator is MLPClassifier else {}
    plain, patient = (
        Estimator(5, random_state=0, patience=p).partial_fit(X, y, **options) for p in (None, 1)
    )
    assert_same(values(patient), values(plain))


@BOTH
def test_a_rate_of_numpys_keeps_single_precision(Estimator):
    X, y = MOONS
    model = Estimator(2000, epochs=1, learning_rate=np.float64(0.002), l2=np.float64(1e-4))
    model.fit(X.astype(np.float32), y)
    assert {p.dtype for p in model.model_.parameters()} == {np.dtype(np.float32)}
