"""One hand in one image: MediaPipe's hand landmarker, kept on a single hand.

Measured on mediapipe 1.2.2: the landmarker is deterministic to the bit, time stamps do not change
its results, its cost hardly depends on the image's size, and with one hand it runs the landmark
network alone while it follows that hand, the palm detector first when it has none.
`min_tracking_confidence` has no effect with one hand, so it is no option here.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.perception.mediapipe_import import import_mediapipe
from rotoscope.pipeline.tracks import NUM_HAND_JOINTS

_NOTHING = np.zeros((64, 64, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class Detection:
    """One hand as the model saw it in one frame."""

    landmarks_px: Float[np.ndarray, "21 2"]
    """Image landmarks [px]; pixel i covers [i, i + 1). They may lie outside the image."""
    hand_m: Float[np.ndarray, "21 3"]
    """Joints relative to the hand's center along camera axes x right, y down, z forward [m]."""
    right_probability: float
    """The model's own probability that this is the person's right hand, 0..1."""
    redness: float = math.nan
    """How much more red than green light the palm reflects (see `appearance`); NaN: unknown."""
    flatness: float = math.nan
    """Share of the palm without any texture, 0..1; NaN: unknown."""
    moved: float = math.nan
    """How far it has come against its surroundings since the last look [hand sizes]; NaN: unknown
    (see `surroundings`)."""

    @cached_property
    def center_px(self) -> Float[np.ndarray, " 2"]:
        """Mean of the landmarks [px]."""
        center: np.ndarray = self.landmarks_px.mean(axis=0)
        return center

    @cached_property
    def size_px(self) -> float:
        """Diagonal of the box around the landmarks [px]."""
        return float(np.linalg.norm(np.ptp(self.landmarks_px, axis=0)))

    def distance(self, other: Detection) -> float:
        """How far another hand is from this one, in hand sizes.

        Mean distance of the landmarks over the geometric mean of both sizes; a change of size
        counts as a motion by its logarithm.
        """
        apart_px = float(np.linalg.norm(self.landmarks_px - other.landmarks_px, axis=1).mean())
        own, others = max(self.size_px, 1e-6), max(other.size_px, 1e-6)
        return math.hypot(apart_px / math.sqrt(own * others), math.log(own / others))

    def shifted(self, shift_px: Float[np.ndarray, " 2"]) -> Detection:
        """The same hand elsewhere in the image."""
        return dataclasses.replace(self, landmarks_px=self.landmarks_px + shift_px)


@runtime_checkable
class Landmarker(Protocol):
    """Follows one hand through the images it is given; finds one where it follows none."""

    def __call__(self, rgb: UInt8[np.ndarray, "height width 3"]) -> Detection | None:
        """The hand in the next image."""

    def forget(self) -> None:
        """Makes the next image a first one."""

    def close(self) -> None:
        """Frees the networks."""


class MediaPipeLandmarker:
    """MediaPipe's hand landmarker in video mode with one hand. Close it explicitly."""

    def __init__(
        self, model: Path, *, min_detection_confidence: float, min_presence_confidence: float
    ) -> None:
        self._mediapipe = import_mediapipe()
        tasks = self._mediapipe.tasks
        self._landmarker = tasks.vision.HandLandmarker.create_from_options(
            tasks.vision.HandLandmarkerOptions(
                base_options=tasks.BaseOptions(model_asset_path=str(model)),
                running_mode=tasks.vision.RunningMode.VIDEO,
                num_hands=1,
                min_hand_detection_confidence=min_detection_confidence,
                min_hand_presence_confidence=min_presence_confidence,
            )
        )
        self._num_calls = 0
        self._is_following = False

    def __call__(self, rgb: UInt8[np.ndarray, "height width 3"]) -> Detection | None:
        """The hand in the next image, or `None`."""
        image = self._mediapipe.Image(
            image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb)
        )
        # The time stamp only has to increase: frames are also shown again, backwards.
        result = self._landmarker.detect_for_video(image, self._num_calls)
        self._num_calls += 1
        self._is_following = bool(result.hand_landmarks)
        if not self._is_following:
            return None
        return _detection(result, width=rgb.shape[1], height=rgb.shape[0])

    def forget(self) -> None:
        """Makes the next image a first one: shows an image in which no hand can be followed."""
        if self._is_following:
            self(_NOTHING)

    def close(self) -> None:
        """Frees the networks; without this the process can hang at its end."""
        self._landmarker.close()


def _detection(result: Any, *, width: int, height: int) -> Detection:
    """The first hand of MediaPipe's result.

    Version 1.2.2 names the person's own side for images that are not mirrored: on a video of a
    right hand it says "Right". (Older versions took every image for a mirrored one.)
    """
    landmarks = np.empty((NUM_HAND_JOINTS, 2))
    hand = np.empty((NUM_HAND_JOINTS, 3))
    for i, (point, joint) in enumerate(
        zip(result.hand_landmarks[0], result.hand_world_landmarks[0], strict=True)
    ):
        landmarks[i] = point.x * width, point.y * height
        hand[i] = joint.x, joint.y, joint.z
    category = result.handedness[0][0]
    is_right = category.category_name == "Right"
    return Detection(landmarks, hand, category.score if is_right else 1.0 - category.score)
