"""Lifted hands moved to where depth sees them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.models.depth.measured import HandDistance
from rotoscope.pipeline.errors import UnreasonableVideoError
from rotoscope.pipeline.geometry import hand_frame
from rotoscope.pipeline.tracks import Camera, HandTrack

PALM_RANGE_M = (0.04, 0.14)
"""Wrist to the root of the middle finger, of children to very large hands."""
_FARTHEST_REL = 0.3
"""Frames in which a hand would have to be so much nearer or farther than its size and its picture
say are of something else, as the wall behind it."""
_FEWEST = 5
"""Frames that tell a hand's size; fewer leave the size that was assumed."""
SIGMA_ACROSS_M = 0.008
"""1-sigma of the wrist across the line of sight [m]: MediaPipe's wrist is the crease, 5 to 15 mm
from the joint."""


def placed(
    hand: HandTrack, found: list[HandDistance], camera: Camera, *, is_meters: bool = True
) -> tuple[HandTrack, float]:
    """The hand of its measured size, in each frame at its measured distance; and that size.

    Args:
        hand: The lifted hand.
        found: What depth says of it in each frame.
        camera: Its camera.
        is_meters: Whether depth was measured; else it was put into meters by hands of the size
            that was assumed, and says nothing of it.

    Raises:
        UnreasonableVideoError: Depth makes the hand of no human size.
    """
    factor = np.array([one.factor for one in found])
    told = np.isfinite(factor)
    if told.sum() < _FEWEST or hand.joints_m is None:
        return hand, 1.0
    size = float(np.median(factor[told])) if is_meters else 1.0
    joints_m = hand.joints_m * size
    palm = joints_m[:, hand_frame.MIDDLE_MCP] - joints_m[:, hand_frame.WRIST]
    palm_m = float(np.nanmedian(np.linalg.norm(palm, axis=1)))
    if not PALM_RANGE_M[0] <= palm_m <= PALM_RANGE_M[1]:
        raise UnreasonableVideoError(
            f"depth makes the {hand.side} hand's palm {1e3 * palm_m:.0f} mm long, "
            f"{1e3 * PALM_RANGE_M[0]:.0f} to {1e3 * PALM_RANGE_M[1]:.0f} are hands': the unit of "
            "the pictures is another one (depth.meters_per_unit), they are not registered to the "
            "color picture, or the focal length is wrong"
        )
    told &= np.abs(factor / size - 1.0) <= _FARTHEST_REL
    wrist_m = joints_m[:, hand_frame.WRIST]
    nearer = np.where(told, factor / size - 1.0, 0.0)
    joints_m = joints_m + (nearer[:, None] * wrist_m)[:, None]
    sigma_m = hand.sigma_position_m
    if sigma_m is not None:
        measured_m = _sigma(joints_m[:, hand_frame.WRIST], found, camera)
        sigma_m = np.where(told[:, None], measured_m, size * sigma_m)
    return (
        hand.replace(
            joints_m=joints_m,
            T_camera_wrist=hand_frame.wrist_pose(joints_m, hand.side),
            sigma_position_m=sigma_m,
        ),
        size,
    )


def _sigma(
    wrist_m: Float[np.ndarray, "time 3"], found: list[HandDistance], camera: Camera
) -> Float[np.ndarray, "time 3"]:
    """1-sigma of the wrist along camera axes [m]: of distance along the ray, and across it."""
    rel = np.array([one.sigma_rel for one in found])
    along = rel[:, None] * np.abs(wrist_m)
    # An error of the focal length moves what is seen aside, not the distance that was measured.
    aside = camera.sigma_focal_rel * np.abs(wrist_m) * np.array([1.0, 1.0, 0.0])
    sigma: np.ndarray = np.sqrt(along**2 + aside**2 + SIGMA_ACROSS_M**2)
    return sigma
