"""One person in one image, or several: MediaPipe's pose landmarker.

Measured on mediapipe 1.2.2: with one person in video mode it runs the landmark network alone while
it follows that person (18 ms of CPU time), the person detector first when it follows none, and
filters the landmarks over time (Casiez et al. 2012, the 1 euro filter) by the frames' time stamps,
visibility by a tenth a frame.
With several people it does neither: it detects in every frame in which it follows fewer than it
may. So several are only used to look who is there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.bodies.joints import TORSO_LANDMARKS
from rotoscope.models.perception.mediapipe_import import import_mediapipe

_TRUNK_STEPS = (0.2, 0.35, 0.5, 0.65, 0.8)
"""Where the trunk's color is taken, from side to side and from shoulders to hips."""


@dataclass(frozen=True, eq=False)
class BodyDetection:
    """One person as the model saw them in one frame."""

    landmarks_px: Float[np.ndarray, "33 2"]
    """Image landmarks [px]; pixel i covers [i, i + 1). They may lie outside the image."""
    landmarks_m: Float[np.ndarray, "33 3"]
    """The same relative to the middle of the hips, along camera axes [m]."""
    visibility: Float[np.ndarray, " 33"]
    """Probability that each is inside the image and not hidden, 0..1."""
    presence: Float[np.ndarray, " 33"]
    """Probability that each is inside the image, hidden or not, 0..1."""
    trunk_rgb: Float[np.ndarray, " 3"]
    """Median color between shoulders and hips, 0..255; NaN where these lie outside the image."""

    @cached_property
    def trunk_px(self) -> Float[np.ndarray, "4 2"]:
        """Shoulders and hips [px]."""
        return np.asarray(self.landmarks_px[list(TORSO_LANDMARKS)])

    @cached_property
    def center_px(self) -> Float[np.ndarray, " 2"]:
        """Middle of the trunk [px]."""
        return np.asarray(self.trunk_px.mean(axis=0))

    @cached_property
    def size_px(self) -> float:
        """Size of the trunk [px].

        From the middle of the shoulders to that of the hips, or the larger breadth of both where
        the trunk is seen from above.
        """
        left, right, hip_left, hip_right = self.trunk_px
        length = np.linalg.norm(left + right - hip_left - hip_right) / 2.0
        breadths = np.linalg.norm(left - right), np.linalg.norm(hip_left - hip_right)
        return float(max(length, *breadths))

    def distance(self, other: BodyDetection) -> float:
        """How far another trunk is from this one, in trunk sizes.

        Distance of the middles over the geometric mean of both sizes; a change of size counts as a
        motion by its logarithm.
        """
        apart_px = float(np.linalg.norm(self.center_px - other.center_px))
        own, others = max(self.size_px, 1e-6), max(other.size_px, 1e-6)
        return math.hypot(apart_px / math.sqrt(own * others), math.log(own / others))

    @property
    def box_px(self) -> tuple[Float[np.ndarray, " 2"], Float[np.ndarray, " 2"]]:
        """Least and largest coordinates of the landmarks that are likely inside the image [px]."""
        inside = self.landmarks_px[self.presence >= 0.5]
        shown = inside if len(inside) else self.trunk_px
        return shown.min(axis=0), shown.max(axis=0)


@runtime_checkable
class BodyLandmarker(Protocol):
    """Follows one person through the images it is given; finds one where it follows none."""

    def __call__(
        self, rgb: UInt8[np.ndarray, "height width 3"], time_s: float
    ) -> BodyDetection | None:
        """The person in the next image."""

    def forget(self) -> None:
        """Makes the next image a first one."""

    def close(self) -> None:
        """Frees the networks."""


@runtime_checkable
class BodyFinder(Protocol):
    """Finds the people of one image."""

    def __call__(self, rgb: UInt8[np.ndarray, "height width 3"]) -> list[BodyDetection]:
        """Everybody who is found, in no particular order."""

    def close(self) -> None:
        """Frees the networks."""


class MediaPipeBodyLandmarker:
    """MediaPipe's pose landmarker in video mode with one person. Close it explicitly."""

    def __init__(
        self, model: Path, *, min_detection_confidence: float, min_presence_confidence: float
    ) -> None:
        self._mediapipe = import_mediapipe()
        self._model = model
        self._confidences = {
            "min_pose_detection_confidence": min_detection_confidence,
            "min_pose_presence_confidence": min_presence_confidence,
        }
        self._landmarker: Any = None
        self._start_s = 0.0
        self._last_ms = -1

    def __call__(
        self, rgb: UInt8[np.ndarray, "height width 3"], time_s: float
    ) -> BodyDetection | None:
        """The person in the next image, or `None`."""
        if self._landmarker is None:
            self._landmarker = _create(
                self._mediapipe, self._model, mode="VIDEO", num_poses=1, **self._confidences
            )
            self._start_s, self._last_ms = time_s, -1
        # MediaPipe's clock counts whole milliseconds and must increase.
        self._last_ms = max(self._last_ms + 1, round(1000.0 * (time_s - self._start_s)))
        result = self._landmarker.detect_for_video(_image(self._mediapipe, rgb), self._last_ms)
        found = _detections(result, rgb)
        return found[0] if found else None

    def forget(self) -> None:
        """Makes the next image a first one.

        The filters of world landmarks and visibility outlive an image without a person: the next
        one would come out as a mixture with the last. So the landmarker is made anew (70 ms).
        """
        self.close()

    def close(self) -> None:
        """Frees the networks; without this the process can hang at its end."""
        if self._landmarker is not None:
            self._landmarker.close()
        self._landmarker = None


class MediaPipeBodyFinder:
    """MediaPipe's pose landmarker on single images with several people. Close it explicitly."""

    def __init__(
        self,
        model: Path,
        *,
        num_people: int,
        min_detection_confidence: float,
        min_presence_confidence: float,
    ) -> None:
        self._mediapipe = import_mediapipe()
        self._landmarker = _create(
            self._mediapipe,
            model,
            mode="IMAGE",
            num_poses=num_people,
            min_pose_detection_confidence=min_detection_confidence,
            min_pose_presence_confidence=min_presence_confidence,
        )

    def __call__(self, rgb: UInt8[np.ndarray, "height width 3"]) -> list[BodyDetection]:
        """Everybody who is found in the image."""
        result = self._landmarker.detect(_image(self._mediapipe, rgb))
        return _detections(result, rgb)

    def close(self) -> None:
        """Frees the networks; without this the process can hang at its end."""
        self._landmarker.close()


def _create(mediapipe: Any, model: Path, *, mode: str, **options: Any) -> Any:
    tasks = mediapipe.tasks
    return tasks.vision.PoseLandmarker.create_from_options(
        tasks.vision.PoseLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=str(model)),
            running_mode=getattr(tasks.vision.RunningMode, mode),
            **options,
        )
    )


def _image(mediapipe: Any, rgb: UInt8[np.ndarray, "height width 3"]) -> Any:
    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))


def _detections(result: Any, rgb: UInt8[np.ndarray, "height width 3"]) -> list[BodyDetection]:
    height, width = rgb.shape[:2]
    out = []
    for points, joints in zip(result.pose_landmarks, result.pose_world_landmarks, strict=True):
        landmarks_px = np.array([(p.x * width, p.y * height) for p in points])
        out.append(
            BodyDetection(
                landmarks_px=landmarks_px,
                landmarks_m=np.array([(j.x, j.y, j.z) for j in joints]),
                visibility=np.array([p.visibility for p in points]),
                presence=np.array([p.presence for p in points]),
                trunk_rgb=trunk_color(rgb, landmarks_px),
            )
        )
    return out


def trunk_color(
    rgb: UInt8[np.ndarray, "height width 3"], landmarks_px: Float[np.ndarray, "33 2"]
) -> Float[np.ndarray, " 3"]:
    """Median color of a grid of pixels between shoulders and hips; NaN outside the image."""
    left, right, hip_left, hip_right = landmarks_px[list(TORSO_LANDMARKS)]
    across, down = (grid[..., None] for grid in np.meshgrid(_TRUNK_STEPS, _TRUNK_STEPS))
    top = left + across * (right - left)
    bottom = hip_left + across * (hip_right - hip_left)
    columns, rows = np.floor(top + down * (bottom - top)).astype(int).reshape(-1, 2).T
    height, width = rgb.shape[:2]
    is_inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    if not is_inside.any():
        return np.full(3, np.nan)
    return np.asarray(np.median(rgb[rows[is_inside], columns[is_inside]], axis=0), np.float64)
