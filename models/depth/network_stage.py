"""Stage `depth.network`: lifted hands at the distance that a network sees, in the hands' meters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8
from pydantic import Field

from rotoscope.models.checkpoints.device import Device
from rotoscope.models.checkpoints.pictures import is_blank, shrunk
from rotoscope.models.depth.by_hands import Output, Scale, scale_by_hands
from rotoscope.models.depth.estimator import TransformersDepth, estimator_at
from rotoscope.models.depth.measured import NOTHING, UNDER_SKIN_M, depth_at, hand_distance
from rotoscope.models.depth.placed import placed
from rotoscope.models.depth.stage import Depth, lifted_hands
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import Camera, HandTrack, QualityTrack, Track, require_camera
from rotoscope.pipeline.types import Clip, SourceKind
from rotoscope.pipeline.video.read import read_frames

_LEAST_SIGMA_REL = 0.03
"""Least 1-sigma of a lifted hand's distance that all frames share, as a share of it, where the
track does not say: what people's hands differ by in size, once that is known about."""


class DepthNetworkConfig(StageConfig):
    """Which network, and what it gives."""

    model: Path
    """Folder of a network for depth of `transformers`: Depth Pro, ZoeDepth, GLPN, DPT or Depth
    Anything."""
    output: Output | None = None
    """`depth` where it gives distances, if only up to a factor; `inverse` where it gives one over
    them, up to a factor and a shift. Without it, what the folder says of itself; DPT does not."""
    picture_px: int = Field(default=768, ge=64, le=2048)
    """Pictures are shrunk to this longer side [px] for the network."""
    device: Device = "auto"
    """Where the network runs."""


@runtime_checkable
class Estimator(Protocol):
    """A network that sees depth."""

    def values(
        self, picture: UInt8[np.ndarray, "height width 3"]
    ) -> Float[np.ndarray, "height width"]:
        """What it says of every pixel."""


class DepthNetwork(ClipStage):
    """Puts lifted hands where a network for depth sees them.

    What it says is brought to meters by the hands themselves: one factor for the clip (with a
    shift, where it gives inverse depth), by which it agrees best with how far they are by their
    size. The hands keep that size; in each frame the distance is the network's, as sure as the
    hands' and the network's distances agree over the clip, and as their size. Where there are too
    few hands to say, or the two do not go together, the hands stay as they were, and
    `quality.depth` says why. Stands behind `lift` and before `camera_motion`, like `depth`.
    """

    kind: ClassVar[str] = "depth.network"
    version: ClassVar[str] = "1"
    requires: ClassVar[tuple[str, ...]] = Depth.requires
    provides: ClassVar[tuple[str, ...]] = Depth.provides
    source: ClassVar[SourceKind | None] = "video"
    packages: ClassVar[tuple[str, ...]] = ("torch", "transformers", "opencv-contrib-python")
    Config: ClassVar[type[StageConfig]] = DepthNetworkConfig
    config: DepthNetworkConfig

    def cache_token(self) -> str:
        """The network's bytes."""
        return estimator_at(self.config.model, self.config.output)[0].digest()

    def setup(self) -> None:
        """Loads the network; one thread, so that videos side by side do not fight.

        Raises:
            UsageError: The folder is not there or holds another network, or no such device.
        """
        import torch

        torch.set_num_threads(1)
        checkpoint, self._output = estimator_at(self.config.model, self.config.output)
        self._estimator: Estimator = TransformersDepth(checkpoint, self.config.device)

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The hands, at the distance that the network sees.

        Raises:
            TrackError: The track `camera` is not there, or a hand was not lifted.
        """
        camera = require_camera(tracks, self.kind)
        hands = lifted_hands(tracks, self.kind)
        seen = self._seen(clip, camera, hands)
        rows = {name: hand.valid for name, hand in hands.items()}
        scale = scale_by_hands(
            np.concatenate([seen[n][rows[n]] for n in hands] or [np.zeros((0, 21))]),
            np.concatenate([_skin_m(h)[rows[n]] for n, h in hands.items()] or [np.zeros((0, 21))]),
            self._output,
        )
        out: Tracks = {}
        for name, hand in hands.items():
            out[name], facts = _moved(hand, seen[name], scale, camera)
            out[f"quality.depth.{hand.side}"] = QualityTrack(subject=hand.side, facts=facts)
        return out

    def _seen(
        self, clip: Clip, camera: Camera, hands: Mapping[str, HandTrack]
    ) -> dict[str, np.ndarray]:
        """What the network says at the landmarks; one picture is in memory at a time."""
        import cv2

        num, size = clip.num_frames, shrunk(clip.video, self.config.picture_px)
        seen = {name: np.full((num, 21), np.nan) for name in hands}
        anyone = np.zeros(num, bool)
        for hand in hands.values():
            anyone |= hand.valid
        if not anyone.any():
            return seen
        frames = read_frames(clip.video, start=clip.start, end=clip.end, kept=clip.kept)
        for t, frame in enumerate(frames):
            if not anyone[t]:
                continue
            picture = np.asarray(cv2.resize(frame.rgb, size, interpolation=cv2.INTER_AREA))
            if is_blank(picture):
                continue
            values = self._estimator.values(picture)
            for name, hand in hands.items():
                if hand.valid[t]:
                    picture_size = camera.width, camera.height
                    seen[name][t] = depth_at(values, hand.landmarks_px[t], picture_size)
        return seen


def _skin_m(hand: HandTrack) -> Float[np.ndarray, "time point"]:
    """How far the skin at each landmark is by the lifted hand [m]."""
    joints_m = np.full((len(hand.valid), 21, 3), np.nan) if hand.joints_m is None else hand.joints_m
    return np.asarray(joints_m[..., 2] - UNDER_SKIN_M)


def _moved(
    hand: HandTrack, seen: Float[np.ndarray, "time point"], scale: Scale, camera: Camera
) -> tuple[HandTrack, dict[str, float | int | str]]:
    """The hand where the network sees it, and what is said of that."""
    if scale.why_none or hand.joints_m is None:
        return hand, {"depth_frames": 0, "depth_why": scale.why_none}
    seen_m, sigma_rel = scale.meters(seen), float(np.hypot(scale.spread, _shared_sigma_rel(hand)))
    found = [
        hand_distance(seen_m[t], hand.joints_m[t], sigma_rel * float(hand.joints_m[t, 0, 2]))
        if hand.valid[t]
        else NOTHING
        for t in range(len(hand.valid))
    ]
    moved, _ = placed(hand, found, camera, is_meters=False)
    told = int(np.isfinite([one.factor for one in found]).sum())
    return moved, {"depth_frames": told, "depth_spread": round(scale.spread, 4)}


def _shared_sigma_rel(hand: HandTrack) -> float:
    """What all distances of a lifted hand may be off by together: as little as in its best ones."""
    if hand.sigma_position_m is None or hand.joints_m is None:
        return _LEAST_SIGMA_REL
    rel = hand.sigma_position_m[:, 2] / hand.joints_m[:, 0, 2]
    rel = rel[np.isfinite(rel) & (rel > 0)]
    return float(np.quantile(rel, 0.1)) if len(rel) else _LEAST_SIGMA_REL
