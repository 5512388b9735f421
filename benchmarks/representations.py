"""Is an encoder that was learned from video without actions worth something to a policy?

Fifty demonstrations as video; of ten of them the actions are known. A policy sees one picture of 64
px and nothing else: through an image network of its own, learned from the ten, or through that of a
latent action model, learned from all fifty videos. Fingers and object are taped, and what
`rotoscope track` sees of the tape teaches `laom.tracks` where things are. Settings were chosen on
`push-v3`.

`ROTOSCOPE_REPRESENTATIONS=FOLDER python -m benchmarks representations` goes on where it was
stopped; a part of it: `python -m benchmarks.representations sweep-into-v3 --policies scratch
laom.tracks --seeds 0`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import _taped_scene
from benchmarks._exchange_worth import interval
from benchmarks.figure import Bar, Figure
from rotoscope import track
from rotoscope.models.latent_actions.train_command import train_latent_from
from rotoscope.models.policy.command import train_policy
from rotoscope.models.policy.evaluate_folder import evaluate_folder
from rotoscope.models.simulators.record_command import record_demonstrations
from rotoscope.pipeline.files.atomic import atomic_path

TASKS = ("sweep-into-v3", "push-wall-v3")
SEEDS, STARTS = 3, 30
EPISODES, LABELED = 50, 10
SIDE_PX, FILMED_PX = 64, 192
MOST_STEPS = 200
SEES = (
    "inputs=[]",
    f"camera=observation.images.{_taped_scene.CAMERA}",
    f"image_size={SIDE_PX}",
)
GAP_S = 0.1
"""Time that a latent spans: a hand goes one to three pixels."""
LATENTS = {
    "laom": (f"gap_s={GAP_S}",),
    "laom.tracks": (
        f"gap_s={GAP_S}",
        "tracks.points={tracks}",
        "tracks.targets={tracks}",
        "tracks.weight=2",
    ),
    "dynamo": ("objective=dynamo", f"gap_s={GAP_S}"),
}
POLICIES = {
    "scratch": ("", ()),
    "laom": ("laom", ()),
    "laom.tracks": ("laom.tracks", ()),
    "laom.tracks.learning": ("laom.tracks", ("freeze_encoder=false",)),
    "laom.learning": ("laom", ("freeze_encoder=false",)),
    "laom.pretrain": ("laom", ("pretrain=true",)),
    "laom.learning.pretrain": ("laom", ("freeze_encoder=false", "pretrain=true")),
    "dynamo": ("dynamo", ()),
    "dynamo.learning": ("dynamo", ("freeze_encoder=false",)),
}
"""Latent action model, and settings of the policy."""


@dataclass(frozen=True)
class Grid:
    """One task, and how much of it is tried."""

    task: str
    folder: Path
    seeds: Sequence[int] = tuple(range(SEEDS))
    starts: int = STARTS
    episodes: int = EPISODES
    policies: Sequence[str] = tuple(POLICIES)
    latent_settings: tuple[str, ...] = ()
    policy_settings: tuple[str, ...] = ()

    def solved(self) -> dict[str, np.ndarray]:
        """For each policy, which starts it solves, seeds in rows; what is known is kept."""
        out: dict[str, list[list[bool]]] = {name: [] for name in self.policies}
        for seed in self.seeds:
            for name in self.policies:
                kept = self.folder / "results" / f"{name}-{seed}.json"
                if not kept.exists():
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    solved = self._try(name, seed)
                    with atomic_path(kept) as temporary:
                        temporary.write_text(json.dumps(solved))
                out[name].append(json.loads(kept.read_text()))
                print(f"{self.task} {name} {seed}: {sum(out[name][-1])}", file=sys.stderr)
        return {name: np.array(rows, bool) for name, rows in out.items()}

    def _data(self, seed: int) -> Path:
        """Demonstrations as video, the actions of some of them, and where the tape was seen."""
        filmed, tracked = self.folder / f"filmed{seed}", self.folder / f"data{seed}"
        if not filmed.exists():
            record_demonstrations(
                f"taped:{self.task}",
                filmed,
                num_episodes=self.episodes,
                first_seed=1000 * seed,
                cameras=[_taped_scene.CAMERA],
                size_px=FILMED_PX,
                num_labelled=LABELED,
            )
        if not tracked.exists():
            recipe = _taped_scene.write_recipe(self.folder / "tape.yaml", self.task)
            track(filmed, recipe=recipe, out=tracked, store=self.folder / "store")
        return tracked

    def _try(self, name: str, seed: int) -> list[bool]:
        latent, settings = POLICIES[name]
        data = self._data(seed)
        if latent:
            model = self.folder / f"{latent}{seed}"
            if not model.exists():
                tracks = f"[{', '.join(_taped_scene.tracks_of(self.task))}]"
                own = (setting.replace("{tracks}", tracks) for setting in LATENTS[latent])
                told = (*own, f"loop.seed={seed}", *self.latent_settings)
                train_latent_from([data], model, told)
            settings = (*settings, f"encoder=latent:{model}")
        work = self.folder / f"{name}-{seed}.work"
        shutil.rmtree(work, ignore_errors=True)
        told = (*SEES, *settings, f"loop.seed={seed}", *self.policy_settings)
        train_policy(data, work / "policy", "bc", told)
        found = evaluate_folder(
            work / "policy",
            f"taped:{self.task}",
            work / "tried",
            episodes=self.starts,
            num_filmed=0,
            horizon=MOST_STEPS,
        )
        shutil.rmtree(work)
        return [bool(one["is_success"]) for one in found["per_episode"]]


_taped_scene.register()


def run() -> list[Figure]:
    """Both tasks."""
    return [figure for task in TASKS for figure in figures(Grid(task, _folder() / task))]


def figures(grid: Grid) -> Iterator[Figure]:
    """Success of each policy, and what an encoder adds to it, start by start."""
    solved, base = grid.solved(), f"representations.{grid.task}"
    for name, cell in solved.items():
        low, high = interval([cell], lambda shares: shares[0])
        counts = " ".join(str(int(row.sum())) for row in cell)
        unit = f"[{low:.2f}, {high:.2f}]; {counts} of {cell.shape[1]}"
        yield Figure(f"{base}.success.{name}", float(cell.mean()), unit)
    for name, cell in solved.items():
        if name != "scratch" and "scratch" in solved:
            pair = [cell, solved["scratch"]]
            low, high = interval(pair, lambda shares: shares[0] - shares[1])
            unit = f"of starts; [{low:+.2f}, {high:+.2f}]"
            gain = float(cell.mean() - solved["scratch"].mean())
            bar = Bar(">=", 0.0) if name == "laom.tracks" else None
            yield Figure(f"{base}.gain.{name}", gain, unit, bar)


def _folder() -> Path:
    import platformdirs

    named = os.environ.get("ROTOSCOPE_REPRESENTATIONS")
    return Path(named) if named else platformdirs.user_cache_path("rotoscope") / "representations"


def main() -> None:
    """A part of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=TASKS)
    parser.add_argument("--policies", nargs="+", choices=POLICIES, default=list(POLICIES))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(SEEDS)))
    parser.add_argument("--starts", type=int, default=STARTS)
    told = parser.parse_args()
    for task in told.tasks:
        grid = Grid(task, _folder() / task, told.seeds, told.starts, policies=told.policies)
        print("\n".join(found.line() for found in figures(grid)), flush=True)


if __name__ == "__main__":
    main()
