"""Labels from 64 px pictures of one camera, and policies on them: four Meta-World tasks.

Five labeled demonstrations and thirty-five whose actions are hidden, as `rotoscope bench labelers`
has them, filmed by one fixed camera. A labeler that sees the pictures alone labels the hidden ones;
a policy is cloned on all forty from state, by the product's defaults, and tried from the starts of
the bench, whose `true` and `alone` stand beside it. `kind=kernel` chooses whether it sees pictures
or motion; that flow is an encoder at all was tried on coffee-push-v3, one seed.

`python -m benchmarks.filmed_labels [TASK ...] [seeds=N]`; what is filmed is kept.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.figure import Bar, Figure
from benchmarks.labelers.cells import bench_folder
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.family import InverseDynamics
from rotoscope.models.labeler_bench.episodes import (
    FIRST_HIDDEN,
    FIRST_LABELED,
    Demonstration,
    demonstrations,
    labeled_set,
)
from rotoscope.models.labelers.labels import STRANGE
from rotoscope.models.policy.bc_train import train_bc
from rotoscope.models.policy.config import BcConfig
from rotoscope.models.policy.evaluate import FIRST_SEED, try_policy
from rotoscope.models.policy.row_weights import RowWeights
from rotoscope.models.simulators.simulator import STATE, Simulator, open_simulator
from rotoscope.models.training.data import LabeledSet
from rotoscope.pipeline.files.atomic import atomic_path

TASKS = ("sweep-into-v3", "handle-pull-side-v3", "peg-insert-side-v3", "plate-slide-v3")
CAMERA, SIZE_PX = "corner2", 64
NUM_LABELED, NUM_HIDDEN, NUM_STARTS = 5, 35, 50
KERNEL = InverseDynamicsConfig.model_validate(
    {"kind": "kernel", "camera": f"observation.images.{CAMERA}"}
)


def run(tasks: Sequence[str] = TASKS, seeds: int = 3) -> Iterator[Figure]:
    """R2 of valid labels and success of policies on them, by task and seed, then by task."""
    for task in tasks:
        solved = []
        for seed in range(seeds):
            r2, encoder, share = _one(task, seed)
            solved.append(share)
            yield Figure(f"filmed.{task}.{seed}.r2_from_{encoder}", r2, "1")
            yield Figure(f"filmed.{task}.{seed}.success", share, "1")
        yield Figure(f"filmed.{task}.success", float(np.mean(solved)), "1", Bar(">=", 0.8))


def _one(task: str, seed: int) -> tuple[float, str, float]:
    simulator = open_simulator(f"metaworld:{task}")
    folder = bench_folder() / "filmed_labels"
    try:
        first = FIRST_LABELED + seed * NUM_LABELED
        known = demonstrations(simulator, range(first, first + NUM_LABELED), folder)
        hidden_seeds = range(FIRST_HIDDEN, FIRST_HIDDEN + NUM_HIDDEN)
        hidden = demonstrations(simulator, hidden_seeds, folder)
        with tempfile.TemporaryDirectory() as work:
            shown = _filmed(known, simulator, folder)
            labeler = InverseDynamics.train(shown, KERNEL, Path(work) / "labeler")
            labeler.setup()
            asked = _filmed(hidden, simulator, folder).episodes
            labels = [labeler.labels_of(episode) for episode in asked]
            data = labeled_set([*known, *hidden], (STATE,), simulator)
            episodes, weights = list(data.episodes), []
            for number, episode in enumerate(episodes):
                rows = np.ones(len(episode.time_s), bool)
                if number >= NUM_LABELED:
                    made = labels[number - NUM_LABELED]
                    rows = made.known & ~(made.familiarity < STRANGE)
                    actions = np.where(rows[:, None], made.values, 0.0)
                    episodes[number] = replace(episode, actions=actions, valid=rows)
                weights.append(RowWeights(rows, rows.astype(float)))
            default = BcConfig()
            config = BcConfig(loop=default.loop.model_copy(update={"seed": seed}))
            names = [list(simulator.facts.state_names)]
            policy = train_bc(
                replace(data, episodes=tuple(episodes)),
                weights,
                config,
                Path(work) / "policy",
                input_names=names,
            )
        results = try_policy(policy, simulator, range(FIRST_SEED, FIRST_SEED + NUM_STARTS))
        error = np.concatenate([m.values - e.actions for m, e in zip(labels, asked, strict=True)])
        truth = np.concatenate([e.actions for e in asked])
        valid = np.concatenate([m.known & ~(m.familiarity < STRANGE) for m in labels])
        error, truth = error[valid], truth[valid]
        moves = truth.std(axis=0) > 1e-6
        r2 = 1 - (error**2).mean(0)[moves] / truth.var(0)[moves]
        encoder = str(labeler.ensemble.facts.config.encoder)
        return float(r2.mean()), encoder, float(np.mean([r.is_success for r in results]))
    finally:
        simulator.close()


def _filmed(known: Sequence[Demonstration], simulator: Simulator, folder: Path) -> LabeledSet:
    """Demonstrations as one camera sees them, each run again once to be filmed."""
    data = labeled_set(known, (STATE,), simulator)
    episodes = []
    for demonstration, episode in zip(known, data.episodes, strict=True):
        name = f"{simulator.facts.name.replace(':', '-')}-{CAMERA}-{demonstration.seed}.npz"
        path = folder / name
        if not path.is_file():
            simulator.reset(demonstration.seed)
            pictures = []
            for action in demonstration.actions:
                pictures.append(simulator.render(CAMERA, width=SIZE_PX, height=SIZE_PX))
                simulator.step(action)
            with atomic_path(path) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, images=np.stack(pictures))
        with np.load(path, allow_pickle=False) as stored:
            images = stored["images"]
        episodes.append(
            replace(episode, features=np.zeros((len(images), 0)), images=images, state=None)
        )
    return replace(
        data,
        episodes=tuple(episodes),
        inputs=(),
        input_sizes=(),
        camera=KERNEL.camera,
        image_size=(SIZE_PX, SIZE_PX),
    )


if __name__ == "__main__":
    told = [a for a in sys.argv[1:] if "=" not in a]
    numbers = [int(a.partition("=")[2]) for a in sys.argv[1:] if a.startswith("seeds=")]
    for figure in run(told or TASKS, *numbers):
        print(figure.line(), flush=True)
