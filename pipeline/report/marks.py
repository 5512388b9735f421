"""What is drawn over a frame beside skeletons: ways gone, ways to come, the edge of a thing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.report.features import frame_size
from rotoscope.pipeline.report.timeline import column, invalid_rows
from rotoscope.pipeline.tracks import runs
from rotoscope.pipeline.video.fit import fit_into

TRAIL_S = 1.0
"""How far back trails reach [s]."""
THING, HAND = (234, 88, 12), (37, 99, 235)
"""Colors of a thing and of a hand, in pictures, strips and the view in space alike."""
POINT_COLORS: tuple[tuple[str, tuple[int, int, int]], ...] = (
    ("wrist", (250, 250, 250)),
    ("thumb", (250, 204, 21)),
    ("index", (34, 211, 238)),
    ("", (232, 121, 249)),
)
"""Beginnings of names of points, and the color of their track; the last is for all others."""
OUTLINE, MOTION, POINTS = "label.object_outline", "label.object_motion", "track.points"
_STEP = re.compile(r"t(\d+)\.(.+)\.x")


def is_motion_tracks(names: Sequence[str]) -> bool:
    """Whether numbers of an action are places of points at steps to come."""
    return any(_STEP.fullmatch(name) for name in names)


@dataclass(frozen=True, eq=False)
class Line:
    """A way in the picture."""

    points_px: Float[np.ndarray, "point 2"]
    """Where it goes; a break where NaN stands."""
    color: tuple[int, int, int]
    """Its color."""
    is_future: bool
    """To come, with a dot at each moment; else gone, and fading into the past."""


@dataclass(frozen=True, eq=False)
class Marks:
    """What is drawn over one frame."""

    lines: tuple[Line, ...] = ()
    """Trails and motion tracks."""
    outline_px: Float[np.ndarray, "vertex 2"] | None = None
    """Edge of the thing; `None` where it is not seen."""

    def points_px(self) -> Float[np.ndarray, "point 2"]:
        """All that is drawn, to know what of a frame must be shown."""
        parts = [line.points_px for line in self.lines]
        parts += [] if self.outline_px is None else [self.outline_px]
        return np.concatenate([np.zeros((0, 2)), *parts])


def marks_of(dataset: Dataset, episode: EpisodeRows, row: int) -> Marks:
    """Marks of a row of a video [px of the dataset's frame]; none where nothing is known."""
    if dataset.video_key is None:
        return Marks()
    lines = [*_trail(dataset, episode, row), *_tracks(dataset, episode, row)]
    outline = None
    if OUTLINE in episode.columns:
        shares = column(episode, OUTLINE)[row].reshape(-1, 2)
        outline = _pixels(dataset, episode, shares) if np.isfinite(shares).all() else None
    return Marks(tuple(lines), outline)


def _trail(dataset: Dataset, episode: EpisodeRows, row: int) -> list[Line]:
    """Where the middle of the thing was in the last second, before a camera that stands still."""
    is_moving = episode.meta.get("scene", {}).get("camera_motion") in ("turning", "moving")
    if dataset.names(MOTION)[6:8] != ["u", "v"] or MOTION not in episode.columns or is_moving:
        return []
    first = max(0, row - round(TRAIL_S * dataset.fps))
    shares = column(episode, MOTION)[first : row + 1, 6:8]
    return [Line(_pixels(dataset, episode, shares), THING, is_future=False)]


def _tracks(dataset: Dataset, episode: EpisodeRows, row: int) -> list[Line]:
    """Motion tracks of a row that is valid, from where the points are now."""
    found = [_STEP.fullmatch(name) for name in dataset.names("action")]
    steps = [(int(m[1]), m[2], at) for at, m in enumerate(found) if m]
    if not steps or invalid_rows(episode)[row]:
        return []
    action = column(episode, "action")[row]
    names = list(dataset.names(POINTS)) if POINTS in episode.columns else []
    out = []
    for point in dict.fromkeys(name for _, name, _ in steps):
        way = [action[at : at + 2] for _, name, at in sorted(steps) if name == point]
        if f"{point}.x" in names:
            now = names.index(f"{point}.x")
            way.insert(0, column(episode, POINTS)[row, now : now + 2])
        color = next(color for start, color in POINT_COLORS if point.startswith(start))
        out.append(Line(_pixels(dataset, episode, np.array(way)), color, is_future=True))
    return out


def _pixels(
    dataset: Dataset, episode: EpisodeRows, shares: Float[np.ndarray, "point 2"]
) -> Float[np.ndarray, "point 2"]:
    """Shares of the video's width and height on the dataset's frame, bars around it left out."""
    height, width = frame_size(dataset)
    scene = episode.meta.get("scene", {})
    size = scene.get("video_width") or width, scene.get("video_height") or height
    fit = fit_into(*size, width, height)
    pixels: np.ndarray = np.array([fit.x, fit.y]) + shares * [fit.width, fit.height]
    return pixels


def draw_marks(
    image: UInt8[np.ndarray, "height width 3"], marks: Marks, *, thick: int
) -> UInt8[np.ndarray, "height width 3"]:
    """A copy of the image with the marks on it.

    Args:
        image: The dataset's frame.
        marks: What is drawn.
        thick: Width of a line [px].
    """
    from PIL import Image, ImageDraw

    picture = Image.fromarray(image.copy())
    pen = ImageDraw.Draw(picture, "RGBA")
    if marks.outline_px is not None:
        edge = [tuple(p) for p in marks.outline_px.tolist()]
        pen.polygon(edge, fill=(*THING, 70))
        pen.line([*edge, edge[0]], fill=(255, 255, 255, 200), width=thick + 2, joint="curve")
        pen.line([*edge, edge[0]], fill=(*THING, 255), width=thick, joint="curve")
    for line in marks.lines:
        num = len(line.points_px)
        for start, end in runs(np.isfinite(line.points_px).all(axis=1)):
            for at in range(start + 1, end):
                ends = [tuple(p) for p in line.points_px[at - 1 : at + 1].tolist()]
                strong = 1 - at / num if line.is_future else at / num
                pen.line(ends, fill=(0, 0, 0, int(90 * strong + 30)), width=thick + 2)
                pen.line(ends, fill=(*line.color, int(155 * strong + 100)), width=thick)
            dots = range(start + 1, end) if line.is_future else (end - 1,)
            _dots(pen, line, [at for at in dots if line.is_future or at == num - 1], thick)
    return np.asarray(picture)


def _dots(pen: object, line: Line, places: Sequence[int], thick: int) -> None:
    for at in places:
        x, y = line.points_px[at].tolist()
        reach = 1.2 * thick * (0.8 if line.is_future else 1.4)
        box = [x - reach, y - reach, x + reach, y + reach]
        pen.ellipse(box, fill=(*line.color, 255), outline=(0, 0, 0, 160))  # type: ignore[attr-defined]
