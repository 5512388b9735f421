import hashlib
import os
from pathlib import Path

import pytest

from rotoscope.pipeline.errors import NotAVideoError, UsageError
from rotoscope.pipeline.files.identity import sha256_file
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.video.scan import scan


def touch(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(found):
    return [f.name for f in found]


def test_folder_is_searched_recursively_in_order_of_names(tmp_path):
    for name in ("b.mp4", "a/z.MOV", "a/b/c.gif", "notes.txt", "B.webm"):
        touch(tmp_path / name)
    assert names(scan([tmp_path])) == ["B.webm", "a/b/c.gif", "a/z.MOV", "b.mp4"]


def test_named_file_is_taken_whatever_its_suffix(tmp_path):
    assert names(scan([touch(tmp_path / "clip.bin")])) == ["clip.bin"]


def test_hidden_files_and_folders_are_left_out(tmp_path):
    touch(tmp_path / ".a.mp4")
    touch(tmp_path / ".git/b.mp4")
    touch(tmp_path / "c.mp4")
    assert names(scan([tmp_path])) == ["c.mp4"]


def test_loop_of_links_ends(tmp_path):
    touch(tmp_path / "real/a.mp4")
    (tmp_path / "real/again").symlink_to(tmp_path)
    (tmp_path / "also").symlink_to(tmp_path / "real")
    assert names(scan([tmp_path])) == ["real/a.mp4"]


def test_folder_named_like_a_video_is_searched(tmp_path):
    touch(tmp_path / "x.mp4/inner.mp4")
    assert names(scan([tmp_path])) == ["x.mp4/inner.mp4"]


def test_overlapping_inputs_give_each_file_once(tmp_path):
    clip = touch(tmp_path / "a.mp4")
    assert names(scan([tmp_path, clip, tmp_path])) == ["a.mp4"]


def test_same_name_in_two_inputs_gets_the_input_in_front(tmp_path):
    for folder in ("one", "two"):
        touch(tmp_path / folder / "a.mp4")
    touch(tmp_path / "two/b.mp4")
    found = scan([tmp_path / "one", tmp_path / "two"])
    assert names(found) == ["b.mp4", "one/a.mp4", "two/a.mp4"]


def test_same_name_in_inputs_of_the_same_name_gets_the_whole_path(tmp_path):
    inputs = [tmp_path / side / "clips" for side in ("left", "right")]
    for folder in inputs:
        touch(folder / "a.mp4")
    found = names(scan(inputs))
    assert len(set(found)) == 2
    assert all(name.endswith("/clips/a.mp4") for name in found)


def test_name_that_is_no_text_is_shown_in_one_printable_line(tmp_path):
    name = b"new\nline \"q\" 's' \xff\xfe.mp4"
    touch(Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)))
    (found,) = scan([tmp_path])
    assert os.fsencode(found.name) == name
    assert found.display_name == "new\\nline \"q\" 's' \\xff\\xfe.mp4"
    assert found.display_name.isprintable()


def test_glob_selects_by_displayed_name(tmp_path):
    for name in ("kitchen/a.mp4", "kitchen/b.mov", "yard/c.mp4", "what?.mp4"):
        touch(tmp_path / name)
    assert names(scan([tmp_path], only="kitchen/*")) == ["kitchen/a.mp4", "kitchen/b.mov"]
    assert names(scan([tmp_path], only="*c.mp4")) == ["yard/c.mp4"]
    assert names(scan([tmp_path], only="what?.mp4")) == ["what?.mp4"]


def test_link_to_nowhere_becomes_an_entry_with_a_problem(tmp_path):
    (tmp_path / "a.mp4").symlink_to(tmp_path / "gone.mp4")
    (found,) = scan([tmp_path])
    assert "leads nowhere" in found.problem


def test_link_to_itself_becomes_an_entry_with_a_problem(tmp_path):
    (tmp_path / "a.mp4").symlink_to(tmp_path / "a.mp4")
    (found,) = scan([tmp_path])
    assert "symbolic links" in found.problem


def test_pipe_becomes_an_entry_with_a_problem_instead_of_waiting(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    (found,) = scan([tmp_path])
    assert found.problem == "a named pipe, not a file; remove or rename it"


def test_folder_that_may_not_be_read_becomes_an_entry_with_a_problem(tmp_path, monkeypatch):
    touch(tmp_path / "a.mp4")
    (tmp_path / "locked").mkdir()
    listing = Path.iterdir

    def refuse(self):
        if self.name == "locked":
            raise PermissionError(13, "Permission denied")
        return listing(self)

    # The tests may run as root, who may read everything.
    monkeypatch.setattr(Path, "iterdir", refuse)
    found = scan([tmp_path])
    assert names(found) == ["a.mp4", "locked"]
    assert found[1].problem == "the folder cannot be read (Permission denied)"


def test_input_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"gone.*is not there; give a folder or a file"):
        scan([tmp_path / "gone"])


def test_sha256_is_that_of_the_bytes(tmp_path):
    content = bytes(range(256)) * 5000
    assert sha256_file(touch(tmp_path / "a", content)) == hashlib.sha256(content).hexdigest()


def test_sha256_refuses_what_holds_no_bytes(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotAVideoError, match="is empty"):
        sha256_file(touch(tmp_path / "empty.mp4", b""))
    with pytest.raises(NotAVideoError, match="is a folder, not a file"):
        sha256_file(tmp_path)
    with pytest.raises(NotAVideoError, match="is a named pipe, not a file"):
        sha256_file(tmp_path / "pipe")
    with pytest.raises(NotAVideoError, match=r"cannot be read .No such file"):
        sha256_file(tmp_path / "gone.mp4")


def test_display_name_keeps_ordinary_text():
    assert display_name("Küche 01 (neu).mp4") == "Küche 01 (neu).mp4"
