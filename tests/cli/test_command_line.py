"""The commands as a user types them: once for real, then as this process is told them."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from video_files import write_video

from rotoscope.cli import main
from rotoscope.cli.guard import run_guarded
from rotoscope.pipeline.run.ledger import Ledger

ROOT = Path(__file__).parents[2]
TINY = Path(__file__).parents[1] / "run" / "tiny_stages.py"


@pytest.fixture
def folder(tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    write_video(videos / "a b'c.mp4", frames=60, fps=30, size=(64, 48))
    stages = [f"{TINY}:Brightness as bright", f"{TINY}:BrightnessLabeler as lamp", "curate"]
    raw = {"name": "lamp", "stages": stages, "export": {"width": 64, "height": 48}}
    (tmp_path / "lamp.yaml").write_text(yaml.safe_dump(raw))
    return tmp_path


@pytest.fixture
def typed(folder):
    def typed(*arguments):
        env = os.environ | {"ROTOSCOPE_STORE": str(folder / "store"), "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-m", "rotoscope.cli.main", *arguments],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    return typed


@pytest.fixture
def rotoscope(folder, monkeypatch, capsys):
    """All of a command but the start of an interpreter, which takes longer than most of them."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ROTOSCOPE_STORE", str(folder / "store"))

    def rotoscope(*arguments):
        monkeypatch.setattr(sys, "argv", ["rotoscope", *arguments])
        with pytest.raises(SystemExit) as left:
            run_guarded(main._command)
        said = capsys.readouterr()
        return SimpleNamespace(returncode=left.value.code, stdout=said.out, stderr=said.err)

    return rotoscope


def test_label_status_report_doctor_in_a_row(typed, folder):
    done = typed("label", "videos", "--recipe", "lamp.yaml", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert "dataset written: out" in done.stdout
    status = typed("status", "out")
    assert status.returncode == 0
    assert "a b'c.mp4" in status.stdout
    report = typed("report", "out")
    assert report.returncode == 0, report.stderr
    page = (folder / "out.report.html").read_text()
    assert "data:image/jpeg;base64," in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    doctor = typed("doctor", "out")
    assert "PASS" in doctor.stdout, doctor.stderr
    again = typed("label", "videos", "--recipe", "lamp.yaml", "--out", "out")
    assert "dataset already complete" in again.stdout


def test_a_run_ends_with_what_gave_no_episode_and_strict_makes_that_an_error(rotoscope, folder):
    for number in range(9):
        video = folder / "videos" / f"short{number}.mp4"
        write_video(video, frames=20 + number, fps=30, size=(64, 48))
    words = ["label", "videos", "--recipe", "lamp.yaml", "--out", "out"]
    done = rotoscope(*words)
    assert done.returncode == 0, done.stderr
    last = next(line for line in done.stdout.splitlines() if "gave no episode" in line)
    assert last.startswith(
        "9 of 10 videos gave no episode: short0.mp4 (curate too short in 20 of 20 frames), short1"
    )
    assert last.endswith("in 27 of 27 frames), and 1 more, see rotoscope status out")
    assert rotoscope(*words, "--strict").returncode == 1


def test_retry_command_from_the_ledger_works_as_printed(rotoscope, folder):
    broken = folder / "videos" / "it's broken.mp4"
    broken.write_bytes(b"not yet")
    first = rotoscope("label", "videos", "--recipe", "lamp.yaml", "--out", "out")
    assert first.returncode == 1
    assert rotoscope("status", "out").returncode == 1
    refused = rotoscope("retry", "out", "--only", "it's broken.mp4")
    assert refused.returncode == 2
    assert "say --allow-code if you trust it" in refused.stderr
    write_video(broken, frames=50, fps=30, size=(64, 48))
    printed = Ledger(folder / "out.rotoscope" / "ledger.jsonl").rows()[-1].retry
    again = rotoscope(*shlex.split(printed)[1:])
    assert again.returncode == 0, again.stdout + again.stderr
    assert rotoscope("status", "out").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["label", "nowhere", "--out", "x"], "not there: nowhere"),
        (["label", "videos", "--out", "x", "--recipe", "nothing"], "there is no recipe 'nothing'"),
        (["label", "videos", "--out", "x", "-o", "a.b=1"], "cannot read override"),
        (["retry", "nothing"], "no run is recorded for nothing"),
        (["status", "nothing"], "no run is recorded for nothing"),
        (["label", "videos"], "--out"),
        (["assets", "fetch", "no-such-asset"], "no-such-asset"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(rotoscope, arguments, message):
    done = rotoscope(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_report_of_something_else_is_one_sentence(rotoscope):
    done = rotoscope("report", "videos")
    assert done.returncode == 1
    assert "is not a LeRobot dataset" in done.stderr
    assert "Traceback" not in done.stderr


def test_describe_decodes_nothing_and_counts_frames(rotoscope, folder):
    done = rotoscope("describe", "videos", "--recipe", "lamp.yaml", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert "1 to do (60 frames)" in done.stdout
    assert not (folder / "out").exists()


def test_help_names_every_command(rotoscope):
    done = rotoscope("--help")
    for command in ("label", "describe", "retry", "status", "doctor", "report", "assets"):
        assert command in done.stdout


def test_recipes_lists_what_ships(rotoscope):
    done = rotoscope("recipes")
    assert "hand-gripper" in done.stdout
    full = rotoscope("recipes", "hand-gripper")
    assert yaml.safe_load(full.stdout)["name"] == "hand-gripper"
