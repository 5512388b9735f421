"""The stick figure stands where the person stands."""

import numpy as np
import pytest

from rotoscope.pipeline.report.figure import (
    BACKGROUND,
    BODY_BONES,
    CONTACT,
    LEFT,
    View,
    draw_figure,
)
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES


def standing(turn_rad=0.0):
    """A person of 1.7 m in T pose who looks along x, turned about z."""
    heights = {"pelvis": 0.95, "neck": 1.45, "head": 1.6}
    legs = {"hip": 0.92, "knee": 0.5, "ankle": 0.08, "heel": 0.03, "toe": 0.02}
    arms = {"shoulder": (0.18, 1.42), "elbow": (0.45, 1.42), "wrist": (0.7, 1.42)}
    arms["hand"] = (0.78, 1.42)
    joints = np.zeros((21, 3))
    for name, z in heights.items():
        joints[BODY_JOINTS.index(name)] = (0, 0, z)
    for side, sign in zip(SIDES, (1, -1), strict=True):
        for name, z in legs.items():
            joints[BODY_JOINTS.index(f"{side}_{name}")] = (0.12 * (name == "toe"), 0.1 * sign, z)
        for name, (y, z) in arms.items():
            joints[BODY_JOINTS.index(f"{side}_{name}")] = (0, y * sign, z)
    c, s = np.cos(turn_rad), np.sin(turn_rad)
    return joints @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T


def pixels(joints, view):
    return view.project(joints, joints[0], width=400, height=300)


def test_every_joint_hangs_on_a_bone():
    assert {j for bone in BODY_BONES for j in bone} == set(range(len(BODY_JOINTS)))
    assert len(set(BODY_BONES)) == len(BODY_BONES)


@pytest.mark.parametrize("turn_rad", [0.0, 1.0, -2.5])
def test_person_is_seen_from_before_whichever_way_they_face(turn_rad):
    joints = standing(turn_rad)
    view = View.of(joints[None], is_grounded=True)
    at = dict(zip(BODY_JOINTS, pixels(joints, view), strict=True))
    # Who faces us has the left hand on our right; the head is above the feet.
    assert at["left_hand"][0] > at["right_hand"][0] + 50
    assert at["head"][1] < at["left_toe"][1] - 150
    assert all((p >= 0).all() and p[0] < 400 and p[1] < 300 for p in at.values())


def test_floor_is_put_under_a_person_whose_ground_is_unknown():
    joints = standing() + np.array([0, 0, 3.0])
    assert View.of(joints[None], is_grounded=False).floor_m == pytest.approx(3.02)
    assert View.of(joints[None], is_grounded=True).floor_m == 0.0


def draw(joints, contact=None, is_seen=True):
    view = View.of(joints[None], is_grounded=True)
    return draw_figure(joints, view, is_seen=is_seen, contact=contact, width=200, height=150)


def has(image, color):
    return bool((np.abs(image.astype(int) - color).max(axis=2) < 40).any())


def test_contact_and_sides_are_colored():
    plain, touching = draw(standing()), draw(standing(), contact=np.array([True, False]))
    assert plain.shape == (150, 200, 3)
    assert has(plain, LEFT)
    assert not has(plain, CONTACT)
    assert has(touching, CONTACT)


def test_unknown_joints_are_left_out_and_an_unknown_person_is_said():
    joints = standing()
    joints[BODY_JOINTS.index("left_elbow")] = np.nan
    assert has(draw(joints), LEFT)
    lost = draw(np.full((21, 3), np.nan))
    assert not has(lost, LEFT)
    assert not has(lost, BACKGROUND) or lost.std() > 0
