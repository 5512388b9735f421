"""A humanoid doing what a person did: solve, then say how well every frame was met."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import SIDES
from rotoscope.retarget.collision.model import CollisionModel
from rotoscope.retarget.collision.overlap import Overlap, overlap_of
from rotoscope.retarget.collision.resolve import pulled_apart
from rotoscope.retarget.humanoid.footholds import Footholds, body_scale, longest_step_s
from rotoscope.retarget.humanoid.human_skeleton import HumanMotion
from rotoscope.retarget.humanoid.problem import HumanoidProblem, HumanoidWeights
from rotoscope.retarget.kinematics.frames import FramePoses
from rotoscope.retarget.kinematics.tree import NUM_BASE
from rotoscope.retarget.optimize.interior_point import SolverOptions
from rotoscope.retarget.optimize.margins import POSITION_MARGIN
from rotoscope.retarget.optimize.trajectory import at_limit, solve
from rotoscope.retarget.robots.robot import HumanoidRobot

FIRST_CONTACT_M = 0.02
"""1-sigma of the soles while it is still open where exactly they stand [m]."""
NEAR_CONTACT_S = 0.05
"""A foot stands this much earlier and later than its contact says [s]: speeds lie between frames,
so the first and last frame of standing are one further out."""


@dataclass(frozen=True, eq=False)
class HumanoidMotion:
    """What the robot does, and how well."""

    joints: Float[np.ndarray, "time joint"]
    """Joint values that keep every limit [rad or m]."""
    root_m: Float[np.ndarray, "time 3"]
    """Link that everything hangs on, most often the pelvis, in the world [m]."""
    root_R: Float[np.ndarray, "time 3 3"]  # noqa: N815 - a rotation matrix
    """Its rotation."""
    scale: float
    """Robot size over human size that positions were multiplied by."""
    limbs: tuple[tuple[str, str], ...]
    """Joints at both ends of each limb that the robot has."""
    limb_error_rad: Float[np.ndarray, "time limb"]
    """Angle between each limb of person and robot [rad]; NaN where not seen."""
    foot_slip_m_s: Float[np.ndarray, "time 2"]
    """Speed of each standing sole along the ground [m/s]; 0 for a foot that does not stand, or
    was not seen just before."""
    sole_m: Float[np.ndarray, "time 2"]
    """Lowest corner of each sole over what it stands on or last stood on [m]."""
    num_at_limit: Float[np.ndarray, " time"]
    """Joints at a position limit."""
    overlap_m: Float[np.ndarray, " time"]
    """How far parts of the robot are inside each other at worst [m]; 0 if apart. By the shapes of
    its file, or by the balls of its YAML file where there are none."""
    below_m: Float[np.ndarray, " time"]
    """How far any part of the robot is below the ground [m]; 0 if none is."""
    corners_m: Float[np.ndarray, "time 2 corner 3"]
    """Corners of the soles in the world [m]."""
    contact: Bool[np.ndarray, "time 2"]
    """The left, the right foot stands."""


def follow_person(
    robot: HumanoidRobot,
    person: HumanMotion,
    contact: Bool[np.ndarray, "time 2"],
    *,
    support_m: Float[np.ndarray, "time 2"] | None = None,
    weights: HumanoidWeights | None = None,
    scale: float | None = None,
    shapes: CollisionModel | None = None,
    max_iterations: int = 25,
) -> HumanoidMotion:
    """The motion of a humanoid that looks most like a person's, for all frames together.

    Twice: first the soles stand roughly where the person's feet do, then exactly where the robot
    has put them, so that standing costs the legs as little as it can. Again where its shapes are
    inside each other or the ground.

    Args:
        robot: The robot.
        person: The person, in a world with z up and the ground at 0.
        contact: The left, the right foot stands.
        support_m: Height of what each foot stands on [m]; the ground where absent or NaN.
        weights: 1-sigma of each cost; smaller is stricter.
        scale: Robot size over human size; from the lengths of the legs when absent.
        shapes: The robot's shapes; the balls of its YAML file alone when absent.
        max_iterations: Steps of the solver at most, each time.
    """
    problem = HumanoidProblem(
        robot,
        person,
        _widened(contact, person.time_s),
        scale or body_scale(robot, person),
        support_m,
        weights or HumanoidWeights(),
    )
    first = problem.build(problem.first_footholds(), contact_m=FIRST_CONTACT_M)
    x = solve(first, problem.start(), options=SolverOptions(max_iterations=max_iterations // 2 + 3))
    footholds = problem.footholds_of(x)
    options = SolverOptions(max_iterations=max_iterations, first_barrier=1.0)
    x = solve(problem.build(footholds), x, options=options)
    if shapes is None or not shapes.has_shapes:
        return _motion(problem, x, None, contact)
    again = replace(options, max_iterations=max_iterations // 2)
    return _motion(problem, *_pulled_apart(problem, x, footholds, shapes, again), contact=contact)


def _pulled_apart(
    problem: HumanoidProblem,
    x: Float[np.ndarray, "time column"],
    footholds: Footholds,
    shapes: CollisionModel,
    options: SolverOptions,
) -> tuple[Float[np.ndarray, "time column"], Overlap]:
    """The same with links apart that are inside each other, and what is left of it."""
    floor = problem.lowest_floor_m()

    def overlap(x: np.ndarray) -> Overlap:
        base = problem.frame_id("base")
        reached = problem.tree.forward_kinematics(x, problem.reference)
        T = se3.make(reached.R[:, base], reached.p_m[:, base])
        return overlap_of(shapes, x[:, NUM_BASE:], T_world_root=T, floor_m=floor)

    return pulled_apart(
        x,
        shapes,
        overlap=overlap,
        tree_of=lambda watched: problem.robot.tree(watched.balls.frames(), is_floating=True),
        solve_again=lambda watched, x: solve(
            problem.build(footholds, watched=watched), x, options=options
        ),
        R_reference=problem.reference,
        floor_m=floor,
    )


def _widened(
    contact: Bool[np.ndarray, "time 2"], time_s: Float[np.ndarray, " time"]
) -> Bool[np.ndarray, "time 2"]:
    out = contact.copy()
    near = np.diff(time_s)[:, None] <= NEAR_CONTACT_S
    out[:-1] |= contact[1:] & near
    out[1:] |= contact[:-1] & near
    return out


def _motion(
    problem: HumanoidProblem,
    x: Float[np.ndarray, "time column"],
    overlap: Overlap | None,
    contact: np.ndarray,
) -> HumanoidMotion:
    reached = problem.tree.forward_kinematics(x, problem.reference)
    base = problem.frame_id("base")
    limits = problem.robot.limits
    joints = x[:, NUM_BASE:]
    corners = np.stack([reached.p_m[:, problem.corners(side)] for side in SIDES], axis=1)
    return HumanoidMotion(
        joints=joints,
        root_m=reached.p_m[:, base],
        root_R=reached.R[:, base],
        scale=problem.scale,
        limbs=problem.limbs,
        limb_error_rad=_limb_errors(problem, reached),
        foot_slip_m_s=_slip(corners, contact, problem.person.time_s),
        sole_m=corners[..., 2].min(axis=2) - problem.floor_m(),
        num_at_limit=at_limit(joints, limits, within=1e-3 + POSITION_MARGIN)
        .sum(axis=1)
        .astype(float),
        overlap_m=_ball_overlap(problem, reached) if overlap is None else overlap.itself_m,
        below_m=np.zeros(len(x)) if overlap is None else overlap.below_m,
        corners_m=corners,
        contact=contact,
    )


def _limb_errors(problem: HumanoidProblem, reached: FramePoses) -> Float[np.ndarray, "time limb"]:
    out = np.empty((len(problem.person.time_s), len(problem.limbs)))
    for k, (a, b) in enumerate(problem.limbs):
        p = reached.p_m
        robot = p[:, problem.frame_id(f"body.{b}")] - p[:, problem.frame_id(f"body.{a}")]
        robot /= np.linalg.norm(robot, axis=1, keepdims=True)
        cos = np.sum(robot * problem.person.direction(a, b), axis=1)
        out[:, k] = np.arccos(np.clip(cos, -1.0, 1.0))
    return out


def _slip(
    corners_m: Float[np.ndarray, "time 2 corner 3"],
    contact: Bool[np.ndarray, "time 2"],
    time_s: Float[np.ndarray, " time"],
) -> Float[np.ndarray, "time 2"]:
    """Of the middle of each sole."""
    out = np.zeros(contact.shape)
    step = np.linalg.norm(np.diff(corners_m[..., :2].mean(axis=2), axis=0), axis=-1)
    interval_s = np.diff(time_s)[:, None]
    both = contact[1:] & contact[:-1] & (interval_s <= longest_step_s(time_s))
    out[1:] = np.where(both, step / interval_s, 0.0)
    return out


def _ball_overlap(problem: HumanoidProblem, reached: FramePoses) -> Float[np.ndarray, " time"]:
    config = problem.robot.config
    worst = np.zeros(len(reached.p_m))
    for a, b in config.apart:
        first, second = (reached.p_m[:, problem.frame_id(f"spheres.{name}")] for name in (a, b))
        radii = config.spheres[a].radius_m + config.spheres[b].radius_m
        worst = np.maximum(worst, radii - np.linalg.norm(second - first, axis=1))
    return worst
