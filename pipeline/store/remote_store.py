"""A store in object storage: one object a video holds all entries that a recipe made of it.

Children read and write the local side, a folder; what they made is sent as one bundle, and what
others made is fetched as one. A bundle's name begins with the key of its frame stages, the costly
part: where a later setting differs, those are still found.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rotoscope.pipeline.files.atomic import scratch_folder
from rotoscope.pipeline.remote.objects import ObjectFacts
from rotoscope.pipeline.remote.opened import open_objects
from rotoscope.pipeline.remote.urls import Url
from rotoscope.pipeline.store.bundle import DamagedBundleError, pack, unpack
from rotoscope.pipeline.store.leases import FOLDER
from rotoscope.pipeline.store.remote_leases import RemoteLeases

log = logging.getLogger(__name__)

BUNDLES, ENDING = "videos", ".tar"
MOST_LISTED = 20_000
"""Bundles that are listed at once, a request for a thousand; in a larger store each video's are."""


@dataclass(frozen=True)
class BundleName:
    """What the entries of one video under one recipe are stored as."""

    frames: str
    """Key of its frame stages together."""
    outcome: str
    """Key of all of it."""

    @property
    def folder(self) -> str:
        """Where all bundles with these frame stages lie."""
        return f"{BUNDLES}/{self.frames[:2]}/{self.frames}"

    @property
    def path(self) -> str:
        """Where this one lies."""
        return f"{self.folder}/{self.outcome}{ENDING}"


class RemoteStore:
    """Both sides of a store: the bundles in object storage, and a folder here."""

    def __init__(self, url: Url, local: Path, run: str = "") -> None:
        self.url, self.local = url, local
        self.objects = open_objects(url)
        self.leases = RemoteLeases(self.objects, url.below(FOLDER).key, run)
        self._index: dict[str, dict[str, ObjectFacts]] | None = None
        self._is_whole = True
        self._lock = threading.Lock()

    def pull(self, name: BundleName) -> bool:
        """Puts what is known of a video into the local side; whether anything was fetched."""
        there = self._bundles(name)
        facts = there.get(name.outcome) or next(iter(there.values()), None)
        if facts is None:
            return False
        with scratch_folder("bundle", beside=self.local) as folder:
            self.objects.fetch(facts, folder / "bundle.tar")
            try:
                unpack(folder / "bundle.tar", self.local)
            except DamagedBundleError as error:
                log.warning("%s is damaged (%s); it is made again", facts.key, error)
                self.objects.delete([facts.key])
                with self._lock:
                    self._known().get(name.frames, {}).pop(name.outcome, None)
                return False
        return True

    def push(self, name: BundleName, entries: Iterable[Path]) -> bool:
        """Sends the entries of a video, unless they are there; whether they were not."""
        if name.outcome in self._known().get(name.frames, {}):
            return False
        with scratch_folder("bundle", beside=self.local) as folder:
            pack(self.local, entries, folder / "bundle.tar")
            return self.objects.put(
                self.url.below(name.path).key, folder / "bundle.tar", is_new=True
            )

    def _bundles(self, name: BundleName) -> dict[str, ObjectFacts]:
        """Bundles with the same frame stages, by the key of the outcome."""
        known = self._known()
        # Others may have sent some since the listing.
        if self._is_whole and not self.leases.has_company:
            return known.get(name.frames, {})
        found = {
            _outcome_of(facts): facts
            for facts in self.objects.listed(self.url.below(name.folder).key)
        }
        known[name.frames] = found
        return found

    def _known(self) -> dict[str, dict[str, ObjectFacts]]:
        with self._lock:
            if self._index is None:
                self._index = {}
                prefix = self.url.below(BUNDLES).key
                for count, facts in enumerate(self.objects.listed(prefix)):
                    if count >= MOST_LISTED:
                        self._is_whole = False
                        break
                    frames = facts.key.rpartition("/")[0].rpartition("/")[2]
                    self._index.setdefault(frames, {})[_outcome_of(facts)] = facts
            return self._index


def _outcome_of(facts: ObjectFacts) -> str:
    return facts.key.rpartition("/")[2].removesuffix(ENDING)
