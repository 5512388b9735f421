"""Which foot rests on something, and how high: by speed, with hysteresis.

A foot that rests does not move; a foot that does not move nearly always rests. Height decides
little, because a foot may rest on a box or a stair: it only asks a raised foot to be still for
longer, so that the turning point of a kick is no contact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import TrackError
from pipeline.tracks import BODY_JOINTS, SIDES, Side

FOOT_POINTS = ("ankle", "heel", "toe")
"""Points of a foot, in the order of every `foot_point` axis here."""
POINT_HEIGHT_M = np.array([0.08, 0.02, 0.02])
"""Height of each over the sole of a foot that stands flat [m]: an adult's, to about 1 cm."""
_MAX_NOISE_INTERVAL_S = 1.0 / 12.0
"""With longer frame intervals third differences show motion instead of noise."""
_THIRD_DIFFERENCE_GAIN = np.sqrt(20.0)
"""Standard deviation of the third difference of white noise of unit standard deviation."""
_LOWER_QUARTILE_OF_NORMAL = 0.3186
"""A quarter of a normal distribution's absolute values lies below this many sigma."""


class ContactSettings(BaseModel):
    """When a foot counts as resting."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enter_speed_m_s: float = Field(default=0.25, gt=0)
    """Contact begins below this horizontal speed [m/s]."""
    leave_speed_m_s: float = Field(default=0.4, gt=0)
    """Contact ends above this horizontal speed [m/s]."""
    enter_vertical_m_s: float = Field(default=0.25, gt=0)
    """Contact begins below this vertical speed [m/s]."""
    leave_vertical_m_s: float = Field(default=0.4, gt=0)
    """Contact ends above this vertical speed [m/s]."""
    min_contact_s: float = Field(default=0.1, ge=0)
    """Shorter contacts are none [s]."""
    min_flight_s: float = Field(default=0.07, ge=0)
    """A foot is not taken off for a shorter time than this [s]."""
    raised_m: float = Field(default=0.12, gt=0)
    """A foot higher than this over the ground is raised [m]: more than a rolling foot's heel."""
    min_raised_s: float = Field(default=0.25, ge=0)
    """Shorter contacts of a raised foot are none [s]."""
    max_raised_m: float = Field(default=1.5, gt=0)
    """A foot higher than this over the ground never counts as resting [m]."""
    level_m: float = Field(default=0.04, ge=0)
    """Support within this height of the ground is the ground [m]."""
    window_s: float = Field(default=0.1, gt=0)
    """Speeds are slopes of straight lines through this much time [s]."""
    max_window_s: float = Field(default=0.3, gt=0)
    """Noisy tracks take a longer window, up to this [s]."""
    noise_sigmas: float = Field(default=2.0, ge=0)
    """Speed that this many standard deviations of the tracking noise explain is no speed."""


@dataclass(frozen=True)
class ContactSpan:
    """One foot at rest from frame `start` to before frame `end`."""

    side: Side
    """Which foot."""
    start: int
    """First frame."""
    end: int
    """One past the last frame."""
    support_height_m: float
    """Height of what the sole rests on, over the ground [m]; exactly 0 where it is the ground."""


@dataclass(frozen=True, eq=False)
class Contacts:
    """When each foot rests."""

    contact: Bool[np.ndarray, "time 2"]
    """The left, the right foot rests; False where the foot is not known."""
    spans: tuple[ContactSpan, ...]
    """The same as spans, left foot first, in order of time."""
    speed_m_s: Float[np.ndarray, "time 2"]
    """Horizontal speed of the slowest point of each foot, noise taken off [m/s]; NaN if unknown."""
    ground_m: float
    """Height of the ground in the frame the feet were given in [m]; NaN without a contact."""

    @property
    def support_height_m(self) -> Float[np.ndarray, "time 2"]:
        """Height of the support under each foot in contact [m]; NaN where there is none."""
        out = np.full(self.contact.shape, np.nan)
        for span in self.spans:
            out[span.start : span.end, SIDES.index(span.side)] = span.support_height_m
        return out


def feet_of(
    joints_m: Float[np.ndarray, "time body_joint 3"],
) -> Float[np.ndarray, "time 2 foot_point 3"]:
    """Ankle, heel and toe of the left and the right foot out of `BODY_JOINTS` [m]."""
    index = [[BODY_JOINTS.index(f"{side}_{point}") for point in FOOT_POINTS] for side in SIDES]
    return joints_m[:, np.array(index)]


def find_contacts(
    feet_world_m: Float[np.ndarray, "time 2 foot_point 3"],
    time_s: Float[np.ndarray, " time"],
    settings: ContactSettings | None = None,
    *,
    ground_m: float | None = None,
) -> Contacts:
    """When each foot rests, and on what height.

    A contact begins where some point of the foot is slower than the enter speeds and lasts as long
    as some point is slower than the leave speeds; heel and toe decide, the ankle where neither is
    known. Speeds are slopes over a short window; what the track's own noise explains is taken off.
    The noise is measured on the track's third differences. A foot whose noise alone is faster than
    the enter speed is unknown, and unknown is no contact.

    Args:
        feet_world_m: `FOOT_POINTS` of the left and the right foot, z up [m]; NaN where unknown.
        time_s: Time of each frame [s].
        settings: Thresholds.
        ground_m: Height of the ground [m]; from the lowest lasting contacts when absent.

    Raises:
        TrackError: Shapes or times that do not fit together.
    """
    settings = settings or ContactSettings()
    _check(feet_world_m, time_s)
    horizontal, vertical = _speeds(feet_world_m, time_s, settings)
    enter = _is_slow(horizontal, vertical, settings.enter_speed_m_s, settings.enter_vertical_m_s)
    leave = _is_slow(horizontal, vertical, settings.leave_speed_m_s, settings.leave_vertical_m_s)
    leave |= enter
    known = np.isfinite(horizontal).any(axis=2)
    contact = np.zeros((len(time_s), len(SIDES)), bool)
    for foot in range(len(SIDES)):
        flags = (enter[:, foot], leave[:, foot], known[:, foot])
        contact[:, foot] = _hysteresis(*flags, time_s, settings)
    heights = sole_heights(feet_world_m, still=contact)
    if ground_m is None:
        ground_m = ground_height(contact, heights, time_s)
    contact = _without_short_raised(contact, heights - ground_m, time_s, settings)
    with np.errstate(invalid="ignore"):
        speed = np.where(known, _nanmin(horizontal), np.nan)
    return Contacts(
        contact=contact,
        spans=contact_spans(contact, heights - ground_m, level_m=settings.level_m),
        speed_m_s=speed,
        ground_m=float(ground_m),
    )


def contact_spans(
    contact: Bool[np.ndarray, "time 2"],
    heights_m: Float[np.ndarray, "time 2"],
    *,
    level_m: float = 0.04,
) -> tuple[ContactSpan, ...]:
    """Contact flags as spans, each with the median height of its support over the ground.

    Args:
        contact: The left, the right foot rests.
        heights_m: Height of each sole over the ground [m]; NaN where unknown counts as ground.
        level_m: Heights up to this are the ground itself: exactly 0 [m].
    """
    spans = []
    for foot, side in enumerate(SIDES):
        for start, end in runs(contact[:, foot]):
            seen = heights_m[start:end, foot]
            seen = seen[np.isfinite(seen)]
            height = float(np.median(seen)) if len(seen) else 0.0
            spans.append(ContactSpan(side, start, end, 0.0 if abs(height) <= level_m else height))
    return tuple(spans)


def sole_heights(
    feet_world_m: Float[np.ndarray, "time 2 foot_point 3"], *, still: Bool[np.ndarray, "time 2"]
) -> Float[np.ndarray, "time 2"]:
    """Height of the lowest point of each sole in the frame of the feet [m]; NaN where unknown.

    How high each point lies over the sole is `POINT_HEIGHT_M`, corrected by what the still feet
    of this person and this source show relative to the lowest kind of point, by up to 6 cm.
    """
    z = feet_world_m[..., 2] - POINT_HEIGHT_M
    kinds = np.array([_median(z[:, :, kind][still]) for kind in range(len(FOOT_POINTS))])
    if np.isfinite(kinds).any():
        z = z - np.clip(np.nan_to_num(kinds - np.nanmin(kinds)), 0.0, 0.06)
    return _nanmin(z)


def ground_height(
    contact: Bool[np.ndarray, "time 2"],
    heights_m: Float[np.ndarray, "time 2"],
    time_s: Float[np.ndarray, " time"],
) -> float:
    """Height of the ground [m]: what the lowest tenth of all contact time rests on.

    The median of each contact is taken first, so that noise does not pull the ground down. NaN
    where no foot ever rested.
    """
    interval = frame_interval_s(time_s)
    lasting, height = [], []
    for foot in range(contact.shape[1]):
        for start, end in runs(contact[:, foot]):
            seen = heights_m[start:end, foot]
            if np.isfinite(seen).any():
                lasting.append((end - start) * interval)
                height.append(float(np.nanmedian(seen)))
    if not height:
        return float("nan")
    order = np.argsort(height)
    share = np.cumsum(np.array(lasting)[order]) / np.sum(lasting)
    lowest = int(np.searchsorted(share, 0.1))
    # The mean of contacts as low as that one: a single one would carry its own noise.
    level = np.array(height)[order]
    near = np.abs(level - level[lowest]) <= 0.02
    return float(np.average(level[near], weights=np.array(lasting)[order][near]))


def runs(flags: Bool[np.ndarray, " time"]) -> list[tuple[int, int]]:
    """Stretches `[start, end)` on which flags are True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def frame_interval_s(time_s: Float[np.ndarray, " time"]) -> float:
    """Usual time between two frames [s]; 1 for a single frame."""
    return float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0


def _check(feet: Float[np.ndarray, ...], time_s: Float[np.ndarray, " time"]) -> None:
    want = (len(time_s), len(SIDES), len(FOOT_POINTS), 3)
    if feet.shape != want:
        raise TrackError(
            f"feet must have shape {want} (time, left and right, {', '.join(FOOT_POINTS)}, xyz), "
            f"got {feet.shape}"
        )
    if len(time_s) > 1 and not (np.diff(time_s) > 0).all():
        raise TrackError("frame times of feet must increase strictly")


def _speeds(
    feet: Float[np.ndarray, "time 2 foot_point 3"],
    time_s: Float[np.ndarray, " time"],
    settings: ContactSettings,
) -> tuple[Float[np.ndarray, "time 2 foot_point"], Float[np.ndarray, "time 2 foot_point"]]:
    """Horizontal and vertical speeds with noise taken off [m/s]; NaN where they cannot be told."""
    interval = frame_interval_s(time_s)
    noise_m = _noise(feet, interval)
    half = max(1, round(settings.window_s / 2 / interval))
    longest = max(half, int(settings.max_window_s / 2 / interval))
    typical = float(np.nanmedian(noise_m)) if np.isfinite(noise_m).any() else 0.0
    wanted = 0.3 * settings.enter_speed_m_s
    while half < longest and typical * _slope_gain(half, interval) > wanted:
        half += 1
    velocity = slopes(feet, time_s, half)
    sigma = noise_m * _slope_gain(half, interval)
    # The ankle speaks only where neither heel nor toe is known.
    has_sole = np.isfinite(velocity[:, :, 1:, 0]).any(axis=2)
    velocity[:, :, 0][has_sole] = np.nan
    horizontal_sigma = np.sqrt(np.nansum(sigma[..., :2] ** 2, axis=-1))
    allowed = settings.noise_sigmas * horizontal_sigma
    horizontal = _beyond(np.linalg.norm(velocity[..., :2], axis=-1), allowed)
    vertical = _beyond(np.abs(velocity[..., 2]), settings.noise_sigmas * sigma[..., 2])
    is_hopeless = horizontal_sigma > settings.enter_speed_m_s
    return np.where(is_hopeless, np.nan, horizontal), np.where(is_hopeless, np.nan, vertical)


def slopes(
    values: Float[np.ndarray, "time ..."], time_s: Float[np.ndarray, " time"], half: int
) -> Float[np.ndarray, "time ..."]:
    """Slopes of least-squares lines through each frame's known neighbours.

    Args:
        values: Values; NaN where unknown.
        time_s: Time of each frame [s].
        half: Frames taken on either side.

    Returns:
        Slopes [1/s]; NaN for unknown frames and those without a known neighbour.
    """
    num_frames = len(values)
    tail = (1,) * (values.ndim - 1)
    sums = {key: np.zeros(values.shape) for key in ("n", "t", "x", "tt", "tx")}
    for offset in range(-half, half + 1):
        a, b = max(0, -offset), min(num_frames, num_frames - offset)
        if b <= a:
            continue
        x = values[a + offset : b + offset] - values[a:b]
        t = (time_s[a + offset : b + offset] - time_s[a:b]).reshape(-1, *tail)
        known = np.isfinite(x)
        x = np.where(known, x, 0.0)
        for key, term in (("n", 1.0), ("t", t), ("x", x), ("tt", t * t), ("tx", t * x)):
            sums[key][a:b] += np.where(known, term, 0.0)
    determinant = sums["n"] * sums["tt"] - sums["t"] ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (sums["n"] * sums["tx"] - sums["t"] * sums["x"]) / determinant
    return np.where(np.isfinite(values) & (sums["n"] >= 2), slope, np.nan)


def _noise(
    feet: Float[np.ndarray, "time 2 foot_point 3"], interval_s: float
) -> Float[np.ndarray, "2 foot_point 3"]:
    """1-sigma of the noise from frame to frame of each coordinate [m], 0 where it cannot be told.

    From the lower quartile of third differences: a foot is at rest for at least a quarter of most
    clips, and motion hardly shows in the third difference of a resting foot.
    """
    if interval_s > _MAX_NOISE_INTERVAL_S or len(feet) < 8:
        return np.zeros(feet.shape[1:])
    third = np.abs(np.diff(feet, 3, axis=0))
    enough = np.isfinite(third).sum(axis=0) >= 8
    third = np.where(np.isfinite(third), third, np.inf)
    quartile = np.sort(third, axis=0)
    rank = (np.isfinite(third).sum(axis=0) // 4)[None]
    found = np.take_along_axis(quartile, rank, axis=0)[0]
    return np.where(enough, found / _LOWER_QUARTILE_OF_NORMAL / _THIRD_DIFFERENCE_GAIN, 0.0)


def _slope_gain(half: int, interval_s: float) -> float:
    """1-sigma of a slope over `2 half + 1` frames for noise of 1 [1/s]."""
    n = 2 * half + 1
    return float(1.0 / (interval_s * np.sqrt(n * (n * n - 1) / 12.0)))


def _beyond(speed: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """The part of a speed that noise does not explain: they add as squares."""
    return np.sqrt(np.maximum(speed**2 - allowed**2, 0.0))


def _is_slow(
    horizontal: Float[np.ndarray, "time 2 foot_point"],
    vertical: Float[np.ndarray, "time 2 foot_point"],
    horizontal_m_s: float,
    vertical_m_s: float,
) -> Bool[np.ndarray, "time 2"]:
    """Some point of the foot is slower than both limits; NaN is not slow."""
    return np.asarray(((horizontal <= horizontal_m_s) & (vertical <= vertical_m_s)).any(axis=2))


def _hysteresis(
    enter: Bool[np.ndarray, " time"],
    stay: Bool[np.ndarray, " time"],
    known: Bool[np.ndarray, " time"],
    time_s: Float[np.ndarray, " time"],
    settings: ContactSettings,
) -> Bool[np.ndarray, " time"]:
    """Runs of `stay` that were entered, short flights closed, then short contacts removed."""
    interval = frame_interval_s(time_s)
    out = np.zeros(len(enter), bool)
    for start, end in runs(stay):
        out[start:end] = enter[start:end].any()
    for start, end in runs(~out):
        is_inside = start > 0 and end < len(out)
        is_short = (end - start) * interval < settings.min_flight_s
        if is_inside and is_short and known[start:end].all():
            out[start:end] = True
    for start, end in runs(out):
        # A single frame of a slow video stands for a whole interval.
        if (end - start) * interval < settings.min_contact_s - 1e-9:
            out[start:end] = False
    return out


def _without_short_raised(
    contact: Bool[np.ndarray, "time 2"],
    heights_m: Float[np.ndarray, "time 2"],
    time_s: Float[np.ndarray, " time"],
    settings: ContactSettings,
) -> Bool[np.ndarray, "time 2"]:
    """Contacts without those of a raised foot that are too short or too high to be a support."""
    interval = frame_interval_s(time_s)
    out = contact.copy()
    for foot in range(contact.shape[1]):
        for start, end in runs(contact[:, foot]):
            height = _median(heights_m[start:end, foot])
            is_short = (end - start) * interval < settings.min_raised_s
            if height > settings.max_raised_m or (height > settings.raised_m and is_short):
                out[start:end, foot] = False
    return out


def _median(values: Float[np.ndarray, " n"]) -> float:
    seen = values[np.isfinite(values)]
    return float(np.median(seen)) if len(seen) else float("nan")


def _nanmin(values: Float[np.ndarray, "time 2 foot_point"]) -> Float[np.ndarray, "time 2"]:
    """Smallest known value over the last axis; NaN where none is known."""
    least = np.where(np.isfinite(values), values, np.inf).min(axis=-1)
    return np.where(np.isfinite(least), least, np.nan)
