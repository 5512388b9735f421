"""What a labeler says on the dataset's clock, whether it is the chosen one or stands beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.episodes.resample import Resampler
from rotoscope.pipeline.errors import ContractError
from rotoscope.pipeline.recipe_sections import ExportSection
from rotoscope.pipeline.tracks import ActionTrack

RATE_TOLERANCE = 1e-3
"""Difference of two clocks that is taken for rounding, relative."""


@dataclass(frozen=True, eq=False)
class SideRows:
    """Actions of a labeler beside the chosen one, row by row as `action` would hold them."""

    values: Float[np.ndarray, "row action"]
    """NaN where unknown."""
    valid: Bool[np.ndarray, " row"]
    """Rows whose state and action are both valid."""
    confidence: Float[np.ndarray, " row"]
    """0..1; 0 where the row is not valid."""
    contract: ActionContract
    """What they mean, on the dataset's clock."""


def side_rows(actions: ActionTrack, resampler: Resampler, export: ExportSection) -> SideRows:
    """A labeler's frames as rows of a dataset, in its own joints or commands.

    Args:
        actions: On the frames that `resampler` reads.
        resampler: To the rows.
        export: Clock and shift.

    Raises:
        ContractError: Steps or commands of another rate than the dataset's.
    """
    shift = shift_of(actions, export)
    values, valid = on_rows(actions, resampler), resampler.both(actions.valid)
    confidence = np.where(valid, resampler.linear(actions.confidence), 0.0)
    row_valid = valid & _later(valid, shift, missing=False)
    lowest = np.minimum(confidence, _later(confidence, shift, missing=0.0))
    contract = actions.contract.model_copy(
        update={"rate_hz": float(export.fps), "shift_s": shift / export.fps}
    )
    later = _later(values, shift, missing=np.nan)
    return SideRows(later, row_valid, np.where(row_valid, lowest, 0.0), contract)


def shift_of(actions: ActionTrack, export: ExportSection) -> int:
    """Rows from a state to the action that leads to it; none for steps and commands.

    Raises:
        ContractError: Steps or commands of another rate than the dataset's.
    """
    if actions.contract.reaches_states:
        return export.shift_frames
    rate_hz = actions.contract.rate_hz
    if abs(rate_hz / export.fps - 1) > RATE_TOLERANCE:
        raise ContractError(
            f"{actions.labeler} gives steps or commands at {rate_hz:g} Hz, the dataset is to have "
            f"{export.fps} rows a second: a step of another length is another action; set "
            f"export.fps={rate_hz:g}"
        )
    return 0


def on_rows(actions: ActionTrack, resampler: Resampler) -> Float[np.ndarray, "row action"]:
    """The actions on the rows' clock; there is nothing between two choices."""
    values = resampler.linear(actions.values)
    for column, dimension in enumerate(actions.contract.dimensions):
        if dimension.quantity == "discrete":
            values[:, column] = actions.values[resampler.nearest, column]
    return values


def _later(values: np.ndarray, shift: int, *, missing: float | bool) -> np.ndarray:
    tail = np.full((min(shift, len(values)), *values.shape[1:]), missing, values.dtype)
    return np.concatenate([values[shift:], tail])
