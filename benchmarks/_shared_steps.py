"""What each process does in `several_processes`: trains an image network, says what it cost."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from rotoscope.models.training.config import LoopConfig
from rotoscope.models.training.loop import Problem, train
from rotoscope.models.training.processes import process_index, together
from rotoscope.models.training.rows import Batch, Rows

STEPS, BATCH, SIDE = 40, 96, 48
CONFIG = LoopConfig(
    num_steps=STEPS, batch_size=BATCH, eval_every=STEPS, checkpoint_every=STEPS, device="cpu"
)


def problem() -> Problem:
    """Pictures of a bright square, and where it is."""
    import torch

    random = np.random.default_rng(0)
    place = random.integers(0, SIDE - 8, (1024, 2))
    pictures = random.integers(0, 60, (1024, 3, SIDE, SIDE), dtype=np.uint8)
    for picture, (across, down) in zip(pictures, place, strict=True):
        picture[:, down : down + 8, across : across + 8] = 250
    wanted = (place / SIDE).astype(np.float32)

    def rows(part: slice) -> Rows:
        images, places = pictures[part], wanted[part]

        def read(some: np.ndarray) -> Batch:
            found = {"images": images[some], "wanted": places[some]}
            return {name: torch.from_numpy(values) for name, values in found.items()}

        return Rows(len(places), read)

    def build() -> torch.nn.Module:
        layers: list[torch.nn.Module] = []
        for before, width in ((3, 32), (32, 64), (64, 64)):
            layers += [torch.nn.Conv2d(before, width, 3, stride=2, padding=1), torch.nn.SiLU()]
        return torch.nn.Sequential(
            *layers, torch.nn.Flatten(), torch.nn.Linear(64 * (SIDE // 8) ** 2, 2)
        )

    def loss(module: torch.nn.Module, batch: Batch) -> torch.Tensor:
        found = module(batch["images"].float() / 255)
        return ((found - batch["wanted"]) ** 2).mean()

    return Problem("squares", build, rows(slice(896)), rows(slice(896, None)), loss, "squares")


def main(folder: Path) -> None:
    """Trains, and leaves costs and weights in a folder."""
    made, index = problem(), process_index()
    with together():
        began_s, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        done = train(made, CONFIG, checkpoint=folder / "checkpoint.pt")
        wall_s, after = time.perf_counter() - began_s, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    (folder / f"cost-{index}.json").write_text(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s}))
    np.savez(
        folder / f"weights-{index}.npz",
        **{name: value.numpy() for name, value in done.module.state_dict().items()},
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
