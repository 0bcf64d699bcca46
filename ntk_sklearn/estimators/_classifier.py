"""WNTKClassifier: ridge on class indicators with learned weighted NTKs."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets

from .._models.base import HeldOut
from .._utils.compat import StrOptions, _fit_context
from ..preprocessing._table_encoder import TableEncoder
from ._base import BaseWNTK
from ._batches import can_add_batches
from ._defaults import classification_specs
from ._options import checked_bounds


class WNTKClassifier(ClassifierMixin, BaseWNTK):
    r"""Ridge classifier with weighted neural tangent kernels that are learned.

    Kernel ridge regression on the indicators of the classes, with the kernel
    :math:`\sum_l w_l K_l` of a network whose layers learn at rates of their own [1]_.

    With all defaults, two networks of one hidden layer are fitted, one on scaled
    columns and one on their ranks, of which the kernel sees 32 steps each. Each gets
    its ridge by the exact leave-one-out error, on a grid that needs neither
    `optimizer`, `max_iter` nor `tol`, and their decision values are blended by that
    error.
    Give a `kernel` to have full control: it then sees the inputs as they are, and its
    free hyperparameters, layer weights first of all, are learned.

    Parameters
    ----------
    kernel : Kernel or "auto", default="auto"
        Any scikit-learn kernel; hyperparameters with bounds are learned, fixed ones are
        kept. A kernel that takes other inputs than vectors
        (``requires_vector_input=False``) gets them as they are. ``"auto"`` are the
        networks above, or ``WeightedNTKernel()`` if ``encoding=None``.
    encoding : {"auto", "table"}, TableEncoder or None, default="auto"
        How inputs are written for the kernel. ``"auto"`` codes them for the default
        kernel, and leaves them as they are for a given one. ``"table"`` codes them for
        any kernel, by a :class:`~ntk_sklearn.TableEncoder` that suits it: a kernel with
        `n_ranks` is told which inputs are ranks, and gets a length scale for each. An
        encoder is cloned and used; with the default kernel, for a single network. None
        leaves inputs as they are.
    alpha : float, default=1.0
        Ridge, added to the diagonal of the kernel matrix: where learning starts (or
        at the best ridge by leave-one-out, if that is a better start), or what is used
        if ``alpha_bounds="fixed"``.
    alpha_bounds : pair of floats or "fixed", default=(1e-8, 1e8)
        Bounds within which the ridge is learned. With layer weights, which grow and
        shrink along with it, bounds of its ratio to their sum, one at the start.
    objective : {"loo", "gcv", "evidence", "holdout"}, default="loo"
        What is minimised: the exact leave-one-out squared error, generalised
        cross-validation, the negative log marginal likelihood, or the squared error on
        held-out rows of `cv`.
    optimizer : {"bfgs", "lbfgs", "projected-gradient"}, default="bfgs"
        A quasi-Newton method in all logarithms at once: ``"bfgs"`` learns on parts of
        the rows first, if there are 200 or more, and takes along what it has seen;
        ``"lbfgs"`` is SciPy's L-BFGS-B. Or projected gradient steps in ``w >= 0``
        [1]_, which may switch a layer off.
    learning_rate : float or "backtracking", default="backtracking"
        Step of the projected gradient: fixed as in the paper, or searched so that the
        objective never rises.
    max_iter : int, default=100
        Iterations at most.
    tol : float, default=1e-3
        Learning ends when the objective falls by less, relative to its size at the
        start; that of the evidence is the number of targets.
    cv : int, splitter or iterable of index pairs, default=None
        Splits of ``objective="holdout"``; None means 5 folds.
    fit_intercept : bool, default=True
        Whether to fit a constant that the ridge does not penalise.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied into `sample_weight` in the final solve:
        kernel and ridge are learned on the rows as they are. Where the ridge is
        learned only the ratios matter, and the total weight is kept.
    n_components : int, default=None
        Number of centres of a Nyström model, fitted in one pass over the rows; None
        means the exact fit where it is possible. Hyperparameters are then learned on a
        sample of 2000 rows, and the ridge by generalised cross-validation.
    solver : {"auto", "cholesky", "cg", "nystrom", "local"}, default="auto"
        Exact by factorisation or, on more rows than that can take, by conjugate
        gradients, or a Nyström model. ``"local"`` is a Nyström model made exact within
        clusters of rows, as many on average as centres but at least 1000, which is
        nearer to the exact fit and needs all rows in memory; its ridge is that of the
        sample.
        ``"auto"`` goes by `n_components`, the number of rows and the memory of the
        machine, and never chooses ``"local"``: `n_components` alone means the plain
        Nyström model.
    random_state : int, RandomState instance or None, default=None
        Decides the sample, the centres and the clusters of a Nyström model, and the
        folds of ``objective="holdout"`` if `cv` is their number; None means 0.
    verbose : int, default=0
        Whether to print the objective after every iteration.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    models_ : list
        The fitted models.
    blend_weights_ : ndarray of shape (n_models,)
        Their shares in the decision values.
    kernel_, layer_weights_, alpha_, dual_coef_, intercept_, X_fit_, objective_path_, \
            objective_rows_
        As of `WNTKRegressor`; with several models, those of the one with the smallest
        leave-one-out error. The outputs are the classes.
    n_iter_ : int
        Number of iterations.
    loo_predictions_ : ndarray of shape (n_samples,)
        Label of every training row by a model that has not seen it.
    temperature_ : float
        What decision values are multiplied by before the softmax of `predict_proba`:
        the factor with the best likelihood of the training labels at the
        leave-one-out decision values.
    solver_ : str
        The solver that was used.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if they were all strings.

    See Also
    --------
    WNTKRegressor : The same for numbers.

    References
    ----------
    .. [1] Tan, Wu, Zhou and Huang, "Weighted Neural Tangent Kernel", Machine
       Learning 112, 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from ntk_sklearn import WNTKClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> model = WNTKClassifier().fit(X[::2], y[::2])
    >>> bool(model.score(X[1::2], y[1::2]) > 0.9)
    True
    """

    _parameter_constraints: dict = {
        **BaseWNTK._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        kernel="auto",
        *,
        encoding="auto",
        alpha=1.0,
        alpha_bounds=(1e-8, 1e8),
        objective="loo",
        optimizer="bfgs",
        learning_rate="backtracking",
        max_iter=100,
        tol=1e-3,
        cv=None,
        fit_intercept=True,
        class_weight=None,
        n_components=None,
        solver="auto",
        random_state=None,
        verbose=0,
    ):
        self.kernel = kernel
        self.encoding = encoding
        self.alpha = alpha
        self.alpha_bounds = alpha_bounds
        self.objective = objective
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.n_components = n_components
        self.solver = solver
        self.random_state = random_state
        self.verbose = verbose

    def _default_specs(self, rows, encoder):
        return classification_specs(rows, encoder)

    @property
    def _n_models(self):
        given = isinstance(self.encoding, TableEncoder)
        return 2 if self._uses_defaults and not given else 1

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Learn the layer weights and the ridge, and solve.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Labels, numbers or strings.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights. Integers count copies of the rows: leave-one-out
            leaves one copy out. Numbers of floating type say how much the error of a
            row matters, also if they are whole: only their ratios do (and the ridge, if
            it is fixed), and leave-one-out leaves whole rows out.

        Returns
        -------
        WNTKClassifier
            The fitted estimator.
        """
        given = self._given(X, y, sample_weight)
        check_classification_targets(given.y)
        classes = np.unique(given.y[given.present])
        if len(classes) < 2:
            raise ValueError(
                "y must hold at least 2 classes among rows of positive weight, got "
                f"{len(classes)} class: {classes.tolist()}."
            )
        factor = self._class_factor(given.y, given.weights.weight, classes)
        fitted = self._fit(given, _indicators(given.y, classes), factor)
        others = {}
        if fitted.is_exact:
            held_out = fitted.held_out(given.X)
            others["loo_predictions_"] = classes[held_out.argmax(axis=1)]
        temperature = _temperature(fitted.ensemble.held_out)
        return self._publish(
            fitted, given, classes_=classes, temperature_=temperature, **others
        )

    def _class_factor(self, y, weight, classes):
        """Return the factor of each row's weight that its class adds in the solve."""
        if self.class_weight is None:
            return np.ones(len(y))
        if isinstance(self.class_weight, dict):
            factor = self._class_weights(y)
        else:
            mass = np.array([weight[y == label].sum() for label in classes])
            share = weight.sum() / (len(classes) * mass)
            # A label that only rows of weight zero have is no class: any will do.
            factor = share[np.minimum(np.searchsorted(classes, y), len(mass) - 1)]
        total = weight @ factor
        if not total > 0:
            raise ValueError(
                "class_weight must be positive for some class in y, got "
                f"{self.class_weight!r}: no row is left to fit."
            )
        if checked_bounds(self.alpha_bounds) is None:
            return factor
        return factor * (weight.sum() / total)  # a learned ridge keeps its meaning

    def _class_weights(self, y):
        """Return the weights of a dictionary, one for each row."""
        factor = compute_sample_weight(self.class_weight, y)
        if (factor < 0).any():
            raise ValueError(
                f"class_weight must not be negative, got {self.class_weight!r}."
            )
        return factor

    @available_if(can_add_batches)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Add a batch of rows to a Nyström model, and solve.

        The first batch decides the hyperparameters and the centres, so it should be a
        fair sample of at least some thousand rows. After `fit` with a Nyström model,
        batches add to what it was fitted to. A batch that fails leaves the model as it
        was.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (n_classes,), default=None
            All labels that will come; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        WNTKClassifier
            The fitted estimator.
        """
        grows = self._grows
        if grows:
            classes = self.classes_
        elif classes is None:
            classes = getattr(self, "classes_", None)
            if classes is None:
                raise ValueError(
                    "classes must be passed on the first call to partial_fit."
                )
        given = self._given(X, y, sample_weight, reset=not grows)
        check_classification_targets(given.y)
        classes = np.unique(classes)
        unknown = np.setdiff1d(given.y, classes)
        if unknown.size:
            raise ValueError(
                f"y holds {unknown.tolist()}, which are not among the classes of the "
                f"first call: {classes.tolist()}."
            )
        factor = np.ones(len(given.y))
        if self.class_weight is not None:
            factor = self._class_weights(given.y)
        fitted = self._fit_batch(given, _indicators(given.y, classes), factor)
        temperature = _temperature(fitted.ensemble.held_out)
        return self._publish(fitted, given, classes_=classes, temperature_=temperature)

    def decision_function(self, X):
        """Return how much speaks for each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples,)
            Predicted indicators; with two classes, that of the second class less that
            of the first.
        """
        _, decisions = self._decisions(X)
        if len(self.classes_) == 2:
            return decisions[:, 1] - decisions[:, 0]
        return decisions

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        _, decisions = self._decisions(X)
        return self.classes_[decisions.argmax(axis=1)]

    def predict_proba(self, X):
        """Return probabilities, calibrated on leave-one-out decision values.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; each row sums to one.
        """
        _, decisions = self._decisions(X)
        return softmax(self.temperature_ * decisions, axis=1)

    def predict_log_proba(self, X):
        """Return logarithms of `predict_proba`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        _, decisions = self._decisions(X)
        return log_softmax(self.temperature_ * decisions, axis=1)


def _indicators(y, classes) -> np.ndarray:
    """Return an indicator of each class for each row."""
    return (y[:, None] == classes).astype(np.float64)


def _temperature(held_out: HeldOut) -> float:
    """Return the softmax factor with the best likelihood, labels softened as by Platt.

    One number keeps the order of the classes, so that probabilities and predictions
    agree. The softening keeps it finite where the classes are separated.
    """
    from scipy.optimize import minimize_scalar  # slow to import, needed only here

    decisions, indicators, weights = held_out
    k = indicators.shape[1]
    soft = 1.0 / (weights.total + k)
    targets = indicators * (1.0 - k * soft) + soft

    def loss(log_factor):
        log_p = log_softmax(np.exp(log_factor) * decisions, axis=1)
        return -float(weights.weight @ np.sum(targets * log_p, axis=1))

    found = minimize_scalar(loss, bounds=(-4.0, 6.0), method="bounded")
    return float(np.exp(found.x))
