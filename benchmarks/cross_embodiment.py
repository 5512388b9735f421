"""Labels of one arm, video of another: what a labeler of the one says of the other.

    python -m benchmarks cross_embodiment

Two arms do the same kind of thing before the same camera (`_two_bodies`). Episodes of B are labeled
by what was learned from a few or many labeled episodes of A: by inverse dynamics from pictures, and
by a decoder of the latents of a model that saw video of A alone, or of A and B as two embodiments
(no action of B). What labels of B itself would give is measured on the same episodes. Nothing was
chosen here: labelers have their defaults, latent models the steps of the labelers' benchmark.

Of others: `python -m benchmarks.cross_embodiment viperx panda --seeds 0`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._two_bodies import CAMERA, SIDE_PX, Filmed, filmed
from benchmarks.figure import Bar, Figure
from benchmarks.labelers.cells import bench_folder
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.infer import infer_episode
from rotoscope.models.inverse_dynamics.labeler import Labeler
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.labelers.labels import STRANGE, UNFAMILIAR
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.data import UnlabelledSet, UnlabelledVideo
from rotoscope.models.latent_actions.train import train_latent_action
from rotoscope.models.training.data import LabeledEpisode

ARMS = ("panda", "ur5e_2f85")
"""A, whose labels are known, and B."""
SEEDS = (0, 1, 2)
EPISODES, ROWS = 40, 60
FEW, MANY, TESTED = 6, 24, 10
"""Labeled episodes; the last of B's are labeled and scored, and never learned from with actions."""
_LATENT_LOOP = {"num_steps": 300, "eval_every": 100, "learning_rate": 5e-3}
"""As the labelers' benchmark trains them."""


@dataclass(frozen=True)
class Way:
    """How B's episodes come to their labels."""

    encoder: str = ""
    """Of inverse dynamics: none chosen, `flow`, or `A` or `AB`, the video of a latent model."""
    labels: str = "A"
    """Whose actions are known."""


WAYS = {
    "idm": Way(),
    "idm.flow": Way("flow"),
    "latent.A": Way("A"),
    "latent.AB": Way("AB"),
    "labels_of_B": Way(labels="B"),
    "labels_of_B.latent.AB": Way("AB", labels="B"),
}


@dataclass(frozen=True, eq=False)
class Found:
    """What labels of B are worth."""

    r2: tuple[float, ...]
    """Of each dimension of the action."""
    coverage: float
    """Share of true actions in their stated 90 % interval."""
    confidence: float
    """Mean confidence."""
    unfamiliar: float
    """Share of rows that are called unfamiliar."""
    strange: float
    """Share of rows that are called strange, which are not valid."""
    home_r2: float
    """Mean R2 that the labeler states of held-out episodes of its own."""


def run() -> list[Figure]:
    """All ways; means over seeds."""
    figures = []
    found: dict[tuple[str, int], list[Found]] = {}
    for seed in SEEDS:
        for way, num, one in measure(ARMS, seed):
            found.setdefault((way, num), []).append(one)
    for (way, num), several in found.items():
        title = f"cross_embodiment.{way}.{num}"
        names = ("dx", "dy", "dz", "opening")
        r2 = np.mean([one.r2 for one in several], axis=0)
        figures += [
            Figure(f"{title}.r2.{n}", float(v), "1") for n, v in zip(names, r2, strict=True)
        ]
        bar = Bar(">=", 0.87) if WAYS[way].labels == "B" else None
        for name in ("coverage", "confidence", "unfamiliar", "strange", "home_r2"):
            value = float(np.mean([getattr(one, name) for one in several]))
            figures.append(
                Figure(f"{title}.{name}", value, "1", bar if name == "coverage" else None)
            )
    for num in (FEW, MANY):
        gains = [
            float(np.mean(both.r2)) - float(np.mean(alone.r2))
            for both, alone in zip(found["latent.AB", num], found["latent.A", num], strict=True)
        ]
        figures.append(Figure(f"cross_embodiment.gain_of_B_video.{num}", np.mean(gains), "1"))
    return figures


def measure(
    pair: Sequence[str],
    seed: int,
    ways: Sequence[str] = tuple(WAYS),
    nums: Sequence[int] = (FEW, MANY),
) -> Iterator[tuple[str, int, Found]]:
    """Every way with few and many labeled episodes of one robot, on B's last episodes.

    Args:
        pair: Arms A and B.
        seed: Of every training.
        ways: Some of `WAYS`.
        nums: Labeled episodes.
    """
    a, b = (filmed(name, bench_folder(), num=EPISODES, rows=ROWS) for name in pair)
    tested = b.labeled(range(EPISODES - TESTED, EPISODES)).episodes
    with tempfile.TemporaryDirectory() as folder:
        for name in ways:
            way = WAYS[name]
            encoder: dict[str, Any] = {}
            if way.encoder in ("A", "AB"):
                place = Path(folder) / way.encoder
                if not place.is_dir():
                    _train_latent((a, b)[: len(way.encoder)], seed, place)
                encoder = {"encoder": f"latent:{place}"}
            elif way.encoder:
                encoder = {"encoder": way.encoder}
            for num in nums:
                known = (a if way.labels == "A" else b).labeled(range(num))
                config = InverseDynamicsConfig.model_validate(
                    {"camera": CAMERA, "kind": "kernel", "loop": {"seed": seed}, **encoder}
                )
                labeler = train_inverse_dynamics(known, config, Path(folder) / f"{name}-{num}")
                yield name, num, _scored(labeler, tested)


def _train_latent(arms: Sequence[Filmed], seed: int, out: Path) -> None:
    videos = [
        UnlabelledVideo(
            name=f"{arm.robot} {i}",
            time_s=episode.time_s,
            images=arm.images[i],
            targets=np.zeros((len(episode.time_s), 0)),
            points=np.zeros((len(episode.time_s), 0, 2)),
            embodiment=number,
        )
        for number, arm in enumerate(arms)
        for i, episode in enumerate(arm.labeled(range(EPISODES)).episodes)
    ]
    loop = LatentActionConfig().loop.model_copy(update={**_LATENT_LOOP, "seed": seed})
    config = LatentActionConfig.model_validate({"camera": CAMERA, "loop": loop})
    names = tuple(arm.robot for arm in arms)
    train_latent_action(UnlabelledSet(tuple(videos), names, (SIDE_PX, SIDE_PX)), config, out)


def _scored(labeler: Labeler, episodes: Sequence[LabeledEpisode]) -> Found:
    truth, said, width, confidence, familiar = [], [], [], [], []
    for episode in episodes:
        labels, known = infer_episode(labeler, episode)
        rows = np.flatnonzero(known & episode.valid)
        mine = episode.valid[known]
        truth.append(episode.actions[rows])
        said.append(labels.values[mine])
        width.append(labels.half_width[mine])
        confidence.append(labels.confidence[mine])
        familiar.append(labels.familiarity[mine])
    true, values, half = (np.concatenate(parts) for parts in (truth, said, width))
    familiarity = np.concatenate(familiar)
    r2 = 1 - ((values - true) ** 2).mean(0) / true.var(0)
    return Found(
        r2=tuple(r2.tolist()),
        coverage=float((np.abs(values - true) <= half).mean()),
        confidence=float(np.concatenate(confidence).mean()),
        unfamiliar=float((familiarity < UNFAMILIAR).mean()),
        strange=float((familiarity < STRANGE).mean()),
        home_r2=float(labeler.metrics["mean_r2"]),
    )


def main() -> None:
    """Prints a line for every way, number of labels and seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arms", nargs=2)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--labels", nargs="+", type=int, default=[FEW, MANY])
    given = parser.parse_args()
    for seed in given.seeds:
        for way, num, found in measure(given.arms, seed, given.ways, given.labels):
            r2 = ", ".join(f"{value:.2f}" for value in found.r2)
            print(
                f"seed {seed} {way} {num}: R2 {r2}; covers {found.coverage:.2f}, confidence "
                f"{found.confidence:.2f}, unfamiliar {found.unfamiliar:.2f}, strange "
                f"{found.strange:.2f}; at home R2 {found.home_r2:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
