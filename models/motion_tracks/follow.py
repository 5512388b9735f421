"""What a robot does to follow motion tracks, learned from a few of its own episodes.

Tracks say where a hand goes; how hard a robot must push for that, only its own episodes say: under
load a hand goes a short way while the command is at its limit. The map from the recovered way to
the robot's action is smooth and has few inputs, so that five episodes are enough for a Gaussian
process with a linear and a Gaussian kernel (Rasmussen and Williams 2006, equation 2.25): near what
the robot did it does the same, far from it it goes on in a straight line. A network on the robot's
whole state that was fitted to the same five episodes did anything at all where it had not been.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.motion_tracks.recover import RecoveredActions
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3

WIDTH, NOISE = 0.5, 0.1
"""Width of the Gaussian kernel in root mean square distances of a row from the mean, and variance
of the noise as a share of the kernel's: of {.5, 1, 2} and {.1, 1}, chosen on Meta-World's push, by
the error of actions of episodes that were not fitted."""
LEAST_ROTATION_RAD, LEAST_WAY_M, LEAST_APERTURE_M = 0.2, 0.002, 0.005
"""Smallest spread that an input is scaled by: where a gripper hardly turns, the noise of its
rotation must not count as much as its way."""
MAX_ROWS = 2000
"""More rows than this are thinned evenly: the fit costs their third power."""


@dataclass(frozen=True, eq=False)
class Follower:
    """From recovered tracks to actions of one robot."""

    rows: Float[np.ndarray, "center input"]
    """Scaled inputs of the rows that it learned from."""
    scale: Float[np.ndarray, " input"]
    weights: Float[np.ndarray, "center action"]
    mean: Float[np.ndarray, " action"]
    lower: Float[np.ndarray, " action"]
    """Least of every number among the actions that it learned from; none goes beyond."""
    upper: Float[np.ndarray, " action"]

    def __call__(self, inputs: Float[np.ndarray, "row input"]) -> Float[np.ndarray, "row action"]:
        """Actions for rows of `inputs_of`; NaN where an input is unknown."""
        if inputs.shape[1:] != self.scale.shape:
            raise TrackError(
                f"this follower learned from {len(self.scale)} inputs a row, got "
                f"{inputs.shape[1:]}; recover the same number of steps"
            )
        known = np.isfinite(inputs).all(axis=1)
        near = _kernel(np.where(known[:, None], inputs, 0.0) / self.scale, self.rows)
        actions = np.clip(near @ self.weights + self.mean, self.lower, self.upper)
        return np.where(known[:, None], actions, np.nan)


def inputs_of(
    found: RecoveredActions,
    held: Bool[np.ndarray, "row step"] | Float[np.ndarray, "row step"],
    *,
    T_world_ee: Float[np.ndarray, "row 4 4"],
    aperture_m: Float[np.ndarray, " row"],
) -> Float[np.ndarray, "row input"]:
    """What a follower is told: the way and turn to each step, whether something is held, the grip.

    Args:
        found: Recovered from tracks.
        held: Whether something is held at each step, or how likely that is.
        T_world_ee: Where the gripper is at each row, as it was given to `recover_actions`.
        aperture_m: Distance of its fingers there.
    """
    way_m = found.T_world_ee[..., :3, 3] - T_world_ee[:, None, :3, 3]
    turn = found.T_world_ee[..., :3, :3] @ np.swapaxes(T_world_ee[:, None, :3, :3], -1, -2)
    known = np.isfinite(turn).all(axis=(-2, -1))[..., None]
    turn_rad = se3.log_so3(np.where(known[..., None], turn, np.eye(3)))
    parts = (way_m, np.where(known, turn_rad, np.nan))
    flat = [part.reshape(len(aperture_m), -1) for part in parts]
    return np.concatenate([*flat, np.asarray(held, float), aperture_m[:, None]], axis=1)


def learn_follower(
    inputs: Sequence[Float[np.ndarray, "_ input"]],
    actions: Sequence[Float[np.ndarray, "_ action"]],
) -> Follower:
    """A follower of one robot.

    Args:
        inputs: `inputs_of` for each of its episodes; episodes may stand in it several times, with
            such noise as the tracks have that will be followed.
        actions: What the robot did there, in its own units.

    Raises:
        TrackError: Episodes and actions differ in number or length, or fewer than ten rows are
            known.
    """
    lengths = [len(one) for one in inputs], [len(one) for one in actions]
    if lengths[0] != lengths[1]:
        raise TrackError(f"inputs are {lengths[0]} rows long, actions {lengths[1]}; give the same")
    x, y = np.concatenate(inputs), np.concatenate(actions).astype(float)
    known = np.isfinite(x).all(axis=1) & np.isfinite(y).all(axis=1)
    if known.sum() < _FEW_ROWS:
        raise TrackError(
            f"a follower needs {_FEW_ROWS} rows whose tracks and actions are known, got "
            f"{known.sum()} of {len(known)}"
        )
    x, y = x[known], y[known]
    thin = -(-len(x) // MAX_ROWS)
    scale, mean = _scale(x), y.mean(axis=0)
    rows = x[::thin] / scale
    kernel = _kernel(rows, rows) + NOISE * np.eye(len(rows))
    weights = np.linalg.solve(kernel, y[::thin] - mean)
    return Follower(rows, scale, weights, mean, y.min(axis=0), y.max(axis=0))


_FEW_ROWS = 10


def _scale(x: Float[np.ndarray, "row input"]) -> Float[np.ndarray, " input"]:
    """Root mean squares by kind of input: of ways, of turns, of holding, of the grip."""
    steps = (x.shape[1] - 1) // 7
    if steps < 1 or x.shape[1] != 7 * steps + 1:
        raise TrackError(f"inputs of {x.shape[1]} numbers are none of `inputs_of`")
    counts = (3 * steps, 3 * steps, steps, 1)
    least = (LEAST_WAY_M, LEAST_ROTATION_RAD, 0.5, LEAST_APERTURE_M)
    start, out = 0, []
    for count, smallest in zip(counts, least, strict=True):
        spread = np.sqrt((x[:, start : start + count] ** 2).mean())
        out.append(np.full(count, max(float(spread), smallest)))
        start += count
    return np.concatenate(out)


def _kernel(
    a: Float[np.ndarray, "row input"], b: Float[np.ndarray, "center input"]
) -> Float[np.ndarray, "row center"]:
    """Gaussian and linear, of one size."""
    width = 2 * WIDTH**2 * a.shape[1]
    inner = a @ b.T
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * inner
    return np.asarray(np.exp(-np.maximum(squared, 0) / width) + inner / a.shape[1])
