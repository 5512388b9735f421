"""What identifies a file: its bytes, hashed where they are read, and whether they stayed the same.

A file may be replaced, or still be copied, while it is looked at. Its bytes are hashed by the
process that decodes them; the state that the system keeps of it (size, times, inode) is taken
before and compared after, so that no label is kept under the hash of other bytes.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from types import MappingProxyType

from rotoscope.pipeline.errors import FileChangedError, NotAVideoError
from rotoscope.pipeline.files.names import display_name, what_is

CHUNK_BYTES = 1 << 20
MAX_STATES = 16
"""Of more files than these, one state for all is kept: a folder may hold thousands of pictures."""
RACY_NS = 2_000_000_000
"""A file that changed less than this before it was hashed may change again without its times
showing it: file systems stamp in steps of up to two seconds (FAT). Git calls such files racy."""


@dataclass(frozen=True)
class FileState:
    """What the system says of a file without reading it; another state means other bytes."""

    device: int
    """File system that it lies on."""
    inode: int
    """Number of the file there: another one after it was replaced."""
    size: int
    """Bytes."""
    modified_ns: int
    """When its bytes last changed, as programs may state it [ns]."""
    changed_ns: int
    """When anything about it last changed; no program can set this [ns]."""

    @classmethod
    def of(cls, facts: os.stat_result) -> FileState:
        """The state that `os.stat` found."""
        return cls(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)

    def has_same_bytes(self, other: FileState) -> bool:
        """Whether the other state is of the same bytes: a new link or mode changes none."""
        return astuple(self)[:4] == astuple(other)[:4]


@dataclass(frozen=True)
class Identity:
    """A file's hash, together with those of the files that it is read with."""

    sha256: str
    """Hex digest."""
    states: tuple[FileState, ...] = ()
    """State of the file, and of those it is read with, while they were hashed; one for all where
    they are many."""
    hashed_ns: int = 0
    """When hashing began [ns since 1970]."""
    own_sha256: str = ""
    """Hash without what stages read beside the file; empty where they read nothing there."""
    beside: tuple[tuple[str, str], ...] = ()
    """Names of the stages that read something there, and hashes of what they read."""

    def holds(self, paths: Sequence[Path]) -> bool:
        """Whether the files surely still hold these bytes, without reading them."""
        if not self.states:
            return False
        try:
            now = _states_of(paths)
        except OSError:
            return False
        newest_ns = max(max(s.modified_ns, s.changed_ns) for s in self.states)
        return now == self.states and newest_ns < self.hashed_ns - RACY_NS


def identify(
    paths: Sequence[Path],
    *,
    beside: Mapping[str, Sequence[Path]] = MappingProxyType({}),
    progress: Callable[[int], None] = lambda num_bytes: None,
) -> Identity:
    """Hashes a file and those that it is read with.

    Args:
        paths: The file first, then those that it cannot be read without.
        beside: Further files, by the stage that reads them.
        progress: Called now and then with the number of bytes read so far.

    Raises:
        NotAVideoError: A file is empty, a folder, a pipe, not there, or may not be read.
        FileChangedError: One changed while it was hashed.
    """
    began_ns = time.time_ns()
    every = dict.fromkeys([*paths, *(file for files in beside.values() for file in files)])
    hashed = {path: hash_file(path, progress=progress) for path in every}
    hashes = {path: one for path, (one, _) in hashed.items()}
    read = {name: tuple(files) for name, files in beside.items() if files}
    return Identity(
        _joined(tuple(every), hashes),
        _condensed(tuple(every), [state for _, state in hashed.values()]),
        began_ns,
        own_sha256=_joined(paths, hashes) if read else "",
        beside=tuple((name, _joined(files, hashes)) for name, files in read.items()),
    )


def _joined(paths: Sequence[Path], hashes: Mapping[Path, str]) -> str:
    """The hash of the first file, that of all and of the others' names where there are several."""
    digest = hashes[paths[0]]
    if len(paths) == 1:
        return digest
    whole = hashlib.sha256(digest.encode())
    for path in paths[1:]:
        # The length keeps a name from being read as a part of a hash.
        name = os.fsencode(path.name)
        whole.update(b"%d:%b%b" % (len(name), name, hashes[path].encode()))
    return whole.hexdigest()


def check_unchanged(identity: Identity, paths: Sequence[Path], *, shown: str) -> None:
    """Makes sure that the files still hold the bytes that were hashed.

    Raises:
        FileChangedError: They do not, or one is gone.
    """
    try:
        now = _states_of(paths)
    except OSError as error:
        raise _changed(shown, f"gone: {error.strerror}") from error
    pairs = list(zip(now, identity.states, strict=False))
    if len(now) != len(identity.states) or not all(a.has_same_bytes(b) for a, b in pairs):
        raise _changed(shown, _difference(identity.states, now))
    if now != identity.states and identify(paths).sha256 != identity.sha256:
        raise _changed(shown, "other bytes of the same length")


def _states_of(paths: Sequence[Path]) -> tuple[FileState, ...]:
    return _condensed(paths, [FileState.of(os.stat(path)) for path in paths])


def _condensed(paths: Sequence[Path], states: Sequence[FileState]) -> tuple[FileState, ...]:
    """The states, or one that differs wherever the name or the state of any file does.

    What is written to anew has a later time of change than all others had.
    """
    if len(states) <= MAX_STATES:
        return tuple(states)
    places = [(os.fsencode(p.name), s.device, s.inode) for p, s in zip(paths, states, strict=True)]
    listing = hashlib.sha256(repr(places).encode()).digest()
    return (
        FileState(
            device=states[0].device,
            inode=int.from_bytes(listing[:7]),
            size=sum(s.size for s in states),
            modified_ns=max(s.modified_ns for s in states),
            changed_ns=max(s.changed_ns for s in states),
        ),
    )


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes; see `hash_file`."""
    return hash_file(path)[0]


def hash_file(
    path: Path, *, progress: Callable[[int], None] = lambda num_bytes: None
) -> tuple[str, FileState]:
    """Hex SHA-256 of a file's bytes, read in pieces, and its state meanwhile.

    Raises:
        NotAVideoError: The file is empty, a folder, a pipe, not there, or may not be read.
        FileChangedError: It changed while it was read.
    """
    shown = display_name(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise NotAVideoError(f"{shown} is {what_is(path)}, not a file; give a video file")
        digest, size = hashlib.sha256(), 0
        with open(path, "rb") as file:
            before = FileState.of(os.fstat(file.fileno()))
            # One that grows while it is read may do so for ever.
            while size <= before.size and (chunk := file.read(CHUNK_BYTES)):
                digest.update(chunk)
                size += len(chunk)
                progress(size)
            after = FileState.of(os.fstat(file.fileno()))
    except OSError as error:
        raise NotAVideoError(
            f"{shown} cannot be read ({error.strerror}); check that it exists and may be read"
        ) from error
    if not before.has_same_bytes(after) or size != before.size:
        raise _changed(shown, _difference((before,), (after,)))
    if size == 0:
        raise NotAVideoError(f"{shown} is empty (0 bytes); copy it again from where it came")
    return digest.hexdigest(), after


def _difference(before: Sequence[FileState], after: Sequence[FileState]) -> str:
    for one, other in zip(before, after, strict=False):
        if one.size != other.size:
            return f"{one.size:,} bytes, then {other.size:,}"
    return "replaced or written to"


def _changed(shown: str, how: str) -> FileChangedError:
    return FileChangedError(
        f"{shown} changed while it was read ({how}); wait until it is copied whole, then run the "
        "same command again"
    )
