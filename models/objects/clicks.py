"""`NAME.clicks.json` beside a video: a person points at things, in frames of their choice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rotoscope.models.objects.prompts import Prompt
from rotoscope.pipeline.errors import UnreasonableVideoError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.files.paths import beside
from rotoscope.pipeline.files.plain import read_json
from rotoscope.pipeline.types import Clip, Video

ENDING = ".clicks.json"
_SAME_FRAME_S = 0.5
"""A time is that of the frame nearest to it, where that is no farther than so many seconds."""
_Number = Annotated[float, Field(allow_inf_nan=False)]


class Click(BaseModel):
    """One click: a frame or a time, and a place in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frame: int | None = Field(default=None, ge=0)
    """Frame of the video, from 0."""
    time_s: _Number | None = Field(default=None, ge=0)
    """Or its time [s], from the first frame."""
    x: _Number
    """Across from the left edge [px of the upright frame]."""
    y: _Number
    """Down from the top edge [px of the upright frame]."""
    positive: bool = True
    """Whether it is on the thing; false where it is on something that is not it."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Click:
        if (self.frame is None) == (self.time_s is None):
            raise ValueError("say either frame or time_s")
        return self


class ClickedThing(BaseModel):
    """One thing and its clicks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    """What it is called in the quality record."""
    clicks: tuple[Click, ...] = Field(min_length=1, max_length=1000)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    objects: tuple[ClickedThing, ...] = Field(min_length=1, max_length=64)


@dataclass(frozen=True, eq=False)
class NamedPrompt:
    """A prompt in a frame of the clip, and the name of its thing."""

    name: str
    frame: int
    prompt: Prompt
    """Its own frame is 0, to be counted in a window."""


def clicks_file(video: Path) -> Path | None:
    """The clicks beside a video, `None` where there are none."""
    stem = video.name if video.is_dir() else video.stem
    place = video.with_name(stem + ENDING)
    if not place.is_file():
        return None
    return beside(video, place.name, what="the clicks", error=UnreasonableVideoError)


def read_clicks(file: Path, video: Video) -> tuple[ClickedThing, ...]:
    """The things that a file points at.

    Raises:
        UnreasonableVideoError: It is not as it must be, a click lies outside the picture or the
            video, two things have one name, or a thing has no click on it.
    """
    said = read_json(file, error=UnreasonableVideoError)
    shown = display_name(file.name)
    try:
        # As JSON it is strict about what Python would convert.
        things = _File.model_validate_json(json.dumps(said), strict=True).objects
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UnreasonableVideoError(
            f"{shown}: {where}: {first['msg']}; it holds "
            '{"objects": [{"name": "cup", "clicks": [{"frame": 12, "x": 310.0, "y": 204.0, '
            '"positive": true}]}]}, with time_s in place of frame where that is easier'
        ) from error
    for name, count in Counter(thing.name for thing in things).items():
        if count > 1:
            raise UnreasonableVideoError(
                f"{shown}: {count} things are called {name!r}; put their clicks together, or give "
                "each a name of its own"
            )
    for thing in things:
        _check(thing, video, shown)
    return things


def _check(thing: ClickedThing, video: Video, shown: str) -> None:
    if not any(click.positive for click in thing.clicks):
        raise UnreasonableVideoError(
            f"{shown}: {thing.name!r} has no click on it (positive: true), only beside it"
        )
    for click in thing.clicks:
        if not (0 <= click.x < video.width and 0 <= click.y < video.height):
            raise UnreasonableVideoError(
                f"{shown}: {thing.name!r} is clicked at ({click.x:g}, {click.y:g}); the upright "
                f"frame has {video.width} x {video.height} pixels"
            )
        if click.frame is not None and click.frame >= video.num_frames:
            raise UnreasonableVideoError(
                f"{shown}: {thing.name!r} is clicked in frame {click.frame}; the video has "
                f"{video.num_frames}, counted from 0"
            )
        if click.time_s is not None and click.time_s > video.duration_s + _SAME_FRAME_S:
            raise UnreasonableVideoError(
                f"{shown}: {thing.name!r} is clicked at {click.time_s:g} s; the video ends at "
                f"{video.duration_s:.2f} s"
            )


def prompts_of(things: Sequence[ClickedThing], clip: Clip) -> list[NamedPrompt]:
    """The clicks that fall into a clip, one prompt a thing and frame, in order of time."""
    at: dict[tuple[int, str], list[Click]] = {}
    for thing in things:
        for click in thing.clicks:
            frame = _frame_of(click, clip)
            if frame is not None:
                at.setdefault((frame, thing.name), []).append(click)
    size = np.array([clip.video.width, clip.video.height])
    out = []
    for (frame, name), clicks in sorted(at.items()):
        if not any(click.positive for click in clicks):
            continue  # what it is not says alone nothing of where it is
        points = np.array([[click.x, click.y] for click in clicks]) / size
        is_on = np.array([click.positive for click in clicks])
        out.append(NamedPrompt(name, frame, Prompt(0, points=points, is_on=is_on)))
    return out


def _frame_of(click: Click, clip: Clip) -> int | None:
    if click.frame is not None:
        return click.frame - clip.start if clip.start <= click.frame < clip.end else None
    off = np.abs(clip.time_s - (click.time_s or 0.0))
    nearest = int(np.argmin(off))
    step = float(np.median(np.diff(clip.time_s))) if len(clip.time_s) > 1 else _SAME_FRAME_S
    return nearest if off[nearest] <= max(step, 1e-3) else None
