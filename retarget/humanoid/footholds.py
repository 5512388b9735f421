"""Where a humanoid stands while it does what a person did: frames, soles, floor, size."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import SIDES
from rotoscope.retarget.ground.contact_detection import ContactSpan, contact_spans
from rotoscope.retarget.humanoid.balance_cost import mass_frames
from rotoscope.retarget.humanoid.human_skeleton import (
    LEG,
    HumanMotion,
    interpolated,
    interpolated_rotations,
)
from rotoscope.retarget.kinematics.frames import Frame, FramePoses
from rotoscope.retarget.kinematics.tree import NUM_BASE, KinematicTree
from rotoscope.retarget.robots.robot import HumanoidRobot

GAP_S = 0.25
"""Frames further apart than this are about a person who was out of sight in between [s]: a foot
that stands before and after may have made a step, which takes about 0.4 s."""


@dataclass(frozen=True, eq=False)
class Footholds:
    """Where the soles stand."""

    spans: tuple[ContactSpan, ...]
    """Contacts."""
    p_m: Float[np.ndarray, "span 3"]
    """Where the foot's link is in each [m]."""
    yaw_rad: Float[np.ndarray, " span"]
    """Its heading in each [rad]."""


@dataclass(frozen=True, eq=False)
class RetargetingPair:
    """A person and a humanoid in one world."""

    robot: HumanoidRobot
    """The robot."""
    person: HumanMotion
    """The person."""
    contact: Bool[np.ndarray, "time 2"]
    """The left, the right foot stands, or is about to, or just did."""
    scale: float
    """Robot leg length over human leg length."""
    support_m: Float[np.ndarray, "time 2"] | None = None
    """Height of what each foot stands on [m]; the ground where absent."""
    tree: KinematicTree = field(init=False)
    """Kinematics of all frames of the robot."""
    frames: tuple[Frame, ...] = field(init=False)
    """Those frames."""
    names: tuple[str, ...] = field(init=False)
    """Their names, in order."""
    shares: Float[np.ndarray, " link"] = field(init=False)
    """What each link that weighs something does, over all; empty where the file says nothing."""

    def __post_init__(self) -> None:
        frames = self.robot.frames()
        frames["base"] = Frame.at(self.robot.base_link)
        hips = self._at_rest(Frame.at(self.robot.config.root), *self._hips)
        R, p_m = hips.R[0, 0], hips.p_m[0]
        hips_m = R.T @ (p_m[1:].mean(axis=0) - p_m[0])
        frames["hips"] = Frame.at(self.robot.config.root, tuple(hips_m))
        for side in SIDES:
            frames[f"foot.{side}"] = self.robot.foot_frame(side)
        masses, shares = mass_frames(self.robot.description)
        frames |= masses
        object.__setattr__(self, "shares", shares)
        tree = self.robot.tree(list(frames.values()), is_floating=True)
        object.__setattr__(self, "tree", tree)
        object.__setattr__(self, "frames", tuple(frames.values()))
        object.__setattr__(self, "names", tuple(frames))

    def frame_id(self, name: str) -> int:
        """Number of a frame."""
        return self.names.index(name)

    @cached_property
    def reference(self) -> Float[np.ndarray, "time 3 3"]:
        """Rotation that the base is counted from.

        It has the robot's pelvis, at rest, as the person's is.
        """
        pelvis = interpolated_rotations(self.person.pelvis_rotation(), self.person.time_s)
        return np.asarray(pelvis @ self._at_rest(self.robot.frames()["root"]).R[0, 0].T)

    def start(self) -> Float[np.ndarray, "time column"]:
        """The robot at rest, where and as the person's pelvis is."""
        time_s = self.person.time_s
        x = np.zeros((len(time_s), self.tree.num_columns))
        hips = interpolated(self.pelvis_target(), time_s)
        x[:, :3] = hips - self.reference @ self._hips_in_base
        x[:, NUM_BASE:] = self.robot.rest
        return x

    @property
    def _hips(self) -> list[Frame]:
        frames = self.robot.frames()
        return [frames[f"body.{side}_hip"] for side in SIDES]

    @cached_property
    def _hips_in_base(self) -> Float[np.ndarray, " 3"]:
        """Middle of the hips in the frame of the base, at rest [m]."""
        return np.asarray(self._at_rest(*self._hips).p_m[0].mean(axis=0))

    def _at_rest(self, *frames: Frame) -> FramePoses:
        """Where frames of the robot are in its base, at rest."""
        return self.robot.tree(list(frames)).forward_kinematics(self.robot.rest[None])

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
            heights.append(-self.robot.sole_m(side)[:, 2].min())
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

    def first_footholds(self) -> Footholds:
        """Soles where the person's ankles are, at the robot's size, turned as the toes are.

        What of this was not seen is as in the robot at rest that goes where the person goes.
        """
        spans, rest = self.spans, self.footholds_of(self.start())
        p, yaw = [], []
        for k, span in enumerate(spans):
            part = slice(span.start, span.end)
            ankle = self.person.joint(f"{span.side}_ankle")[part] * self.scale
            ankle = ankle[np.isfinite(ankle).all(axis=1)]
            toes = self.person.foot_rotation(span.side)[part, :2, 0]
            x, y = toes[np.isfinite(toes).all(axis=1)].sum(axis=0)
            p.append(np.median(ankle, axis=0) if len(ankle) else rest.p_m[k])
            yaw.append(np.arctan2(y, x) if x or y else rest.yaw_rad[k])
        return self._footholds(spans, p, yaw)

    def footholds_of(self, x: Float[np.ndarray, "time column"]) -> Footholds:
        """Soles where a trajectory has them on average."""
        reached = self.tree.forward_kinematics(x, self.reference)
        spans = self.spans
        p, yaw = [], []
        for span in spans:
            part = slice(span.start, span.end)
            frame_id = self.frame_id(f"foot.{span.side}")
            R = reached.R[part, frame_id]
            p.append(np.median(reached.p_m[part, frame_id], axis=0))
            yaw.append(np.arctan2(R[:, 1, 0].mean(), R[:, 0, 0].mean()))
        return self._footholds(spans, p, yaw)

    def _footholds(
        self, spans: tuple[ContactSpan, ...], p: list[np.ndarray], yaw: list[Any]
    ) -> Footholds:
        p_m = np.array(p).reshape(-1, 3)
        for k, span in enumerate(spans):
            p_m[k, 2] = self._height_m(span) - self.robot.sole_m(span.side)[:, 2].min()
        return Footholds(spans, p_m, np.array(yaw, float))

    @cached_property
    def spans(self) -> tuple[ContactSpan, ...]:
        """Each foot's contacts; who was out of sight in between may stand elsewhere."""
        support = np.zeros(self.contact.shape) if self.support_m is None else self.support_m
        breaks = (
            np.flatnonzero(np.diff(self.person.time_s) > longest_step_s(self.person.time_s)) + 1
        )
        return tuple(
            replace(span, start=a + span.start, end=a + span.end)
            for a, b in itertools.pairwise([0, *breaks.tolist(), len(support)])
            for span in contact_spans(self.contact[a:b], support[a:b])
        )

    def corners(self, side: str) -> list[int]:
        """Numbers of the frames at the corners of a sole."""
        return [i for i, name in enumerate(self.names) if name.startswith(f"feet.{side}.")]

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

    def soles(self, footholds: Footholds) -> list[Float[np.ndarray, "corner 3"]]:
        """Corners of the sole in each contact [m]."""
        out = []
        for span, p, yaw in zip(footholds.spans, footholds.p_m, footholds.yaw_rad, strict=True):
            R = se3.exp_so3(np.array([0.0, 0.0, yaw]))
            out.append(self.robot.sole_m(span.side) @ R.T + p)
        return out


def longest_step_s(time_s: Float[np.ndarray, " time"]) -> float:
    """Time between two frames that is no gap yet [s]: slow video has long steps throughout."""
    if len(time_s) < 2:
        return GAP_S
    return max(GAP_S, 1.5 * float(np.median(np.diff(time_s))))


def body_scale(robot: HumanoidRobot, person: HumanMotion) -> float:
    """Robot leg length over human leg length; 1 where the person's legs are never seen."""
    if robot.config.scale is not None:
        return robot.config.scale
    frames = robot.frames()
    names = [f"body.left_{joint}" for joint in ("hip", "knee", "ankle")]
    tree = robot.tree([frames[name] for name in names])
    p = tree.forward_kinematics(robot.rest[None]).p_m[0]
    human_m = person.length_m(LEG)
    if not np.isfinite(human_m):
        return 1.0
    return float(np.linalg.norm(np.diff(p, axis=0), axis=1).sum() / human_m)
