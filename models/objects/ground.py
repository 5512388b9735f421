"""Where the background goes from picture to picture, as far as the camera's motion says so."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from rotoscope.models.camera.background import find_background
from rotoscope.models.camera.decide import MAX_PATH_PX, MIN_COVERAGE, MIN_SPREAD
from rotoscope.models.camera.path import follow_path
from rotoscope.models.objects.resting import CameraPath
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import Camera, CameraMotion, PointTracks, Track


def ground_steps(
    tracks: Mapping[str, Track], num: int, to_frame: Float[np.ndarray, " 2"]
) -> Float[np.ndarray, "step 3 3"]:
    """Homographies of the background from each small picture to the next, NaN where not known.

    The identity where the camera stands still, or nothing is seen to move and it is taken to; from
    its rotation where it turns about itself, which holds at every depth. How a camera moves that
    changes its place says nothing of what rests nearer than the rest.

    Args:
        tracks: What is known of the clip; without `camera_motion` the camera is taken to be still.
        num: Pictures of the clip.
        to_frame: Pixels of the frame in one of the small picture, across and down.
    """
    motion, camera = tracks.get("camera_motion"), tracks.get("camera")
    still = np.tile(np.eye(3), (max(num - 1, 0), 1, 1))
    if not isinstance(motion, CameraMotion) or motion.kind == "still":
        return still
    if motion.kind == "unknown" and motion.valid.all():
        return still
    is_bent = isinstance(camera, Camera) and (any(camera.distortion) or any(camera.fisheye))
    if motion.kind != "turning" or not isinstance(camera, Camera) or is_bent:
        return np.full_like(still, np.nan)
    R = np.where(motion.valid[:, None, None], motion.T_reference_camera[:, :3, :3], np.nan)
    K = _small(camera, to_frame)
    return np.asarray(K @ np.swapaxes(R[1:], 1, 2) @ R[:-1] @ np.linalg.inv(K))


def _small(camera: Camera, to_frame: Float[np.ndarray, " 2"]) -> Float[np.ndarray, "3 3"]:
    """Intrinsics in pixels of the small picture."""
    # The small picture counts pixels from the middle of the first, the camera from its corner.
    to_small = np.array(
        [[1 / to_frame[0], 0, -0.5], [0, 1 / to_frame[1], -0.5], [0, 0, 1]], dtype=float
    )
    return np.asarray(to_small @ camera.K)


def camera_path(
    tracks: Mapping[str, Track], to_frame: Float[np.ndarray, " 2"]
) -> CameraPath | None:
    """Where the camera is in every frame, up to scale, where it moves; `None` where not known.

    A clip whose camera is `unknown` because it may as well zoom is taken to move: a lens that zooms
    shifts nothing by how near it is, and what rests is explained by being far.
    """
    motion, camera = tracks.get("camera_motion"), tracks.get("camera")
    if not isinstance(motion, CameraMotion) or not isinstance(camera, Camera):
        return None
    if any(camera.distortion) or any(camera.fisheye):
        return None
    K = _small(camera, to_frame)
    if motion.kind == "moving" and motion.valid.all():
        return CameraPath(K, se3.inverse(motion.T_reference_camera))
    points = tracks.get("scene_points")
    if motion.kind != "unknown" or motion.valid.all() or not isinstance(points, PointTracks):
        return None
    seen = find_background(points, camera, tracks)
    path = follow_path(seen)
    if path is None or not path.known.all() or path.residual_px > MAX_PATH_PX:
        return None
    if path.spread < MIN_SPREAD or seen.share_of(path.explained) < MIN_COVERAGE:
        return None
    return CameraPath(K, se3.inverse(path.T_reference_camera))


def doubt_of_contacts(
    tracks: Mapping[str, Track],
    steps: Float[np.ndarray, "step 3 3"],
    path: CameraPath | None = None,
) -> str | None:
    """Why contacts must not be relied on; `None` where the background's motion is known."""
    motion = tracks.get("camera_motion")
    if not isinstance(motion, CameraMotion) or np.isfinite(steps).all() or path is not None:
        return None
    if motion.kind == "moving":
        return "the camera moves: what rests near it seems to move too"
    if motion.kind == "turning":
        return "the camera turns, and its rotation or its lens is not known well enough"
    return f"what the camera does is not known: {motion.why}"
