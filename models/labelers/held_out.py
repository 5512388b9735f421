"""What a labeler's errors are on episodes that were kept from it, and what that says of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.labelers.familiarity import least_half_width, trust
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.labelers.scores import score
from rotoscope.models.labelers.trivial import trivial_scores
from rotoscope.models.training.action_space import CONSTANT_SPREAD, ActionSpace
from rotoscope.models.training.alike import alike, alike_names
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.models.training.folds import Folds
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import DatasetError

NUM_PARTS = 5
"""Times that a labeler is fitted anew, each time without a part of the episodes."""
COVERAGE = 0.9
"""Share of true values that an interval should hold."""
RIGHT_WITHIN = 0.2
"""What counts as right for `confidence`: an error below this share of a dimension's spread."""

_LEAST_WIDTH = 1e-9
"""What a labeler's own half width is at least: errors are divided by it."""

Answer = Callable[[LabeledEpisode], Labels]
Fit = Callable[[LabeledSet], Answer]


@dataclass(frozen=True, eq=False)
class Errors:
    """What held-out episodes say of the next one: the same of every row that is familiar.

    A labeler that knows errors up to a factor is told the factor.
    """

    half_width: Float[np.ndarray, " action"]
    """Half interval that held 90 % of the true values; NaN for choices. Where it `is_factor`, what
    the labeler's own half width is multiplied by to do so."""
    confidence: float
    """Share of numbers and choices that were right."""
    spread: Float[np.ndarray, " action"]
    """Of the true actions."""
    is_factor: bool = False
    """Whether the labeler's own half widths count."""

    @classmethod
    def of(cls, parts: Sequence[HeldOut], space: ActionSpace, *, is_factor: bool = False) -> Errors:
        """From labels of episodes that the labeler had not seen; every episode counts the same."""
        off = np.concatenate([p.error(space) for p in parts])
        said = np.concatenate([p.labels.half_width for p in parts]) if is_factor else 1.0
        spread = space.spread(np.concatenate([p.truth for p in parts]))
        weight = np.concatenate([np.full(len(p.truth), 1 / len(p.truth)) for p in parts])
        scores = off / np.maximum(said, _LEAST_WIDTH)
        width = np.quantile(scores, COVERAGE, axis=0, weights=weight, method="inverted_cdf")
        is_right = np.where(space.is_discrete, off == 0, off <= RIGHT_WITHIN * spread)
        tells = space.is_discrete | (spread >= CONSTANT_SPREAD)  # what never moves tells nothing
        right = np.average(is_right[:, tells].mean(axis=1), weights=weight) if tells.any() else 1.0
        return cls(np.where(space.is_discrete, np.nan, width), float(right), spread, is_factor)

    def said_of(self, labels: Labels, contract: ActionContract) -> Labels:
        """Labels with these errors, where the labeler itself says nothing of its own.

        What is not familiar is doubted as `rotoscope.models.labelers.familiarity` says, within the
        limits of the contract.
        """
        known = labels.known
        familiar = np.nan_to_num(labels.familiarity, nan=1.0)
        width, sure = labels.half_width, labels.confidence
        if self.is_factor or np.isnan(width).all():
            own = np.maximum(width, _LEAST_WIDTH) if self.is_factor else 1.0
            least = least_half_width(familiar, labels.values, self.spread, contract)
            width = np.where(known[:, None], np.maximum(self.half_width * own, least), np.nan)
        if np.isnan(sure).all():
            sure = np.where(known, self.confidence * trust(familiar), np.nan)
        return replace(labels, half_width=width, confidence=sure)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What a labeler said of an episode that it had not seen, where the truth is known."""

    name: str
    """The episode's."""
    part: int
    """Which part of the episodes was kept from the labeler."""
    labels: Labels
    """Rows that have both a label and a true action."""
    truth: Float[np.ndarray, "row action"]
    """Their true actions."""
    used: Bool[np.ndarray, " time"]
    """Which rows of the episode they are."""

    def error(self, space: ActionSpace) -> Float[np.ndarray, "row action"]:
        """How far off the labels are, at least 0."""
        return np.abs(space.error(self.labels.values, self.truth))


def judge(fit: Fit, data: LabeledSet, *, is_factor: bool = False) -> tuple[Errors, dict[str, Any]]:
    """Errors for the next episode, and scores on episodes that were held out.

    Intervals are scored that were made of the errors on the other parts' episodes, so that nothing
    scores itself. Episodes without any valid action tell nothing of errors: they are never held
    out.

    Args:
        fit: Trains on some episodes, and says what then labels others.
        data: The episodes.
        is_factor: Whether half widths that it gives are known up to a factor.

    Raises:
        DatasetError: Too few episodes, or no row with both a true action and a label.
    """
    space = ActionSpace.of(data.contract)
    kept = [h for h in _held_out(fit, data) if len(h.truth)]
    if not kept:
        raise DatasetError(
            f"none of the {len(data.episodes)} episodes has a row with a valid action that the "
            "labeler labels: features are NaN there, or the labeler gives NaN for what it could "
            "know; name other inputs, or try 'rotoscope check' on the labeler"
        )
    labels = [
        _told(one, kept, space, is_factor=is_factor).said_of(one.labels, data.contract)
        for one in kept
    ]
    by_name = {h.name: h for h in kept}
    used = [
        by_name[e.name].used if e.name in by_name else np.zeros(len(e.time_s), bool)
        for e in data.episodes
    ]
    num_valid = sum(int(e.valid.sum()) for e in data.episodes)
    found = score(labels, [h.truth for h in kept], space, data.constant)
    return Errors.of(kept, space, is_factor=is_factor), found | {
        "held_out": [h.name for h in kept],
        "seeds": {"num": 1, "mean_r2": [found.get("mean_r2")]},
        "trivial_r2": trivial_scores(data, used),
        "rows_without_window": num_valid - sum(int(u.sum()) for u in used),
        "left_out": [e.name for e in data.episodes if e.name not in by_name],
        "alike": alike_names([e for e in data.episodes if e.valid.any()]),
    }


def _held_out(fit: Fit, data: LabeledSet) -> list[HeldOut]:
    known = [i for i, episode in enumerate(data.episodes) if episode.valid.any()]
    folds = Folds.of(alike([data.episodes[i] for i in known]), NUM_PARTS, seed=0)
    found: dict[int, HeldOut] = {}
    for number, part in enumerate(folds.parts):
        left_out = {known[i] for i in part}
        others = tuple(e for i, e in enumerate(data.episodes) if i not in left_out)
        answer = fit(replace(data, episodes=others))
        for index in sorted(left_out):
            episode = data.episodes[index]
            labels = answer(episode)
            used = labels.known & episode.valid
            found[index] = HeldOut(
                episode.name, number, labels.of(used), episode.actions[used], used
            )
    return [found[index] for index in sorted(found)]


def _told(one: HeldOut, kept: Sequence[HeldOut], space: ActionSpace, *, is_factor: bool) -> Errors:
    """What the other parts say of an episode; all of them where there are no others."""
    others = [h for h in kept if h.part != one.part]
    return Errors.of(others or kept, space, is_factor=is_factor)
