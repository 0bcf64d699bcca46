"""GradientDescentRegressor: a network of infinite width that is trained in time."""

from __future__ import annotations

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin, clone
from sklearn.gaussian_process.kernels import Kernel
from sklearn.utils import check_random_state

from .._utils.compat import _fit_context
from ..estimators._training_set import Given
from ..kernels._surrogate import SurrogateNTKernel
from ._asymmetric import AsymmetricNetwork, scheduled
from ._base import BaseGradientDescent, number_or_none
from ._rules import GradientFlow
from ._stopping import Schedule, best_time


class GradientDescentRegressor(MultiOutputMixin, RegressorMixin, BaseGradientDescent):
    r"""Regression by an infinitely wide network that is trained for a limited time.

    If an infinitely wide network is trained by gradient descent on squared errors, its
    outputs follow a linear differential equation [1]_. With the kernel matrix :math:`K
    = U \Lambda U'` of the training rows and the learning rate :math:`\eta`, the outputs
    at the time t are

    .. math:: f_t(x) = f_0(x) + k(x, X) U c_t(\Lambda) U' (y - f_0(X)), \qquad
              c_t(\lambda) = (1 - e^{-\eta \lambda t}) / \lambda .

    The part of the targets along the leading eigenvectors is learned first. Stopping
    early therefore keeps noise out, much like a ridge of :math:`1 / \eta t`. One
    eigendecomposition gives the fits at all times together with their exact
    leave-one-out errors, and by default the time with the smallest one is chosen.

    Networks start at random. Predictions are means over all starts, and
    ``predict(X, return_std=True)`` says how much single trained networks differ [2]_.

    Parameters
    ----------
    kernel : Kernel, default=None
        The kernel of the network. Its hyperparameters are not learned. None means
        ``NTKernel()``; a :class:`~ntk_sklearn.WeightedNTKernel` has a learning rate for
        each layer. Any other kernel of scikit-learn can be given, and
        :class:`~ntk_sklearn.SurrogateNTKernel`. The latter is not symmetric and has no
        leave-one-out errors: it needs `n_steps`, or `stopping` ``"holdout"`` or None,
        and cannot be combined with momentum, temperature or ``"evidence"``.
    learning_rate : float or "max", default="max"
        The learning rate :math:`\eta` for half the sum of squared errors, weighted by
        `sample_weight`. With ``flow=True`` it is only a unit of time. ``"max"`` is
        `max_learning_rate_`, the limit up to which steps converge, with ``flow=True``,
        and nine tenths of it with ``flow=False``.
    n_steps : float, int or None, default=None
        The time of training: any number that is not negative with ``flow=True``, a
        whole number of steps with ``flow=False``, or ``np.inf`` for training to
        convergence. None means that `stopping` chooses it.
    flow : bool, default=True
        Whether to train by gradient flow, which are infinitely many, infinitely small
        steps, or by discrete steps of gradient descent.
    momentum : float, default=0.0
        The share of the last step that is repeated in the next one, from 0 to below 1;
        only with ``flow=False``.
    weight_decay : float or "evidence", default=0.0
        The factor of half the squared distance of the parameters from their start,
        which is added to the loss. Training to convergence is then ridge regression
        with this ridge. ``"evidence"`` is the most likely one for the stationary law of
        noisy training.
    temperature : float or "evidence", default=0.0
        The temperature T of noise that is added to the gradients, as in
        :math:`d\theta = -\eta \nabla L \, dt + \sqrt{2 \eta T} \, dW`; only with
        ``flow=True``. After long training with weight decay d, the outputs are those of
        a Gaussian process with noise of variance T and :math:`T / d` times the kernel
        as its prior [3]_. ``"evidence"`` is the most likely temperature.
    start : {"random", "zero"} or Kernel, default="random"
        The outputs of the networks at the start of training. They do not change
        predictions, but standard deviations, covariances and samples.

        - ``"random"``: those of random networks, a Gaussian process with the NNGP
          kernel that belongs to `kernel`.
        - ``"zero"``: zero, as for a network from which its outputs at the start are
          subtracted.
        - A kernel: a Gaussian process with this kernel.
    stopping : {"loo", "gcv", "holdout"} or None, default="loo"
        The error that chooses the time, if `n_steps` is None.

        - ``"loo"``: the exact leave-one-out mean squared error.
        - ``"gcv"``: the generalised cross-validation error.
        - ``"holdout"``: the mean squared error on the held-out rows of `cv`.
        - None: none; the network is trained to convergence.
    times : int or array-like, default=100
        The times that are tried: their number, or the times themselves.
    cv : int, splitter or iterable of index pairs, default=None
        Splits into rows to fit and rows to score, used by ``stopping="holdout"`` only.
        An integer is the number of shuffled folds; None means 5.
    fit_intercept : bool, default=True
        Whether to fit a constant, which is at its optimum at all times.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffled folds. None means 0.

    Attributes
    ----------
    kernel_ : Kernel
        The kernel.
    n_steps_ : float
        The time of training.
    learning_rate_ : float
        The learning rate.
    max_learning_rate_ : float
        The limit of the learning rates at which steps converge.
    weight_decay_, temperature_ : float
        The weight decay and the temperature.
    times_ : ndarray of shape (n_times,)
        The times that were tried, or, if `n_steps` was given, times up to that one.
    stopping_errors_ : ndarray of shape (n_times,)
        The error at each time, summed over outputs; only if `stopping` chose the time.
    loo_predictions_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The prediction of each training row by a network that was trained without it,
        for the same time; only if the kernel is symmetric.
    path_ : TrainingPath
        The fits at all times; only if the kernel is symmetric.
    dual_coef_ : ndarray of shape (n_rows, n_outputs)
        Coefficients of the kernel values of the rows of `X_fit_`.
    intercept_ : ndarray of shape (n_outputs,)
        The constant of each output.
    X_fit_ : ndarray of shape (n_rows, n_features)
        The training rows: those of positive weight, repeated ones merged.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during `fit`, if `X` has names that are all strings.

    See Also
    --------
    GradientDescentClassifier : The same for classification.
    ntk_sklearn.WNTKRegressor : Ridge regression with a kernel that is learned.

    References
    ----------
    .. [1] Jacot, Gabriel and Hongler, "Neural Tangent Kernel: Convergence and
       Generalization in Neural Networks", NeurIPS 2018.
    .. [2] Lee, Xiao, Schoenholz, Bahri, Novak, Sohl-Dickstein and Pennington, "Wide
       Neural Networks of Any Depth Evolve as Linear Models Under Gradient Descent",
       NeurIPS 2019.
    .. [3] Chen, Cao, Gu and Zhang, "A Generalized Neural Tangent Kernel Analysis for
       Two-layer Neural Networks", NeurIPS 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from ntk_sklearn.dynamics import GradientDescentRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), GradientDescentRegressor())
    >>> model = model.fit(X[:300], y[:300])
    >>> round(model.score(X[300:], y[300:]), 2)
    0.52

    Training to convergence fits the noise:

    >>> late = model.set_params(gradientdescentregressor__n_steps=float("inf"))
    >>> round(late.fit(X[:300], y[:300]).score(X[300:], y[300:]), 2)
    0.43
    """

    _parameter_constraints: dict = {
        **BaseGradientDescent._parameter_constraints,
        "kernel": [Kernel, SurrogateNTKernel, None],
    }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the network, and choose the time of training.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows, the factors of their squared errors. An
            array of integers counts copies, of which leave-one-out leaves one out; an
            array of floating dtype says how much each row matters.

        Returns
        -------
        GradientDescentRegressor
            The fitted estimator.
        """
        given = self._given(X, y, sample_weight, multi_output=True, y_numeric=True)
        Y = np.array(given.y, dtype=np.float64).reshape(len(given.y), -1)
        single = given.y.ndim == 1
        if isinstance(self.kernel, SurrogateNTKernel):
            found = self._fit_asymmetric(given, Y)
            return self._publish(found | {"_single_output": single})
        found, held_out = self._fit(given, Y, np.ones(len(Y)))
        del found["_held_out"]
        found["temperature_"] = found["_noise"]
        found["loo_predictions_"] = held_out.ravel() if single else held_out
        return self._publish(found | {"_single_output": single})

    def _fit_asymmetric(self, given: Given, Y) -> dict:
        """Return all attributes of training by a kernel that is not symmetric."""
        self._refuse_what_needs_symmetry()
        rows, _ = self._rows(given, Y, np.ones(len(Y)))
        rate = number_or_none(self.learning_rate)
        schedule = Schedule(rate, self.flow, self.momentum, self.weight_decay)
        kernel = clone(self.kernel)
        network, limit = scheduled(
            AsymmetricNetwork(
                kernel,
                rows.X,
                kernel(rows.X),
                rows.Y,
                rows.solve_weights,
                self.fit_intercept,
                GradientFlow(),
            ),
            schedule,
        )
        errors, time = None, np.inf if self.n_steps is None else float(self.n_steps)
        learned = np.abs(network.eigenvalues() - network.rule.weight_decay)
        times = self._times(network.rule, float(learned.max(initial=0.0)))
        if self._holds_out:
            errors = network.holdout(self._folds(rows), times)
            time = best_time(times, errors)
        dual, intercept = network.coefficients(time)
        found = {
            **given.features,
            "_network": network,
            "_noise": 0.0,
            "temperature_": 0.0,
            "kernel_": kernel,
            "learning_rate_": network.rule.learning_rate,
            "max_learning_rate_": limit,
            "weight_decay_": network.rule.weight_decay,
            "n_steps_": time,
            "times_": times,
            "dual_coef_": dual,
            "intercept_": intercept,
        }
        return found if errors is None else found | {"stopping_errors_": errors}

    def _refuse_what_needs_symmetry(self) -> None:
        """Raise if a parameter asks for what a symmetric kernel only can give."""
        searches = self.n_steps is None and self.stopping in ("loo", "gcv")
        for refused, name, needed in (
            (searches, "stopping", '"holdout" or None, if n_steps is not given,'),
            (self.momentum > 0, "momentum", "0"),
            (self.temperature != 0, "temperature", "0"),
            (self.weight_decay == "evidence", "weight_decay", "a number"),
        ):
            if refused:
                raise ValueError(
                    f"{name} must be {needed} with a SurrogateNTKernel, got "
                    f"{getattr(self, name)!r}: the formulas for anything else need a "
                    "symmetric kernel."
                )

    def predict(self, X, return_std=False, return_cov=False):
        """Predict targets by the mean output of trained networks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        return_std : bool, default=False
            Whether to return the standard deviation, over networks, of each output.
            Their random starts and the noise of training count, but not the noise of
            new targets.
        return_cov : bool, default=False
            Whether to return the covariance of the outputs of the rows instead. All
            outputs of a network have the same one, and are independent.

        Returns
        -------
        y_mean : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions.
        y_std : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Standard deviations; only if `return_std` is true.
        y_cov : ndarray of shape (n_samples, n_samples)
            The covariance matrix, for each output; only if `return_cov` is true.
        """
        if return_std and return_cov:
            raise ValueError(
                "return_std and return_cov must not both be true; the variances are "
                "the diagonal of the covariance."
            )
        X, outputs = self._outputs(X)
        mean = outputs.ravel() if self._single_output else outputs
        if return_cov:
            return mean, self._covariance(X, full=True)
        if not return_std:
            return mean
        spread = np.sqrt(self._covariance(X, full=False))
        if not self._single_output:
            spread = np.repeat(spread[:, None], outputs.shape[1], axis=1)
        return mean, spread

    def staged_predict(self, X, times=None):
        """Predict targets at many times of training.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to predict.
        times : array-like of shape (n_times,), default=None
            Times from 0 to infinity, in any order. None means `times_`.

        Yields
        ------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions at each time.
        """
        for outputs in self._stages(X, times):
            yield outputs.ravel() if self._single_output else outputs

    def sample_y(self, X, n_samples=1, random_state=0):
        """Draw the outputs of trained networks.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            The rows to predict.
        n_samples : int, default=1
            Number of networks.
        random_state : int, RandomState instance or None, default=0
            Seed of the draws.

        Returns
        -------
        ndarray of shape (n_rows, n_samples) or (n_rows, n_outputs, n_samples)
            The outputs of each network at the rows of `X`.
        """
        rng = check_random_state(random_state)
        X, outputs = self._outputs(X)
        values, vectors = np.linalg.eigh(self._covariance(X, full=True))
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        size = (len(X), outputs.shape[1] * n_samples)
        drawn = (root @ rng.standard_normal(size)).reshape(*outputs.shape, n_samples)
        drawn += outputs[:, :, None]
        return drawn[:, 0] if self._single_output else drawn
