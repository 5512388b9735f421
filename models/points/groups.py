"""Points that move together: where a hidden one is, told by those that moved with it."""

from __future__ import annotations

from collections import deque

import numpy as np
from jaxtyping import Bool, Float, Int

HISTORY_FRAMES = 8
"""How long points must have moved together."""
APART_PX = 1.5
"""Difference of two points' motion over that time at which they count half for each other [px]."""
NEAR_PX = 60.0
"""Distance at which a point counts half: near ones are of the same thing [px]."""
MIN_WEIGHT = 0.15
"""Less weight of all companions together says nothing."""
ROBUST_PX = 4.0
"""Companions that are farther from where the others put them lose their weight [px]."""
NUM_ROUNDS = 3
UNTURNED_PX = 14.0
"""Spread of the companions at which half of the turn that they show is believed [px]."""
MOST = 24
"""Companions that are kept of a point."""


class Companions:
    """What each hidden point is carried by: where others were when it was last seen."""

    def __init__(self, num_slots: int) -> None:
        self._past: deque[tuple[np.ndarray, np.ndarray, np.ndarray]] = deque(maxlen=HISTORY_FRAMES)
        most = min(MOST, num_slots)
        self._who = np.zeros((num_slots, most), int)
        self._ids = np.full((num_slots, most), -1, np.int64)
        self._weight = np.zeros((num_slots, most))
        self._place = np.zeros((num_slots, most, 2))
        self._own_place = np.zeros((num_slots, 2))

    def remember(
        self,
        points: Float[np.ndarray, "slot 2"],
        seen: Bool[np.ndarray, " slot"],
        ids: Int[np.ndarray, " slot"],
    ) -> None:
        """Keeps a frame's points; those of the last `HISTORY_FRAMES` frames count."""
        self._past.append((points.copy(), seen.copy(), ids.copy()))

    def hide(self, slots: Int[np.ndarray, " hidden"]) -> None:
        """Notes the companions of points that were seen in the last frame and are no longer."""
        last, seen, ids = self._past[-1]
        away = last[slots, None] - last[None]
        apart = np.zeros(away.shape[:2])
        together = np.ones(away.shape[:2], int)
        for points, was_seen, was_ids in self._past:
            same = was_seen & (was_ids == ids)
            both = same[None] & same[slots, None]
            change = np.linalg.norm(points[slots, None] - points[None] - away, axis=2)
            apart = np.where(both, np.maximum(apart, change), apart)
            together += both
        distance = np.linalg.norm(away, axis=2)
        # A thing that turns or grows moves its far points apart.
        agreement = np.exp2(-((apart / (APART_PX + 0.02 * distance)) ** 2))
        weight = agreement / (1 + (distance / NEAR_PX) ** 2) * np.minimum(together / 4, 1)
        weight = np.where(seen[None], weight, 0.0)
        weight[np.arange(len(slots)), slots] = 0
        who = np.argsort(-weight, axis=1, kind="stable")[:, : self._who.shape[1]]
        self._who[slots], self._ids[slots] = who, ids[who]
        self._weight[slots] = np.take_along_axis(weight, who, axis=1)
        self._place[slots], self._own_place[slots] = last[who], last[slots]

    def carry(
        self,
        slots: Int[np.ndarray, " hidden"],
        points: Float[np.ndarray, "slot 2"],
        seen: Bool[np.ndarray, " slot"],
        ids: Int[np.ndarray, " slot"],
    ) -> tuple[Float[np.ndarray, "hidden 2"], Float[np.ndarray, " hidden"]]:
        """Where hidden points are, and how far their companions are from agreeing [px].

        A weighted similarity (Umeyama 1991) of the companions that are seen now; NaN where there
        are too few of them.
        """
        who, then_px = self._who[slots], self._place[slots]
        usable = seen[who] & (ids[who] == self._ids[slots])
        base = np.where(usable, self._weight[slots], 0.0)
        now_px = np.where(usable[..., None], points[who], 0.0)
        weight = base
        for _ in range(NUM_ROUNDS):
            total = weight.sum(axis=1, keepdims=True)
            share = (weight / np.maximum(total, 1e-9))[..., None]
            mean_then, mean_now = (share * then_px).sum(axis=1), (share * now_px).sum(axis=1)
            then, now = then_px - mean_then[:, None], now_px - mean_now[:, None]
            # Few near companions tell of no turn: the more they are spread the more it is theirs.
            size = (share * then**2).sum(axis=(1, 2)) + UNTURNED_PX**2
            cosine = ((share * then * now).sum(axis=(1, 2)) + UNTURNED_PX**2) / size
            cross = then[..., 0] * now[..., 1] - then[..., 1] * now[..., 0]
            sine = (share[..., 0] * cross).sum(axis=1) / size
            off = np.linalg.norm(now - _turn(then, cosine[:, None], sine[:, None]), axis=2)
            weight = base * np.maximum(1 - (off / ROBUST_PX) ** 2, 0) ** 2
        found = mean_now + _turn(self._own_place[slots] - mean_then, cosine, sine)
        spread = np.sqrt((share[..., 0] * off**2).sum(axis=1))
        weak = weight.sum(axis=1) < MIN_WEIGHT
        return np.where(weak[:, None], np.nan, found), np.where(weak, np.nan, spread)


def _turn(vectors: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
    x, y = vectors[..., 0], vectors[..., 1]
    return np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=-1)
