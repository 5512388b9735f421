"""The motion model: a cubic spline in time whose jerk is white noise, held over knot intervals.

Position, velocity and acceleration are continuous; the jerk is constant between knots and drawn
anew in each interval. This is the white-jerk (constant-acceleration) model of the tracking
literature in the form of a P-spline (Eilers and Marx 1996): a sample at any time is a weighted sum
of four neighboring coefficients, exact for every frame interval, and the jerk of an interval is
the third difference of the same four. All quantities of the smoother are such *functionals*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

THIRD_DIFFERENCE = np.array([-1.0, 3.0, -3.0, 1.0])
KNOT_INTERVAL_S = 1.0 / 15.0
"""Knots lie this far apart [s]: a cubic spline then follows 5 Hz, faster than hands reach, to 5 %
of its amplitude, and one block of the solver holds 0.2 s of motion."""


class Functionals:
    """Many weighted sums of four consecutive spline coefficients.

    Args:
        first: Index of the first coefficient of each sum.
        weights: Its four weights.
        num_coefficients: How many coefficients there are.
    """

    def __init__(
        self,
        first: Int[np.ndarray, " row"],
        weights: Float[np.ndarray, "row 4"],
        num_coefficients: int,
    ) -> None:
        from scipy.sparse import csr_array

        self.num_rows = len(first)
        self._num_coefficients = num_coefficients
        pointer = 4 * np.arange(len(first) + 1)
        index = (first[:, None] + np.arange(4)).ravel()
        shape = (len(first), num_coefficients)
        self._rows: Any = csr_array((weights.ravel(), index, pointer), shape=shape)
        self._rows_T: Any = self._rows.T.tocsr()
        i, j = np.triu_indices(4)
        columns = (first[:, None] + i) * 4 + (j - i)
        pointer = len(i) * np.arange(len(first) + 1)
        pair_shape = (len(first), 4 * num_coefficients)
        products = weights[:, i] * weights[:, j]
        self._pairs: Any = csr_array((products.ravel(), columns.ravel(), pointer), shape=pair_shape)
        self._pairs_T: Any = self._pairs.T.tocsr()

    def values(self, coefficients: np.ndarray) -> np.ndarray:
        """The sums themselves, (row, ...) from (coefficient, ...)."""
        flat = self._rows @ coefficients.reshape(len(coefficients), -1)
        return np.asarray(flat).reshape(-1, *coefficients.shape[1:])

    def scatter(self, values: np.ndarray) -> np.ndarray:
        """Adjoint of `values`: (coefficient, ...) from (row, ...)."""
        flat = self._rows_T @ values.reshape(len(values), -1)
        return np.asarray(flat).reshape(-1, *values.shape[1:])

    def gram(self, precision: np.ndarray) -> np.ndarray:
        """Band (coefficient, 4, ...) of the sum over rows of weights outer weights x precision."""
        flat = precision.reshape(len(precision), -1)
        band = self._pairs_T @ flat
        return np.asarray(band).reshape(self._num_coefficients, 4, *precision.shape[1:])

    def covariance(self, band: np.ndarray) -> np.ndarray:
        """Covariance of each sum, (row, ..., n, n), from the band of the coefficients' one."""
        halved = band.copy()
        halved[:, 0] *= 0.5  # the diagonal would be counted twice below
        flat = self._pairs @ halved.reshape(4 * self._num_coefficients, -1)
        half = np.asarray(flat).reshape(-1, *band.shape[2:])
        return np.asarray(half + np.swapaxes(half, -1, -2))


@dataclass(frozen=True, eq=False)
class Knots:
    """Where the knots of all segments lie; coefficients of segments stand one after the other."""

    start_s: Float[np.ndarray, " segment"]
    """Time of each segment's first knot [s]."""
    num_intervals: Int[np.ndarray, " segment"]
    """Knot intervals of each segment, a multiple of 3."""
    interval_s: float
    """Distance of knots [s]."""

    @classmethod
    def cover(
        cls,
        first_s: Float[np.ndarray, " segment"],
        last_s: Float[np.ndarray, " segment"],
        interval_s: float,
    ) -> Knots:
        """Knots around each span, centered on it so that nothing depends on time's direction."""
        blocks = np.maximum(np.ceil((last_s - first_s) / (3.0 * interval_s) - 1e-9), 1)
        num_intervals = 3 * blocks.astype(np.intp)
        start_s = 0.5 * (first_s + last_s - num_intervals * interval_s)
        return cls(start_s, num_intervals, interval_s)

    @property
    def first_coefficient(self) -> Int[np.ndarray, " segment"]:
        """Index of each segment's first coefficient."""
        return np.concatenate([[0], np.cumsum(self.num_intervals + 3)[:-1]])

    @property
    def num_coefficients(self) -> int:
        """Coefficients of all segments together, a multiple of 3."""
        return int((self.num_intervals + 3).sum())

    def samples(
        self, time_s: Float[np.ndarray, " row"], segment: Int[np.ndarray, " row"]
    ) -> Functionals:
        """The spline's value at each time, which must lie in the named segment."""
        k = self.interval(time_s, segment)
        # The four pieces of the uniform cubic B-spline that are not zero in an interval.
        f = (time_s - self.start_s[segment]) / self.interval_s - k
        pieces = [(1 - f) ** 3, 3 * f**3 - 6 * f**2 + 4, -3 * f**3 + 3 * f**2 + 3 * f + 1, f**3]
        first = self.first_coefficient[segment] + k
        return Functionals(first, np.stack(pieces, axis=1) / 6.0, self.num_coefficients)

    def interval(
        self, time_s: Float[np.ndarray, " row"], segment: Int[np.ndarray, " row"]
    ) -> Int[np.ndarray, " row"]:
        """The knot interval of its segment that each time lies in."""
        u = (time_s - self.start_s[segment]) / self.interval_s
        return np.clip(u.astype(np.intp), 0, self.num_intervals[segment] - 1)

    @property
    def first_of_interval(self) -> Int[np.ndarray, " interval"]:
        """Index of the first coefficient of every knot interval."""
        spans = zip(self.first_coefficient, self.num_intervals, strict=True)
        return np.concatenate([start + np.arange(count) for start, count in spans])

    def jerks(self) -> Functionals:
        """Third differences, one a knot interval: jerk times the cube of the knot distance."""
        return self._differences(THIRD_DIFFERENCE)

    def slopes(self) -> Functionals:
        """Central first differences, one a knot interval: velocity times the knot distance."""
        return self._differences(np.array([0.0, -1.0, 1.0, 0.0]))

    def _differences(self, weights: Float[np.ndarray, " 4"]) -> Functionals:
        first = self.first_of_interval
        return Functionals(first, np.tile(weights, (len(first), 1)), self.num_coefficients)
