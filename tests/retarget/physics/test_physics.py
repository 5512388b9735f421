"""Trajectories under gravity: who stands, who falls, and how much help each one needs."""

from pathlib import Path

import numpy as np
import pytest
from small_robots import BIPED_JOINTS, STANDING_HEIGHT_M, biped, pendulum

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import RobotError, TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import ClipStage
from rotoscope.pipeline.testing import a_clip
from rotoscope.pipeline.tracks import ActionTrack, FeatureTrack, QualityTrack
from rotoscope.pipeline.types import Clip
from rotoscope.retarget.physics.model import build_physics_model
from rotoscope.retarget.physics.pd_tracking import track_with_pd
from rotoscope.retarget.physics.residual_wrench import residual_wrench
from rotoscope.retarget.physics.robot import joint_columns
from rotoscope.retarget.physics.settings import PhysicsSettings
from rotoscope.retarget.physics.stage import NAMES, PhysicsCheck, PhysicsConfig

RATE_HZ = 30.0
QUICK = PhysicsSettings(timestep_s=0.004)


@pytest.fixture
def biped_path(tmp_path: Path) -> Path:
    path = tmp_path / "biped.xml"
    path.write_text(biped())
    return path


class Motion:
    """A biped's trajectory: knees bent by `bend`, feet level, trunk upright unless `lean`."""

    def __init__(self, num_frames=60, bend=0.3, lean=0.0):
        self.time_s = np.arange(num_frames) / RATE_HZ
        leg = [-bend, 2 * bend, -bend - lean]
        self.joints = np.tile(leg + leg, (num_frames, 1)).astype(float)
        self.R = np.tile(se3.exp_so3(np.array([0.0, lean, 0.0])), (num_frames, 1, 1))
        self.xyz = np.zeros((num_frames, 3))
        ankle = 0.28 * np.array([np.cos(bend - lean) + np.cos(bend + lean)])
        self.xyz[:, 2] = ankle + (STANDING_HEIGHT_M - 0.56)

    def run(self, path, settings=QUICK, **options):
        return track_with_pd(
            path, self.xyz, self.R, self.joints, BIPED_JOINTS, self.time_s, settings, **options
        )

    def missing(self, path):
        return residual_wrench(path, self.xyz, self.R, self.joints, BIPED_JOINTS, self.time_s)


def test_standing_still_stays_up_for_the_whole_length(biped_path):
    facts = Motion(150).run(biped_path).facts()
    assert facts["fall_s"] is None
    assert facts["tracked_share"] == 1.0
    assert facts["joint_error_p95_deg"] < 3.0
    assert facts["slip_mean_m_s"] < 0.02
    assert facts["saturation_share"] == 0.0


def test_leaning_out_of_the_feet_falls(biped_path):
    leaning = Motion(lean=0.6).run(biped_path)
    assert leaning.fall_s is not None
    assert leaning.fall_s < 1.5
    assert not leaning.upright[-1]
    assert np.isnan(leaning.joint_error_rad[-1]).all()


def test_result_is_the_same_bit_by_bit(biped_path):
    one, two = (Motion(30, lean=0.3).run(biped_path, root="assisted") for _ in range(2))
    assert one.facts() == two.facts()
    np.testing.assert_array_equal(one.joint_error_rad, two.joint_error_rad)


def test_help_that_is_needed_grows_with_the_fault(biped_path):
    def help_needed(motion):
        return motion.run(biped_path, root="assisted").facts()["assist_force_weights"]

    floating = Motion()
    floating.xyz[:, 2] += 0.06
    good = help_needed(Motion())
    assert good < 0.1
    assert help_needed(floating) > good + 0.2


def test_fixed_root_goes_where_it_is_told(biped_path):
    motion = Motion(30)
    motion.xyz[:, 2] += 0.3  # far from the floor: nothing but the joints' own weight
    result = motion.run(biped_path, root="fixed")
    assert result.fall_s is None
    assert np.nanmax(result.root_error_m) < 0.01
    assert np.isnan(result.slip_m_s).all()


def test_robot_that_sinks_at_the_start_is_raised_onto_the_floor(biped_path):
    motion = Motion()
    motion.xyz[:, 2] -= 0.03
    result = motion.run(biped_path)
    assert result.start_shift_m == pytest.approx(0.03, abs=0.002)
    assert result.fall_s is None


def test_file_without_free_joint_gets_one(tmp_path):
    path = tmp_path / "bolted.xml"
    path.write_text(biped(has_free_joint=False))
    assert Motion(30).run(path).fall_s is None


def test_nothing_is_missing_from_who_stands(biped_path):
    assert Motion(10).missing(biped_path).max() < 1e-3


def test_who_floats_misses_the_whole_weight(biped_path):
    motion = Motion(10)
    motion.xyz[:, 2] += 0.1
    missing = motion.missing(biped_path)
    np.testing.assert_allclose(missing[:, 0], 1.0, atol=1e-6)


def test_free_fall_misses_nothing(biped_path):
    motion = Motion(20)
    motion.xyz[:, 2] += 10.0 - 0.5 * 9.81 * motion.time_s**2
    assert motion.missing(biped_path)[1:-1, 0].max() < 1e-3


def test_who_leans_out_of_the_feet_misses_a_torque(biped_path):
    motion = Motion(10)
    motion.joints[:] = 0.0
    motion.joints[:, [2, 5]] = -0.5  # feet level, the whole robot tilted about the ankles
    motion.R[:] = se3.exp_so3(np.array([0.0, 0.5, 0.0]))
    motion.xyz[:] = [0.56 * np.sin(0.5), 0.0, 0.06 + 0.56 * np.cos(0.5)]
    missing = motion.missing(biped_path)
    # The center of mass stands 0.27 m before the toes' edge; the scale is the height, 0.55 m.
    assert 0.2 < np.median(missing[:, 1]) + np.median(missing[:, 0]) < 0.7


def test_bolted_pendulum_tracks_and_saturates_by_its_torque_limit(tmp_path):
    values, time_s = np.zeros((60, 1)), np.arange(60) / RATE_HZ
    shares = []
    # Holding 1 kg at 0.25 m takes 2.45 N m.
    for limit in (10.0, 1.0):
        path = tmp_path / f"pendulum{limit}.xml"
        path.write_text(pendulum(torque_limit=limit))
        result = track_with_pd(path, None, None, values, ["hinge"], time_s, QUICK, root="bolted")
        shares.append((result.facts()["saturation_share"], result.facts()["joint_error_p95_deg"]))
    assert shares[0][0] == 0.0
    assert shares[0][1] < 5.0
    assert shares[1][0] > 0.8
    assert shares[1][1] > 45.0


def test_gains_of_the_files_position_actuators_are_kept(tmp_path):
    path = tmp_path / "pendulum.xml"
    actuator = '<actuator><position joint="hinge" kp="123" kv="4"/></actuator>'
    path.write_text(pendulum(torque_limit=10, actuator=actuator))
    robot = build_physics_model(path, "bolted")
    assert robot.kp[0] == pytest.approx(123)
    assert robot.kd[0] == pytest.approx(4)


def test_defaults_of_the_files_motors_do_not_clip_the_wanted_values(tmp_path):
    path = tmp_path / "pendulum.xml"
    text = pendulum(torque_limit=20).replace(
        "<worldbody>",
        '<default><motor ctrlrange="-1 1" ctrllimited="true"/></default><worldbody>',
    )
    path.write_text(text)
    values, time_s = np.full((45, 1), 1.2), np.arange(45) / RATE_HZ
    result = track_with_pd(path, None, None, values, ["hinge"], time_s, QUICK, root="bolted")
    assert abs(result.joint_error_rad[-1, 0]) < 0.1


def test_joints_that_follow_in_a_urdf_follow(tmp_path):
    path = tmp_path / "fingers.urdf"
    link = (
        '<link name="{0}"><inertial><mass value="0.1"/><inertia ixx="1e-4" iyy="1e-4" izz="1e-4" '
        'ixy="0" ixz="0" iyz="0"/></inertial></link>'
    )
    joint = (
        '<joint name="{0}" type="revolute"><parent link="{1}"/><child link="{2}"/>'
        '<axis xyz="0 1 0"/><limit lower="-1" upper="2" velocity="9" effort="5"/>{3}</joint>'
    )
    path.write_text(
        "<robot name='fingers'>"
        + "".join(link.format(name) for name in "abc")
        + joint.format("one", "a", "b", "")
        + joint.format("two", "b", "c", '<mimic joint="one" multiplier="0.5" offset="0.1"/>')
        + "</robot>"
    )
    robot = build_physics_model(path, "bolted")
    wanted = robot.reference(np.array([[0.4]]), ["one"])
    assert wanted[0, robot.joint_names.index("two")] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joints": np.full((60, 6), np.nan)}, "must be finite in every frame"),
        ({"joints": np.zeros((60, 5))}, "expected 60 frames of 6 joints"),
        ({"time_s": np.zeros(60)}, "at least two frames at increasing times"),
        ({"xyz": None}, "needs root_xyz_m and root_R"),
    ],
)
def test_trajectory_that_cannot_be_simulated_is_said(biped_path, change, message):
    motion = Motion()
    for name, value in change.items():
        setattr(motion, name, value)
    with pytest.raises(TrackError, match=message):
        motion.run(biped_path)


def test_unknown_joint_is_said_with_the_known_ones(biped_path):
    with pytest.raises(RobotError, match=r"no joints \['tail'\]; it has 'left_ankle'"):
        build_physics_model(biped_path, "free").reference(np.zeros((1, 1)), ["tail"])


def test_robot_that_nothing_can_touch_is_refused(tmp_path):
    path = tmp_path / "ghost.xml"
    path.write_text(biped().replace("<geom ", '<geom contype="0" conaffinity="0" '))
    with pytest.raises(RobotError, match="no collision geometry"):
        build_physics_model(path, "free")


def actions_of(motion: Motion, robot: str = "biped") -> ActionTrack:
    dimensions = tuple(
        Dimension(name=f"{n}.pos", quantity="joint", unit="rad") for n in BIPED_JOINTS
    )
    known = np.isfinite(motion.joints).all(axis=1)
    return ActionTrack(
        labeler="retarget.humanoid",
        subject="person0",
        contract=ActionContract(robot=robot, dimensions=dimensions, rate_hz=RATE_HZ, shift_s=0),
        values=motion.joints,
        valid=known,
        confidence=known.astype(float),
        reason=np.where(known, 0, 1).astype(np.uint8),
    )


def root_pose_of(motion: Motion) -> FeatureTrack:
    return FeatureTrack(
        feature="label.root_pose",
        subject="person0",
        values=np.column_stack([motion.xyz, se3.log_so3(motion.R)]),
        names=("x", "y", "z", "wx", "wy", "wz"),
        unit="m, rad",
        description="Root.",
    )


def clip_of(motion: Motion) -> Clip:
    return a_clip(motion.time_s)


@pytest.fixture
def biped_yaml(biped_path: Path) -> Path:
    foot = "{link: %s_foot, sole_m: [[0.13, 0.04, -0.06], [0.13, -0.04, -0.06], [-0.07, 0, -0.06]]}"
    body = ", ".join(
        f"{s}_{human}: {{link: {s}_{link}}}"
        for s in ("left", "right")
        for human, link in (("hip", "thigh"), ("knee", "shin"), ("ankle", "foot"))
    )
    path = biped_path.with_name("biped.yaml")
    path.write_text(
        f"kind: humanoid\nname: biped\nfolder: .\nfile: biped.xml\nroot: trunk\nbody: {{{body}}}\n"
        f"feet: {{left: {foot % 'left'}, right: {foot % 'right'}}}\n"
    )
    return path


def stage_for(path: Path, **config) -> ClipStage:
    return PhysicsCheck(PhysicsConfig(robot=str(path), settings=QUICK, **config))


def test_stage_reports_falls_and_what_is_missing(biped_yaml):
    motion = Motion(45)
    tracks = {"actions.a": actions_of(motion), "features.root": root_pose_of(motion)}
    out = stage_for(biped_yaml).run(clip_of(motion), tracks)
    column = next(t for t in out.values() if isinstance(t, FeatureTrack))
    facts = next(t for t in out.values() if isinstance(t, QualityTrack)).facts
    assert column.values.shape == (45, len(NAMES))
    assert column.subject == "person0"
    assert facts["physics_free_fall_s"] is None
    assert facts["physics_assisted_assist_force_weights"] < 0.05
    assert facts["physics_missing_force_weights"] < 0.01
    assert facts["physics_simulated_share"] == 1.0


def test_stage_simulates_known_stretches_only(biped_yaml):
    motion = Motion(90)
    motion.joints[40:50] = np.nan
    motion.joints[55:58] = np.nan
    tracks = {"actions.a": actions_of(motion), "features.root": root_pose_of(motion)}
    out = stage_for(biped_yaml, roots=("free",)).run(clip_of(motion), tracks)
    column = next(t for t in out.values() if isinstance(t, FeatureTrack)).values
    upright = column[:, NAMES.index("upright")]
    assert (upright[:40] == 1.0).all()
    assert np.isnan(upright[40:58]).all()
    assert (upright[58:] == 1.0).all()


def test_nothing_known_is_reported_as_nothing_simulated(biped_yaml):
    motion = Motion(30)
    motion.joints[:] = np.nan
    tracks = {"actions.a": actions_of(motion), "features.root": root_pose_of(motion)}
    out = stage_for(biped_yaml).run(clip_of(motion), tracks)
    facts = next(t for t in out.values() if isinstance(t, QualityTrack)).facts
    assert facts["physics_simulated_share"] == 0.0
    assert "physics_missing_force_weights" not in facts


def test_steps_carry_who_stands_on_them(biped_yaml):
    motion = Motion(45)
    motion.xyz[:, 2] += 0.3
    support = FeatureTrack(
        "label.support", "person0", np.full((45, 2), 0.3), ("left", "right"), "m", "Support."
    )
    tracks = {"actions.a": actions_of(motion), "features.root": root_pose_of(motion)}
    facts = []
    for given in ({}, {"features.support.person0": support}):
        out = stage_for(biped_yaml, roots=("free",)).run(clip_of(motion), tracks | given)
        facts.append(next(t for t in out.values() if isinstance(t, QualityTrack)).facts)
    assert facts[0]["physics_missing_force_weights"] == pytest.approx(1.0, abs=0.01)
    assert facts[0]["physics_free_fall_s"] is not None
    assert facts[1]["physics_num_steps"] == 2
    assert facts[1]["physics_missing_force_weights"] < 0.01
    assert facts[1]["physics_free_fall_s"] is None


def test_column_of_the_wrong_width_is_said(biped_yaml):
    motion = Motion(45)
    pose = root_pose_of(motion).replace(values=motion.xyz, names=("x", "y", "z"))
    tracks = {"actions.a": actions_of(motion), "features.root": pose}
    with pytest.raises(TrackError, match=r"label.root_pose of 'person0' must have 6 columns"):
        stage_for(biped_yaml).run(clip_of(motion), tracks)


def test_action_of_another_robot_is_said(biped_path):
    actions = actions_of(Motion())
    contract = actions.contract.model_copy(
        update={"dimensions": (Dimension(name="wrist.pos", quantity="joint", unit="rad"),)}
    )
    with pytest.raises(RobotError, match="no joint 'wrist', which the actions of 'biped' name"):
        joint_columns(contract, biped_path)


def test_bolted_is_not_a_choice():
    with pytest.raises(ValueError, match="robots without a root pose are bolted"):
        PhysicsConfig(roots=("bolted",))


G1 = "robots/unitree_g1_gmr/g1_mocap_29dof.xml"


def g1_joint_names(path: Path) -> tuple[str, ...]:
    names = build_physics_model(path, "free").joint_names
    assert len(names) == 29
    return names


@pytest.mark.realdata
def test_g1_stands_for_five_seconds(shared_data: Path):
    path = shared_data / G1
    names = g1_joint_names(path)
    joints = np.zeros((150, 29))
    for side in ("left", "right"):
        for joint, value in (("hip_pitch", -0.3), ("knee", 0.6), ("ankle_pitch", -0.3)):
            joints[:, names.index(f"{side}_{joint}_joint")] = value
    xyz = np.tile([0.0, 0.0, 0.757], (150, 1))
    R, time_s = np.tile(np.eye(3), (150, 1, 1)), np.arange(150) / RATE_HZ
    assert track_with_pd(path, xyz, R, joints, names, time_s, QUICK).fall_s is None
    moved = xyz + np.array([0, 0, 0.05])
    still = residual_wrench(path, xyz, R, joints, names, time_s)
    floating = residual_wrench(path, moved, R, joints, names, time_s)
    assert np.median(still[:, 0]) < 0.05
    assert np.median(floating[:, 0]) > 0.9


@pytest.mark.realdata
def test_motion_with_feet_in_the_air_misses_more_than_one_with_planted_feet(shared_data: Path):
    path, missing = shared_data / G1, {}
    names = g1_joint_names(path)
    for peer in ("gmr", "omniretarget"):
        found = np.load(shared_data / f"peers/{peer}_sub3_largebox_003.npz")
        qpos = found["qpos"].astype(float)
        R = se3.matrix_from_quat(qpos[:, 3:7])
        time_s = np.arange(len(qpos)) / RATE_HZ
        missing[peer] = residual_wrench(path, qpos[:, :3], R, qpos[:, 7:], names, time_s)[
            :, 0
        ].mean()
    assert missing["omniretarget"] < 0.2
    assert missing["gmr"] > 3 * missing["omniretarget"]
