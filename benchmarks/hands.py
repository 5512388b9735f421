"""Hand stage: joints against a recorded reference, cost and recall against MediaPipe's plain loop.

The plain loop is the Tasks API in video mode with two hands on every frame, default thresholds.
Both see the same decoded frames in turn, so that they share the machine's mood; CPU time is the
process's, conversion to RGB included (the stage converts only what it looks at), decoding not.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks.figure import Bar, Figure
from benchmarks.paths import require_shared_data
from rotoscope.models.hands.stage import Hands, HandsConfig
from rotoscope.models.perception.mediapipe_import import import_mediapipe
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.geometry.hand_frame import in_wrist_frame
from rotoscope.pipeline.tracks import HandTrack
from rotoscope.pipeline.types import Frame, Video
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

DEX = "dex_retargeting/human_hand_video.mp4"
CLIPS = (
    DEX,
    "sam2_gallery/02_cups.mp4",
    "sam2_gallery/03_blocks.mp4",
    "sam2_gallery/bedroom.mp4",
    "decord_testdata/flipping_a_pancake.mkv",
    "simpler_real_clips/bridge_real_1.mp4",
    "simpler_real_clips/rt1_real_standing_coke_can_1.mp4",
    "vitra_main/03cc49c3-a7d1-445b-9a2a-545c4fae6843.mp4",
)
_SAME_HAND = 0.3
"""Hands whose landmarks are nearer than this, in sizes of the box around them, are one hand."""

Landmarks = Float[np.ndarray, "21 2"]


@dataclass
class Comparison:
    """One video through the plain loop and through the stage."""

    name: str
    plain_s: float = 0.0
    stage_s: float = 0.0
    plain: list[list[Landmarks]] = field(default_factory=list)
    stage: list[list[Landmarks]] = field(default_factory=list)
    tracks: dict[str, HandTrack] = field(default_factory=dict)

    @property
    def num_frames_plain(self) -> int:
        """Frames in which the plain loop found a hand."""
        return sum(bool(hands) for hands in self.plain)

    @property
    def num_frames_stage(self) -> int:
        """Frames in which the stage found a hand, before its checks."""
        return sum(bool(hands) for hands in self.stage)

    @property
    def num_frames_valid(self) -> int:
        """Frames with a valid hand, after the stage's checks."""
        return int(np.any([track.valid for track in self.tracks.values()], axis=0).sum())

    @property
    def is_one_hand_in_view(self) -> bool:
        """Whether the plain loop follows one hand, and one alone, nearly always."""
        return float(np.mean([len(hands) == 1 for hands in self.plain])) >= 0.95

    def differences_px(self) -> Float[np.ndarray, "match 21"]:
        """Distance of each landmark of the plain loop to the stage's nearest hand, if it is one."""
        out = [np.empty((0, 21))]
        for plain, stage in zip(self.plain, self.stage, strict=True):
            for hand in plain:
                apart = [np.linalg.norm(hand - other, axis=1) for other in stage]
                nearest = min(apart, key=np.mean, default=None)
                if nearest is not None and nearest.mean() < _SAME_HAND * _size_px(hand):
                    out.append(nearest[None])
        return np.concatenate(out)


def run() -> list[Figure]:
    """All figures of the stage."""
    data = require_shared_data()
    videos = [data / name for name in CLIPS] + [asset_path("cup.mp4"), asset_path("box.mp4")]
    comparisons = [_compare(path) for path in videos]
    return [
        *_accuracy(comparisons[0], data / "dex_retargeting/human_joint_right.pkl"),
        *_cost(comparisons),
    ]


def read_reference(path: Path) -> Float[np.ndarray, "time 21 3"]:
    """Joints of the recorded reference in the wrist frame [m]."""
    # A list of numpy arrays as its makers published it; nothing else is let through.
    with path.open("rb") as file:
        return np.array(_OnlyNumpy(file).load())


def joint_errors_mm(
    track: HandTrack, true_m: Float[np.ndarray, "time 21 3"]
) -> Float[np.ndarray, "valid 21"]:
    """Distance of each joint of valid frames to the reference, both in their own wrist frame."""
    own_m = in_wrist_frame(track.hand_m[track.valid], track.side)
    return 1e3 * np.linalg.norm(own_m - true_m[track.valid], axis=-1)


def _accuracy(dex: Comparison, reference: Path) -> list[Figure]:
    track = dex.tracks["hands.right"]
    errors_mm = joint_errors_mm(track, read_reference(reference))
    return [
        Figure("hands.dex_median", float(np.median(errors_mm)), "mm", Bar("<=", 0.5)),
        Figure("hands.dex_p95", float(np.percentile(errors_mm, 95)), "mm", Bar("<=", 1.2)),
        Figure("hands.dex_frames", float(track.valid.sum()), "1", Bar("==", 621)),
    ]


def _cost(comparisons: list[Comparison]) -> list[Figure]:
    plain_s = sum(c.plain_s for c in comparisons)
    stage_s = sum(c.stage_s for c in comparisons)
    easy = [c for c in comparisons if c.is_one_hand_in_view]
    easy_s = sum(c.stage_s for c in easy) / sum(c.plain_s for c in easy)
    plain, stage, valid = (
        sum(getattr(c, name) for c in comparisons)
        for name in ("num_frames_plain", "num_frames_stage", "num_frames_valid")
    )
    apart_px = np.concatenate([c.differences_px() for c in comparisons])
    out = [
        Figure("hands.cpu_ratio", stage_s / plain_s, "x", Bar("<=", 2.0)),
        Figure("hands.cpu_ratio_one_hand", easy_s, "x", Bar("<=", 0.7)),
        Figure("hands.detected_ratio", stage / plain, "1", Bar(">=", 0.99)),
        Figure("hands.valid_ratio", valid / plain, "1"),
        Figure("hands.landmark_difference", float(np.median(apart_px)), "px", Bar("<=", 1.5)),
    ]
    for c in comparisons:
        hands = sum(map(len, c.stage)) - sum(map(len, c.plain))
        out += [
            Figure(f"hands.{c.name}.plain_per_frame", 1e3 * c.plain_s / len(c.plain), "ms"),
            Figure(f"hands.{c.name}.cpu_ratio", c.stage_s / c.plain_s, "x"),
            Figure(
                f"hands.{c.name}.more_frames", c.num_frames_stage - c.num_frames_plain, "frames"
            ),
            Figure(f"hands.{c.name}.more_hands", hands, "hands"),
        ]
    return out


def _compare(path: Path) -> Comparison:
    video = probe(path)
    out = Comparison(path.stem[:12])
    stage = Hands(HandsConfig())
    stage.setup()
    stage.begin(video)
    plain = PlainLoop()
    times_s = []
    for frame, twin in _twins(video):
        start_s = time.process_time()
        out.plain.append(plain.detect(frame.rgb))
        middle_s = time.process_time()
        stage.observe(twin)
        out.plain_s += middle_s - start_s
        out.stage_s += time.process_time() - middle_s
        times_s.append(frame.time_s)
    start_s = time.process_time()
    tracks = stage.finish(np.array(times_s))
    out.stage_s += time.process_time() - start_s
    out.tracks = {name: track for name, track in tracks.items() if isinstance(track, HandTrack)}
    out.stage = [[hand.landmarks_px for hand in hands] for hands in stage.detections]
    stage.close()
    plain.close()
    return out


def _twins(video: Video) -> Iterator[tuple[Frame, Frame]]:
    """Each frame twice, so that each side pays for its own conversion."""
    for frame in read_frames(video):
        yield frame, Frame(frame.index, frame.time_s, frame.to_rgb, frame.to_gray)


class PlainLoop:
    """What everybody writes."""

    def __init__(self, *, num_hands: int = 2) -> None:
        self._mediapipe = import_mediapipe()
        tasks = self._mediapipe.tasks
        options = tasks.vision.HandLandmarkerOptions(
            base_options=tasks.BaseOptions(
                model_asset_path=str(asset_path("hand_landmarker.task"))
            ),
            running_mode=tasks.vision.RunningMode.VIDEO,
            num_hands=num_hands,
        )
        self._landmarker = tasks.vision.HandLandmarker.create_from_options(options)
        self._num_calls = 0

    def detect(self, rgb: np.ndarray) -> list[Landmarks]:
        """Hands of the next frame; one that was found twice counts once."""
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=rgb)
        result = self._landmarker.detect_for_video(image, self._num_calls)
        self._num_calls += 1
        size = (rgb.shape[1], rgb.shape[0])
        hands = [np.array([(p.x, p.y) for p in hand]) * size for hand in result.hand_landmarks]
        return hands[:1] if len(hands) == 2 and _is_same(*hands) else hands

    def close(self) -> None:
        """Frees the networks."""
        self._landmarker.close()


def _size_px(hand: Landmarks) -> float:
    return float(np.linalg.norm(np.ptp(hand, axis=0)))


def _is_same(a: Landmarks, b: Landmarks) -> bool:
    apart_px = float(np.linalg.norm(a - b, axis=1).mean())
    return apart_px < _SAME_HAND * max(_size_px(a), _size_px(b))


class _OnlyNumpy(pickle.Unpickler):
    """Refuses everything that a list of numpy arrays does not need."""

    _ALLOWED = frozenset({"_reconstruct", "ndarray", "dtype", "scalar"})

    def find_class(self, module: str, name: str) -> Any:
        """The named constructor, if it is numpy's own."""
        if module.split(".")[0] != "numpy" or name not in self._ALLOWED:
            raise pickle.UnpicklingError(f"refused {module}.{name}: only numpy arrays are read")
        return super().find_class(module, name)
