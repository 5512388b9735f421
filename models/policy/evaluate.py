"""A policy in a simulator: success, return, a video and a plot."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.models.policy.drawing import film, plot
from rotoscope.models.policy.policy import EpisodeResult
from rotoscope.models.policy.scores import wilson
from rotoscope.models.simulators.record import state_columns
from rotoscope.models.simulators.rollout import rollout
from rotoscope.models.simulators.simulator import (
    IMAGES,
    STATE,
    Observation,
    Simulator,
    Views,
    open_simulator,
)
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.policy import Policy

RESULTS, VIDEO, PLOT = "results.json", "episodes.mp4", "results.png"
FIRST_SEED = 70_000
"""Added to `seed`: starts that nobody demonstrated, as long as demonstrations begin below."""


Tell = Callable[[EpisodeResult], None]


def evaluate(
    policy: Policy,
    environment: str,
    out: Path,
    *,
    episodes: int = 50,
    seed: int = 0,
    num_filmed: int = 3,
    name: str = "policy",
    horizon: int | None = None,
    tell: Tell = lambda result: None,
) -> dict[str, Any]:
    """Tries a policy and writes `results.json`, `results.png` and `episodes.mp4`.

    Args:
        policy: What decides.
        environment: Simulator's name, such as `metaworld:push-v3`.
        out: Folder that appears, whole.
        episodes: How many starts.
        seed: The first of them is `FIRST_SEED + seed`.
        num_filmed: How many of them the video shows; none: no video.
        name: How the policy is called in what is written.
        horizon: Steps within which it must be done; the simulator's own where not given.
        tell: Told about every episode.

    Raises:
        UsageError: The policy needs what the simulator does not give, or acts otherwise.
    """
    simulator = open_simulator(environment, views_for(policy))
    try:
        seeds = range(FIRST_SEED + seed, FIRST_SEED + seed + episodes)
        results = try_policy(policy, simulator, seeds, tell, horizon=horizon)
        choose = fitted(policy, simulator)
        facts = simulator.facts
        summary = summarize(results) | {
            "policy": name,
            "environment": facts.name,
            "task": facts.task,
            "success_means": facts.success,
            "horizon": horizon or facts.horizon,
        }
        summary["per_episode"] = [asdict(result) for result in results]
        with atomic_path(out) as temporary:
            temporary.mkdir(parents=True)
            (temporary / RESULTS).write_text(json.dumps(summary, indent=2) + "\n")
            plot(results, summary, temporary / PLOT)
            if num_filmed:
                film(simulator, policy, choose, seeds[:num_filmed], temporary / VIDEO)
    finally:
        simulator.close()
    return summary


def try_policy(
    policy: Policy,
    simulator: Simulator,
    seeds: Sequence[int],
    tell: Tell = lambda result: None,
    *,
    horizon: int | None = None,
) -> list[EpisodeResult]:
    """How a policy does from some starts, for `horizon` steps at most (else the simulator's own).

    Raises:
        UsageError: It needs what the simulator does not give, or acts otherwise.
    """
    choose = fitted(policy, simulator)
    results = []
    for seed in seeds:
        results.append(_episode(simulator, policy, choose, seed, horizon))
        tell(results[-1])
    return results


def views_for(policy: Policy) -> Views:
    """What a simulator must draw for a policy.

    Raises:
        UsageError: Pictures of several sizes.
    """
    sizes = policy.image_sizes
    if len(set(sizes.values())) > 1:
        raise UsageError(f"cameras of one size are needed, the policy learned from {sizes}")
    if not sizes:
        return Views()
    width, height = next(iter(sizes.values()))
    return Views(tuple(name.removeprefix(IMAGES) for name in sizes), width, height)


def fitted(policy: Policy, simulator: Simulator) -> Callable[[Observation], Observation]:
    """Gives a policy what it learned from, by name.

    Raises:
        UsageError: It needs what the simulator does not give, or its actions mean something else.
    """
    facts = simulator.facts
    missing = [name for name in policy.state_names if name != STATE]
    if missing:
        raise UsageError(
            f"the policy sees {', '.join(missing)}; a simulator gives {STATE} and pictures alone: "
            f"train it with inputs=[{STATE}]"
        )
    if policy.contract is not None and policy.contract.names != facts.contract.names:
        raise UsageError(
            f"the policy's actions are {', '.join(policy.contract.names)}; {facts.name} takes "
            f"{', '.join(facts.contract.names)}"
        )
    wanted = policy.state_names.get(STATE)
    columns = None if wanted is None else state_columns(facts.state_names, wanted)

    def choose(observation: Observation) -> Observation:
        if columns is None:
            return observation
        return observation | {STATE: observation[STATE][columns]}

    return choose


def summarize(results: Sequence[EpisodeResult]) -> dict[str, Any]:
    """Success with its interval, and the mean return."""
    successes = sum(result.is_success for result in results)
    low, high = wilson(successes, len(results))
    returns = np.array([result.total_reward for result in results])
    spread = float(returns.std(ddof=1) / math.sqrt(len(returns))) if len(returns) > 1 else 0.0
    return {
        "episodes": len(results),
        "successes": successes,
        "success": round(successes / len(results), 4),
        "success_low": round(low, 4),
        "success_high": round(high, 4),
        "mean_return": round(float(returns.mean()), 4),
        "return_standard_error": round(spread, 4),
        "mean_steps": round(float(np.mean([result.steps for result in results])), 2),
    }


def _episode(
    simulator: Simulator,
    policy: Policy,
    choose: Callable[[Observation], Observation],
    seed: int,
    horizon: int | None,
) -> EpisodeResult:
    policy.reset(seed)
    total_reward, steps, is_success = 0.0, 0, False
    for transition in rollout(
        simulator, lambda seen: policy.act(choose(seen)), seed=seed, horizon=horizon
    ):
        total_reward += transition.step.reward
        steps += 1
        is_success = is_success or transition.step.is_success
    return EpisodeResult(seed, is_success, round(total_reward, 6), steps)
