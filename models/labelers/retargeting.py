"""Retargeted numbers as actions: what a recipe read off a hand or a body, in a dataset's contract.

A retargeting stage says where its robot would be. The robot of the labeled episodes may stand
elsewhere, count in other units, take steps instead of places, or move later. Each number of its
action is the simplest map of the retargeted ones that does well on labeled episodes left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rotoscope.models.labelers.copying import Copy, Differences, inside_limits, lines
from rotoscope.models.labelers.labeler import Labeler, LabelerConfig
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.data import LabeledEpisode, LabeledSet, UnlabelledEpisode
from rotoscope.models.training.folds import MIN_EPISODES, Folds
from rotoscope.pipeline.errors import UsageError

Form = Literal["identity", "gain", "linear"]
FORMS: tuple[Form, ...] = get_args(Form)
"""The simplest first."""
SIMPLER = 1.05
"""Times the least squared error that a simpler form may have and is still taken."""
_NUM_PARTS = 5
_MAX_ROWS = 20_000
"""Labeled rows that a map is chosen on, evenly spread: it has a dozen numbers."""
_RIDGE = 1e-6
"""Weight of the squared coefficients of `linear`, as a share of the rows: columns may be alike."""
_STILL = 1e-12
"""Variance below which a number of the action does not move."""


class RetargetingConfig(LabelerConfig):
    """What was retargeted, and how it may become an action."""

    inputs: tuple[str, ...] = ("label.retarget.arm",)
    """Column that a retargeting stage left beside the chosen labeler, or poses of hand or body,
    such as `track.hand.wrist`."""
    form: Form | None = None
    """`identity` takes the number of the same place as it is, `gain` one number with slope and
    offset (another unit or origin), `linear` all of them (another frame). Where not given, the
    simplest whose squared error on labeled episodes left out is within 5 % of the least."""
    max_ahead: int = Field(default=7, ge=0, le=100)
    """How many rows ahead a number is looked at most, itself or how far it moves until there."""


class Retargeting(Labeler):
    """Retargeted actions, as a dataset has them or from its poses, in the contract of its actions.

    Of each number of the action is chosen on the labeled rows: which map (identity, gain and
    offset, or linear), of the retargeted numbers or of how far they move, and how many rows ahead.
    `learned` in `metrics.json` says what was.
    """

    Config: ClassVar[type[LabelerConfig]] = RetargetingConfig
    config: RetargetingConfig

    @classmethod
    def check_settings(cls, config: Any) -> None:
        """Refuses pictures: what is retargeted are numbers."""
        super().check_settings(config)
        if config.camera or not config.inputs:
            raise UsageError(
                "the labeler 'retargeting' maps numbers, and sees no pictures: set inputs, such "
                "as -o inputs=[label.retarget.arm], and no camera"
            )

    def fit(self, data: LabeledSet) -> None:
        """Chooses map, rows ahead and whether of places or of motions, for each number apart."""
        num_columns = data.episodes[0].features.shape[1]
        num_actions = len(self.contract.dimensions)
        forms = [self.config.form] if self.config.form else FORMS
        forms = [f for f in forms if f != "identity" or num_columns == num_actions]
        if not forms:
            raise UsageError(
                f"form=identity takes as many numbers as an action has, {num_actions} "
                f"({', '.join(self.contract.names)}); {', '.join(data.inputs)} have {num_columns}: "
                "name other inputs, or leave form out"
            )
        every = range(self.config.max_ahead + 1)
        choices = [(m, k) for m in (False, True) for k in every if k or not m]
        error = np.array(
            [[_held_out_error(f, _pairs(data, *c)) for c in choices] for f in forms]
        )  # (form, choice, action)
        least = error.min(axis=1)
        form = np.argmax(least <= SIMPLER * least.min(axis=0) + _STILL, axis=0)
        number = np.arange(num_actions)
        choice = error.argmin(axis=1)[form, number]
        is_motion, ahead = np.array(choices).T
        weight, offset = np.zeros((num_columns, num_actions)), np.zeros(num_actions)
        for f, c in sorted(set(zip(form.tolist(), choice.tolist(), strict=True))):
            own = (form == f) & (choice == c)
            parts = _pairs(data, *choices[c])
            found = _fitted(forms[f], *(np.concatenate(side) for side in zip(*parts, strict=True)))
            weight[:, own], offset[own] = found[0][:, own], found[1][own]
        self.arrays = {
            "form": np.array([FORMS.index(f) for f in forms])[form],
            "is_motion": is_motion[choice],
            "ahead": ahead[choice],
            "weight": weight,
            "offset": offset,
        }

    def learned(self) -> dict[str, Any]:
        """For each number of the action, its map in words."""
        kept = (self.arrays[name].tolist() for name in ("form", "is_motion", "ahead"))
        return {
            name: f"{FORMS[form]} of {'motions' if is_motion else 'places'}, {ahead} rows ahead"
            for name, form, is_motion, ahead in zip(self.contract.names, *kept, strict=True)
        }

    def label(self, episode: UnlabelledEpisode) -> Labels:
        """The map's values inside the contract's limits; NaN where what it maps is not known."""
        made = np.full((len(episode.time_s), len(self.contract.dimensions)), np.nan)
        pairs = np.stack([self.arrays["is_motion"], self.arrays["ahead"]], axis=1)
        for is_motion, ahead in np.unique(pairs, axis=0):
            own = (pairs == (is_motion, ahead)).all(axis=1)
            seen = _looked_at(episode.features, bool(is_motion), int(ahead))
            made[:, own] = seen @ self.arrays["weight"][:, own] + self.arrays["offset"][own]
        is_seen = np.isfinite(episode.features).all(axis=1, keepdims=True)
        return Labels(np.where(is_seen, inside_limits(made, self.contract), np.nan))


Pair = tuple[np.ndarray, np.ndarray]
"""What is looked at and what was done, in the rows of an episode where both are known."""


def _pairs(data: LabeledSet, is_motion: bool, ahead: int) -> list[Pair]:
    step = -(-sum(len(e.time_s) for e in data.episodes) // _MAX_ROWS)
    return [_pair(episode, is_motion, ahead, step) for episode in data.episodes]


def _pair(episode: LabeledEpisode, is_motion: bool, ahead: int, step: int) -> Pair:
    seen = _looked_at(episode.features, is_motion, ahead)
    known = np.flatnonzero(episode.valid & np.isfinite(seen).all(axis=1))[::step]
    return seen[known], episode.actions[known]


def _looked_at(features: np.ndarray, is_motion: bool, ahead: int) -> np.ndarray:
    return (Differences if is_motion else Copy).looked_at(features, ahead)


def _held_out_error(form: Form, parts: Sequence[Pair]) -> Float[np.ndarray, " action"]:
    """Squared error of each number on episodes left out; of those fitted to, where there are few.

    In variances of the number; 0 of what does not move.
    """
    actions = np.concatenate([done for _, done in parts])
    variance = actions.var(axis=0) if len(actions) else np.zeros(actions.shape[1])
    total = np.zeros(len(variance))
    every = list(range(len(parts)))
    split = [(every, every)]
    if len(parts) >= MIN_EPISODES:
        folds = Folds.of([[i] for i in every], _NUM_PARTS, seed=0)
        split = [(folds.others(n), list(p)) for n, p in enumerate(folds.parts)]
    for fitted, asked in split:
        known, others = ([np.concatenate(s) for s in zip(*(parts[i] for i in which), strict=True)]
                         for which in (fitted, asked))  # fmt: skip
        weight, offset = _fitted(form, *known)
        total += ((others[0] @ weight + offset - others[1]) ** 2).sum(axis=0)
    moves = variance > _STILL
    return np.where(moves, total / max(1, len(actions)) / np.where(moves, variance, 1.0), 0.0)


def _fitted(form: Form, seen: np.ndarray, done: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (column, action) and offsets (action)."""
    num_columns, num_actions = seen.shape[1], done.shape[1]
    nothing = np.zeros((num_columns, num_actions))
    if form == "identity":
        return np.eye(num_actions), np.zeros(num_actions)
    if not len(seen):
        return nothing, np.zeros(num_actions)
    if form == "gain":
        error, slope, offset = lines(seen, done)
        best, number = error.argmin(axis=0), np.arange(num_actions)
        nothing[best, number] = slope[best, number]
        return nothing, offset[best, number]
    middle, target = seen.mean(axis=0), done.mean(axis=0)
    x, spread = seen - middle, np.maximum(seen.std(axis=0), 1e-9)
    x = x / spread
    penalty = _RIDGE * len(x) * np.eye(num_columns)
    weight = np.linalg.solve(x.T @ x + penalty, x.T @ (done - target)) / spread[:, None]
    return weight, target - middle @ weight
