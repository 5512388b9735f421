"""Files of an object store as a run takes them: one file with what lies beside it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from rotoscope.pipeline.files.identity import MAX_STATES, FileState
from rotoscope.pipeline.remote.objects import ObjectFacts
from rotoscope.pipeline.remote.urls import Url


@dataclass(frozen=True)
class RemoteFile:
    """A file, or a folder of pictures, and those that it may be read together with."""

    url: Url
    """The file, or the folder."""
    parts: tuple[tuple[str, ObjectFacts], ...]
    """Where each object lies beside the others, such as `clip.depth/0001.png`; the file first."""
    shared: frozenset[str] = frozenset()
    """Those of the parts that other files are read with too, such as `camera.yaml`."""

    @property
    def size(self) -> int:
        """All of it [bytes]."""
        return sum(facts.size for _, facts in self.parts)

    @cached_property
    def digest(self) -> str:
        """Stands for the objects as they were listed: changed ones have another."""
        root = f"{self.url.scheme}://{self.url.root}"
        lines = [f"{len(n)}:{n}{f.key}\0{f.size}\0{f.tag}\0{f.modified_ns}" for n, f in self.parts]
        return hashlib.sha256("\n".join([root, *lines]).encode(errors="surrogatepass")).hexdigest()

    @property
    def states(self) -> tuple[FileState, ...]:
        """What the listing says of every object, in the form that the ledger keeps."""
        if len(self.parts) > MAX_STATES:
            newest_ns = max(f.modified_ns for _, f in self.parts)
            return (FileState(0, int(self.digest[:14], 16), self.size, newest_ns, newest_ns),)
        return tuple(
            FileState(0, _number_of(f"{f.key}\0{f.tag}"), f.size, f.modified_ns, f.modified_ns)
            for _, f in self.parts
        )


def _number_of(text: str) -> int:
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:7])
