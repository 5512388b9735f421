"""The person as a stick figure, for episodes that have no pictures of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES

_LIMB = ("shoulder", "elbow", "wrist", "hand"), ("hip", "knee", "ankle", "heel", "toe", "ankle")
BODY_BONES: tuple[tuple[int, int], ...] = tuple(
    (BODY_JOINTS.index(a), BODY_JOINTS.index(b))
    for a, b in [
        ("pelvis", "neck"),
        ("neck", "head"),
        *[
            (f"{side}_{a}" if a != root else root, f"{side}_{b}")
            for side in SIDES
            for root, limb in zip(("neck", "pelvis"), _LIMB, strict=True)
            for a, b in zip((root, *limb), limb, strict=False)
        ],
    ]
)
"""Pairs of `BODY_JOINTS` that a line connects."""

AZIMUTH_DEG, ELEVATION_DEG = 35.0, 12.0
"""From where one looks: how far to the person's left of straight ahead, and from how high."""
GRID_M, GRID_REACH = 0.5, 6
"""Distance between the lines on the ground [m], and how many are drawn to each side."""
MARGIN = 1.25
"""Height of the picture over that of the figure."""
BACKGROUND, GROUND, TRUNK = (248, 250, 252), (203, 213, 225), (71, 85, 105)
LEFT, RIGHT = (37, 99, 235), (220, 38, 38)
FILLED, CONTACT = (250, 204, 21), (22, 163, 74)
_FINER = 2
"""Pictures are drawn so many times larger and then shrunk: lines without steps."""


@dataclass(frozen=True, eq=False)
class View:
    """Parallel projection that follows the person along the ground."""

    right: Float[np.ndarray, " 3"]
    """Direction in the world that points right in the picture."""
    up: Float[np.ndarray, " 3"]
    """Direction that points up."""
    floor_m: float
    """Height of the ground [m]."""
    height_m: float
    """Height of the picture [m]."""

    @classmethod
    def of(
        cls,
        joints_m: Float[np.ndarray, "time body_joint 3"],
        *,
        is_grounded: bool,
        azimuth_rad: float | None = None,
    ) -> View:
        """A view in which the figure fits in every frame.

        Args:
            joints_m: `BODY_JOINTS`, z up [m]; NaN where unknown.
            is_grounded: The ground is at 0; else it is put under the lowest joint.
            azimuth_rad: Angle about z at which one stands [rad]; before the figure as it first
                stands when absent.
        """
        heights = joints_m[..., 2][np.isfinite(joints_m[..., 2])]
        low, high = (float(heights.min()), float(heights.max())) if len(heights) else (0.0, 1.7)
        floor_m = 0.0 if is_grounded else low
        if azimuth_rad is None:
            azimuth_rad = _facing(joints_m) + np.radians(AZIMUTH_DEG)
        angle, tilt = azimuth_rad, np.radians(ELEVATION_DEG)
        towards = np.array([np.cos(angle), np.sin(angle), 0.0])
        up = np.array([0.0, 0.0, np.cos(tilt)]) - np.sin(tilt) * towards
        right = np.array([-towards[1], towards[0], 0.0])
        return cls(right, up, floor_m, MARGIN * max(high - floor_m, 0.5))

    @property
    def azimuth_rad(self) -> float:
        """Angle about z at which one stands [rad]."""
        return float(np.arctan2(-self.right[0], self.right[1]))

    def project(
        self,
        points_m: Float[np.ndarray, "point 3"],
        anchor_m: Float[np.ndarray, " 3"],
        *,
        width: int,
        height: int,
    ) -> Float[np.ndarray, "point 2"]:
        """Pixels of points; the ground below `anchor_m` is in the middle near the lower edge."""
        foot = np.array([anchor_m[0], anchor_m[1], self.floor_m])
        scale = height / self.height_m
        relative = points_m - foot
        x, y = width / 2 + scale * relative @ self.right, 0.88 * height - scale * relative @ self.up
        return np.stack([x, y], axis=1)


def _facing(joints_m: Float[np.ndarray, "time body_joint 3"]) -> float:
    """Angle about z of the way the person first faces [rad], 0 where no frame tells."""
    for pair in ("hip", "shoulder"):
        left, right = (BODY_JOINTS.index(f"{side}_{pair}") for side in SIDES)
        across = (joints_m[:, left] - joints_m[:, right])[:, :2]
        known = np.flatnonzero(np.linalg.norm(np.nan_to_num(across), axis=1) > 1e-3)
        if len(known):
            x, y = across[known[0]]
            # Forward is left x up.
            return float(np.arctan2(-x, y))
    return 0.0


def draw_figure(
    joints_m: Float[np.ndarray, "body_joint 3"],
    view: View,
    *,
    is_seen: bool,
    contact: Bool[np.ndarray, " 2"] | None,
    width: int,
    height: int,
) -> UInt8[np.ndarray, "height width 3"]:
    """The figure on its ground: left blue, right red, yellow where filled in, contacts green."""
    from PIL import Image, ImageDraw

    if not np.isfinite(joints_m[0]).all():
        return draw_text("not seen", width=width, height=height)
    size = (_FINER * width, _FINER * height)
    picture = Image.new("RGB", size, BACKGROUND)
    pen = ImageDraw.Draw(picture)
    anchor = joints_m[0]
    for line in _grid(anchor, view.floor_m):
        _line(pen, view.project(line, anchor, width=size[0], height=size[1]), GROUND, 1)
    pixels = view.project(joints_m, anchor, width=size[0], height=size[1])
    for a, b in BODY_BONES:
        color = _color(BODY_JOINTS[b]) if is_seen else FILLED
        _line(pen, pixels[[a, b]], color, max(2, size[0] // 90))
    for side, touches in zip(SIDES, contact if contact is not None else (), strict=False):
        for joint in ("heel", "toe"):
            if touches:
                _dot(pen, pixels[BODY_JOINTS.index(f"{side}_{joint}")], size[0] / 70)
    _dot(pen, pixels[BODY_JOINTS.index("head")], size[0] / 40, TRUNK if is_seen else FILLED)
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))


def draw_lines(
    lines_m: Float[np.ndarray, "line 2 3"], size_m: float, *, width: int, height: int
) -> UInt8[np.ndarray, "height width 3"]:
    """Lines as one sees them who looks along y, x to the right and z up.

    Args:
        lines_m: Both ends of each line, around the origin [m]; NaN where unknown.
        size_m: What the smaller side of the picture shows [m].
        width: Pixels across.
        height: Pixels down.
    """
    from PIL import Image, ImageDraw

    size = np.array([_FINER * width, _FINER * height])
    picture = Image.new("RGB", tuple(size.tolist()), BACKGROUND)
    pen = ImageDraw.Draw(picture)
    scale = float(size.min()) / size_m
    pixels = size / 2 + scale * lines_m[..., [0, 2]] * [1.0, -1.0]
    for ends in pixels:
        _line(pen, ends, TRUNK, max(2, int(size.min()) // 60))
        _dot(pen, ends[1], float(size.min()) / 70, LEFT)
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))


def draw_text(text: str, *, width: int, height: int) -> UInt8[np.ndarray, "height width 3"]:
    """A gray picture that says why there is none."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (width, height), (226, 232, 240))
    font = ImageFont.load_default(height / 12)
    middle = (width / 2, height / 2)
    ImageDraw.Draw(picture).text(middle, text, TRUNK, font, anchor="mm")
    return np.asarray(picture)


def _grid(anchor_m: Float[np.ndarray, " 3"], floor_m: float) -> Float[np.ndarray, "line 2 3"]:
    """Lines on the ground around the person, fixed in the world."""
    x, y = np.round(anchor_m[:2] / GRID_M) * GRID_M
    steps = np.arange(-GRID_REACH, GRID_REACH + 1) * GRID_M
    reach = steps[-1]
    along_x = [[[x - reach, y + s, floor_m], [x + reach, y + s, floor_m]] for s in steps]
    along_y = [[[x + s, y - reach, floor_m], [x + s, y + reach, floor_m]] for s in steps]
    return np.array([*along_x, *along_y])


def _color(joint: str) -> tuple[int, int, int]:
    if joint.startswith("left"):
        return LEFT
    return RIGHT if joint.startswith("right") else TRUNK


def _line(pen: Any, ends: Float[np.ndarray, "2 2"], color: Sequence[int], width: int) -> None:
    if np.isfinite(ends).all():
        pen.line([tuple(end) for end in ends], fill=tuple(color), width=width)


def _dot(
    pen: Any, at: Float[np.ndarray, " 2"], radius: float, color: Sequence[int] = CONTACT
) -> None:
    if np.isfinite(at).all():
        x, y = at
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tuple(color))
