"""BCO from a dataset of demonstrations to two folders: a labeler and a policy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.models.bco.perceptron import Mlp
from rotoscope.models.bco.rounds import BcoRound, BcoSettings, OwnEpisode
from rotoscope.models.bco.train import check_simulator, greedy, iterate_bco, kind_of
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.policy.bc_policy import BcPolicy, PolicyFacts, save_policy
from rotoscope.models.policy.config import BcConfig
from rotoscope.models.simulators.rollout import rollout
from rotoscope.models.simulators.simulator import STATE, Simulator, open_simulator
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.models.training.model_folder import package_versions
from rotoscope.models.training.read import numbers_of
from rotoscope.models.training.scaling import Scaling
from rotoscope.models.training.windows import WindowConfig
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError, UsageError
from rotoscope.pipeline.files.atomic import write_text_atomic

LABELER, POLICY, ROUNDS = "labeler", "policy", "rounds.json"
"""What is written below `out`."""
_TRIED = range(900_000, 900_020)
"""Starts from which every round's policy is tried; none is learned from."""


@dataclass(frozen=True)
class RoundReport:
    """One round, for people."""

    number: int
    """Counted from 1."""
    num_rounds: int
    """How many there will be."""
    mean_return: float
    """Mean return of the round's policy, over 20 starts that nothing is learned from."""
    confidence: float
    """Mean share of the actions it names in the demonstrations, by transition and habit."""


def train_bco(
    env: str,
    data: Path,
    out: Path,
    *,
    num_rounds: int = BcoSettings.num_rounds,
    seed: int = 0,
    listener: Callable[[RoundReport], None] = lambda told: None,
) -> list[RoundReport]:
    """Learns from demonstrations without actions by acting in their simulator.

    Writes `out/policy` (for `rotoscope eval`), `out/labeler` (an inverse dynamics labeler trained
    on all that was tried) and `out/rounds.json`.

    Args:
        env: Simulator, such as `gymnasium:CartPole-v1`; its action must be one choice, or numbers
            between limits.
        data: LeRobot v3 dataset whose `observation.state` is the simulator's; actions are not read.
        out: Folder of the results.
        num_rounds: Rounds of labeling, cloning and acting.
        seed: Of everything random.
        listener: Told of every round.

    Raises:
        UsageError: No round or a negative seed, another kind of action or state, an unknown
            simulator, or `out` holds something.
        DatasetError: No dataset, or no states in it.
    """
    if seed < 0:
        raise UsageError(f"seed is {seed}; it must be 0 or more")
    BcoSettings(num_rounds=num_rounds)  # refused before anything is opened
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty; name another folder with --out, or remove it")
    simulator = open_simulator(env)
    try:
        states = read_states(data)
        kind = check_simulator(simulator, states)
        settings = replace(kind.settings, num_rounds=num_rounds)
        told: list[RoundReport] = []

        def tell(made: BcoRound) -> None:
            told.append(_told(made, simulator, num_rounds))
            listener(told[-1])

        rounds = iterate_bco(simulator, states, settings, seed=seed, listener=tell)
        save_policy(_cloned(rounds[-1].policy, simulator, states), out / POLICY)
        _train_labeler([e for r in rounds for e in r.own], simulator, seed, out / LABELER)
    finally:
        simulator.close()
    lines = [vars(one) for one in told]
    write_text_atomic(out / ROUNDS, json.dumps(lines, indent=2) + "\n")
    return told


def read_states(data: Path) -> list[Float[np.ndarray, "_ number"]]:
    """The states of every episode of a dataset.

    Raises:
        DatasetError: No dataset, no states in it, or states that are not finite.
    """
    dataset = open_dataset(data)
    if STATE not in dataset.info["features"]:
        raise DatasetError(
            f"{data} has no {STATE}: BCO learns from what the simulator's state was; record "
            "demonstrations with states"
        )
    found = []
    for index in range(len(dataset.table)):
        states = numbers_of(dataset.episode(index), STATE).astype(np.float32)
        if len(states) < 2 or not np.isfinite(states).all():
            raise DatasetError(
                f"{data}: episode {index} has {len(states)} rows, "
                f"{int((~np.isfinite(states)).sum())} numbers of them not finite; BCO needs two "
                "rows at least and every number: remove the episode"
            )
        found.append(states)
    return found


def _told(made: BcoRound, simulator: Simulator, num_rounds: int) -> RoundReport:
    act = greedy(made.policy, simulator)
    returns = [sum(t.step.reward for t in rollout(simulator, act, seed=s)) for s in _TRIED]
    sure = float(np.concatenate(made.confidence).mean())
    return RoundReport(made.number, num_rounds, float(np.mean(returns)), sure)


def _cloned(policy: Mlp, simulator: Simulator, states: Sequence[np.ndarray]) -> BcPolicy:
    """The same policy as a folder of the built-in kind holds it."""
    facts = simulator.facts
    weights = {}
    for number, (weight, bias) in enumerate(zip(policy.weights, policy.biases, strict=True)):
        # Every other layer of the network is a rectifier.
        weights[f"head.{2 * number}.weight"] = np.ascontiguousarray(weight.T, np.float32)
        weights[f"head.{2 * number}.bias"] = np.asarray(bias, np.float32)
    hidden = tuple(len(bias) for bias in policy.biases[:-1])
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(s).tobytes() for s in states))
    scale, mean = kind_of(simulator).scaling()
    scaling = Scaling(
        input_mean=policy.scaler.mean,
        input_scale=policy.scaler.spread,
        encoded_mean=mean,
        encoded_scale=scale,
    )
    described = PolicyFacts(
        config=BcConfig(inputs=(STATE,), hidden=hidden),
        contract=facts.contract,
        input_names=(facts.state_names,),
        image_size=(0, 0),
        data_sha256=digest.hexdigest(),
        packages=package_versions(),
    )
    return BcPolicy(described, scaling, weights, {"episodes": len(states)})


def _train_labeler(
    own: Sequence[OwnEpisode], simulator: Simulator, seed: int, folder: Path
) -> dict[str, Any]:
    """Inverse dynamics between a state and the next, from all that was tried."""
    facts = simulator.facts
    interval_s = 1 / facts.contract.rate_hz
    # The last state's own action is unknown.
    unknown = np.full((1, len(facts.contract.dimensions)), np.nan)
    episodes = tuple(
        LabeledEpisode(
            name=f"own episode {number}",
            time_s=np.arange(len(e.states)) * interval_s,
            features=e.states.astype(float),
            actions=np.concatenate([e.actions, unknown]),
            valid=np.arange(len(e.states)) < len(e.actions),
        )
        for number, e in enumerate(own)
        if len(e.actions) > 1
    )
    config = InverseDynamicsConfig.model_validate(
        {
            "inputs": (STATE,),
            "window": WindowConfig(before_s=0, after_s=interval_s, at_ends="drop"),
            "loop": {"seed": seed},
        }
    )
    data = LabeledSet(episodes, facts.contract, (STATE,), (len(facts.state_names),))
    return train_inverse_dynamics(data, config, folder).metrics
