"""Is `label.confidence` the chance that it says it is: stated against observed, and rank, by kind.

Held-out scenes of rendered hands (`_rendered_scenes.HELD_OUT`) through the stages hands, camera,
lift, smooth and retarget.gripper, once with the true intrinsics and palm length given and once
with both assumed. What a robot leaves of the motion is not in it: its own pose is known. A kind is
a scene and what was given; over all kinds each counts alike.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks._chances import Chances, figures
from benchmarks._rendered_lift import Perceived, lift, perceive, smooth
from benchmarks._rendered_scenes import HELD_OUT
from benchmarks.figure import Figure
from rotoscope.models.rendered_hands import HandTruth
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import GripperTrack, HandTrack
from rotoscope.pipeline.types import Clip
from rotoscope.retarget.common.confidence import (
    POSITION_M,
    ROTATION_RAD,
    TIPS_M,
    position_chance,
    rotation_chance,
    tips_chance,
)
from rotoscope.retarget.gripper.pose import gripper_pose
from rotoscope.retarget.gripper.stage import RetargetGripper
from rotoscope.retarget.hand.tips_sigma import tips_sigma

TIPS = (4, 8, 12, 16, 20)
FEWEST_ROWS = 10
"""A kind of fewer valid rows says nothing."""


def run() -> list[Figure]:
    """End effectors, their positions alone, and fingers; a minute of CPU once rendered."""
    found = [rows for scene in HELD_OUT for rows in _kinds(perceive(scene))]
    out = []
    for what in ("ee", "ee_position", "fingers"):
        out += figures(f"confidence.{what}", {kind: rows[what] for kind, rows in found})
    return out


def _kinds(seen: Perceived) -> Iterator[tuple[str, dict[str, Chances]]]:
    for given in (True, False):
        tracks = smooth(seen, lift(seen, is_calibrated=given)[0])
        for side, truth in seen.rendered.hands.items():
            hand = tracks[f"hands.{side}"]
            assert isinstance(hand, HandTrack)
            rows = chances(seen.clip, hand, truth)
            if len(rows["ee"].stated) >= FEWEST_ROWS:
                name = seen.rendered.scene.name
                yield f"{name}.{side}.{'given' if given else 'assumed'}", rows


def chances(clip: Clip, hand: HandTrack, truth: HandTruth) -> dict[str, Chances]:
    """Stated chances and errors of the valid rows of a hand."""
    gripper = RetargetGripper(RetargetGripper.Config()).run(clip, {f"hands.{hand.side}": hand})
    followed = gripper[f"gripper.{hand.side}"]
    assert isinstance(followed, GripperTrack)
    rows = hand.valid & followed.valid
    ee, true_ee = followed.T_camera_ee[rows], gripper_pose(truth.joints_m[rows], hand.side)
    exactly = np.zeros(len(ee))
    position = position_chance(followed.sigma_position_m[rows], exactly)
    rotation = rotation_chance(followed.sigma_rotation_rad[rows], exactly)
    off = np.linalg.norm(ee[:, :3, 3] - true_ee[:, :3, 3], axis=1) / POSITION_M
    turned = se3.angle_between(ee[:, :3, :3], true_ee[:, :3, :3]) / ROTATION_RAD
    fingers = tips_chance(tips_sigma(hand)[rows], exactly)
    return {
        "ee": Chances(position * rotation, np.maximum(off, turned)),
        "ee_position": Chances(position, off),
        "fingers": Chances(fingers, _tips_error_m(hand, truth, rows) / TIPS_M),
    }


def _tips_error_m(hand: HandTrack, truth: HandTruth, rows: np.ndarray) -> np.ndarray:
    """Root mean square distance of the fingertips, each hand seen from its own wrist."""
    assert hand.joints_m is not None
    assert hand.T_camera_wrist is not None
    ours = se3.apply(se3.inverse(hand.T_camera_wrist[rows]), hand.joints_m[rows])
    true = se3.apply(se3.inverse(truth.T_camera_wrist[rows]), truth.joints_m[rows])
    off = np.linalg.norm(ours[:, TIPS] - true[:, TIPS], axis=2)
    return np.sqrt((off**2).mean(axis=1))


if __name__ == "__main__":
    print("\n".join(figure.line() for figure in run()))
