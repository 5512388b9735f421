"""Reports of humanoids and hands: the robot beside the person, strips, animations, bare lines."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from opened_files import Opened
from PIL import Image
from robots_with_shapes import STANDING_HEIGHT_M, write_biped, write_mitten

from benchmarks._small_dataset import FPS, episode, job_for
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.episodes.body_columns import BODY_JOINT_NAMES
from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.export.publish import publish_in_child
from rotoscope.pipeline.export.stored_episode import save_episode
from rotoscope.pipeline.report.animations import write_animation
from rotoscope.pipeline.report.page import write_report
from rotoscope.pipeline.report.robot import shown_robot
from rotoscope.pipeline.report.timeline import violations
from rotoscope.retarget.robots.robot import load_hand, load_humanoid

ROWS = 24
SOLVER = ("limb_mean_deg", "foot_slip_cm_s", "lowest_sole_mm", "overlap_mm", "balance_margin_mm")


def columns_of(number, robot):
    """An episode in which a robot's first joint swings and its root stands."""
    rng = np.random.default_rng(number)
    state = np.tile(robot.rest, (ROWS + 1, 1))
    state[:, 0] += 0.3 * (1 - np.cos(np.arange(ROWS + 1) / 8)) / 2
    root = np.zeros((ROWS, 6), np.float32)
    root[:, 2] = STANDING_HEIGHT_M
    solver = np.tile(np.float32([3.0, 1.0, 0.0, 0.0, 20.0]), (ROWS, 1))
    solver[5:9, SOLVER.index("foot_slip_cm_s")] = 25.0
    solver[7, SOLVER.index("lowest_sole_mm")] = -15.0
    joints = rng.normal(size=(ROWS, 63)).astype(np.float32)
    made = episode(number, rows=ROWS)
    return dataclasses.replace(
        made,
        state=state[:-1],
        action=state[1:],
        contract=robot.contract(rate_hz=FPS, shift_s=1 / FPS),
        features={
            "track.body.joints": Feature(joints, BODY_JOINT_NAMES, "m", "Joints."),
            "label.root_pose": Feature(root, ("x", "y", "z", "wx", "wy", "wz"), "m", "Root."),
            "label.solver": Feature(solver, SOLVER, "mm", "Solver."),
        },
        scene={"robot": robot.name, "body_frame": "world", "T_world_source": np.eye(4).tolist()},
    )


def publish(folder, made, robot_path, name):
    stage = {
        "name": "retarget.x",
        "kind": "retarget.x",
        "version": "1",
        "config": {
            "robot": robot_path,
            "tolerance_slip_m_s": 0.1,
            "tolerance_depth_m": 0.01,
        },
    }
    recipe = {"action": "retarget.x", "stages": [stage]}
    job = job_for([save_episode(folder / f"{name}_episode", made)], folder / name)
    job = dataclasses.replace(job, provenance=job.provenance | {"recipe_resolved": recipe})
    publish_in_child(job)
    return folder / name


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("robots")


@pytest.fixture(scope="module")
def humanoid(folder):
    path = str(write_biped(folder))
    return publish(folder, columns_of(0, load_humanoid(path)), path, "humanoid")


@pytest.fixture(scope="module")
def hand(folder):
    path = str(write_mitten(folder))
    return publish(folder, columns_of(0, load_hand(path)), path, "hand")


def test_robot_of_an_episode_is_the_one_that_the_recipe_names(humanoid):
    dataset = open_dataset(humanoid)
    shown = shown_robot(dataset, dataset.episode(0))
    assert shown.name.endswith("biped.yaml")
    assert shown.values.shape == (ROWS, 6)
    assert shown.root_pose.shape == (ROWS, 6)
    assert shown.azimuth_rad is not None


def test_page_shows_robot_strips_and_residuals(humanoid, folder, tmp_path):
    write_report(humanoid, tmp_path / "page.html", robots=[folder / "biped.yaml"])
    page = (tmp_path / "page.html").read_text()
    assert "outside joint limits: 0 of 24 rows" in page
    assert "a standing foot slips over 10 cm/s: 4 of 24 rows" in page
    assert "a sole over 10 mm deep in the ground: 1 of 24 rows" in page
    assert "center of mass inside its support" in page
    assert "balance_margin_mm" in page


def test_rows_outside_limits_are_found(humanoid):
    dataset = open_dataset(humanoid)
    episode = dataset.episode(0)
    episode.columns["action"][3, 1] = 9.0
    found = violations(dataset, episode)
    assert np.flatnonzero(found["outside joint limits"]).tolist() == [3]
    assert np.flatnonzero(found["faster than joints can"]).tolist() == [3, 4]


def test_animation_holds_person_and_robots(humanoid, hand, folder, tmp_path):
    robots = sorted(folder.glob("*.yaml"))
    alone, both = tmp_path / "alone.gif", tmp_path / "both.webp"
    write_animation(humanoid, alone, robots=robots, max_s=0.5)
    write_animation(humanoid, both, beside=[hand], robots=robots, max_s=0.5)
    with Image.open(alone) as one, Image.open(both) as two:
        assert one.n_frames == two.n_frames == 5
        assert one.height == two.height
        assert two.width == pytest.approx(one.width * 3 / 2, abs=4)


def test_animation_that_cannot_be_is_refused(humanoid, tmp_path):
    with pytest.raises(UsageError, match=r"written as .webp or .gif, got 'a.mp4'"):
        write_animation(humanoid, tmp_path / "a.mp4")
    with pytest.raises(UsageError, match="has no episode 3; valid ones are 0 to 0"):
        write_animation(humanoid, tmp_path / "a.gif", episode=3)


def copy_with(dataset, target, name, old, new):
    """A copy of a dataset in which a text in a file of its metadata is another."""
    shutil.copytree(dataset, target)
    path = target / "meta" / "rotoscope" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return target


def test_robot_of_another_source_cannot_stand_beside(humanoid, hand, tmp_path):
    other = copy_with(hand, tmp_path / "other", "episodes.jsonl", "0" * 64, "5" * 64)
    with pytest.raises(UsageError, match="cannot stand beside each other"):
        write_animation(humanoid, tmp_path / "a.gif", beside=[other])


@pytest.mark.parametrize("name", ["humanoid", "hand"])
def test_machine_that_cannot_draw_gets_a_stick_figure_and_a_note(name, folder, tmp_path, request):
    dataset = request.getfixturevalue(name)
    target = tmp_path / "page.html"
    code = (
        "from pathlib import Path; from rotoscope.pipeline.report.page import write_report;"
        f"robots = list(Path({str(folder)!r}).glob('*.yaml'));"
        f"write_report(Path({str(dataset)!r}), Path({str(target)!r}), robots=robots)"
    )
    environment = os.environ | {"MUJOCO_GL": "disable"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, cwd=os.getcwd())
    page = target.read_text()
    assert "is drawn as a stick figure: MuJoCo cannot draw without a display here" in page
    assert "data:image/webp;base64," in page


def test_robot_that_is_gone_leaves_the_person_and_a_note(humanoid, tmp_path):
    write_report(humanoid, tmp_path / "page.html", robots=[tmp_path / "biped.yaml"])
    assert "is not drawn: there is no robot" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("name", ["biped.yaml", "../biped", "/etc/passwd", "a.yaml\0"])
def test_a_file_that_only_the_dataset_names_is_not_opened(humanoid, folder, tmp_path, name):
    name = str(folder / name)
    dataset = copy_with(
        humanoid,
        tmp_path / "theirs",
        "provenance.json",
        json.dumps(str(folder / "biped.yaml")),
        json.dumps(name),
    )
    with Opened(folder) as opened:
        write_report(dataset, tmp_path / "page.html", robots=[folder / "other.yaml"])
    assert "only where you name it too, with --robot FILE" in (tmp_path / "page.html").read_text()
    assert set(opened.names) == set()
