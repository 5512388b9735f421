"""Contact sheets: what the segments of each skill look like."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.report.pictures import people, picture_size
from rotoscope.pipeline.segments.skills import Segment

FOLDER = Path("meta/rotoscope/skills")
NUM_SEGMENTS, NUM_PICTURES = 6, 6
"""Segments that a sheet shows, one a row, and pictures of each."""
_AREA_PX = 160 * 120


def write_sheets(dataset: Dataset, segments: Sequence[Segment], root: Path) -> dict[str, str]:
    """Writes a sheet a skill, `meta/rotoscope/skills/NAME.jpg`; none where there are no pictures.

    Args:
        dataset: Whose pictures are shown.
        segments: What was found.
        root: Folder that is written.

    Returns:
        Names of the files below `meta/rotoscope`, by skill.
    """
    if dataset.video_key is None:
        return {}
    from PIL import Image

    out = {}
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    for skill in dict.fromkeys(one.skill for one in segments):
        some = _spread([one for one in segments if one.skill == skill])
        buffer = io.BytesIO()
        Image.fromarray(sheet(dataset, some)).save(buffer, "JPEG", quality=80)
        name = re.sub(r"\W+", "_", skill) + ".jpg"
        (root / FOLDER / name).write_bytes(buffer.getvalue())
        out[skill] = f"skills/{name}"
    return out


def sheet(dataset: Dataset, segments: Sequence[Segment]) -> UInt8[np.ndarray, "height width 3"]:
    """Pictures evenly over each segment, first and last row among them, one segment a row."""
    rows = []
    place = {int(line["episode_index"]): n for n, line in enumerate(dataset.table)}
    width, height = picture_size(
        dataset, dataset.episode(place[segments[0].episode]), area_px=_AREA_PX
    )
    for one in segments:
        episode = dataset.episode(place[one.episode])
        wanted = np.linspace(one.start, one.end - 1, NUM_PICTURES).round().astype(int)
        distinct = np.unique(wanted)
        shown = dict(
            zip(
                distinct.tolist(),
                people(dataset, episode, distinct.tolist(), width=width, height=height),
                strict=True,
            )
        )
        rows.append(np.concatenate([shown[int(row)] for row in wanted], axis=1))
    return np.concatenate(rows, axis=0)


def _spread(segments: Sequence[Segment]) -> list[Segment]:
    """A few of them, evenly over all."""
    count = min(NUM_SEGMENTS, len(segments))
    return [segments[int(n)] for n in np.linspace(0, len(segments) - 1, count).round()]
