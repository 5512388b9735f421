"""Fingertips that the hand itself hides from the camera."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.geometry.hand_frame import INDEX_TIP, MIDDLE_MCP, THUMB_TIP, WRIST
from rotoscope.pipeline.geometry.vectors import unit

_FINGERS = tuple((k, k + 1) for first in (1, 5, 9, 13, 17) for k in range(first, first + 3))
_PALM = ((0, 1), (0, 5), (0, 9), (0, 13), (0, 17), (1, 5), (5, 9), (9, 13), (13, 17))
_FINGER_RADIUS, _PALM_RADIUS = 0.10, 0.13
"""Thickness of the parts in palm lengths: half of an adult's finger, half of the palm."""
_AHEAD = 0.13
"""A part hides what lies this far behind it, in palm lengths: a fingertip does not hide itself."""
_SOFTNESS = 0.25
"""How far from a part's edge, in its radii, a tip goes from seen to hidden."""
_NUM_SAMPLES = 9


def hidden_tips(joints_m: Float[np.ndarray, "time 21 3"]) -> Float[np.ndarray, "time 2"]:
    """How far the tips of thumb and index are hidden behind other parts, 0 to 1.

    Other parts are bones with a thickness, seen from the origin of the frame, where the camera is.
    In rendered hands nine of ten thumbs that are hidden by this measure are hidden in the picture,
    and a half to nine of ten that are hidden in it (held things are not known here). Landmarks of
    hidden tips are 9 to 26 mm off across the line of sight, those of others 3 to 4.
    """
    out = np.empty((len(joints_m), 2))
    for column, tip in enumerate((THUMB_TIP, INDEX_TIP)):
        own = {(tip - 2, tip - 1), (tip - 1, tip)}
        bones = [(a, b, _FINGER_RADIUS) for a, b in _FINGERS if (a, b) not in own]
        bones += [(a, b, _PALM_RADIUS) for a, b in _PALM]
        out[:, column] = 0.5 + 0.5 * np.tanh(_cover(joints_m, tip, bones) / (2.0 * _SOFTNESS))
    return out


def _cover(
    joints_m: Float[np.ndarray, "time 21 3"], tip: int, bones: list[tuple[int, int, float]]
) -> Float[np.ndarray, " time"]:
    """How deep the tip is in the outline of nearer bones, in their radii: 1 on one's axis.

    No deeper than it lies behind the bone, so that it goes out of sight without a jump either way.
    """
    palm_m = np.linalg.norm(joints_m[:, MIDDLE_MCP] - joints_m[:, WRIST], axis=1)[:, None]
    sight = unit(joints_m[:, tip])[:, None]
    depth_m = np.linalg.norm(joints_m[:, tip], axis=1)[:, None] - _AHEAD * palm_m
    share = np.linspace(0.0, 1.0, _NUM_SAMPLES)[:, None]
    deepest = np.full(len(joints_m), -np.inf)
    for a, b, radius in bones:
        points = joints_m[:, None, a] * (1.0 - share) + joints_m[:, None, b] * share
        along_m = (points * sight).sum(axis=2)
        aside_m = np.linalg.norm(points - along_m[..., None] * sight, axis=2)
        thick_m = radius * palm_m
        depth = np.minimum(1.0 - aside_m / thick_m, (depth_m - along_m) / thick_m)
        deepest = np.maximum(deepest, depth.max(axis=1))
    return np.asarray(deepest)
