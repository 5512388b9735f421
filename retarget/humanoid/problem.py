"""What a humanoid is asked for when it does what a person did: terms of the solver."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import SIDES
from rotoscope.retarget.collision.apart import Watched
from rotoscope.retarget.humanoid.balance_cost import balance_cost, stillness
from rotoscope.retarget.humanoid.footholds import Footholds, RetargetingPair
from rotoscope.retarget.humanoid.human_skeleton import LIMBS
from rotoscope.retarget.kinematics.tree import NUM_BASE
from rotoscope.retarget.optimize.cost import Regularizer
from rotoscope.retarget.optimize.differences import acceleration_stencil
from rotoscope.retarget.optimize.one_sided import GroundClearanceCost, SelfCollisionCost
from rotoscope.retarget.optimize.terms import CostTerm, DirectionCost, OrientationCost, PositionCost
from rotoscope.retarget.optimize.trajectory import Problem
from rotoscope.retarget.robots.joint_limits import JointLimits

TOUCH_M = 1e-3
"""Distance from the ground that a swinging foot keeps [m]."""


class HumanoidWeights(BaseModel):
    """1-sigma of each cost; smaller is stricter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limb_rad: float = Field(default=0.05, gt=0)
    """Direction of upper and lower arms and legs [rad]."""
    hand_rad: float = Field(default=0.2, gt=0)
    """Direction from wrist to knuckles [rad]."""
    torso_rad: float = Field(default=0.1, gt=0)
    """Rotation of the torso [rad]."""
    pelvis_rad: float = Field(default=0.3, gt=0)
    """Rotation of the pelvis [rad]."""
    root_m: float = Field(default=0.05, gt=0)
    """Way of the pelvis, scaled to the robot [m]."""
    foot_rad: float = Field(default=0.3, gt=0)
    """Rotation of a foot that swings [rad]."""
    contact_m: float = Field(default=1e-3, gt=0)
    """Corners of a sole that stands [m]."""
    ground_m: float = Field(default=1e-3, gt=0)
    """Depth below the ground [m]."""
    apart_m: float = Field(default=5e-3, gt=0)
    """How far two balls may sink into each other [m]."""
    balance_m: float = Field(default=0.01, gt=0)
    """Center of mass beyond the support of a robot that hardly moves [m]."""
    balance_margin_m: float = Field(default=0.02, gt=0)
    """How far inside its support the center of mass is wanted [m]; a distance, not a sigma."""
    acceleration: float = Field(default=40.0, gt=0)
    """Joint acceleration [rad/s^2]."""
    root_acceleration: float = Field(default=8.0, gt=0)
    """Acceleration of the pelvis [m/s^2]."""
    root_angular_acceleration: float = Field(default=30.0, gt=0)
    """Angular acceleration of the pelvis [rad/s^2]."""
    rest: float = Field(default=2.0, gt=0)
    """Distance of each joint to its rest value [rad]."""
    robust: float = Field(default=6.0, gt=0)
    """Errors beyond this many sigma pull with constant force."""


@dataclass(frozen=True, eq=False)
class HumanoidProblem(RetargetingPair):
    """A person's motion as a problem for a humanoid."""

    weights: HumanoidWeights = field(default_factory=HumanoidWeights)
    """1-sigma of each cost; smaller is stricter."""

    def build(
        self,
        footholds: Footholds,
        *,
        contact_m: float | None = None,
        watched: Watched | None = None,
    ) -> Problem:
        """The problem for the solver.

        Args:
            footholds: Where the soles stand.
            contact_m: How strictly; the weights' own when absent.
            watched: Links that were inside each other or the ground, and are to be kept apart.
        """
        terms: list[CostTerm] = [
            self._limbs(),
            *self._trunk(),
            self._root(),
            self._swinging_feet(),
            self._standing_feet(footholds, contact_m or self.weights.contact_m),
            self._ground(),
        ]
        if self.shares.size:
            terms.append(self._balance(footholds))
        if self.robot.config.spheres:
            terms.append(self._above_ground())
        if self.robot.config.apart:
            terms.append(self._self_collision())
        tree = self.tree
        if watched is not None:
            terms += watched.terms(
                len(self.frames),
                margin_m=0.0,
                sigma_m=self.weights.ground_m,
                floor_m=self.lowest_floor_m(),
            )
            frames = [*self.frames, *watched.frames()]
            tree = self.robot.tree(frames, is_floating=True)
        return Problem(
            tree,
            terms,
            self._regularizer(),
            self._limits(),
            self.person.time_s,
            R_reference=self.reference,
        )

    def lowest_floor_m(self) -> Float[np.ndarray, " time"]:
        """Height that no part of the body may be below: of the lower of both supports [m]."""
        return self.floor_m().min(axis=1)

    @property
    def limbs(self) -> tuple[tuple[str, str], ...]:
        """Those of `LIMBS` that the robot has."""
        body = self.robot.config.body
        return tuple((a, b) for a, b in LIMBS if a in body and b in body)

    def _limbs(self) -> CostTerm:
        body = self.robot.config.body
        bones = [(a, b, 1.0) for a, b in self.limbs]
        hand = (self.weights.limb_rad / self.weights.hand_rad) ** 2
        bones += [
            (f"{s}_wrist", f"{s}_hand", hand)
            for s in SIDES
            if f"{s}_wrist" in body and f"{s}_hand" in body
        ]
        bones += [("right_hip", "left_hip", 1.0)]
        target = np.stack([self.person.direction(a, b) for a, b, _ in bones], axis=1)
        known = np.isfinite(target).all(axis=2)
        return DirectionCost(
            [self.frame_id(f"body.{a}") for a, _, _ in bones],
            [self.frame_id(f"body.{b}") for _, b, _ in bones],
            np.nan_to_num(target),
            known * np.array([w for _, _, w in bones]),
            self.weights.limb_rad,
            self.weights.robust,
        )

    def _trunk(self) -> list[CostTerm]:
        w = self.weights
        parts = [("root", self.person.pelvis_rotation(), w.pelvis_rad)]
        if self.robot.config.torso is not None:
            parts.append(("torso", self.person.torso_rotation(), w.torso_rad))
        return [self._turned([name], R[:, None], sigma) for name, R, sigma in parts]

    def _turned(
        self, names: list[str], R: Float[np.ndarray, "time frame 3 3"], sigma_rad: float
    ) -> CostTerm:
        known = np.isfinite(R).all(axis=(2, 3))
        return OrientationCost(
            [self.frame_id(name) for name in names],
            np.where(known[..., None, None], R, np.eye(3)),
            known.astype(float),
            sigma_rad,
            self.weights.robust,
        )

    def _root(self) -> CostTerm:
        target = self.pelvis_target()[:, None]
        known = np.isfinite(target).all(axis=2)
        return PositionCost(
            [self.frame_id("hips")],
            np.nan_to_num(target),
            known.astype(float),
            self.weights.root_m,
            self.weights.robust,
        )

    def _swinging_feet(self) -> CostTerm:
        R = np.stack([self.person.foot_rotation(side) for side in SIDES], axis=1)
        R[self.contact] = np.nan
        return self._turned([f"foot.{side}" for side in SIDES], R, self.weights.foot_rad)

    def _standing_feet(self, footholds: Footholds, sigma_m: float) -> CostTerm:
        frames = len(self.person.time_s)
        frame_ids = [frame_id for side in SIDES for frame_id in self.corners(side)]
        target = np.zeros((frames, len(frame_ids), 3))
        weight = np.zeros((frames, len(frame_ids)))
        for span, corners in zip(footholds.spans, self.soles(footholds), strict=True):
            columns = [frame_ids.index(frame_id) for frame_id in self.corners(span.side)]
            target[span.start : span.end, columns] = corners
            weight[span.start : span.end, columns] = 1.0
        return PositionCost(frame_ids, target, weight, sigma_m)

    def _ground(self) -> CostTerm:
        """No corner below the ground, nor a swinging foot near it."""
        frame_ids = [frame_id for side in SIDES for frame_id in self.corners(side)]
        height = self.floor_m() + np.where(self.contact, 0.0, TOUCH_M)
        floor = np.zeros((len(self.person.time_s), len(frame_ids)))
        for foot, side in enumerate(SIDES):
            columns = [frame_ids.index(frame_id) for frame_id in self.corners(side)]
            floor[:, columns] = height[:, foot, None]
        return GroundClearanceCost(frame_ids, floor, self.weights.ground_m)

    def _above_ground(self) -> CostTerm:
        """No ball of the body, such as a hand, in the ground."""
        config = self.robot.config
        feet = {foot.link for foot in config.feet.values()}
        names = [name for name, ball in config.spheres.items() if ball.link not in feet]
        radii = np.array([config.spheres[name].radius_m for name in names])
        floor = self.lowest_floor_m()[:, None] + radii
        return GroundClearanceCost(
            [self.frame_id(f"spheres.{n}") for n in names], floor, self.weights.ground_m
        )

    def _balance(self, footholds: Footholds) -> CostTerm:
        corners = {
            side: np.zeros((*self.contact.shape[:1], len(self.robot.config.feet[side].sole_m), 2))
            for side in SIDES
        }
        for span, points in zip(footholds.spans, self.soles(footholds), strict=True):
            corners[span.side][span.start : span.end] = points[:, :2]
        return balance_cost(
            [i for i, name in enumerate(self.names) if name.startswith("mass.")],
            self.shares,
            corners,
            self.contact,
            stillness(self.person),
            margin_m=self.weights.balance_margin_m,
            sigma_m=self.weights.balance_m,
        )

    def _self_collision(self) -> CostTerm:
        config = self.robot.config
        spheres = config.spheres
        return SelfCollisionCost(
            [self.frame_id(f"spheres.{a}") for a, _ in config.apart],
            [self.frame_id(f"spheres.{b}") for _, b in config.apart],
            np.array([spheres[a].radius_m + spheres[b].radius_m for a, b in config.apart]),
            self.weights.apart_m,
        )

    def _regularizer(self) -> Regularizer:
        w, count = self.weights, len(self.robot.joint_names)
        base = [w.root_acceleration] * 3 + [w.root_angular_acceleration] * 3
        acceleration = np.zeros((len(self.person.time_s), self.tree.num_columns))
        acceleration[:, 3:NUM_BASE] = _angular_acceleration(self.reference, self.person.time_s)
        return Regularizer(
            sigma_acceleration=np.array([*base, *[w.acceleration] * count]),
            rest=np.concatenate([np.zeros(NUM_BASE), self.robot.rest]),
            sigma_rest=np.array([*[np.inf] * NUM_BASE, *[w.rest] * count]),
            acceleration=acceleration,
        )

    def _limits(self) -> JointLimits:
        robot, free = self.robot.limits, np.full(NUM_BASE, np.inf)
        return JointLimits(
            lower=np.concatenate([-free, robot.lower]),
            upper=np.concatenate([free, robot.upper]),
            max_velocity=np.concatenate([free, robot.max_velocity]),
            max_acceleration=np.concatenate([free, robot.max_acceleration]),
        )


def _angular_acceleration(
    R: Float[np.ndarray, "time 3 3"], time_s: Float[np.ndarray, " time"]
) -> Float[np.ndarray, "time 3"]:
    """Angular acceleration along world axes [rad/s^2], 0 at both ends."""
    out = np.zeros((len(R), 3))
    if len(R) < 3:
        return out
    after = se3.log_so3(R[2:] @ np.swapaxes(R[1:-1], 1, 2))
    before = se3.log_so3(R[1:-1] @ np.swapaxes(R[:-2], 1, 2))
    stencil = acceleration_stencil(time_s)
    out[1:-1] = stencil[2][:, None] * after - stencil[0][:, None] * before
    return out
