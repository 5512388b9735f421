"""Episodes of a dataset played on their robot, and what that says of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.configs import config_path
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.replay.commands import NONE, Commands, Invalid, commands_of
from rotoscope.pipeline.replay.score import ReplayScore, score_of
from rotoscope.pipeline.robots import (
    CommandedJoints,
    Played,
    Player,
    PlayOptions,
    robots,
)

_SHIPPED = re.compile("[a-z][a-z0-9_]*")
JOINTS, ROOT, VALID = "label.joints", "label.root_pose", "label.valid"


@dataclass(frozen=True)
class ReplayRequest:
    """How episodes are played."""

    robot: str = ""
    """Name of a robot, or path of its YAML file; the one that the dataset names when empty."""
    invalid: Invalid = "hold"
    """What is done where rows are not valid."""
    options: PlayOptions = field(default_factory=PlayOptions)
    """Drive, root, weight, table."""


@dataclass(frozen=True, eq=False)
class PlayedEpisode:
    """One episode, what was commanded, and what became of it."""

    episode: EpisodeRows
    contract: ActionContract
    """Meaning of the commands."""
    commands: Commands
    root_pose: Float[np.ndarray, "command 6"] | None
    """Wanted root of a humanoid."""
    played: Played
    score: ReplayScore


class Replay:
    """Plays the episodes of one dataset on one robot.

    Args:
        dataset: Its contract tells robot, joints, units and rate.
        request: How episodes are played.

    Raises:
        UsageError: The dataset names no robot that is known here, or its columns are not the
            robot's joints.
        RobotError: No such robot, or its file cannot be simulated.
        AssetError: Its asset was not fetched.
    """

    def __init__(self, dataset: Dataset, request: ReplayRequest) -> None:
        self.dataset, self.request = dataset, request
        self.robot = request.robot or robot_named_by(dataset)
        self.joints: CommandedJoints = robots().joints(self.robot)
        self.contract = self.joints.contract(dataset.fps)
        self.column = joint_column(dataset, self.contract)
        self.player: Player = robots().open_player(self.robot, request.options)

    def play(self, index: int) -> PlayedEpisode:
        """Plays an episode by its place in the dataset.

        Raises:
            UsageError: No such episode, or no row of it is valid.
        """
        if not 0 <= index < len(self.dataset):
            last = len(self.dataset) - 1
            raise UsageError(
                f"{self.dataset.root} has no episode {index}; valid ones are 0 to {last}"
            )
        episode = self.dataset.episode(index)
        values = np.asarray(episode.columns[self.column], float).reshape(episode.num_rows, -1)
        valid = np.asarray(episode.columns.get(VALID, np.ones(episode.num_rows)), bool).ravel()
        root = self._root_of(episode)
        if root is not None:
            valid = valid & np.isfinite(root).all(axis=1)
        # A humanoid cannot be ramped: nobody knows how it came into its first posture.
        start = None if self.joints.kind == "humanoid" else self.joints.home
        commands = commands_of(
            values, valid, self.contract, start=start, invalid=self.request.invalid
        )
        root_pose = None if root is None else _at_commands(root, commands)
        played = self.player.play(
            commands.values, root_pose=root_pose, rate_hz=self.contract.rate_hz
        )
        score = score_of(episode.index, self.column, values, commands, played, self.contract)
        return PlayedEpisode(episode, self.contract, commands, root_pose, played, score)

    def _root_of(self, episode: EpisodeRows) -> np.ndarray | None:
        """Wanted root of a humanoid when each action is due."""
        if self.joints.kind != "humanoid" or ROOT not in episode.columns:
            return None
        root = np.asarray(episode.columns[ROOT], float).reshape(episode.num_rows, 6)
        said = self.dataset.rotoscope("contract.json")
        shift = round(float(said.get("shift_s", 0.0)) * self.dataset.fps)
        if self.column != "action":
            return root
        return root[np.minimum(np.arange(len(root)) + shift, len(root) - 1)]


def play_all(replay: Replay, indices: Sequence[int]) -> Iterator[tuple[int, PlayedEpisode | str]]:
    """Plays episodes one after another; what cannot be played comes back as a sentence."""
    for index in indices:
        try:
            yield index, replay.play(index)
        except UsageError as error:
            yield index, str(error)


def robot_named_by(dataset: Dataset) -> str:
    """The robot that comes with Rotoscope and that the dataset is for.

    A dataset may come from anyone: a file that it names is not opened.

    Raises:
        UsageError: It names none, or one of a file of its own.
    """
    named = str(dataset.rotoscope("contract.json").get("robot", ""))
    if not named:
        raise UsageError(
            f"{dataset.root} does not say what robot its actions are for; name it with --robot"
        )
    if _SHIPPED.fullmatch(named) is None or not config_path("robots", f"{named}.yaml").is_file():
        raise UsageError(
            f"{dataset.root} is for {shown(named)}, which does not come with Rotoscope; name the "
            "YAML file of that robot with --robot FILE"
        )
    return named


def joint_column(dataset: Dataset, contract: ActionContract) -> str:
    """The column that holds absolute values of all of a robot's joints.

    Raises:
        UsageError: There is none.
    """
    said = dataset.rotoscope("contract.json")
    if said.get("mode", "absolute") != "absolute" or not said.get("is_state", True):
        raise UsageError(
            f"the actions of {dataset.root} are {said.get('mode')} ones or commands of another "
            "kind; a robot is driven by absolute joint values"
        )
    for column in ("action", JOINTS):
        if column in dataset.info["features"] and dataset.names(column) == contract.names:
            return column
    raise UsageError(
        f"no column of {dataset.root} holds the joints of {contract.robot} "
        f"({', '.join(contract.names)}); its actions are {', '.join(dataset.names('action'))}. "
        "A hand on an arm cannot be played yet"
    )


def _at_commands(
    rows: Float[np.ndarray, "row 6"], commands: Commands
) -> Float[np.ndarray, "command 6"]:
    """The root at each command; between two rows along a straight line."""
    last_valid = commands.row.copy()
    last_valid[commands.is_held] = NONE
    known = np.flatnonzero(last_valid != NONE)
    # Held commands keep the root of the row that they repeat.
    place = np.arange(len(commands), dtype=float)
    for k in np.flatnonzero(commands.is_held):
        place[k] = place[k - 1]
    found = rows[last_valid[known]]
    return np.stack([np.interp(place, known, column) for column in found.T], axis=1)
