"""Faces that were looked for now and then, in every frame: where one may be, it is hidden."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


def filled(
    looks: Sequence[tuple[int, Float[np.ndarray, "_ 4"]]], num_frames: int, *, hold_frames: int
) -> Float[np.ndarray, "time box 4"]:
    """Boxes of every frame from boxes of some.

    From one look to the next a face lies anywhere between its two places: the box is the one
    around both. A face that a later look no longer sees is held, since heads that turn are missed
    and come back; if it comes back within `hold_frames`, everything between is covered.

    Args:
        looks: Frame and its boxes, in order: left, top, right, bottom.
        num_frames: Frames in all.
        hold_frames: Frames that a face is held before and after it was seen.

    Returns:
        As many boxes in every frame as the fullest one has, NaN where there are fewer.
    """
    found: list[list[np.ndarray]] = [[] for _ in range(num_frames)]
    for number, (frame, boxes) in enumerate(looks):
        for box in boxes:
            later = _next(looks[number + 1 :], box, frame + hold_frames)
            end, reach = (frame + hold_frames + 1, box) if later is None else later
            covered = np.concatenate([np.minimum(box, reach)[:2], np.maximum(box, reach)[2:]])
            for between in range(frame, min(end, num_frames)):
                found[between].append(covered)
            if not _is_seen_before(looks[:number], box, frame - hold_frames):
                for earlier in range(max(0, frame - hold_frames), frame):
                    found[earlier].append(box)
    most = max((len(boxes) for boxes in found), default=0)
    out = np.full((num_frames, most, 4), np.nan, np.float32)
    for frame, here in enumerate(found):
        if here:
            out[frame, : len(here)] = here
    return out


def _next(
    looks: Sequence[tuple[int, np.ndarray]], box: np.ndarray, last: int
) -> tuple[int, np.ndarray] | None:
    """The frame after which the same face is seen again, and its box there."""
    for frame, boxes in looks:
        if frame > last:
            return None
        for other in boxes:
            if _is_same(box, other):
                return frame + 1, other
    return None


def _is_seen_before(looks: Sequence[tuple[int, np.ndarray]], box: np.ndarray, first: int) -> bool:
    for frame, boxes in reversed(looks):
        if frame < first:
            return False
        if any(_is_same(box, other) for other in boxes):
            return True
    return False


def _is_same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two boxes can be one face: their centers are less than a face apart."""
    apart = np.abs((one[:2] + one[2:]) - (other[:2] + other[2:])) / 2
    return bool((apart < np.maximum(one[2:] - one[:2], other[2:] - other[:2])).all())
