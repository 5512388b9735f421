"""The content-addressed store: what was computed once for the same bytes and settings is kept.

A key is a SHA-256 over the video's bytes, a stage's kind, version and settings, and the keys it was
fed. Entries appear whole (temporary name, fsync, rename), so a kill at any moment leaves no half.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.atomic import write_bytes_atomic, write_text_atomic
from pipeline.errors import TrackError
from pipeline.run import track_io
from pipeline.stage import Tracks
from pipeline.tracks import Track

log = logging.getLogger(__name__)

FORMAT = 1
"""Bump when the store's own layout changes."""


def content_key(facts: Mapping[str, Any]) -> str:
    """SHA-256 hex digest of JSON facts in canonical form."""
    text = json.dumps({"format": FORMAT, **facts}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def default_store() -> Path:
    """`$ROTOSCOPE_STORE`, or `store` under the user's cache folder."""
    named = os.environ.get("ROTOSCOPE_STORE")
    if named:
        return Path(named).expanduser()
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
        return self.path(key, ".npz").is_file()

    def save_tracks(self, key: str, units: Sequence[Mapping[str, Track]]) -> None:
        """Stores the tracks of all clips of a video."""
        write_bytes_atomic(self.path(key, ".npz"), track_io.dump(units))

    def load_tracks(self, key: str) -> list[Tracks] | None:
        """The stored tracks, or `None` if there are none or the entry is damaged."""
        path = self.path(key, ".npz")
        if not path.is_file():
            return None
        try:
            return track_io.load(path.read_bytes())
        except (OSError, EOFError, ValueError, KeyError, TrackError, zipfile.BadZipFile) as error:
            log.warning("store entry %s is damaged (%s); it is computed again", path, error)
            return None

    def save_record(self, key: str, record: Mapping[str, Any]) -> None:
        """Stores a small JSON record."""
        write_text_atomic(self.path(key, ".json"), json.dumps(record, sort_keys=True, indent=1))

    def load_record(self, key: str) -> dict[str, Any] | None:
        """The stored record, or `None` if there is none or it is damaged."""
        try:
            record = json.loads(self.path(key, ".json").read_text())
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) else None

    def size_bytes(self) -> int:
        """Bytes on disk."""
        return sum(f.stat().st_size for f in self.root.rglob("*") if f.is_file())
