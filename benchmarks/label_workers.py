"""Labeling with a frozen encoder by two workers against one: how much sooner it is done.

A vision transformer of `transformers` with 10.7 million random weights looks at 960 pictures of 64
px in 16 episodes; `rotoscope relabel` runs once with one worker and once with two, each from an
empty store. The ratio of wall times wants a machine with two free cores; CPU time per wall time
tells whether there were.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks._processes import Cost, measure, rotoscope
from benchmarks._small_dataset import publish_small
from benchmarks.figure import Bar, Figure

EPISODES, ROWS = 16, 60
SIZE = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 6}
SIZE |= {"intermediate_size": 1536, "image_size": 64, "patch_size": 8}


def run() -> list[Figure]:
    """Trains a small labeler on the encoder, then labels twice; some two minutes."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        _encoder(root / "vit")
        publish_small(root / "few", episodes=4, rows=40)
        publish_small(root / "data", episodes=EPISODES, rows=ROWS)
        _succeed(
            measure(
                rotoscope(
                    *(
                        "train",
                        "inverse-dynamics",
                        "--data",
                        root / "few",
                        "--out",
                        root / "labeler",
                    ),
                    *("-o", f"camera={_camera(root / 'few')}", "-o", "kind=ridge"),
                    *("-o", f"encoder=transformers:{root / 'vit'}", "-o", "loop.device=cpu"),
                )
            )
        )
        one, two = (_succeed(_relabel(root, workers)) for workers in (1, 2))
    return [
        Figure("label_workers.cpu_per_wall_1", one.cpu_s / one.wall_s, "x"),
        Figure("label_workers.cpu_per_wall_2", two.cpu_s / two.wall_s, "x"),
        Figure("label_workers.cpu_2_over_1", two.cpu_s / one.cpu_s, "x"),
        Figure("label_workers.two_over_one", one.wall_s / two.wall_s, "x", Bar(">=", 1.8)),
    ]


def _encoder(folder: Path) -> None:
    import torch
    from transformers import ViTConfig, ViTModel

    torch.manual_seed(0)
    config: Any = ViTConfig(**SIZE)
    ViTModel(config).save_pretrained(folder)


def _train(root: Path) -> None:
    few, out = root / "few", root / "labeler"
    settings = (f"camera={_camera(few)}", "kind=ridge", f"encoder=transformers:{root / 'vit'}")
    options = [part for setting in (*settings, "loop.device=cpu") for part in ("-o", setting)]
    _succeed(measure(rotoscope("train", "inverse-dynamics", "--data", few, "--out", out, *options)))


def _camera(data: Path) -> str:
    features = json.loads((data / "meta" / "info.json").read_text())["features"]
    return next(name for name, one in features.items() if one["dtype"] == "video")


def _relabel(root: Path, workers: int) -> Cost:
    return measure(
        rotoscope(
            *("relabel", root / "data", "--labeler", root / "labeler", "--device", "cpu", "--all"),
            *("--workers", workers, "--out", root / f"out{workers}"),
            *("--store", root / f"store{workers}"),
        )
    )


def _succeed(cost: Cost) -> Cost:
    if cost.exit_code != 0:
        raise SystemExit(cost.output)
    return cost


if __name__ == "__main__":
    for figure in run():
        print(figure.line())
