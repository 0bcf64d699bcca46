"""Full disks for the tests.

A limit on the size of files fills the disk of this process alone: writes are cut short
and then fail, as on a device without room.
"""

import io
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest

needs_full = pytest.mark.skipif(
    not os.path.exists("/dev/full"), reason="no device that is always full"
)


@contextmanager
def full_beyond(n_bytes):
    """Let no file of this process, or of one that it starts, grow beyond a size."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def full_stream():
    """Open a text file on a device that is full."""
    return io.TextIOWrapper(open("/dev/full", "wb", buffering=0), write_through=True)


def can_mount(folder) -> bool:
    """Whether a small file system of our own may be mounted, which needs no root."""
    if not sys.platform.startswith("linux") or shutil.which("unshare") is None:
        return False
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "none", str(folder)]
    command = ["unshare", "-Urm", *mount]
    return not subprocess.run(command, check=False, capture_output=True).returncode
