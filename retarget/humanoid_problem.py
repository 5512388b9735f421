"""What a humanoid is asked for when it does what a person did: terms of the solver."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field

from pipeline.geometry import se3
from pipeline.tracks import SIDES
from retarget.contacts import ContactSpan, contact_spans
from retarget.differences import acceleration_stencil
from retarget.humanoid_balance import balance_term, mass_marks, stillness
from retarget.joint_limits import JointLimits
from retarget.objective import Calm
from retarget.person import LEG, LIMBS, Person, interpolated, interpolated_rotations
from retarget.solver import Problem
from retarget.terms import (
    ApartTerm,
    DirectionTerm,
    HeightTerm,
    OrientationTerm,
    PointTerm,
    Term,
)
from retarget.tree import NUM_BASE, KinematicTree, Mark
from retarget.tree_robot import HumanoidRobot

TOUCH_M = 1e-3
"""Distance from the ground that a swinging foot keeps [m]."""
GAP_S = 0.25
"""Frames further apart than this are about a person who was out of sight in between [s]: a foot
that stands before and after may have made a step, which takes about 0.4 s."""


class HumanoidWeights(BaseModel):
    """1-sigma that each wish is held with; smaller is stricter."""

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
    """Centre of mass beyond the support of a robot that hardly moves [m]."""
    balance_margin_m: float = Field(default=0.02, gt=0)
    """How far inside its support the centre of mass is wanted [m]; a distance, not a sigma."""
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
class Stance:
    """Where the soles stand."""

    spans: tuple[ContactSpan, ...]
    """Contacts."""
    p_m: Float[np.ndarray, "span 3"]
    """Where the foot's link is in each [m]."""
    yaw_rad: Float[np.ndarray, " span"]
    """Its heading in each [rad]."""


@dataclass(frozen=True, eq=False)
class HumanoidProblem:
    """A person's motion as a problem for a humanoid."""

    robot: HumanoidRobot
    """The robot."""
    person: Person
    """The person."""
    contact: Bool[np.ndarray, "time 2"]
    """The left, the right foot stands, or is about to, or just did."""
    scale: float
    """Robot leg length over human leg length."""
    weights: HumanoidWeights = field(default_factory=HumanoidWeights)
    """How strictly each wish is held."""
    support_m: Float[np.ndarray, "time 2"] | None = None
    """Height of what each foot stands on [m]; the ground where absent."""
    tree: KinematicTree = field(init=False)
    """Kinematics of all marks of the robot."""
    names: tuple[str, ...] = field(init=False)
    """Names of the marks, in order."""
    shares: Float[np.ndarray, " link"] = field(init=False)
    """What each link that weighs something does, over all; empty where the file says nothing."""

    def __post_init__(self) -> None:
        marks = self.robot.marks()
        marks["hips"] = Mark.at(self.robot.config.root, tuple(_hips_in_root(self.robot)))
        for side in SIDES:
            marks[f"foot.{side}"] = Mark.at(self.robot.config.feet[side].link)
        masses, shares = mass_marks(self.robot.description)
        marks |= masses
        object.__setattr__(self, "shares", shares)
        tree = self.robot.tree(list(marks.values()), root=self.robot.config.root, is_floating=True)
        object.__setattr__(self, "tree", tree)
        object.__setattr__(self, "names", tuple(marks))

    def mark(self, name: str) -> int:
        """Number of a mark."""
        return self.names.index(name)

    def build(self, stance: Stance, *, contact_m: float | None = None) -> Problem:
        """The problem for the solver.

        Args:
            stance: Where the soles stand.
            contact_m: How strictly; the weights' own when absent.
        """
        terms: list[Term] = [
            self._limbs(),
            *self._trunk(),
            self._root(),
            self._swinging_feet(),
            self._standing_feet(stance, contact_m or self.weights.contact_m),
            self._ground(),
        ]
        if self.shares.size:
            terms.append(self._balance(stance))
        if self.robot.config.spheres:
            terms.append(self._above_ground())
        if self.robot.config.apart:
            terms.append(self._apart())
        return Problem(
            self.tree,
            terms,
            self._calm(),
            self._limits(),
            self.person.time_s,
            R_reference=self.reference,
        )

    @cached_property
    def reference(self) -> Float[np.ndarray, "time 3 3"]:
        """Rotation that the root is counted from."""
        return interpolated_rotations(self.person.pelvis_rotation(), self.person.time_s)

    def start(self) -> Float[np.ndarray, "time column"]:
        """The robot at rest, where and as the person's pelvis is."""
        time_s = self.person.time_s
        x = np.zeros((len(time_s), self.tree.num_columns))
        hips = interpolated(self.pelvis_target(), time_s)
        x[:, :3] = hips - self.reference @ _hips_in_root(self.robot)
        x[:, NUM_BASE:] = self.robot.rest
        return x

    def pelvis_target(self) -> Float[np.ndarray, "time 3"]:
        """Way of the middle of the hips at the robot's size [m], its ankles at their own height."""
        pelvis = self.person.joint("pelvis") * self.scale
        ankle_m = self._human_ankle_m() * self.scale
        pelvis[:, 2] += self._robot_ankle_m() - ankle_m
        return pelvis

    def _robot_ankle_m(self) -> float:
        """Height of the ankle over the sole [m]."""
        heights = []
        for side in SIDES:
            foot = self.robot.config.feet[side]
            heights.append(-min(corner[2] for corner in foot.sole_m))
        return float(np.mean(heights))

    def _human_ankle_m(self) -> float:
        """Height of the ankle of a standing foot over what it stands on [m]."""
        seen = []
        for foot, side in enumerate(SIDES):
            height = self.person.joint(f"{side}_ankle")[:, 2].copy()
            if self.support_m is not None:
                height -= np.nan_to_num(self.support_m[:, foot])
            seen.append(height[self.contact[:, foot] & np.isfinite(height)])
        heights = np.concatenate(seen)
        return float(np.median(heights)) if len(heights) else 0.08

    def first_stance(self) -> Stance:
        """Soles where the person's ankles are, at the robot's size, turned as the toes are.

        What of this was not seen is as in the robot at rest that goes where the person goes.
        """
        spans, rest = self.spans, self.stance_of(self.start())
        p, yaw = [], []
        for k, span in enumerate(spans):
            part = slice(span.start, span.end)
            ankle = self.person.joint(f"{span.side}_ankle")[part] * self.scale
            ankle = ankle[np.isfinite(ankle).all(axis=1)]
            toes = self.person.foot_rotation(span.side)[part, :2, 0]
            x, y = toes[np.isfinite(toes).all(axis=1)].sum(axis=0)
            p.append(np.median(ankle, axis=0) if len(ankle) else rest.p_m[k])
            yaw.append(np.arctan2(y, x) if x or y else rest.yaw_rad[k])
        return self._stance(spans, p, yaw)

    def stance_of(self, x: Float[np.ndarray, "time column"]) -> Stance:
        """Soles where a trajectory has them on average."""
        reached = self.tree.reach(x, self.reference)
        spans = self.spans
        p, yaw = [], []
        for span in spans:
            part = slice(span.start, span.end)
            mark = self.mark(f"foot.{span.side}")
            R = reached.R[part, mark]
            p.append(np.median(reached.p_m[part, mark], axis=0))
            yaw.append(np.arctan2(R[:, 1, 0].mean(), R[:, 0, 0].mean()))
        return self._stance(spans, p, yaw)

    def _stance(
        self, spans: tuple[ContactSpan, ...], p: list[np.ndarray], yaw: list[Any]
    ) -> Stance:
        p_m = np.array(p).reshape(-1, 3)
        for k, span in enumerate(spans):
            foot = self.robot.config.feet[span.side]
            p_m[k, 2] = self._height_m(span) - min(corner[2] for corner in foot.sole_m)
        return Stance(spans, p_m, np.array(yaw, float))

    @cached_property
    def spans(self) -> tuple[ContactSpan, ...]:
        """Each foot's contacts; who was out of sight in between may stand elsewhere."""
        support = np.zeros(self.contact.shape) if self.support_m is None else self.support_m
        breaks = np.flatnonzero(np.diff(self.person.time_s) > GAP_S) + 1
        return tuple(
            replace(span, start=a + span.start, end=a + span.end)
            for a, b in itertools.pairwise([0, *breaks.tolist(), len(support)])
            for span in contact_spans(self.contact[a:b], support[a:b])
        )

    @property
    def limbs(self) -> tuple[tuple[str, str], ...]:
        """Those of `LIMBS` that the robot has."""
        body = self.robot.config.body
        return tuple((a, b) for a, b in LIMBS if a in body and b in body)

    def _limbs(self) -> Term:
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
        return DirectionTerm(
            [self.mark(f"body.{a}") for a, _, _ in bones],
            [self.mark(f"body.{b}") for _, b, _ in bones],
            np.nan_to_num(target),
            known * np.array([w for _, _, w in bones]),
            self.weights.limb_rad,
            self.weights.robust,
        )

    def _trunk(self) -> list[Term]:
        w = self.weights
        parts = [("root", self.person.pelvis_rotation(), w.pelvis_rad)]
        if self.robot.config.torso is not None:
            parts.append(("torso", self.person.torso_rotation(), w.torso_rad))
        return [self._turned([mark], R[:, None], sigma) for mark, R, sigma in parts]

    def _turned(
        self, marks: list[str], R: Float[np.ndarray, "time mark 3 3"], sigma_rad: float
    ) -> Term:
        known = np.isfinite(R).all(axis=(2, 3))
        return OrientationTerm(
            [self.mark(mark) for mark in marks],
            np.where(known[..., None, None], R, np.eye(3)),
            known.astype(float),
            sigma_rad,
            self.weights.robust,
        )

    def _root(self) -> Term:
        target = self.pelvis_target()[:, None]
        known = np.isfinite(target).all(axis=2)
        return PointTerm(
            [self.mark("hips")],
            np.nan_to_num(target),
            known.astype(float),
            self.weights.root_m,
            self.weights.robust,
        )

    def _swinging_feet(self) -> Term:
        R = np.stack([self.person.foot_rotation(side) for side in SIDES], axis=1)
        R[self.contact] = np.nan
        return self._turned([f"foot.{side}" for side in SIDES], R, self.weights.foot_rad)

    def corners(self, side: str) -> list[int]:
        """Numbers of the marks at the corners of a sole."""
        return [i for i, name in enumerate(self.names) if name.startswith(f"feet.{side}.")]

    def _standing_feet(self, stance: Stance, sigma_m: float) -> Term:
        frames = len(self.person.time_s)
        marks = [mark for side in SIDES for mark in self.corners(side)]
        target = np.zeros((frames, len(marks), 3))
        present = np.zeros((frames, len(marks)))
        for span, corners in zip(stance.spans, self._soles(stance), strict=True):
            columns = [marks.index(mark) for mark in self.corners(span.side)]
            target[span.start : span.end, columns] = corners
            present[span.start : span.end, columns] = 1.0
        return PointTerm(marks, target, present, sigma_m)

    def floor_m(self) -> Float[np.ndarray, "time 2"]:
        """Height that the left and the right sole must not be below [m].

        What it stands on; for a foot that swings the lower of what it comes from and goes to.
        """
        out = np.zeros(self.contact.shape)
        for foot, side in enumerate(SIDES):
            spans = [span for span in self.spans if span.side == side]
            ends = [(0, 0.0), *((span.end, self._height_m(span)) for span in spans)]
            starts = [*((s.start, self._height_m(s)) for s in spans), (len(out), np.inf)]
            if spans:
                ends[0] = (0, self._height_m(spans[0]))
            for (begin, before), (end, after) in zip(ends, starts, strict=True):
                out[begin:end, foot] = min(before, after)
            for span in spans:
                out[span.start : span.end, foot] = self._height_m(span)
        return out

    def _height_m(self, span: ContactSpan) -> float:
        return span.support_height_m * self.scale

    def _ground(self) -> Term:
        """No corner below the ground, nor a swinging foot near it."""
        marks = [mark for side in SIDES for mark in self.corners(side)]
        height = self.floor_m() + np.where(self.contact, 0.0, TOUCH_M)
        floor = np.zeros((len(self.person.time_s), len(marks)))
        for foot, side in enumerate(SIDES):
            columns = [marks.index(mark) for mark in self.corners(side)]
            floor[:, columns] = height[:, foot, None]
        return HeightTerm(marks, floor, self.weights.ground_m)

    def _above_ground(self) -> Term:
        """No ball of the body, such as a hand, in the ground."""
        config = self.robot.config
        feet = {foot.link for foot in config.feet.values()}
        names = [name for name, ball in config.spheres.items() if ball.link not in feet]
        radii = np.array([config.spheres[name].radius_m for name in names])
        floor = self.floor_m().min(axis=1)[:, None] + radii
        return HeightTerm([self.mark(f"spheres.{n}") for n in names], floor, self.weights.ground_m)

    def _balance(self, stance: Stance) -> Term:
        corners = {
            side: np.zeros((*self.contact.shape[:1], len(self.robot.config.feet[side].sole_m), 2))
            for side in SIDES
        }
        for span, points in zip(stance.spans, self._soles(stance), strict=True):
            corners[span.side][span.start : span.end] = points[:, :2]
        return balance_term(
            [i for i, name in enumerate(self.names) if name.startswith("mass.")],
            self.shares,
            corners,
            self.contact,
            stillness(self.person),
            margin_m=self.weights.balance_margin_m,
            sigma_m=self.weights.balance_m,
        )

    def _soles(self, stance: Stance) -> list[Float[np.ndarray, "corner 3"]]:
        """Corners of the sole in each contact [m]."""
        out = []
        for span, p, yaw in zip(stance.spans, stance.p_m, stance.yaw_rad, strict=True):
            R = se3.exp_so3(np.array([0.0, 0.0, yaw]))
            out.append(np.array(self.robot.config.feet[span.side].sole_m) @ R.T + p)
        return out

    def _apart(self) -> Term:
        config = self.robot.config
        spheres = config.spheres
        return ApartTerm(
            [self.mark(f"spheres.{a}") for a, _ in config.apart],
            [self.mark(f"spheres.{b}") for _, b in config.apart],
            np.array([spheres[a].radius_m + spheres[b].radius_m for a, b in config.apart]),
            self.weights.apart_m,
        )

    def _calm(self) -> Calm:
        w, count = self.weights, len(self.robot.joint_names)
        base = [w.root_acceleration] * 3 + [w.root_angular_acceleration] * 3
        acceleration = np.zeros((len(self.person.time_s), self.tree.num_columns))
        acceleration[:, 3:NUM_BASE] = _angular_acceleration(self.reference, self.person.time_s)
        return Calm(
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


def body_scale(robot: HumanoidRobot, person: Person) -> float:
    """Robot leg length over human leg length; 1 where the person's legs are never seen."""
    if robot.config.scale is not None:
        return robot.config.scale
    marks = robot.marks()
    names = [f"body.left_{joint}" for joint in ("hip", "knee", "ankle")]
    tree = robot.tree([marks[name] for name in names], root=robot.config.root)
    p = tree.reach(robot.rest[None]).p_m[0]
    human_m = person.length_m(LEG)
    if not np.isfinite(human_m):
        return 1.0
    return float(np.linalg.norm(np.diff(p, axis=0), axis=1).sum() / human_m)


def _hips_in_root(robot: HumanoidRobot) -> Float[np.ndarray, " 3"]:
    """Middle of the hips in the root link's frame, at rest [m]."""
    marks = robot.marks()
    tree = robot.tree([marks[f"body.{side}_hip"] for side in SIDES], root=robot.config.root)
    return np.asarray(tree.reach(robot.rest[None]).p_m[0].mean(axis=0))


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
