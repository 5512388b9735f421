"""What the dataset says of the camera: columns in every row, facts of every episode."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import SCENE, Camera, CameraMotion, FeatureTrack, QualityTrack


def columns(motion: CameraMotion, camera: Camera) -> Tracks:
    """`track.camera.pose`, `.sigma` and `.intrinsics`, each a `FeatureTrack`; NaN where unknown."""
    known = motion.is_placed
    position_m = np.where(known[:, None], motion.T_reference_camera[:, :3, 3], np.nan)
    turn = _rotation_vectors(motion)
    sigma_m = np.hypot(
        motion.sigma_position_m, motion.sigma_scale_rel * np.linalg.norm(position_m, axis=1)
    )
    sigma = np.stack([sigma_m, motion.sigma_turn_rad(camera.sigma_focal_rel)], axis=1)
    K = camera.K[[0, 1, 0, 1], [0, 1, 2, 2]]
    made = {
        "pose": (
            np.concatenate([position_m, turn], axis=1),
            ("x", "y", "z", "wx", "wy", "wz"),
            "m, rad",
            "Camera pose in the frame of the clip's first camera, or, where the episode says "
            "camera_world gravity, in the level one there: position, rotation vector.",
        ),
        "sigma": (
            np.where(known[:, None], sigma, np.nan),
            ("position", "rotation"),
            "m, rad",
            "1-sigma of the camera's pose: of the position along an axis, of the rotation's angle.",
        ),
        "intrinsics": (
            np.tile(K, (len(known), 1)),
            ("fx", "fy", "cx", "cy"),
            "px",
            "Pinhole camera of the source video's frames.",
        ),
    }
    return {
        f"features.camera.{name}": FeatureTrack(
            feature=f"track.camera.{name}",
            subject=SCENE,
            values=values,
            names=names,
            unit=unit,
            description=description,
        )
        for name, (values, names, unit, description) in made.items()
    }


def quality(motion: CameraMotion) -> QualityTrack:
    """What every episode of the clip says about its camera."""
    facts: dict[str, str | float] = {"camera_motion": motion.kind}
    if motion.R_level_first is not None:
        facts["camera_world"] = "gravity"
    if motion.why:
        facts["camera_why"] = motion.why
    if motion.kind == "moving":
        facts["camera_scale"] = motion.scale_source
    if motion.kind != "still":
        facts["camera_known_share"] = round(float(motion.valid.mean()), 4)
    if motion.kind in ("turning", "moving"):
        facts["camera_residual_px"] = round(motion.residual_px, 4)
    return QualityTrack(subject=SCENE, facts=facts)


def _rotation_vectors(motion: CameraMotion) -> Float[np.ndarray, "time 3"]:
    """Rotation vectors that rows between two frames may be interpolated from."""
    out = np.full((len(motion.valid), 3), np.nan)
    known = motion.valid
    if known.any():
        R = motion.T_reference_camera[known, :3, :3]
        out[known] = se3.continuous_rotation_vectors(R)
    return out
