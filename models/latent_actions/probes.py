"""What latents tell, asked without any known action: do they add up, and do they know motion?

An action that does two things in turn should be the sum of both, and undoing one its negative:
latents for which that holds can be averaged, interpolated and decoded by few labels (ALAM,
additive and reversible latent actions). Where tracks are known, a linear map from latents to how
those change is the third question (as LARY asks of encoders).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.models.latent_actions.data import UnlabelledVideo
from rotoscope.models.latent_actions.model import LatentModel
from rotoscope.models.training.windows import nearest_frames

_MOST_VIDEOS, _MOST_ROWS = 16, 256
"""Videos, and transitions of each, that are asked about."""
_PENALTY = 1e-3
"""Of the linear map, as a share of the latents' variance: it is to be found, not to be chosen."""


def probe(model: LatentModel, videos: Sequence[UnlabelledVideo]) -> dict[str, float | None]:
    """Shares of variance explained in held-out videos; 1 is best, 0 what a mean does.

    `additivity`: of the latent across two gaps by the sum of those across one. `reversal`: of the
    latent backwards by the negative of that forwards. `motion_r2`: of how tracks change by a linear
    map of latents, found on the other videos; `None` without tracks or with one video.

    Args:
        model: Asked for latents; that of a frame and itself is taken off each.
        videos: Held out of its training.
    """
    told = [_Told.of(model, video) for video in videos[:_MOST_VIDEOS]]
    told = [one for one in told if len(one.forth)]
    if not told:
        return {"additivity": None, "reversal": None, "motion_r2": None}
    forth, on, both, back = (
        np.concatenate([getattr(one, name) for one in told])
        for name in ("forth", "on", "both", "back")
    )
    return {
        "additivity": _explained(both, forth + on),
        "reversal": _explained(back, -forth),
        "motion_r2": _motion(told),
    }


@dataclass(frozen=True, eq=False)
class _Told:
    """What the model says of one video, row by row."""

    forth: Float[np.ndarray, "row latent"]
    """Across one gap."""
    on: Float[np.ndarray, "row latent"]
    """Across the next one."""
    both: Float[np.ndarray, "row latent"]
    """Across both."""
    back: Float[np.ndarray, "row latent"]
    """Back across the first."""
    moved: Float[np.ndarray, "row target"]
    """By how much tracks change across the first; NaN where unknown."""

    @classmethod
    def of(cls, model: LatentModel, video: UnlabelledVideo) -> _Told:
        gap_s, time_s = model.facts.gap_s, video.time_s
        starts = np.flatnonzero(time_s + 1.9 * gap_s <= time_s[-1])
        if not len(starts):
            none = np.zeros((0, model.facts.config.latent_size))
            return cls(none, none, none, none, np.zeros((0, video.targets.shape[1])))
        starts = starts[:: max(1, len(starts) // _MOST_ROWS)]
        first, second, third = (
            nearest_frames(time_s, time_s[starts] + k * gap_s) for k in range(3)
        )
        a, b, c = (model.features(video.images[some]) for some in (first, second, third))
        still = model.latents(a, a)
        return cls(
            model.latents(a, b) - still,
            model.latents(b, c) - model.latents(b, b),
            model.latents(a, c) - still,
            model.latents(b, a) - model.latents(b, b),
            video.targets[second] - video.targets[first],
        )


def _explained(
    truth: Float[np.ndarray, "row number"], said: Float[np.ndarray, "row number"]
) -> float | None:
    """Share of the variance; `None` where there is none."""
    spread = float(((truth - truth.mean(0)) ** 2).sum())
    if spread < 1e-12 * truth.size:
        return None
    return round(1 - float(((truth - said) ** 2).sum()) / spread, 4)


def _motion(told: Sequence[_Told]) -> float | None:
    known = [np.isfinite(one.moved).all(axis=1) for one in told]
    parts = [
        (one.forth[rows], one.moved[rows])
        for one, rows in zip(told, known, strict=True)
        if one.moved.shape[1] and rows.any()
    ]
    if len(parts) < 2:
        return None
    truth, said = [], []
    for left_out, (latents, moved) in enumerate(parts):
        others = [part for number, part in enumerate(parts) if number != left_out]
        x, y = (np.concatenate(one) for one in zip(*others, strict=True))
        center, level = x.mean(0), y.mean(0)
        square = (x - center).T @ (x - center)
        square += _PENALTY * max(float(np.trace(square)) / len(square), 1e-12) * np.eye(len(square))
        weights = np.linalg.solve(square, (x - center).T @ (y - level))
        truth.append(moved)
        said.append((latents - center) @ weights + level)
    scale = np.concatenate(truth).std(0)
    scale[scale < 1e-12] = 1.0
    return _explained(np.concatenate(truth) / scale, np.concatenate(said) / scale)
