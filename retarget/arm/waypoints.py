"""A few frames that stand for a whole trajectory."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from rotoscope.pipeline.geometry import se3

NUM_WAYPOINTS = 20
"""How many frames that is at most."""


def choose_waypoints(
    p_m: Float[np.ndarray, "time 3"], time_s: Float[np.ndarray, " time"]
) -> Int[np.ndarray, " waypoint"]:
    """Frames that stand for a trajectory: evenly spread ones, far out ones and a fast one.

    Far out and fast are taken at the 2nd and 98th percentile, so that no single bad pose decides
    where the base goes.
    """
    count = len(p_m)
    even = np.linspace(0, count - 1, min(count, NUM_WAYPOINTS - 7)).round().astype(int)
    low, high = int(0.02 * (count - 1)), int(np.ceil(0.98 * (count - 1)))
    speed = np.linalg.norm(np.gradient(p_m, time_s, axis=0), axis=1) if count > 1 else np.zeros(1)
    by_value = np.argsort(np.column_stack([p_m, speed]), axis=0, kind="stable")
    return np.unique(np.concatenate([even, by_value[low, :3], by_value[high]]))


def twists(
    T: Float[np.ndarray, "time 4 4"], time_s: Float[np.ndarray, " time"], at: np.ndarray
) -> Float[np.ndarray, "waypoint 6"]:
    """Linear and angular velocity around some frames, along the axes the poses are given in."""
    before, after = np.maximum(at - 2, 0), np.minimum(at + 2, len(T) - 1)
    span = np.maximum(time_s[after] - time_s[before], 1e-3)[:, None]
    turned = se3.log_so3(T[after, :3, :3] @ np.swapaxes(T[before, :3, :3], 1, 2))
    return np.concatenate([T[after, :3, 3] - T[before, :3, 3], turned], axis=1) / span
