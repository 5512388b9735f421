"""A labeler of ten lines in a user's folder, in every command, without an edit of the project."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import disc_dataset
import numpy as np
import pytest
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.datasets.read_damaged import read_dataset
from rotoscope.pipeline.doctor.familiarity import check_familiarity
from rotoscope.pipeline.errors import CodeConsentError, UsageError

ROOT = Path(__file__).resolve().parents[1]
MINE = '''
import numpy as np
import rotoscope as rt

class Mine(rt.Labeler):
    """A line from what is seen, and how it changes, to what was done."""
    def fit(self, data):
        x, y = data.pairs(seen)
        self.arrays["line"] = np.linalg.lstsq(x, y)[0]
    def label(self, episode):
        return rt.Labels(seen(episode) @ self.arrays["line"])
def seen(episode):
    x = episode.features
    return np.column_stack([x, np.gradient(x, axis=0), np.ones(len(x))])
'''
NAME = "./mine.py:Mine"
RECIPE = """
name: mine
stages:
  - shots
  - track.colour: {things: {disc: {rgb: [220, 30, 30]}}}
  - ./mine.py:Mine: {model: trained}
  - curate
export: {fps: 20}
"""
SIMULATOR = '''
import numpy as np
from rotoscope.models.simulators.simulator import STATE, SimulatorFacts, Step
from rotoscope.pipeline.contract import ActionContract, Dimension

class Point:
    """Pushed to the middle of a line."""
    def __init__(self, task, views):
        self.views = views
        push = Dimension(name="push", quantity="position", unit="m/s", lower=-1, upper=1)
        contract = ActionContract(robot="point", dimensions=(push,), mode="delta", frame="line",
                                  rotation="none", rate_hz=10, shift_s=0, is_state=False)
        self.facts = SimulatorFacts(f"point:{task}", "to the middle", 10, 30, contract, ("x",), (),
                                    "within 0.1 m")
    def reset(self, seed):
        self.x = np.random.default_rng(seed).choice([-1, 1]) * (1 + seed % 7 / 7)
        return self._seen()
    def step(self, action):
        self.x += 0.1 * float(np.clip(action[0], -1, 1))
        return Step(self._seen(), -abs(self.x), abs(self.x) < 0.1, False)
    def expert(self):
        return np.clip([-2 * self.x], -1, 1)
    def render(self, camera, *, width, height):
        return np.zeros((height, width, 3), np.uint8)
    def close(self):
        pass
    def _seen(self):
        return {STATE: np.array([self.x], np.float32)}
'''

ENTRY_POINTS = """
[rotoscope.simulators]
point = point_sim:Point
[rotoscope.labelers]
theirs = mine:Mine
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A user's folder: the labeler's file, a recipe, a labeled dataset with tracks, videos."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "mine.py").write_text(MINE)
    (folder / "mine.yaml").write_text(RECIPE)
    data = disc_dataset.write_discs(folder / "recorded")
    (folder / "videos").mkdir()
    shutil.copy(next(data.rglob("*.mp4")), folder / "videos" / "discs.mp4")
    before = Path.cwd()
    os.chdir(folder)
    os.environ["ROTOSCOPE_STORE"] = str(folder / "store")
    try:
        said("track", "recorded", "--recipe", "mine.yaml", "--out", "labeled")
        seen = ["-o", f"inputs=[{disc_dataset.COLUMN}]"]
        said("train", NAME, "--data", "labeled", "--out", "trained", *seen)
        yield folder
    finally:
        os.chdir(before)
        del os.environ["ROTOSCOPE_STORE"]


def said(*words):
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def refused(*words):
    done = CliRunner().invoke(app, words)
    assert done.exception is not None, done.output
    return done.exception


def test_it_is_ten_lines():
    assert len([line for line in MINE.splitlines() if line and "import" not in line]) == 10


def test_check_says_that_it_is_one(folder):
    assert f"{NAME} is a labeler" in said("check", NAME)


def test_train_measured_it_on_episodes_kept_from_it(folder):
    metrics = json.loads((folder / "trained" / "metrics.json").read_text())
    assert metrics["episodes"] == len(disc_dataset.LENGTHS)
    assert metrics["mean_r2"] > 0.3
    assert set(metrics["trivial_r2"]) >= {"mean", "previous_action"}


def test_relabel_labels_a_dataset(folder):
    told = said("relabel", "labeled", "--labeler", f"{NAME}@trained", "--out", "again", "--all")
    assert "4 episodes" in told
    made, true = (open_dataset(folder / n)[0].columns for n in ("again", "labeled"))
    off = np.asarray(made["action"], float) - np.asarray(true["action"], float)
    assert np.abs(off).mean() < np.abs(np.asarray(true["action"], float)).mean()
    assert (np.asarray(made["label.interval"], float) > 0).all()
    # It does nothing for it; the doctor can judge all the same.
    assert np.isfinite(np.ravel(made["label.familiarity"])).all()
    assert check_familiarity(read_dataset(folder / "again")).verdict != "UNTESTED"


def test_relabel_runs_no_program_that_only_a_folder_names(folder):
    found = refused("relabel", "labeled", "--labeler", "trained", "--out", "never")
    with pytest.raises(UsageError, match=r"a class of a file.*\./file\.py:Class@trained"):
        raise found
    assert not (folder / "never").exists()


def test_label_labels_videos(folder):
    said("label", "videos", "--recipe", "mine.yaml", "--out", "dataset")
    made = open_dataset(folder / "dataset")
    assert made.names("action") == ["disc.dx", "disc.dy"]
    rows, true = made[0].columns, disc_dataset.places_px(0)[1]
    label = np.asarray(rows["action"], float)
    assert len(true) - 3 <= len(label) <= len(true)  # a cut where the next episode begins
    assert np.ravel(rows["label.valid"]).all()
    assert np.abs(label - true[: len(label)]).mean() < np.abs(true).mean()


def test_programs_of_a_run_that_was_sent_run_only_with_consent(folder):
    if not (folder / "dataset").is_dir():
        test_label_labels_videos(folder)
    with pytest.raises(CodeConsentError, match="--allow-code"):
        raise refused("retry", "dataset")


def test_check_measures_it_on_other_data(folder):
    done = CliRunner().invoke(app, ["check", f"{NAME}@trained", "--data", "labeled"])
    with pytest.raises(UsageError, match="was trained on labeled: that says nothing"):
        raise done.exception


def test_compare_sets_it_beside_another(folder):
    seen = ["-o", f"inputs=[{disc_dataset.COLUMN}]"]
    said("train", "differences", "--data", "labeled", "--out", "plain", *seen)
    words = ["labeled", "--of", "plain", "--with", f"{NAME}@trained", "--truth", "action"]
    told = said("compare", *words, "--html", "page.html")
    assert "A: plain action" in told
    assert "B: trained action" in told
    assert "true actions: labeled action" in told
    assert (folder / "page.html").is_file()


def test_bench_scores_it_on_a_dataset_beside_others_and_resumes(folder):
    words = ["bench", "labelers", "--data", "labeled", "--labeled", "3", "--seeds", "2"]
    words += ["--inputs", disc_dataset.COLUMN, "--labeler", NAME, "--labeler", "mean"]
    told = said(*words, "--out", "bench")
    assert "4/4" in told
    lines = {line["labeler"]: line for line in read_lines(folder / "bench")}
    assert lines["Mine"]["r2"] > lines["mean"]["r2"]
    assert lines["Mine"]["r2_interval"][0] <= lines["Mine"]["r2"] <= lines["Mine"]["r2_interval"][1]
    assert "/4 " not in said(*words, "--out", "bench")


@pytest.fixture(scope="module")
def simulator(folder):
    """Runs the bench beside a package that offers a simulator and a labeler, as if installed."""
    (folder / "point_sim.py").write_text(SIMULATOR)
    about = folder / "point_sim-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: point-sim\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)

    def bench(*more):
        words = ["bench", "labelers", "--env", "point:line", "--labeled", "3", "--hidden", "4"]
        words += ["--labeler", "theirs", "--labeler", "mean", *more]
        done = subprocess.run(
            [sys.executable, "-m", "rotoscope.cli.main", *words],
            env=os.environ | {"PYTHONPATH": f"{ROOT}:{folder}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return bench


def test_bench_scores_labels_on_a_simulator_both_of_an_installed_package(folder, simulator):
    simulator("--starts", "0", "--out", "labels")
    lines = {line["labeler"]: line for line in read_lines(folder / "labels")}
    assert list(lines) == ["theirs", "mean"]
    assert lines["theirs"]["r2"] > 0.9 > lines["mean"]["r2"]
    assert lines["theirs"]["success"] is None


@pytest.mark.slow
def test_bench_tries_policies_on_labels_from_the_same_starts(folder, simulator):
    simulator("--starts", "6", "--out", "tried")
    lines = {line["labeler"]: line for line in read_lines(folder / "tried")}
    assert list(lines) == ["true", "alone", "theirs", "mean"]
    assert lines["true"]["success"] == 1
    assert lines["theirs"]["minus_true"] == lines["theirs"]["success"] - lines["true"]["success"]
    assert lines["mean"]["success"] < 1


def read_lines(out):
    return json.loads((out / "labelers.json").read_text())["lines"]
