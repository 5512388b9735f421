"""What a labeler sees around a moment: a window of features, its length in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rotoscope.pipeline.errors import UsageError

MAX_SAMPLES = 1000
"""Samples of a window; one that needs more is a mistake in its unit."""
AtEnds = Literal["drop", "hold"]


class WindowConfig(BaseModel):
    """How far a labeler looks back and ahead."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    before_s: float = Field(default=0.1, ge=0)
    """How far back [s]."""
    after_s: float = Field(default=0.1, ge=0)
    """How far ahead [s]."""
    spacing_s: float | None = Field(default=None, gt=0)
    """Time between two samples of the window [s]; that between two actions where not given."""
    has_levels: bool = True
    """Whether the features at the moment itself are seen, not only how they change around it."""
    at_ends: AtEnds = "hold"
    """What becomes of moments whose window reaches beyond the video: what was seen first or last
    stands for what is missing, in training as in labeling, or there is no label."""

    @model_validator(mode="after")
    def _is_not_empty(self) -> WindowConfig:
        if self.before_s + self.after_s == 0:
            raise ValueError("before_s and after_s are both 0: nothing moves in such a window")
        if self.spacing_s is not None:
            self._check_samples(self.spacing_s)
        return self

    def _check_samples(self, spacing_s: float) -> None:
        if (self.before_s + self.after_s) / spacing_s > MAX_SAMPLES:
            raise ValueError(
                f"a window of {self.before_s:g} s and {self.after_s:g} s has more than "
                f"{MAX_SAMPLES} samples {spacing_s:g} s apart; shorten it, or raise spacing_s"
            )

    def offsets_s(self, rate_hz: float) -> Float[np.ndarray, " tap"]:
        """Times of the samples relative to the moment [s]; 0 is among them.

        Raises:
            UsageError: More samples than `MAX_SAMPLES`, at a rate that the settings do not tell.
        """
        spacing_s = self.spacing_s or 1 / rate_hz
        try:
            self._check_samples(spacing_s)
        except ValueError as error:
            raise UsageError(str(error)) from error
        back, ahead = (int(np.floor(s / spacing_s + 1e-6)) for s in (self.before_s, self.after_s))
        return np.arange(-back, ahead + 1) * spacing_s


@dataclass(frozen=True, eq=False)
class Windows:
    """What is seen around some moments, in training as in labeling."""

    known: Bool[np.ndarray, " moment"]
    """Moments whose window is known throughout; the others have no row below."""
    inputs: Float[np.ndarray, "row input"]
    """Flattened windows of features; no columns where there are none."""
    frames: Int[np.ndarray, "row tap"]
    """The frame nearest to each sample of a window."""


def windows_of(
    time_s: Float[np.ndarray, " frame"],
    features: Float[np.ndarray, "frame feature"],
    at_s: Float[np.ndarray, " moment"],
    config: WindowConfig,
    *,
    rate_hz: float,
) -> Windows:
    """The windows around moments.

    Args:
        time_s: Time of each frame [s].
        features: What is known of each; NaN where nothing is.
        at_s: The moments [s]; they need not fall on frames.
        config: How far a window reaches.
        rate_hz: Actions a second, which are as far apart as its samples if nothing else is said.
    """
    offsets_s = config.offsets_s(rate_hz)
    windows, known = sample_windows(time_s, features, at_s, offsets_s, at_ends=config.at_ends)
    return Windows(
        known=known,
        inputs=flatten_windows(windows[known], offsets_s, has_levels=config.has_levels),
        frames=nearest_frames(time_s, at_s[known, None] + offsets_s),
    )


def sample_windows(
    time_s: Float[np.ndarray, " time"],
    values: Float[np.ndarray, "time feature"],
    at_s: Float[np.ndarray, " row"],
    offsets_s: Float[np.ndarray, " tap"],
    *,
    at_ends: AtEnds = "drop",
) -> tuple[Float[np.ndarray, "row tap feature"], Bool[np.ndarray, " row"]]:
    """Features at `at_s + offsets_s`, linear between frames.

    The second result says which windows are known throughout: they touch no NaN and lie between
    the first frame and the last, or their moment does where `at_ends` holds the ends.
    """
    wanted = at_s[:, None] + offsets_s
    if at_ends == "hold":
        wanted = np.clip(wanted, time_s[0], time_s[-1])
    right = np.clip(np.searchsorted(time_s, wanted - 1e-6), 0, len(time_s) - 1)
    left = np.where(np.abs(time_s[right] - wanted) <= 1e-6, right, np.maximum(right - 1, 0))
    span = np.where(right > left, time_s[right] - time_s[left], 1.0)
    weight = np.clip((wanted - time_s[left]) / span, 0, 1)[..., None]
    # Zero times NaN is NaN: where a sample falls on a frame, its neighbor must not spoil it.
    mixed = np.where(
        weight == 0, values[left], values[left] * (1 - weight) + values[right] * weight
    )
    inside = inside_windows(time_s, at_s, offsets_s, at_ends=at_ends)
    return mixed, inside & np.isfinite(mixed).all(axis=(1, 2))


def inside_windows(
    time_s: Float[np.ndarray, " time"],
    at_s: Float[np.ndarray, " row"],
    offsets_s: Float[np.ndarray, " tap"],
    *,
    at_ends: AtEnds = "drop",
) -> Bool[np.ndarray, " row"]:
    """Which windows lie between the first frame and the last; a tenth of a frame is forgiven.

    Where ends are held, only the moment itself has to.
    """
    if at_ends == "hold":
        offsets_s = np.zeros(1)
    slack_s = 0.1 * float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    is_after = at_s + offsets_s[0] >= time_s[0] - slack_s
    return is_after & (at_s + offsets_s[-1] <= time_s[-1] + slack_s)


def flatten_windows(
    windows: Float[np.ndarray, "row tap feature"],
    offsets_s: Float[np.ndarray, " tap"],
    *,
    has_levels: bool,
) -> Float[np.ndarray, "row input"]:
    """One vector per window: changes from the moment itself to every other sample, then levels."""
    center = int(np.argmin(np.abs(offsets_s)))
    now = windows[:, center]
    others = [windows[:, i] - now for i in range(len(offsets_s)) if i != center]
    return np.concatenate([*others, *([now] if has_levels else [])], axis=1)


def nearest_frames(
    time_s: Float[np.ndarray, " frame"], wanted_s: Float[np.ndarray, " *shape"]
) -> Int[np.ndarray, " *shape"]:
    """The frame nearest to each time; the first or last beyond either end."""
    right = np.clip(np.searchsorted(time_s, wanted_s), 1, len(time_s) - 1)
    is_left = wanted_s - time_s[right - 1] <= time_s[right] - wanted_s
    return right - is_left
