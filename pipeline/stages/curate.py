"""Which stretches of a clip are worth an episode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import (
    GROUPS_OF_SPACE,
    REASONS,
    ActionTrack,
    SegmentTrack,
    Track,
    blaming_camera,
    runs,
)
from rotoscope.pipeline.types import Clip


class CurateConfig(StageConfig):
    """Which frames become episodes: raise the limits for few clean ones, lower them for many."""

    min_episode_s: float = Field(default=1.0, gt=0)
    """Shortest episode [s]; at least the horizon of the policy that is to be trained."""
    max_invalid_s: float = Field(default=0.5, ge=0)
    """A longer run of invalid frames ends the episode [s]; shorter ones stay, marked invalid."""
    min_valid_share: float = Field(default=0.4, ge=0, le=1)
    """Smallest share of valid rows of an episode, 0..1; stretches below it become none. A frame
    that is not valid takes the rows on both sides of it, and the one whose action leads there: four
    in ten rows are some six in ten frames."""
    min_confidence: float = Field(default=0.0, ge=0, le=1)
    """Smallest mean confidence of an episode's valid frames, 0..1; 0 keeps all."""
    min_frame_confidence: float = Field(default=0.0, ge=0, le=1)
    """Smallest confidence of a valid frame, 0..1. Frames below it count as not valid: they are
    marked `low_confidence`, and long runs of them end an episode. To weigh frames instead, use
    `label.confidence` in training."""


class Curate(ClipStage):
    """Keeps continuous stretches in which the robot's state is known, and says what was dropped.

    Of a robot that follows two hands, frames in which one hand alone is valid are kept as well:
    `label.valid` is False there, `label.valid.<side>.*` say which numbers hold.

    Inside a kept stretch every frame has finite values; frames that are not valid stay marked. What
    was dropped is counted once, so that dropped and kept frames are those of the clip.
    """

    kind = "curate"
    version = "4"
    # Where the camera moved, that is why frames were dropped.
    requires = ("actions|camera_motion",)
    provides = ("segments",)
    loosened_by: ClassVar[Mapping[str, str]] = {
        "too_short": "lower min_episode_s",
        "too_few_valid_rows": "lower min_valid_share",
    }
    Config = CurateConfig

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """One `SegmentTrack` per action track, named `segments.<action track>`.

        And one for each action space that needs only some of its groups, `segments.<action
        track>.<space>`: more frames are valid for that.
        """
        out: Tracks = {}
        for name, track in tracks.items():
            if isinstance(track, ActionTrack):
                blamed = blaming_camera(track, tracks)
                use = blamed.of_use()
                out[f"segments.{name}"] = self._segments(name, blamed, use, clip.time_s)
                for space in GROUPS_OF_SPACE if track.groups else ():
                    judged, use = blamed.judged_for(space), blamed.of_use(space)
                    segments = self._segments(name, judged, use, clip.time_s)
                    out[f"segments.{name}.{space}"] = segments.replace(space=space)
        return out

    def _segments(
        self,
        name: str,
        track: ActionTrack,
        use: Bool[np.ndarray, " time"],
        time_s: Float[np.ndarray, " time"],
    ) -> SegmentTrack:
        config = self.config
        assert isinstance(config, CurateConfig)
        known = np.isfinite(track.values).all(axis=1)
        doubted = (track.valid | use) & (track.confidence < config.min_frame_confidence)
        kept_for = (track.valid | use) & ~doubted
        track = track.replace(
            valid=track.valid & ~doubted,
            reason=np.where(doubted, REASONS.index("low_confidence"), track.reason).astype(
                np.uint8
            ),
        )
        kept: list[tuple[int, int]] = []
        dropped: Counter[str] = Counter()
        for start, end in runs(known):
            for a, b in _split_at_invalid(start, end, kept_for, time_s, config.max_invalid_s):
                why = self._reject(track, kept_for, a, b, time_s, config)
                if why:
                    # Those that are not valid are counted by their own reason below.
                    dropped[why] += int(track.valid[a:b].sum())
                else:
                    kept.append((a, b))
        inside = np.zeros(len(known), bool)
        for a, b in kept:
            inside[a:b] = True
        lost = ~inside & ~track.valid
        for code, count in zip(*np.unique(track.reason[lost], return_counts=True), strict=True):
            dropped[REASONS[int(code)]] += int(count)
        return SegmentTrack(
            actions=name,
            start=tuple(a for a, _ in kept),
            end=tuple(b for _, b in kept),
            dropped=dict(sorted(dropped.items())),
            doubted=doubted,
            min_valid_share=config.min_valid_share,
        )

    @staticmethod
    def _reject(
        track: ActionTrack,
        use: Bool[np.ndarray, " time"],
        start: int,
        end: int,
        time_s: Float[np.ndarray, " time"],
        config: CurateConfig,
    ) -> str:
        valid = use[start:end]
        if time_s[end - 1] - time_s[start] < config.min_episode_s:
            return "too_short"
        if track.confidence[start:end][valid].mean() < config.min_confidence:
            return "low_confidence"
        return ""


def _split_at_invalid(
    start: int,
    end: int,
    valid: Bool[np.ndarray, " time"],
    time_s: Float[np.ndarray, " time"],
    max_invalid_s: float,
) -> list[tuple[int, int]]:
    """Cuts `[start, end)` at long invalid runs and trims invalid frames off both ends of each."""
    breaks = np.zeros(end - start, bool)
    for a, b in runs(~valid[start:end]):
        before = time_s[start + max(a - 1, 0)]
        after = time_s[start + min(b, end - start - 1)]
        is_edge = a == 0 or b == end - start
        breaks[a:b] = is_edge or after - before > max_invalid_s
    return [(start + a, start + b) for a, b in runs(~breaks)]
