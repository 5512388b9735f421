import os
import subprocess
import sys

import pytest

from pipeline.atomic import atomic_path, write_bytes_atomic


def write_and_fail(path, data):
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
        raise ZeroDivisionError


def test_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a" / "data.bin"
    with pytest.raises(ZeroDivisionError):
        write_and_fail(path, b"half")
    assert list(path.parent.iterdir()) == []
    write_bytes_atomic(path, b"whole")
    assert path.read_bytes() == b"whole"


def test_folder_replaces_a_full_folder(tmp_path):
    path = tmp_path / "dataset"
    for text in ("old", "new"):
        with atomic_path(path) as temporary:
            temporary.mkdir()
            (temporary / "file").write_text(text)
    assert (path / "file").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["dataset"]


def test_failed_replacement_leaves_the_old_one(tmp_path):
    path = tmp_path / "data.bin"
    write_bytes_atomic(path, b"old")
    with pytest.raises(ZeroDivisionError):
        write_and_fail(path, b"new")
    assert path.read_bytes() == b"old"


def test_leftovers_of_killed_processes_are_removed_and_those_of_living_ones_kept(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead = tmp_path / f".data.bin.tmp-{gone.pid}-0123abcd"
    alive = tmp_path / f".data.bin.tmp-{os.getpid()}-0123abcd"
    other = tmp_path / f".data.bin.tmp-{gone.pid}-notes"
    for path in (dead, alive, other):
        path.write_text("x")
    write_bytes_atomic(tmp_path / "data.bin", b"whole")
    assert not dead.exists()
    assert alive.exists()
    assert other.exists()
