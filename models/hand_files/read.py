"""Which file beside a video holds its hands, and which reader reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rotoscope.models.hand_files.aria import is_aria, read_aria
from rotoscope.models.hand_files.arkit import read_arkit, read_egodex
from rotoscope.models.hand_files.mano import load_mano
from rotoscope.models.hand_files.networks import is_vitra, read_results, read_vitra
from rotoscope.models.hand_files.notes import notes_beside, read_notes
from rotoscope.models.hand_files.own import read_own
from rotoscope.models.hand_files.table import HandTable, check_hands
from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.files.paths import beside
from rotoscope.pipeline.motion.arrays import load_arrays
from rotoscope.pipeline.motion.numbers import read_text

SUFFIXES = ("npz", "npy", "pkl", "json", "csv", "hdf5")
"""Endings of `NAME.hands.*`."""


def stem_of(video: Path) -> str:
    """What stands for NAME: the name of a file without its ending, the whole name of a folder."""
    return video.name if video.is_dir() else video.stem


def find_hands(video: Path) -> Path | None:
    """The file beside a video that holds its hands; `None` where there is none.

    Raises:
        MotionError: There are several, or it is a link that leads elsewhere.
    """
    stem = stem_of(video)
    names = [f"{stem}.hands.{suffix}" for suffix in SUFFIXES]
    names += [] if video.is_dir() else [f"{stem}.hdf5"]
    there = [name for name in names if video.with_name(name).is_file()]
    if len(there) > 1:
        raise MotionError(f"{video.name} has hands in {' and in '.join(there)}; keep one of them")
    if not there:
        return None
    return beside(video, there[0], what="the file of hands", error=MotionError)


def files_beside(video: Path) -> tuple[Path, ...]:
    """The file of hands and the notes about it, those that are there."""
    found = (find_hands(video), notes_beside(video, stem_of(video)))
    return tuple(file for file in found if file is not None)


def read_hands(video: Path, *, mano_model: Path | None = None) -> HandTable:
    """The hands beside a video.

    Args:
        video: The video, or folder of pictures.
        mano_model: The user's MANO model of a right hand, for files that hold parameters alone.

    Raises:
        MotionError: There is no such file, it cannot be read, or what it holds are no hands.
    """
    path = find_hands(video)
    if path is None:
        raise MotionError(
            f"{display_name(video.name)} has no file of hands beside it: looked for "
            f"{display_name(stem_of(video))}.hands.* (npz, npy, pkl, json, csv, hdf5)"
        )
    table = _read(path, video, mano_model)
    check_hands(table)
    return table


def _read(path: Path, video: Path, mano_model: Path | None) -> HandTable:
    suffix = path.suffix.lower()
    if suffix == ".hdf5":
        return read_egodex(path)
    if suffix == ".json":
        return read_arkit(path)
    if suffix == ".csv":
        if not is_aria(read_text(path).partition("\n")[0]):
            raise MotionError(
                f"{path.name} is no hand_tracking_results.csv of Aria, which alone is read as csv"
            )
        return read_aria(path, read_notes(notes_beside(video, stem_of(video))))
    found = load_arrays(path)
    inside = found[""] if set(found) == {""} else found
    if isinstance(inside, Mapping) and is_vitra(inside):
        return read_vitra(path, inside)
    if suffix == ".npz" or (isinstance(inside, Mapping) and "joints_m" in inside):
        return read_own(path, inside, None if mano_model is None else load_mano(mano_model))
    return read_results(path, inside)
