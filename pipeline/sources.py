"""The kinds of files that a run takes: how they are found, what identifies them, their clock.

A folder of numbered pictures counts as a video file.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import MotionError, NotAVideoError, VideoError
from rotoscope.pipeline.files.identity import Identity
from rotoscope.pipeline.files.identity import identify as identify_files
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.motion import MOTION_SUFFIXES, side_files
from rotoscope.pipeline.remote.urls import Place
from rotoscope.pipeline.stage import Stage
from rotoscope.pipeline.types import SourceKind, Video
from rotoscope.pipeline.video.camera_notes import camera_files
from rotoscope.pipeline.video.image_folder import (
    HOW_TO_SAY_THE_RATE,
    IMAGE_SUFFIXES,
    files_of_folder,
    is_single_picture,
)
from rotoscope.pipeline.video.notes import KEY, note_files
from rotoscope.pipeline.video.scan import (
    VIDEO_SUFFIXES,
    Found,
    Images,
    count_suffixes,
    left_out,
    look_through,
    silent_image_folders,
)

SUFFIXES: dict[SourceKind, frozenset[str]] = {"video": VIDEO_SUFFIXES, "motion": MOTION_SUFFIXES}
"""What folders are searched for, by kind of file."""
NOUNS: dict[SourceKind, str] = {"video": "videos", "motion": "motion files"}
"""What the files of a kind are called, in the plural."""
SHOWN_SUFFIXES = 8
SHOWN_FOLDERS = 3
SINGLE_PICTURE = (
    "one picture shows no motion, and actions are motion: give a video, or a folder of numbered "
    "pictures with their rate"
)
LARGE_BYTES = 1 << 30
"""From here on a file is opened before it is hashed."""


def scan(
    inputs: Sequence[Place],
    kind: SourceKind,
    *,
    only: str | None = None,
    never: Collection[Place] = (),
    image_rate_hz: float | None = None,
) -> list[Found]:
    """Every file of a kind below the inputs, and what was left out; see `look_through`.

    Files that only belong to another one, such as contact flags beside keypoints, are not listed.

    Raises:
        UsageError: An input is not there.
    """
    if kind == "video":
        images: Images = "noted" if image_rate_hz is None else "all"
        return look_through(inputs, only, SUFFIXES[kind], never, images)
    found = look_through(inputs, only, SUFFIXES[kind], never, "never")
    files = [f for f in found if not (f.problem or f.left_out or f.remote)]
    beside = {file for f in files for file in _side_files(f.path)}
    return [f for f in found if f.path not in beside]


def _side_files(path: Path) -> tuple[Path, ...]:
    try:
        return side_files(path)
    except MotionError:
        # `identity` raises it again, where it becomes the row of this file.
        return ()


def nothing_found(
    inputs: Sequence[Place], kind: SourceKind, *, recipe: str, only: str | None = None
) -> str:
    """What to say where a run has no file of its kind: what was looked for, and what is there."""
    places = ", ".join(display_name(str(p)) for p in inputs)
    counts_all = count_suffixes(inputs)
    counts = counts_all.most_common(SHOWN_SUFFIXES)
    there = ", ".join(f"{count} {suffix or 'without ending'}" for suffix, count in counts)
    wanted = " ".join(sorted(SUFFIXES[kind]))
    glob = f" that match {only!r}" if only else ""
    text = (
        f"no {NOUNS[kind]}{glob} in {places}; recipe {recipe!r} takes {NOUNS[kind]} ({wanted}), "
        f"found were {there or 'no files at all'}"
    )
    if kind == "video":
        pictures = sum(counts_all[suffix] for suffix in IMAGE_SUFFIXES)
        if pictures == 1:
            return f"{text}; {SINGLE_PICTURE}"
        silent = say_silent_images(inputs)
        if silent:
            return f"{text}; {silent}"
    other = _other(kind)
    if any(suffix in SUFFIXES[other] for suffix, _ in counts):
        return f"{text}; for {NOUNS[other]} choose another recipe (see 'rotoscope recipes')"
    return f"{text}; give a folder with {NOUNS[kind]}, or the files themselves"


def say_left_out(inputs: Sequence[Place], kind: SourceKind) -> str:
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


def say_silent_images(inputs: Sequence[Place]) -> str:
    """One line about folders of pictures whose rate nobody said; empty where there are none."""
    folders = silent_image_folders(inputs)
    if not folders:
        return ""
    names = ", ".join(display_name(Path(os.path.abspath(f)).name) for f in folders[:SHOWN_FOLDERS])
    more = ", ..." if len(folders) > SHOWN_FOLDERS else ""
    is_one = len(folders) == 1
    what = "1 folder" if is_one else f"{len(folders)} folders"
    return (
        f"{what} of numbered pictures ({names}{more}) {'has' if is_one else 'have'} no clock; "
        f"{HOW_TO_SAY_THE_RATE}"
    )


def files_of(
    path: Path, kind: SourceKind, stages: Mapping[str, type[Stage]] = MappingProxyType({})
) -> tuple[Path, ...]:
    """A file and those it is read together with, by itself or by these stages.

    Raises:
        NotAVideoError: A folder whose pictures are no video.
        UnreasonableVideoError: The notes in it lead elsewhere.
        MotionError: A file beside it leads elsewhere.
    """
    beside = [file for stage in stages.values() for file in stage.files_beside(path)]
    return tuple(dict.fromkeys((*_own_files(path, kind), *beside, *note_files(path))))


def _own_files(path: Path, kind: SourceKind) -> tuple[Path, ...]:
    if kind == "motion":
        return (path, *side_files(path))
    own = files_of_folder(path) if path.is_dir() else (path,)
    return (*own, *camera_files(path))


def size_of(found: Found) -> int:
    """Length of what was found, here or in an object store [bytes]; 0 where it is gone."""
    return size_bytes(found.path) if found.remote is None else found.remote.size


def size_bytes(path: Path) -> int:
    """Length of a file, or of all pictures of a folder [bytes]; 0 where it is gone."""
    try:
        files = files_of_folder(path) if path.is_dir() else (path,)
        return sum(os.stat(file).st_size for file in files)
    except (OSError, VideoError):
        return 0  # its child will say so


def check_kind(path: Path, kind: SourceKind) -> None:
    """Refuses a file whose ending says that it is of the other kind, or a single picture.

    Raises:
        NotAVideoError: A motion file or a picture where videos are wanted.
        MotionError: The same the other way round.
    """
    shown, suffix = display_name(path.name), path.suffix.lower()
    if kind == "video" and is_single_picture(path):
        raise NotAVideoError(f"{shown} is a single picture; {SINGLE_PICTURE}")
    if suffix in SUFFIXES[_other(kind)] and suffix not in SUFFIXES[kind]:
        error = NotAVideoError if kind == "video" else MotionError
        raise error(
            f"{shown} is one of the {NOUNS[_other(kind)]}, this recipe takes {NOUNS[kind]}; choose "
            "another recipe for it (see 'rotoscope recipes')"
        )


def identify(
    path: Path,
    kind: SourceKind,
    stages: Mapping[str, type[Stage]] = MappingProxyType({}),
    *,
    progress: Callable[[int], None] = lambda num_bytes: None,
) -> Identity:
    """Hash and state of a file and of those it is read together with.

    Args:
        path: The file.
        kind: What it holds.
        stages: Stages by name, which may read files beside it.
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
        beside = {name: stage.files_beside(path) for name, stage in stages.items()}
        beside[KEY] = note_files(path)
        return identify_files(_own_files(path, kind), beside=beside, progress=progress)
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
