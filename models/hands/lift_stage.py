"""Stage `lift`: from image landmarks to a metric wrist pose and 21 joints in the camera frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from pydantic import Field, model_validator

from rotoscope.models.hands.apparent_scale import distance_steps
from rotoscope.models.hands.bridge import Carried, Read, carry
from rotoscope.models.hands.fit import HandFit, fit_hand
from rotoscope.models.hands.hidden_palm import excess, may_be_hidden, uncovered
from rotoscope.models.hands.lift_sigma import PoseSigma, pose_sigma
from rotoscope.models.perception.pnp import check_distances, is_believed
from rotoscope.pipeline.geometry import hand_frame, pinhole
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import (
    HAND_GATES,
    NUM_HAND_JOINTS,
    Camera,
    HandTrack,
    Side,
    Track,
    require_camera,
)
from rotoscope.pipeline.types import Clip, Frame
from rotoscope.pipeline.video.read import read_frames

PALM_PRIOR_M = 0.091
"""Palm length of an adult: hands are 193 mm long in men and 181 mm in women on average (Gordon et
al. 2014, ANSUR II); the landmark of the tip lies 5 mm inside, and the model is 2.0 palms long."""
PALM_PRIOR_SIGMA_REL = 0.09
"""Spread among adults: about 10 mm within a sex, 6 mm between the means and the mean of both; and
how palms differ from fingers and from the model, 5 % in the hands of `benchmarks._hand_kinds`."""
SHRINKAGE_PX = 2.0
"""MediaPipe draws landmarks together: of a palm in the picture this much is missing, whatever its
size, so that hands seem farther: by 1 % where the palm is 200 pixels long, by 5 % where it is 40.
Chosen on those kinds and on the development scenes of `benchmarks._rendered_scenes`."""
PALM_DOUBT_LIMIT_RAD = float(np.radians(90.0))
"""Beyond this angle one of both is turned over. Of 629 frames of `DEVELOPMENT` two are, of which
one is wrong by 145 degrees; below it the angle says little about which is wrong."""

_LIFTED: dict[str, tuple[int, ...]] = {
    "T_camera_wrist": (4, 4),
    "joints_m": (NUM_HAND_JOINTS, 3),
    "sigma_position_m": (3,),
    "sigma_rotation_rad": (),
    "reprojection_px": (),
}
"""What lifting adds, and the shape of it in a frame."""
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
    max_bridge_s: float = Field(default=0.25, ge=0, le=0.5)
    """Longest time between two lifted frames over which optical flow carries the landmarks to the
    frames between them [s], where it agrees from both sides; 0 carries none. The frames about such
    gaps are read again from the video."""
    check_hidden: bool = True
    """Whether a hand that seems to go away while its own points do not draw together, since a thing
    hides part of it, is put to where they say. Stretches in which a distance changes by 8 % and
    more are read again from the video for it."""

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

    Short gaps, whether the detector or the fit left them, are bridged: the hand's own points are
    followed from both ends (`rotoscope.models.hands.bridge`) and fitted as landmarks with a larger
    sigma. Such frames are valid and marked `bridged`.

    Hands that are hidden in part come out too far. Where their own points contradict that, they are
    put nearer, with a larger sigma (`rotoscope.models.hands.hidden_palm`), which their rotation and
    the frames around them get, too.
    """

    kind: ClassVar[str] = "lift"
    version: ClassVar[str] = "6"
    source = "video"
    requires: ClassVar[tuple[str, ...]] = ("hands", "camera")
    provides: ClassVar[tuple[str, ...]] = ("hands",)
    packages: ClassVar[tuple[str, ...]] = ("opencv-contrib-python",)
    loosened_by: ClassVar[Mapping[str, str]] = {
        "poor_fit": "higher max_residual",
        "too_near": "lower min_distance_m",
        "too_far": "higher max_distance_m",
    }
    Config: ClassVar[type[StageConfig]] = LiftConfig
    config: LiftConfig

    def setup(self) -> None:
        """Loads OpenCV; one thread, so that videos side by side do not fight."""
        import cv2

        cv2.setNumThreads(1)

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The hand tracks, lifted.

        Raises:
            TrackError: The track `camera` is not there or not a camera.
        """
        camera = require_camera(tracks, self.kind)
        hands = {name: track for name, track in tracks.items() if isinstance(track, HandTrack)}
        lifted = {name: self._lift(hand, camera) for name, hand in hands.items()}

        def read(start: int, end: int) -> Iterator[Frame]:
            first, last = clip.start + start, clip.start + end
            return read_frames(clip.video, start=first, end=last, kept=clip.kept)

        carried = carry(
            {name: (hand.landmarks_px, hand.valid) for name, hand in lifted.items()},
            clip.time_s,
            read,
            max_gap_s=self.config.max_bridge_s,
        )
        for name, points in carried.items():
            lifted[name] = self._bridge(lifted[name], points, clip.time_s, camera)
        return {**self._uncovered(lifted, clip.time_s, read)}

    def _lift(self, hand: HandTrack, camera: Camera) -> HandTrack:
        rows = np.flatnonzero(hand.valid & _is_complete(hand))
        num = len(hand.valid)
        incomplete = np.flatnonzero(hand.valid & ~_is_complete(hand))
        blank = hand.replace(
            gate=_put(_gate_of(hand), incomplete, HAND_GATES.index("collapsed")),
            valid=np.zeros(num, bool),
            T_camera_wrist=np.full((num, 4, 4), np.nan),
            joints_m=np.full((num, NUM_HAND_JOINTS, 3), np.nan),
            sigma_position_m=np.full((num, 3), np.nan),
            sigma_rotation_rad=np.full(num, np.nan),
            reprojection_px=np.full(num, np.nan),
        )
        return self._fitted(blank, rows, hand.landmarks_px[rows], hand.hand_m[rows], camera)

    def _bridge(
        self,
        hand: HandTrack,
        carried: Carried,
        time_s: Float[np.ndarray, " time"],
        camera: Camera,
    ) -> HandTrack:
        """Fits the landmarks that were carried into gaps; joints start between those around."""
        span_s = time_s[carried.after] - time_s[carried.before]
        weight = ((time_s[carried.rows] - time_s[carried.before]) / span_s)[:, None, None]
        hand_m = (1.0 - weight) * hand.hand_m[carried.before] + weight * hand.hand_m[carried.after]
        bridged = self._fitted(
            hand, carried.rows, carried.landmarks_px, hand_m, camera, carried.error
        )
        rows = carried.rows[bridged.valid[carried.rows]]
        kept = np.isin(carried.rows, rows)
        return bridged.replace(
            landmarks_px=_put(hand.landmarks_px, rows, carried.landmarks_px[kept]),
            hand_m=_put(hand.hand_m, rows, hand_m[kept]),
            bridged=_put(np.zeros(len(hand.valid), bool), rows, True),
        )

    def _uncovered(
        self, hands: dict[str, HandTrack], time_s: Float[np.ndarray, " time"], read: Read
    ) -> dict[str, HandTrack]:
        """Hands that are hidden in part, put to where their own points say."""
        if not self.config.check_hidden:
            return hands
        distance_m = {name: _wrist_distance_m(hand) for name, hand in hands.items()}
        doubted = {
            name: (hand.landmarks_px, may_be_hidden(distance_m[name], time_s, hand.valid))
            for name, hand in hands.items()
        }
        steps = distance_steps(doubted, time_s, read)
        palm_length_m, _ = self._hand_size()
        return {
            name: uncovered(
                hand,
                excess(distance_m[name], time_s, hand.valid, steps[name]),
                palm_length_m=palm_length_m,
            )
            for name, hand in hands.items()
        }

    def _fitted(
        self,
        hand: HandTrack,
        rows: Int[np.ndarray, " row"],
        seen_px: Float[np.ndarray, "row 21 2"],
        hand_m: Float[np.ndarray, "row 21 3"],
        camera: Camera,
        flow_error: Float[np.ndarray, " row"] | None = None,
    ) -> HandTrack:
        """The track with the hand in some more frames, as far as it is believed there."""
        rays = pinhole.rays(seen_px, camera.K, camera.distortion, camera.fisheye)
        palm_length_m, size_sigma_rel = self._hand_size()
        fit = _fit(rays, hand_m, hand.side, palm_length_m)
        predicted = pinhole.pixels(fit.predicted_rays, camera.K, camera.distortion, camera.fisheye)
        palm_px = camera.K[0, 0] * palm_length_m / fit.joints_m[:, hand_frame.WRIST, 2]
        fit = _nearer(fit, 1.0 / (1.0 + SHRINKAGE_PX / palm_px))
        sigma = pose_sigma(
            fit,
            hand.side,
            palm_length_m=palm_length_m,
            palm_px=palm_px,
            size_rel=size_sigma_rel,
            focal_rel=camera.sigma_focal_rel,
            flow_error=np.zeros(len(rows)) if flow_error is None else flow_error,
        )
        gate = self._gates(fit)
        good = gate == 0
        apart_px = np.sqrt(((predicted - seen_px) ** 2).sum(axis=2).mean(axis=1))
        made = _filled_in(hand, rows[good], fit.joints_m[good], apart_px[good], sigma.rows(good))
        return made.replace(gate=_put(_gate_of(hand), rows, gate))

    def _gates(self, fit: HandFit) -> UInt8[np.ndarray, " row"]:
        """Why each fit is not believed, as an index into `HAND_GATES`; 0 where it is."""
        config = self.config
        is_believed_within = partial(is_believed, fit.joints_m, fit.residual)
        nearest, farthest = config.min_distance_m, config.max_distance_m
        checks = {
            "palm_for_back": fit.palm_doubt_rad > PALM_DOUBT_LIMIT_RAD,
            "poor_fit": ~is_believed_within(
                between_m=(-np.inf, np.inf), max_residual=config.max_residual
            ),
            "too_near": ~is_believed_within(between_m=(nearest, np.inf), max_residual=np.inf),
            "too_far": ~is_believed_within(between_m=(-np.inf, farthest), max_residual=np.inf),
        }
        codes = [HAND_GATES.index(name) for name in checks]
        return np.select(list(checks.values()), codes, 0).astype(np.uint8)

    def _hand_size(self) -> tuple[float, float]:
        if self.config.palm_length_m is None:
            return PALM_PRIOR_M, PALM_PRIOR_SIGMA_REL
        return self.config.palm_length_m, self.config.palm_length_sigma_rel


def _wrist_distance_m(hand: HandTrack) -> Float[np.ndarray, " time"]:
    """Along the camera's axis; NaN where it is not known."""
    assert hand.joints_m is not None
    distance_m: np.ndarray = hand.joints_m[:, hand_frame.WRIST, 2]
    return distance_m


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


def _filled_in(
    hand: HandTrack,
    rows: np.ndarray,
    joints_m: Float[np.ndarray, "row 21 3"],
    reprojection_px: Float[np.ndarray, " row"],
    sigma: PoseSigma,
) -> HandTrack:
    made = {
        "valid": True,
        "T_camera_wrist": hand_frame.wrist_pose(joints_m, hand.side),
        "joints_m": joints_m,
        "sigma_position_m": sigma.position_m,
        "sigma_rotation_rad": sigma.rotation_rad,
        "reprojection_px": reprojection_px,
    }
    return hand.replace(**{k: _put(getattr(hand, k), rows, value) for k, value in made.items()})


def _gate_of(hand: HandTrack) -> UInt8[np.ndarray, " time"]:
    return np.zeros(len(hand.valid), np.uint8) if hand.gate is None else hand.gate


def _put(array: np.ndarray, rows: np.ndarray, values: object) -> np.ndarray:
    """A copy of an array with some rows changed."""
    out = array.copy()
    out[rows] = values
    return out
