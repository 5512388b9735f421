"""The hand, the gripper and the body drawn over a frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.report.figure import BODY_BONES
from rotoscope.pipeline.report.marks import Marks, draw_marks

BONES = (
    (0, 1), (1, 2), (2, 3), (3, 4), (0, 5), (5, 6), (6, 7), (7, 8), (5, 9), (9, 10), (10, 11),
    (11, 12), (9, 13), (13, 14), (14, 15), (15, 16), (13, 17), (0, 17), (17, 18), (18, 19),
    (19, 20),
)  # fmt: skip
"""Pairs of MediaPipe hand joints that a line connects."""

FINGER_LENGTH_M = 0.06
"""How far back from the fingertips the drawn gripper reaches [m]."""
HAND_SEEN, HAND_FILLED = (34, 197, 94), (250, 204, 21)
GRIPPER = (239, 68, 68)


@dataclass(frozen=True, eq=False)
class Overlay:
    """What is drawn over one frame, in the camera frame."""

    K: Float[np.ndarray, "3 3"]
    """Intrinsics for the picture that is drawn on [px]."""
    joints_m: Float[np.ndarray, "21 3"] | None
    """Hand joints [m]."""
    is_seen: bool
    """Observed (green) or filled in (yellow)."""
    T_camera_ee: Float[np.ndarray, "4 4"] | None
    """End-effector pose."""
    opening_m: float
    """Distance between the gripper's fingers [m]."""
    body_m: Float[np.ndarray, "body_joint 3"] | None = None
    """Body joints [m]."""
    marks: Marks = field(default_factory=Marks)
    """Trails, motion tracks and the thing's edge [px of the picture]."""


def project(
    K: Float[np.ndarray, "3 3"], points_m: Float[np.ndarray, "point 3"]
) -> Float[np.ndarray, "point 2"]:
    """Pinhole image of points in the camera frame [px]; NaN behind the camera."""
    z = np.where(points_m[:, 2:] > 1e-3, points_m[:, 2:], np.nan)
    return (points_m @ K.T)[:, :2] / z


def gripper_lines(
    T_camera_ee: Float[np.ndarray, "4 4"], opening_m: float
) -> Float[np.ndarray, "line 2 3"]:
    """The gripper as four lines in the camera frame [m]: two fingers, a bar, a stem."""
    half, back = opening_m / 2, -FINGER_LENGTH_M
    tips = np.array([[0, half, 0], [0, -half, 0]])
    roots = np.array([[back, half, 0], [back, -half, 0]])
    stem = np.array([[back, 0, 0], [1.6 * back, 0, 0]])
    lines = np.array([[tips[0], roots[0]], [tips[1], roots[1]], [roots[0], roots[1]], stem])
    return se3.apply(T_camera_ee, lines.reshape(-1, 3)).reshape(-1, 2, 3)


def draw_overlay(
    image: UInt8[np.ndarray, "height width 3"], overlay: Overlay
) -> UInt8[np.ndarray, "height width 3"]:
    """A copy of the image with the skeletons of hand and body, the gripper and the marks on it."""
    from PIL import Image, ImageDraw

    line = max(2, image.shape[1] // 200)
    picture = Image.fromarray(draw_marks(image, overlay.marks, thick=line))
    pen = ImageDraw.Draw(picture)
    color = HAND_SEEN if overlay.is_seen else HAND_FILLED
    for joints_m, bones in ((overlay.joints_m, BONES), (overlay.body_m, BODY_BONES)):
        if joints_m is not None:
            pixels = project(overlay.K, joints_m)
            for a, b in bones:
                _line(pen, pixels[a], pixels[b], color, line)
    if overlay.T_camera_ee is not None and np.isfinite(overlay.T_camera_ee).all():
        for start, end in gripper_lines(overlay.T_camera_ee, overlay.opening_m):
            ends = project(overlay.K, np.stack([start, end]))
            _line(pen, ends[0], ends[1], GRIPPER, line + 1)
    return np.asarray(picture)


def _line(pen: object, a: np.ndarray, b: np.ndarray, color: tuple[int, ...], width: int) -> None:
    if np.isfinite(a).all() and np.isfinite(b).all() and max(np.abs([a, b]).max(), 0) < 1e5:
        pen.line([tuple(a), tuple(b)], fill=color, width=width)  # type: ignore[attr-defined]
