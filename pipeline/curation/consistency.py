"""Do the actions explain what moved: how far off they are, how late, and how much too weak.

What is judged is the label, not the skill: an episode whose actions were shifted, mirrored, scaled,
frozen, drowned in noise or taken from another one moves otherwise than its actions say. Choices
here were made on Meta-World's reach, drawer-open and button-press.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.curation.forward_model import ForwardModel, Moves, fit_forward
from rotoscope.pipeline.curation.score import Score, by_episode

MOTION_ERROR, LAG, GAIN = "motion_error", "lag", "gain"
_CAP = 6.0
"""Errors of a row above this many times the dataset's median count no more: contacts, which no
action explains, are such rows in every episode."""
_SMALLEST = 1e-3
"""A median below this share of a usual large step is taken for it: nothing is exact."""
_MIN_WEIGHT = 0.3
"""Numbers of which actions explain less than this share have no gain of their own."""
_MAX_LAG_S = 0.25
"""Longest lag that is looked for, either way [s]."""
_MIN_LAG_GAIN = 0.2
"""Share by which a lag must lessen an episode's error before it is called one."""


def consistency(episodes: Sequence[Moves], *, fps: float, source: str) -> list[Score]:
    """`motion_error` by row, `lag` and `gain` by episode.

    Args:
        episodes: All episodes of a dataset.
        fps: Rows per second.
        source: The columns that say what moved, for the description.

    Raises:
        DatasetError: Nothing moves, or no row is known.
    """
    model = fit_forward(episodes)
    # What a lag or a weak action leaves out, momentum would explain.
    plain = fit_forward(episodes, has_momentum=False)
    lengths = {e.episode: len(e.action) for e in episodes}
    rows, whole = motion_errors(model, episodes)
    late = {e.episode: _lag_rows(plain, e, fps) / fps for e in episodes}
    return [
        Score(
            MOTION_ERROR,
            "times the usual",
            f"How far the step of {source} is from what the action explains, over the median of "
            "all rows.",
            "high",
            "episode",
            rows,
            whole,
        ),
        Score(
            LAG,
            "s",
            f"How much later than elsewhere in the dataset {source} follows the action, either "
            "way; 0 where no lag explains more.",
            "high",
            "episode",
            by_episode({i: abs(lag) for i, lag in late.items()}, lengths),
        ),
        Score(
            GAIN,
            "1",
            f"How far {source} moves from what the action asks for, as a share of it: 0 as "
            "elsewhere in the dataset, 0.5 for half or one and a half times as far, 2 for as far "
            "the other way; of its numbers the one that is furthest off.",
            "high",
            "episode",
            by_episode({e.episode: _gain_error(plain, e) for e in episodes}, lengths),
        ),
    ]


def motion_errors(
    model: ForwardModel, episodes: Sequence[Moves]
) -> tuple[dict[int, np.ndarray], dict[int, float]]:
    """`motion_error` by row, over the median row, and by episode, over the median episode."""
    found = {e.episode: model.errors(e) for e in episodes}
    usual = max(float(np.nanmedian(np.concatenate(list(found.values())))), _SMALLEST)
    rows = {index: errors / usual for index, errors in found.items()}
    means = {index: _capped_mean(errors) for index, errors in rows.items()}
    middle = float(np.nanmedian(list(means.values())))
    return rows, {index: mean / middle for index, mean in means.items()}


def _capped_mean(errors: Float[np.ndarray, " row"]) -> float:
    known = errors[np.isfinite(errors)]
    return float(np.minimum(known, _CAP).mean()) if len(known) else float("nan")


def _lag_rows(model: ForwardModel, moves: Moves, fps: float) -> int:
    """Rows by which the actions come too early (above 0) or too late for what moved."""
    most = min(max(round(_MAX_LAG_S * fps), 1), len(moves.action) // 4)
    found = {k: _shifted_error(model, moves, k) for k in range(-most, most + 1)}
    best = min(found, key=lambda k: (found[k], abs(k)))
    return best if found[best] < (1 - _MIN_LAG_GAIN) * found[0] else 0


def _shifted_error(model: ForwardModel, moves: Moves, rows: int) -> float:
    """Mean error where the action of `rows` earlier is held against each step."""
    num = len(moves.action)
    source = np.clip(np.arange(num) - rows, 0, num - 1)
    shifted = Moves(moves.episode, moves.action[source], moves.state, moves.valid)
    errors = model.errors(shifted)
    # The same rows whatever the lag, so that ends that are held decide nothing.
    most = num // 4
    inner = errors[most:-most] if num > 4 * most > 0 else errors
    return float(np.nanmean(inner)) if np.isfinite(inner).any() else np.inf


def _gain_error(model: ForwardModel, moves: Moves) -> float:
    """Distance from 1 of the slope of what moved over what was asked for, the largest."""
    sure = (model.weights >= _MIN_WEIGHT) & (model.weights >= model.weights.max() / 2)
    known = moves.is_known
    wanted, seen = model.wanted(moves)[known][:, sure], model.seen(moves)[known][:, sure]
    power = (wanted**2).sum(axis=0)
    asked = power > 0.05 * max(power.max(initial=0.0), 1e-12)
    slopes = (wanted * seen).sum(axis=0)[asked] / power[asked]
    return float(np.abs(slopes - 1).max()) if len(slopes) else float("nan")
