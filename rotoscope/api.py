"""What the commands do, to be called from a script, a notebook or another program.

Paths are given as text or `Path`. Videos are worked on in child processes, which do not run the
script that calls: it needs no `if __name__ == "__main__"`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from rotoscope.pipeline.datasets.read import Dataset, open_dataset
from rotoscope.pipeline.doctor.check import Check
from rotoscope.pipeline.errors import DatasetError, UsageError, quoted
from rotoscope.pipeline.files.paths import StrPath
from rotoscope.pipeline.recipe import Recipe
from rotoscope.pipeline.run.events import Listener, ignore
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.stage import Tracks

if TYPE_CHECKING:
    from rotoscope.models.checkpoints.device import Device
    from rotoscope.models.labelers.relabel import RelabelResult
    from rotoscope.models.policy.policy import EpisodeResult
    from rotoscope.pipeline.add_tracks.run import TrackResult
    from rotoscope.pipeline.run.label import LabelResult


@dataclass(frozen=True, repr=False)
class Run:
    """What labeling did, and the way to what it made."""

    request: LabelRequest
    """What was asked for."""
    result: LabelResult
    """What became of it."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """What became of every video, in order of name."""
        return self.result.rows

    @property
    def failed(self) -> tuple[Row, ...]:
        """The rows of videos that failed; `label` with the same arguments tries them again."""
        return tuple(row for row in self.rows if row.status == "failed")

    @cached_property
    def dataset(self) -> Dataset:
        """The published dataset; `run.dataset[0]` is its first episode.

        Raises:
            DatasetError: None was published.
        """
        if self.result.dataset is None:
            raise DatasetError(f"no dataset was written; {self}")
        return open_dataset(self.result.dataset)

    def row(self, name: str = "") -> Row:
        """The row of a video by its name, which may be left out where there is only one.

        Raises:
            UsageError: There is no such video.
        """
        found = [row for row in self.rows if name in ("", row.name)]
        if len(found) != 1:
            names = quoted(row.name for row in self.rows)
            raise UsageError(f"there is no video {name!r}; name one of {names}")
        return found[0]

    def tracks(self, name: str = "") -> dict[str, Tracks]:
        """What every stage made of a video: tracks by name, by name of the stage.

        `tracks["clock"]["clock"].time_s` are the times of its frames [s].

        Raises:
            UsageError: There is no such video, or it failed.
        """
        from rotoscope.pipeline.run.keys import stage_tokens, video_keys
        from rotoscope.pipeline.store.store import Store

        row, recipe = self.row(name), self.request.recipe
        if row.status == "failed":
            raise UsageError(f"{row.name} failed in {row.stage}: {row.message}")
        keys = video_keys(recipe, row.sha256, stage_tokens(recipe), row.identity)
        store, wanted = Store(self.request.store), {"clock": keys.clock} | keys.stages
        stored = {stage: store.load_tracks(key) for stage, key in wanted.items()}
        return {
            stage: {n: track for unit in units for n, track in unit.items()}
            for stage, units in stored.items()
            if units is not None
        }

    def __repr__(self) -> str:
        counts = Counter(row.status for row in self.rows)
        files = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        where = self.result.publish_error or self.result.dataset or "no dataset"
        lines = [f"<Run of {self.request.recipe.name}: {files or 'no videos'}; {where}>"]
        lines += [f"  {r.name}: {r.error} in {r.stage}: {r.message}" for r in self.failed]
        return "\n".join(lines)


def label(
    videos: StrPath | Sequence[StrPath],
    *,
    out: StrPath,
    recipe: StrPath | Recipe = "hand-gripper",
    overrides: Sequence[str] = (),
    only: str | None = None,
    limit: int | None = None,
    until: str = "",
    workers: int = 1,
    store: StrPath | None = None,
    replace: bool = False,
    listener: Listener = ignore,
) -> Run:
    """Labels videos, or motion files, and publishes a LeRobot v3 dataset; `rotoscope label`.

    Finished work is kept: the same call again computes only what is missing. A video that fails
    costs one row, see `Run.failed`; the others go on.

    Args:
        videos: Folders, which are searched through, and files.
        out: Where the dataset is published, whole.
        recipe: Name of a recipe, path of a YAML file, or what `load_recipe` gave.
        overrides: Settings such as `hands.num_hands=1`.
        only: Glob: only videos whose relative path matches.
        limit: Only so many videos.
        until: Stop after this stage; write no dataset.
        workers: Videos processed at the same time.
        store: Where intermediate results are kept; the user's cache folder if not given.
        replace: Replace a dataset at `out` that another recipe made.
        listener: Told about every step, from several threads.

    Raises:
        UsageError: The call cannot be carried out at all.
        AssetError: A weight or robot was not fetched.
    """
    from rotoscope.pipeline.run.label import label as run

    request = LabelRequest.of(
        videos,
        out=out,
        recipe=recipe,
        overrides=overrides,
        store=store,
        only=only,
        limit=limit,
        until=until,
        workers=workers,
        replace=replace,
    )
    return Run(request, run(request, listener=listener))


def track(
    data: StrPath,
    *,
    recipe: StrPath | Recipe,
    out: StrPath,
    overrides: Sequence[str] = (),
    camera: str = "",
    subject: str = "",
    workers: int = 1,
    store: StrPath | None = None,
    listener: Listener = ignore,
) -> TrackResult:
    """Adds columns of tracks to a dataset, all else as it is; `rotoscope track`.

    Args:
        data: Folder of a LeRobot v3 dataset.
        recipe: Its track stages are run.
        out: Where the dataset with tracks is published, whole.
        overrides: Settings such as `hands.num_hands=1`.
        camera: Camera to look through; may be left out where there is only one.
        subject: Whom the columns are about, such as `left`, or `each`: who is seen most in each
            episode; who is seen most in all if not given.
        workers: Episodes processed at the same time.
        store: Where intermediate results are kept; the user's cache folder if not given.
        listener: Told about every step, from several threads.

    Raises:
        UsageError: No such recipe, camera or subject, or `out` holds something else.
        DatasetError: Video and table do not fit together, or no episode could be tracked.
        AssetError: A weight was not fetched.
    """
    from rotoscope.pipeline.add_tracks.run import TrackRequest
    from rotoscope.pipeline.add_tracks.run import track as run
    from rotoscope.pipeline.recipe import load_recipe
    from rotoscope.pipeline.store.store import default_store

    request = TrackRequest(
        data=Path(data),
        recipe=recipe if isinstance(recipe, Recipe) else load_recipe(recipe, overrides),
        out=Path(out),
        camera=camera,
        subject=subject,
        store=default_store() if store is None else Path(store),
        workers=workers,
    )
    return run(request, listener=listener)


def relabel(
    data: StrPath,
    *,
    labeler: StrPath,
    out: StrPath,
    keeps_known: bool = True,
    device: Device = "auto",
    workers: int = 1,
    store: StrPath | None = None,
    listener: Listener = ignore,
    say: Callable[[str], None] = lambda text: None,
) -> RelabelResult:
    """Labels a dataset that has states or pictures but no actions; `rotoscope relabel`.

    All columns and all videos are kept as they are. Finished episodes are kept too: the same call
    again does only what is missing. An episode that fails costs its rows, see
    `RelabelResult.failed`.

    Args:
        data: Folder of a LeRobot v3 dataset that has the features the labeler sees.
        labeler: Folder that `train.labeler` wrote; of your own class `./file.py:Class@FOLDER`.
        out: Where the labeled dataset is published, whole.
        keeps_known: Whether rows with `label.valid` keep their own actions.
        device: Where the labeler's networks run.
        workers: Episodes labeled at the same time.
        store: Where finished episodes are kept; the user's cache folder if not given.
        listener: Told about every step, from several threads.
        say: Told of episodes that could not be labeled.

    Raises:
        DatasetError: A feature or camera is missing, another rate, or `out` holds something else.
        UsageError: There is no trained labeler, or no such device.
    """
    from rotoscope.models.labelers.relabel import relabel_dataset
    from rotoscope.pipeline.add_tracks.isolated import Running
    from rotoscope.pipeline.store.store import default_store

    where = default_store() if store is None else Path(store)
    return relabel_dataset(
        Path(data),
        labeler,
        Path(out),
        keeps_known=keeps_known,
        device=device,
        running=Running(store=where, workers=workers, listener=listener),
        say=say,
    )


def evaluate(
    policy: StrPath,
    *,
    env: str,
    out: StrPath,
    episodes: int = 50,
    seed: int = 0,
    num_filmed: int = 3,
    device: Device = "auto",
    listener: Callable[[EpisodeResult], None] = lambda result: None,
) -> dict[str, Any]:
    """Tries a policy in a simulator: success with its interval, return, video; `rotoscope eval`.

    Args:
        policy: Folder of a policy, ours or LeRobot's, or of a labeler that acts.
        env: Simulator, such as `metaworld:push-v3`.
        out: Folder for `results.json`, `results.png`, `episodes.mp4`.
        episodes: How many starts it is tried from.
        seed: Which starts; none of them was shown.
        num_filmed: How many episodes the video shows.
        device: Where the policy runs.
        listener: Told of every episode.

    Returns:
        What `results.json` holds.

    Raises:
        UsageError: No policy in the folder, one that does not fit the simulator, or no such
            device.
    """
    from rotoscope.models.policy.evaluate_folder import evaluate_folder

    return evaluate_folder(
        Path(policy),
        env,
        Path(out),
        episodes=episodes,
        seed=seed,
        num_filmed=num_filmed,
        device=device,
        tell=listener,
    )


class Checks(tuple[Check, ...]):
    """The checks of a dataset, in order of what rests on what; printed as a table."""

    def __repr__(self) -> str:
        from rotoscope.pipeline.doctor.check import table

        return table(self)


def doctor(dataset: StrPath | Dataset) -> Checks:
    """Checks a LeRobot v3 dataset, whoever wrote it; `rotoscope doctor`.

    Raises:
        DatasetError: The folder holds no LeRobot v3 dataset at all.
    """
    from rotoscope.pipeline.doctor.run import diagnose

    return Checks(diagnose(dataset.root if isinstance(dataset, Dataset) else Path(dataset)))


def draw(
    dataset: Dataset,
    rows: Sequence[int],
    *,
    episode: int = 0,
    beside: Sequence[Dataset] = (),
    robots: Sequence[StrPath] = (),
) -> list[UInt8[np.ndarray, "height width 3"]]:
    """Pictures of some rows: the person with what was found, and right of it the robot.

    Args:
        dataset: One that Rotoscope wrote.
        rows: Rows of the episode, which must increase.
        episode: Which one.
        beside: Datasets of the same video, whose robots are drawn too.
        robots: YAML files of robots of your own that the datasets name.

    Raises:
        UsageError: No such episode, or the datasets are about different videos.
    """
    from rotoscope.pipeline.report.animations import pictures

    files = [Path(robot) for robot in robots]
    return pictures([dataset, *beside], rows, episode=episode, robots=files)[0]


def report(
    dataset: StrPath, *, out: StrPath, max_episodes: int = 12, robots: Sequence[StrPath] = ()
) -> Path:
    """Writes one HTML page about a dataset and returns its path; `rotoscope report`.

    Args:
        dataset: Folder of a dataset that Rotoscope wrote.
        out: File to write.
        max_episodes: How many episodes are shown in full.
        robots: YAML files of robots of your own that the dataset names.

    Raises:
        DatasetError: The folder holds no LeRobot v3 dataset, or one that is damaged.
    """
    from rotoscope.pipeline.report.page import write_report

    files = [Path(robot) for robot in robots]
    write_report(Path(dataset), Path(out), max_episodes=max_episodes, robots=files)
    return Path(os.path.abspath(out))
