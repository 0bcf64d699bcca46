"""Fits of more rows than a kernel matrix can hold, for the shell of the estimators.

The kernel and its ridge are learned on a sample of the rows. Then either one pass over
all rows fills the normal equations of a Nyström model, whose cross-validation chooses
the ridge; or, if the kernel matrix of all rows fits, conjugate gradients solve on it;
or a Nyström model is made exact within clusters of rows.
"""

from ._conjugate import fit_conjugate
from ._local import fit_local
from ._sample import Sample
from ._stream import DEFAULT_CENTRES, Stream

__all__ = ["DEFAULT_CENTRES", "Sample", "Stream", "fit_conjugate", "fit_local"]
