"""Videos of many episodes in one file, joined once for each file instead of once for each episode.

To add an episode LeRobot's writer copies the whole file that it is added to. Of ten thousand
episodes of a second that is nearly all that publishing does, and grows with their square.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class JoinedLater:
    """Takes the place of `concatenate_video_files` and of `get_file_size_in_mb` in the writer.

    Args:
        join: LeRobot's `concatenate_video_files`.
        size_mb: LeRobot's `get_file_size_in_mb`.
        folder: Where episodes wait, on the dataset's own disk.
    """

    def __init__(
        self, join: Callable[[Any, Path], None], size_mb: Callable[[Path], float], folder: Path
    ) -> None:
        self._join, self._size_mb, self._folder = join, size_mb, folder
        self._open: dict[Path, _Waiting] = {}
        self._num = 0

    def join(self, paths: Sequence[Path], output: Path) -> None:
        """Lets an episode's video wait for the others of its file, which is `paths[0]` itself."""
        whole, added = paths
        assert whole == output
        camera = output.parents[1]
        waiting = self._open.get(camera)
        if waiting is None or waiting.output != output:
            self._finish(camera)
            waiting = self._open[camera] = _Waiting(output)
        kept = self._folder / f"waiting-{self._num:06d}.mp4"
        self._num += 1
        shutil.move(added, kept)
        waiting.paths.append(kept)
        waiting.size_mb += self._size_mb(kept)

    def size_mb(self, path: Path) -> float:
        """Size of a file with what waits to be joined to it [MB]."""
        waiting = self._open.get(path.parents[1])
        is_open = waiting is not None and path == waiting.output
        return self._size_mb(path) + (waiting.size_mb if waiting and is_open else 0.0)

    def finish(self) -> None:
        """Joins what waits."""
        for camera in list(self._open):
            self._finish(camera)

    def _finish(self, camera: Path) -> None:
        waiting = self._open.pop(camera, None)
        if waiting is None:
            return
        entries = [_RelativeEntry(path) for path in (waiting.output, *waiting.paths)]
        self._join(entries, waiting.output)
        for path in waiting.paths:
            path.unlink()


@dataclass
class _Waiting:
    """What is to be joined to one camera's file."""

    output: Path
    paths: list[Path] = field(default_factory=list)
    size_mb: float = 0.0


class _RelativeEntry:
    """A video as LeRobot puts it in a list for FFmpeg, in which quotes would end the name."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def resolve(self) -> str:
        """Relative to the current folder, so that no character of the folders above matters."""
        return "file:" + os.path.relpath(self.path)
