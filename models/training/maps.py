"""Arrays that lie on disk, and many of them as one: what any amount of video is learned from.

Pages of a memory map that were read count as memory of the process until the system wants them
back. What is read in passing is therefore given back at once, so that the figure that schedulers
look at does not grow with the data.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
from jaxtyping import Int

_BLOCK_BYTES = 16 * 2**20
"""What is read of a map before its pages are given back."""
_AROUND_BYTES = 64 * 1024
"""What Linux brings into memory around a byte that is asked for."""


class Spool:
    """Rows that are written to a file as they come, and read back as a memory map."""

    def __init__(
        self,
        dtype: type[np.generic],
        shape: Sequence[int] = (),
        *,
        path: Path | None = None,
        folder: Path | None = None,
    ) -> None:
        """Opens the file.

        Args:
            dtype: Of the numbers.
            shape: Of a row.
            path: File to write; a nameless one, which is gone with the map, where `None`.
            folder: Where a nameless one lies; the system's for temporary files where `None`.
        """
        self._dtype, self._shape, self.num_rows = np.dtype(dtype), tuple(shape), 0
        # Closed by `whole`, after rows that come one by one.
        opened = tempfile.TemporaryFile(dir=folder) if path is None else path.open("wb+")  # noqa: SIM115
        self._file: IO[bytes] = opened

    def add(self, rows: np.ndarray) -> None:
        """Writes some rows behind the others."""
        rows = np.ascontiguousarray(rows, self._dtype)
        if rows.shape[1:] != self._shape:
            raise ValueError(f"rows have shape {rows.shape[1:]}, {self._shape} is wanted")
        if rows.size:
            self._file.write(rows.data)
        self.num_rows += len(rows)

    def whole(self) -> np.ndarray:
        """All rows, read-only; nothing can be added any more."""
        with self._file as file:
            file.flush()
            return open_map(file, self._dtype, (self.num_rows, *self._shape))


def open_map(file: Path | IO[bytes], dtype: Any, shape: Sequence[int]) -> np.ndarray:
    """An array in a file, read-only.

    Args:
        file: Path, or an open file.
        dtype: Of the numbers.
        shape: Of all of them.

    Raises:
        ValueError: The file is too short.
    """
    if 0 in shape:
        return np.zeros(tuple(shape), dtype)
    # A plain array: views of it cost less than those of a `memmap`, and there are many.
    found: Any = np.memmap(file, dtype, "r", shape=tuple(shape))
    return np.asarray(found)


def give_back(array: np.ndarray) -> None:
    """Lets go of the pages of the map that an array is a part of; nothing where it is of none.

    Whoever reads on finds the same numbers: they are in the file.
    """
    if (found := _map_of(array)) is not None:
        found.madvise(mmap.MADV_DONTNEED)


def _map_of(array: np.ndarray) -> mmap.mmap | None:
    found: object = array
    while isinstance(found, np.ndarray):
        found = found.base
    # What was written to a private map would be lost.
    return found if isinstance(found, mmap.mmap) and not array.flags["W"] else None


def blocks_of(array: np.ndarray) -> Iterator[np.ndarray]:
    """An array in pieces one after the other, each given back when the next is asked for."""
    size = max(1, _BLOCK_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array), size):
        yield array[start : start + size]
        give_back(array)


@dataclass(frozen=True, eq=False)
class Joined:
    """Arrays of several episodes as one, rows read when they are asked for."""

    parts: tuple[np.ndarray, ...]
    """At least one; they differ in their number of rows alone."""

    @classmethod
    def of(cls, wholes: Sequence[Joined]) -> Joined:
        """One after the other."""
        return cls(tuple(part for whole in wholes for part in whole.parts))

    def __len__(self) -> int:
        return int(self.starts[-1])

    @cached_property
    def _maps(self) -> list[mmap.mmap]:
        found = (_map_of(part) for part in self.parts)
        return list({id(one): one for one in found if one is not None}.values())

    @cached_property
    def _touched(self) -> list[int]:
        return [0]

    def _give_back(self, num_bytes: int) -> None:
        self._touched[0] += num_bytes
        if self._touched[0] > _BLOCK_BYTES:
            self._touched[0] = 0
            for one in self._maps:
                one.madvise(mmap.MADV_DONTNEED)

    @cached_property
    def starts(self) -> Int[np.ndarray, " part_and_one"]:
        """First row of every part, and how many rows there are."""
        return np.cumsum([0, *(len(part) for part in self.parts)])

    def part_of(self, rows: Int[np.ndarray, "*shape"]) -> Int[np.ndarray, "*shape"]:
        """Which part each row is of."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    def __getitem__(self, rows: Int[np.ndarray, "*shape"] | slice) -> np.ndarray:
        """A copy of some rows."""
        if not isinstance(rows, np.ndarray):
            rows = np.arange(len(self))[rows]
        flat = rows.reshape(-1)
        part = self.part_of(flat)
        first = self.parts[0]
        out = np.empty((len(flat), *first.shape[1:]), first.dtype)
        for number in np.unique(part):
            here = part == number
            out[here] = self.parts[number][flat[here] - self.starts[number]]
        self._give_back(len(flat) * max(_AROUND_BYTES, first[:1].nbytes))
        return out.reshape(*rows.shape, *first.shape[1:])
