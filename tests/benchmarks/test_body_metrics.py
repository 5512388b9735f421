"""Body metrics: a robot that follows scores well, one that stands still scores badly."""

import numpy as np
import pytest

from benchmarks._body_metrics import BARS, Humanoid, body_metrics, joint_names
from benchmarks._omomo import OMOMO_JOINTS
from rotoscope.retarget.description.mujoco import import_mujoco

mujoco = import_mujoco()

FPS = 30.0
NUM_FRAMES = 90
SHANK_M = 0.4
SOLE_M = 0.005
BENT_RAD = 0.5
ENDS = ("Hip", "Knee", "Ankle", "Shoulder", "Elbow", "Wrist")


def _leg(side, y_m):
    spheres = "".join(
        f'<body name="{side}_sole{k}" pos="{x} 0 0">'
        f'<geom type="sphere" size="{SOLE_M}" mass="0.01"/></body>'
        for k, x in enumerate((-0.05, 0.14))
    )
    return f"""
      <body name="{side}_Hip" pos="0 {y_m} 0">
        <joint name="{side}_hip" axis="0 1 0" range="-2 2"/><inertial pos="0 0 0" mass="1"
          diaginertia="1 1 1"/>
        <body name="{side}_Knee" pos="0 0 -{SHANK_M}">
          <joint name="{side}_knee" axis="0 1 0" range="-0.1 2"/><inertial pos="0 0 0" mass="1"
            diaginertia="1 1 1"/>
          <body name="{side}_Ankle" pos="0 0 -{SHANK_M}">
            <joint name="{side}_ankle" axis="0 1 0" range="-2 2"/>{spheres}
          </body>
        </body>
      </body>"""


def _arm(side, y_m):
    return f"""
      <body name="{side}_Shoulder" pos="0 {y_m} 0.4">
        <joint name="{side}_shoulder" axis="0 1 0" range="-3 3"/><inertial pos="0 0 0" mass="1"
          diaginertia="1 1 1"/>
        <body name="{side}_Elbow" pos="0 0 -0.3">
          <joint name="{side}_elbow" axis="0 1 0" range="-3 3"/><inertial pos="0 0 0" mass="1"
            diaginertia="1 1 1"/>
          <body name="{side}_Wrist" pos="0 0 -0.3"><geom type="sphere" size="0.02"/></body>
        </body>
      </body>"""


@pytest.fixture(scope="module")
def humanoid():
    parts = "".join(part(side, y) for side, y in (("L", 0.1), ("R", -0.1)) for part in (_leg, _arm))
    xml = f"""
      <mujoco><compiler angle="radian" autolimits="true"/><worldbody>
      <geom type="plane" size="5 5 0.1"/>
      <body name="pelvis"><freejoint/><inertial pos="0 0 0" mass="1" diaginertia="1 1 1"/>{parts}
      </body></worldbody></mujoco>"""
    links = {f"{side}_{end}": f"{side}_{end}" for side in "LR" for end in ENDS}
    soles = {side: (f"{side}_sole0", f"{side}_sole1") for side in "LR"}
    return Humanoid(mujoco.MjModel.from_xml_string(xml), links, soles, sole_radius_m=SOLE_M)


@pytest.fixture(scope="module")
def squats(humanoid):
    """Knees bend and arms swing with both feet planted."""
    bend_rad = BENT_RAD * (1.0 - np.cos(2.0 * np.pi * np.arange(NUM_FRAMES) / 45.0))
    columns = {name: 7 + k for k, name in enumerate(joint_names(humanoid))}
    qpos = _standing(humanoid)
    qpos[:, 2] -= 2.0 * SHANK_M * (1.0 - np.cos(bend_rad))
    for side in "LR":
        qpos[:, columns[f"{side}_hip"]] = -bend_rad
        qpos[:, columns[f"{side}_knee"]] = 2.0 * bend_rad
        qpos[:, columns[f"{side}_ankle"]] = -bend_rad
        qpos[:, columns[f"{side}_shoulder"]] = -bend_rad
    return qpos


def _standing(humanoid):
    qpos = np.tile(humanoid.model.qpos0, (NUM_FRAMES, 1))
    qpos[:, 2] = 2.0 * SHANK_M + SOLE_M
    return qpos


def _person(humanoid, qpos):
    """A person whose joints are where the robot's are, with toes at the last sphere."""
    data = mujoco.MjData(humanoid.model)
    joints_m = np.zeros((len(qpos), len(OMOMO_JOINTS), 3))
    bodies = {"Pelvis": "pelvis", "L_Toe": "L_sole1", "R_Toe": "R_sole1", **humanoid.links}
    for t, row in enumerate(qpos):
        data.qpos[:] = row
        mujoco.mj_kinematics(humanoid.model, data)
        for joint, body in bodies.items():
            joints_m[t, OMOMO_JOINTS.index(joint)] = data.body(body).xpos
    return joints_m


def test_a_robot_that_does_what_the_person_does_holds_every_bar(humanoid, squats):
    found = body_metrics(squats, _person(humanoid, squats), FPS, humanoid=humanoid)
    assert found["overall"] <= 1.0
    assert found["limb_deg"] == pytest.approx(0.0, abs=1e-4)
    assert found["limb_explained"] == pytest.approx(1.0)
    assert found["sole_height_mm"] == pytest.approx(0.0, abs=1e-6)


def test_a_frozen_robot_with_perfect_feet_scores_badly(humanoid, squats):
    found = body_metrics(_standing(humanoid), _person(humanoid, squats), FPS, humanoid=humanoid)
    others = {name: found[name] for name in BARS if name != "limb_deg"}
    assert all(others[name] <= BARS[name] for name in others), "its feet are perfect"
    assert found["limb_deg"] > 20.0
    assert found["limb_explained"] == pytest.approx(0.0)
    assert found["overall"] > 2.0


def test_the_best_frozen_pose_explains_nothing(humanoid, squats):
    middle = np.tile(squats[NUM_FRAMES // 4], (NUM_FRAMES, 1))
    found = body_metrics(middle, _person(humanoid, squats), FPS, humanoid=humanoid)
    assert found["limb_explained"] == pytest.approx(0.0)
    assert found["overall"] > 1.0


def test_the_root_of_a_frozen_robot_explains_nothing_of_a_walk(humanoid, squats):
    walk = squats.copy()
    walk[:, 0] += np.arange(NUM_FRAMES) * 0.005
    person = _person(humanoid, walk)
    follows = body_metrics(walk, person, FPS, humanoid=humanoid)
    stands = body_metrics(_standing(humanoid), person, FPS, humanoid=humanoid)
    assert follows["root_explained"] == pytest.approx(1.0)
    assert stands["root_explained"] == pytest.approx(0.0)
    assert follows["skate_cm_s"] == pytest.approx(100.0 * 0.005 * FPS, rel=0.02)


def test_the_root_of_a_person_who_stays_is_not_measured(humanoid, squats):
    found = body_metrics(squats, _person(humanoid, squats), FPS, humanoid=humanoid)
    assert np.isnan(found["root_explained"])


def test_sinking_floating_and_limits_are_seen(humanoid, squats):
    person = _person(humanoid, squats)
    sunk, floating, bent = squats.copy(), squats.copy(), squats.copy()
    sunk[:30, 2] -= 0.02
    floating[:, 2] += 0.05
    bent[:9, 7 + joint_names(humanoid).index("L_knee")] = 2.01
    assert body_metrics(sunk, person, FPS, humanoid=humanoid)["below_ground_frames"] == (
        pytest.approx(30 / NUM_FRAMES)
    )
    assert body_metrics(floating, person, FPS, humanoid=humanoid)["sole_height_mm"] == (
        pytest.approx(50.0)
    )
    found = body_metrics(bent, person, FPS, humanoid=humanoid)
    assert found["limit_frames"] == pytest.approx(9 / NUM_FRAMES)
    assert found["limit_max_mrad"] == pytest.approx(10.0)
    assert found["overall"] > 1.0
