"""Pictures of an episode to scrub through, and the way of its end effector."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.report import timeline
from rotoscope.pipeline.report.animations import robot_width
from rotoscope.pipeline.report.objects import in_base, poses, thing_way
from rotoscope.pipeline.report.pictures import people, picture_size
from rotoscope.pipeline.report.robot import Draw

FRAME_AREA_PX, FRAME_HZ = 280 * 210, 10
COLUMNS, LARGEST_PX = 8, 16_000
"""Pictures in a row of the sheet, and what a WebP may measure along a side."""
MOST_POINTS = 400
WRIST, HELD = "track.hand.wrist", "label.object_held"
PATHS: tuple[tuple[str, str], ...] = (
    ("label.ee", "the robot's end effector, in the frame of its base"),
    ("label.root_pose", "the robot's root, in the world"),
    (WRIST, "the wrist, as the camera sees it"),
)
"""Features whose first three numbers are a position [m], and what they are; the first counts."""


@dataclass(frozen=True)
class Sheet:
    """Pictures of an episode side by side in one image."""

    uri: str
    """The image, as a WebP data URI."""
    count: int
    """Pictures in it, in order, `columns` to a row."""
    columns: int
    """Pictures in a row."""
    rows: int
    """Rows of pictures."""
    frame_s: float
    """Time from one picture to the next [s]."""
    width: int
    """Of one picture [px]."""
    height: int
    """Of one picture [px]."""


def sheet(dataset: Dataset, episode: EpisodeRows, draw: Draw | None, *, most: int) -> Sheet:
    """Person and robot beside each other, evenly over the whole episode, `most` pictures."""
    from PIL import Image

    step = max(1, round(dataset.fps / FRAME_HZ), -(-episode.num_rows // most))
    rows = list(range(0, episode.num_rows, step))
    width, height = picture_size(dataset, episode, area_px=FRAME_AREA_PX)
    robot = robot_width(width, height)
    full = width + (robot if draw is not None else 0)
    columns = min(COLUMNS, len(rows), LARGEST_PX // full)
    num_rows = -(-len(rows) // columns)
    canvas = np.zeros((num_rows * height, columns * full, 3), np.uint8)
    shown = people(dataset, episode, rows, width=width, height=height)
    for number, (row, person) in enumerate(zip(rows, shown, strict=True)):
        top, left = height * (number // columns), full * (number % columns)
        canvas[top : top + height, left : left + width] = person
        if draw is not None:
            canvas[top : top + height, left + width : left + full] = draw(row, robot, height)
    buffer = io.BytesIO()
    Image.fromarray(canvas).save(buffer, "WEBP", quality=55, method=2)
    uri = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Sheet(uri, len(rows), columns, num_rows, step / dataset.fps, full, height)


@dataclass(frozen=True)
class Way:
    """Where something went, for the page's script to draw."""

    what: str
    """What it is, and in which frame."""
    data: str
    """JSON: `t` [s], `p` positions [mm], `v` whether the row is valid, `a` names of the axes, the
    last of which is drawn upward; where known `o`, positions of the thing in the same frame [mm],
    null where nothing is known of it, and `h`, whether it is held."""
    said: str
    """How far it reached, in words."""


def way(dataset: Dataset, episode: EpisodeRows) -> Way | None:
    """The path of what the actions move; `None` where no position is known."""
    found = _positions(dataset, episode)
    if found is None:
        return None
    what, points, axes = found
    known = np.isfinite(points).all(axis=1)
    if known.sum() < 2:
        return None
    valid = ~timeline.invalid_rows(episode)
    rows = np.flatnonzero(known)[:: max(1, -(-int(known.sum()) // MOST_POINTS))]
    data = {
        "t": [round(float(t), 3) for t in timeline.times(dataset, episode)[rows]],
        "p": np.round(1e3 * points[rows]).astype(int).tolist(),
        "v": valid[rows].astype(int).tolist(),
        "a": axes,
    }
    if HELD in episode.columns:
        data["h"] = (timeline.column(episode, HELD)[rows, 0] > 0.5).astype(int).tolist()
    thing = thing_way(dataset, episode) if what == PATHS[0][1] else None
    if thing is not None:
        where = [np.round(1e3 * p).astype(int).tolist() if _known(p) else None for p in thing[rows]]
        data["o"] = where
        what += ", with the thing's way in orange"
    elif "h" in data:
        what += ", thick where it holds the thing"
    size = np.ptp(points[known], axis=0)
    length_m = float(np.linalg.norm(np.diff(points[known], axis=0), axis=1).sum())
    said = (
        f"{100 * size[0]:.0f} x {100 * size[1]:.0f} x {100 * size[2]:.0f} cm along "
        f"{', '.join(axes)}, {length_m:.2g} m of way"
    )
    return Way(what, json.dumps(data, separators=(",", ":")), said)


def _known(point_m: Float[np.ndarray, " 3"]) -> bool:
    return bool(np.isfinite(point_m).all())


def _positions(
    dataset: Dataset, episode: EpisodeRows
) -> tuple[str, Float[np.ndarray, "time 3"], tuple[str, str, str]] | None:
    """What goes where [m], and along which axes; the last of them is upward."""
    if dataset.names("action")[:3] == ["ee.x", "ee.y", "ee.z"]:
        T_frame_ee = poses(timeline.column(episode, "action"))
        return PATHS[0][1], in_base(dataset, episode, T_frame_ee)[:, :3, 3], ("x", "y", "z")
    for name, what in PATHS:
        if name in episode.columns:
            found_m = timeline.column(episode, name)[:, :3]
            if name != WRIST:
                return what, found_m, ("x", "y", "z")
            return what, found_m[:, [0, 2, 1]] * [1.0, 1.0, -1.0], ("right", "away", "up")
    return None
