"""A policy in a simulator: success, return, a video and a plot."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from models.policy.scores import wilson
from models.simulators.record import state_columns, write_video
from models.simulators.rollout import rollout
from models.simulators.simulator import (
    IMAGES,
    STATE,
    Observation,
    Simulator,
    Views,
    open_simulator,
)
from pipeline.atomic import atomic_path
from pipeline.contract import ActionContract
from pipeline.errors import UsageError

RESULTS, VIDEO, PLOT = "results.json", "episodes.mp4", "results.png"
FIRST_SEED = 70_000
"""Added to `seed`: starts that nobody demonstrated, as long as demonstrations begin below."""
VIDEO_SIDE_PX = 320
"""Side of the video's pictures."""


@runtime_checkable
class Policy(Protocol):
    """What can be tried in a simulator."""

    @property
    def contract(self) -> ActionContract | None:
        """What its actions mean; `None` where nobody knows."""
        ...

    @property
    def state_names(self) -> dict[str, tuple[str, ...]]:
        """Features that it must be given, and what their numbers are."""
        ...

    @property
    def image_sizes(self) -> dict[str, tuple[int, int]]:
        """Cameras that it must be given, and the width and height it learned from [px]."""
        ...

    def reset(self, seed: int) -> None:
        """Begins an episode; what is random in the policy comes from `seed`."""
        ...

    def act(self, observation: Observation) -> Float[np.ndarray, " action"]:
        """The next action."""
        ...


@dataclass(frozen=True)
class EpisodeResult:
    """How one episode went."""

    seed: int
    """Which start."""
    is_success: bool
    """Whether the task was solved."""
    total_reward: float
    """Sum of rewards: the return."""
    steps: int
    """Steps it took."""


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
        tell: Told about every episode.

    Raises:
        UsageError: The policy needs what the simulator does not give, or acts otherwise.
    """
    simulator = open_simulator(environment, views_for(policy))
    try:
        choose = fitted(policy, simulator)
        seeds = range(FIRST_SEED + seed, FIRST_SEED + seed + episodes)
        results = []
        for number in seeds:
            results.append(_episode(simulator, policy, choose, number))
            tell(results[-1])
        facts = simulator.facts
        summary = summarise(results) | {
            "policy": name,
            "environment": facts.name,
            "task": facts.task,
            "success_means": facts.success,
            "horizon": facts.horizon,
        }
        summary["per_episode"] = [asdict(result) for result in results]
        with atomic_path(out) as temporary:
            temporary.mkdir(parents=True)
            (temporary / RESULTS).write_text(json.dumps(summary, indent=2) + "\n")
            _plot(results, summary, temporary / PLOT)
            if num_filmed:
                _film(simulator, policy, choose, seeds[:num_filmed], temporary / VIDEO)
    finally:
        simulator.close()
    return summary


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


def summarise(results: Sequence[EpisodeResult]) -> dict[str, Any]:
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
) -> EpisodeResult:
    policy.reset(seed)
    total_reward, steps, is_success = 0.0, 0, False
    for transition in rollout(simulator, lambda seen: policy.act(choose(seen)), seed=seed):
        total_reward += transition.step.reward
        steps += 1
        is_success = is_success or transition.step.is_success
    return EpisodeResult(seed, is_success, round(total_reward, 6), steps)


def _film(
    simulator: Simulator,
    policy: Policy,
    choose: Callable[[Observation], Observation],
    seeds: Sequence[int],
    path: Path,
) -> None:
    """Episodes one after the other, each with half a second of its end; green: solved."""
    facts, views = simulator.facts, simulator.views
    size = {"width": VIDEO_SIDE_PX, "height": VIDEO_SIDE_PX}

    def picture(observation: Observation) -> np.ndarray:
        if not views.cameras:
            return simulator.render(facts.cameras[0], **size)
        # What the policy itself sees: drawing in a second size would open a renderer every step.
        seen = observation[IMAGES + views.cameras[0]]
        times = max(1, VIDEO_SIDE_PX // seen.shape[1])
        return seen.repeat(times, 0).repeat(times, 1)

    def pictures() -> Iterator[np.ndarray]:
        for seed in seeds:
            policy.reset(seed)
            solved, image = False, None
            for transition in rollout(simulator, lambda seen: policy.act(choose(seen)), seed=seed):
                solved = solved or transition.step.is_success
                image = picture(transition.step.observation)
                yield image
            if image is not None:
                yield from [_framed(image, solved)] * (facts.fps // 2)

    write_video(path, pictures(), fps=facts.fps)


def _framed(image: np.ndarray, is_success: bool) -> np.ndarray:
    out = image.copy()
    colour = (40, 160, 60) if is_success else (190, 40, 40)
    for edge in (out[:6], out[-6:], out[:, :6], out[:, -6:]):
        edge[:] = colour
    return out


def _plot(results: Sequence[EpisodeResult], summary: dict[str, Any], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1, 4))
    rate, low, high = (summary[k] for k in ("success", "success_low", "success_high"))
    left.bar([0], [rate], color="#4477aa")
    left.errorbar([0], [rate], yerr=[[rate - low], [high - rate]], color="k", capsize=5)
    left.set(ylim=(0, 1), xticks=[], ylabel="share solved, 95 % interval")
    left.set_title(f"{summary['successes']} of {summary['episodes']}")
    for is_success, colour, label in (
        (True, "#228833", "solved"),
        (False, "#ee6677", "not solved"),
    ):
        chosen = [(r.seed, r.total_reward) for r in results if r.is_success == is_success]
        if chosen:
            right.plot(*zip(*chosen, strict=True), "o", color=colour, label=label, markersize=4)
    right.axhline(summary["mean_return"], color="0.6", linewidth=1)
    right.set(xlabel="start (seed)", ylabel="return")
    right.legend(loc="best", fontsize=8)
    figure.suptitle(f"{summary['policy']} in {summary['environment']}")
    figure.savefig(path, format="png", dpi=110)
