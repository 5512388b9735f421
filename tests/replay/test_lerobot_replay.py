"""LeRobot's own `lerobot-replay` and robot classes, on buses that keep what they are sent."""

import json
import types

import numpy as np
import pytest
from commanded_joints import g1, koch, openarm, reachy, so101, two_so101
from stand_in_motors import StandInReachy, standing_in, standing_in_for_damiao

from rotoscope.pipeline.converters.lerobot import LeRobotForm
from rotoscope.pipeline.converters.lerobot_robots import lerobot_robot
from rotoscope.pipeline.converters.motor_calibration import read_calibration, read_calibrations
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows
from rotoscope.pipeline.replay.for_robot import export_for_robot

RATE_HZ = 30.0
ENDS = {
    "shoulder_pan": (758, 3292), "shoulder_lift": (852, 3204), "elbow_flex": (900, 3121),
    "wrist_flex": (870, 3195), "wrist_roll": (0, 4095), "gripper": (2031, 3476),
}  # fmt: skip
KOCH_ENDS = ENDS | {"shoulder_pan": (0, 4095)}
COUNT_RAD = 2 * np.pi / 4096


@pytest.fixture(scope="module")
def replay():
    """LeRobot's own script."""
    return pytest.importorskip("lerobot.scripts.lerobot_replay")


class Played:
    """Plays rows on a robot of LeRobot through its own replay, and keeps the robot."""

    def __init__(self, monkeypatch, module):
        self.module, self.robots = module, []
        make = module.make_robot_from_config
        monkeypatch.setattr(module, "make_robot_from_config", lambda c: self._keep(make(c)))
        monkeypatch.setattr(module, "precise_sleep", lambda seconds: None)
        monkeypatch.setattr(module, "init_logging", lambda: None)
        self.monkeypatch = monkeypatch

    def _keep(self, robot):
        self.robots.append(robot)
        return robot

    def __call__(self, config, values, names):
        rows = types.SimpleNamespace(
            num_frames=len(values),
            fps=RATE_HZ,
            features={"action": {"names": list(names)}},
            select_columns=lambda column: [{column: row} for row in np.float32(values)],
        )
        self.monkeypatch.setattr(self.module, "LeRobotDataset", lambda *a, **k: rows)
        dataset = self.module.DatasetReplayConfig(repo_id="local/made", episode=0)
        self.module.replay(
            self.module.ReplayConfig(robot=config, dataset=dataset, play_sounds=False)
        )
        return self.robots[-1]


@pytest.fixture
def played(monkeypatch, replay):
    return Played(monkeypatch, replay)


def calibration_file(folder, ends, name="me"):
    facts = {
        motor: {"id": k, "drive_mode": 0, "homing_offset": 0, "range_min": a, "range_max": b}
        for k, (motor, (a, b)) in enumerate(ends.items(), start=1)
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(facts))
    return path


def wanted_counts(joints, form, ends):
    """Where motors must go by the meaning of calibration, not by any formula of ours or theirs.

    Stops at the ends of the file's ranges are those of the calibrated ones; between them a turn has
    4096 counts.
    """
    middle = 0.5 * (form.joints.lower + form.joints.upper)
    columns = []
    for k, (motor, (low, high)) in enumerate(ends.items()):
        if motor == "gripper":
            closed, opened = form.joints.lower[k], form.joints.upper[k]
            columns.append(low + (joints[:, k] - closed) / (opened - closed) * (high - low))
            continue
        zero = middle[k] + 0.1 * ((low, high) == (0, 4095))  # at rest where there are no stops
        columns.append(0.5 * (low + high) + (joints[:, k] - zero) / COUNT_RAD)
    return np.stack(columns, axis=1)


def put_bus(monkeypatch, module, name):
    monkeypatch.setattr(module, name, standing_in(getattr(module, name)))


@pytest.mark.parametrize("name", ["so101_follower", "so100_follower"])
def test_so_arms_are_sent_our_angles_within_a_count(name, played, monkeypatch, tmp_path):
    import lerobot.robots.so_follower.so_follower as module
    from lerobot.robots.so_follower import SOFollowerRobotConfig

    put_bus(monkeypatch, module, "FeetechMotorsBus")
    file = calibration_file(tmp_path, ENDS)
    form = LeRobotForm(lerobot_robot(name), so101(), read_calibration(file))
    joints = form.joints.spread(40)
    config = SOFollowerRobotConfig(port="none", id="me", calibration_dir=tmp_path)
    robot = played(config, form.to_lerobot(joints), form.target.features)
    error = robot.bus.counts() - wanted_counts(joints, form, ENDS)
    assert robot.bus.counts().shape == (40, 6)
    assert np.abs(error).max() <= 1.0 + 1e-3


def test_two_so_arms_are_sent_our_angles_within_a_count(played, monkeypatch, tmp_path):
    import lerobot.robots.so_follower.so_follower as module
    from lerobot.robots.bi_so_follower import BiSOFollowerConfig
    from lerobot.robots.so_follower import SOFollowerConfig

    put_bus(monkeypatch, module, "FeetechMotorsBus")
    other = {motor: (a, b - 7) if b < 4095 else (a, b) for motor, (a, b) in ENDS.items()}
    files = [
        calibration_file(tmp_path, ends, f"me_{side}")
        for side, ends in (("left", ENDS), ("right", other))
    ]
    form = LeRobotForm(lerobot_robot("bi_so_follower"), two_so101(), read_calibrations(files))
    joints = form.joints.spread(10)
    arms = [SOFollowerConfig(port=side) for side in ("left", "right")]
    config = BiSOFollowerConfig(*arms, id="me", calibration_dir=tmp_path)
    robot = played(config, form.to_lerobot(joints), form.target.features)
    # Left joints, right joints, left jaw, right jaw.
    one = LeRobotForm(lerobot_robot("so101_follower"), so101(), read_calibration(files[0]))
    for arm, columns, ends in (
        (robot.left_arm, [0, 1, 2, 3, 4, 10], ENDS),
        (robot.right_arm, [5, 6, 7, 8, 9, 11], other),
    ):
        error = arm.bus.counts() - wanted_counts(joints[:, columns], one, ends)
        assert np.abs(error).max() <= 1.0 + 1e-3


def test_koch_is_sent_our_angles_within_a_count(played, monkeypatch, tmp_path):
    import lerobot.robots.koch_follower.koch_follower as module
    from lerobot.robots.koch_follower import KochFollowerConfig

    put_bus(monkeypatch, module, "DynamixelMotorsBus")
    file = calibration_file(tmp_path, KOCH_ENDS)
    form = LeRobotForm(lerobot_robot("koch_follower"), koch(), read_calibration(file))
    joints = form.joints.spread(40)
    values = form.to_lerobot(joints)
    inside = ~form.contract(RATE_HZ, shift_s=0).violations(values)
    assert inside.sum() > 20
    config = KochFollowerConfig(port="none", id="me", calibration_dir=tmp_path)
    robot = played(config, values[inside], form.target.features)
    error = robot.bus.counts() - wanted_counts(joints[inside], form, KOCH_ENDS)
    assert np.abs(error).max() <= 1.0 + 1e-3


def test_openarm_is_sent_our_angles_where_they_lie_inside_its_clips(played, monkeypatch):
    import lerobot.robots.openarm_follower.openarm_follower as module
    from lerobot.robots.openarm_follower import OpenArmFollowerConfig

    monkeypatch.setattr(module, "DamiaoMotorsBus", standing_in_for_damiao())
    form = LeRobotForm(lerobot_robot("openarm_follower", side="right"), openarm())
    joints = form.joints.spread(200)
    joints[:, -1] = joints[:, -2]
    values = form.to_lerobot(joints)
    inside = ~form.contract(RATE_HZ, shift_s=0).violations(values)
    assert 20 < inside.sum() < 200
    robot = played(
        OpenArmFollowerConfig(port="none", side="right"), values[inside], form.target.features
    )
    sent = robot.bus.degrees()
    np.testing.assert_allclose(sent[:, :7], np.degrees(joints[inside, :7]), atol=1e-4)
    np.testing.assert_allclose(sent[:, 7], -65.0 * joints[inside, -1] / 0.044, atol=1e-4)


def test_reachy_is_sent_our_angles_and_stands_still(played, monkeypatch):
    import lerobot.robots.reachy2.robot_reachy2 as module
    from lerobot.robots.reachy2 import Reachy2RobotConfig

    monkeypatch.setattr(module, "require_package", lambda *a, **k: None)
    monkeypatch.setattr(module, "ReachySDK", StandInReachy)
    form = LeRobotForm(lerobot_robot("reachy2", side="right"), reachy())
    joints = form.joints.spread(10)
    config = Reachy2RobotConfig(with_l_arm=False, with_neck=False, with_antennas=False)
    robot = played(config, form.to_lerobot(joints), form.target.features)
    sent = np.array([[row[f"r_arm.{part}"] for part in REACHY] for row in robot.reachy.sent])
    np.testing.assert_allclose(sent, np.degrees(joints[:, :7]), atol=1e-4)
    assert robot.reachy.speeds == [(0.0, 0.0, 0.0)] * 10


REACHY = (
    *("shoulder.pitch", "shoulder.roll", "elbow.yaw", "elbow.pitch"),
    *("wrist.roll", "wrist.pitch", "wrist.yaw"),
)


def test_g1_is_sent_our_angles_in_radians(played, monkeypatch):
    import lerobot.robots.unitree_g1.unitree_g1 as module
    from lerobot.robots.unitree_g1.config_unitree_g1 import UnitreeG1Config
    from stand_in_motors import G1_SENT, stand_in_g1

    stand_in_g1(monkeypatch, module)
    form = LeRobotForm(lerobot_robot("unitree_g1"), g1())
    joints = form.joints.spread(10)
    played(UnitreeG1Config(is_simulation=False), form.to_lerobot(joints), form.target.features)
    names = [f"{_snake(name)}_joint" for name in module.G1_29_JointIndex.__members__]
    order = [form.joints.names.index(name) for name in names]
    # The last message lets the joints go, at the angles that they have.
    np.testing.assert_allclose(np.array(G1_SENT[:10]), joints[:, order], atol=1e-6)


def _snake(name):
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name[1:]).lstrip("_")


def test_names_of_ours_are_ignored_by_the_g1_in_silence(played, monkeypatch):
    """Why its export ends in `.q`."""
    import lerobot.robots.unitree_g1.unitree_g1 as module
    from lerobot.robots.unitree_g1.config_unitree_g1 import UnitreeG1Config
    from stand_in_motors import G1_SENT, stand_in_g1

    stand_in_g1(monkeypatch, module)
    ours = [f"{name}.pos" for name in module.G1_29_JointIndex.__members__]
    played(UnitreeG1Config(is_simulation=False), np.ones((3, 29)), ours)
    assert np.abs(np.array(G1_SENT)).max() == 0.0


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A dataset of an SO-101 with a gap in its validity, as rows for the real one."""
    folder = tmp_path_factory.mktemp("exported")
    joints = so101()
    contract = joints.contract(RATE_HZ)
    t = np.arange(60) / RATE_HZ
    values = np.tile(joints.home, (60, 1)) + 0.3 * np.sin(t)[:, None]
    values[:, -1] = 60.0 - 10.0 * t
    valid = np.ones(60, bool)
    valid[:4] = valid[20:30] = False
    values[25] = 9.0
    with DatasetRecorder(contract, None, camera="") as recorder:
        recorder.add(Rows("take", "wave", values, valid, np.full(60, 0.8), None))
        recorder.publish(folder / "dataset", made_by="test")
    return folder / "dataset", values, valid


@pytest.mark.slow
@pytest.mark.parametrize("invalid", ["hold", "skip"])
def test_exported_dataset_drives_the_arm_by_a_ramp(
    exported, invalid, played, monkeypatch, tmp_path
):
    import lerobot.robots.so_follower.so_follower as module
    from lerobot.datasets import LeRobotDataset
    from lerobot.robots.so_follower import SOFollowerRobotConfig

    source, values, valid = exported
    put_bus(monkeypatch, module, "FeetechMotorsBus")
    file = calibration_file(tmp_path, ENDS)
    form = LeRobotForm(lerobot_robot("so101_follower"), so101(), read_calibration(file))
    done = export_for_robot(open_dataset(source), tmp_path / "for", form, invalid=invalid)
    assert done.played == valid.sum()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    config = SOFollowerRobotConfig(port="none", id="me", calibration_dir=tmp_path)
    loaded = LeRobotDataset("local/for", root=tmp_path / "for", episodes=[0])
    rows = np.stack([row["action"].numpy() for row in loaded.select_columns("action")])
    robot = played(config, rows, loaded.features["action"]["names"])
    counts = robot.bus.counts()
    assert len(counts) == done.rows
    start = wanted_counts(form.joints.joints(form.joints.home[None]), form, ENDS)[0]
    assert np.abs(counts[0] - start).max() <= 1.0
    # No step is faster than 3 rad/s, whatever the invalid rows hold.
    assert np.abs(np.diff(counts[:, :5], axis=0)).max() <= 3.0 / RATE_HZ / COUNT_RAD + 1
    wanted = wanted_counts(form.joints.joints(values[valid]), form, ENDS)
    is_own = np.asarray(open_dataset(tmp_path / "for")[0].columns["label.valid"], bool).ravel()
    assert np.abs(counts[is_own] - wanted).max() <= 1.0 + 1e-2
    held = 10 if invalid == "hold" else 0
    last = np.flatnonzero(is_own)[15]
    assert (np.abs(counts[last + 1 : last + 1 + held] - counts[last]) <= 1).all()
    assert is_own[last + 1] == (invalid == "skip")
