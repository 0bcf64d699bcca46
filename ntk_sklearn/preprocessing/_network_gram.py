"""A kernel as a step of a pipeline."""

from __future__ import annotations

from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.gaussian_process.kernels import Kernel
from sklearn.utils.validation import check_is_fitted


class NetworkGram(TransformerMixin, BaseEstimator):
    """Turn inputs into kernel matrices, for estimators with ``kernel="precomputed"``.

    The inputs may be whatever the kernel takes: images, lists of sequences or graphs.
    In a pipeline, any estimator that accepts a kernel matrix then works on them. The
    matrix has a row for each input and a column for each training input.

    Parameters
    ----------
    kernel : Kernel
        Any scikit-learn kernel, such as `ConvolutionalNTKernel`, `RecurrentNTKernel` or
        `GraphNTKernel`. Its parameters can be searched as ``kernel__depth`` and so on.

    Attributes
    ----------
    X_fit_ : array-like or sequence
        The training inputs.
    kernel_ : Kernel
        The kernel.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import SVC
    >>> from ntk_sklearn import Graph, GraphNTKernel, NetworkGram
    >>> rings = [
    ...     Graph.from_edges(n, [(i, (i + 1) % n) for i in range(n)]) for n in (4, 5)
    ... ]
    >>> chains = [
    ...     Graph.from_edges(n, [(i, i + 1) for i in range(n - 1)]) for n in (4, 5)
    ... ]
    >>> gram = NetworkGram(GraphNTKernel(normalize=True))
    >>> model = make_pipeline(gram, SVC(kernel="precomputed", C=1e3))
    >>> model.fit(rings + chains, [1, 1, 0, 0]).predict(chains + rings)
    array([0, 0, 1, 1])
    """

    def __init__(self, kernel):
        self.kernel = kernel

    def fit(self, X, y=None):
        """Keep the training inputs.

        Parameters
        ----------
        X : array-like or sequence
            Inputs that the kernel takes.
        y : None
            Ignored.

        Returns
        -------
        NetworkGram
            The transformer itself.
        """
        if not isinstance(self.kernel, Kernel):
            raise TypeError(
                "kernel must be a kernel object of scikit-learn, such as "
                f"ConvolutionalNTKernel(), got {type(self.kernel).__name__}."
            )
        kernel = clone(self.kernel)
        kernel.diag(X)  # which checks the inputs
        self.kernel_, self.X_fit_ = kernel, X
        return self

    def fit_transform(self, X, y=None):
        """Return the kernel matrix of the training inputs.

        Parameters
        ----------
        X : array-like or sequence
            Inputs that the kernel takes.
        y : None
            Ignored.

        Returns
        -------
        ndarray of shape (n_samples, n_samples)
        """
        return self.fit(X).kernel_(X)

    def transform(self, X):
        """Return the kernel matrix of inputs with the training inputs.

        Parameters
        ----------
        X : array-like or sequence
            Inputs that the kernel takes.

        Returns
        -------
        ndarray of shape (n_samples, n_training_samples)
        """
        check_is_fitted(self)
        return self.kernel_(X, self.X_fit_)

    def __sklearn_tags__(self):
        """Return what scikit-learn needs to know: the inputs are the kernel's."""
        tags = super().__sklearn_tags__()
        vectors = getattr(self.kernel, "requires_vector_input", True)
        tags.input_tags.two_d_array = bool(vectors)
        return tags
