"""A dataset in an object store, of which only what is used is read.

Tables (`meta/`, `data/`) are fetched whole and kept in the cache, wide columns that nobody asks for
with them: `python -m benchmarks far_training` says what columns alone would save. Videos come one
file of a camera at a time, and go when the next comes; those of cameras that nobody names never.
"""

from __future__ import annotations

import hashlib
import weakref
from contextlib import ExitStack
from pathlib import Path

from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.files.atomic import scratch_folder
from rotoscope.pipeline.files.paths import StrPath
from rotoscope.pipeline.remote.cache import DATASETS, cache, cache_root
from rotoscope.pipeline.remote.datasets import fetch_files, listed_dataset
from rotoscope.pipeline.remote.objects import ObjectFacts
from rotoscope.pipeline.remote.opened import open_objects
from rotoscope.pipeline.remote.urls import Url, place_of

_VIDEOS = "videos/"


class FarVideos:
    """The videos of a dataset in an object store, as they were listed."""

    def __init__(self, url: Url, there: dict[str, ObjectFacts]) -> None:
        """Reads nothing yet.

        Args:
            url: The dataset.
            there: What was listed of it, by name below `url`.
        """
        self.url = url
        self._there = {n: facts for n, facts in there.items() if n.startswith(_VIDEOS)}
        self._here: dict[str, tuple[str, Path]] = {}
        self._scratch = ExitStack()
        self._folder: Path | None = None
        weakref.finalize(self, self._scratch.close)

    def tokens(self, camera: str) -> list[tuple[str, str]]:
        """Names of a camera's files, and what changes with the bytes of each."""
        return [
            (n, f"{self.url} {facts.tag} {facts.size}")
            for n, facts in sorted(self._there.items())
            if n.startswith(f"{_VIDEOS}{camera}/")
        ]

    def fetched(self, camera: str, name: str) -> Path:
        """A file on this machine; the camera's file before it goes.

        Args:
            camera: Whose.
            name: Below the dataset, such as `videos/CAMERA/chunk-000/file-000.mp4`.

        Raises:
            DatasetError: It was not there when the dataset was listed.
            FileChangedError: It is no longer what was listed.
            RemoteError: The store is away.
        """
        before = self._here.pop(camera, None)
        if before is not None and before[0] != name:
            before[1].unlink(missing_ok=True)
            before = None
        if before is None:
            if name not in self._there:
                raise DatasetError(
                    f"camera {camera!r}: {self.url.below(name)} is not there; send the dataset "
                    "whole"
                )
            before = name, self._fetch(self._there[name])
        self._here[camera] = before
        return before[1]

    def _fetch(self, facts: ObjectFacts) -> Path:
        if self._folder is None:
            beside = cache_root() / "passing"
            self._folder = self._scratch.enter_context(
                scratch_folder("rotoscope-videos", beside=beside)
            )
        # The name tells what was asked for; two cameras' files have the same.
        digest = hashlib.sha256(facts.key.encode(errors="surrogatepass")).hexdigest()[:16]
        path = self._folder / f"{digest}.mp4"
        try:
            open_objects(self.url).fetch(facts, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path


def is_far(root: StrPath) -> bool:
    """Whether a dataset lies in an object store."""
    return isinstance(place_of(root), Url)


def fetch_tables(root: StrPath) -> tuple[Path, FarVideos | None]:
    """A folder with a dataset's tables, and its videos where they lie in an object store.

    Tables that did not change since they were last fetched are not read again.

    Args:
        root: Folder or URL, one that went through `pathlib` too.

    Raises:
        DatasetError: There is no dataset, or only half of one.
        FileChangedError: It was replaced meanwhile.
        RemoteError: The store is away.
    """
    place = place_of(root)
    if not isinstance(place, Url):
        return Path(root), None
    there = listed_dataset(place)
    tables = {name: facts for name, facts in there.items() if not name.startswith(_VIDEOS)}
    digest = hashlib.sha256(f"tables of {place}".encode()).hexdigest()
    kept = cache()
    folder = kept.keep(kept.entry(DATASETS, digest)) / place.name
    return fetch_files(place, tables, folder, make_room=kept.make_room), FarVideos(place, there)
