"""Private or recent names of other packages, imported in this module only."""

from sklearn.base import _fit_context
from sklearn.utils._array_api import (
    _convert_to_numpy,
    _max_precision_float_dtype,
    get_namespace,
)
from sklearn.utils._array_api import device as array_device
from sklearn.utils._chunking import get_chunk_n_rows
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in, _check_sample_weight

try:  # the callback protocol, from scikit-learn 1.9
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """A replacement if the installed scikit-learn has no callbacks."""

        def _init_callback_context(self, **options) -> None:
            """Return None, as there are no callbacks to report to."""


__all__ = [
    "CallbackSupportMixin",
    "Interval",
    "StrOptions",
    "_check_feature_names_in",
    "_check_sample_weight",
    "_convert_to_numpy",
    "_fit_context",
    "_max_precision_float_dtype",
    "array_device",
    "get_chunk_n_rows",
    "get_namespace",
    "set_blas_threads",
]


def set_blas_threads(library, count: int) -> None:
    """Set the number of threads of a library found by threadpoolctl.

    From threadpoolctl 3.8 on, the public setter does nothing in threads other than the
    first one that called it. A limit set in one thread could then never be lifted in
    another.
    """
    getattr(library, "_real_set_num_threads", library.set_num_threads)(count)
