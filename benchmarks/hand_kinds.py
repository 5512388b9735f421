"""Hands, grippers and apertures by kind of scene, against exact truth.

Kinds of hands of five origins, things and views (`_hand_kinds`): `DEVELOPMENT` chose the constants
of lift and gripper, `HELD_OUT` and, opened once at the end, `LAST_LOOK` report. The true
intrinsics are given; the hand's size is not, and then it is, as the truth's own distance from
wrist to middle root. Frames come from MediaPipe's own loop, so that what the stage `hands` finds
or misses has no part in it. Needs a folder of public hands: see `_skinned_hands`.
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks._grasp_scores import GraspScore, figures, score, together
from benchmarks._hand_kinds import SETS, scenes_of
from benchmarks._hand_scenes import HEIGHT, WIDTH, SeenHand, see
from benchmarks.figure import Figure
from rotoscope.models.hands.lift_stage import Lift, LiftConfig
from rotoscope.pipeline.geometry import hand_frame
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.tracks import Camera, GripperTrack, HandTrack
from rotoscope.pipeline.types import Clip
from rotoscope.retarget.gripper.stage import RetargetGripper

SIGMA_FOCAL_REL = 0.01
"""Of given intrinsics, as the stage `camera` states it."""


def run() -> list[Figure]:
    """Kinds that chose nothing; ten minutes of CPU the first time, then seconds."""
    return [*measure("held_out"), *measure("last_look")]


def measure(kinds: str) -> list[Figure]:
    """Figures of every kind of one of the sets."""
    out = []
    for kind, scenes in scenes_of(kinds).items():
        seen = [see(scene) for scene in scenes]
        for given in (False, True):
            name = f"hand_kinds.{kind}" + (".size_given" if given else "")
            found = together([lifted(one, is_size_given=given) for one in seen])
            num = sum(scene.num_frames for scene in scenes)
            out.append(Figure(f"{name}.rows", found.num_rows, f"of {num}"))
            out += figures(name, found, wrist_bar_mm=20 if given else 60)
    return out


def lifted(seen: SeenHand, *, is_size_given: bool) -> GraspScore:
    """The stages lift and gripper, frame by frame."""
    palm = seen.joints_m[0, hand_frame.MIDDLE_MCP] - seen.joints_m[0, hand_frame.WRIST]
    size_m = float(np.linalg.norm(palm)) if is_size_given else None
    camera = Camera(seen.K, WIDTH, HEIGHT, "recipe", SIGMA_FOCAL_REL)
    clip = Clip(a_video(len(seen.time_s)), 0, seen.time_s)
    side = seen.scene.side
    tracks = {f"hands.{side}": seen.track, "camera": camera}
    # The pictures are not kept, so no gap is bridged.
    config = LiftConfig(palm_length_m=size_m, max_bridge_s=0.0, check_hidden=False)
    hand = Lift(config).run(clip, tracks)[f"hands.{side}"]
    gripper = RetargetGripper(RetargetGripper.Config()).run(clip, {f"hands.{side}": hand})
    followed = gripper[f"gripper.{side}"]
    assert isinstance(hand, HandTrack)
    assert isinstance(followed, GripperTrack)
    return score(hand, followed, seen.joints_m, hand.valid & followed.valid)


if __name__ == "__main__":
    chosen = [name for name in SETS if f"--{name}" in sys.argv] or ["held_out", "last_look"]
    print("\n".join(figure.line() for name in chosen for figure in measure(name)))
