"""Up is where the ground is not: people walk, crawl, lie and stand on their hands."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from walkers import walker

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.motion.normalize import leg_length
from rotoscope.pipeline.motion.upward import AXES, find_upward
from rotoscope.pipeline.tracks import BODY_JOINTS

RATE_HZ = 60.0
SWAPPED = {"hip": "shoulder", "knee": "elbow", "ankle": "wrist", "toe": "hand", "pelvis": "neck"}
SWAPPED |= {v: k for k, v in SWAPPED.items()}


def column(name: str) -> int:
    return BODY_JOINTS.index(name)


def walks() -> np.ndarray:
    return walker(rate_hz=RATE_HZ).joints_m


def walks_on_hands() -> np.ndarray:
    """The arms do what the legs of a walker do; head and feet are where they must be."""
    joints = walks()
    out = np.full_like(joints, np.nan)
    for name in BODY_JOINTS:
        side, _, part = name.rpartition("_")
        other = SWAPPED.get(part)
        source = f"{side}_{other}".lstrip("_") if other else None
        if source in BODY_JOINTS:
            out[:, column(name)] = joints[:, column(source)]
    out[:, column("head")] = out[:, column("neck")] - [0, 0, 0.2]
    return out


def crawls(speed_m_s: float = 0.4) -> np.ndarray:
    """On hands and knees, along x: each rests for half a second, then moves ahead in the next."""
    t = np.arange(0, 6, 1 / RATE_HZ)
    out = np.full((len(t), len(BODY_JOINTS), 3), np.nan)
    at = speed_m_s * t

    def put(
        name: str, ahead: np.ndarray | float, across: float, height: np.ndarray | float
    ) -> None:
        shape = np.ones(len(t))
        out[:, column(name)] = np.stack([ahead * shape, across * shape, height * shape], axis=1)

    def rests_and_swings(phase: float) -> tuple[np.ndarray, np.ndarray]:
        """How far ahead it is, and how high."""
        steps = t + phase
        share = np.clip(2 * (steps % 1.0) - 1, 0, 1)
        ahead = speed_m_s * (np.floor(steps) + 0.5 - 0.5 * np.cos(np.pi * share) - phase)
        return ahead, 0.05 * np.sin(np.pi * share)

    put("pelvis", at, 0, 0.48)
    put("neck", at + 0.5, 0, 0.55)
    put("head", at + 0.7, 0, 0.55)
    for side, sign, phase in (("left", 1, 0.0), ("right", -1, 0.5)):
        y = 0.1 * sign
        knee, knee_height = rests_and_swings(phase)
        hand, hand_height = rests_and_swings(phase + 0.5)
        put(f"{side}_hip", at, y, 0.46)
        put(f"{side}_knee", knee, y, 0.05 + knee_height)
        put(f"{side}_ankle", knee - 0.4, y, 0.06 + knee_height)
        put(f"{side}_toe", knee - 0.52, y, 0.03 + knee_height)
        put(f"{side}_heel", knee - 0.44, y, 0.12 + knee_height)
        put(f"{side}_shoulder", at + 0.45, 2 * y, 0.52)
        put(f"{side}_elbow", (at + 0.5 + hand + 0.55) / 2, 2.2 * y, 0.27)
        put(f"{side}_wrist", hand + 0.55, 2 * y, 0.06 + hand_height)
        put(f"{side}_hand", hand + 0.63, 2 * y, 0.02 + hand_height)
    return out


def lies_and_kicks() -> np.ndarray:
    """On the back, legs and arms in the air by turns."""
    standing = walks()[0] - walks()[0, column("pelvis")]
    t = np.arange(0, 5, 1 / RATE_HZ)
    out = np.repeat(standing[None][:, :, [2, 1, 0]] * [1, 1, 0.0], len(t), axis=0)
    for side, phase in (("left", 0.0), ("right", np.pi)):
        lifted = 0.4 * (1 + np.sin(4 * t + phase))
        for name in ("knee", "ankle", "toe", "heel"):
            out[:, column(f"{side}_{name}"), 2] += lifted
        for name in ("wrist", "hand"):
            out[:, column(f"{side}_{name}"), 2] += 0.5 * lifted
    return out


def in_axis(joints: np.ndarray, up: str) -> np.ndarray:
    """The same motion in a file whose axis `up` is our z, right-handed."""
    at, sign = AXES[up]
    out = np.empty_like(joints)
    out[..., at] = sign * joints[..., 2]
    out[..., (at + 1) % 3] = joints[..., 0]
    out[..., (at + 2) % 3] = sign * joints[..., 1]
    return out


def walks_in_place() -> np.ndarray:
    """As on a treadmill: the feet slide back under a body whose head stays where it is."""
    joints = walker(rate_hz=RATE_HZ, stride_m=2.4, stride_s=1.0).joints_m
    pelvis = joints[:, column("pelvis")]
    return joints - (pelvis - pelvis[0])[:, None] * [1, 1, 0]


def has_no_path() -> np.ndarray:
    """A walk in a file without the root's path."""
    joints = walker(rate_hz=RATE_HZ, stride_m=1.8, stride_s=0.9).joints_m
    return joints - joints[:, column("pelvis")][:, None]


@pytest.mark.parametrize("usual", ["y", "z"])
@pytest.mark.parametrize("up", AXES)
@pytest.mark.parametrize("move", [walks, walks_on_hands, crawls, walks_in_place, has_no_path])
def test_up_is_found_whatever_the_person_does(move, up, usual):
    joints = 100.0 * in_axis(move(), up)
    found = find_upward(
        joints, leg=leg_length(joints), rate_hz=RATE_HZ, usual=usual, format_name="bvh"
    )
    assert found.up == up, found.why


def test_who_stands_still_stands_along_the_body():
    joints = np.repeat(walks()[:1], 50, axis=0)
    for up in AXES:
        found = find_upward(
            in_axis(joints, up),
            leg=leg_length(joints),
            rate_hz=RATE_HZ,
            usual="y",
            format_name="bvh",
        )
        assert (found.up, found.why) == (up, "the person stands along it")


@pytest.mark.parametrize("up", ["y", "z"])
def test_who_lies_is_not_stood_up(up):
    joints = in_axis(lies_and_kicks(), up)
    found = find_upward(
        joints, leg=leg_length(joints), rate_hz=RATE_HZ, usual=up, format_name="npy"
    )
    assert found.up == up, found.why


def tumbles() -> np.ndarray:
    """Over and over through the air, at rest nowhere."""
    t = np.arange(0, 4, 1 / RATE_HZ)
    about = Rotation.from_euler("yx", np.stack([5 * t, 3 * t], axis=1)).as_matrix()
    body = walks()[:1] - walks()[:1, :1]
    path = np.stack([2 * t, np.sin(3 * t), np.cos(2 * t)], axis=1)
    return (about @ body[0].T).transpose(0, 2, 1) + path[:, None]


@pytest.mark.parametrize("up", ["x", "y", "z"])
def test_array_whose_motion_tells_no_axis_is_refused_and_a_format_with_a_custom_keeps_it(up):
    joints = in_axis(tumbles(), up)
    facts = {"leg": leg_length(joints), "rate_hz": RATE_HZ, "usual": "y"}
    with pytest.raises(MotionError, match=r"which axis points up cannot be told.*write 'up: y'"):
        find_upward(joints, format_name="npy", **facts)
    assert find_upward(joints, format_name="bvh", **facts).up == "y"
