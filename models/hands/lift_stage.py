"""Stage `lift`: from image landmarks to a metric wrist pose and 21 joints in the camera frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field, model_validator

from rotoscope.models.hands.fit import HandFit, fit_hand
from rotoscope.models.perception.pnp import check_distances, is_believed, position_sigma
from rotoscope.pipeline.geometry import hand_frame, pinhole
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import Camera, HandTrack, Side, Track, require_camera, scatter
from rotoscope.pipeline.types import Clip

PALM_PRIOR_M = 0.091
"""Palm length of an adult: hands are 193 mm long in men and 181 mm in women on average (Gordon et
al. 2014, ANSUR II); the landmark of the tip lies 5 mm inside, and the model is 2.0 palms long."""
PALM_PRIOR_SIGMA_REL = 0.09
"""Spread among adults: about 10 mm within a sex, 6 mm between the means and the mean of both; and
how palms differ from fingers and from the model, 5 % in the hands of `benchmarks._hand_kinds`."""
DEPTH_FLOOR_REL = 0.05
"""Error of the distance that the landmarks share in a frame, beyond independent noise."""
ACROSS_PALM = 0.065
"""Error of the wrist across the line of sight, across the palm and out of it, in palm lengths."""
ALONG_PALM = 0.11
"""The same along the palm. Where the wrist is differs by definition: the crease that MediaPipe
marks lies 5 to 15 mm from the joint of a motion capture, on either side."""
ROTATION_FLOOR_RAD = float(np.radians(9.0))
"""Error of the rotation that the landmarks share in a frame."""
SHRINKAGE_PX = 2.0
"""MediaPipe draws landmarks together: of a palm in the picture this much is missing, whatever its
size, so that hands seem farther: by 1 % where the palm is 200 pixels long, by 5 % where it is 40.
Chosen on those kinds and on the development scenes of `benchmarks._rendered_scenes`."""
SMALL_DEPTH_PX, SMALL_ACROSS_PX, SMALL_ROTATION_RAD_PX = 2.0, 1.5, 7.0
"""What the smallness of a hand adds to these errors, over the palm's length in pixels: as a share
of the distance, in palm lengths, and to the rotation."""
ROTATION_DOUBT = 0.25
"""What the angle between the fitted palm and the landmark model's own adds to that, as a share.
All of these were chosen on the kinds `DEVELOPMENT` of `benchmarks._hand_kinds`."""
PALM_DOUBT_LIMIT_RAD = float(np.radians(90.0))
"""Beyond this angle one of both is turned over. Of 629 frames of `DEVELOPMENT` two are, of which
one is wrong by 145 degrees; below it the angle says little about which is wrong."""

_LEAST_PALM_AREA_M2 = 1e-8
"""Between wrist, index and middle root; an adult's is 2e-3."""
_MIRROR = np.array([-1.0, 1.0, 1.0])


class LiftConfig(StageConfig):
    """The hand's size and what is believed."""

    palm_length_m: float | None = Field(default=None, ge=0.04, le=0.14)
    """Distance from the wrist (the crease at the heel of the hand) to the knuckle of the middle
    finger [m]; about half of the hand's length. Distances are proportional to it. Nothing given:
    0.091 m with a spread of 9 %, an adult's."""
    palm_length_sigma_rel: float = Field(default=0.05, ge=0, le=0.5)
    """1-sigma of a given `palm_length_m` as a share of it: a ruler is read to 2 mm, but where the
    crease ends and the knuckle begins differs by 4."""
    max_residual: float = Field(default=0.055, gt=0, le=0.07)
    """Largest root mean square residual of a valid frame, in palm lengths. Rendered hands have
    0.02, real hands that hold something 0.03 to 0.05; beyond the default, nine of ten rendered
    frames are wrong by more than a tenth of the distance or 30 degrees."""
    min_distance_m: float = Field(default=0.1, gt=0)
    """Nearest distance along the camera's axis that is believed [m]."""
    max_distance_m: float = Field(default=3.0, gt=0)
    """Farthest distance that is believed [m]; a hand there is a dozen pixels wide."""

    @model_validator(mode="after")
    def _check_distances(self) -> LiftConfig:
        check_distances(self.min_distance_m, self.max_distance_m)
        return self


class Lift(ClipStage):
    """Fills `T_camera_wrist`, `joints_m`, sigmas and `reprojection_px` of every hand track.

    Each frame by itself: a hand model of fixed proportions and the given size is fitted to the
    landmarks (`rotoscope.models.hands.fit`). Frames that do not fit, or whose distance cannot be,
    become invalid. The stated sigma holds the noise of the landmarks and what hand size and focal
    length may be wrong by, so that a constant error of scale is inside it.
    """

    kind: ClassVar[str] = "lift"
    version: ClassVar[str] = "3"
    requires: ClassVar[tuple[str, ...]] = ("hands", "camera")
    provides: ClassVar[tuple[str, ...]] = ("hands",)
    loosened_by: ClassVar[Mapping[str, str]] = {"taken": "higher max_residual"}
    Config: ClassVar[type[StageConfig]] = LiftConfig
    config: LiftConfig

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The hand tracks, lifted.

        Raises:
            TrackError: The track `camera` is not there or not a camera.
        """
        camera = require_camera(tracks, self.kind)
        return {
            name: self._lift(track, camera)
            for name, track in tracks.items()
            if isinstance(track, HandTrack)
        }

    def _lift(self, hand: HandTrack, camera: Camera) -> HandTrack:
        rows = np.flatnonzero(hand.valid & _is_complete(hand))
        seen = hand.landmarks_px[rows]
        rays = pinhole.rays(seen, camera.K, camera.distortion, camera.fisheye)
        palm_length_m, size_sigma_rel = self._hand_size()
        fit = _fit(rays, hand.hand_m[rows], hand.side, palm_length_m)
        predicted = pinhole.pixels(fit.predicted_rays, camera.K, camera.distortion, camera.fisheye)
        palm_px = camera.K[0, 0] * palm_length_m / fit.joints_m[:, hand_frame.WRIST, 2]
        fit = _nearer(fit, 1.0 / (1.0 + SHRINKAGE_PX / palm_px))
        reprojection = np.sqrt(((predicted - seen) ** 2).sum(axis=2).mean(axis=1))
        sigma = _sigma(
            fit, hand.side, palm_length_m, palm_px, size_sigma_rel, camera.sigma_focal_rel
        )
        config = self.config
        good = (fit.palm_doubt_rad <= PALM_DOUBT_LIMIT_RAD) & is_believed(
            fit.joints_m,
            fit.residual,
            between_m=(config.min_distance_m, config.max_distance_m),
            max_residual=config.max_residual,
        )
        return _filled_in(
            hand, rows[good], fit.joints_m[good], reprojection[good], sigma.rows(good)
        )

    def _hand_size(self) -> tuple[float, float]:
        if self.config.palm_length_m is None:
            return PALM_PRIOR_M, PALM_PRIOR_SIGMA_REL
        return self.config.palm_length_m, self.config.palm_length_sigma_rel


@dataclass(frozen=True, eq=False)
class _Sigma:
    """1-sigma of wrist poses."""

    position_m: Float[np.ndarray, "row 3"]
    rotation_rad: Float[np.ndarray, " row"]

    def rows(self, keep: Bool[np.ndarray, " row"]) -> _Sigma:
        return _Sigma(self.position_m[keep], self.rotation_rad[keep])


def _is_complete(hand: HandTrack) -> Bool[np.ndarray, " time"]:
    """Frames with all landmarks and with joints that span a palm."""
    seen = np.isfinite(hand.landmarks_px).all(axis=(1, 2))
    wrist, index, middle = (
        hand.hand_m[:, k] for k in (hand_frame.WRIST, hand_frame.INDEX_MCP, hand_frame.MIDDLE_MCP)
    )
    palm_area_m2 = np.linalg.norm(np.cross(index - wrist, middle - wrist), axis=1)
    has_joints = np.isfinite(hand.hand_m).all(axis=(1, 2)) & (palm_area_m2 > _LEAST_PALM_AREA_M2)
    complete: np.ndarray = seen & has_joints
    return complete


def _fit(
    rays: Float[np.ndarray, "row 21 2"],
    hand_m: Float[np.ndarray, "row 21 3"],
    side: Side,
    palm_length_m: float,
) -> HandFit:
    """Fits a left hand as the right hand in the mirrored image."""
    if side == "right":
        return fit_hand(rays, hand_m, palm_length_m=palm_length_m)
    fit = fit_hand(rays * _MIRROR[:2], hand_m * _MIRROR, palm_length_m=palm_length_m)
    turn = np.array([1.0, -1.0, -1.0])  # a rotation vector is mirrored as an axial vector
    signs = np.concatenate([turn, _MIRROR])
    return HandFit(
        joints_m=fit.joints_m * _MIRROR,
        covariance=fit.covariance * np.outer(signs, signs),
        residual=fit.residual,
        predicted_rays=fit.predicted_rays * _MIRROR[:2],
        palm_doubt_rad=fit.palm_doubt_rad,
    )


def _nearer(fit: HandFit, factor: Float[np.ndarray, " row"]) -> HandFit:
    """Hands moved along the line of sight to this share of their distance."""
    wrist = fit.joints_m[:, hand_frame.WRIST, None]
    return replace(fit, joints_m=fit.joints_m + (factor[:, None, None] - 1.0) * wrist)


def _sigma(
    fit: HandFit,
    side: Side,
    palm_length_m: float,
    palm_px: Float[np.ndarray, " row"],
    size_sigma_rel: float,
    focal_sigma_rel: float,
) -> _Sigma:
    """Adds to the fit's own covariance what all landmarks of a frame have in common."""
    variance = np.einsum("rpp->rp", fit.covariance)
    wrist = fit.joints_m[:, hand_frame.WRIST]
    along = hand_frame.wrist_rotation(fit.joints_m, side)[..., 2] ** 2
    own = variance[:, 3:] + palm_length_m**2 * (
        (ALONG_PALM**2 - ACROSS_PALM**2) * along + (SMALL_ACROSS_PX / palm_px[:, None]) ** 2
    )
    position = position_sigma(
        own + (wrist * SMALL_DEPTH_PX / palm_px[:, None]) ** 2,
        wrist,
        size_rel=float(np.hypot(DEPTH_FLOOR_REL, size_sigma_rel)),
        across_m=ACROSS_PALM * palm_length_m,
        focal_rel=focal_sigma_rel,
    )
    rotation = variance[:, :3].sum(axis=1) + ROTATION_FLOOR_RAD**2
    rotation += (ROTATION_DOUBT * fit.palm_doubt_rad) ** 2 + (SMALL_ROTATION_RAD_PX / palm_px) ** 2
    return _Sigma(position, np.sqrt(rotation))


def _filled_in(
    hand: HandTrack,
    rows: np.ndarray,
    joints_m: Float[np.ndarray, "row 21 3"],
    reprojection_px: Float[np.ndarray, " row"],
    sigma: _Sigma,
) -> HandTrack:
    valid = np.zeros(len(hand.valid), dtype=bool)
    valid[rows] = True
    return hand.replace(
        valid=valid,
        T_camera_wrist=scatter(hand_frame.wrist_pose(joints_m, hand.side), rows, len(valid)),
        joints_m=scatter(joints_m, rows, len(valid)),
        sigma_position_m=scatter(sigma.position_m, rows, len(valid)),
        sigma_rotation_rad=scatter(sigma.rotation_rad, rows, len(valid)),
        reprojection_px=scatter(reprojection_px, rows, len(valid)),
    )
