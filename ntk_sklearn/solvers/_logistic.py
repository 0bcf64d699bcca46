"""Kernel logistic regression by Newton's method, for two classes or more."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import lapack, solve_triangular
from scipy.special import log_softmax, softmax

from .._utils.warnings import warn
from ._cholesky import factorise, inverse
from ._row_weights import RowWeights

# Columns of the kernel matrix that are worked on at once.
_BLOCK = 256
# The smallest fraction of a Newton step that is tried.
_SMALLEST_STEP = 1e-8
# A violation of the optimum that may be due to rounding errors.
_ROUNDING = 1e-7


class LogisticSolution(NamedTuple):
    """The optimum of kernel logistic regression.

    Attributes
    ----------
    dual_coef : ndarray of shape (n, k)
        The coefficients of the rows. Times alpha, they are the weighted residuals:
        targets minus probabilities.
    intercept : ndarray of shape (k,)
        The constant of each output; zeros without an intercept.
    decision : ndarray of shape (n, k)
        The decision values of the rows: log-odds of the second of two classes, or the
        logits of all classes, which sum to zero in the span of the rows.
    n_iter : int
        Number of Newton steps.
    residual : float
        The largest violation of the conditions of the optimum.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import logistic_solve
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> Y = (X > 0.0).astype(float)
    >>> found = logistic_solve(NTKernel()(X), Y, alpha=0.1)
    >>> p = 1.0 / (1.0 + np.exp(-found.decision))
    >>> np.allclose(0.1 * found.dual_coef, Y - p)
    True
    """

    dual_coef: np.ndarray
    intercept: np.ndarray
    decision: np.ndarray
    n_iter: int
    residual: float


def probabilities(decision: np.ndarray) -> np.ndarray:
    """Return the probabilities of all classes.

    Parameters
    ----------
    decision : ndarray of shape (n, k)
        The decision values: one column for two classes.

    Returns
    -------
    ndarray of shape (n, n_classes)
    """
    return softmax(_logits(decision), axis=1)


def row_losses(decision: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Return the logistic loss of each row.

    Parameters
    ----------
    decision : ndarray of shape (n, k)
        The decision values: one column for two classes.
    Y : ndarray of shape (n, k)
        The targets, as in `logistic_solve`.

    Returns
    -------
    ndarray of shape (n,)
    """
    logits = log_softmax(_logits(decision), axis=1)
    Y = np.column_stack([1.0 - Y, Y]) if Y.shape[1] == 1 else Y
    return -np.sum(Y * logits, axis=1)


def _logits(decision):
    if decision.shape[1] > 1:
        return decision
    return np.column_stack([np.zeros(len(decision)), decision])


class _Curvature:
    r"""The second derivatives of the loss at given probabilities.

    With W the curvature of the loss, a block for each row, and K the kernel over
    alpha, Newton's method needs :math:`B = (W^{-1} + K)^{-1}`. For several classes, W
    has no inverse, but ``B = E - E 1 (sum of E)^-1 1' E`` with one matrix
    :math:`E = (D^{-1} + K)^{-1}` for each class, D the diagonal of its weighted
    probabilities (Rasmussen and Williams, "Gaussian Processes for Machine Learning",
    algorithm 3.3).
    """

    def __init__(self, K, P, weight, intercept):
        self.K, self.P, self.weight = K, P, weight
        single = P.shape[1] == 1
        D = weight[:, None] * P * (1.0 - P if single else 1.0)
        self.E = np.array([_inverse(K, column) for column in D.T])
        self.factor = None if single else _factor(self.E.sum(axis=0))
        # B times the constants of all classes, (n, k, k), and 1'B1.
        self.constants = None
        if intercept:
            self.constants = self._of_constants()
            self.inverse_T = np.linalg.pinv(
                self.constants.sum(axis=0), rcond=1e-10, hermitian=True
            )

    def _of_constants(self):
        """Return B times the constant of each class: (n, k, k), that class last."""
        E1 = self.E.sum(axis=2)
        own = E1.T[:, :, None] * np.eye(len(E1))
        if self.factor is None:
            return own
        common = lapack.dpotrs(self.factor, E1.T, lower=1)[0]
        return own - (self.E @ common).transpose(1, 0, 2)

    def B(self, G):
        """Return B times a matrix of shape (n, k)."""
        EG = np.stack([E @ g for E, g in zip(self.E, G.T, strict=True)], axis=1)
        if self.factor is None:
            return EG
        common = lapack.dpotrs(self.factor, EG.sum(axis=1), lower=1)[0]
        return EG - (self.E @ common).T

    def W(self, F):
        """Return the curvature times a matrix of shape (n, k)."""
        if self.factor is None:
            return (self.weight * self.P[:, 0] * (1.0 - self.P[:, 0]))[:, None] * F
        WF = self.P * (F - np.sum(self.P * F, axis=1, keepdims=True))
        return self.weight[:, None] * WF

    def blocks(self):
        """Return the curvature of every row, (n, k, k)."""
        if self.factor is None:
            return (self.weight * self.P[:, 0] * (1.0 - self.P[:, 0]))[:, None, None]
        outer = self.P[:, :, None] * self.P[:, None, :]
        diagonal = self.P[:, :, None] * np.eye(self.P.shape[1])
        return self.weight[:, None, None] * (diagonal - outer)

    def covariances(self, K_rows, K_columns, K_own):
        """Return posterior covariances between functions at rows of two kinds.

        Parameters
        ----------
        K_rows : ndarray of shape (m, n)
            The kernel over alpha of the first kind with the training rows.
        K_columns : ndarray of shape (n, p)
            That of the training rows with the second kind.
        K_own : ndarray of shape (m, p)
            That of the two kinds.

        Returns
        -------
        ndarray of shape (m, p, k, k)
        """
        k = len(self.E)
        out = np.zeros((*K_own.shape, k, k))
        EK = self.E @ K_columns
        for c in range(k):
            out[:, :, c, c] = K_own - K_rows @ EK[c]
        if self.factor is not None:
            flat = np.concatenate(EK, axis=1)
            flat = lapack.dpotrs(self.factor, flat, lower=1)[0]
            shared = np.split(flat, k, axis=1)  # (sum of E)^-1 E_d K
            left = [K_rows @ E for E in self.E]
            for c in range(k):
                for d in range(k):
                    out[:, :, c, d] += left[c] @ shared[d]
        if self.constants is not None:
            one = np.eye(k)
            right = one - np.einsum("jp,jce->pce", K_columns, self.constants)
            left_ = one - np.einsum("mj,jce->mce", K_rows, self.constants)
            out += np.einsum(
                "mce,ef,pdf->mpcd", left_, self.inverse_T, right, optimize=True
            )
        return out

    def own_covariances(self):
        """Return the posterior covariance of each training row, (n, k, k)."""
        n, k = len(self.K), len(self.E)
        out = np.zeros((n, k, k))
        for start in range(0, n, _BLOCK):
            rows = slice(start, min(start + _BLOCK, n))
            K = self.K[:, rows]
            EK = self.E @ K
            own = np.diag(self.K)[rows] - np.einsum("ji,cji->ci", K, EK)
            out[rows] = own.T[:, :, None] * np.eye(k)
            if self.factor is not None:
                flat = np.concatenate(EK, axis=1)
                Z = solve_triangular(self.factor, flat, lower=True)
                Z = Z.reshape(n, k, -1)
                out[rows] += np.einsum("jci,jdi->icd", Z, Z, optimize=True)
        if self.constants is not None:
            R = np.eye(k) - np.einsum("ij,jce->ice", self.K, self.constants)
            out += np.einsum("ice,ef,idf->icd", R, self.inverse_T, R, optimize=True)
        return out


def _factor(A):
    """Return the lower Cholesky factor of a positive definite matrix."""
    what = "The curvature of the loss"
    A = np.asfortranarray(A)
    return factorise(A, 0.0, float(np.mean(np.diag(A))), what, _ADVICE)[0]


def _inverse(K, D):
    """Return ``(D^-1 + K)^-1`` of a kernel matrix and a diagonal that may be zero."""
    root = np.sqrt(D)
    found = inverse(root[:, None] * K * root, 1.0, overwrite_K=True)[0]
    found *= root[:, None]
    found *= root
    return found


_ADVICE = "raise alpha, and check that the kernel is a valid one."


def logistic_solve(
    K: np.ndarray,
    Y: np.ndarray,
    alpha: float,
    sample_weight=None,
    intercept: bool = True,
    *,
    start: LogisticSolution | None = None,
    tol: float = 1e-12,
    max_iter: int = 100,
) -> LogisticSolution:
    r"""Solve kernel logistic regression by Newton's method.

    It minimises ``sum(sample_weight * loss(y, f + b)) + alpha / 2 * |f|_K^2`` over the
    functions f and the constants b. For two classes the loss is the logistic one of a
    single function; for more classes it is the multinomial one of a function for each
    class. Each step takes one Cholesky factorisation for each function.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Kernel matrix.
    Y : ndarray of shape (n, 1) or (n, n_classes)
        Targets: the probability of the second of two classes, or of all classes. Of
        labels, these are zeros and ones.
    alpha : float
        The penalty, which scikit-learn calls ``1 / C``.
    sample_weight : array-like of shape (n,) or RowWeights, default=None
        Positive weights of the rows. None means ones.
    intercept : bool, default=True
        Whether constants that are not penalised are fitted.
    start : LogisticSolution, default=None
        A solution to start from, for another alpha; None starts at zero.
    tol : float, default=1e-12
        The largest violation of the conditions of the optimum, in units of the largest
        sample weight. Steps end earlier if rounding errors keep it from falling.
    max_iter : int, default=100
        The largest number of steps.

    Returns
    -------
    LogisticSolution

    Warns
    -----
    ConvergenceWarning
        If the steps do not reach the optimum.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import logistic_solve
    >>> kernel, X = NTKernel(), np.linspace(-1.0, 1.0, 20)[:, None]
    >>> found = logistic_solve(kernel(X), (X > 0.0).astype(float), alpha=1e-2)
    >>> new = np.array([[-0.4], [0.6]])
    >>> (kernel(new, X) @ found.dual_coef + found.intercept > 0.0).ravel()
    array([False,  True])
    """
    weight = RowWeights.of(sample_weight, len(K)).weight
    mean = K.mean(axis=0) if intercept else np.zeros(len(K))
    K = _centred(K, K, intercept) / alpha
    A, b = np.zeros(Y.shape), np.zeros(Y.shape[1])
    if start is not None:
        A, b = alpha * start.dual_coef, start.intercept + mean @ start.dual_coef
    F, n_iter, last = K @ A + b, 0, np.inf
    value = _objective(K, A, F, Y, weight)
    while True:
        P = probabilities(F)[:, -Y.shape[1] :]
        R = weight[:, None] * (Y - P)
        residual = np.abs(R - A).max()
        if intercept:
            residual = max(residual, np.abs(A.sum(axis=0)).max())
        residual /= weight.max()
        stalled = residual < _ROUNDING and residual > 0.5 * last
        if residual <= tol or stalled or n_iter == max_iter:
            break
        last = residual
        target = _newton_target(_Curvature(K, P, weight, intercept), F, R)
        n_iter += 1
        step = 1.0
        while True:
            A_new, b_new = A + step * (target[0] - A), b + step * (target[1] - b)
            F_new = K @ A_new + b_new
            new = _objective(K, A_new, F_new, Y, weight)
            if new <= value + 1e-12 * abs(value) or step < _SMALLEST_STEP:
                break
            step /= 2.0
        A, b, F, value = A_new, b_new, F_new, new
        if step < _SMALLEST_STEP:
            break
    if residual > max(tol, _ROUNDING):
        _warn_unfinished(n_iter, residual)
    dual = A / alpha
    return LogisticSolution(dual, b - mean @ dual, F, n_iter, float(residual))


def _centred(K_test, K, intercept):
    """Return a kernel with the training rows, centred if there is an intercept.

    That changes the constants only, as the coefficients sum to zero, and keeps the
    digits of a kernel that varies little beside its mean.
    """
    if not intercept:
        return K_test
    means = K.mean(axis=0)
    return K_test - K_test.mean(axis=1)[:, None] - (means - means.mean())


def _warn_unfinished(n_iter, residual):
    from sklearn.exceptions import ConvergenceWarning

    warn(
        f"kernel logistic regression stopped after {n_iter} steps with a residual of "
        f"{residual:.1e}; raise max_iter, or lower C.",
        ConvergenceWarning,
    )


def _newton_target(curvature: _Curvature, F, R):
    """Return coefficients and constants at the optimum of the quadratic model."""
    G = curvature.W(F) + R
    A = G - curvature.B(curvature.K @ G)
    b = np.zeros(F.shape[1])
    if curvature.constants is not None:
        b = curvature.inverse_T @ A.sum(axis=0)
        A -= np.einsum("ice,e->ic", curvature.constants, b)
    return A, b


def _objective(K, A, F, Y, weight):
    """Return the penalised loss; the penalty is half the product of A and K A."""
    return weight @ row_losses(F, Y) + 0.5 * np.sum(A * (K @ A))


class HeldOutLogits(NamedTuple):
    """Approximate leave-one-out decision values, and their loss.

    Attributes
    ----------
    decision : ndarray of shape (n, k)
        The decision values of each row by a model fitted without it.
    loss : float
        The weighted mean of their logistic loss.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn.solvers import logistic_leave_one_out, logistic_solve
    >>> X, Y = np.eye(4), np.array([[0.0], [0.0], [1.0], [1.0]])
    >>> found = logistic_solve(X @ X.T, Y, alpha=1.0)

    Without each row, the others say nothing of it but the constant:

    >>> held_out = logistic_leave_one_out(X @ X.T, Y, 1.0, found)
    >>> bool(held_out.loss > np.log(2.0))
    True
    """

    decision: np.ndarray
    loss: float


def logistic_leave_one_out(
    K: np.ndarray,
    Y: np.ndarray,
    alpha: float,
    solution: LogisticSolution,
    sample_weight=None,
    intercept: bool = True,
) -> HeldOutLogits:
    """Return approximate leave-one-out decision values of kernel logistic regression.

    One Newton step from the optimum of all rows leads to that without one of them; the
    steps of all rows together take about as long as one step of the fit. If the weights
    count copies of rows, one copy is left out at a time.

    Parameters
    ----------
    K, Y, alpha, sample_weight, intercept
        As in `logistic_solve`.
    solution : LogisticSolution
        Its result.

    Returns
    -------
    HeldOutLogits

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import logistic_leave_one_out, logistic_solve
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> K, Y = NTKernel()(X), (X > 0.0).astype(float)
    >>> found = logistic_solve(K, Y, alpha=0.1)
    >>> held_out = logistic_leave_one_out(K, Y, 0.1, found)

    The first row, by a fit to all others:

    >>> rest = logistic_solve(K[1:, 1:], Y[1:], alpha=0.1)
    >>> refitted = K[0, 1:] @ rest.dual_coef + rest.intercept
    >>> np.allclose(held_out.decision[0], refitted, rtol=0.01)
    True
    """
    weights = RowWeights.of(sample_weight, len(K))
    weight, left = weights.weight, weights.left_out
    P = probabilities(solution.decision)[:, -Y.shape[1] :]
    curvature = _Curvature(_centred(K, K, intercept) / alpha, P, weight, intercept)
    V = _contrasts(curvature.own_covariances())
    R = (left * weight)[:, None] * (Y - P)
    W = left[:, None, None] * curvature.blocks()
    step = np.linalg.solve(np.eye(Y.shape[1]) - V @ W, V @ R[:, :, None])
    decision = solution.decision - step[:, :, 0]
    loss = float(weight @ row_losses(decision, Y) / weight.sum())
    return HeldOutLogits(decision, loss)


def _contrasts(V):
    """Project covariances of logits on contrasts: a common constant does nothing."""
    k = V.shape[-1]
    if k == 1:
        return V
    H = np.eye(k) - 1.0 / k
    return H @ V @ H


def logistic_influence(
    K: np.ndarray,
    Y: np.ndarray,
    alpha: float,
    solution: LogisticSolution,
    K_test: np.ndarray,
    sample_weight=None,
    intercept: bool = True,
) -> np.ndarray:
    """Return the change of decision values when each training row is left out.

    Approximately, by one Newton step from the optimum of all rows, as in
    `logistic_leave_one_out`.

    Parameters
    ----------
    K, Y, alpha, solution, sample_weight, intercept
        As in `logistic_leave_one_out`.
    K_test : ndarray of shape (m, n)
        The kernel of the rows to predict with the training rows.

    Returns
    -------
    ndarray of shape (m, n, k)
        The decision values of each row to predict, by the model of all training rows
        minus by that without one of them.

    Examples
    --------
    >>> import numpy as np
    >>> from ntk_sklearn import NTKernel
    >>> from ntk_sklearn.solvers import logistic_influence, logistic_solve
    >>> X = np.linspace(-1.0, 1.0, 20)[:, None]
    >>> K, Y = NTKernel()(X), (X > 0.0).astype(float)
    >>> found = logistic_solve(K, Y, alpha=0.1)
    >>> influence = logistic_influence(K, Y, 0.1, found, K[:3])
    >>> influence.shape
    (3, 20, 1)
    """
    weights = RowWeights.of(sample_weight, len(K))
    weight, left = weights.weight, weights.left_out
    P = probabilities(solution.decision)[:, -Y.shape[1] :]
    curvature = _Curvature(_centred(K, K, intercept) / alpha, P, weight, intercept)
    k = Y.shape[1]
    own = _contrasts(curvature.own_covariances())
    R = (left * weight)[:, None] * (Y - P)
    W = left[:, None, None] * curvature.blocks()
    # V_zi (I - W_i V_i)^-1 r_i
    pull = np.linalg.solve(np.eye(k) - W @ own, R[:, :, None])[:, :, 0]
    out = np.empty((len(K_test), len(K), k))
    test = _centred(K_test, K, intercept) / alpha
    for start in range(0, len(K), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(K)))
        V = _contrasts(curvature.covariances(test, curvature.K[:, rows], test[:, rows]))
        out[:, rows] = np.einsum("mpcd,pd->mpc", V, pull[rows], optimize=True)
    return out
