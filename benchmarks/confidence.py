"""Is `label.confidence` the chance that it says it is: stated against observed, and rank, by kind.

`confidence.*`: kinds of hands (`_hand_kinds`) that chose nothing, frame by frame through lift and
retarget.gripper, with the true intrinsics, and the hand's size given or not. `confidence_clips.*`:
held-out scenes of our own rendered hands (`_rendered_scenes.HELD_OUT`) through the stages hands,
camera, lift, smooth and retarget.gripper, once with the true intrinsics and palm length given and
once with both assumed. What a robot leaves of the motion is not in it: its own pose is known. A
kind is also what was given; over all kinds each counts alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks._chances import Chances, figures
from benchmarks._hand_kinds import scenes_of
from benchmarks._hand_scenes import HEIGHT, WIDTH, SeenHand, see
from benchmarks._rendered_lift import Perceived, lift, perceive, smooth
from benchmarks._rendered_scenes import HELD_OUT
from benchmarks.figure import Figure
from benchmarks.hand_kinds import SIGMA_FOCAL_REL
from rotoscope.models.hands.lift_stage import Lift, LiftConfig
from rotoscope.models.rendered_hands import HandTruth
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.tracks import Camera, GripperTrack, HandTrack
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
    sources = {
        "confidence": [pair for name in ("held_out", "last_look") for pair in _hand_kinds(name)],
        "confidence_clips": [pair for scene in HELD_OUT for pair in _clips(perceive(scene))],
    }
    return [
        figure
        for source, found in sources.items()
        for what in ("ee", "ee_position", "fingers")
        for figure in figures(f"{source}.{what}", {kind: rows[what] for kind, rows in found})
    ]


def _hand_kinds(name: str) -> Iterator[tuple[str, dict[str, Chances]]]:
    for kind, scenes in scenes_of(name).items():
        for given in (True, False):
            clips = [_frames(see(scene), is_size_given=given) for scene in scenes]
            yield f"{kind}.{'size_given' if given else 'size_assumed'}", joined(clips)


def _frames(seen: SeenHand, *, is_size_given: bool) -> dict[str, Chances]:
    truth = HandTruth(seen.scene.side, seen.joints_m, seen.joints_m[:, 0])
    name = f"hands.{truth.side}"
    camera = Camera(seen.K, WIDTH, HEIGHT, "recipe", SIGMA_FOCAL_REL)
    clip = Clip(a_video(len(seen.time_s)), 0, seen.time_s)
    size_m = truth.palm_length_m if is_size_given else None
    # The pictures are not kept, so no gap is bridged.
    stage = Lift(LiftConfig(palm_length_m=size_m, max_bridge_s=0.0, check_hidden=False))
    hand = stage.run(clip, {name: seen.track, "camera": camera})[name]
    assert isinstance(hand, HandTrack)
    return chances(clip, hand, truth)


def joined(parts: Sequence[dict[str, Chances]]) -> dict[str, Chances]:
    """The rows of several clips."""
    return {
        what: Chances(
            np.concatenate([part[what].stated for part in parts]),
            np.concatenate([part[what].error for part in parts]),
        )
        for what in parts[0]
    }


def _clips(seen: Perceived) -> Iterator[tuple[str, dict[str, Chances]]]:
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
