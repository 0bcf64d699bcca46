"""The file of results: whole lines on full disks, resumed from where it ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ntk_sklearn.comparison import StudyError, read_results
from ntk_sklearn.comparison.cli import main
from ntk_sklearn.comparison.results.results_file import HEADER, ResultsFile

from ...disk import can_mount, full_beyond
from .. import cases
from ..cases import study

COMMAND = ["compare", "--data", "iris", "--models", "counted", "--folds", "4"]


@pytest.fixture
def counted():
    return cases.Counted()


def check_whole_lines(path, n_rows):
    assert path.read_bytes().endswith(b"\n")
    assert len(read_results(path)) == n_rows


def _error(out):
    return f"ntk_sklearn: error: --out {out}"


def test_results_on_a_full_disk_are_whole_and_resumed(tmp_path, counted, capsys):
    out = tmp_path / "r.csv"
    command = [*COMMAND, "--jobs", "1", "--out", str(out)]
    with full_beyond(len(HEADER) + 300):
        assert main(command, counted.models) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert f"error: --out {out}: the result of counted on iris, fold 1, " in message
    assert "cannot be written: File too large; the file holds the 1 before" in message
    assert message.endswith("the same command resumes from them")
    check_whole_lines(out, 1)
    assert main(command, counted.models) == 0
    assert counted.fits == 5  # the one that found no room, again
    check_whole_lines(out, 4)


def test_no_room_for_the_first_line(tmp_path, counted, capsys):
    out = tmp_path / "r.csv"
    with full_beyond(20):
        assert main([*COMMAND, "--out", str(out)], counted.models) == 2
    assert capsys.readouterr().err == f"{_error(out)}: File too large\n"
    assert out.read_bytes() == b""
    assert counted.fits == 0


@pytest.mark.parametrize("n_bytes", [0, 1, 20, len(HEADER) - 1, len(HEADER)])
def test_a_header_that_was_cut_short_is_mended(tmp_path, counted, n_bytes):
    out = tmp_path / "r.csv"
    out.write_bytes(HEADER[:n_bytes])
    assert read_results(out) == []
    data = cases.iris(2)
    study([data], counted.models, out=out)
    assert out.read_bytes().startswith(HEADER)
    check_whole_lines(out, 2)


def test_results_go_to_files_only(tmp_path, capsys):
    for path in (tmp_path, Path(os.devnull)):
        assert main([*COMMAND[:3], "--out", str(path)]) == 2
        assert f"{_error(path)}: is not a file" in capsys.readouterr().err


def test_results_on_a_small_file_system(tmp_path):
    disk, copy = tmp_path / "disk", tmp_path / "copy.csv"
    disk.mkdir()
    if not can_mount(disk):
        pytest.skip("user namespaces with mounts are not allowed here")
    script = (
        f"mount -t tmpfs -o size=4k none {disk}; {sys.executable} -m ntk_sklearn "
        "compare --data iris,wine --models rbf-svm,nngp-svm,wntk,rbf-ridge,nngp-ridge "
        f"--quick --jobs 2 --out {disk}/r.csv; status=$?; cp {disk}/r.csv {copy}; "
        "exit $status"
    )
    run = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", script],
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2, run.stderr
    assert "cannot be written: No space left on device" in run.stderr
    assert "Traceback" not in run.stderr
    n_rows = copy.read_bytes().count(b"\n") - 1
    assert f"the file holds the {n_rows} before it" in run.stderr
    check_whole_lines(copy, n_rows)


def test_damaged_results_are_named(tmp_path):
    path = tmp_path / "r.csv"
    with ResultsFile(path):
        pass
    assert read_results(path) == []
    with path.open("a") as file:
        file.write("classification,iris\n")
    message = "damaged row, delete row 2: it has 2 cells instead of 19"
    with pytest.raises(StudyError, match=message):
        read_results(path)
