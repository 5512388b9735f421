"""The demo's videos, labeled for Panda and SO-101, played back under gravity with limited torques.

Each drive on each video: how far the tip is from where it was commanded, and in which share of the
time an actuator is at its torque limit or a command outruns a speed limit. Valid rows alone count.
Nothing here was chosen on these videos: gains are those of `check.physics`.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.figure import Bar, Figure
from rotoscope import api
from rotoscope.pipeline.assets.cache import asset_path
from rotoscope.pipeline.datasets.read import Dataset, open_dataset
from rotoscope.pipeline.replay.run import PlayedEpisode, Replay, ReplayRequest
from rotoscope.pipeline.robots import PlayOptions

VIDEOS = ("cup.mp4", "box.mp4")
DEFAULT = PlayOptions()
DRIVES: dict[str, dict[str, PlayOptions]] = {
    "panda": {
        "trajectory": DEFAULT,
        "stream": PlayOptions(drive="stream"),
        "uncompensated": PlayOptions(carries_weight=True),
    },
    "so101": {
        "trajectory": DEFAULT,
        "stream": PlayOptions(drive="stream"),
        "compensated": PlayOptions(carries_weight=False),
    },
}
"""The first of each is the one that the bar is about. Franka's controller compensates the arm's
weight; SO-101's servos carry it and give 2.94 N m, as its YAML file says."""


def run() -> list[Figure]:
    """All figures."""
    figures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        videos = [asset_path(video) for video in VIDEOS]
        for robot, drives in DRIVES.items():
            made = api.label(
                videos,
                out=folder / robot,
                overrides=[f"retarget.arm.robot={robot}"],
                store=folder / "store",
            )
            for drive, options in drives.items():
                figures += _figures(open_dataset(made.dataset.root), robot, drive, options)
    return figures


def _figures(dataset: Dataset, robot: str, drive: str, options: PlayOptions) -> list[Figure]:
    replay = Replay(dataset, ReplayRequest(robot=robot, options=options))
    start_s, commands = time.process_time(), 0
    by_video: dict[str, list[PlayedEpisode]] = {}
    for index in range(len(dataset)):
        found = replay.play(index)
        commands += len(found.commands)
        by_video.setdefault(str(found.episode.meta["name"]), []).append(found)
    cpu_ms = 1e3 * (time.process_time() - start_s) / commands
    is_barred = drive == next(iter(DRIVES[robot]))
    out = []
    for video, played in sorted(by_video.items()):
        own = [one.commands.is_own for one in played]
        tips = [one.played.tip_error_m.max(axis=1)[o] for one, o in zip(played, own, strict=True)]
        strained = [
            np.maximum(one.played.saturated, one.commands.outruns(one.contract))[o]
            for one, o in zip(played, own, strict=True)
        ]
        touching = [
            (one.played.touches_itself | one.played.touches_floor)[o]
            for one, o in zip(played, own, strict=True)
        ]
        tip_mm = 1e3 * np.concatenate(tips)
        name = f"replay.{robot}.{drive}.{Path(video).stem}"
        out += [
            Figure(
                f"{name}.tip_median", float(np.median(tip_mm)), "mm",
                Bar("<=", 10) if is_barred else None,
            ),
            Figure(f"{name}.tip_p95", float(np.quantile(tip_mm, 0.95)), "mm"),
            Figure(
                f"{name}.strained", float(np.concatenate(strained).mean()), "1",
                Bar("<=", 0.05) if is_barred else None,
            ),
            Figure(f"{name}.touching", float(np.concatenate(touching).mean()), "1"),
        ]  # fmt: skip
    return [*out, Figure(f"replay.{robot}.{drive}.cpu_per_command", cpu_ms, "ms")]
