"""What becomes `observation.state`, and the rows in which it is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.episodes.episode import Feature, StateColumns
from rotoscope.pipeline.errors import TrackError, quoted


@dataclass(frozen=True, eq=False)
class SeenState:
    """State columns taken from what was seen."""

    values: Float[np.ndarray, "row state"]
    """Finite throughout: rows in which something is unknown repeat the nearest known one."""
    is_known: Bool[np.ndarray, " row"]
    """Rows that were not filled in."""
    columns: StateColumns
    """What the numbers are."""


def seen_state(features: Mapping[str, Feature], names: Sequence[str]) -> SeenState | None:
    """Some features side by side as a state; `None` where no row is known.

    Raises:
        TrackError: A name that is no feature of this episode.
    """
    missing = [name for name in names if name not in features]
    if missing:
        raise TrackError(
            f"export.state names {quoted(missing)}, which no stage of the recipe gives; it gives "
            f"{quoted(features)}"
        )
    chosen = [features[name] for name in names]
    values = np.concatenate([f.values.astype(float) for f in chosen], axis=1)
    is_known = np.isfinite(values).all(axis=1)
    if not is_known.any():
        return None
    known = np.flatnonzero(is_known)
    after = np.clip(np.searchsorted(known, np.arange(len(values))), 0, len(known) - 1)
    before = np.maximum(after - 1, 0)
    rows = np.arange(len(values))
    is_before = rows - known[before] < np.abs(known[after] - rows)
    nearest = np.where(is_before, known[before], known[after])
    columns = StateColumns(
        names=_unique_names(names, chosen),
        unit=", ".join(dict.fromkeys(f.unit for f in chosen)),
        description=f"What was seen at the row: {', '.join(names)}.",
    )
    return SeenState(values[nearest], is_known, columns)


def _unique_names(names: Sequence[str], chosen: Sequence[Feature]) -> tuple[str, ...]:
    """The features' own names; with the feature's in front where two would be the same."""
    own = [n for feature in chosen for n in feature.names]
    if len(set(own)) == len(own):
        return tuple(own)
    pairs = zip(names, chosen, strict=True)
    return tuple(f"{name}.{n}" for name, feature in pairs for n in feature.names)
