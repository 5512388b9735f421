"""How much what is seen is like what a labeler was trained on: `label.familiarity`, 0..1.

An error model knows only errors that were met. Noise, a dimmed or mirrored picture, a frozen or
reversed video, another task lie outside of all of them, and nothing in a prediction tells. What
does are a few statistics of what is seen, each compared with the same of *held-out* episodes: the
next episode of the same robot is always a little stranger than those that were fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.encoders.pca import PictureComponents
from rotoscope.models.labelers.familiar_marks import NUM_MARKS, marks
from rotoscope.models.labelers.labels import UNFAMILIAR
from rotoscope.models.training.data import UnlabelledEpisode
from rotoscope.models.training.distances import squared_distances
from rotoscope.models.training.model_folder import Shape, below
from rotoscope.models.training.windows import sample_windows
from rotoscope.pipeline.contract import ActionContract

LAG_S = 0.1
"""How far before and after a moment its motion is looked at [s]."""
SMOOTHED_S = 0.5
"""Statistics are means over the rows this near [s]: what is strange stays so for a while."""
CHANGE_WEIGHT = 3.0
"""Weight of how things move against where they are, in the distance between motions.

Like the two above and the margin in `familiarity_training`, chosen on two tasks of iVideoGPT
(button-press-topdown-wall, coffee-push), renderings of push, door-open and window-open of
Meta-World and the first four episodes of a real robot; two and four do as well, and so do lags of
0.3 s and means over a second, nearly. That speed and roughness count was chosen on these and, from
state, on PushT, push, door-open, window-open, peg-unplug-side, hand-insert, push-back, pick-place
and coffee-push, each done by an expert, with noise, in play and at random. Means of both over a
whole clip, which would tell half the speed, called .26 to .50 of what is as it should be strange on
three of the sets, and are not taken."""
_STEEP = 4
"""How fast familiarity falls: a third beyond the limit, a fifth of the confidence is left."""
_STILL = 1e-3
"""Added to distances before their logarithm, in their unit, the spread: all less is no motion."""
_SLOW = 0.1
"""Added to speed where roughness is held against it, in the same unit: less is a camera's noise."""
_NUM_STATISTICS = 7
"""Of what is seen, besides the marks of pictures."""
_IN_THE_DARK = 2.33
"""Half of a 90 % interval where nothing is known, in spreads: label and truth are two draws of
one normal distribution, 1.645 sqrt(2). At least: whoever acts otherwise may do anything within the
limits of actions."""


@dataclass(frozen=True, eq=False)
class Familiarity:
    """What held-out episodes of the training data look like."""

    looks: PictureComponents | None
    """Principal components of the training pictures; `None` where none are seen."""
    centre: Float[np.ndarray, " column"]
    """Mean of each column: the features that the labeler sees, then the components of pictures."""
    scale: Float[np.ndarray, " column"]
    """Spread of each; that of all components together for components."""
    change_scale: Float[np.ndarray, " one"]
    """Root mean square of scaled changes over `LAG_S`."""
    step_s: Float[np.ndarray, " one"]
    """Time from row to row [s]: over it, motion is looked at for how rough it is."""
    anchors: Float[np.ndarray, "anchor 3 column"]
    """Training rows, scaled: where things are; how they were `LAG_S` before and are after, as
    weighted changes."""
    middle: Float[np.ndarray, " statistic"]
    """Median of each statistic over held-out episodes."""
    reach: Float[np.ndarray, " statistic"]
    """How far above it a statistic may be on more of them."""

    def glance(
        self, images: UInt8[np.ndarray, "frame height size 3"]
    ) -> Float[np.ndarray, "frame number"]:
        """What pictures look like: components, then `NUM_MARKS` marks."""
        assert self.looks is not None
        return np.concatenate([self.looks(images, images), marks(self.looks, images)], axis=1)

    def statistics(
        self,
        time_s: Float[np.ndarray, " frame"],
        features: Float[np.ndarray, "frame feature"],
        glances: Float[np.ndarray, "frame number"] | None,
        at_s: Float[np.ndarray, " row"],
    ) -> Float[np.ndarray, "row statistic"]:
        """Logarithms, larger where stranger, of moments that need not fall on frames.

        How far from every training row what is seen lies; the same of motions; how still all is;
        how much nearer the motion would be if it ran backwards; how fast all moves, how rough that
        is, and how rough for its speed; and the pictures' marks.
        """
        parts = [features] if glances is None else [features, glances[:, :-NUM_MARKS]]
        columns = (np.concatenate(parts, axis=1) - self.centre) / self.scale
        now, before, after = motion(time_s, columns, at_s)
        weight = CHANGE_WEIGHT / self.change_scale[0]
        before, after = weight * before, weight * after
        places, motions = self.anchors[:, 0], self.anchors.reshape(len(self.anchors), -1)
        forth = _nearest(np.concatenate([now, before, after], axis=1), motions)
        back = _nearest(np.concatenate([now, after, before], axis=1), motions)
        speed = _log_norm(np.concatenate([before, after], axis=1) / CHANGE_WEIGHT)
        # From one row to the next: a random action's jerk is gone where ten of them add up.
        _, before, after = motion(time_s, columns, at_s, lag_s=self.step_s[0])
        rough = _log_norm((before + after) / self.change_scale[0])
        found = [_nearest(now, places), forth, -speed, forth - back, speed, rough]
        # What hardly moves is rough for its speed, and what is still is not rough at all.
        found.append(rough - np.log(np.exp(speed) + _SLOW))
        if glances is not None:
            own = glances[:, -NUM_MARKS:]
            held, _ = sample_windows(time_s, own, at_s, np.zeros(1), at_ends="hold")
            found += list(held[:, 0].T)
        return np.stack(found, axis=1)

    def __call__(
        self, statistics: Float[np.ndarray, "row statistic"], at_s: Float[np.ndarray, " row"]
    ) -> Float[np.ndarray, " row"]:
        """0..1, `UNFAMILIAR` where held-out episodes end; of all rows of a clip, in order."""
        off = (smoothed(statistics, at_s) - self.middle) / self.reach
        return 2.0 ** -(np.maximum(off.max(axis=1), 0) ** _STEEP)

    def of_episode(self, episode: UnlabelledEpisode) -> Float[np.ndarray, " row"]:
        """0..1 of every row; NaN where what is seen is not known."""
        glances = None if episode.images is None else self.glance(episode.images)
        known = np.isfinite(episode.features).all(axis=1)
        at_s = episode.time_s[known]
        out = np.full(len(known), np.nan)
        if known.any():
            out[known] = self(
                self.statistics(episode.time_s, episode.features, glances, at_s), at_s
            )
        return out


def familiarity_arrays(familiarity: Familiarity) -> dict[str, np.ndarray]:
    """Everything of it by name, for a labeler's file."""
    own = vars(familiarity).copy()
    looks = own.pop("looks")
    arrays = {f"familiar.{name}": value for name, value in own.items()}
    if looks is not None:
        arrays |= {f"looks.{name}": value for name, value in vars(looks).items()}
    return arrays


def familiarity_of(arrays: Mapping[str, np.ndarray]) -> Familiarity:
    """What `familiarity_arrays` made names of."""
    looks, own = below(arrays, "looks."), below(arrays, "familiar.")
    return Familiarity(PictureComponents(**looks) if looks else None, **own)


def familiarity_shapes(
    arrays: Mapping[str, np.ndarray], num_own: int, *, has_pictures: bool
) -> dict[str, Shape]:
    """What `familiarity_arrays` holds, of a labeler that sees `num_own` columns of features."""
    directions = arrays.get("looks.directions", np.zeros((0, 0)))
    num = num_own + (directions.shape[-1] if has_pictures else 0)
    wanted: dict[str, Shape] = {
        "familiar.centre": (num,),
        "familiar.scale": (num,),
        "familiar.change_scale": (1,),
        "familiar.step_s": (1,),
        "familiar.anchors": ("anchor", 3, num),
        "familiar.middle": (_NUM_STATISTICS + NUM_MARKS * has_pictures,),
        "familiar.reach": (_NUM_STATISTICS + NUM_MARKS * has_pictures,),
    }
    if has_pictures:
        wanted |= {"looks.mean": ("look pixel",), "looks.directions": ("look pixel", "look")}
    return wanted


def smoothed(
    statistics: Float[np.ndarray, "row statistic"], at_s: Float[np.ndarray, " row"]
) -> Float[np.ndarray, "row statistic"]:
    """Means over the rows within `SMOOTHED_S`."""
    sums = np.concatenate([np.zeros((1, statistics.shape[1])), np.cumsum(statistics, axis=0)])
    first = np.searchsorted(at_s, at_s - SMOOTHED_S - 1e-6)
    end = np.searchsorted(at_s, at_s + SMOOTHED_S + 1e-6)
    means: np.ndarray = (sums[end] - sums[first]) / (end - first)[:, None]
    return means


def trust(familiarity: Float[np.ndarray, " row"]) -> Float[np.ndarray, " row"]:
    """What confidence is multiplied by: 1 for the familiar, less and less for the rest."""
    return np.minimum(1.0, familiarity / UNFAMILIAR)


def least_half_width(
    familiarity: Float[np.ndarray, " row"],
    values: Float[np.ndarray, "row action"],
    spread: Float[np.ndarray, " action"],
    contract: ActionContract,
) -> Float[np.ndarray, "row action"]:
    """What half of a 90 % interval must be at least: all, where nothing is trusted.

    Args:
        familiarity: 0..1.
        values: Labels; the interval lies about them.
        spread: 1-sigma of training actions.
        contract: Of the actions; where they have limits, anything within these may be done.
    """
    low, high = contract.bounds()
    limited = np.isfinite(high - low)
    low, high = np.where(limited, low, 0), np.where(limited, high, 0)
    # What holds nine tenths of the range, about its middle or about a label that is nearer to one
    # of its ends.
    further = np.maximum(values - low, high - values) - 0.1 * (high - low)
    anything = np.where(limited, np.maximum(further, 0.45 * (high - low)), 0)
    dark: np.ndarray = np.maximum(anything, _IN_THE_DARK * spread)
    return (1 - trust(familiarity))[:, None] * dark


def motion(
    time_s: np.ndarray, columns: np.ndarray, at_s: np.ndarray, *, lag_s: float = LAG_S
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where things are, and how they change from there to `lag_s` before and after.

    What is not known there has not changed.
    """
    offsets_s = np.array([-lag_s, 0.0, lag_s])
    found, _ = sample_windows(time_s, columns, at_s, offsets_s, at_ends="hold")
    before, now, after = np.moveaxis(found, 1, 0)
    now = np.nan_to_num(now)
    return now, np.nan_to_num(before - now), np.nan_to_num(after - now)


def _log_norm(rows: Float[np.ndarray, "row column"]) -> Float[np.ndarray, " row"]:
    return np.asarray(np.log(np.linalg.norm(rows, axis=1) + _STILL))


def _nearest(rows: np.ndarray, anchors: np.ndarray) -> Float[np.ndarray, " row"]:
    """Logarithm of the distance to the nearest anchor."""
    parts = [np.zeros(0)]
    for start in range(0, len(rows), 512):
        squared = squared_distances(rows[start : start + 512], anchors)
        parts.append(np.sqrt(squared.min(axis=1)).astype(float))
    return np.log(np.concatenate(parts) + _STILL)
