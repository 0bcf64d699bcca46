"""Machine code on disk is that of the sources that are there."""

import subprocess
import sys

import pytest

from ntk_sklearn._utils.jit import ROOMS, fingerprint

CALLEE = """
from typing import NamedTuple
from ntk_sklearn._utils.jit import jit

class Pair(NamedTuple):
    first: float
    second: float

@jit
def add(pair):
    return pair.first + pair.second
"""
CALLER = """
import callee
from ntk_sklearn._utils.jit import jit

add = callee.add

@jit
def outer(pair):
    return 10.0 * add(pair)
"""
SCRIPT = """
import sys
from ntk_sklearn._utils import jit

jit.SOURCES, folder = sys.argv[1:]
sys.path.insert(0, folder)
import callee, caller

pairs = [kind for name, kind in vars(callee).items() if name in ("Pair", "Twins")]
value = caller.outer(pairs[0](1.0, 2.0))
print(value, sum(caller.outer.stats.cache_hits.values()))
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Write the callee's file, and call the caller in a process of its own."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "caller.py").write_text(CALLER)

    def run(callee, sources):
        (tmp_path / "callee.py").write_text(callee)
        done = subprocess.run(
            [sys.executable, "-B", "-c", SCRIPT, sources, str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.stdout.split() if done.returncode == 0 else done.stderr

    return run


def test_changed_sources_compile_anew(run):
    changed = CALLEE.replace("+", "-")
    renamed = changed.replace("Pair", "Twins")
    assert run(CALLEE, "first") == ["30.0", "0"]
    assert run(changed, "first") == ["30.0", "1"]  # what numba would do by itself
    assert run(changed, "second") == ["-10.0", "0"]
    error = run(renamed, "second")  # and this
    assert "AttributeError" in error
    assert "'Pair'" in error
    assert run(renamed, "third") == ["-10.0", "0"]
    assert run(renamed, "third") == ["-10.0", "1"]


def test_names_and_contents_of_all_sources_count(tmp_path):
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "a.py").write_text("x = 1")
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "a.py").write_text("x = 1")
    seen = [fingerprint(tmp_path)]
    for room in ROOMS:
        (tmp_path / room / "a.py").write_text("x = 2")
        seen.append(fingerprint(tmp_path))
        (tmp_path / room / "a.py").rename(tmp_path / room / "b.py")
        seen.append(fingerprint(tmp_path))
    assert len(set(seen)) == len(seen) == 7
    (tmp_path / "kernels" / "a.py").write_text("x = 2")
    assert fingerprint(tmp_path) == seen[-1]


DIGITS = """
import numpy as np
from ntk_sklearn import NTKernel

X = np.random.default_rng(0).standard_normal((60, 4))
kernel = NTKernel(3, bias_variance=0.1)
print(kernel(X).tobytes().hex(), kernel.contract(X, np.eye(60) + 1.0).tobytes().hex())
"""


def test_the_process_that_compiles_computes_the_same_digits(tmp_path, monkeypatch):
    """And the one that finds machine code on disk: no operation is fused elsewhere."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    printed = [
        subprocess.run(
            [sys.executable, "-c", DIGITS],
            capture_output=True,
            text=True,
            timeout=900,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert len(printed[0]) > 60 * 60 * 16
    assert printed[0] == printed[1]
