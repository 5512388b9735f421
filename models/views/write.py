"""What was placed from several views, as files beside the first video."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rotoscope.models.perception.multi_view import View
from rotoscope.models.views.place import Placed
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.geometry import hand_frame, se3
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES, Camera


def write_hands(
    video: Path,
    camera: Camera,
    view: View,
    placed: Mapping[str, Placed],
    *,
    scale_rel: float,
    palm_m: float,
) -> tuple[Path, ...]:
    """`NAME.hands.npz`: joints in the first camera's frame.

    Args:
        video: The first video.
        camera: Its size in pixels.
        view: Its place and intrinsics.
        placed: By side.
        scale_rel: 1-sigma of the scale of all, as a share of it.
        palm_m: Length that turns a sigma of position into one of rotation [m].
    """
    T = view.T_camera_world
    rows: dict[str, list[np.ndarray]] = {
        k: [] for k in ("joints_m", "side", "frame", "sigma_position_m", "sigma_rotation_rad")
    }
    for side in SIDES:
        if side not in placed:
            continue
        one = placed[side]
        joints_m = se3.apply(T, one.points_m.reshape(-1, 3)).reshape(one.points_m.shape)
        known = np.flatnonzero(np.isfinite(joints_m).all(axis=(1, 2)))
        sigma_m = np.linalg.norm(one.sigma_m[known, hand_frame.WRIST], axis=1) / np.sqrt(3)
        scale_m = scale_rel * np.linalg.norm(joints_m[known, hand_frame.WRIST], axis=1)
        rows["joints_m"].append(joints_m[known])
        rows["side"].append(np.full(len(known), side))
        rows["frame"].append(known)
        rows["sigma_position_m"].append(np.hypot(sigma_m, scale_m))
        rows["sigma_rotation_rad"].append(np.sqrt(2) * sigma_m / palm_m)
    out = video.with_name(f"{video.stem}.hands.npz")
    with atomic_path(out) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            allow_pickle=False,
            is_measured=True,
            K=view.K,
            width=camera.width,
            height=camera.height,
            **{name: np.concatenate(parts) for name, parts in rows.items()},
        )
    return (out,)


def write_bodies(video: Path, placed: Mapping[str, Placed]) -> tuple[Path, ...]:
    """One motion file for each person; such files hold no sigma."""
    time_s = next(iter(placed.values())).time_s
    rate_hz = float((len(time_s) - 1) / (time_s[-1] - time_s[0]))
    folder = video.with_name(f"{video.stem}.bodies")
    folder.mkdir(exist_ok=True)
    written = []
    for subject, one in placed.items():
        out = folder / f"{subject}.npz"
        with atomic_path(out) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, joints=one.points_m, fps=rate_hz)
        written.append(out)
    notes = folder / "motion.yaml"
    with atomic_path(notes) as temporary:
        temporary.write_text(f"points: [{', '.join(BODY_JOINTS)}]\nunit: m\n", encoding="utf-8")
    return (*written, notes)


def write_points(video: Path, placed: Placed) -> tuple[Path, ...]:
    """`NAME.points.npz`: points in the calibration's world."""
    out = video.with_name(f"{video.stem}.points.npz")
    with atomic_path(out) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            allow_pickle=False,
            points_m=placed.points_m,
            sigma_m=placed.sigma_m,
            time_s=placed.time_s,
        )
    return (out,)
