"""Labelers of an expert's ways, asked about other ways of doing it.

    python -m benchmarks other_behaviors

Five episodes of a simulator's expert are learned from, state alone. Others of the expert, and of
somebody who does the same with noise, in play and at random, are labeled: 90 % intervals must hold
what was done, whoever did it, and rows of the expert must not be called unfamiliar. Nothing was
chosen on these tasks; `rotoscope.models.labelers.familiarity` names those of choice.

Others: `python -m benchmarks.other_behaviors metaworld:soccer-v3 --kinds ridge`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.figure import Bar, Figure
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.labelers.check import check_labeler
from rotoscope.models.simulators.behaviors import Behavior
from rotoscope.models.simulators.record_command import record_demonstrations
from rotoscope.models.training.read import read_labeled

TASKS = (
    "metaworld:sweep-into-v3",
    "metaworld:handle-pull-side-v3",
    "metaworld:peg-insert-side-v3",
    "metaworld:plate-slide-v3",
    "metaworld:hammer-v3",
    "gymnasium:HalfCheetah-v5",
    "gymnasium:Hopper-v5",
)
KINDS = ("blend", "mlp", "ridge", "kernel")
SEEN = "observation.state"
OTHERS: tuple[Behavior, ...] = ("noisy", "play", "random")
NUM_LABELED, NUM_EXPERT, NUM_OTHER, FIRST_SEED = 5, 8, 3, 500


def run() -> list[Figure]:
    """Of every task, kind and behavior."""
    return [figure for task in TASKS for figure in behaved(task, KINDS)]


def behaved(task: str, kinds: Sequence[str]) -> Iterator[Figure]:
    """What labelers of each kind say of each behavior in one simulator."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record_demonstrations(task, folder / "few", num_episodes=NUM_LABELED, cameras=[])
        record_demonstrations(
            task, folder / "expert", num_episodes=NUM_EXPERT, first_seed=FIRST_SEED, cameras=[]
        )
        for how in OTHERS:
            record_demonstrations(
                task,
                folder / how,
                num_episodes=NUM_OTHER,
                first_seed=FIRST_SEED,
                how=how,
                cameras=[],
            )
        for kind in kinds:
            labeler = folder / f"labeler-{kind}"
            config = InverseDynamicsConfig.model_validate({"kind": kind, "inputs": [SEEN]})
            train_inverse_dynamics(
                read_labeled(folder / "few", inputs=config.inputs), config, labeler
            )
            for how in ("expert", *OTHERS):
                found = check_labeler(labeler, folder / how).metrics
                title = f"other_behaviors.{task.partition(':')[2]}.{kind}.{how}"
                yield Figure(f"{title}.r2", found["mean_r2"], "1")
                yield Figure(
                    f"{title}.coverage_90", found["mean_coverage_90"], "1", Bar(">=", 0.85)
                )
                yield Figure(f"{title}.confidence", found["mean_confidence"], "1")
                is_expert = how == "expert"
                bar = Bar(">=", 0.9) if is_expert else None
                yield Figure(f"{title}.familiar", found["familiar"], "1", bar)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", nargs="*", default=TASKS, help="simulators")
    parser.add_argument("--kinds", nargs="+", default=KINDS, help="kinds of labelers")
    told = parser.parse_args()
    for one in told.task:
        for figure in behaved(one, told.kinds):
            print(figure.line(), flush=True)
