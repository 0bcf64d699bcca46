"""The types that the documentation tells skops to trust, and no others, are needed."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import is_classifier

from ntk_sklearn import (
    NNGPKernel,
    NTKernel,
    TableEncoder,
    WeightedNTKernel,
    WNTKClassifier,
    WNTKRegressor,
)

sio = pytest.importorskip("skops.io")
PAGE = Path(__file__).parents[2] / "docs" / "saving.rst"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="docs/ is not here")

rng = np.random.default_rng(0)
X = rng.standard_normal((80, 3))
X[:, 2] = X[:, 2] > 0  # beside scaled columns and ranks, a binary one
Y = np.sin(X[:, 0]) + 0.1 * rng.standard_normal(80)

FEW = {"n_components": 20, "solver": "nystrom"}
MODELS = {
    "regressor": WNTKRegressor(),
    "classifier": WNTKClassifier(),
    "classifier, nystrom": WNTKClassifier(**FEW),
    "nystrom": WNTKRegressor(**FEW),
    "local": WNTKRegressor(NTKernel(depth=1), solver="local"),
    "cg": WNTKRegressor(NNGPKernel(depth=1), alpha_bounds="fixed", solver="cg"),
    "evidence": WNTKClassifier(
        WeightedNTKernel(depth=1, activation="gelu"), objective="evidence"
    ),
    "encoder": TableEncoder(),
    "table": WNTKRegressor(categorical_features=[3]),
    "sparse": WNTKRegressor(NTKernel(depth=1)),
}
# Beside the numbers, gaps and codes of levels; and the same rows, sparse.
OTHERS = {
    "table": np.column_stack([np.where(X > 1.5, np.nan, X), rng.integers(0, 4, 80)]),
    "sparse": csr_array(X),
}


def documented():
    text = PAGE.read_text(encoding="utf-8")
    (found,) = re.findall(r"TRUSTED = (\[.*?\])", text, re.DOTALL)
    return ast.literal_eval(found)


@pytest.fixture(scope="module")
def files():
    saved = {}
    for name, model in MODELS.items():
        y = np.where(Y > 0, "up", "down") if is_classifier(model) else Y
        saved[name] = sio.dumps(model.fit(OTHERS.get(name, X), y))
    return saved


@pytest.mark.parametrize("name", MODELS)
def test_the_documented_types_are_enough(files, name):
    model, again = MODELS[name], sio.loads(files[name], trusted=documented())
    answer = "predict" if hasattr(model, "predict") else "transform"
    rows = OTHERS.get(name, X)
    found, expected = (getattr(m, answer)(rows) for m in (again, model))
    np.testing.assert_array_equal(found, expected)


def test_each_of_the_documented_types_is_needed(files):
    needed = [set(sio.get_untrusted_types(data=data)) for data in files.values()]
    assert documented() == sorted(set().union(*needed))
