import errno
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from rotoscope.pipeline.errors import DiskFullError
from rotoscope.pipeline.files.atomic import (
    atomic_path,
    remove_leftovers,
    scratch_folder,
    write_bytes_atomic,
)

ROOT = Path(__file__).resolve().parents[2]


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


def leftover_of_a_killed_process(path, kind="tmp"):
    """What a process leaves that is killed while it writes `path`, and its number."""
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom pipeline import atomic\n"
        "path, kind = Path(sys.argv[1]), sys.argv[2]\n"
        "atomic._temporary(path, kind).write_text('half')\n"
        "print(os.getpid(), flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-c", code, str(path), kind]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    (left,) = path.parent.glob(f".*.{kind}-*-{done.stdout.strip()}-*")
    return left


def test_leftovers_of_killed_processes_are_removed_and_those_of_living_ones_kept(tmp_path):
    dead = leftover_of_a_killed_process(tmp_path / "data.bin")
    with atomic_path(tmp_path / "data.bin") as alive:
        alive.write_text("half")
        other = tmp_path / f"{dead.name}-notes"
        other.write_text("x")
        write_bytes_atomic(tmp_path / "data.bin", b"whole")
        assert not dead.exists()
        assert alive.exists()
        assert other.exists()


def test_leftovers_of_another_name_are_left_to_its_own_next_write(tmp_path):
    dead = leftover_of_a_killed_process(tmp_path / "other.bin")
    write_bytes_atomic(tmp_path / "data.bin", b"whole")
    assert dead.exists()
    remove_leftovers(tmp_path)
    assert not dead.exists()


def test_process_that_got_a_dead_ones_number_does_not_protect_its_leftover(tmp_path):
    with atomic_path(tmp_path / "data.bin") as mine:
        mine.write_text("half")
        pid, start = mine.name.split("-")[2:4]
        assert pid == str(os.getpid())
        reused = mine.with_name(mine.name.replace(f"-{start}-", f"-{int(start) - 1}-"))
        reused.write_text("half")
        remove_leftovers(tmp_path)
        assert mine.exists()
        assert not reused.exists()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_leftover_of_another_host_is_removed_only_when_it_is_old(tmp_path, kind):
    name = leftover_of_a_killed_process(tmp_path / "data.bin").name
    place = name.split("-")[1]
    path = tmp_path / name.replace(place, "0" * len(place))
    inside = path / "part" / "data.bin" if kind == "folder" else path
    inside.parent.mkdir(parents=True, exist_ok=True)
    inside.write_text("half")
    for part in (path, inside.parent, inside):
        os.utime(part, (0, 0))
    os.utime(inside, (time.time() - 6 * 24 * 3600,) * 2)
    write_bytes_atomic(tmp_path / "data.bin", b"whole")
    assert inside.exists()
    os.utime(inside, (time.time() - 8 * 24 * 3600,) * 2)
    write_bytes_atomic(tmp_path / "data.bin", b"whole")
    assert not path.exists()


def test_temporary_tells_nothing_of_the_host(tmp_path):
    with atomic_path(tmp_path / "data.bin") as temporary:
        temporary.write_text("half")
        assert platform.node() not in temporary.name
        place = temporary.name.split("-")[1]
    assert len(place) == 12
    assert all(c in "0123456789abcdef" for c in place)


def test_folder_whose_replacement_was_killed_gets_its_name_back(tmp_path):
    leftover_of_a_killed_process(tmp_path / "dataset", "old")
    with pytest.raises(ZeroDivisionError):
        write_and_fail(tmp_path / "dataset", b"new")
    assert (tmp_path / "dataset").read_text() == "half"


def test_folder_is_replaced_where_names_cannot_be_swapped(tmp_path, monkeypatch):
    monkeypatch.setattr("rotoscope.pipeline.files.atomic._exchange", lambda one, other: False)
    test_folder_replaces_a_full_folder(tmp_path)


def test_longest_name_that_a_file_may_have_can_be_written(tmp_path):
    path = tmp_path / ("é" * 127)
    write_bytes_atomic(path, b"whole")
    assert path.read_bytes() == b"whole"


def test_scratch_folder_is_gone_afterwards_and_after_a_kill_at_the_next_use(tmp_path):
    dead = leftover_of_a_killed_process(tmp_path / "trial")
    with scratch_folder("trial", beside=tmp_path) as folder:
        assert list(folder.iterdir()) == []
        assert not dead.exists()
        (folder / "part").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_scratch_folder_lies_in_the_systems_own_place_for_them(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch_folder("trial") as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO])
def test_disk_that_takes_no_more_is_one_sentence(tmp_path, number):
    def fail(folder):
        raise OSError(number, os.strerror(number))

    path = tmp_path / "a"
    path.write_text("before")
    with (
        pytest.raises(DiskFullError, match=os.strerror(number)),
        atomic_path(path, last=fail) as new,
    ):
        new.write_text("after")
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
