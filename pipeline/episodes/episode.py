"""An episode: one continuous stretch of labeled video on the dataset's clock, ready to write.

Everything a dataset says about a stretch of video is decided here, before any writer runs:
`rotoscope.pipeline.export` only moves it into LeRobot's format, the report and the doctor read it
back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.tracks import RowCount, count_rows


@dataclass(frozen=True, eq=False)
class Feature:
    """One column beside images, state and action: a `label.*`, `track.*` or `next.*`."""

    values: np.ndarray
    """Values, shape (time, n); float32, int64 or bool."""
    names: tuple[str, ...]
    """Name of each of the n numbers."""
    unit: str
    """Unit of the numbers, `1` for none."""
    description: str
    """What it is, in one sentence; goes into the dataset's metadata."""
    contract: ActionContract | None = None
    """What the numbers mean where they are actions: those of a labeler beside the chosen one."""

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names):
            raise TrackError(
                f"a feature named {self.names} must have shape (time, {len(self.names)}), "
                f"got {self.values.shape}"
            )


@dataclass(frozen=True)
class StateColumns:
    """What the numbers of `observation.state` are."""

    names: tuple[str, ...]
    """Name of each."""
    unit: str
    """Units of the numbers, separated by commas."""
    description: str
    """What it is, in one sentence."""


@dataclass(frozen=True, eq=False)
class Episode:
    """One continuous, labeled stretch of video on the dataset's clock (row k at k / fps)."""

    episode_id: str
    """Stable name: video hash, clip, subject and segment."""
    task: str
    """What is being done, in words."""
    fps: int
    """Rows per second."""
    source_frame: Int[np.ndarray, " time"]
    """Frame of the source video that each row shows (the nearest one in time)."""
    source_time_s: Float[np.ndarray, " time"]
    """Time of each row on the source video's clock [s]."""
    state: Float[np.ndarray, "time state"] | None
    """`observation.state` at the row's time: the robot's absolute state in the contract's units,
    unless `state_columns` says otherwise. `None` where no state is known that is not the action."""
    action: Float[np.ndarray, "time action"]
    """`action`: the state at the row's time plus the contract's shift, or the command given."""
    valid: Bool[np.ndarray, " time"]
    """`label.valid`: state and action both observed, reachable and inside all limits."""
    confidence: Float[np.ndarray, " time"]
    """`label.confidence`: 0..1."""
    reason: UInt8[np.ndarray, " time"]
    """`label.reason`: index into `rotoscope.pipeline.tracks.REASONS`."""
    contract: ActionContract
    """What the numbers of state and action mean."""
    state_columns: StateColumns | None = None
    """What `state` holds where it is not the robot's own state."""
    features: dict[str, Feature] = field(default_factory=dict)
    """Further columns by full name, such as `track.hand.joints` or `label.ee`."""
    source: dict[str, Any] = field(default_factory=dict)
    """JSON facts about where it came from: video name and sha256, clip span, stage keys."""
    quality: dict[str, Any] = field(default_factory=dict)
    """JSON facts about how good it is: shares by reason, errors, sigma, grasps."""
    scene: dict[str, Any] = field(default_factory=dict)
    """JSON facts needed to draw it: camera K, width, height, T_camera_base, side, robot."""

    def __post_init__(self) -> None:
        n = len(self.source_frame)
        for name in ("source_time_s", "state", "action", "valid", "confidence", "reason"):
            rows = getattr(self, name)
            if rows is not None and len(rows) != n:
                raise TrackError(f"Episode.{name} has {len(rows)} rows, not {n}")
        for name, feature in self.features.items():
            if len(feature.values) != n:
                raise TrackError(f"Episode.features[{name!r}] has another length than {n}")
        vectors = [self.action] if self.state is None else [self.state, self.action]
        if not all(np.isfinite(vector).all() for vector in vectors):
            raise TrackError(
                f"episode {self.episode_id}: state and action must be finite in every row; "
                "cut the episode where nothing is known"
            )

    @property
    def num_rows(self) -> int:
        """Rows in the episode."""
        return len(self.source_frame)

    @property
    def row_count(self) -> RowCount:
        """How many rows there are, how many count, and why the others do not."""
        return count_rows(self.valid, self.reason)
