"""A policy on the robot of a dataset, from what an episode's first row saw."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rotoscope.pipeline.datasets.read import EpisodeRows, read_images
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.policy import Policy
from rotoscope.pipeline.replay.commands import Commands
from rotoscope.pipeline.replay.run import VALID, PlayedEpisode, Replay
from rotoscope.pipeline.replay.score import score_of

STATE = "observation.state"


def roll_out(replay: Replay, index: int, policy: Policy, *, seed: int = 0) -> PlayedEpisode:
    """Lets a policy move the robot for as long as an episode lasts.

    The robot begins at the state of the episode's first valid row. The state that the policy sees
    is the simulated robot's own; a camera's pictures are those of the episode, row for row, which
    do not react to what the robot does.

    Args:
        replay: Dataset and robot.
        index: Place of the episode in the dataset.
        policy: Whose actions are played.
        seed: What is random in the policy.

    Raises:
        UsageError: The policy is for another robot or sees what is not there.
        RobotError: A humanoid: nothing balances it.
    """
    names = replay.contract.names
    _check(replay, policy)
    episode = replay.dataset.episode(index)
    valid = np.asarray(episode.columns.get(VALID, np.ones(episode.num_rows)), bool).ravel()
    if not valid.any():
        raise UsageError("no row of the episode is valid: there is nowhere to begin")
    first = int(np.flatnonzero(valid)[0])
    rows = np.arange(first, episode.num_rows)
    pictures = _pictures(replay, index, rows, policy.image_sizes)
    policy.reset(seed)
    columns = [names.index(n) for n in policy.state_names.get(STATE, tuple(names))]

    def act(k: int, seen: np.ndarray) -> np.ndarray:
        observation = {name: images[k] for name, images in pictures.items()}
        return policy.act(observation | {STATE: np.asarray(seen[columns], np.float32)})

    state = np.asarray(episode.columns[STATE], float).reshape(episode.num_rows, -1)
    values, played = replay.player.roll(
        state[first], act, num_commands=len(rows), rate_hz=replay.contract.rate_hz
    )
    commands = Commands(values, rows, np.zeros(len(rows), bool))
    score = score_of(episode.index, "", values, commands, played, replay.contract)
    return PlayedEpisode(episode, replay.contract, commands, None, played, score)


def distance_from_demonstration(found: PlayedEpisode, replay: Replay) -> float:
    """Median distance of the policy's actions from the episode's own in valid rows [rad].

    Over the joints that turn, the largest of each row.
    """
    episode = found.episode
    demonstrated = np.asarray(episode.columns[replay.column], float).reshape(episode.num_rows, -1)
    valid = np.asarray(episode.columns.get(VALID, np.ones(episode.num_rows)), bool).ravel()
    is_turning = [d.unit == "rad" for d in replay.contract.dimensions]
    apart = np.abs(found.commands.values - demonstrated[found.commands.row])[:, is_turning]
    return float(np.median(apart.max(axis=1)[valid[found.commands.row]]))


def _check(replay: Replay, policy: Policy) -> None:
    names = replay.contract.names
    if policy.contract is not None and policy.contract.names != names:
        raise UsageError(
            f"the policy's actions are {', '.join(policy.contract.names)}; those of {replay.robot} "
            f"are {', '.join(names)}"
        )
    missing = [name for name in policy.state_names if name != STATE]
    unknown = sorted(set(policy.state_names.get(STATE, ())) - set(names))
    if missing or unknown or replay.dataset.names(STATE) != names:
        seen = ", ".join([*missing, *unknown]) or STATE
        raise UsageError(
            f"the policy sees {seen}; here there are the joints of {replay.robot} as {STATE} and "
            "the dataset's pictures alone"
        )


def _pictures(
    replay: Replay, index: int, rows: np.ndarray, sizes: Mapping[str, tuple[int, int]]
) -> dict[str, list[np.ndarray]]:
    from PIL import Image

    found = {}
    for camera, size in sizes.items():
        if camera not in replay.dataset.cameras:
            raise UsageError(
                f"the policy sees {camera}; the dataset has {replay.dataset.cameras or 'no camera'}"
            )
        episode: EpisodeRows = replay.dataset.episode(index, camera=camera)
        images = read_images(episode, rows.tolist(), replay.dataset.fps)
        found[camera] = [np.asarray(Image.fromarray(i).resize(size)) for i in images]
    return found
