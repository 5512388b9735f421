"""Forms of trainings; see `rotoscope.flows.deployments`."""

from __future__ import annotations

from typing import Any, Literal

from prefect.client.schemas.objects import State
from prefect.states import Completed

from rotoscope.flows import train
from rotoscope.flows.place import Place, lines_of
from rotoscope.flows.served_run import form

PolicyChoice = Literal["bc", "act", "diffusion", "vqbet"]


@form("train-inverse-dynamics")
def inverse_dynamics(
    data: str, out: str, overrides: str = "", contract: str = "", through: str = ""
) -> State[Any]:
    """Trains a labeler that infers the action between what was seen before and after.

    Args:
        data: Name of a labeled LeRobot v3 dataset, or its whole path.
        out: Name of the labeler's folder.
        overrides: Changed settings, one KEY=VALUE a line, such as `loop.seed=1`.
        contract: Path of a JSON or YAML file that says what the actions must mean. None if empty.
        through: Column of states to read off the features first, such as `observation.state`.
    """
    place = Place.current()
    return _done(
        train.labeler_flow.fn(
            "inverse-dynamics",
            str(place.readable(data)),
            out=str(place.writable(out, "labeler")),
            overrides=lines_of(overrides),
            contract=str(place.readable(contract, "contract")) if contract.strip() else None,
            through=through.strip(),
        )
    )


@form("train-latent-action")
def latent_action(data: str, out: str, overrides: str = "") -> State[Any]:
    """Trains a latent action model on video that nobody labeled.

    Args:
        data: LeRobot v3 datasets and folders of videos, one a line: names or whole paths.
        out: Name of the model's folder.
        overrides: Changed settings, one KEY=VALUE a line, such as `objective=lapo`.
    """
    place = Place.current()
    folders = [str(place.readable(line, "data")) for line in lines_of(data)]
    where = str(place.writable(out, "model"))
    return _done(train.latent_flow.fn(folders, out=where, overrides=lines_of(overrides)))


@form("train-policy")
def policy(data: str, out: str, policy: PolicyChoice = "bc", overrides: str = "") -> State[Any]:
    """Trains a policy; rows that are not `label.valid` are never learned from.

    Args:
        data: Name of a LeRobot v3 dataset with actions, or its whole path.
        out: Name of the policy's folder.
        policy: `bc` is built in, the others are LeRobot's.
        overrides: Changed settings, one KEY=VALUE a line, such as `min_confidence=0.5`.
    """
    place = Place.current()
    return _done(
        train.policy_flow.fn(
            str(place.readable(data)),
            out=str(place.writable(out, "policy")),
            policy=policy,
            overrides=lines_of(overrides),
        )
    )


@form("train-bco")
def bco(data: str, env: str, out: str, rounds: int = 8, seed: int = 0) -> State[Any]:
    """Behavioral cloning from observation: learns what the actions were by trying one's own.

    Args:
        data: Name of a LeRobot v3 dataset of demonstrations, or its whole path.
        env: Simulator whose action is one choice, such as `gymnasium:CartPole-v1`, or numbers
            between limits.
        out: Name of the folder of policy, labeler and rounds.json.
        rounds: Rounds of labeling, cloning and acting; 1 is plain BCO(0).
        seed: Of everything random.
    """
    place = Place.current()
    where = str(place.writable(out, "folder"))
    path = str(place.readable(data))
    return _done(train.bco_flow.fn(path, env=env.strip(), out=where, rounds=rounds, seed=seed))


def _done(facts: dict[str, Any]) -> State[Any]:
    shown = ("mean_r2", "accuracy", "success", "steps")
    return Completed(message=", ".join(f"{k} {facts[k]}" for k in shown if k in facts) or "trained")
