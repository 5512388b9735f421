"""`label --debug`: one video, in this process, with every traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from video_files import write_video

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "run" / "tiny_stages.py"
STAGE = """
from rotoscope.pipeline.stage import ClipStage

class Mine(ClipStage):
    kind, version = "mine", "1"

    def run(self, clip, tracks):
        breakpoint()
        raise {error}
"""


@pytest.fixture
def folder(tmp_path):
    for name, frames in (("a", 40), ("b", 50)):
        write_video(tmp_path / f"{name}.mp4", frames=frames, fps=30, size=(64, 48))
    stages = [f"{TINY}:Brightness as bright", f"{TINY}:BrightnessLabeler as lamp"]
    export = {"width": 64, "height": 48}
    whole = {"name": "lamp", "stages": stages, "export": export}
    (tmp_path / "lamp.yaml").write_text(yaml.safe_dump(whole))
    mine = whole | {"stages": [*stages, "./mine.py:Mine"]}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(mine))
    return tmp_path


def debug(folder, recipe, *arguments, typed=""):
    env = os.environ | {"PYTHONPATH": str(ROOT), "ROTOSCOPE_STORE": str(folder / "store")}
    command = ["label", ".", "--recipe", recipe, "--out", "out", "--debug", *arguments]
    return subprocess.run(
        [sys.executable, "-m", "rotoscope.cli.main", *command],
        cwd=folder, env=env, input=typed, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_first_video_runs_and_nothing_is_published(folder):
    done = debug(folder, "lamp.yaml")
    assert done.returncode == 0, done.stderr
    assert "a.mp4, the first of 2 (choose with --only): 40 frames" in done.stdout
    assert "results: out.rotoscope/debug" in done.stdout
    assert list((folder / "out.rotoscope" / "debug").rglob("*.tracks"))
    assert not (folder / "out").exists()
    assert not (folder / "store").exists()


def test_only_chooses_the_video_and_stages_run_again_each_time(folder):
    for _ in range(2):
        (folder / "mine.py").write_text(STAGE.format(error="SystemExit(0)"))
        done = debug(folder, "mine.yaml", "--only", "b.mp4", typed="p clip.num_frames\nc\n")
        assert "(Pdb) 50" in done.stdout, done.stderr


@pytest.mark.parametrize("error", ['ValueError("mine")', "TrackError('ours')"])
def test_error_comes_with_its_traceback(folder, error):
    text = "from rotoscope.pipeline.errors import TrackError\n" + STAGE.format(error=error)
    (folder / "mine.py").write_text(text)
    done = debug(folder, "mine.yaml", typed="c\n")
    assert done.returncode == 1
    assert f'File "{folder}/mine.py", line 10, in run' in done.stderr


def test_leaving_the_debugger_is_no_traceback(folder):
    (folder / "mine.py").write_text(STAGE.format(error="ValueError"))
    done = debug(folder, "mine.yaml", typed="q\n")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "the debugger was left" in done.stdout


def test_debug_goes_not_with_prefect(folder):
    done = debug(folder, "lamp.yaml", "--prefect")
    assert done.returncode == 2
    assert "leave one of them out" in done.stderr
