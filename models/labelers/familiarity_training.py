"""What is familiar, learned: statistics of episodes that the model of what is seen had not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rotoscope.models.encoders.pca import PictureComponents
from rotoscope.models.labelers.familiarity import (
    CHANGE_WEIGHT,
    Familiarity,
    motion,
    smoothed,
)
from rotoscope.models.training.alike import alike
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.models.training.folds import Folds
from rotoscope.models.training.maps import Joined
from rotoscope.models.training.scaling import safe

_COMPONENTS = 16
_MAX_ANCHORS = 1500
_NUM_FOLDS = 8
_SHARE = 0.9
"""Share of every held-out episode's rows that must be familiar."""
_MARGIN, _FEW = 1.25, 1.5
"""Times what held-out episodes reach, and over their number on top of it: the next is stranger than
all of three in one case of four, in some statistic more often."""
_LEAST_REACH = 0.01
"""Of a logarithm: what never varies is not judged by its last digit."""


def learn_familiarity(data: LabeledSet, *, seed: int) -> Familiarity:
    """What episodes like those of a labeled set look like.

    Args:
        data: With pictures where the labeler sees any.
        seed: Which episodes are held out together, where there are many.
    """
    episodes, step_s = _known(data), 1 / data.contract.rate_hz
    folds = Folds.of(alike(episodes), _NUM_FOLDS, seed=seed)
    found = []
    for number, part in enumerate(folds.parts):
        blind = _fitted([episodes[i] for i in folds.others(number)], step_s)
        found += [_statistics(blind, episodes[i]) for i in part]
    middle = np.median(np.concatenate(found), axis=0)
    # The limit of each statistic is what holds 90 % of the rows of every held-out episode, and of
    # all together what does so for their largest.
    tops = np.max([np.quantile(rows, _SHARE, axis=0) for rows in found], axis=0)
    reach = np.maximum(tops - middle, _LEAST_REACH)
    largest = [np.quantile(((rows - middle) / reach).max(axis=1), _SHARE) for rows in found]
    reach = reach * max(1.0, float(max(largest))) * (_MARGIN + _FEW / len(episodes))
    return replace(_fitted(episodes, step_s), middle=middle, reach=reach)


def num_familiar(data: LabeledSet) -> int:
    """How many episodes that differ have a row of which all is known that is seen."""
    return len(alike(_known(data)))


def _known(data: LabeledSet) -> list[LabeledEpisode]:
    return [e for e in data.episodes if np.isfinite(e.features).all(axis=1).any()]


def _fitted(episodes: Sequence[LabeledEpisode], step_s: float) -> Familiarity:
    """Components, scales and anchors of some episodes; limits are not known yet."""
    pictures = [e.images for e in episodes if e.images is not None]
    looks = PictureComponents.of(Joined(tuple(pictures)), _COMPONENTS) if pictures else None
    columns = [_columns(e, looks) for e in episodes]
    known = np.concatenate([c[np.isfinite(c).all(axis=1)] for c in columns])
    num_own = episodes[0].features.shape[1]
    center, scale = known.mean(axis=0), safe(known.std(axis=0))
    scale[num_own:] = safe(np.sqrt(known[:, num_own:].var(axis=0).mean()) if looks else 1.0)
    moments = []
    for episode, seen in zip(episodes, columns, strict=True):
        here = np.isfinite(seen).all(axis=1)
        scaled = (seen - center) / scale
        moments.append(np.stack(motion(episode.time_s, scaled, episode.time_s[here]), axis=1))
    rows = np.concatenate(moments)
    change_scale = safe(np.sqrt((rows[:, 1:] ** 2).mean()))
    rows[:, 1:] *= CHANGE_WEIGHT / change_scale
    anchors = rows[:: -(-len(rows) // _MAX_ANCHORS)].astype(np.float32)
    unknown = np.zeros(0)
    return Familiarity(
        looks,
        center,
        scale,
        change_scale=np.array([float(change_scale)]),
        step_s=np.array([step_s]),
        anchors=anchors,
        middle=unknown,
        reach=unknown,
    )


def _columns(episode: LabeledEpisode, looks: PictureComponents | None) -> np.ndarray:
    if looks is None:
        return episode.features
    assert episode.images is not None
    return np.concatenate([episode.features, looks(episode.images, episode.images)], axis=1)


def _statistics(blind: Familiarity, episode: LabeledEpisode) -> np.ndarray:
    """Of an episode's rows whose features are known, as they are smoothed when it is labeled."""
    glances = None if episode.images is None else blind.glance(episode.images)
    at_s = episode.time_s[np.isfinite(episode.features).all(axis=1)]
    found = blind.statistics(episode.time_s, episode.features, glances, at_s)
    return smoothed(found, at_s)
