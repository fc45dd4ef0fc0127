"""scikit-learn's estimators over our networks: for pipelines, grid searches and sweeps.

They follow scikit-learn's conventions in full, so ``n_jobs`` spreads a search over the cores of
this machine, and ``joblib.parallel_config("dask")`` over those of a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from tinygrad_edu import ops, optim
from tinygrad_edu.context import no_grad
from tinygrad_edu.nn import MLP, Module
from tinygrad_edu.nn.names import by_name
from tinygrad_edu.optim import Optimizer, Schedule
from tinygrad_edu.training import History, train
from tinygrad_edu.training.loop import Compile

if TYPE_CHECKING:  # scikit-learn comes without types: this is what its classes give to ours

    class BaseEstimator:
        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Self: ...
        def __sklearn_tags__(self) -> Any: ...

    class _Scored:
        def score(
            self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
        ) -> float: ...

    class ClassifierMixin(_Scored): ...

    class RegressorMixin(_Scored): ...

else:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

__all__ = ["OPTIMIZERS", "MLPClassifier", "MLPRegressor"]

P = ParamSpec("P")
R = TypeVar("R")
Array = NDArray[Any]

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": optim.SGD,
    "momentum": partial(optim.SGD, momentum=0.9),
    "nesterov": partial(optim.SGD, momentum=0.9, nesterov=True),
    "adagrad": optim.Adagrad,
    "rmsprop": optim.RMSprop,
    "adam": optim.Adam,
    "adamw": optim.AdamW,
}
"""The optimizers by name."""


class _MLP(BaseEstimator):
    """What classifier and regressor have in common."""

    _loss: ClassVar[Callable[..., Any]]

    model_: Module
    optimizer_: Optimizer
    history_: History

    def __init__(
        self,
        hidden_sizes: int | Sequence[int] = (100,),
        *,
        activation: Any = "relu",
        init: Any = None,
        optimizer: str | Callable[..., Optimizer] = "adam",
        learning_rate: float | Schedule = 0.002,
        epochs: int = 100,
        batch_size: int = 32,
        l2: float = 1e-4,
        patience: int | None = None,
        validation_fraction: float = 0.1,
        random_state: Any = None,
        progress: bool = False,
        compile: Compile = False,
        model: Callable[[int, int, Any], Module] | None = None,
    ) -> None:
        self.hidden_sizes = hidden_sizes
        self.activation = activation
        self.init = init
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.l2 = l2
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.progress = progress
        self.compile = compile
        self.model = model

    def _start(self, X: Array, outputs: int) -> None:
        """Make a new network, to be trained from its beginning."""
        self._rng = check_random_state(self.random_state)
        if self.model is None:
            sizes = [X.shape[1], *np.ravel(self.hidden_sizes).tolist(), outputs]
            self.model_ = MLP(sizes, self.activation, init=self.init, rng=self._rng, dtype=X.dtype)
        else:
            self.model_ = self.model(X.shape[1], outputs, self._rng)
        parameters = self.model_.parameters()
        self.optimizer_ = by_name("optimizer", self.optimizer, OPTIMIZERS)(
            parameters,
            lr=self.learning_rate,
            weight_decay=[self.l2 if p.ndim > 1 else 0.0 for p in parameters],
        )

    def _checks(self) -> dict[str, Any]:
        """What samples must be like; a network of the user may take images."""
        return {"dtype": [np.float64, np.float32], "allow_nd": self.model is not None}

    def _fit(self, X: Array, y: Array) -> None:
        """Train for all epochs; with a patience, stop early by the loss of held-out samples."""
        options: dict[str, Any] = {"epochs": self.epochs}
        if self.patience is not None:
            X, X_val, y, y_val = self._split(X, y)
            options |= {"validation": (X_val, y_val), "patience": self.patience}
        self.history_ = self._train(X, y, **options)

    def _split(self, X: Array, y: Array) -> Any:
        if not 0 < self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction must lie between 0 and 1; got {self.validation_fraction}"
            )
        return train_test_split(X, y, test_size=self.validation_fraction, random_state=self._rng)

    def _train(self, X: Array, y: Array, **options: Any) -> History:
        return train(
            self.model_,
            X,
            y,
            loss=self._loss,
            optimizer=self.optimizer_,
            batch_size=self.batch_size,
            rng=self._rng,
            health=False,
            progress=self.progress,
            compile=self.compile,
            **options,
        )

    def _outputs(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        dtype = self.model_.parameters()[0].dtype
        X = validate_data(self, X, **self._checks() | {"dtype": dtype}, reset=False)
        with no_grad():
            return np.asarray(self.model_(X))


def _all_or_nothing(method: Callable[P, R]) -> Callable[P, R]:
    """If the method raises, leave the estimator as it was before."""

    @wraps(method)
    def guarded(*args: P.args, **options: P.kwargs) -> R:
        attributes = vars(args[0])
        before = attributes.copy()
        try:
            return method(*args, **options)
        except BaseException:
            attributes.clear()
            attributes.update(before)
            raise

    return guarded


class MLPClassifier(ClassifierMixin, _MLP):  # numpydoc ignore=PR02
    """A multilayer perceptron for classification, by softmax and cross entropy.

    Parameters
    ----------
    hidden_sizes : int or sequence of int, optional
        The number of units in each hidden layer.
    activation : str or callable, optional
        After each hidden layer: a name in `nn.activations.ACTIVATIONS`, or a function.
    init : str, callable or None, optional
        How to draw the weights: a name in `nn.init.INITIALIZERS`, or a function; by default as
        suits the activation.
    optimizer : str or callable, optional
        A name in `OPTIMIZERS`, or a function of ``(parameters, lr, weight_decay)``.
    learning_rate : float or callable, optional
        A number, or a schedule of `optim`.
    epochs : int, optional
        How often ``fit`` uses all samples.
    batch_size : int, optional
        The number of samples in each step.
    l2 : float, optional
        The factor of the L2 penalty of the weights; there is none of the biases.
    patience : int, optional
        Stop when the loss of held-out samples has not become smaller in so many epochs, and take
        the best parameters.
    validation_fraction : float, optional
        The part of the samples to hold out, if there is a patience.
    random_state : int, RandomState or None, optional
        The source of randomness: initial weights, order of samples, held-out samples.
    progress : bool, optional
        Whether to show a progress bar.
    compile : bool or {"numpy", "numba"}, optional
        Whether to take the steps by a compiled program, and of which backend; see
        `tinygrad_edu.compile`.
    model : callable or None, optional
        A function ``(inputs, outputs, rng)`` that makes another network, as one for images of shape
        (n, channels, height, width); inputs is then the number of channels, ``X.shape[1]``. By
        default it is an `nn.MLP`, of ``hidden_sizes``, ``activation`` and ``init``.

    Attributes
    ----------
    model_ : Module
        The network; its outputs are logits.
    optimizer_ : Optimizer
        The optimizer, with what it remembers.
    classes_ : ndarray
        The classes, in the order of the outputs.
    history_ : History
        Loss, accuracy and more after each epoch of ``fit``.
    n_features_in_ : int
        The number of features of a sample.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from tinygrad_edu.sklearn import MLPClassifier
    >>> X, X_test, y, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)
    >>> classifier = make_pipeline(MinMaxScaler(), MLPClassifier(epochs=10, random_state=0))
    >>> bool(classifier.fit(X, y).score(X_test, y_test) > 0.95)
    True

    A convolutional network, for images as they are:

    >>> from tinygrad_edu import nn
    >>> def convolutional(inputs, outputs, rng):
    ...     return nn.Sequential(
    ...         nn.Conv2d(inputs, 8, 3, activation="relu", rng=rng),
    ...         nn.MaxPool(2),
    ...         nn.Flatten(),
    ...         nn.Linear(72, outputs, rng=rng),
    ...     )
    >>> images, images_test = (x.reshape(-1, 1, 8, 8) / 16 for x in (X, X_test))
    >>> options = {"epochs": 5, "batch_size": 16, "learning_rate": 0.01, "random_state": 0}
    >>> classifier = MLPClassifier(model=convolutional, **options)
    >>> bool(classifier.fit(images, y).score(images_test, y_test) > 0.95)
    True
    """

    _loss = staticmethod(ops.softmax_cross_entropy)

    classes_: Array

    @_all_or_nothing
    def fit(self, X: ArrayLike, y: ArrayLike) -> MLPClassifier:
        """Learn from the beginning.

        Parameters
        ----------
        X : array_like of shape (n, features)
            The samples.
        y : array_like of shape (n,)
            Their classes: numbers or strings.

        Returns
        -------
        MLPClassifier
            Itself.
        """
        X, y = self._validated(X, y, reset=True)
        self.classes_, labels = np.unique(y, return_inverse=True)
        self._start(X, len(self.classes_))
        self._fit(X, labels)
        return self

    @_all_or_nothing
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: Iterable[Any] | None = None
    ) -> MLPClassifier:
        """Learn on, from all these samples, for one epoch.

        Parameters
        ----------
        X : array_like of shape (n, features)
            The samples.
        y : array_like of shape (n,)
            Their classes.
        classes : array_like, optional
            All classes that will ever come; must be given in the first call.

        Returns
        -------
        MLPClassifier
            Itself.

        Raises
        ------
        ValueError
            If there is no knowing the classes, they are not those of the first call, or a sample
            belongs to another one.
        """
        first = not hasattr(self, "model_")
        X, y = self._validated(X, y, reset=first)
        if first:
            if classes is None:
                raise ValueError("the first call of partial_fit needs all classes: classes=[...]")
            self.classes_ = np.unique([*classes])
            self._start(X, len(self.classes_))
        elif classes is not None and not np.array_equal(np.unique([*classes]), self.classes_):
            raise ValueError(
                f"classes must be those of the first call, {self.classes_.tolist()}; got {classes}"
            )
        strangers = np.setdiff1d(y, self.classes_).tolist()
        if strangers:
            raise ValueError(
                f"y has the class {strangers[0]!r}; known are {self.classes_.tolist()}. For others "
                "make a new estimator, or call fit"
            )
        self._train(X, np.searchsorted(self.classes_, y), epochs=1)
        return self

    def _validated(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        X, y = validate_data(self, X, y, **self._checks(), reset=reset)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        return X, y

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the probability of each class.

        Parameters
        ----------
        X : array_like of shape (n, features)
            The samples.

        Returns
        -------
        ndarray of shape (n, classes)
            The probabilities, in the order of ``classes_``.
        """
        return np.asarray(ops.softmax(self._outputs(X)))

    def predict(self, X: ArrayLike) -> Array:
        """Return the most probable class.

        Parameters
        ----------
        X : array_like of shape (n, features)
            The samples.

        Returns
        -------
        ndarray of shape (n,)
            The classes.
        """
        best = self._outputs(X).argmax(axis=1)
        return np.asarray(self.classes_[best])


class MLPRegressor(RegressorMixin, _MLP):  # numpydoc ignore=PR02
    """A multilayer perceptron for regression, by mean squared error.

    Parameters
    ----------
    hidden_sizes : int or sequence of int, optional
        The number of units in each hidden layer.
    activation : str or callable, optional
        After each hidden layer: a name in `nn.activations.ACTIVATIONS`, or a function.
    init : str, callable or None, optional
        How to draw the weights: a name in `nn.init.INITIALIZERS`, or a function; by default as
        suits the activation.
    optimizer : str or callable, optional
        A name in `OPTIMIZERS`, or a function of ``(parameters, lr, weight_decay)``.
    learning_rate : float or callable, optional
        A number, or a schedule of `optim`.
    epochs : int, optional
        How often ``fit`` uses all samples.
    batch_size : int, optional
        The number of samples in each step.
    l2 : float, optional
        The factor of the L2 penalty of the weights; there is none of the biases.
    patience : int, optional
        Stop when the loss of held-out samples has not become smaller in so many epochs, and take
        the best parameters.
    validation_fraction : float, optional
        The part of the samples to hold out, if there is a patience.
    random_state : int, RandomState or None, optional
        The source of randomness: initial weights, order of samples, held-out samples.
    progress : bool, optional
        Whether to show a progress bar.
    compile : bool or {"numpy", "numba"}, optional
        Whether to take the steps by a compiled program, and of which backend; see
        `tinygrad_edu.compile`.
    model : callable or None, optional
        A function ``(inputs, outputs, rng)`` that makes another network, as one for images of shape
        (n, channels, height, width); inputs is then the number of channels, ``X.shape[1]``. By
        default it is an `nn.MLP`, of ``hidden_sizes``, ``activation`` and ``init``.

    Attributes
    ----------
    model_ : Module
        The network.
    optimizer_ : Optimizer
        The optimizer, with what it remembers.
    history_ : History
        Loss and more after each epoch of ``fit``.
    n_features_in_ : int
        The number of features of a sample.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu.sklearn import MLPRegressor
    >>> X = np.linspace(-1, 1, 100).reshape(-1, 1)
    >>> y = np.sin(3 * X[:, 0])
    >>> bool(MLPRegressor(learning_rate=0.02, random_state=0).fit(X, y).score(X, y) > 0.99)
    True
    """

    _loss = staticmethod(ops.mean_squared_error)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    @_all_or_nothing
    def fit(self, X: ArrayLike, y: ArrayLike) -> MLPRegressor:
        """Learn from the beginning.

        Parameters
        ----------
        X : array_like of shape (n, features)
            The samples.
        y : array_like of shape (n,) or (n, outputs)
            What to predict.

        Returns
        -------
        MLPRegressor
            Itself.
        """
        X, y = self._validated(X, y, reset=True)
        self._start(X, y.shape[1])
        self._fit(X, y)
        return self

    @_all_or_nothing
    def partial_fit(self, X: ArrayLike, y: ArrayLike) -> MLPRegressor:
        """Learn on, from all these samples, for one epoch.

        Parameters
        ----------
        X : array_like of shape (n, features)
            The samples.
        y : array_like of shape (n,) or (n, outputs)
            What to predict.

        Returns
        -------
        MLPRegressor
            Itself.

        Raises
        ------
        ValueError
            If there are more or fewer outputs than in the first call.
        """
        first = not hasattr(self, "model_")
        X, y = self._validated(X, y, reset=first)
        if first:
            self._start(X, y.shape[1])
        self._train(X, y, epochs=1)
        return self

    def _validated(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        X, y = validate_data(
            self, X, y, **self._checks(), multi_output=True, y_numeric=True, reset=reset
        )
        if reset:
            self._flat = y.ndim == 1
        return X, y.reshape(len(y), -1)

    def predict(self, X: ArrayLike) -> Array:
        """Return the predictions.

        Parameters
        ----------
        X : array_like of shape (n, features)
            The samples.

        Returns
        -------
        ndarray of shape (n,) or (n, outputs)
            The predictions, in the shape of y.
        """
        outputs = self._outputs(X)
        return outputs[:, 0] if self._flat else outputs
