"""What was measured, as a curve, and what the next demonstrations are expected to bring."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rotoscope.models.worth.curve import Curve, fit_curve, interval, resampled
from rotoscope.models.worth.measure import Measured


@dataclass(frozen=True, eq=False)
class Forecast:
    """A curve and what it says."""

    measured: Measured
    """What it is fitted to."""
    curve: Curve
    """Errors by the number of demonstrations."""
    more: int
    """Demonstrations that are to come."""
    means: tuple[float, ...]
    """Mean error of each count."""
    between: tuple[tuple[float, float], ...]
    """What 95 % of the means lie between that chance would have drawn."""
    now: tuple[float, float, float]
    """Error that all demonstrations are expected to leave, and what 95 % lie between."""
    gain: tuple[float, float, float]
    """How much smaller it is with `more` besides, and what 95 % lie between."""

    def as_json(self) -> dict[str, Any]:
        """The same as plain values; an infinite ceiling is `None`."""
        curve = asdict(self.curve)
        curve["ceiling"] = None if np.isinf(self.curve.ceiling) else self.curve.ceiling
        return {
            "error_is": _MEANING[self.measured.is_success],
            "episodes": self.measured.num_episodes,
            "counts": list(self.measured.counts),
            "errors": self.measured.errors.tolist(),
            "means": list(self.means),
            "between": [list(pair) for pair in self.between],
            "curve": curve,
            "now": list(self.now),
            "more": self.more,
            "gain": list(self.gain),
        }


_MEANING = {
    True: "share of starts that fail",
    False: "share of the actions' variance in held-out episodes that is not explained",
}


def forecast(measured: Measured, more: int) -> Forecast:
    """Fits the curve, and again to what chance might have drawn instead."""
    ceiling = 1.0 if measured.is_success else np.inf
    means = measured.errors.mean(axis=(1, 2))
    drawn = resampled(measured.errors)
    curve = fit_curve(measured.counts, means, ceiling=ceiling)
    others = [fit_curve(measured.counts, one, ceiling=ceiling) for one in drawn]
    num = measured.num_episodes
    now = interval([float(one([num])[0]) for one in others])
    gain = interval([one.gain(num, more) for one in others])
    return Forecast(
        measured=measured,
        curve=curve,
        more=more,
        means=tuple(means.tolist()),
        between=tuple(interval(column) for column in drawn.T),
        now=(float(curve([num])[0]), *now),
        gain=(curve.gain(num, more), *gain),
    )
