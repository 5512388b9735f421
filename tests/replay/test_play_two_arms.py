"""Two arms in one row, played in MuJoCo: each follows, they push each other, LeRobot's names."""

import json

import numpy as np
import pytest
from small_arm import write_arm
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.pipeline.converters.lerobot import LeRobotForm
from rotoscope.pipeline.converters.lerobot_robots import lerobot_robot
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.errors import AssetError, RobotError
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows
from rotoscope.pipeline.robots import PlayOptions, robots

RATE_HZ = 30.0
PAIR = """name: levers
kind: two_arms
left: {arm: lever.yaml, base_m: [0, 0.4, 0]}
right: {arm: lever.yaml, base_m: [0, -0.4, 0]}
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    write_arm(folder)
    (folder / "levers.yaml").write_text(PAIR)
    return str(folder / "levers.yaml")


def swung(joints, *, num=60):
    """Both arms about their rest, each its own way; the left gripper closes, the right stays."""
    t = np.arange(num) / RATE_HZ
    values = np.tile(joints.home, (num, 1))
    values[:, 0] += 0.3 * (1 - np.cos(np.pi * t))
    values[:, 5] += 0.2 * (1 - np.cos(np.pi * t))
    values[:, 3] = 50.0 + 50.0 * np.cos(np.pi * t)
    return values


def play(pair, values, **options):
    player = robots().open_player(pair, PlayOptions(**options))
    return player.play(values, root_pose=None, rate_hz=RATE_HZ)


def test_commands_of_both_become_joints_and_back(pair):
    joints = robots().joints(pair)
    assert joints.kind == "two_arms"
    assert joints.names[:3] == ("left/turn", "left/lift", "left/bend")
    assert joints.names[6:] == tuple(
        f"{side}/{finger}_slide" for side in ("left", "right") for finger in ("one", "two")
    )
    values = swung(joints)
    np.testing.assert_allclose(joints.values(joints.joints(values)), values, atol=0.3)
    half = joints.joints(np.array([[0, 0.6, 1.2, 50.0, 0, 0.6, 1.2, 0.0]]))[0]
    np.testing.assert_allclose(half[6:], [0.02, 0.02, 0.0, 0.0], atol=1e-9)


def test_each_arm_follows_its_own_commands(pair):
    joints = robots().joints(pair)
    found = play(pair, swung(joints))
    assert found.tip_names == ("left.end_effector", "right.end_effector")
    assert (1e3 * np.median(found.tip_error_m, axis=0) < 5.0).all()
    assert not found.touches_itself.any()
    assert not found.touches_floor.any()
    assert np.ptp(found.values[:, 3]) > 80.0
    assert np.ptp(found.values[:, 7]) < 5.0


def test_arms_that_are_led_into_each_other_touch_and_do_not_arrive(pair):
    joints = robots().joints(pair)
    values = np.tile(joints.home, (60, 1))
    share = np.linspace(0, 1, 60)
    values[:, 0], values[:, 4] = -1.57 * share, 1.57 * share
    found = play(pair, values)
    assert found.touches_itself[-1]
    assert not found.touches_itself[:15].any()
    assert any("left/" in names and "right/" in names for names in found.pairs)
    assert 1e3 * found.tip_error_m[-1].max() > 20.0


def test_both_stand_on_one_table(pair):
    joints = robots().joints(pair)
    values = np.tile(joints.home, (60, 1))
    values[:, 5] += np.linspace(0, 1.2, 60)
    values[:, 6] += np.linspace(0, 0.6, 60)
    found = play(pair, values)
    assert found.touches_floor[-1]
    assert all("left/" not in names for names in found.pairs if "the floor" in names)
    assert not play(pair, values, has_table=False).touches_floor.any()


def test_a_dataset_of_two_arms_is_replayed_by_command(pair, tmp_path):
    joints = robots().joints(pair)
    contract = joints.contract(RATE_HZ).model_copy(update={"shift_s": 1 / RATE_HZ})
    rows = swung(joints, num=40)
    state = StateColumns(tuple(contract.names), "rad, percent", "Where the arms are.")
    with DatasetRecorder(contract, state, camera="") as recorder:
        recorder.add(Rows("take", "swing", rows, np.ones(40, bool), np.full(40, 0.8), rows))
        recorder.publish(tmp_path / "swings", made_by="test")
    command = ["replay", str(tmp_path / "swings"), "--robot", pair, "--episodes", "all"]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "episode 0: 40 rows" in done.output
    assert "touches itself 0.0%, table 0.0%" in done.output
    lines = (tmp_path / "swings/meta/rotoscope/replay.jsonl").read_text().splitlines()
    facts = json.loads(lines[0])
    assert facts["replay_tip_error_mm_median"] < 5.0
    assert {"left/turn", "right/one_slide"} <= facts["joints"].keys()


@pytest.mark.parametrize("name", ["so101_pair", "panda_pair", "aloha"])
def test_shipped_pairs_rest_without_touching(name):
    try:
        joints = robots().joints(name)
        player = robots().open_player(name, PlayOptions())
    except AssetError as error:
        pytest.skip(str(error))
    found = player.play(np.tile(joints.home, (20, 1)), root_pose=None, rate_hz=RATE_HZ)
    # Hobby servos that carry their arm sag: SO-101's by 6.7 mm.
    assert 1e3 * found.tip_error_m[-1].max() < 10.0
    assert not found.touches_itself.any(), found.pairs


def test_the_pair_of_so101_has_lerobots_motors_and_back():
    try:
        joints = robots().joints("so101_pair")
    except (AssetError, RobotError) as error:
        pytest.skip(str(error))
    form = LeRobotForm(lerobot_robot("bi_so_follower"), joints)
    random = np.random.default_rng(3).uniform(0.05, 0.95, (6, len(joints.names)))
    wanted = joints.lower + random * (joints.upper - joints.lower)
    back = form.from_lerobot(form.to_lerobot(wanted), others=joints.joints(joints.home[None])[0])
    np.testing.assert_allclose(back, wanted, atol=1e-9)
    contract = form.contract(RATE_HZ, shift_s=0.0)
    assert contract.names[5] == "left_gripper.pos"
    rates = dict(zip(contract.names, [d.max_rate for d in contract.dimensions], strict=True))
    assert rates["left_wrist_roll.pos"] == rates["right_wrist_roll.pos"]
    assert rates["left_gripper.pos"] == pytest.approx(rates["right_gripper.pos"])
