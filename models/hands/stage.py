"""Stage `hands`: where each hand of the person is in every frame, left and right kept apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, UInt8
from pydantic import Field

from rotoscope.models.bodies.landmarker import MediaPipeBodyLandmarker
from rotoscope.models.hands import plausibility
from rotoscope.models.hands.genuine import appearance_gate
from rotoscope.models.hands.landmarker import Detection, Landmarker, MediaPipeLandmarker
from rotoscope.models.hands.left_right import assign_sides
from rotoscope.models.hands.tracker import HandTracker
from rotoscope.models.hands.tracklets import Tracklet, build_tracklets, frames_at_breaks
from rotoscope.models.hands.wrists import WristLooks
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.stage import FrameStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import HAND_GATES, NUM_HAND_JOINTS, SIDES, HandTrack, Side
from rotoscope.pipeline.types import Frame, Video

_BUFFER_BYTES = 100e6
"""Most memory that frames kept for following a hand back may take."""


class HandsConfig(StageConfig):
    """What to look for, how often, and what to believe. Sizes are in hand sizes: box diagonals."""

    num_hands: int = Field(default=2, ge=1, le=2)
    """Hands that can be in view at a time."""
    min_detection_confidence: float = Field(default=0.5, ge=0, le=1)
    """Least palm score to look closer. Low, because the landmark network then has the say: it
    finds hands in fewer looks."""
    min_presence_confidence: float = Field(default=0.5, ge=0, le=1)
    """Least probability that the landmark network gives to a hand being there."""
    search_interval_s: float = Field(default=0.0, ge=0)
    """Longest wait between looks for a hand while none is followed [s]; 0 searches every frame.
    What is found is followed back, but a hand that is seen in few frames only may be missed."""
    next_hand_interval_s: float = Field(default=0.3, ge=0)
    """Longest wait between looks for the second hand while one is followed [s]; every frame is
    searched for a while after it was seen."""
    max_buffered_frames: int = Field(default=15, ge=0)
    """How many frames a hand that was found is followed back; fewer for very large images."""
    max_gap_s: float = Field(default=0.1, ge=0)
    """Longest time unseen within one uninterrupted stretch of a hand [s]."""
    max_speed: float = Field(default=12.0, gt=0)
    """Fastest motion that is not a jump to something else [hand sizes / s]; 2.4 m/s or so."""
    min_tracklet_s: float = Field(default=0.1, ge=0)
    """Shorter stretches are not believed to be a hand [s]."""
    min_break_s: float = Field(default=0.5, ge=0)
    """Least time without a valid frame between two stretches on one side that cannot be one motion,
    such as two people's hands [s]."""
    min_score: float = Field(default=0.0, ge=0, le=1)
    """Least score (see `plausibility.consistency_score`) of a valid frame."""
    min_hand_px: float = Field(default=24.0, ge=0)
    """Least size of a valid hand [px]."""
    max_outside: float = Field(default=0.3, ge=0, le=1)
    """Largest share of the landmarks that may lie outside the image in a valid frame."""
    min_redness: float = Field(default=0.015, ge=-1, le=1)
    """Least redness of a palm: red minus green share of its light. Skin of every shade has .04 and
    more, gray, white, blue and green things have none; -1 for hands in gloves."""
    max_flatness: float = Field(default=0.7, ge=0, le=1)
    """Largest share of a palm without any texture: .2 on real hands, .9 on drawn ones."""
    min_motion: float = Field(default=0.005, ge=0)
    """Least motion of a hand against its surroundings, its fingers' included, in a fifth of a
    second [hand sizes]: in a stretch of two seconds and more a tenth of the looks has more.
    Pictures of hands stay below .005, but so does a hand that rests all the time; 0 takes both."""
    mirrored: bool = False
    """Whether the recording is a mirror image, as some apps write with a front camera: the same as
    `video.mirrored`. Frames are turned back where they are read, for all stages and the dataset:
    sides, pixels, pictures and the camera frame are those of the scene."""


class Hands(FrameStage):
    """MediaPipe's 21 landmarks of the left and the right hand (Zhang et al. 2020, 2006.10214).

    Provides `hands.left` and `hands.right`, both always there. `score` is set wherever the hand was
    found, the rest only where it is also valid. Joints that the model saw as the other hand are
    mirrored back in depth (`plausibility.hand_of_side`); `handedness` tells in which frames it did.
    """

    kind: ClassVar[str] = "hands"
    version: ClassVar[str] = "6"
    provides: ClassVar[tuple[str, ...]] = ("hands",)
    assets: ClassVar[tuple[str, ...]] = ("hand_landmarker.task", "pose_landmarker.task")
    packages: ClassVar[tuple[str, ...]] = ("mediapipe",)
    preload: ClassVar[tuple[str, ...]] = ("rotoscope.models.perception.mediapipe_preload",)
    loosened_by: ClassVar[Mapping[str, str]] = {
        "not_skin": "lower min_redness",
        "drawn": "higher max_flatness",
        "never_moves": "lower min_motion",
        "too_short": "lower min_tracklet_s",
        "jumps": "lower min_break_s",
        "too_small": "lower min_hand_px",
        "out_of_the_picture": "higher max_outside",
        "low_score": "lower min_score",
    }
    Config: ClassVar[type[StageConfig]] = HandsConfig
    config: HandsConfig

    def __init__(self, config: StageConfig) -> None:
        super().__init__(config)
        self._landmarkers: list[Landmarker] = []
        self._bodies: MediaPipeBodyLandmarker | None = None

    def setup(self) -> None:
        """Loads one landmarker per hand.

        Raises:
            AssetError: The weights were not fetched.
        """
        from rotoscope.pipeline.assets import asset_path

        model = asset_path("hand_landmarker.task")
        # One more than hands, for second looks.
        for _ in range(self.config.num_hands + 1):
            landmarker = MediaPipeLandmarker(
                model,
                min_detection_confidence=self.config.min_detection_confidence,
                min_presence_confidence=self.config.min_presence_confidence,
            )
            self._landmarkers.append(landmarker)
        self._bodies = MediaPipeBodyLandmarker(
            asset_path("pose_landmarker.task"),
            min_detection_confidence=0.5,
            min_presence_confidence=0.5,
        )

    def close(self) -> None:
        """Frees the landmarkers."""
        for landmarker in self._landmarkers:
            landmarker.close()
        self._landmarkers = []
        if self._bodies is not None:
            self._bodies.close()

    def begin(self, video: Video) -> None:
        """Starts a new video; nothing of the one before is remembered."""
        for landmarker in self._landmarkers:
            landmarker.forget()
        frame_bytes = 3 * video.width * video.height
        self._width, self._height = video.width, video.height
        if self._bodies is not None:
            self._bodies.forget()
        self._tracker = HandTracker(
            self._landmarkers[:-1],
            spare=self._landmarkers[-1],
            wrists=None if self._bodies is None else WristLooks(self._bodies),
            search_interval_s=self.config.search_interval_s,
            next_hand_interval_s=self.config.next_hand_interval_s,
            max_buffered_frames=min(
                self.config.max_buffered_frames, int(_BUFFER_BYTES / frame_bytes)
            ),
        )

    def observe(self, frame: Frame) -> None:
        """Follows the hands into the next frame."""
        self._tracker.observe(frame)

    @property
    def detections(self) -> list[list[Detection]]:
        """All hands found in each frame observed so far, before they are told apart and checked."""
        return self._tracker.detections

    def finish(self, time_s: Float[np.ndarray, " time"]) -> Tracks:
        """Both hands over the whole video.

        Raises:
            TrackError: `time_s` does not hold one time per observed frame.
        """
        detections = self.detections
        if len(detections) != len(time_s):
            raise TrackError(
                f"hands: {len(detections)} frames were observed but {len(time_s)} times given; "
                "pass the time of each observed frame"
            )
        frame_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0 / 30.0
        found = build_tracklets(
            detections, time_s, max_gap_s=self.config.max_gap_s, max_speed=self.config.max_speed
        )
        gates = [self._gate(tracklet, frame_s) for tracklet in found]
        tracklets = [t for t, gate in zip(found, gates, strict=True) if not gate]
        sides = assign_sides(tracklets, frame_s=frame_s)
        tracks = {
            side: self._track(
                side,
                [t for t, of in zip(tracklets, sides, strict=True) if of == side],
                len(time_s),
            )
            for side in SIDES
        }
        taken = [(t, gate) for t, gate in zip(found, gates, strict=True) if gate]
        nobody = [t for t, side in zip(tracklets, sides, strict=True) if side is None]
        for tracklet, gate in (*taken, *((t, "one_too_many") for t in nobody)):
            _note_found(tracks, tracklet, HAND_GATES.index(gate))
        return {f"hands.{side}": track for side, track in tracks.items()}

    def _gate(self, tracklet: Tracklet, frame_s: float) -> str:
        """Why a stretch is believed to be no hand, if so."""
        if tracklet.times_s[-1] - tracklet.times_s[0] + frame_s < self.config.min_tracklet_s:
            return "too_short"
        return appearance_gate(
            tracklet,
            min_redness=self.config.min_redness,
            max_flatness=self.config.max_flatness,
            min_motion=self.config.min_motion,
        )

    def _track(self, side: Side, tracklets: Sequence[Tracklet], num_frames: int) -> HandTrack:
        landmarks_px = np.full((num_frames, NUM_HAND_JOINTS, 2), np.nan)
        hand_m = np.full((num_frames, NUM_HAND_JOINTS, 3), np.nan)
        score = np.full(num_frames, np.nan)
        handedness = np.full(num_frames, np.nan)
        gate = np.zeros(num_frames, np.uint8)
        valid = np.zeros(num_frames, bool)
        dropped = frames_at_breaks(
            tracklets, min_break_s=self.config.min_break_s, max_speed=self.config.max_speed
        )
        for tracklet in tracklets:
            rows = np.array(tracklet.frames)
            score[rows] = plausibility.consistency_score(tracklet.landmarks_px, tracklet.hand_m)
            gate[rows] = self._frame_gates(tracklet, score[rows], side, np.isin(rows, dropped))
            is_good = gate[rows] == 0
            rows = rows[is_good]
            valid[rows] = True
            landmarks_px[rows] = tracklet.landmarks_px[is_good]
            handedness[rows] = tracklet.right_probability[is_good]
            hand_m[rows] = plausibility.hand_of_side(
                tracklet.hand_m[is_good], handedness[rows], side
            )
        return HandTrack(side, landmarks_px, hand_m, score, handedness, valid, gate=gate)

    def _frame_gates(
        self,
        tracklet: Tracklet,
        score: Float[np.ndarray, " detection"],
        side: Side,
        is_at_break: Bool[np.ndarray, " detection"],
    ) -> UInt8[np.ndarray, " detection"]:
        """Which check takes each frame of a stretch; one that no setting loosens before others."""
        shape = plausibility.shape_gate(
            tracklet.landmarks_px,
            width=self._width,
            height=self._height,
            min_hand_px=self.config.min_hand_px,
            max_outside=self.config.max_outside,
        )
        right = tracklet.right_probability
        hand_m = plausibility.hand_of_side(tracklet.hand_m, right, side)
        is_turned_over = plausibility.is_turned_over(hand_m, right, side)
        checks = {
            "palm_for_back": is_turned_over,
            "low_score": score < self.config.min_score,
            "jumps": is_at_break,
        }
        codes = [HAND_GATES.index(name) for name in checks]
        other = np.select(list(checks.values()), codes, 0)
        return np.where(shape > 0, shape, other).astype(np.uint8)


def _note_found(tracks: dict[Side, HandTrack], tracklet: Tracklet, gate: int) -> None:
    """Leaves score and gate where something was found that is no hand: seen, and not believed."""
    side: Side = "right" if np.median(tracklet.right_probability) >= 0.5 else "left"
    track = tracks[side]
    assert track.gate is not None
    is_free = np.isnan(track.score[tracklet.frames])
    rows = np.array(tracklet.frames)[is_free]
    found = plausibility.consistency_score(tracklet.landmarks_px, tracklet.hand_m)
    score, gates = track.score.copy(), track.gate.copy()
    score[rows], gates[rows] = found[is_free], gate
    tracks[side] = track.replace(score=score, gate=gates)
