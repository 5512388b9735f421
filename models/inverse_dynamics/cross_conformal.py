"""What errors on episodes that a labeler was not fitted to teach about its errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rotoscope.models.inverse_dynamics.calibration import (
    Calibration,
    best_temperature,
    conformal_factor,
)
from rotoscope.models.inverse_dynamics.error_model import DoubtModel
from rotoscope.models.inverse_dynamics.labeler import Labeler, Labels
from rotoscope.models.inverse_dynamics.rows import Rows
from rotoscope.models.inverse_dynamics.scores import score


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One part of the episodes, and a labeler that was fitted to none of them."""

    labeler: Labeler
    """Without calibration."""
    episodes: tuple[Rows, ...]
    """What it is asked about."""
    names: tuple[str, ...]
    """How messages call the episodes."""


@dataclass(frozen=True, eq=False)
class _Said:
    """What a labeler said about the rows of one part."""

    values: np.ndarray
    encoded: np.ndarray
    signs: np.ndarray
    error: np.ndarray
    """In units of the whole labeler's spread."""
    variance: np.ndarray
    """Of the members that were asked, same unit; 0 where there is one."""
    truth: np.ndarray
    lengths: tuple[int, ...]

    @property
    def num_members(self) -> int:
        return len(self.encoded)


def calibrated(whole: Labeler, parts: Sequence[HeldOut]) -> Labeler:
    """The labeler with what held-out episodes teach about its errors, and its scores on them.

    Scores are those of labelers that did not see the episode, with intervals that were learned
    from other parts.
    """
    said = [_ask(part, whole) for part in parts]
    factor, doubt = _intervals(said, len(whole.members))
    temperature = _temperature(said, whole)
    labeler = replace(whole, calibration=Calibration(doubt, factor, temperature))
    labels: list[Labels] = []
    for index, part in enumerate(said):
        others = [s for i, s in enumerate(said) if i != index] or said
        width_factor, other_doubt = _intervals(others, part.num_members)
        width = other_doubt(part.signs) * width_factor
        judged = labeler.judged(part.values, width, part.encoded, temperature)
        labels += _cut(judged, part.lengths)
    truth = [e.actions for part in parts for e in part.episodes]
    metrics: dict[str, Any] = score(labels, truth, labeler.space, labeler.facts.constant)
    metrics["held_out"] = [name for part in parts for name in part.names]
    return replace(labeler, metrics=metrics)


def _ask(part: HeldOut, whole: Labeler) -> _Said:
    labeler, rows = part.labeler, Rows.join(part.episodes)
    space, spread = labeler.space, whole.scaling.spread
    pictures = labeler.embeddings_of(rows)
    encoded, log_variance = labeler.predict(rows.inputs, pictures)
    values, own = labeler.summarise(encoded, log_variance)
    votes = np.stack([space.error(space.decode(m[None]), values) for m in encoded])
    return _Said(
        values=values,
        encoded=encoded,
        signs=labeler.signs(values, own, rows.inputs, pictures),
        error=space.error(values, rows.actions) / spread,
        variance=(votes**2).sum(0) / max(1, len(votes) - 1) / spread**2,
        truth=rows.actions,
        lengths=tuple(len(e.actions) for e in part.episodes),
    )


def _intervals(said: Sequence[_Said], num_members: int) -> tuple[np.ndarray, DoubtModel]:
    """Factor of the half widths for the mean of `num_members`, and the expected error."""
    signs = np.concatenate([s.signs for s in said])
    error = np.concatenate([s.error for s in said])
    doubt = DoubtModel.of(signs, error)
    factor = conformal_factor(error, doubt(signs))
    # The mean of n members errs by bias and noise / n: fewer were asked here than will be.
    gained = np.concatenate([(1 / s.num_members - 1 / num_members) * s.variance for s in said])
    whole = np.maximum((error**2).mean(0), 1e-12)
    return factor * np.sqrt(np.clip(1 - gained.mean(0) / whole, 0.25, 4)), doubt


def _temperature(said: Sequence[_Said], whole: Labeler) -> float:
    found = []
    for block in whole.space.blocks:
        if block.kind == "discrete":
            chances = np.concatenate([s.encoded[:, :, block.encoded].mean(0) for s in said])
            truth = np.concatenate([whole.space.encode(s.truth)[:, block.encoded] for s in said])
            found.append(best_temperature(chances, truth))
    return float(np.exp(np.mean(np.log(found)))) if found else 1.0


def _cut(labels: Labels, lengths: Sequence[int]) -> list[Labels]:
    ends = np.cumsum(lengths)[:-1]
    parts = (np.split(a, ends) for a in (labels.values, labels.half_width, labels.confidence))
    return [Labels(*arrays) for arrays in zip(*parts, strict=True)]
