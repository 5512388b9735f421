"""`rotoscope robot` as a user types it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from drawn_robots import hand_urdf, write_hand

ROOT = Path(__file__).parents[2]


@pytest.fixture
def robot(tmp_path):
    def robot(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "rotoscope.cli.main", "robot", *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )

    return robot


def test_list_names_every_robot_with_its_kind(robot):
    result = robot("list")
    assert result.returncode == 0
    lines = {line.split()[0]: line.split()[1] for line in result.stdout.splitlines()[1:]}
    assert lines["panda"] == "arm"
    assert lines["shadow_right"] == "hand"
    assert lines["g1"] == "humanoid"


def test_robot_without_a_yaml_file_gets_one(robot, tmp_path):
    (tmp_path / "hand.urdf").write_text(hand_urdf())
    result = robot("check", "hand.urdf", "--write", "new.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "a hand" in result.stdout
    assert "kinematics agree with MuJoCo" in result.stdout
    again = robot("check", "new.yaml")
    assert again.returncode == 0
    assert "11 joints in an action: a_spread" in again.stdout


def test_what_could_not_be_decided_is_listed_and_gives_exit_code_one(robot, tmp_path):
    text = hand_urdf()
    text = text[: text.index('<joint name="t_turn"')] + "</robot>"
    for link in ("t0", "t1", "t2", "t_tip"):
        text = text.replace(f'<link name="{link}"></link>', "")
    (tmp_path / "hand.urdf").write_text(text)
    result = robot("check", "hand.urdf")
    assert result.returncode == 1
    assert "could not decide:" in result.stdout
    assert "no chain differs enough" in result.stdout
    assert "NOT USABLE YET" in result.stdout


def test_limits_that_are_not_stated_are_guessed_in_plain_sight(robot, tmp_path):
    (tmp_path / "hand.urdf").write_text(hand_urdf().replace('lower="-1" upper="1" ', ""))
    result = robot("check", "hand.urdf")
    assert result.returncode == 0
    assert "GUESSED, put your own numbers there:" in result.stdout
    assert "t_turn" in result.stdout


def test_wrong_link_gives_one_sentence_and_exit_code_one(robot, tmp_path):
    path = write_hand(tmp_path)
    path.write_text(path.read_text().replace("t_tip", "tip_of_thumb"))
    result = robot("check", str(path))
    assert result.returncode == 1
    assert "has no link 'tip_of_thumb'; it has 'a0'" in result.stderr
    assert "Traceback" not in result.stderr


def test_unknown_kind_is_wrong_use(robot):
    result = robot("check", "hand.urdf", "--kind", "foot")
    assert result.returncode == 2
    assert "foot" in result.stderr
