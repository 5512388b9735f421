"""`read_motion`: the reader is picked by the file's ending and content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.errors import MotionError
from pipeline.motion.amc import read_amc
from pipeline.motion.asf import find_asf
from pipeline.motion.bvh import read_bvh
from pipeline.motion.motion import Motion, Unit, Up
from pipeline.motion.normalise import to_motion
from pipeline.motion.notes import notes_path, read_notes
from pipeline.motion.points import PointMotion

_READERS: dict[str, Callable[[Path], PointMotion]] = {".bvh": read_bvh, ".amc": read_amc}

MOTION_SUFFIXES = frozenset({".bvh", ".amc", ".npz", ".npy", ".pkl", ".pt"})
"""Endings of files that hold motion, lower case."""


def read_motion(path: Path, *, unit: Unit = "auto", up: Up = "auto") -> Motion:
    """The person's joints in a motion file.

    Args:
        path: BVH, AMC (its ASF beside it), SMPL, SMPL-X or AMASS parameters, or joint positions.
        unit: Unit of the file's lengths; `auto` takes what the format fixes, else what makes the
            legs as long as a human's.
        up: Upward axis of the file; `auto` takes what the format fixes, else the axis along which
            the person stands.

    Raises:
        MotionError: The file is not there, truncated, of no known kind, or holds no person.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise MotionError(
            f"{path.name} is no motion file that can be read; endings are "
            f"{' '.join(sorted(MOTION_SUFFIXES))}"
        )
    return to_motion(path, reader(path), read_notes(path), unit=unit, up=up)


def side_files(path: Path) -> tuple[Path, ...]:
    """Files that a motion file is read together with, those that are there."""
    found = [notes_path(path)]
    if path.suffix.lower() == ".amc":
        found.append(find_asf(path))
    return tuple(file for file in found if file is not None)
