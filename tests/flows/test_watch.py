"""Of a watched folder only what stood still is taken, with its name and what lies beside it."""

import os
import subprocess

import pytest

from rotoscope.flows.watch import Watched
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.processes import safe_python


@pytest.fixture
def watched(tmp_path):
    (tmp_path / "in" / "day 1").mkdir(parents=True)
    return Watched(tmp_path / "in", tmp_path / "memory")


def names(watched):
    return sorted(p.relative_to(watched.links).as_posix() for p in watched.links.rglob("*.*"))


def test_file_is_taken_once_two_looks_saw_it_alike(watched):
    (watched.folder / "day 1" / "a.mp4").write_bytes(b"1")
    assert watched.look().moving == 1
    look = watched.look()
    assert (look.steady, look.moving, look.is_new) == ({"day 1/a.mp4"}, 0, True)
    assert names(watched) == ["day 1/a.mp4"]
    assert (watched.links / "day 1" / "a.mp4").read_bytes() == b"1"
    assert watched.links.name == "in"


def test_file_that_grows_or_changes_waits(watched):
    video = watched.folder / "a.mp4"
    for size in (1, 2, 3):
        video.write_bytes(b"x" * size)
        assert not watched.look().steady
    os.utime(video, ns=(1, 1))
    assert not watched.look().steady
    assert watched.look().steady == {"a.mp4"}
    video.write_bytes(b"again")
    assert names(watched) == ["a.mp4"]
    assert not watched.look().steady
    assert names(watched) == []


def test_nothing_is_new_once_it_was_labeled_until_something_comes(watched):
    (watched.folder / "a.mp4").write_bytes(b"1")
    watched.look()
    watched.labeled(watched.look())
    assert not watched.look().is_new
    (watched.folder / "b.mp4").write_bytes(b"2")
    assert not watched.look().is_new
    assert watched.look().is_new
    (watched.folder / "a.mp4").unlink()
    assert watched.look().is_new
    assert names(watched) == ["b.mp4"]


def test_empty_folder_is_nothing_new(watched):
    watched.look()
    assert not watched.look().is_new


def test_hidden_files_and_folders_that_runs_write_are_left(tmp_path):
    (tmp_path / "out").mkdir()
    for name in (".part.mp4", "out/a.mp4", "b\udcff.mp4"):
        (tmp_path / name).write_bytes(b"1")
    watched = Watched(tmp_path, tmp_path / "memory", never=[tmp_path / "out"])
    watched.look()
    assert watched.look().steady == {"b\udcff.mp4"}


def test_torn_memory_is_a_first_look(watched):
    (watched.folder / "a.mp4").write_bytes(b"1")
    watched.look()
    for torn in ("{", "[1]", '{"zz": 1}', '{"61": 1}'):
        (watched.memory / "seen.json").write_text(torn)
        assert not watched.look().steady
        assert watched.look().steady


def test_file_cannot_be_watched(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(UsageError, match="no folder"):
        Watched(tmp_path / "a", tmp_path / "memory")


def test_one_look_at_a_time_and_a_killed_one_leaves_nothing_behind(watched):
    code = "import sys, time; from pathlib import Path; from rotoscope.flows.watch import Watched\n"
    code += "with Watched(*map(Path, sys.argv[1:])).alone() as mine:\n"
    code += "    print(mine, flush=True); time.sleep(60)"
    folders = [str(watched.folder), str(watched.memory.parent)]
    with subprocess.Popen([*safe_python(), "-c", code, *folders], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"True\n"
        with watched.alone() as mine:
            assert not mine
        other.kill()
    with watched.alone() as mine:
        assert mine
