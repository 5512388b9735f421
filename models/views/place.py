"""Hands and people placed from all views that saw them, and how sure each place is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.perception.multi_view import View, triangulate
from rotoscope.models.views.seen import Seen
from rotoscope.pipeline.errors import UsageError

WORST_PX_SHARE = 0.03
"""Largest distance of a row's landmarks (median, of all views) from where they are put together, as
a share of the focal length; beyond it the views do not show the same thing in that row."""
_MUCH_BETTER = 0.5
_BIAS_ROUNDS = 2
"""What is expected hangs on how the hand lies, which changes little once it is taken off."""
BiasPx = Callable[[View, Float[np.ndarray, "time point 3"]], Float[np.ndarray, "time point 2"]]
"""Expected error of landmarks in a view [px], from about where they are [m]; 0 where unknown."""
_LEAST_ROWS = 0.2
"""Least share of the rows two views share that must agree, else the views show no one scene."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Landmarks on the first video's clock, in the world of the views."""

    points_m: Float[np.ndarray, "time point 3"]
    """Where they are [m]; NaN where fewer than two views saw them, or where the views disagree."""
    sigma_m: Float[np.ndarray, "time point 3"]
    """1-sigma along the world's axes [m]."""
    away_px: Float[np.ndarray, " time"]
    """Distance of the landmarks from where they are put, median over landmarks and views."""
    is_shared: Bool[np.ndarray, " time"]
    """Rows in which two views or more saw landmarks."""
    time_s: Float[np.ndarray, " time"]
    """Of the rows, on the first video's clock [s]."""


def place(
    views: Sequence[View],
    seen: Sequence[Seen],
    offsets_s: Sequence[float],
    *,
    sigma_rel: float,
    size_m: float,
    bias_px: BiasPx | None = None,
    exchanged: Sequence[int] | None = None,
) -> Placed:
    """Landmarks of one hand or person, placed from all views.

    Args:
        views: The calibrated cameras.
        seen: What each saw of it.
        offsets_s: Time of each video's clock when the first one's shows 0 [s].
        sigma_rel: Smallest 1-sigma of a landmark as a share of `size_m`: what two views have in
            common, because the landmark itself lies elsewhere on the body, shows in no residual.
        size_m: Size that it is a share of, such as a palm's length [m].
        bias_px: How far landmarks are expected to lie from where the joints are seen, if anything
            is known of it.
        exchanged: The number of each landmark's counterpart on the other side of the body, where
            one view may have taken left for right.

    Raises:
        UsageError: In most rows the views do not agree: they show no one scene.
    """
    time_s = seen[0].time_s
    px = np.stack([one.at(time_s + offset) for one, offset in zip(seen, offsets_s, strict=True)])
    px = _without_contradicting(views, px, exchanged)
    points_m, _ = triangulate(views, px)
    if bias_px is not None:
        seen_px = px
        for _ in range(_BIAS_ROUNDS):
            px = seen_px - np.stack([bias_px(view, points_m) for view in views])
            points_m, _ = triangulate(views, px)
    away = _away_px(views, px, points_m)
    is_shared = (np.isfinite(px).all(axis=3).sum(axis=0) >= 2).any(axis=1)
    away_px = _median(np.moveaxis(away, 0, 1).reshape(len(time_s), -1))
    focal_px = float(np.mean([view.K[0, 0] for view in views]))
    is_good = is_shared & (away_px <= WORST_PX_SHARE * focal_px)
    if is_shared.any() and is_good.sum() < _LEAST_ROWS * is_shared.sum():
        raise UsageError(
            f"the views agree in {is_good.sum()} of {is_shared.sum()} moments: landmarks are "
            f"{_median(away_px[None])[0]:.0f} px from where they are put together, "
            f"{WORST_PX_SHARE * focal_px:.0f} is allowed; they do not show one scene, the "
            "calibration is another one's, or the clocks differ by more than was searched"
        )
    sigma_px = _sigma_px(views, away, is_good, points_m, sigma_rel * size_m)
    points_m, covariance = triangulate(views, px, sigma_px=sigma_px)
    sigma_m = np.sqrt(np.maximum(np.einsum("tpii->tpi", covariance), 0.0))
    bad = ~is_good[:, None, None]
    return Placed(
        np.where(bad, np.nan, points_m), np.where(bad, np.nan, sigma_m), away_px, is_shared, time_s
    )


def _without_contradicting(
    views: Sequence[View],
    px: Float[np.ndarray, "view time point 2"],
    exchanged: Sequence[int] | None,
) -> Float[np.ndarray, "view time point 2"]:
    """Landmarks with the one view, of three or more, that contradicts the rest in a row mended.

    That a network takes left for right in one view must not spoil what the others agree on. Its
    sides are exchanged, or else it is left out, where the median distance falls to less than half.
    """
    num_rows = px.shape[1]

    def disagreement(seen: np.ndarray) -> Float[np.ndarray, " time"]:
        away = _away_px(views, seen, triangulate(views, seen)[0])
        return np.nan_to_num(_median(np.moveaxis(away, 0, 1).reshape(num_rows, -1)), nan=np.inf)

    if len(views) < 3:
        return px
    best, out = _MUCH_BETTER * disagreement(px), px.copy()
    mended = [] if exchanged is None else [px[:, :, list(exchanged)]]
    for other in (*mended, np.full_like(px, np.nan)):
        # Whom exchanged sides made agree is not left out: with fewer views less contradicts.
        limit, base = best.copy(), out.copy()
        for number in range(len(views)):
            seen = base.copy()
            seen[number] = other[number]
            found = disagreement(seen)
            is_better = found < best
            out[:, is_better] = seen[:, is_better]
            best = np.where(is_better, found, best)
        best = np.where(best < limit, _MUCH_BETTER * best, best)
    return out


def _away_px(
    views: Sequence[View],
    px: Float[np.ndarray, "view time point 2"],
    points_m: Float[np.ndarray, "time point 3"],
) -> Float[np.ndarray, "view time point"]:
    """Distance of each landmark from where it was put [px]; NaN where a view lacks it."""
    return np.stack(
        [
            np.linalg.norm(view.project(points_m) - seen, axis=-1)
            for view, seen in zip(views, px, strict=True)
        ]
    )


def _median(rows: Float[np.ndarray, "row n"]) -> Float[np.ndarray, " row"]:
    """Median of the finite numbers of each row; NaN where there are none."""
    out = np.full(len(rows), np.nan)
    told = np.isfinite(rows).any(axis=1)
    out[told] = np.nanmedian(rows[told], axis=1)
    return out


def _sigma_px(
    views: Sequence[View],
    away: Float[np.ndarray, "view time point"],
    is_good: Bool[np.ndarray, " time"],
    points_m: Float[np.ndarray, "time point 3"],
    least_m: float,
) -> Float[np.ndarray, "view time point"]:
    """1-sigma of landmarks: what the views disagree by, and at least what they have in common."""
    num_views = np.isfinite(away).sum(axis=0)
    squares = np.nansum(np.where(is_good[:, None], away, np.nan) ** 2, axis=0)
    spare = np.maximum(2 * num_views - 3, 0) * is_good[:, None]
    own_px = np.sqrt(squares[spare > 0].sum() / max(int(spare.sum()), 1))
    out = []
    for view in views:
        depth_m = points_m @ view.T_camera_world[2, :3] + view.T_camera_world[2, 3]
        common_px = view.K[0, 0] * least_m / np.where(depth_m > 0, depth_m, np.nan)
        out.append(np.nan_to_num(np.hypot(own_px, common_px), nan=max(own_px, 1.0)))
    return np.stack(out)
