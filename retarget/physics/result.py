"""What became of a robot's trajectory under gravity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.retarget.physics.settings import Root


@dataclass(frozen=True, eq=False)
class PhysicsResult:
    """What became of a trajectory. After a fall, per-frame values are NaN and `upright` False."""

    root: Root
    """How the root was held."""
    fall_s: float | None
    """Time of the fall since the first frame [s]; `None` if it never fell."""
    duration_s: float
    """Length of the trajectory [s]."""
    joint_error_rad: Float[np.ndarray, "time joint"]
    """Reached less wanted values of the joints that were given [rad or m]."""
    root_error_m: Float[np.ndarray, " time"]
    """Distance of the root from where it was wanted [m]; NaN if bolted."""
    root_error_rad: Float[np.ndarray, " time"]
    """Angle between its reached and its wanted rotation [rad]; NaN if bolted."""
    saturated: Float[np.ndarray, " time"]
    """Share of joints and timesteps since the frame before with a torque at its limit."""
    slip_m_s: Float[np.ndarray, " time"]
    """Horizontal speed of the points on the floor, by the force they carry [m/s]; NaN in flight."""
    assist_force: Float[np.ndarray, " time"]
    """Mean assisting force since the frame before, in body weights; NaN if not assisted."""
    assist_torque: Float[np.ndarray, " time"]
    """The same of the torque, in body weights times the root's height at the start."""
    upright: Bool[np.ndarray, " time"]
    """The robot has not fallen yet."""
    start_shift_m: float
    """How far the robot was raised (or lowered) at the start so that it touches the floor [m]."""

    def facts(self) -> dict[str, float | None]:
        """The result in a few numbers; `None` where there is nothing to say."""
        error_deg = np.degrees(np.abs(self.joint_error_rad))
        return {
            "fall_s": self.fall_s,
            "tracked_share": float(self.upright.mean()),
            "joint_error_median_deg": _quantile(error_deg, 0.5),
            "joint_error_p95_deg": _quantile(error_deg, 0.95),
            "root_error_median_m": _quantile(self.root_error_m, 0.5),
            "root_error_p95_m": _quantile(self.root_error_m, 0.95),
            "saturation_share": _mean(self.saturated),
            "slip_mean_m_s": _mean(self.slip_m_s),
            "assist_force_weights": _mean(self.assist_force),
            "assist_torque_weights": _mean(self.assist_torque),
            "start_shift_m": self.start_shift_m,
        }


def _quantile(values: np.ndarray, share: float) -> float | None:
    seen = values[np.isfinite(values)]
    return float(np.quantile(seen, share)) if len(seen) else None


def _mean(values: np.ndarray) -> float | None:
    seen = values[np.isfinite(values)]
    return float(seen.mean()) if len(seen) else None
