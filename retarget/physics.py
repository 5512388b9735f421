"""`check.physics`: what becomes of the robot's motion when gravity is on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jaxtyping import Bool, Float
from pydantic import Field, field_validator

from pipeline.assets import asset_path
from pipeline.configs import config_path
from pipeline.contract import ActionContract
from pipeline.errors import RobotError, TrackError
from pipeline.geometry import se3
from pipeline.stage import ClipStage, StageConfig, Tracks
from pipeline.tracks import ActionTrack, FeatureTrack, QualityTrack, Track
from pipeline.types import Clip
from retarget.contacts import runs
from retarget.description import read_description
from retarget.physics_model import PhysicsSettings, Root
from retarget.physics_tracking import PhysicsResult, track_with_pd

ROOT_POSE = "label.root_pose"
NAMES = ("joint_error", "saturated", "slip", "assist", "upright")


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
    version = "1"
    requires = ("actions",)
    provides = ("features.physics", "quality.physics")
    Config = PhysicsConfig
    config: PhysicsConfig

    @cached_property
    def named_robot(self) -> Path | None:
        """File of the robot that the recipe names, if it names one."""
        return None if self.config.robot is None else robot_file(self.config.robot)

    def setup(self) -> None:
        """Finds the robot's file, so that a wrong name is said before the work."""
        assert self.named_robot is None or self.named_robot.is_file()

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """A column and a quality record per action track that holds joint values."""
        out: Tracks = {}
        for actions in tracks.values():
            if not isinstance(actions, ActionTrack):
                continue
            if not any(d.quantity == "joint" for d in actions.contract.dimensions):
                continue
            root = _root_pose(tracks, actions.subject)
            path = self.named_robot or robot_file(actions.contract.robot)
            out |= self._check(path, actions, root, clip.time_s)
        return out

    def _check(
        self,
        path: Path,
        actions: ActionTrack,
        root_pose: Float[np.ndarray, "time 6"] | None,
        time_s: Float[np.ndarray, " time"],
    ) -> Tracks:
        names, columns = joint_columns(actions.contract, path)
        values = actions.values[:, columns]
        known = np.isfinite(values).all(axis=1)
        if root_pose is not None:
            known &= np.isfinite(root_pose).all(axis=1)
        spans = [
            (a, b)
            for a, b in runs(known)
            if b - a >= 2 and time_s[b - 1] - time_s[a] >= self.config.min_length_s
        ]
        roots: tuple[Root, ...] = self.config.roots if root_pose is not None else ("bolted",)
        results: dict[Root, list[PhysicsResult]] = {root: [] for root in roots}
        for root in roots:
            for a, b in spans:
                pose = None if root_pose is None else root_pose[a:b]
                results[root].append(
                    track_with_pd(
                        path,
                        None if pose is None else pose[:, :3],
                        None if pose is None else se3.exp_so3(pose[:, 3:]),
                        values[a:b],
                        names,
                        time_s[a:b],
                        self.config.settings,
                        root=root,
                    )
                )
        subject = actions.subject
        return {
            f"features.physics.{actions.labeler}.{subject}": FeatureTrack(
                feature="label.physics",
                subject=subject,
                values=_columns(results, spans, len(time_s)),
                names=NAMES,
                unit="rad, 1, m/s, 1, 1",
                description="The motion tracked by PD control under gravity: root mean square "
                "joint error [rad], share of torques at their limit, slip of the feet [m/s], "
                "assisting force in body weights, and whether it still stands without help",
            ),
            f"quality.physics.{actions.labeler}.{subject}": QualityTrack(
                subject, _facts(results, spans, time_s, known)
            ),
        }


def robot_file(name_or_path: str) -> Path:
    """The URDF or MJCF file of a robot of any kind, by its name in `configs/robots` or a path.

    Raises:
        RobotError: No such robot, or its YAML file does not say where the robot lies.
        AssetError: Its asset was not fetched.
    """
    is_path = name_or_path.endswith((".yaml", ".yml"))
    path = Path(name_or_path) if is_path else config_path("robots", f"{name_or_path}.yaml")
    if not path.is_file():
        raise RobotError(
            f"there is no robot {name_or_path!r} to simulate; set `robot` of check.physics to a "
            "name in configs/robots or to the path of such a .yaml file"
        )
    try:
        said = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RobotError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(said, dict) or "file" not in said or not ({"asset", "folder"} & set(said)):
        raise RobotError(f"{path} must have `file`, and `asset` or `folder`, to be simulated")
    folder = asset_path(said["asset"]) if said.get("asset") else path.parent / str(said["folder"])
    return Path(folder) / str(said["file"])


def joint_columns(contract: ActionContract, path: Path) -> tuple[tuple[str, ...], list[int]]:
    """Which columns of an action are joints of the robot's file, and how they are called there.

    `<joint>.pos` is joint `<joint>`; where the file has no such joint, the robot's name in front
    of it is taken off. Grippers in percent are left out.

    Raises:
        RobotError: A joint of the contract is not in the file.
    """
    joints = [j.name for j in read_description(path).joints.values() if j.kind != "fixed"]
    names, columns = [], []
    for k, dimension in enumerate(contract.dimensions):
        if dimension.quantity != "joint":
            continue
        full = dimension.name.removesuffix(".pos")
        short = full.removeprefix(f"{contract.robot}_")
        if full not in joints and short not in joints:
            raise RobotError(
                f"{path} has no joint {full!r}, which the actions of {contract.robot!r} name; "
                "set `robot` of check.physics to the robot that they are for"
            )
        names.append(full if full in joints else short)
        columns.append(k)
    return tuple(names), columns


def _root_pose(tracks: Mapping[str, Track], subject: str) -> Float[np.ndarray, "time 6"] | None:
    """The wanted root pose of a subject: x y z and rotation vector; `None` for bolted robots."""
    for track in tracks.values():
        if not isinstance(track, FeatureTrack) or track.feature != ROOT_POSE:
            continue
        if track.subject == subject:
            if track.values.shape[1] != 6:
                raise TrackError(
                    f"{ROOT_POSE} of {subject!r} must hold x y z wx wy wz, got {track.names}"
                )
            return np.asarray(track.values, float)
    return None


def _columns(
    results: Mapping[Root, list[PhysicsResult]], spans: list[tuple[int, int]], num_frames: int
) -> Float[np.ndarray, "time column"]:
    """`NAMES` per frame: of the run with the most help, upright of the one with the least."""
    out = np.full((num_frames, len(NAMES)), np.nan)
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
    time_s: Float[np.ndarray, " time"],
    known: Bool[np.ndarray, " time"],
) -> dict[str, Any]:
    """Facts of each run, over all its spans, weighted by their length."""
    out: dict[str, Any] = {
        "physics_known_share": float(known.mean()),
        "physics_simulated_s": float(sum(time_s[b - 1] - time_s[a] for a, b in spans)),
    }
    for root, found in results.items():
        falls = [
            float(time_s[a]) - float(time_s[0]) + r.fall_s
            for (a, _), r in zip(spans, found, strict=True)
            if r.fall_s is not None
        ]
        out[f"physics_{root}_fall_s"] = min(falls, default=None)
        weights = np.array([r.duration_s for r in found])
        rows = [r.facts() for r in found]
        for key in rows[0] if rows else ():
            values = [row[key] for row in rows]
            has = np.array([v is not None for v in values])
            if key == "fall_s" or not has.any():
                continue
            numbers = np.array([v for v in values if v is not None])
            out[f"physics_{root}_{key}"] = float(np.average(numbers, weights=weights[has]))
    return out
