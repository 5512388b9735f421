"""The clock of one smoothing problem: segments, knots, and where samples and frames lie on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.smoothing import segments
from rotoscope.pipeline.smoothing.knots import KNOT_INTERVAL_S, Functionals, Knots
from rotoscope.pipeline.smoothing.process import Window

REST_PRECISION = 1e-6
"""Faint pull of the velocity towards zero, in units of the noise: it decides what one or two
samples leave open and is far below the noise for more."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Everything about a problem that depends on times alone. Needs at least one sample."""

    time_s: Float[np.ndarray, " time"]
    """Frame times [s]."""
    max_gap_s: float
    """Longest gap that is bridged [s], as asked for."""
    samples: Int[np.ndarray, " sample"]
    """Frames that have a sample."""
    frames: Int[np.ndarray, " covered"]
    """Frames that lie in a segment."""
    segment_of_frame: Int[np.ndarray, " time"]
    """Segment of each frame, -1 for none."""
    run_of_sample: Int[np.ndarray, " sample"]
    """Run of samples without a gap of more than one frame that each sample lies in."""
    interval_of_sample: Int[np.ndarray, " sample"]
    """Knot interval of each sample, counted over all segments."""
    at_samples: Functionals
    """The motion at the samples."""
    at_frames: Functionals
    """The motion at the frames of all segments."""
    jerks: Functionals
    """Third differences of the motion, one a knot interval."""
    window: Window
    """Which knot intervals share their process noise."""
    rest: Float[np.ndarray, "coefficient 4"]
    """Band of the faint pull towards rest."""
    interval_s: float
    """Distance of knots [s]."""

    @classmethod
    def of(
        cls, time_s: Float[np.ndarray, " time"], valid: Bool[np.ndarray, " time"], max_gap_s: float
    ) -> Layout:
        """Lays knots over every run of samples without a gap longer than `max_gap_s`."""
        spans = segments.split(time_s, valid, segments.gap_limit_s(time_s, max_gap_s))
        number = segments.numbers(len(time_s), spans)
        samples, frames = np.flatnonzero(valid), np.flatnonzero(number >= 0)
        typical = float(np.median(np.diff(time_s[samples]))) if len(samples) > 1 else 0.0
        interval_s = max(KNOT_INTERVAL_S, typical)
        knots = Knots.cover(time_s[spans[:, 0]], time_s[spans[:, 1]], interval_s)
        slopes = knots.slopes()
        of_sample = number[samples]
        before = np.concatenate([[0], np.cumsum(knots.num_intervals)[:-1]])
        return cls(
            time_s=time_s,
            max_gap_s=max_gap_s,
            samples=samples,
            frames=frames,
            segment_of_frame=number,
            run_of_sample=segments.runs(time_s[samples]),
            interval_of_sample=before[of_sample] + knots.interval(time_s[samples], of_sample),
            at_samples=knots.samples(time_s[samples], of_sample),
            at_frames=knots.samples(time_s[frames], number[frames]),
            jerks=knots.jerks(),
            window=Window.over(knots.num_intervals, interval_s),
            rest=slopes.gram(np.full(slopes.num_rows, REST_PRECISION)),
            interval_s=interval_s,
        )

    @property
    def num_segments(self) -> int:
        """How many runs of samples there are."""
        return int(self.segment_of_frame.max()) + 1

    @property
    def is_noise_visible(self) -> bool:
        """Whether there are more samples than the parabolas of all segments can take up."""
        return len(self.samples) > 3 * self.num_segments + 3

    def verdict(
        self, weight: Float[np.ndarray, " sample"]
    ) -> tuple[Bool[np.ndarray, " time"], Bool[np.ndarray, " time"], Bool[np.ndarray, " time"]]:
        """Which frames are known, outliers and filled, given the probability of good samples.

        Known are frames between good samples no further apart than the limit.
        """
        is_good, is_outlier = np.zeros((2, len(self.time_s)), bool)
        is_good[self.samples] = weight >= 0.5
        is_outlier[self.samples] = weight < 0.5
        known = segments.known_frames(self.time_s, is_good, self.max_gap_s)
        return known, is_outlier, known & ~is_good


def check_signals(
    name: str,
    time_s: np.ndarray,
    values: np.ndarray,
    valid: np.ndarray,
    max_gap_s: float,
) -> None:
    """Raises `TrackError` for a clock or signals that cannot be smoothed."""
    if len(time_s) != len(values) or len(time_s) != len(valid):
        raise TrackError(
            f"{name}: {len(time_s)} frame times, {len(values)} values and {len(valid)} valid flags "
            "must be equally many"
        )
    if len(time_s) > 1 and not (np.diff(time_s) > 0).all():
        raise TrackError(f"{name}: frame times must increase strictly")
    if not max_gap_s >= 0:
        raise TrackError(f"{name}: max_gap_s must be a time >= 0 in seconds, got {max_gap_s!r}")
    if not np.isfinite(values[valid]).all():
        raise TrackError(f"{name}: every valid frame must have finite values; mark others invalid")
