"""`check.physics`: tracks the motion with PD control in MuJoCo; reports errors, falls and slip."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float
from pydantic import Field, field_validator

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import (
    ActionTrack,
    FeatureTrack,
    QualityTrack,
    Track,
)
from rotoscope.pipeline.types import Clip
from rotoscope.retarget.description.locate import robot_file
from rotoscope.retarget.physics.motion import SimulatedMotion
from rotoscope.retarget.physics.result import PhysicsResult
from rotoscope.retarget.physics.robot import RobotToSimulate, joint_columns, robot_to_simulate
from rotoscope.retarget.physics.settings import PhysicsSettings, Root
from rotoscope.retarget.robots.digest import robot_digest, shipped_digest
from rotoscope.retarget.robots.read_config import file_configs, load_config

ROOT_POSE, SUPPORT = "label.root_pose", "label.support"
NUM_COLUMNS = {ROOT_POSE: 6, SUPPORT: 2}
"""x y z wx wy wz of the root; height of what the left, the right foot rests on."""
NAMES = (
    *("joint_error", "saturated", "slip", "assist", "upright"),
    *("missing_force", "missing_torque"),
)


class PhysicsConfig(StageConfig):
    """Settings of `check.physics`."""

    robot: str | None = None
    """A robot of `configs/robots`, or the path of a YAML file like those; that of the actions'
    contract when absent."""
    roots: tuple[Root, ...] = ("free", "assisted")
    """Each a run of its own. `free` says when the robot falls; `assisted` how much help it needs
    not to; `fixed` only whether joints and torques can follow. Robots without a root pose, such
    as arms and hands, are bolted."""
    min_length_s: float = Field(default=0.5, gt=0)
    """Shorter stretches of known values are not simulated [s]."""
    settings: PhysicsSettings = Field(default_factory=PhysicsSettings)
    """Gains, friction, what counts as a fall."""

    @field_validator("roots")
    @classmethod
    def _are_runs(cls, roots: tuple[Root, ...]) -> tuple[Root, ...]:
        if not roots or len(set(roots)) != len(roots) or "bolted" in roots:
            raise ValueError(
                "must name 'free', 'assisted' or 'fixed', each at most once; robots without a "
                "root pose are bolted by themselves"
            )
        return roots


class PhysicsCheck(ClipStage):
    """Tracks the robot's trajectory by PD control in MuJoCo, and reports; it changes no action.

    Every stretch of known values is simulated from its own first frame. Nothing balances the
    robot, so a free humanoid is expected to fall at some time: the quality record says when.
    """

    kind = "check.physics"
    version = "4"
    requires = ("actions", "actions|features")  # the latter where there are any
    provides = ("features.physics", "quality.physics")
    packages = ("mujoco",)
    Config = PhysicsConfig
    config: PhysicsConfig

    @cached_property
    def named_robot(self) -> RobotToSimulate | None:
        """The robot that the recipe names, if it names one."""
        return None if self.config.robot is None else robot_to_simulate(self.config.robot)

    def setup(self) -> None:
        """Finds the robot's file, so that a wrong name is said before the work."""
        assert self.named_robot is None or self.named_robot.path.is_file()

    def cache_token(self) -> str:
        """Hash of the robot that the recipe names, else of all that the actions can name."""
        if self.config.robot is None:
            return shipped_digest()
        parts = file_configs(*load_config(self.config.robot))
        return " ".join(
            robot_digest(part, robot_file(part, file), is_driven=True) for part, file in parts
        )

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """A column and a quality record per action track that holds joint values."""
        out: Tracks = {}
        for actions in tracks.values():
            if not isinstance(actions, ActionTrack):
                continue
            if not any(d.quantity == "joint" for d in actions.contract.dimensions):
                continue
            root = _feature(tracks, ROOT_POSE, actions.subject)
            robot = self.named_robot or robot_to_simulate(actions.contract.robot)
            path, locked = robot.path, robot.locked
            names, columns = joint_columns(actions.contract, path)
            motion = SimulatedMotion(
                path=path,
                names=(*names, *locked),
                joints=np.column_stack(
                    [
                        actions.values[:, columns],
                        *(np.full(clip.num_frames, v) for v in locked.values()),
                    ]
                ),
                root=root,
                time_s=clip.time_s,
                efforts=robot.efforts,
            )
            support = _feature(tracks, SUPPORT, actions.subject)
            if support is not None and robot.feet and root is not None:
                motion = motion.on_steps(support, robot.feet)
            out |= self._check(motion, actions)
        return out

    def _check(self, motion: SimulatedMotion, actions: ActionTrack) -> Tracks:
        spans = motion.spans(self.config.min_length_s)
        roots: tuple[Root, ...] = self.config.roots if motion.root is not None else ("bolted",)
        settings = self.config.settings
        results: dict[Root, list[PhysicsResult]] = {
            root: [motion.tracked(a, b, root, settings) for a, b in spans] for root in roots
        }
        missing = np.full((len(motion.time_s), 2), np.nan)
        for a, b in spans:
            missing[a:b] = motion.missing(a, b, settings)
        subject = actions.subject
        return {
            f"features.physics.{actions.labeler}.{subject}": FeatureTrack(
                feature="label.physics",
                subject=subject,
                values=np.column_stack([_columns(results, spans, len(missing)), missing]),
                names=NAMES,
                unit="rad, 1, m/s, 1",
                description="The motion under gravity, tracked by PD control: root mean square "
                "joint error [rad], share of torques at their limit, slip on the floor [m/s], "
                "assisting force [body weights], whether it still stands without help; and what "
                "no contact can give: force [body weights], torque [body weights times height]",
            ),
            f"quality.physics.{actions.labeler}.{subject}": QualityTrack(
                subject, _facts(results, spans, motion, missing)
            ),
        }


def _feature(
    tracks: Mapping[str, Track], feature: str, subject: str
) -> Float[np.ndarray, "time column"] | None:
    """The values of a column about a subject, if there is one.

    Raises:
        TrackError: It has another number of columns than it must have.
    """
    for track in tracks.values():
        if isinstance(track, FeatureTrack) and (track.feature, track.subject) == (feature, subject):
            if track.values.shape[1] != NUM_COLUMNS[feature]:
                raise TrackError(
                    f"{feature} of {subject!r} must have {NUM_COLUMNS[feature]} columns, got "
                    f"{track.names}"
                )
            return np.asarray(track.values, float)
    return None


def _columns(
    results: Mapping[Root, list[PhysicsResult]], spans: list[tuple[int, int]], num_frames: int
) -> Float[np.ndarray, "time 5"]:
    """The first five of `NAMES`: of the run with the most help, upright of that with the least."""
    out = np.full((num_frames, 5), np.nan)
    by_help = sorted(results, key=("bolted", "fixed", "assisted", "free").index)
    most, least = by_help[0], by_help[-1]
    for (a, b), helped, alone in zip(spans, results[most], results[least], strict=True):
        error = np.sqrt((helped.joint_error_rad**2).mean(axis=1))
        measured = (error, helped.saturated, helped.slip_m_s, helped.assist_force)
        out[a:b] = np.column_stack([*measured, alone.upright.astype(float)])
    return out


def _facts(
    results: Mapping[Root, list[PhysicsResult]],
    spans: list[tuple[int, int]],
    motion: SimulatedMotion,
    missing: Float[np.ndarray, "time 2"],
) -> dict[str, Any]:
    """Facts of each run, over all its spans, weighted by their length."""
    time_s = motion.time_s
    out: dict[str, Any] = {
        "physics_simulated_s": float(sum(time_s[b - 1] - time_s[a] for a, b in spans)),
        "physics_simulated_share": sum(b - a for a, b in spans) / len(time_s),
        "physics_num_steps": len(motion.steps),
    }
    if np.isfinite(missing).any():
        means = np.nanmean(missing, axis=0)
        out["physics_missing_force_weights"] = float(means[0])
        out["physics_missing_torque_weights"] = float(means[1])
    for root, found in results.items():
        falls = [
            float(time_s[a] - time_s[0]) + result.fall_s
            for (a, _), result in zip(spans, found, strict=True)
            if result.fall_s is not None
        ]
        out[f"physics_{root}_fall_s"] = min(falls, default=None)
        rows = [result.facts() for result in found]
        for key in rows[0].keys() - {"fall_s"} if rows else ():
            known = [(r.duration_s, row[key]) for r, row in zip(found, rows, strict=True)]
            known = [(weight, value) for weight, value in known if value is not None]
            if known:
                weights, values = zip(*known, strict=True)
                out[f"physics_{root}_{key}"] = float(np.average(values, weights=weights))
    return dict(sorted(out.items()))
