"""The exchange rate: how many of a robot's own episodes is one labeled video of a person worth?

Rendered people do tasks by hand in Meta-World's scenes, `rotoscope label` makes poses of the
simulator's robot of the videos, and the built-in policy learns from k robot episodes and n videos.
Success over starts that nobody showed; what a video is worth is read off the curve of robot
episodes alone. Constants were chosen on `push-v3` and `drawer-open-v3`.

`python -m benchmarks exchange_rate` keeps what is done in the user's cache (or the folder that
`ROTOSCOPE_EXCHANGE` names) and goes on where it was stopped.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks._exchange_data import (
    Mask,
    Video,
    people_videos,
    robot_episodes,
    video_episodes,
    write_dataset,
)
from benchmarks._exchange_follow import follower_of
from benchmarks._exchange_people import MOST_STEPS, PEOPLE, Person
from benchmarks._exchange_worth import interval, share, worth
from benchmarks.figure import Bar, Figure
from rotoscope.models.policy.command import train_policy
from rotoscope.models.policy.evaluate_folder import evaluate_folder
from rotoscope.pipeline.export.recorder import Rows
from rotoscope.pipeline.files.atomic import atomic_path

TASKS = ("sweep-into-v3", "handle-pull-side-v3", "peg-insert-side-v3")
NUM_VIDEOS = 20
REPEATS, STARTS = 6, 34
"""Trainings of each cell, with other robot episodes and other starts, and starts of each."""


@dataclass(frozen=True)
class Cell:
    """What one policy learned from."""

    robot: int
    videos: int = 0
    mask: Mask = "position"
    follows: bool = False
    """Whether a follower, learned from the robot's episodes, makes actions of people's ways."""

    @property
    def name(self) -> str:
        """Such as `5+20.position.followed`."""
        way = f".{self.mask}{'.followed' * self.follows}"
        return f"{self.robot}+{self.videos}{way if self.videos else ''}"


BEST = Cell(5, NUM_VIDEOS, "contact", follows=True)
"""What the bar is about."""
CELLS = (
    Cell(5),
    Cell(10),
    Cell(20),
    Cell(2),
    BEST,
    Cell(5, NUM_VIDEOS, "position", follows=True),
    Cell(5, NUM_VIDEOS, "none", follows=True),
    Cell(5, NUM_VIDEOS, "truth", follows=True),
    Cell(2, NUM_VIDEOS, "contact", follows=True),
)
"""Robot episodes alone are the curve that videos are read off; `truth` says what perception
costs."""
ONCE = (
    Cell(5, NUM_VIDEOS, "position"),
    Cell(5, NUM_VIDEOS, "none"),
    Cell(5, NUM_VIDEOS, "truth"),
    Cell(0, NUM_VIDEOS, "position"),
    Cell(0, NUM_VIDEOS, "truth"),
    Cell(20, NUM_VIDEOS, "contact", follows=True),
    Cell(5, NUM_VIDEOS, "pose", follows=True),
    Cell(40),
)
"""Tried with the first robot episodes alone."""


@dataclass(frozen=True)
class Grid:
    """One task, and how much of it is tried."""

    task: str
    folder: Path
    people: Sequence[Person] = PEOPLE
    num_videos: int = NUM_VIDEOS
    cells: Sequence[Cell] = CELLS
    once: Sequence[Cell] = ONCE
    repeats: int = REPEATS
    starts: int = STARTS
    settings: tuple[str, ...] = ()
    """Of the policy's training."""

    def videos(self) -> list[Video]:
        """Its people's videos, labeled."""
        return people_videos(self.task, self.people, self.num_videos, self.folder / "videos")

    def solved(self) -> dict[str, np.ndarray]:
        """For each cell, which starts were solved, repeats in rows; what is known is kept."""
        videos = self.videos()
        out: dict[str, list[list[bool]]] = {}
        for repeat in range(self.repeats):
            robot: list[Rows] = []
            cells = [*self.cells, *([] if repeat else self.once)]
            for cell in cells:
                kept = self.folder / "results" / f"{cell.name}-{repeat}.json"
                if not kept.exists():
                    most = max(one.robot for one in cells)
                    robot = robot or robot_episodes(self.task, most, repeat)
                    own, shown = robot[: cell.robot], []
                    if cell.videos:
                        follow = follower_of(own) if cell.follows else None
                        shown = video_episodes(videos, self.task, cell.mask, own, follow)
                    _save(kept, self._try(cell, repeat, [*own, *shown]))
                out.setdefault(cell.name, []).append(json.loads(kept.read_text()))
                print(f"{self.task} {cell.name} {repeat}: {sum(out[cell.name][-1])}",
                      file=sys.stderr, flush=True)  # fmt: skip
        return {name: np.array(rows, bool) for name, rows in out.items()}

    def _try(self, cell: Cell, repeat: int, episodes: list[Rows]) -> list[bool]:
        """Which starts a policy solves that learned from these episodes."""
        work = self.folder / "work" / f"{cell.name}-{repeat}"
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(work.with_name(work.name + ".training"), ignore_errors=True)
        write_dataset(work / "data", self.task, episodes)
        settings = [*self.settings, f"loop.seed={repeat}"]
        train_policy(work / "data", work / "policy", "bc", settings)
        found = evaluate_folder(
            work / "policy",
            f"metaworld:{self.task}",
            work / "tried",
            episodes=self.starts,
            seed=repeat * self.starts,
            num_filmed=0,
            horizon=MOST_STEPS,
        )
        shutil.rmtree(work)
        return [bool(one["is_success"]) for one in found["per_episode"]]


def run() -> list[Figure]:
    """All three tasks."""
    return [figure for task in TASKS for figure in figures(Grid(task, folder() / task))]


def folder() -> Path:
    """Where videos, labels and results are kept."""
    import platformdirs

    named = os.environ.get("ROTOSCOPE_EXCHANGE")
    return Path(named) if named else platformdirs.user_cache_path("rotoscope") / "exchange_rate"


def figures(grid: Grid) -> Iterator[Figure]:
    """Success of every cell, what a video is worth, and what the mask is."""
    solved, base = grid.solved(), f"exchange_rate.{grid.task}"
    for name, cell in solved.items():
        low, high = interval([cell], lambda shares: shares[0])
        counts = " ".join(str(int(row.sum())) for row in cell)
        unit = f"[{low:.2f}, {high:.2f}]; {counts} of {cell.shape[1]}"
        yield Figure(f"{base}.success.{name}", share(cell), unit)
    yield from _labels(base, grid.videos())
    alone = sorted((cell for cell in grid.cells if not cell.videos), key=lambda one: one.robot)
    tried = [*grid.cells, *grid.once]
    for cell in tried:
        if cell.videos:
            bar = Bar(">=", 0.5) if cell == BEST else None
            yield _worth(f"{base}.worth.{cell.name}", cell, alone, solved, bar)
    for cell in tried:
        unmasked = replace(cell, mask="none")
        if cell.videos and cell.mask in ("position", "pose") and unmasked.name in solved:
            masked = solved[cell.name]
            pair = [masked, solved[unmasked.name][: len(masked)]]
            low, high = interval(pair, lambda shares: shares[0] - shares[1])
            unit = f"of starts; [{low:+.2f}, {high:+.2f}]"
            yield Figure(f"{base}.mask.{cell.name}", share(pair[0]) - share(pair[1]), unit)


def _labels(base: str, videos: Sequence[Video]) -> Iterator[Figure]:
    """How far labels are from what was done, and how many are believed."""
    shown = [(video, one) for video in videos for one in video.labels]
    frames = sum(len(video.acted.state) for video in videos)
    away_m = [one.hand_m - video.acted.state[one.frame, :3] for video, one in shown]
    constant = np.linalg.norm([np.median(one, axis=0) for one in away_m], axis=1)
    rest = np.concatenate([one - np.median(one, axis=0) for one in away_m])
    yield Figure(f"{base}.labels.rows", sum(map(len, away_m)) / frames, "of frames")
    for name in ("is_valid", "is_placed"):
        believed = np.concatenate([getattr(one, name) for _, one in shown])
        yield Figure(f"{base}.labels.{name}", float(believed.mean()), "of rows")
    yield Figure(f"{base}.labels.away", 1e3 * float(np.median(constant)), "mm; a video's median")
    spread = float(np.median(np.linalg.norm(rest, axis=1)))
    yield Figure(f"{base}.labels.about_it", 1e3 * spread, "mm; rows about that")


def _worth(
    name: str,
    cell: Cell,
    alone: Sequence[Cell],
    solved: dict[str, np.ndarray],
    bar: Bar | None,
) -> Figure:
    def of(shares: Sequence[float]) -> float:
        curve = dict(zip([one.robot for one in alone], shares[1:], strict=True))
        return worth(curve, shares[0], num_robot=cell.robot, num_videos=cell.videos)[0]

    repeats = len(solved[cell.name])
    cells = [solved[cell.name], *(solved[one.name][:repeats] for one in alone)]
    low, high = interval(cells, of)
    shares = [share(one) for one in cells]
    curve = dict(zip([one.robot for one in alone], shares[1:], strict=True))
    value, is_beyond = worth(curve, shares[0], num_robot=cell.robot, num_videos=cell.videos)
    least = "at least; " if is_beyond else ""
    return Figure(name, value, f"episodes; {least}[{low:.2f}, {high:.2f}]", bar)


def _save(path: Path, solved: list[bool]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(solved))


if __name__ == "__main__":
    # Constants were chosen by `python -m benchmarks.exchange_rate push-v3`.
    for one in sys.argv[1:] or TASKS:
        print("\n".join(found.line() for found in figures(Grid(one, folder() / one))), flush=True)
