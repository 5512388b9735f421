"""One row of numbers a frame, of a video whose length is not known yet."""

from __future__ import annotations

import numpy as np
from jaxtyping import Shaped

BLOCK = 256
"""Frames that are held in one piece. Small arrays by the thousand lie between what networks take
and free, and keep their memory from the system."""


class FrameRows:
    """Arrays of one shape and type, kept close together."""

    def __init__(self) -> None:
        self._blocks: list[np.ndarray] = []
        self._num = 0

    def __len__(self) -> int:
        return self._num

    def append(self, row: np.ndarray) -> None:
        """Copies the row of the next frame."""
        if self._num % BLOCK == 0:
            self._blocks.append(np.empty((BLOCK, *row.shape), row.dtype))
        self._blocks[-1][self._num % BLOCK] = row
        self._num += 1

    def joined(self) -> Shaped[np.ndarray, "time ..."]:
        """All rows as one array; they are forgotten block by block, so that no two copies stand.

        Raises:
            ValueError: There is none, so that nobody knows their shape.
        """
        if not self._blocks:
            raise ValueError("no row was appended; its shape is not known")
        out = np.empty((self._num, *self._blocks[0].shape[1:]), self._blocks[0].dtype)
        for start in range(0, self._num, BLOCK):
            block = self._blocks.pop(0)
            out[start : start + BLOCK] = block[: self._num - start]
        self._num = 0
        return out
