"""What an evaluation shows: a video of a few episodes and a plot of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.models.policy.policy import EpisodeResult
from rotoscope.models.simulators.record import write_video
from rotoscope.models.simulators.rollout import rollout
from rotoscope.models.simulators.simulator import IMAGES, Observation, Simulator
from rotoscope.pipeline.policy import Policy

VIDEO_SIDE_PX = 320
"""Side of the video's pictures."""


def film(
    simulator: Simulator,
    policy: Policy,
    choose: Callable[[Observation], Observation],
    seeds: Sequence[int],
    path: Path,
) -> None:
    """An mp4 of episodes one after the other, each with half a second of its end; green: solved."""
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
    color = (40, 160, 60) if is_success else (190, 40, 40)
    for edge in (out[:6], out[-6:], out[:, :6], out[:, -6:]):
        edge[:] = color
    return out


def plot(results: Sequence[EpisodeResult], summary: dict[str, Any], path: Path) -> None:
    """A PNG: the share solved with its interval, and every episode's return."""
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
    for is_success, color, label in (
        (True, "#228833", "solved"),
        (False, "#ee6677", "not solved"),
    ):
        chosen = [(r.seed, r.total_reward) for r in results if r.is_success == is_success]
        if chosen:
            right.plot(*zip(*chosen, strict=True), "o", color=color, label=label, markersize=4)
    right.axhline(summary["mean_return"], color="0.6", linewidth=1)
    right.set(xlabel="start (seed)", ylabel="return")
    right.legend(loc="best", fontsize=8)
    figure.suptitle(f"{summary['policy']} in {summary['environment']}")
    figure.savefig(path, format="png", dpi=110)
