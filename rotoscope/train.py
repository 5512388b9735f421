"""What `rotoscope train` does: labelers and policies, learned from datasets.

After a crash or a kill, the same call goes on where it was and ends with the same weights. All
return what is known of what they trained, as `metrics.json` of its folder holds it.

Where `accelerate launch` or `torchrun` started several processes, labelers, latent action models
and the built-in policy are trained by all of them together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rotoscope.models.training.processes import refuse_several, together
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.paths import StrPath

if TYPE_CHECKING:
    from rotoscope.models.bco.train_command import RoundReport
    from rotoscope.models.reinforcement.trial import Tried
    from rotoscope.models.training.events import TrainListener


def labeler(
    name: str,
    data: StrPath,
    *,
    out: StrPath,
    overrides: Sequence[str] = (),
    contract: StrPath | None = None,
    through: str = "",
    listener: TrainListener | None = None,
) -> dict[str, Any]:
    """Trains a labeler: says which action was done, from what is seen around a row.

    Args:
        name: Built in, such as `inverse-dynamics` or `mean`; an entry point of an installed
            package; or a class of your own as `./file.py:Class`.
        data: Folder or URL of a labeled LeRobot v3 dataset; of videos at a URL only those of the
            cameras that are named are read, one file at a time.
        out: Folder of the labeler, written whole.
        overrides: Settings such as `inputs=[track.hand.joints]` or `loop.seed=1`.
        contract: JSON or YAML file that says what the actions must mean.
        through: Column of states, such as `observation.state`: read them off the features first
            (`OUT.states`, for the stage `track.state`), then infer actions from them.
        listener: Told about progress.

    Raises:
        UsageError: No such labeler, an unknown setting or a value out of range.
        DatasetError: Data that no labeler should be trained on.
        ContractError: Actions that mean something else than `contract` says.
    """
    with together():
        return _labeler(name, Path(data), Path(out), overrides, contract, through, listener)


def _labeler(
    name: str,
    data: Path,
    out: Path,
    overrides: Sequence[str],
    contract: StrPath | None,
    through: str,
    listener: TrainListener | None,
) -> dict[str, Any]:
    if not through:
        from rotoscope.models.labelers.train_command import train_labeler

        file = None if contract is None else Path(contract)
        made = train_labeler(name, data, out, overrides, contract=file, listener=listener)
        return made.metrics
    if contract is not None:
        raise UsageError("--through does not go with --contract; leave one of them out")
    from rotoscope.models.states.two_stage import train_two_stage

    both = train_two_stage(name, data, out, overrides, target=through, listener=listener)
    return both.labeler.metrics


def inverse_dynamics(
    data: StrPath,
    *,
    out: StrPath,
    overrides: Sequence[str] = (),
    contract: StrPath | None = None,
    through: str = "",
    listener: TrainListener | None = None,
) -> dict[str, Any]:
    """Trains the labeler `inverse-dynamics`; see `labeler`."""
    return labeler(
        "inverse-dynamics",
        data,
        out=out,
        overrides=overrides,
        contract=contract,
        through=through,
        listener=listener,
    )


def latent_action(
    data: StrPath | Sequence[StrPath],
    *,
    out: StrPath,
    overrides: Sequence[str] = (),
    listener: TrainListener | None = None,
) -> dict[str, Any]:
    """Trains a latent action model on video that nobody labeled.

    Args:
        data: LeRobot v3 datasets, here or at a URL, whose actions are not looked at, and folders
            of videos; each is an embodiment of its own.
        out: Folder of the model, written whole.
        overrides: Settings such as `objective=lapo` or `loop.seed=1`.
        listener: Told about progress.

    Raises:
        UsageError: An unknown setting or a value out of range.
        DatasetError: Data that no model should be trained on.
    """
    from rotoscope.models.latent_actions.train_command import train_latent_from

    folders = [Path(d) for d in ([data] if isinstance(data, str | os.PathLike) else data)]
    with together():
        return train_latent_from(folders, Path(out), overrides, listener=listener).metrics


def policy(
    data: StrPath,
    *,
    out: StrPath,
    policy: str = "bc",
    overrides: Sequence[str] = (),
    say: Callable[[str], None] = lambda text: None,
    listener: TrainListener | None = None,
) -> dict[str, Any]:
    """Trains a policy; rows that are not `label.valid` are never learned from.

    Args:
        data: Folder or URL of a LeRobot v3 dataset with actions; LeRobot's own policies are given
            all of it.
        out: Folder of the policy.
        policy: `bc`, built in; or one of LeRobot's: `act`, `diffusion`, `vqbet`.
        overrides: Settings such as `min_confidence=0.5`; LeRobot's own: `policy.dim_model=64`.
        say: Told what is left out and why.
        listener: Told about progress of the built-in policy.

    Raises:
        UsageError: An unknown policy or setting, a value out of range, or a missing package.
        DatasetError: Data that no policy should be trained on.
    """
    from rotoscope.models.policy.command import FROM_LEROBOT, train_policy
    from rotoscope.pipeline.remote.urls import place_of
    from rotoscope.pipeline.run.places import dataset_here

    with together():
        if policy in FROM_LEROBOT:
            data = dataset_here(place_of(data))
        return train_policy(Path(data), Path(out), policy, overrides, say=say, listener=listener)


def bco(
    data: StrPath,
    *,
    env: str,
    out: StrPath,
    rounds: int = 8,
    seed: int = 0,
    listener: Callable[[RoundReport], None] = lambda told: None,
) -> dict[str, Any]:
    """Behavioral cloning from observation: learns what the actions were by trying one's own.

    Args:
        data: LeRobot v3 dataset of demonstrations; actions are not read.
        env: Simulator whose action is one choice, such as `gymnasium:CartPole-v1`, or numbers
            between limits.
        out: Folder of `policy`, `labeler` and `rounds.json`.
        rounds: Rounds of labeling, cloning and acting; 1 is plain BCO(0).
        seed: Of everything random.
        listener: Told of every round.

    Returns:
        What the last round reached.

    Raises:
        UsageError: Another kind of action or state, an unknown simulator, or `out` holds something.
        DatasetError: No dataset, or no states in it.
    """
    from rotoscope.models.bco.train_command import train_bco

    refuse_several("training by bco")
    told = train_bco(env, Path(data), Path(out), num_rounds=rounds, seed=seed, listener=listener)
    return dict(vars(told[-1]))


def rl(
    data: StrPath | None = None,
    *,
    env: str,
    out: StrPath,
    demos: Sequence[str] = (),
    reward: str = "orca",
    see: Sequence[str] = (),
    camera: str = "",
    encoder: str = "pca",
    overrides: Sequence[str] = (),
    listener: Callable[[Tried], None] = lambda tried: None,
) -> dict[str, Any]:
    """Reinforcement learning in a simulator, on what a demonstration without actions shows.

    Args:
        data: LeRobot v3 dataset of demonstrations, or one video file; actions are not read. May be
            missing for the reward `true` alone.
        env: Simulator whose action is numbers between limits, such as `metaworld:button-press-v3`.
        out: Folder of `policy`, `curves.json` and `curves.png`.
        demos: Which episodes of `data`, such as `0` or `0:5`; all where empty.
        reward: `orca`, `ot`, `temporal_ot`, `dtw`, `threshold`, `last_frame`, `time_contrastive`,
            `gaifo`, or `true`, the task's own.
        see: What of the state counts, such as `observation.state:hand.*`.
        camera: Camera whose pictures count, such as `observation.images.front`.
        encoder: What describes them.
        overrides: Settings such as `steps=30000` or `schedule=ads`.
        listener: Told of every trial.

    Returns:
        How the policy that is kept did when it was tried.

    Raises:
        UsageError: A setting out of range, an unknown reward, simulator or camera, actions of
            another kind, a missing package, or `out` holds something.
        DatasetError: A column or a camera is not there, or nothing moves in the demonstrations.
    """
    from rotoscope.models.reinforcement.command import ReinforcementRequest, train_by_reinforcement
    from rotoscope.models.rewards.seen import Seen

    refuse_several("reinforcement learning")
    request = ReinforcementRequest(
        env=env,
        out=Path(out),
        data=None if data is None else Path(data),
        demos=tuple(demos),
        seen=Seen(tuple(see), camera, encoder),
        reward=reward,
        overrides=tuple(overrides),
    )
    return dict(vars(train_by_reinforcement(request, listener=listener).kept))
