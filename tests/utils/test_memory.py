"""The memory of the process, as the operating system tells it."""

import sys

import numpy as np
import pytest

from ntk_sklearn._utils.memory import aligned_empty, aligned_zeros, watch_peak


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak")
def test_the_rise_of_memory_counts_what_is_gone_again():
    rise = watch_peak()
    if np.isnan(rise()):
        pytest.skip("the system does not let a process forget its peak")
    a = np.ones(2**24)  # 128 MiB, every page of it touched
    del a
    assert 1.2e8 < rise() < 2.5e8
    assert watch_peak()() < 5e7


def test_aligned_arrays_begin_with_a_line_of_the_cache():
    for shape in ((5,), (3, 0, 4), (2, 3, 7), (1,)):
        found = [aligned_zeros(shape) for _ in range(3)]
        for array in found:
            assert array.shape == shape
            assert array.dtype == np.float64
            assert array.flags.c_contiguous
            assert array.ctypes.data % 64 == 0 or not array.size
            assert not array.any()
        assert aligned_empty(shape).ctypes.data % 64 == 0 or not array.size
