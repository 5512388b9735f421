"""Do the actions move when the video does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rotoscope.pipeline.datasets.read_damaged import RawDataset, Span
from rotoscope.pipeline.doctor.check import Check, Findings
from rotoscope.pipeline.doctor.labels import ACTION
from rotoscope.pipeline.doctor.static import Energies, spread_of

MAX_LAG_FRAMES = 2
SEARCHED_S = 0.5
"""Lags up to this are looked at."""
MIN_CORRELATION, MIN_EPISODE_CORRELATION = 0.3, 0.7
"""Below these, video and action have too little in common to tell a lag by, in the whole dataset
and in a single episode."""
SURE_SIGMAS = 2.0
"""How many standard errors the best lag must stand above none."""
MIN_EPISODE_S = 2.0
"""Shorter episodes are judged together, each too short to tell by itself."""
MIN_SHORT_S, SHORT_LAGS = 0.7, 1.5
"""Shorter ones are left out, and those not this many times as long as the largest lag."""
STILL_CURVE = 1e-9
END_EFFECTOR = "label.ee"
PEAKS_ABOVE = 0.95
"""Share of a curve's frames above which its values are cut: a leap is no motion."""
SMOOTHING_FRAMES = 2.0
"""1-sigma of the blur of both curves: key frames make the video flicker."""


def check_lag(raw: RawDataset, energies: Energies) -> Check:
    """The actions move when the video does, give or take two frames.

    Motion in the video (mean change of luma) and speed of the end effector, or of all dimensions
    where it is not known, are correlated at every lag up to half a second. An action that is the
    state some rows later leads by as many. A lag counts when its correlation stands two standard
    errors above that of no lag.
    """
    findings = Findings(
        "lag", advice="video and actions are shifted against each other: check frame times and fps"
    )
    if ACTION not in raw.columns or not energies:
        return findings.untested("no video or no action to compare")
    motion = motion_of(raw)
    curves = list(_curves(raw, energies, motion))
    if not curves:
        return findings.untested("no episode is long enough or moves enough to tell")
    whole = Curve.sum(curves)
    if whole.is_late(MIN_CORRELATION):
        findings.warn(f"over all episodes the action comes {whole}")
    for curve in curves:
        if curve.is_late(MIN_EPISODE_CORRELATION):
            who = "short episodes" if curve.episode < 0 else f"episode {curve.episode}"
            findings.warn(f"{who}: the action comes {curve}")
    detail = {
        "compared": motion.name,
        "lag_frames": whole.lag,
        "correlation": round(whole.peak, 3),
        "correlation_without_lag": round(whole.peak - whole.gain, 3),
        "standard_error": round(whole.error, 3),
    }
    if whole.peak < MIN_CORRELATION:
        text = f"video and action hardly move together (correlation {whole.peak:.2f}): cannot tell"
        return findings.untested(text, **detail)
    if abs(whole.lag) <= MAX_LAG_FRAMES:
        passed = f"the action comes {whole}"
    else:
        passed = f"no lag stands out (correlation {whole.peak - whole.gain:.2f} without one)"
    return findings.check(passed, **detail)


@dataclass(frozen=True, eq=False)
class Curve:
    """Correlation of video and action by lag."""

    episode: int
    """Episode index, -1 for several together."""
    lags: Int[np.ndarray, " lag"]
    """Frames that the action comes after the video."""
    values: Float[np.ndarray, " lag"]
    """Correlation at each."""
    samples: float
    """Independent samples behind it: neighboring frames say nearly the same."""

    @classmethod
    def sum(cls, curves: Sequence[Curve]) -> Curve:
        """The mean curve, each weighed by its samples."""
        weights = np.array([c.samples for c in curves])
        values = np.average([c.values for c in curves], axis=0, weights=weights)
        return cls(-1, curves[0].lags, values, float(weights.sum()))

    @property
    def lag(self) -> int:
        """The lag at which the two go best together."""
        return int(self.lags[np.argmax(self.values)])

    @property
    def peak(self) -> float:
        """Correlation at that lag."""
        return float(self.values.max())

    @property
    def gain(self) -> float:
        """Correlation at the best lag minus that without a lag."""
        return self.peak - float(self.values[self.lags == 0][0])

    @property
    def error(self) -> float:
        """Standard error of a correlation of this height."""
        return float((1 - self.peak**2) / np.sqrt(max(self.samples, 1.0)))

    def is_late(self, min_correlation: float) -> bool:
        """Whether there surely is a lag."""
        sure = self.peak >= min_correlation and self.gain >= SURE_SIGMAS * self.error
        return sure and abs(self.lag) > MAX_LAG_FRAMES

    def __str__(self) -> str:
        when = "with the video"
        if self.lag:
            when = f"{abs(self.lag)} frames {'after' if self.lag > 0 else 'before'} the video"
        return f"{when} (correlation {self.peak:.2f})"


@dataclass(frozen=True, eq=False)
class Motion:
    """What is held against the video."""

    name: str
    """Feature that it is taken from."""
    values: Float[np.ndarray, "row n"]
    """What moves: the end effector's position [m], or all dimensions over their range."""
    lead: int
    """Rows that it is meant to come before the video."""

    def speed(self, span: Span) -> Float[np.ndarray, " time"]:
        """How fast it changes into each row of an episode."""
        steps = np.diff(self.values[span.rows], axis=0)
        return np.concatenate([[np.nan], np.linalg.norm(steps, axis=1)])


def motion_of(raw: RawDataset) -> Motion:
    """The end effector's position where it is known: pictures show it move, not each joint."""
    contract = raw.contract
    lead = round(contract.shift_s * contract.rate_hz) if contract is not None else 0
    for name, ahead in ((ACTION, lead), (END_EFFECTOR, 0)):
        if name in raw.columns and raw.names(name)[:3] == ["ee.x", "ee.y", "ee.z"]:
            return Motion(name, raw.vector(name)[:, :3], ahead)
    action = raw.vector(ACTION)
    return Motion(ACTION, action / spread_of(action), lead)


def _curves(raw: RawDataset, energies: Energies, motion: Motion) -> Iterator[Curve]:
    """The curves of all episodes that are long enough and move, and one of all shorter ones."""
    lead = motion.lead
    short = []
    most = max(MAX_LAG_FRAMES + 1, round(SEARCHED_S * raw.fps))
    lags = np.arange(-most, most + 1)
    for span in raw.spans:
        energy = energies.get(span.episode)
        if energy is None or span.length < max(MIN_SHORT_S * raw.fps, SHORT_LAGS * most):
            continue
        if span.length < max(MIN_EPISODE_S * raw.fps, 3 * most):
            short.append((energy, motion.speed(span)))
            continue
        curve = curve_of(span.episode, energy, motion.speed(span), lags, lead=lead)
        if curve is not None:
            yield curve
    if sum(len(energy) for energy, _ in short) >= MIN_EPISODE_S * raw.fps:
        together = curve_of_several(short, lags, lead=lead)
        if together is not None:
            yield together


def curve_of(
    episode: int,
    energy: Float[np.ndarray, " time"],
    speed: Float[np.ndarray, " time"],
    lags: Int[np.ndarray, " lag"],
    *,
    lead: int,
) -> Curve | None:
    """The correlation of an episode's video and action by lag, `None` where nothing moves.

    Args:
        episode: Which episode.
        energy: How much the video changes into each frame; NaN where unknown.
        speed: How fast the action changes into each frame.
        lags: Frames to try; positive where the action comes after the video.
        lead: Frames that the action is meant to come before the video.
    """
    video, action = (_blurred(_tamed(np.nan_to_num(x))) for x in (energy, speed))
    values = _correlation(video, action, lags - lead)
    if values is None:
        return None
    # Bartlett's formula for two series that each remember their last value.
    memory = _memory(video) * _memory(action)
    return Curve(episode, lags, values, len(video) * (1 - memory) / (1 + memory))


def curve_of_several(
    episodes: Sequence[tuple[Float[np.ndarray, " _"], Float[np.ndarray, " _"]]],
    lags: Int[np.ndarray, " lag"],
    *,
    lead: int,
) -> Curve | None:
    """One correlation by lag of many short episodes, `None` where none of them moves.

    Each is brought to mean 0 and variance 1 by itself; pairs of all of them are then averaged.

    Args:
        episodes: Change of the video and speed of the action in each; NaN where unknown.
        lags: As for `curve_of`.
        lead: As for `curve_of`.
    """
    products, counts = np.zeros(len(lags)), np.zeros(len(lags))
    samples = 0.0
    for energy, speed in episodes:
        video, action = (_blurred(_tamed(np.nan_to_num(x))) for x in (energy, speed))
        if video.std() < STILL_CURVE or action.std() < STILL_CURVE:
            continue
        memory = _memory(video) * _memory(action)
        samples += len(video) * (1 - memory) / (1 + memory)
        x, y = ((v - v.mean()) / v.std() for v in (video, action))
        for k, lag in enumerate((lags - lead).tolist()):
            pairs = x[max(0, -lag) : len(x) - max(0, lag)] * y[max(0, lag) : len(y) + min(0, lag)]
            products[k] += pairs.sum()
            counts[k] += len(pairs)
    if not samples:
        return None
    return Curve(-1, lags, np.clip(products / np.maximum(counts, 1), -1, 1), samples)


def _correlation(
    video: Float[np.ndarray, " time"], speed: Float[np.ndarray, " time"], lags: np.ndarray
) -> Float[np.ndarray, " lag"] | None:
    """Correlation of `speed[t + lag]` with `video[t]` for every lag; `None` where nothing moves."""
    out = np.empty(len(lags))
    for k, lag in enumerate(lags.tolist()):
        x = video[max(0, -lag) : len(video) - max(0, lag)]
        y = speed[max(0, lag) : len(speed) - max(0, -lag)]
        if x.std() < STILL_CURVE or y.std() < STILL_CURVE:
            return None
        out[k] = np.corrcoef(x, y)[0, 1]
    return out


def _memory(values: Float[np.ndarray, " time"]) -> float:
    """Correlation of a curve with itself one frame later."""
    return float(np.clip(np.corrcoef(values[:-1], values[1:])[0, 1], 0.0, 0.999))


def _tamed(values: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """The curve with its peaks cut and its lows raised, so that no single change decides alone."""
    return np.sqrt(np.minimum(values, np.quantile(values, PEAKS_ABOVE)))


def _blurred(values: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    reach = np.arange(-round(3 * SMOOTHING_FRAMES), round(3 * SMOOTHING_FRAMES) + 1)
    kernel = np.exp(-0.5 * (reach / SMOOTHING_FRAMES) ** 2)
    padded = np.pad(values, len(reach) // 2, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")
