"""Pose and finger bends of a hand of known size from its landmarks in one image, batched.

The hand model's proportions are fixed, so that the landmarks give the distance. What is minimized
per frame: landmarks against their rays, the landmark model's relative depths (weakly: they tell a
finger that bends towards the camera from one that bends away), and what fingers do anyway. Frames
do not know of each other. Constants were chosen on the development scenes of
`python -m benchmarks.rendered_hands --development` and on 1,300 stills of random poses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.hands import flexion_prior
from rotoscope.models.hands import model as hand_model
from rotoscope.models.perception import pnp
from rotoscope.models.perception.least_squares import (
    Linearised,
    State,
    huber,
    in_blocks,
    minimize,
    normal_equations,
)
from rotoscope.pipeline.geometry import se3

LANDMARK_SIGMA = 0.035
"""1-sigma of a landmark across the line of sight, in palm lengths (3 mm on an adult)."""
DEPTH_SIGMA = 0.33
"""1-sigma of the landmark model's depth of a joint against the hand's mean depth, in palm lengths
(3 cm on an adult)."""
LANDMARK_MODEL_PALM_M = 0.09
"""Palm length of the one adult hand that MediaPipe sees in every hand [m]."""
KNUCKLE_SLIDE = 0.04
"""MediaPipe marks the knuckles nearer to the wrist when the fingers bend and the palm is seen:
by this share of a palm length per radian, times 1 + the cosine between palm normal and the line
to the camera. In rendered hands it is up to 12 % of the palm and reads as 12 % more distance."""
SHRINKAGE = 1.0
"""Where MediaPipe is unsure, it draws the landmarks together, and the hand seems further away:
by this share of the distance per palm length of root mean square residual."""
_NUM_ITERATIONS_PALM = 3
_NUM_ITERATIONS_EACH = 2
_NUM_ITERATIONS = 12
_RELATIVE_TOLERANCE = 0.01
_NUM_POSE, _NUM_HINGES = 6, 25


BLOCK = 512
"""Frames fitted at once: larger blocks are hardly faster and take 80 kB a frame."""


@dataclass(frozen=True, eq=False)
class HandFit:
    """Fitted right hands; NaN where no fit was found."""

    joints_m: Float[np.ndarray, "time 21 3"]
    """Landmarks of the model in the camera frame [m]."""
    covariance: Float[np.ndarray, "time 6 6"]
    """Covariance of (rotation vector [rad], wrist position [m], camera frame) if residuals were
    independent, hand size and camera exact; larger where the landmarks fit worse than stated."""
    residual: Float[np.ndarray, " time"]
    """Root mean square distance of a landmark from the model's, in palm lengths."""
    predicted_rays: Float[np.ndarray, "time 21 2"]
    """Where the model expects the landmarks, (x / z, y / z)."""
    palm_doubt_rad: Float[np.ndarray, " time"]
    """Angle between the fitted palm and that of the landmark model's own joints [rad]."""


def fit_hand(
    rays: Float[np.ndarray, "time 21 2"],
    hand_m: Float[np.ndarray, "time 21 3"],
    *,
    palm_length_m: float,
) -> HandFit:
    """The right hand of this size that best explains each frame.

    Args:
        rays: Landmarks as (x / z, y / z).
        hand_m: Joints relative to the hand's center along camera axes [m], of any size: where to
            start from, and relative depths after they were scaled to `palm_length_m`.
        palm_length_m: Distance from the wrist to the root of the middle finger [m].

    Of a flat palm seen from afar two tilts look alike; both are tried. Frames are fitted in blocks,
    so that memory does not grow with the length of the clip.
    """
    fit = in_blocks(lambda b: _fit_block(rays[b], hand_m[b], palm_length_m), len(rays), BLOCK)
    return HandFit(*fit)


def _fit_block(
    rays: Float[np.ndarray, "time 21 2"],
    hand_m: Float[np.ndarray, "time 21 3"],
    palm_length_m: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Fields of the `HandFit` of some frames."""
    problem = _Hand(rays, hand_m, palm_length_m)
    state, result = problem.solve()
    joints, predicted, residual = problem.explain(state)
    # Landmarks that fit worse than stated are worse than stated.
    excess = np.maximum(residual / LANDMARK_SIGMA, 1.0) ** 2
    covariance = pnp.safe_inverse(_of_pose_alone(result.normal)) * excess[:, None, None]
    found = np.isfinite(result.cost) & np.isfinite(covariance).all(axis=(1, 2))
    nearer = 1.0 / (1.0 + SHRINKAGE * residual)
    joints += (nearer[:, None] - 1.0)[..., None] * joints[:, :1]
    own = pnp.rotation_between(hand_model.PALM_POINTS, hand_m[:, hand_model.PALM])
    doubt = se3.angle_between(state["R"], own)
    for array in (joints, covariance, residual, predicted, doubt):
        array[~found] = np.nan
    return joints, covariance, residual, predicted, doubt


def _of_pose_alone(
    normal: Float[np.ndarray, "time 31 31"],
) -> Float[np.ndarray, "time 6 6"]:
    """Normal matrices of the pose with the hinges free (Schur complement)."""
    pose, hinges = slice(None, _NUM_POSE), slice(_NUM_POSE, None)
    usable = np.isfinite(normal).all(axis=(1, 2))
    out = np.full((len(normal), _NUM_POSE, _NUM_POSE), np.nan)
    # A - B C^-1 B^T is the inverse of the pose's block of the inverse.
    cross = normal[usable, pose, hinges]
    explained = cross @ np.linalg.solve(normal[usable, hinges, hinges], np.swapaxes(cross, 1, 2))
    out[usable] = normal[usable, pose, pose] - explained
    return out


class _Hand:
    """Residuals of the hand model in a batch of frames."""

    def __init__(
        self,
        rays: Float[np.ndarray, "time 21 2"],
        hand_m: Float[np.ndarray, "time 21 3"],
        palm_length_m: float,
    ) -> None:
        self._rays, self._size = rays, palm_length_m
        self._hand = hand_m * (palm_length_m / LANDMARK_MODEL_PALM_M)
        depth = self._hand[..., 2]
        self._depth = depth - depth.mean(axis=1, keepdims=True)
        self._noise: np.ndarray = np.ones(len(rays))

    def solve(self) -> tuple[State, Linearised]:
        """The better of the fits from both tilts of the palm."""
        starts = self._starts()
        tried = [self._minimize(start, _NUM_ITERATIONS_EACH) for start in starts]
        (state, first), (other, second) = tried
        is_other = second.cost < first.cost
        for name in state:
            state[name][is_other] = other[name][is_other]
        return self._minimize(state, _NUM_ITERATIONS)

    def _minimize(self, state: State, num_iterations: int) -> tuple[State, Linearised]:
        return minimize(
            state,
            self._evaluate,
            _retract,
            num_iterations=num_iterations,
            relative_tolerance=_RELATIVE_TOLERANCE,
        )

    def _starts(self) -> tuple[State, State]:
        """Both tilts of the palm, each where its six landmarks want it as a rigid body."""
        palm = hand_model.PALM_POINTS * self._size
        R = pnp.rotation_between(palm, self._hand[:, hand_model.PALM])
        mirrored = palm @ np.swapaxes(R, 1, 2) * np.array([1.0, 1.0, -1.0])
        depth = pnp.weak_perspective(R @ palm.T, self._rays[:, hand_model.PALM])[:, 2]
        self._noise = LANDMARK_SIGMA * self._size / np.clip(depth, 0.05, 20.0)
        return self._start(R), self._start(pnp.rotation_between(palm, mirrored))

    def _start(self, R: Float[np.ndarray, "time 3 3"]) -> State:
        palm = pnp.solve_pnp(
            hand_model.PALM_POINTS * self._size,
            self._rays[:, hand_model.PALM],
            R,
            noise=self._noise,
            num_iterations=_NUM_ITERATIONS_PALM,
            relative_tolerance=_RELATIVE_TOLERANCE,
        )
        T = palm.T_camera_object
        angles = hand_model.angles_of(self._hand)
        angles[:, 0] = flexion_prior.HINGE_MEAN[0]
        return {"R": T[:, :3, :3].copy(), "t": T[:, :3, 3].copy(), "angles": angles}

    def explain(
        self, state: State
    ) -> tuple[
        Float[np.ndarray, "time 21 3"],
        Float[np.ndarray, "time 21 2"],
        Float[np.ndarray, " time"],
    ]:
        """Joints [m], predicted rays, and residual in palm lengths, before shrinkage."""
        posed = hand_model.pose(state["angles"])
        turned = self._size * posed.points @ np.swapaxes(state["R"], 1, 2)
        slid = turned + self._slide(state)
        seen, _ = pnp.project_with_jacobian(slid + state["t"][:, None])
        distance = np.linalg.norm(seen - self._rays, axis=2) * state["t"][:, None, 2]
        # A landmark that is far off says that it is wrong, not how wrong the others are.
        capped = np.minimum(distance / self._size, 4.0 * LANDMARK_SIGMA)
        residual = np.sqrt((capped**2).mean(axis=1) / 2.0)
        return turned + state["t"][:, None], seen, residual

    def _slide(self, state: State) -> Float[np.ndarray, "row 21 3"]:
        """How far MediaPipe's knuckles are from the model's, camera frame [m]."""
        R, t = state["R"], state["t"]
        facing = -(R[:, :, 0] * t).sum(axis=1) / np.linalg.norm(t, axis=1)
        bend = np.clip(state["angles"][:, 1:, 0], -0.3, 1.5)
        along = -KNUCKLE_SLIDE * self._size * (1.0 + facing[:, None]) * bend
        out = np.zeros((len(t), 21, 3))
        out[:, hand_model.ROOTS[1:]] = along[..., None] * R[:, None, :, 2]
        return out

    def _evaluate(self, state: State, rows: Int[np.ndarray, " row"]) -> Linearised:
        posed = hand_model.pose(state["angles"])
        turn = np.swapaxes(state["R"], 1, 2)
        turned = self._size * posed.points @ turn
        turned_slid = turned + self._slide(state)
        motion = self._size * posed.motion @ turn[:, None, None]
        seen, seen_by_point = pnp.project_with_jacobian(turned_slid + state["t"][:, None])
        noise = self._noise[rows, None, None]
        off = (seen - self._rays[rows]) / noise
        depth = turned[..., 2] - turned[..., 2].mean(axis=1, keepdims=True)
        depth_sigma = DEPTH_SIGMA * self._size
        deep = (depth - self._depth[rows]) / depth_sigma
        off_loss, off_weight = huber((off**2).sum(axis=2), pnp.HUBER_SIGMAS)
        deep_loss, deep_weight = huber(deep**2, pnp.HUBER_SIGMAS)
        by_point = np.zeros((len(rows), 21, 3, 3))
        by_point[:, :, :2] = seen_by_point / noise[..., None]
        by_point[:, :, 2, 2] = 1.0 / depth_sigma
        weight = np.stack([off_weight, off_weight, deep_weight], axis=2)
        residual = np.concatenate([off, deep[..., None]], axis=2)
        prior = flexion_prior.linearise(state["angles"])
        out = normal_equations(
            _chain_rule(by_point, turned_slid, motion),
            residual.reshape(len(rows), 63),
            weight.reshape(len(rows), 63),
            off_loss.sum(axis=1) + deep_loss.sum(axis=1) + prior.cost,
        )
        out.normal[:, _NUM_POSE:, _NUM_POSE:] += prior.normal
        out.gradient[:, _NUM_POSE:] += prior.gradient
        return out


def _chain_rule(
    by_point: Float[np.ndarray, "row 21 3 3"],
    turned: Float[np.ndarray, "row 21 3"],
    motion: Float[np.ndarray, "row 5 3 5 3"],
) -> Float[np.ndarray, "row 63 31"]:
    """Derivative of (ray x, ray y, relative depth) of all landmarks by pose and hinges."""
    num = len(by_point)
    out = np.zeros((num, 21, 3, _NUM_POSE + _NUM_HINGES))
    # A turn w of the hand moves a point p by w x p = -[p]x w; a hinge moves all points beyond it.
    out[..., :3] = -by_point @ se3.hat(turned)
    out[..., 3:6] = by_point
    outer = by_point[:, 1:].reshape(num, 5, 4, 3, 3)[:, :, 1:]
    by_hinge = outer @ np.swapaxes(motion, -1, -2)
    for finger in range(5):
        first = 1 + 4 * finger
        column = _NUM_POSE + 5 * finger
        out[:, first + 1 : first + 4, :, column : column + 5] = by_hinge[:, finger]
    # Depths are compared with their mean.
    out[:, :, 2] -= out[:, :, 2].mean(axis=1, keepdims=True)
    return out.reshape(num, 63, _NUM_POSE + _NUM_HINGES)


def _retract(state: State, step: Float[np.ndarray, "row 31"]) -> State:
    moved = pnp.retract_pose(state, step)
    moved["angles"] = state["angles"] + step[:, _NUM_POSE:].reshape(len(step), 5, 5)
    return moved
