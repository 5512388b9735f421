"""However a command ends: one sentence, the right exit code, and how to go on."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from video_files import write_video

from rotoscope.cli import guard
from rotoscope.cli.main import _command
from rotoscope.pipeline.errors import AnotherProcessError, AssetError, UsageError

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "run" / "tiny_stages.py"


@pytest.fixture
def folder(tmp_path):
    write_video(tmp_path / "a.mp4", frames=30, fps=30, size=(64, 48))
    raw = {
        "name": "stuck",
        "stages": [{f"{TINY}:Brightness as bright": {"misbehave": "hang"}}],
    }
    (tmp_path / "stuck.yaml").write_text(yaml.safe_dump(raw))
    return tmp_path


def start(folder, *arguments):
    env = os.environ | {"PYTHONPATH": str(ROOT), "ROTOSCOPE_STORE": str(folder / "store")}
    return subprocess.Popen(
        [sys.executable, "-m", "rotoscope.cli.main", *arguments],
        cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for(found, *, timeout_s=60.0):
    end = time.monotonic() + timeout_s
    while not found():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.05)


def hung(folder):
    command = start(folder, "label", "a.mp4", "--recipe", "stuck.yaml", "--out", "my out")
    wait_for((folder / "my out.rotoscope" / "run.json").is_file)
    time.sleep(1.0)
    return command


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_labeling_says_how_to_go_on(folder, number, code):
    command = hung(folder)
    command.send_signal(number)
    _, said = command.communicate(timeout=60)
    assert command.returncode == code
    assert said == (
        "rotoscope: stopped; run the same command again: it goes on where it was; or: rotoscope "
        "retry 'my out' --allow-code\n"
    )


def test_second_signal_ends_at_once(folder):
    code = (
        "import time\n"
        "from rotoscope.cli.guard import run_guarded\n"
        "def command():\n"
        "    try:\n"
        "        print('ready', flush=True); time.sleep(60)\n"
        "    finally:\n"
        "        print('tidying', flush=True); time.sleep(60)\n"
        "run_guarded(command)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    for word in ("ready", "tidying"):
        assert process.stdout.readline().strip() == word
        process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130


def ended(command, capsys):
    with pytest.raises(SystemExit) as left:
        guard.run_guarded(command)
    return left.value.code, re.sub(r"\s+$", "", capsys.readouterr().err)


def raiser(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("no [b]such[/b] thing"), 2, "rotoscope: no [b]such[/b] thing"),
        (AssetError("gone"), 1, "rotoscope: AssetError: gone"),
        (PermissionError(13, "Permission denied", "/x [y]"), 1, "/x [y]: Permission denied"),
        (OSError("cannot read"), 1, "rotoscope: cannot read"),
        (OSError(28, "No space left", "a", None, "b"), 1, "rotoscope: a to b: No space left"),
        (SystemExit(3), 3, ""),
        (SystemExit(None), 0, ""),
        (BrokenPipeError(), 141, ""),
    ],
)
def test_errors_become_a_sentence_and_a_code(error, code, said, capsys):
    found, text = ended(raiser(error), capsys)
    assert found == code
    assert text.endswith(said)
    assert "Traceback" not in text


def test_process_whose_fellow_failed_first_leaves_the_word_to_it(capsys):
    def command():
        raise AnotherProcessError("process 1 of 2 ended because another failed")

    with pytest.raises(SystemExit) as left:
        guard.run_guarded(command)
    assert left.value.code == 1
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("rank", "code", "said"), [("0", 2, True), ("1", 1, False)])
@pytest.mark.parametrize("given", [["doctor", "ds"], ["train", "mean", "--prefect"]])
def test_what_is_no_training_is_refused_once_in_several_processes(
    rank, code, said, given, capsys, monkeypatch
):
    for name, value in {"WORLD_SIZE": "2", "LOCAL_RANK": rank, "RANK": rank}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["rotoscope", *given])
    with pytest.raises(SystemExit) as left:
        guard.run_guarded(_command)
    assert left.value.code == code
    assert ("runs in one process" in capsys.readouterr().err) == said


def test_defects_come_out_as_they_are():
    with pytest.raises(ZeroDivisionError):
        guard.run_guarded(raiser(ZeroDivisionError()))


def test_what_does_not_resume_says_so(capsys):
    code, text = ended(lambda: os.kill(os.getpid(), signal.SIGINT), capsys)
    assert code == 130
    assert "is not kept; run it again to do it from the start" in text


def test_what_stopped_one_command_does_not_stop_the_next(capsys):
    def stopped():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)

    code, text = ended(stopped, capsys)
    assert (code, "stopped" in text) == (130, True)
    assert ended(lambda: None, capsys) == (0, "")
