"""How far two rows of features are apart, in units of a demonstration's own motion."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.errors import DatasetError

_AXIS = re.compile(r"([xyz]|\d+)$")
_STILL = 1e-6
"""A group that moves less than this share of its own size is still."""


@dataclass(frozen=True, eq=False)
class FeatureScale:
    """What numbers are divided by before they are compared."""

    groups: tuple[np.ndarray, ...]
    """Columns that belong together, such as x, y, z of a point: one unit, one scale."""
    scales: tuple[float, ...]
    """Standard deviation within a demonstration of the group's largest axis."""

    def known(self, rows: Float[np.ndarray, "row number"]) -> Bool[np.ndarray, " row"]:
        """Rows in which at least one group is known."""
        return np.asarray(self._of_groups(rows).any(axis=0))

    def whole(self, rows: Float[np.ndarray, "row number"]) -> Bool[np.ndarray, " row"]:
        """Rows in which every group is known."""
        return np.asarray(self._of_groups(rows).all(axis=0))

    def _of_groups(self, rows: Float[np.ndarray, "row number"]) -> Bool[np.ndarray, "group row"]:
        return np.array([np.isfinite(rows[:, columns]).all(1) for columns in self.groups])


def scale_of(demos: Sequence[Float[np.ndarray, "_ number"]], names: Sequence[str]) -> FeatureScale:
    """The scale of each group of numbers, from how far demonstrations move them.

    Numbers whose names differ in an axis or a number at their end (`hand.x` and `hand.y`, `pca.0`
    and `pca.1`) are one group, so that an axis that hardly moves is not blown up. A group that no
    demonstration moves, such as the place of a goal, is left out.

    Raises:
        DatasetError: Nothing moves.
    """
    groups: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        groups.setdefault(_AXIS.sub("", name), []).append(column)
    found = {}
    for name, columns in groups.items():
        parts = [demo[np.isfinite(demo[:, columns]).all(1)][:, columns] for demo in demos]
        parts = [part for part in parts if len(part)]
        if not parts:
            continue
        spread = np.sqrt(np.mean([part.var(axis=0) for part in parts], axis=0)).max()
        if spread > _STILL * max(float(np.abs(np.concatenate(parts)).max()), 1e-9):
            found[name] = (np.array(columns), float(spread))
    if not found:
        raise DatasetError(
            f"none of {', '.join(map(repr, groups))} moves in the demonstrations: nothing to align "
            "by; name other features, or a demonstration in which something happens"
        )
    return FeatureScale(tuple(c for c, _ in found.values()), tuple(s for _, s in found.values()))


def scaled(
    rows: Float[np.ndarray, "row number"], scale: FeatureScale
) -> Float[np.ndarray, "row scaled"]:
    """The numbers of all groups, each divided by its scale; NaN where not known."""
    parts = zip(scale.groups, scale.scales, strict=True)
    return np.concatenate([rows[:, columns] / size for columns, size in parts], axis=1)


def distances(
    rows: Float[np.ndarray, "row number"],
    others: Float[np.ndarray, "other number"],
    scale: FeatureScale,
) -> Float[np.ndarray, "row other"]:
    """Root mean square over groups of how far rows are apart, each group in its scale.

    Groups that are not known in both rows are left out of the mean; NaN where none is.
    """
    total = np.zeros((len(rows), len(others)))
    counts = np.zeros_like(total)
    for columns, size in zip(scale.groups, scale.scales, strict=True):
        ours, theirs = rows[:, columns] / size, others[:, columns] / size
        known = np.logical_and.outer(np.isfinite(ours).all(1), np.isfinite(theirs).all(1))
        total += np.where(known, _squares(np.nan_to_num(ours), np.nan_to_num(theirs)), 0)
        counts += known
    return np.sqrt(np.divide(total, counts, out=np.full_like(total, np.nan), where=counts > 0))


def _squares(
    ours: Float[np.ndarray, "row number"], theirs: Float[np.ndarray, "other number"]
) -> Float[np.ndarray, "row other"]:
    """Squared distances by inner products: rows times others numbers, whatever their length."""
    middle = theirs.mean(0)
    ours, theirs = ours - middle, theirs - middle
    inner = ours @ theirs.T
    return np.maximum((ours**2).sum(1)[:, None] + (theirs**2).sum(1) - 2 * inner, 0)
