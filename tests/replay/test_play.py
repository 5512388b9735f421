"""Commands on a small arm in MuJoCo: tracking, weight, torque limits, table, itself, policies."""

import functools

import numpy as np
import pytest
from robots_with_shapes import BIPED_YAML, write_mitten
from small_arm import write_arm
from small_robots import biped

from rotoscope.pipeline.errors import RobotError
from rotoscope.pipeline.robots import PlayOptions, robots

RATE_HZ = 30.0


@pytest.fixture(scope="module")
def lever(tmp_path_factory):
    return str(write_arm(tmp_path_factory.mktemp("lever")))


@functools.cache
def player_of(robot, options):
    return robots().open_player(robot, options)


def play(robot, values, **options):
    player = player_of(str(robot), PlayOptions(**options))
    return player.play(np.asarray(values, float), root_pose=None, rate_hz=RATE_HZ)


def moved(*, seconds=2.0, size=0.3):
    """Joints that swing about the rest posture, fingers that close and open."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    swing = size * (1 - np.cos(2.0 * np.pi * t / 2.0))[:, None]
    arm = np.array([0.0, 0.6, 1.2]) + swing * [1.0, -0.5, -0.5]
    return np.column_stack([arm, 50.0 + 50.0 * np.cos(np.pi * t)])


def test_arm_follows_and_touches_nothing(lever):
    found = play(lever, moved())
    assert 1e3 * np.median(found.tip_error_m) < 5.0
    assert not found.touches_floor.any()
    assert not found.touches_itself.any()
    assert found.saturated.mean() < 0.05
    assert "weight compensated" in found.driven_by
    # Fingers too: what was reached, as commands, is what was commanded.
    assert np.abs(found.values[:, -1] - moved()[:, -1]).mean() < 10.0


def test_servos_that_carry_the_weight_sag(lever):
    still = np.tile(moved()[0], (40, 1))
    helped, alone = (play(lever, still, carries_weight=flag) for flag in (False, True))
    assert 1e3 * helped.tip_error_m[-1, 0] < 0.1
    assert 1e3 * alone.tip_error_m[-1, 0] > 2.0


def test_each_command_held_until_the_next_lags_behind_a_trajectory(lever):
    smooth, stream = (play(lever, moved(), drive=d) for d in ("trajectory", "stream"))
    assert np.median(stream.tip_error_m) > 2 * np.median(smooth.tip_error_m)


def test_weak_motors_are_at_their_limit_and_do_not_arrive(lever):
    weak = play(lever, moved(), max_effort=1.0, carries_weight=True)
    assert weak.saturated.mean() > 0.3
    assert 1e3 * np.median(weak.tip_error_m) > 50.0
    assert "at most 1 N m" in weak.driven_by


def test_torque_limits_and_weight_are_as_the_yaml_file_says(lever, tmp_path):
    yaml = write_arm(tmp_path)
    text = yaml.read_text()
    yaml.write_text(text.replace("1.2]}", "1.2], max_effort: [60, 1, 1], carries_weight: true}"))
    stated = play(yaml, moved())
    asked = play(lever, moved(), max_effort=1.0, carries_weight=True)
    assert 1e3 * np.median(stated.tip_error_m) > 50.0
    assert stated.saturated.mean() > 0.3
    assert "of the robot's YAML file" in stated.driven_by
    assert "carrying the robot's weight" in stated.driven_by
    # The first joint keeps its strength, as of one number for all it does not.
    turned = [np.abs(found.reached - found.wanted)[:, 0].max() for found in (stated, asked)]
    assert turned[0] < 0.5 * turned[1]
    # Whoever plays has the last word.
    assert 1e3 * play(yaml, moved(), carries_weight=False).tip_error_m[0, 0] < 10.0


def test_grippers_torque_limit_holds_for_its_fingers(lever, tmp_path):
    yaml = write_arm(tmp_path)
    yaml.write_text(f"{yaml.read_text()}  max_effort: 0.5\n")
    model = player_of(str(yaml), PlayOptions()).scene.model
    assert dict(zip(model.joint_names, model.max_effort, strict=True)) == {
        "turn": 60, "lift": 60, "bend": 60, "one_slide": 0.5, "two_slide": 0.5
    }  # fmt: skip


def test_hand_that_is_led_into_the_table_is_seen_and_stopped(lever):
    down = moved()[:1] + np.linspace(0, 1, 60)[:, None] * [0.0, 1.2, 0.6, 0.0]
    found = play(lever, down)
    assert found.touches_floor[-1]
    assert not found.touches_floor[:10].any()
    assert any("the floor" in pair for pair in found.pairs)
    assert 1e3 * found.tip_error_m[-1, 0] > 10.0
    free = play(lever, down, has_table=False)
    assert not free.touches_floor.any()


def test_arm_that_is_bent_into_itself_is_seen(lever):
    bent = moved()[:1] + np.linspace(0, 1, 60)[:, None] * [0.0, -0.6, 1.89, 0.0]
    found = play(lever, bent)
    assert found.touches_itself[-1]
    assert found.depth_m > 0


def test_own_actuators_of_a_file_are_used_with_their_limits(tmp_path):
    def gripperless(force):
        folder = tmp_path / str(force)
        folder.mkdir()
        (folder / "rod.xml").write_text(ROD.format(force=force))
        (folder / "rod.yaml").write_text(ROD_YAML)
        return folder / "rod.yaml"

    swing = 0.4 * np.sin(np.arange(60) / 10)[:, None]
    values = np.column_stack([swing, np.full(60, 100.0)])
    strong, weak = (play(gripperless(force), values) for force in (50, 1))
    assert strong.driven_by == "the file's own position actuators, which carry the robot's weight"
    assert strong.saturated.mean() == 0.0
    assert weak.saturated.mean() > 0.9


ROD = """<mujoco model="rod">
  <compiler angle="radian"/>
  <worldbody><body name="base"><geom type="box" size=".05 .05 .05" mass="1"/>
    <body name="rod" pos="0 0 .5"><joint name="hinge" axis="0 1 0" range="-1 1"/>
      <geom type="capsule" fromto="0 0 0 0.5 0 0" size="0.02" mass="1"/></body></body></worldbody>
  <actuator><position joint="hinge" kp="200" kv="10" forcerange="-{force} {force}"/></actuator>
</mujoco>
"""
ROD_YAML = """name: rod
folder: .
file: rod.xml
base_link: base
arm: {joints: [hinge], home: [0.0], max_velocity: [3.0]}
end_effector: {link: rod, origin_m: [0.5, 0, 0], approach: [1, 0, 0]}
gripper: {max_opening_m: 0.1, max_speed_m_s: 0.1}
"""


def test_fingertips_of_a_hand_are_followed(tmp_path):
    path = write_mitten(tmp_path)
    joints = robots().joints(str(path))
    bend = 0.3 + 0.3 * np.sin(np.arange(40) / 8)[:, None]
    found = play(path, np.tile(bend, (1, len(joints.names))))
    assert found.tip_names == ("tips.thumb", "tips.index")
    assert 1e3 * np.median(found.tip_error_m) < 5.0


def test_humanoid_is_played_on_its_root_and_refused_without(tmp_path):
    (tmp_path / "biped.xml").write_text(biped())
    (tmp_path / "biped.yaml").write_text(BIPED_YAML)
    player = robots().open_player(str(tmp_path / "biped.yaml"), PlayOptions())
    values = (
        np.tile([-0.3, 0.6, -0.3] * 2, (30, 1)) * (1 + 0.1 * np.sin(np.arange(30) / 5))[:, None]
    )
    with pytest.raises(RobotError, match=r"label\.root_pose"):
        player.play(values, root_pose=None, rate_hz=RATE_HZ)
    root = np.tile([0.0, 0.0, 0.8, 0.0, 0.0, 0.0], (30, 1))
    found = player.play(values, root_pose=root, rate_hz=RATE_HZ)
    assert found.tip_names == ("body.left_ankle", "body.right_ankle")
    assert 1e3 * np.median(found.tip_error_m) < 10.0
    with pytest.raises(RobotError, match="nothing here balances one"):
        player.roll(values[0], lambda k, seen: seen, num_commands=3, rate_hz=RATE_HZ)


def test_policy_sees_where_the_robot_is(lever):
    player = player_of(lever, PlayOptions())
    seen = []

    def act(k, state):
        seen.append(state)
        return state + np.array([0.02, 0.0, 0.0, 0.0])

    start = moved()[0]
    commands, found = player.roll(start, act, num_commands=30, rate_hz=RATE_HZ)
    np.testing.assert_allclose(seen[0], start, atol=1e-9)
    np.testing.assert_allclose(seen[5], found.values[4], atol=1e-9)
    assert 0.1 < commands[-1, 0] < 0.6


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((5, 3)), "of 4 numbers"),
        (np.zeros((1, 4)), "at least two commands"),
        (np.full((5, 4), np.nan), "must be finite"),
    ],
)
def test_commands_that_are_none_are_refused(values, said, lever):
    with pytest.raises(RobotError, match=said):
        play(lever, values)
