"""Goldens of the stages that work on things that hands move."""

from pathlib import Path
from typing import Any

import carried_box as box
import numpy as np
from color_segmenter import by_color
from golden_case import Case, clip_of, run_clip_stage
from held_things import arm_actions, held_thing
from moved_things import NUM, pictures, track
from video_files import write_video

from rotoscope.pipeline.tracks import Camera
from rotoscope.pipeline.types import Clip
from rotoscope.pipeline.video.probe import probe

K = np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]])
CAMERA = Camera(K=K, width=640, height=480, source="recipe", sigma_focal_rel=0.03)


def objects(folder: Path) -> dict[str, Any]:
    # Lossless: what decoding gives is then the same whichever encoder wrote it.
    path = write_video(folder / "act.mp4", frames=pictures(), options={"qp": "0"})
    clip = Clip(probe(path), 0, np.arange(NUM) / 30)
    made = run_clip_stage("objects", clip, {"hands.right": track()})
    thing = made["objects.1"]
    # A pixel at an outline may fall on either side by rounding: its bits would be another number.
    return made | {"objects.1": thing.replace(mask_bits=0 * thing.mask_bits)}


def objects_network(folder: Path) -> dict[str, Any]:
    path = write_video(folder / "act.mp4", frames=pictures(), options={"qp": "0"})
    made = by_color().run(Clip(probe(path), 0, np.arange(NUM) / 30), {"hands.right": track()})
    thing = made["objects.1"]
    return made | {"objects.1": thing.replace(mask_bits=0 * thing.mask_bits)}


def object_motion(folder: Path) -> dict[str, Any]:
    path_m = np.tile([0.1, 0.05, 0.6], (40, 1))
    path_m[12:, 0] += np.linspace(0, 0.2, 28)
    tracks = {
        "actions.retarget.arm.right": arm_actions(40),
        "camera": CAMERA,
        "objects.1": held_thing(1, 40, right=(12, 20), center_m=path_m),
        "objects.2": held_thing(2, 40, right=(28, 35), center_m=path_m - 0.2),
    }
    return run_clip_stage("label.object_motion", clip_of(40), tracks)


def object_pose(folder: Path) -> dict[str, Any]:
    made = box.cast(box.carried()[:5])
    clip = box.clip_with_depth(folder, made.depth_m)
    tracks = {"objects.1": box.segments(made.masks), "camera": box.CAMERA}
    return run_clip_stage("object_pose", clip, tracks)


CASES = {
    "objects.network": Case(objects_network, 0.02, "where to point comes from dense flow"),
    "object_pose": Case(object_pose, 0.02, "nearest points, which rounding may choose anew"),
    "objects": Case(objects, 0.02, "outlines cut out by a graph cut over colors"),
    "label.object_motion": Case(object_motion, 1e-9, "plain arithmetic"),
}
