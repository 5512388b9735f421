"""Rows of episodes as a joint model of what is seen and done learns from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.training.rows import Batch, Rows

_EDGE = 8.0
"""Where what is seen is held that lies further from its mean, in standard deviations; and changes
further from 0, in their usual size."""


def offsets_of(ahead_s: float, rate_hz: float) -> tuple[int, ...]:
    """Rows ahead at which the future is looked at: the furthest, and halves of it down to one."""
    furthest = max(1, round(ahead_s * rate_hz))
    return tuple(sorted({max(1, furthest >> k) for k in range(furthest.bit_length())}))


def changes(
    seen: Float[np.ndarray, "time feature"], offsets: Sequence[int]
) -> Float[np.ndarray, "time offset feature"]:
    """How what is seen changes from each moment ahead to the next; NaN beyond the episode's end."""
    moments = [seen]
    for rows in offsets:
        later = np.full_like(seen, np.nan)
        later[:-rows] = seen[rows:]
        moments.append(later)
    return np.diff(np.stack(moments, axis=1), axis=1)


def chunks(
    encoded: Float[np.ndarray, "time encoded"], chunk: int
) -> Float[np.ndarray, "time chunk encoded"]:
    """Actions from every row on; NaN beyond the end of the episode."""
    padded = np.concatenate([encoded, np.full((chunk - 1, encoded.shape[1]), np.nan)])
    return np.stack([padded[k : k + len(encoded)] for k in range(chunk)], axis=1)


@dataclass(frozen=True, eq=False)
class JointRows:
    """Standardized rows, all of what is seen known; zeros where something else is not.

    An axis of scales stands before that of rows where several are tried at once.
    """

    seen: Float[np.ndarray, "*scale row feature"]
    """What is seen."""
    before: Float[np.ndarray, "*scale row offset feature"]
    """How it changed, from moment to moment backwards."""
    before_known: Float[np.ndarray, "*scale row offset"]
    """1 where that is known."""
    later: Float[np.ndarray, "*scale row offset feature"]
    """How it changes, from moment to moment."""
    later_known: Float[np.ndarray, "*scale row offset"]
    """1 where that is known."""
    actions: Float[np.ndarray, "*scale row chunk encoded"]
    """What is done."""
    actions_known: Float[np.ndarray, "*scale row chunk"]
    """1 where that is known."""

    @classmethod
    def of(
        cls,
        seen: Float[np.ndarray, "*scale row feature"],
        before: Float[np.ndarray, "*scale row offset feature"],
        later: Float[np.ndarray, "*scale row offset feature"],
        actions: Float[np.ndarray, "*scale row chunk encoded"],
    ) -> Self:
        """From standardized numbers, NaN where unknown; rows of which nothing is seen are left."""
        there = np.isfinite(seen).all(axis=-1).reshape(-1, seen.shape[-2])[0]  # for all scales
        numbers = [np.clip(seen[..., there, :], -_EDGE, _EDGE)]
        for part in (np.clip(before, -_EDGE, _EDGE), np.clip(later, -_EDGE, _EDGE), actions):
            # What lies behind something that is not known is not known, either.
            kept = part[..., there, :, :]
            known = np.cumprod(np.isfinite(kept).all(axis=-1), axis=-1)
            numbers += [np.where(known[..., None] > 0, kept, 0), known.astype(float)]
        return cls(*numbers)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """One after the other."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))

    def __len__(self) -> int:
        """How many there are."""
        return self.seen.shape[-2]

    def rows(self) -> Rows:
        """For the training loop."""
        whole = self.batch()

        def read(rows: Int[np.ndarray, " row"]) -> Batch:
            return {name: value[rows] for name, value in whole.items()}

        return Rows(len(self), read)

    def batch(self) -> Batch:
        """All of them as tensors."""
        import torch

        return {name: torch.from_numpy(v.astype(np.float32)) for name, v in vars(self).items()}
