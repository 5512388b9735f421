"""How far a lifted hand may be off: what all landmarks of a frame have in common.

The fit's own covariance takes the errors of landmarks for independent; most of the error is not.
Constants were chosen on the kinds `DEVELOPMENT` of `benchmarks._hand_kinds`; what flow adds on that
of `benchmarks._rendered_scenes`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.hands.fit import HandFit
from rotoscope.models.perception.pnp import position_sigma
from rotoscope.pipeline.geometry import hand_frame
from rotoscope.pipeline.tracks import Side

DEPTH_FLOOR_REL = 0.05
"""Error of the distance that the landmarks share in a frame, beyond independent noise."""
ACROSS_PALM = 0.065
"""Error of the wrist across the line of sight, across the palm and out of it, in palm lengths."""
ALONG_PALM = 0.11
"""The same along the palm. Where the wrist is differs by definition: the crease that MediaPipe
marks lies 5 to 15 mm from the joint of a motion capture, on either side."""
ROTATION_FLOOR_RAD = float(np.radians(9.0))
"""Error of the rotation that the landmarks share in a frame."""
SMALL_DEPTH_PX, SMALL_ACROSS_PX, SMALL_ROTATION_RAD_PX = 2.0, 1.5, 7.0
"""What the smallness of a hand adds to these errors, over the palm's length in pixels: as a share
of the distance, in palm lengths, and to the rotation."""
ROTATION_DOUBT = 0.25
"""What the angle between the fitted palm and the landmark model's own adds to that, as a share."""
PALMS_IN_HAND = 2.0
"""Palm lengths in a hand's size, the diagonal of the box around its landmarks: 2 of an open hand,
less of a fist. What optical flow adds to the error of landmarks is stated in hand sizes."""


@dataclass(frozen=True, eq=False)
class PoseSigma:
    """1-sigma of wrist poses."""

    position_m: Float[np.ndarray, "row 3"]
    """Along camera axes [m]."""
    rotation_rad: Float[np.ndarray, " row"]
    """Of the whole rotation [rad]."""

    def rows(self, keep: Bool[np.ndarray, " row"]) -> PoseSigma:
        """Those of some rows."""
        return PoseSigma(self.position_m[keep], self.rotation_rad[keep])


def pose_sigma(
    fit: HandFit,
    side: Side,
    *,
    palm_length_m: float,
    palm_px: Float[np.ndarray, " row"],
    size_rel: float,
    focal_rel: float,
    flow_error: Float[np.ndarray, " row"],
) -> PoseSigma:
    """The fit's own sigma with what all landmarks of a frame have in common.

    Args:
        fit: Fitted hands.
        side: Which hand.
        palm_length_m: Of the hand that was fitted [m].
        palm_px: The same in the picture [px].
        size_rel: 1-sigma of the palm's length as a share of it.
        focal_rel: The same of the focal length.
        flow_error: 1-sigma that optical flow adds to each landmark, in hand sizes; 0 where the
            landmarks are a detector's.
    """
    variance = np.einsum("rpp->rp", fit.covariance)
    wrist = fit.joints_m[:, hand_frame.WRIST]
    along = hand_frame.wrist_rotation(fit.joints_m, side)[..., 2] ** 2
    flow = PALMS_IN_HAND * flow_error
    across = (SMALL_ACROSS_PX / palm_px[:, None]) ** 2 + flow[:, None] ** 2
    depth_rel = np.hypot(SMALL_DEPTH_PX / palm_px, flow)
    own = variance[:, 3:] + palm_length_m**2 * ((ALONG_PALM**2 - ACROSS_PALM**2) * along + across)
    position = position_sigma(
        own + (wrist * depth_rel[:, None]) ** 2,
        wrist,
        size_rel=float(np.hypot(DEPTH_FLOOR_REL, size_rel)),
        across_m=ACROSS_PALM * palm_length_m,
        focal_rel=focal_rel,
    )
    rotation = variance[:, :3].sum(axis=1) + ROTATION_FLOOR_RAD**2 + flow**2
    rotation += (ROTATION_DOUBT * fit.palm_doubt_rad) ** 2 + (SMALL_ROTATION_RAD_PX / palm_px) ** 2
    return PoseSigma(position, np.sqrt(rotation))
