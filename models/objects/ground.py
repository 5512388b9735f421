"""Where the background goes from picture to picture, as far as the camera's motion says so."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.tracks import Camera, CameraMotion, Track


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
    # The small picture counts pixels from the middle of the first, the camera from its corner.
    to_small = np.array(
        [[1 / to_frame[0], 0, -0.5], [0, 1 / to_frame[1], -0.5], [0, 0, 1]], dtype=float
    )
    K = to_small @ camera.K
    return np.asarray(K @ np.swapaxes(R[1:], 1, 2) @ R[:-1] @ np.linalg.inv(K))


def doubt_of_contacts(
    tracks: Mapping[str, Track], steps: Float[np.ndarray, "step 3 3"]
) -> str | None:
    """Why contacts must not be relied on; `None` where the background's motion is known."""
    motion = tracks.get("camera_motion")
    if not isinstance(motion, CameraMotion) or np.isfinite(steps).all():
        return None
    if motion.kind == "moving":
        return "the camera moves: what rests near it seems to move too"
    if motion.kind == "turning":
        return "the camera turns, and its rotation or its lens is not known well enough"
    return f"what the camera does is not known: {motion.why}"
