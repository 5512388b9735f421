"""What all tracks share."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from rotoscope.pipeline.errors import TrackError

Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")
BOTH = "both"
"""Subject of what a robot with two arms does with the hands of one person."""
SCENE = "scene"
"""Subject of what belongs to nobody."""


@dataclass(frozen=True, eq=False)
class Track:
    """Base of all tracks. Array fields share their first axis, time, unless named static."""

    @classmethod
    def static_fields(cls) -> frozenset[str]:
        """Array fields that hold one value for the whole clip."""
        return frozenset()

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            is_time = field.name not in self.static_fields()
            if isinstance(value, np.ndarray) and (
                value.dtype.kind not in "biuf" or (is_time and value.ndim == 0)
            ):
                raise TrackError(
                    f"{type(self).__name__}.{field.name} must be an array of real numbers or "
                    f"booleans with an axis of time, got {value.dtype} of shape {value.shape}"
                )
        lengths = {name: len(array) for name, array in self._time_arrays().items()}
        if len(set(lengths.values())) > 1:
            raise TrackError(f"{type(self).__name__}: arrays differ in length: {lengths}")

    def _time_arrays(self) -> dict[str, np.ndarray]:
        return {
            f.name: value
            for f in dataclasses.fields(self)
            if isinstance(value := getattr(self, f.name), np.ndarray)
            and f.name not in self.static_fields()
        }

    @property
    def num_frames(self) -> int | None:
        """Frames on the time axis, or `None` for a track without one."""
        arrays = self._time_arrays()
        return len(next(iter(arrays.values()))) if arrays else None

    def slice(self, start: int, end: int) -> Self:
        """The same track on frames `[start, end)`."""
        return self.replace(**{k: v[start:end] for k, v in self._time_arrays().items()})

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)


def require_shape(owner: str, name: str, array: np.ndarray | None, tail: tuple[int, ...]) -> None:
    """Raises `TrackError` unless `array` is absent or shaped `(time, *tail)`."""
    if array is not None and (array.ndim != 1 + len(tail) or array.shape[1:] != tail):
        want = "(time" + "".join(f", {n}" for n in tail) + ")"
        raise TrackError(f"{owner}.{name} must have shape {want}, got {array.shape}")
