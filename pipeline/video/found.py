"""One file that a run may be about, and which names say that something is a video."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.remote.files import RemoteFile
from rotoscope.pipeline.video.image_folder import NOTES, looks_numbered

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".gif", ".mpg", ".mpeg", ".ts", ".mts",
    ".m2ts", ".wmv", ".flv", ".3gp", ".ogv", ".qt", ".f4v", ".3g2", ".mpe", ".vob", ".m2t",
    ".mpegts", ".tod", ".mxf", ".dv", ".divx",
})
"""What a folder is searched for, whatever the case; files named one by one may end in anything."""
NAMED_SUFFIXES = frozenset({
    ".asf", ".mod", ".insv", ".360", ".lrv", ".mj2", ".mk3d", ".ivf", ".nut", ".wtv", ".rm",
    ".rmvb", ".ogm",
})
"""What is read where it is named, but not searched for: often something else (`.asf`, `.mod`), a
camera's small copy of a video beside it (`.lrv`), two pictures in one (`.insv`), or rare."""
OTHER_SUFFIXES = frozenset({
    ".264", ".265", ".av1", ".avc", ".braw", ".h264", ".h265", ".hevc", ".m1v", ".m2v", ".mjpeg",
    ".mjpg", ".mlv", ".mpv", ".obu", ".r3d", ".swf", ".y4m", ".yuv",
})
# fmt: on
"""Moving pictures that are not read: bare streams without a clock, and cameras' raw files."""
DEPTH_ENDING = ".depth"
"""Folders, and videos before their suffix, whose names end so hold the depth of the video beside
them, and are none that a folder is searched for."""
Images = Literal["never", "noted", "all"]
"""Which folders of numbered pictures are videos: none, those whose notes state a rate, or, where
the run states one, also all others that hold no video."""


IS_DATASET = "a LeRobot dataset; 'rotoscope track' and 'rotoscope relabel' take those"
WRITES_THERE = "this run writes there"


@dataclass(frozen=True)
class Found:
    """One candidate video, or a place that could not be looked into."""

    path: Path
    """Path of the file, or of the folder of pictures."""
    name: str
    """Path below the folder that was given, with `/`; undecodable bytes as surrogates."""
    problem: str = ""
    """Why nothing can be read there; empty for a file worth opening."""
    left_out: str = ""
    """Why a folder was not searched: a dataset, or what a run writes, is no input of it."""

    remote: RemoteFile | None = None
    """Where it lies in an object store; it is at `path` only while it is held in the cache."""

    @property
    def display_name(self) -> str:
        """The name in printable form: the stable name in datasets and ledgers."""
        return display_name(self.name)


def is_video_folder(folder: str, names: Collection[str], images: Images) -> bool:
    """Whether a folder's own pictures are the frames of a video.

    Args:
        folder: What it is called.
        names: What lies in it.
        images: Which folders are videos.
    """
    if folder.endswith(DEPTH_ENDING):
        return False
    if images == "never" or NOTES in names:
        return images != "never"
    seen = [name for name in names if not name.startswith(".")]
    return images == "all" and are_frames(seen) and looks_numbered(seen)


def are_frames(names: Collection[str]) -> bool:
    """Whether pictures beside files of these names can be frames, not previews of videos."""
    return not any(os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES for name in names)
