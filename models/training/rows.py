"""Rows that networks learn from: read a batch at a time, in an order that a step decides."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

if TYPE_CHECKING:
    import torch

Batch = Mapping[str, "torch.Tensor"]
"""What is known of some rows, by name."""
_BLOCK_ROWS = 2**20
"""Rows that are shuffled together: a permutation of all of a hundred hours would take 86 MB."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to learn from, or to be measured on."""

    num: int
    """How many there are."""
    read: Callable[[Int[np.ndarray, " row"]], Batch]
    """Some of them, in memory; the same for the same rows, whatever was read before."""
    frames: int = 1
    """Pictures, or moments, that a row shows."""


def batch_rows(num: int, size: int, *, seed: int, step: int) -> Int[np.ndarray, " row"]:
    """Rows of a step: each at most once an epoch, in an order given by seed and step alone.

    Of more than `_BLOCK_ROWS`, every n-th row is a block, and blocks follow each other, each
    shuffled: a batch is as mixed, and one block's permutation is all that is in memory.

    Args:
        num: Rows there are.
        size: Rows of a batch.
        seed: Of the order.
        step: Which batch, from 0.
    """
    size = min(size, num)
    blocks = -(-num // _BLOCK_ROWS)
    per_block = max(1, num // blocks // size)
    epoch, position = divmod(step, per_block * blocks)
    block, position = divmod(position, per_block)
    order = _permutation(-(-(num - block) // blocks), seed * 1_000_003 + epoch + (block << 40))
    found: np.ndarray = order[position * size : (position + 1) * size] * blocks + block
    return found


@lru_cache(maxsize=1)
def _permutation(num: int, seed: int) -> Int[np.ndarray, " number"]:
    import torch

    return torch.randperm(num, generator=torch.Generator().manual_seed(seed)).numpy()


class Feed:
    """Batches of the steps to come, each read by a thread while the step before it runs."""

    def __init__(
        self,
        rows: Rows,
        order: Callable[[int], Int[np.ndarray, " row"]],
        num_steps: int,
        device: torch.device,
    ) -> None:
        """Opens it; nothing is read yet.

        Args:
            rows: What is read.
            order: Rows of a step.
            num_steps: Steps there are.
            device: Where batches go.
        """
        self._rows, self._order, self._num_steps, self._device = rows, order, num_steps, device
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="rotoscope-feed")
        self._ahead: tuple[int, Future[Batch]] | None = None
        self.forget()

    def __call__(self, step: int) -> Batch:
        """The batch of a step, on the device."""
        if self._ahead is None or self._ahead[0] != step:
            self._ahead = (step, self._pool.submit(self._read, step))
        began = time.perf_counter()
        found = self._ahead[1].result()
        self.seconds["wait"] += time.perf_counter() - began
        if step + 1 < self._num_steps:
            self._ahead = (step + 1, self._pool.submit(self._read, step + 1))
        return self.moved(found)

    def moved(self, batch: Batch) -> Batch:
        """A batch on the device."""
        began = time.perf_counter()
        out = {name: value.to(self._device, non_blocking=True) for name, value in batch.items()}
        self.seconds["to device"] += time.perf_counter() - began
        return out

    def forget(self) -> None:
        """Counts seconds from here on: of reading, of waiting for it, of the way to the device."""
        self.seconds = {"read": 0.0, "wait": 0.0, "to device": 0.0}

    def close(self) -> None:
        """Ends the thread."""
        self._pool.shutdown(cancel_futures=True)

    def _read(self, step: int) -> Batch:
        began = time.perf_counter()
        rows = self._order(step)
        found = self._rows.read(rows)
        if self._device.type == "cuda":
            found = {name: value.pin_memory() for name, value in found.items()}
        self.seconds["read"] += time.perf_counter() - began
        return found
