"""The content-addressed store: what was computed once for the same bytes and settings is kept.

A key is a SHA-256 over the video's bytes, a stage's kind, version and settings, and the keys it was
fed. Entries appear whole (temporary name, fsync, rename), so a kill at any moment leaves no half,
and carry a seal (`rotoscope.pipeline.store.seal`): one that is damaged counts as absent and is
computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotoscope.pipeline.errors import StoreError, TrackError, UsageError
from rotoscope.pipeline.files.atomic import atomic_path, remove
from rotoscope.pipeline.remote.urls import Url, place_of
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.store import serialize as track_io
from rotoscope.pipeline.store.seal import (
    FORMAT,
    SEAL,
    BrokenSealError,
    check_folder,
    folder_digest,
    read_sealed,
    sealed_file,
)
from rotoscope.pipeline.tracks import Track

log = logging.getLogger(__name__)

TRACKS, RECORD, EPISODE = ".tracks", ".record", ""
"""Endings of the kinds of entries; an episode is a folder."""


def content_key(facts: Mapping[str, Any]) -> str:
    """SHA-256 hex digest of JSON facts in canonical form."""
    text = json.dumps({"format": FORMAT, **facts}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def default_store() -> Path:
    """`$ROTOSCOPE_STORE`, or `store` under the user's cache folder.

    Raises:
        UsageError: The variable holds a URL.
    """
    named = os.environ.get("ROTOSCOPE_STORE")
    if named:
        place = place_of(named)
        if isinstance(place, Url):
            raise UsageError(
                f"$ROTOSCOPE_STORE is {place}, which 'rotoscope label' alone takes; name a folder "
                "with --store"
            )
        return place.expanduser()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("rotoscope")) / "store"


@dataclass(frozen=True)
class Store:
    """A folder of entries by content key."""

    root: Path
    """Where the entries lie."""

    def path(self, key: str, suffix: str) -> Path:
        """Where the entry of a key lies or would lie."""
        return self.root / key[:2] / f"{key}{suffix}"

    def has_tracks(self, key: str) -> bool:
        """Whether tracks are stored under the key."""
        return self.path(key, TRACKS).is_file()

    def save_tracks(self, key: str, units: Sequence[Mapping[str, Track]]) -> None:
        """Stores the tracks of all clips of a video."""
        with self._new(key, TRACKS) as file:
            track_io.dump(units, file)

    def load_tracks(self, key: str) -> list[Tracks] | None:
        """The stored tracks, or `None` if there are none or the entry is damaged."""
        payload = self._load(key, TRACKS)
        if payload is None:
            return None
        try:
            return track_io.load(payload)
        except (OSError, EOFError, ValueError, LookupError, TypeError) as error:
            _damaged(self.path(key, TRACKS), error)
        except (TrackError, zipfile.BadZipFile) as error:
            _damaged(self.path(key, TRACKS), error)
        return None

    def save_record(self, key: str, record: Mapping[str, Any]) -> None:
        """Stores a small JSON record."""
        with self._new(key, RECORD) as file:
            file.write(json.dumps(record, sort_keys=True, indent=1).encode())

    def load_record(self, key: str) -> dict[str, Any] | None:
        """The stored record, or `None` if there is none or it is damaged."""
        payload = self._load(key, RECORD)
        record = None if payload is None else json.loads(payload)
        return record if isinstance(record, dict) else None

    def episode_folder(self, key: str) -> Path:
        """Where the episode of a key is to be written; what else lay there is removed."""
        path = self.path(key, EPISODE)
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            path.unlink()
        self._make_room(path)
        return path

    def has_episode(self, key: str) -> bool:
        """Whether the episode is stored, every byte of it."""
        path = self.path(key, EPISODE)
        if not os.path.lexists(path):
            return False
        try:
            check_folder(path, name=key)
        except BrokenSealError as error:
            _damaged(path, error)
            return False
        _touch(path / SEAL)
        return True

    def episode_digest(self, key: str) -> str:
        """What stands for the bytes of a stored episode, wherever and under what key it lies.

        Raises:
            StoreError: It is not there.
        """
        try:
            return folder_digest(self.path(key, EPISODE))
        except BrokenSealError as error:
            raise StoreError(
                f"episode {key} went away from the store {self.root} ({error}); run the same "
                "command again"
            ) from error

    @contextlib.contextmanager
    def _new(self, key: str, suffix: str) -> Iterator[io.RawIOBase]:
        """The file of an entry, there and sealed once all is written."""
        path = self.path(key, suffix)
        with self._failures():
            if path.is_dir():
                remove(path)
            self._make_room(path)
            with (
                atomic_path(path) as temporary,
                sealed_file(temporary, name=path.name) as file,
            ):
                yield file

    def _load(self, key: str, suffix: str) -> bytes | None:
        path = self.path(key, suffix)
        try:
            payload = read_sealed(path, name=path.name)
        except BrokenSealError as error:
            _damaged(path, error)
            return None
        if payload is not None:
            _touch(path)
        return payload

    def _make_room(self, path: Path) -> None:
        """Makes the folder of an entry; a file in its place is damage, and removed."""
        folder = path.parent
        with self._failures():
            if os.path.lexists(folder) and not folder.is_dir():
                folder.unlink()
            folder.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"the store {self.root} cannot be written ({error.strerror}); give a folder that "
                "can with --store or $ROTOSCOPE_STORE"
            ) from error


def _damaged(path: Path, error: Exception) -> None:
    log.warning("store entry %s is damaged (%s); it is computed again", path.name, error)


def _touch(path: Path) -> None:
    # Its time says when it was last of use; see `rotoscope.pipeline.store.care.prune`.
    with contextlib.suppress(OSError):
        os.utime(path)
