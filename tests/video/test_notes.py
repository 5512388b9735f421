"""Notes beside a video: which count, what they may say, and the task that comes of them."""

import json

import pytest

from rotoscope.pipeline.errors import UnreasonableVideoError
from rotoscope.pipeline.sources import files_of, identify
from rotoscope.pipeline.video.notes import VideoNotes, note_files, read_notes, task_of


@pytest.fixture
def video(tmp_path):
    folder = tmp_path / "pick_up_the_cup"
    folder.mkdir()
    path = folder / "take_1.mp4"
    path.write_bytes(b"video")
    return path


def put(video, name, content):
    text = content if isinstance(content, str) else json.dumps(content)
    video.with_name(name).write_text(text)


def test_what_is_nearer_to_the_video_comes_first(video):
    assert read_notes(video) == VideoNotes()
    put(video, "folder.json", {"task": "of all", "license": "MIT", "person": "p"})
    assert read_notes(video).task == "of all"
    put(video, "take_1.txt", "of  this\n one\n")
    assert read_notes(video).task == "of this one"
    put(video, "take_1.json", {"task": "said exactly", "credit": "A. Person"})
    found = read_notes(video)
    assert (found.task, found.credit, found.license) == ("said exactly", "A. Person", "MIT")
    assert [f.name for f in note_files(video)] == ["take_1.json", "take_1.txt", "folder.json"]


@pytest.mark.parametrize(
    ("notes", "why"),
    [
        ({"rights": "MIT", "task": "x"}, "rights: Extra inputs"),
        ({"side": "both"}, "side"),
        ({"leave_out": [[3, 1]]}, "must end after it begins, 3 s"),
        ({"spans": [{"start_s": 2, "end_s": 2, "task": "x"}]}, "must end after it begins, 2 s"),
        ("{", "is not valid JSON"),
    ],
)
def test_notes_that_cannot_be_meant_are_refused(video, notes, why):
    put(video, "take_1.json", notes)
    with pytest.raises(UnreasonableVideoError, match=why):
        read_notes(video)


@pytest.mark.parametrize("content", [[1], {"duration": 3.2, "uploader": "x"}, {"rights": "MIT"}])
def test_a_file_of_another_purpose_is_said_and_not_used(video, content):
    put(video, "take_1.json", content)
    put(video, "take_1.txt", "pour water")
    with pytest.warns(UserWarning, match=r"take_1\.json has none of the keys of notes"):
        assert read_notes(video) == VideoNotes(task="pour water")


def test_long_text_is_taken_for_a_file_of_another_purpose(video):
    put(video, "take_1.txt", "word " * 200)
    with pytest.raises(UnreasonableVideoError, match=r"take_1\.txt holds 999 letters; .* at most"):
        read_notes(video)


def test_new_text_changes_what_is_made_of_all_but_not_what_stages_made(video):
    before = identify(video, "video")
    put(video, "take_1.txt", "push")
    after = identify(video, "video")
    assert after.own_sha256 == before.sha256
    assert after.sha256 != before.sha256
    assert not before.holds(files_of(video, "video"))
    assert not {name for name, _ in after.beside} & {"hands", "clock"}


@pytest.mark.parametrize(
    ("template", "task", "found"),
    [
        ("manipulate the object", "", "manipulate the object"),
        ("manipulate the object", "push it", "push it"),
        ("{folder}", "", "pick up the cup"),
        ("{folder}: {text}", "slowly", "pick up the cup: slowly"),
        ("{name}", "", "take 1"),
        ("a {text}", "b {name}", "a b {name}"),
    ],
)
def test_task_is_what_is_said_or_what_the_template_makes_of_it(video, template, task, found):
    assert task_of(template, VideoNotes(task=task), video) == found


def test_template_without_its_text_or_with_another_place_says_so(video):
    with pytest.raises(UnreasonableVideoError, match=r"write take_1\.txt"):
        task_of("{text}", VideoNotes(), video)
    with pytest.raises(UnreasonableVideoError, match=r"has a place \{date\}"):
        task_of("{date}", VideoNotes(), video)
