"""The tests on arrays of other libraries, in a process with SCIPY_ARRAY_API=1."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn import __version__

from .array_libraries import LIBRARIES, has

HERE = Path(__file__).parent
FILES = [f"{room}/test_arrays.py" for room in ("kernels", "estimators")]
FILES += ["engine/test_array_api.py", "estimators/test_array_inputs.py"]


@pytest.mark.skipif(
    os.environ.get("SCIPY_ARRAY_API") == "1", reason="these tests are run already"
)
@pytest.mark.skipif(
    tuple(map(int, __version__.split(".")[:2])) < (1, 9),
    reason="scikit-learn 1.9 is needed for arrays of other libraries",
)
@pytest.mark.parametrize("file", [f for f in FILES if (HERE / f).exists()])
def test_arrays_of_other_libraries(file):
    if not any(map(has, LIBRARIES)):
        pytest.importorskip("array_api_strict")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
    # The options of this run, such as where its report goes, are not those of another.
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        command,
        cwd=HERE,
        env={**kept, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
