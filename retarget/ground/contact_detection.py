"""Which foot rests on something, and how high: by speed, with hysteresis.

A foot that rests does not move; a foot that does not move nearly always rests. Height decides
little, because a foot may rest on a box or a stair: it only asks a raised foot to be still for
longer, so that the turning point of a kick is no contact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.tracks import SIDES, Side, runs
from rotoscope.retarget.ground.body_weight import without_weightless
from rotoscope.retarget.ground.foot_speeds import foot_speeds, frame_interval_s, position_noise
from rotoscope.retarget.ground.level_contacts import level_contacts
from rotoscope.retarget.ground.sole_heights import (
    ground_height,
    known_mean,
    known_median,
    resting_height,
    resting_heights,
    sole_heights,
)


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
    """A foot higher than this over the ground never counts as resting [m], where so little of the
    body is seen that nobody knows what it carries."""
    level_m: float = Field(default=0.04, ge=0)
    """Support within this height of the ground is the ground [m]."""
    window_s: float = Field(default=0.1, gt=0)
    """Speeds are slopes of straight lines through this much time [s]."""
    max_window_s: float = Field(default=0.3, gt=0)
    """Noisy tracks take a longer window, up to this [s]."""
    noise_sigmas: float = Field(default=2.0, ge=0)
    """Speed that this many standard deviations of the tracking noise explain is no speed."""

    @model_validator(mode="after")
    def _are_in_order(self) -> ContactSettings:
        for low, high in (
            ("enter_speed_m_s", "leave_speed_m_s"),
            ("enter_vertical_m_s", "leave_vertical_m_s"),
            ("window_s", "max_window_s"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(
                    f"{low}={getattr(self, low):g} must not be above {high}={getattr(self, high):g}"
                )
        return self


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
    """Height of what the sole rests on, over the ground [m]; exactly 0 where it is the ground, and
    never below: nothing stands under the ground."""


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


def find_contacts(
    feet_world_m: Float[np.ndarray, "time 2 foot_point 3"],
    time_s: Float[np.ndarray, " time"],
    settings: ContactSettings | None = None,
    *,
    ground_m: float | None = None,
    com_m: Float[np.ndarray, "time 3"] | None = None,
) -> Contacts:
    """When each foot rests, and on what height.

    A contact begins where some point of the foot is slower than the enter speeds and lasts as long
    as some point is slower than the leave speeds; heel and toe decide, the ankle where neither is
    known. Speeds are slopes over a short window; what the track's own noise explains is taken off.
    The noise is measured on the track's third differences. A foot whose noise alone is faster than
    the enter speed is unknown, and unknown is no contact. While it rests its height stays the same:
    slow lifting and lowering is none. Where the center of mass is known, a raised foot must bear
    weight (`without_weightless`).

    Args:
        feet_world_m: `FOOT_POINTS` of the left and the right foot, z up [m]; NaN where unknown.
        time_s: Time of each frame [s].
        settings: Thresholds.
        ground_m: Height of the ground [m]; from the lowest lasting contacts when absent.
        com_m: Center of mass of the body, z up [m]; NaN where unknown.

    Raises:
        TrackError: Times that do not increase.
    """
    settings = settings or ContactSettings()
    if not (np.diff(time_s) > 0).all():
        raise TrackError("frame times of feet must increase strictly")
    horizontal, vertical = foot_speeds(
        feet_world_m,
        time_s,
        window_s=settings.window_s,
        max_window_s=settings.max_window_s,
        noise_sigmas=settings.noise_sigmas,
        believed_m_s=settings.enter_speed_m_s,
    )
    enter = _is_slow(horizontal, vertical, settings.enter_speed_m_s, settings.enter_vertical_m_s)
    leave = _is_slow(horizontal, vertical, settings.leave_speed_m_s, settings.leave_vertical_m_s)
    leave |= enter
    known = np.isfinite(horizontal).any(axis=2)
    contact = np.zeros((len(time_s), len(SIDES)), bool)
    for foot in range(len(SIDES)):
        flags = (enter[:, foot], leave[:, foot], known[:, foot])
        contact[:, foot] = _hysteresis(*flags, time_s, settings)
    heights = sole_heights(feet_world_m, still=contact)
    noise_m = position_noise(feet_world_m, frame_interval_s(time_s))[..., 2]
    contact = level_contacts(
        contact, heights, time_s, noise_m=noise_m, lasting_s=settings.min_raised_s
    )
    if ground_m is None:
        lasting = settings.min_raised_s / frame_interval_s(time_s)
        ground_m = ground_height(contact, heights, min_frames=lasting)
    highest_m = settings.max_raised_m if com_m is None else np.inf
    contact = _without_short_raised(
        contact, heights - ground_m, time_s, settings, highest_m=highest_m
    )
    if com_m is not None:
        resting = resting_heights(contact, heights - ground_m)
        places = known_mean(feet_world_m[..., :2])
        contact = without_weightless(contact, resting, places, com_m - [0, 0, ground_m], time_s)
    with np.errstate(invalid="ignore"):
        speed = np.where(known, _nanmin(horizontal), np.nan)
    return Contacts(
        contact=contact,
        spans=contact_spans(
            contact, resting_heights(contact, heights - ground_m), level_m=settings.level_m
        ),
        speed_m_s=speed,
        ground_m=float(ground_m),
    )


def contact_spans(
    contact: Bool[np.ndarray, "time 2"],
    heights_m: Float[np.ndarray, "time 2"],
    *,
    level_m: float = 0.04,
) -> tuple[ContactSpan, ...]:
    """Contact flags as spans, each with the height of its support over the ground.

    Args:
        contact: The left, the right foot rests.
        heights_m: Height of each foot over the ground [m], of which the median over the span is
            taken; NaN counts as ground.
        level_m: Heights up to this are the ground itself: exactly 0 [m].
    """
    spans = []
    for foot, side in enumerate(SIDES):
        for start, end in runs(contact[:, foot]):
            height = float(np.nan_to_num(known_median(heights_m[start:end, foot])))
            spans.append(ContactSpan(side, start, end, 0.0 if height <= level_m else height))
    return tuple(spans)


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
    heights_m: Float[np.ndarray, "time 2 foot_point"],
    time_s: Float[np.ndarray, " time"],
    settings: ContactSettings,
    *,
    highest_m: float,
) -> Bool[np.ndarray, "time 2"]:
    """Contacts without those of a raised foot that are too short or too high to be a support."""
    interval = frame_interval_s(time_s)
    out = contact.copy()
    for foot in range(contact.shape[1]):
        for start, end in runs(contact[:, foot]):
            height = resting_height(heights_m[start:end, foot])
            is_short = (end - start) * interval < settings.min_raised_s
            if height > highest_m or (height > settings.raised_m and is_short):
                out[start:end, foot] = False
    return out


def _nanmin(values: Float[np.ndarray, "time 2 foot_point"]) -> Float[np.ndarray, "time 2"]:
    """Smallest known value over the last axis; NaN where none is known."""
    least = np.where(np.isfinite(values), values, np.inf).min(axis=-1)
    return np.where(np.isfinite(least), least, np.nan)
