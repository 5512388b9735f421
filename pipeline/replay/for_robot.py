"""A dataset in the form that `lerobot-replay` sends to one of LeRobot's robots."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rotoscope.pipeline.converters.lerobot import LeRobotForm
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.errors import DatasetError, UsageError
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows
from rotoscope.pipeline.replay.commands import Commands, Invalid, commands_of
from rotoscope.pipeline.replay.run import VALID, joint_column

STATE = "Where the robot was told to be by the commands before; it was not measured."


@dataclass(frozen=True)
class RobotExport:
    """What an export did."""

    episodes: tuple[int, ...]
    """Old index of each new episode."""
    rows: int
    """Rows in all of them, ramps included."""
    played: int
    """Rows that are what a valid row says."""
    outside: int
    """Valid rows that lie outside a limit, and are treated as those that are not valid."""
    left_out: tuple[str, ...] = field(default=())
    """Sentences about episodes that hold nothing to play."""


def export_for_robot(
    dataset: Dataset, out: Path, form: LeRobotForm, *, invalid: Invalid, has_ramp: bool = True
) -> RobotExport:
    """Writes the actions as LeRobot's numbers, without pictures, ready to be sent.

    Every episode begins with a ramp from the robot's rest posture to its first command: bring the
    robot there first. `label.valid` tells commands that a valid row says from ramps and rows held.

    Args:
        dataset: Absolute joint actions.
        out: Folder of the new dataset, which must not be there.
        form: The robot, its calibration, its wiring.
        invalid: What is done where rows are not valid or outside a limit.
        has_ramp: Whether episodes begin at the robot's rest posture.

    Raises:
        DatasetError: `out` is there already.
        UsageError: The dataset holds no joints of the robot, or nothing that could be played.
        ContractError: The limits leave a motor no way.
    """
    if out.exists():
        raise DatasetError(f"{out} exists; name another place or move it away")
    column = joint_column(dataset, form.joints.contract(dataset.fps))
    lag = max(1, round(float(dataset.rotoscope("contract.json").get("shift_s", 0.0)) * dataset.fps))
    contract = form.contract(dataset.fps, shift_s=lag / dataset.fps)
    start = form.to_lerobot(form.joints.joints(form.joints.home[None]))[0] if has_ramp else None
    kept: list[int] = []
    left_out: list[str] = []
    rows = played = outside = 0
    units = ", ".join(dict.fromkeys(d.unit for d in contract.dimensions))
    state = StateColumns(tuple(contract.names), units, STATE)
    with DatasetRecorder(contract, state, camera="") as recorder:
        for number in range(len(dataset)):
            episode = dataset.episode(number)
            own = np.asarray(episode.columns[column], float).reshape(episode.num_rows, -1)
            values = form.to_lerobot(form.joints.joints(own))
            valid = np.asarray(episode.columns.get(VALID, np.ones(episode.num_rows)), bool).ravel()
            is_outside = contract.violations(values, tolerance=1e-3)
            outside += int((valid & is_outside).sum())
            try:
                commands = commands_of(
                    values, valid & ~is_outside, contract, start=start, invalid=invalid
                )
            except UsageError as error:
                left_out.append(f"episode {episode.index}: {error}")
                continue
            recorder.add(_rows_of(dataset, number, episode, commands, lag))
            kept.append(episode.index)
            rows, played = rows + len(commands), played + int(commands.is_own.sum())
        if not kept:
            raise UsageError(f"{dataset.root} holds nothing to play: {'; '.join(left_out)}")
        recorder.publish(out, made_by=f"export for {form.target.name}")
    return RobotExport(tuple(kept), rows, played, outside, tuple(left_out))


def _rows_of(
    dataset: Dataset, number: int, episode: EpisodeRows, commands: Commands, lag: int
) -> Rows:
    confidence = np.asarray(episode.columns.get("label.confidence", np.ones(episode.num_rows)))
    known = np.where(commands.is_own, confidence.ravel()[commands.row], 0.0)
    tasks = dataset.table[number].get("tasks")
    return Rows(
        name=str(episode.meta.get("episode_id") or f"episode-{episode.index:06d}"),
        task=str(next(iter([] if tasks is None else tasks), "")) or "replay",
        actions=commands.values,
        valid=commands.is_own,
        confidence=known,
        state=commands.values[np.maximum(np.arange(len(commands)) - lag, 0)],
    )
