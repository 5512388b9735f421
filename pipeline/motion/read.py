"""`read_motion`: the reader is picked by the file's ending and content."""

from __future__ import annotations

from pathlib import Path

from rotoscope.pipeline.errors import MotionError, quoted
from rotoscope.pipeline.motion.amc import read_amc
from rotoscope.pipeline.motion.arrays import load_arrays
from rotoscope.pipeline.motion.asf import find_asf
from rotoscope.pipeline.motion.bvh import read_bvh
from rotoscope.pipeline.motion.keypoints import contact_files, read_keypoints
from rotoscope.pipeline.motion.motion import Motion, Unit, Up
from rotoscope.pipeline.motion.normalize import to_motion
from rotoscope.pipeline.motion.notes import notes_path, read_notes
from rotoscope.pipeline.motion.points import PointMotion
from rotoscope.pipeline.motion.smpl import read_smpl
from rotoscope.pipeline.motion.smpl_sets import find_sets

MOTION_SUFFIXES = frozenset({".bvh", ".amc", ".npz", ".npy", ".pkl", ".pt"})
"""Endings of files that hold motion, lower case."""


def read_motion(
    path: Path, *, unit: Unit = "auto", up: Up = "auto", body_models: Path | None = None
) -> Motion:
    """The person's joints in a motion file.

    What a file does not say itself may stand in `motion.yaml` beside it (see
    `rotoscope.pipeline.motion.notes`); arguments other than `auto` come first.

    Args:
        path: BVH; AMC with its ASF beside it; SMPL, SMPL-H, SMPL-X or AMASS parameters; or joint
            positions in an order of that family.
        unit: Unit of the file's lengths; `auto` takes what the format fixes, else what makes the
            legs as long as a human's.
        up: Upward axis of the file; `auto` takes what the format fixes, else the axis along which
            the person stands.
        body_models: Licensed model file, or folder of such, for bone lengths of SMPL parameters;
            without it they are a mean person's, and `source` says so.

    Raises:
        MotionError: The file is not there, truncated, unsafe, of no known kind, or holds no
            person.
    """
    notes = read_notes(path)
    found = read_points(path, names=notes.points, body_models=body_models)
    return to_motion(path, found, notes, unit=unit, up=up)


def read_points(
    path: Path, *, names: tuple[str, ...] | None = None, body_models: Path | None = None
) -> PointMotion:
    """All points of a motion file in its own unit and axes.

    Args:
        path: The file.
        names: Names of the points of an array of positions whose order is no known one.
        body_models: As for `read_motion`.

    Raises:
        MotionError: The file is not there, truncated, unsafe or of no known kind.
    """
    suffix = path.suffix.lower()
    if suffix not in MOTION_SUFFIXES:
        raise MotionError(
            f"{path.name} is no motion file that can be read; endings are {quoted(MOTION_SUFFIXES)}"
        )
    if suffix == ".bvh":
        return read_bvh(path)
    if suffix == ".amc":
        return read_amc(path)
    arrays = load_arrays(path)
    people = find_sets(path, arrays)
    if people:
        return read_smpl(path, arrays, people, body_models=body_models)
    return read_keypoints(path, arrays, names=names)


def side_files(path: Path) -> tuple[Path, ...]:
    """Files that a motion file is read together with, those that are there."""
    suffix = path.suffix.lower()
    skeleton = find_asf(path) if suffix == ".amc" else None
    contacts = contact_files(path) if suffix in (".npy", ".npz") else ()
    return tuple(file for file in (notes_path(path), skeleton, *contacts) if file is not None)
