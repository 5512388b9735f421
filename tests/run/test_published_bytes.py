"""What is published depends on videos and recipe alone, and names nothing of the machine."""

import getpass
import json
import os
import shutil
import socket
from pathlib import Path

import pytest
from lamp_runs import STAGES, digest, run_lamp, write_clip, write_recipe

from rotoscope.pipeline.errors import MemoryLimitError, TimeLimitError
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run.isolation import ChildError
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.run.rows import failed_row, named, public_row
from rotoscope.pipeline.video.scan import Found


def prepare(folder: Path) -> Path:
    """Videos that work, one for every way of failing, and a recipe with a file of one's own."""
    videos = folder / "videos"
    write_clip(videos / "a.mp4")
    write_clip(videos / "sub" / "b [x].mp4", frames=50)
    whole = (videos / "a.mp4").read_bytes()
    (videos / "short.mp4").write_bytes(whole[: len(whole) // 2])
    (videos / "text.mp4").write_text("no video")
    (videos / "gone.mp4").symlink_to(folder / "nowhere.mp4")
    os.mkfifo(videos / "pipe.mp4")
    shutil.copyfile(Path(__file__).parent / "tiny_stages.py", folder / "own.py")
    stages = [s.replace(str(Path(__file__).parent / "tiny_stages.py"), "./own.py") for s in STAGES]
    return write_recipe(folder / "lamp.yaml", stages)


def published_text(dataset: Path) -> bytes:
    return b"".join(
        str(p.relative_to(dataset)).encode() + p.read_bytes()
        for p in sorted(dataset.rglob("*"))
        if p.is_file()
    )


def test_spelling_and_place_change_no_byte_and_no_path_is_published(tmp_path, monkeypatch):
    one, two = tmp_path / "first-place", tmp_path / "second" / "and deeper"
    for folder in (one, two):
        folder.mkdir(parents=True)
        prepare(folder)
    absolute = run_lamp(one)
    assert sum(row.status == "failed" for row in absolute.rows) == 4
    assert sum(row.status == "done" for row in absolute.rows) == 2
    monkeypatch.chdir(two)
    run_lamp(
        Path("."),
        videos=Path("../and deeper/videos"),
        out=Path("o"),
        store=Path("s"),
        workers=2,
    )
    assert digest(one / "out") == digest(two / "o")
    text = published_text(one / "out")
    home, user, host = os.path.expanduser("~"), getpass.getuser(), socket.gethostname()
    words = [str(tmp_path), "first-place", home + "/", f"/{user}/", *([host] * (len(host) > 4))]
    for word in words:
        assert word.encode() not in text, word


def test_what_the_system_refuses_is_no_defect(tmp_path):
    request = LabelRequest(
        inputs=(tmp_path,), recipe=load_recipe("hand-gripper"), out=tmp_path / "out"
    )
    error = ChildError("PermissionError", "[Errno 13] Permission denied", False, "Traceback ...")
    row = failed_row(request, Found(tmp_path / "a.mp4", "a.mp4"), "encode", error)
    assert row.message.startswith("the system refused in 'encode': PermissionError: [Errno 13]")
    odd = failed_row(
        request,
        Found(tmp_path / "a.mp4", "a.mp4"),
        "lift",
        ChildError("KeyError", "'x'", False, ""),
    )
    assert odd.message == "unexpected KeyError: 'x' in 'lift'; this is a defect, please report it"


def test_names_that_look_alike_are_two_videos(tmp_path):
    videos = tmp_path / "videos"
    write_clip(tmp_path / "one.mp4", seed=1)
    write_clip(tmp_path / "two.mp4", seed=2)
    videos.mkdir()
    os.rename(tmp_path / "one.mp4", os.fsencode(videos) + b"/a\xff.mp4")
    os.rename(tmp_path / "two.mp4", videos / r"a\xff.mp4")
    result = run_lamp(tmp_path)
    assert [(r.name, r.status) for r in result.rows] == [
        (r"a\\xff.mp4", "done"),
        (r"a\xff.mp4", "done"),
    ]
    lines = (tmp_path / "out" / "meta" / "rotoscope" / "episodes.jsonl").read_text().splitlines()
    assert len({json.loads(line)["name"] for line in lines}) == 2


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (TimeLimitError, "ran for 301 s in stage 'hands' at frame 77, longer than its limit"),
        (MemoryLimitError, "used 2.03 GiB in stage 'lift' at frame 12"),
    ],
)
def test_what_a_machine_adds_to_a_failure_is_not_published(error, message):
    row = Row("a.mp4", "failed", stage="hands", error=error.__name__, message=message)
    facts = public_row(row)
    assert facts["message"] == error.__doc__.partition("\n")[0]
    assert facts["stage"] == ""
    assert facts["error"] == error.__name__


def test_message_about_a_file_is_published_unless_it_holds_a_path():
    text = "a.mp4 is empty (0 bytes); copy it again"
    row = Row("a.mp4", "failed", stage="probe", error="NotAVideoError", message=text)
    assert public_row(row)["message"] == text
    leaking = Row("a.mp4", "failed", error="MotionError", message="'/films/mine/b.npz' is short")
    assert "/films" not in str(public_row(leaking))


@pytest.mark.parametrize("folder", ["a", "./a", "/somewhere/a"])
def test_folder_is_taken_out_of_paths_alone(folder):
    found = Found(Path(folder) / "b.mp4", "b.mp4")
    message = f"{found.path} needs {found.path.parent}/notes.yaml; data/x and a media/type do not"
    assert named(message, found) == "b.mp4 needs notes.yaml; data/x and a media/type do not"
