"""The kinds of files that a run takes: how they are found, what identifies them, their clock."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import MotionError, NotAVideoError
from rotoscope.pipeline.files.identity import Identity
from rotoscope.pipeline.files.identity import identify as identify_files
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.motion import MOTION_SUFFIXES, side_files
from rotoscope.pipeline.types import SourceKind, Video
from rotoscope.pipeline.video.scan import (
    VIDEO_SUFFIXES,
    Found,
    count_suffixes,
    left_out,
    look_through,
)

SUFFIXES: dict[SourceKind, frozenset[str]] = {"video": VIDEO_SUFFIXES, "motion": MOTION_SUFFIXES}
"""What folders are searched for, by kind of file."""
NOUNS: dict[SourceKind, str] = {"video": "videos", "motion": "motion files"}
"""What the files of a kind are called, in the plural."""
SHOWN_SUFFIXES = 8
LARGE_BYTES = 1 << 30
"""From here on a file is opened before it is hashed."""


def scan(
    inputs: Sequence[Path],
    kind: SourceKind,
    *,
    only: str | None = None,
    never: Collection[Path] = (),
) -> list[Found]:
    """Every file of a kind below the inputs, and what was left out; see `look_through`.

    Files that only belong to another one, such as contact flags beside keypoints, are not listed.

    Raises:
        UsageError: An input is not there.
    """
    found = look_through(inputs, only, SUFFIXES[kind], never)
    if kind == "video":
        return found
    files = [f for f in found if not (f.problem or f.left_out)]
    beside = {file for f in files for file in _side_files(f.path)}
    return [f for f in found if f.path not in beside]


def _side_files(path: Path) -> tuple[Path, ...]:
    try:
        return side_files(path)
    except MotionError:
        # `identity` raises it again, where it becomes the row of this file.
        return ()


def nothing_found(
    inputs: Sequence[Path], kind: SourceKind, *, recipe: str, only: str | None = None
) -> str:
    """What to say where a run has no file of its kind: what was looked for, and what is there."""
    places = ", ".join(display_name(p) for p in inputs)
    counts = count_suffixes(inputs).most_common(SHOWN_SUFFIXES)
    there = ", ".join(f"{count} {suffix or 'without ending'}" for suffix, count in counts)
    wanted = " ".join(sorted(SUFFIXES[kind]))
    glob = f" that match {only!r}" if only else ""
    text = (
        f"no {NOUNS[kind]}{glob} in {places}; recipe {recipe!r} takes {NOUNS[kind]} ({wanted}), "
        f"found were {there or 'no files at all'}"
    )
    other = _other(kind)
    if any(suffix in SUFFIXES[other] for suffix, _ in counts):
        return f"{text}; for {NOUNS[other]} choose another recipe (see 'rotoscope recipes')"
    return f"{text}; give a folder with {NOUNS[kind]}, or the files themselves"


def say_left_out(inputs: Sequence[Path], kind: SourceKind) -> str:
    """One line about files below the inputs that may be meant too; empty where there are none."""
    counts = left_out(inputs) if kind == "video" else Counter[str]()
    total = counts.total()
    if not total:
        return ""
    kinds = ", ".join(f"{suffix} {count}" for suffix, count in counts.most_common(SHOWN_SUFFIXES))
    more = ", ..." if len(counts) > SHOWN_SUFFIXES else ""
    return (
        f"left out: {total} {'file' if total == 1 else 'files'} ({kinds}{more}); name them to "
        "label them"
    )


def files_of(path: Path, kind: SourceKind) -> tuple[Path, ...]:
    """A file and those it is read together with."""
    return (path,) if kind == "video" else (path, *side_files(path))


def check_kind(path: Path, kind: SourceKind) -> None:
    """Refuses a file whose ending says that it is of the other kind.

    Raises:
        NotAVideoError: A motion file where videos are wanted.
        MotionError: The same the other way round.
    """
    shown, suffix = display_name(path.name), path.suffix.lower()
    if suffix in SUFFIXES[_other(kind)] and suffix not in SUFFIXES[kind]:
        error = NotAVideoError if kind == "video" else MotionError
        raise error(
            f"{shown} is one of the {NOUNS[_other(kind)]}, this recipe takes {NOUNS[kind]}; choose "
            "another recipe for it (see 'rotoscope recipes')"
        )


def identify(
    path: Path, kind: SourceKind, *, progress: Callable[[int], None] = lambda num_bytes: None
) -> Identity:
    """Hash and state of a file and of those it is read together with.

    Args:
        path: The file.
        kind: What it holds.
        progress: Called now and then with the number of bytes read so far.

    Raises:
        NotAVideoError: A file that cannot be read, is empty, or is a motion file where videos are
            wanted.
        MotionError: The same the other way round.
        FileChangedError: It changed while it was hashed.
    """
    check_kind(path, kind)
    if kind == "video":
        _refuse_at_sight(path)
    try:
        return identify_files(files_of(path, kind), progress=progress)
    except NotAVideoError as error:
        if kind == "motion":
            raise MotionError(str(error)) from error
        raise


def _refuse_at_sight(path: Path) -> None:
    """Opens a large file before it is hashed: what is no video may be terabytes of nothing."""
    if path.is_file() and path.stat().st_size > LARGE_BYTES:
        from rotoscope.pipeline.video.container import open_video

        with open_video(path):
            pass


def open_motion(path: Path, *, sha256: str) -> tuple[Video, Float[np.ndarray, " time"]]:
    """Facts about a motion file, and the times of its frames [s].

    Raises:
        MotionError: The file cannot be read.
    """
    from rotoscope.pipeline.motion import read_motion

    time_s = read_motion(path).time_s
    if len(time_s) < 2:
        raise MotionError(
            f"{display_name(path.name)} holds {len(time_s)} frames; a motion needs at least 2"
        )
    steps_s = np.diff(time_s)
    median_s = float(np.median(steps_s))
    is_variable_rate = bool((np.abs(steps_s - median_s) > median_s / 2).any())
    step_s = median_s if is_variable_rate else float(steps_s.mean())
    video = Video(
        path=path,
        sha256=sha256,
        size_bytes=os.path.getsize(path),
        width=0,
        height=0,
        rotation_deg=0,
        codec="motion",
        pixel_format="",
        num_frames=len(time_s),
        duration_s=float(time_s[-1] - time_s[0]) + step_s,
        rate_hz=1.0 / step_s,
        is_variable_rate=is_variable_rate,
    )
    return video, time_s


def _other(kind: SourceKind) -> SourceKind:
    return "motion" if kind == "video" else "video"
