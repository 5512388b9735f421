"""Stage `self_calibration`: the focal length of a camera that turns, where none is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from rotoscope.models.camera.background import find_background
from rotoscope.models.camera.decide import is_turn
from rotoscope.models.camera.focal import find_focal_length
from rotoscope.models.camera.rotation import follow_rotation
from rotoscope.models.camera.stillness import find_stillness
from rotoscope.models.camera.trust import find_trust
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import Camera, PointTracks, Track, require_camera, require_points
from rotoscope.pipeline.types import Clip

MIN_TURNED = 0.6
"""Least share of the background that the turn explains under the focal length found. A turn with
the right one explains .7 and more of renders, a path that is taken for a turn .6 at most."""


class SelfCalibrationConfig(StageConfig):
    """Nothing to choose."""


class SelfCalibration(ClipStage):
    """Finds the focal length of clips whose camera turns, if it is only assumed so far.

    Replaces the track `camera` by one of the source `motion` where the turn says more than the
    assumption did; leaves it as it is everywhere else. Stands between `camera` and `lift`.
    """

    kind: ClassVar[str] = "self_calibration"
    version: ClassVar[str] = "1"
    requires: ClassVar[tuple[str, ...]] = ("scene_points", "camera", "hands|body")
    uses: ClassVar[tuple[str, ...]] = ("picture",)
    provides: ClassVar[tuple[str, ...]] = ("camera",)
    packages: ClassVar[tuple[str, ...]] = ("opencv-contrib-python",)
    Config: ClassVar[type[StageConfig]] = SelfCalibrationConfig

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The camera, with another focal length or as it was.

        Raises:
            TrackError: The tracks `camera` or `scene_points` are not there.
        """
        camera, points = require_camera(tracks, self.kind), require_points(tracks, self.kind)
        return {"camera": calibrated(camera, points, tracks)}


def calibrated(camera: Camera, points: PointTracks, tracks: Mapping[str, Track]) -> Camera:
    """The camera with the focal length that its turn tells, or as it was."""
    if camera.source != "assumed":
        return camera
    seen = find_background(points, camera, tracks)
    if find_stillness(seen).is_clip_still:
        return camera
    found = find_focal_length(seen.trusting(find_trust(seen)))
    if found is None or found.sigma_rel >= camera.sigma_focal_rel:
        return camera
    K = camera.K * np.array([[found.factor, 1, 1], [1, found.factor, 1], [1, 1, 1]])
    better = camera.replace(K=K, source="motion", sigma_focal_rel=found.sigma_rel)
    seen = find_background(points, better, tracks)
    turn = follow_rotation(seen, seen.trusting(find_trust(seen)))
    return better if is_turn(turn) and seen.share_of(turn.explained) >= MIN_TURNED else camera
