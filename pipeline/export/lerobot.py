"""Episodes into a LeRobot v3.0 dataset, by LeRobot's own writer, videos untouched.

LeRobot would encode every frame again, by way of PNG files or of a queue that drops frames when it
is full. Our frames are encoded already, so the writer is given an encoder that only hands over
finished files, and whole episodes instead of single frames.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.datasets.facts import EpisodeFacts
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.facts import RowsWithTexts, state_facts
from rotoscope.pipeline.export.joined_later import JoinedLater
from rotoscope.pipeline.export.schema import Schema, video_key
from rotoscope.pipeline.export.stored_episode import StoredEpisode, VideoFacts

VIDEO_FILE_MB = 16
"""Size at which LeRobot begins a new video file; 16 MB are one to two minutes."""


class FinishedVideos:
    """Takes the place of LeRobot's `StreamingVideoEncoder`; hands over finished files."""

    def __init__(self, camera: str, scratch: Path) -> None:
        self.camera, self.scratch = camera, scratch
        self.next: StoredEpisode | None = None

    def start_episode(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: the episode's video is there already."""

    def feed_frame(self, video_key: str, image: np.ndarray) -> None:
        """Raises: frames must not be encoded a second time."""
        raise DatasetError(f"{video_key}: a frame was fed, but the episode's video is finished")

    def finish_episode(self) -> dict[str, tuple[Path, dict[str, np.ndarray]]]:
        """Of each camera a copy that the writer may move, and image statistics on 0..255."""
        episode = self.next
        assert episode is not None
        assert episode.video is not None
        found = {self.camera: (episode.video_path, episode.video)} | {
            name: (episode.more_video_path(name), facts)
            for name, facts in episode.more_videos.items()
        }
        return {video_key(name): self._copied(*of) for name, of in found.items()}

    def _copied(self, path: Path, facts: VideoFacts) -> tuple[Path, dict[str, np.ndarray]]:
        # The writer removes the folder that the file lies in.
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        video = Path(shutil.copyfile(path, folder / "episode.mp4"))
        stats = {k: np.array(v) for k, v in facts.image_stats.items()}
        stats["count"] = stats["count"].astype(np.int64)
        return video, stats

    def cancel_episode(self) -> None:
        """Nothing to cancel."""

    def close(self) -> None:
        """Nothing to close."""


def write_lerobot(
    dataset_class: Any,
    stored: Sequence[StoredEpisode],
    root: Path,
    *,
    schema: Schema,
    repo_id: str,
    facts: Sequence[EpisodeFacts],
) -> None:
    """Writes the dataset's `data`, `videos` and `meta` under `root`, which must not exist.

    Args:
        dataset_class: LeRobot's `LeRobotDataset`, imported whole or light.
        stored: The episodes in order.
        root: Where to write.
        schema: The columns.
        repo_id: Name of the dataset.
        facts: What the columns of text say of each episode.

    Raises:
        DatasetError: An episode is damaged.
    """
    dataset = dataset_class.create(
        repo_id=repo_id,
        fps=schema.fps,
        features=schema.lerobot_features(),
        root=root,
        robot_type=schema.contract.robot,
        # Named, because the default looks for torchcodec and warns.
        video_backend="pyav",
        use_videos=schema.video is not None,
        rgb_encoder=None if schema.video is None else _encoder_config(schema.video),
        video_files_size_in_mb=VIDEO_FILE_MB,
    )
    texts = iter(facts)
    with (
        _scratch_folder(root) as scratch,
        _adapted_writer(lambda rows: RowsWithTexts(rows, next(texts)), scratch) as joined,
    ):
        encoder = FinishedVideos(schema.camera, scratch)
        if schema.video is not None:
            dataset.writer._streaming_encoder = encoder
        try:
            for index, episode in enumerate(stored):
                encoder.next = episode
                dataset.save_episode(_buffer(schema, episode, index))
            joined.finish()
        finally:
            # Also after an error: the writer's destructor would bring its files back later.
            dataset.finalize()
    state_facts(root, schema)
    make_reproducible(root)


def _buffer(schema: Schema, stored: StoredEpisode, index: int) -> dict[str, Any]:
    """An episode as `DatasetWriter.add_frame` would have gathered it, in whole columns."""
    rows = stored.num_rows
    frame_index = np.arange(rows, dtype=np.int64)
    return {
        "size": rows,
        "task": [stored.task] * rows,
        "episode_index": index,
        "frame_index": frame_index,
        "timestamp": (frame_index / schema.fps).astype(np.float32),
        "index": [],
        "task_index": [],
        **{key: [] for key in schema.videos},
        **schema.columns(stored.load()),
    }


def _encoder_config(video: VideoFacts) -> Any:
    """The settings our videos were encoded with, for `info.json`; LeRobot would state its own."""
    encoder = video.encoder
    return importlib.import_module("lerobot.configs.video").RGBEncoderConfig(
        vcodec=encoder["codec"],
        pix_fmt=encoder["pixel_format"],
        g=encoder["gop"],
        crf=encoder["crf"],
        preset=encoder["preset"],
    )


@contextlib.contextmanager
def _scratch_folder(root: Path) -> Iterator[Path]:
    """A folder for all temporary files, on the dataset's own disk; the current one inside."""
    scratch = root / ".scratch"
    scratch.mkdir()
    before = tempfile.tempdir
    tempfile.tempdir = str(scratch.absolute())
    try:
        with contextlib.chdir(scratch):
            yield scratch.absolute()
    finally:
        tempfile.tempdir = before
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _adapted_writer(finish: Callable[[Any], Any], scratch: Path) -> Iterator[JoinedLater]:
    """Adapts three steps of LeRobot's writer while episodes are saved.

    Videos are joined once a file, below any folder, such as one with an apostrophe in its name;
    what waits last is for the caller to finish. The pass that
    puts images into the table, half of the writer's time, is left out, as there are none: in its
    place the rows are finished by our own. Tables get no fingerprint: a sixth of the writer's time
    goes into hashing what only the cache of `datasets` asks for.

    Args:
        finish: Given the rows of an episode, gives those that are written.
        scratch: Where videos wait.
    """
    module: Any = importlib.import_module("lerobot.datasets.dataset_writer")
    tables: Any = importlib.import_module("datasets.arrow_dataset")
    names = ("concatenate_video_files", "get_file_size_in_mb", "embed_images")
    before = [getattr(module, name) for name in names]
    joined = JoinedLater(before[0], before[1], scratch)
    fingerprint = tables.generate_fingerprint
    for name, adapted in zip(names, (joined.join, joined.size_mb, finish), strict=True):
        setattr(module, name, adapted)
    tables.generate_fingerprint = lambda table: ""
    try:
        yield joined
    finally:
        for name, own in zip(names, before, strict=True):
            setattr(module, name, own)
        tables.generate_fingerprint = fingerprint


def make_reproducible(root: Path) -> None:
    """Puts what LeRobot leaves to chance in a fixed form: the order of `stats.json`.

    LeRobot goes through a set of names there. Features that hold NaN have NaN statistics, which is
    not JSON: they are left out; LeRobot normalizes state, action and images only.
    """
    path = root / "meta" / "stats.json"
    stats = json.loads(path.read_text())
    finite = {name: s for name, s in stats.items() if all(map(_is_finite, s.values()))}
    path.write_text(json.dumps(finite, sort_keys=True, indent=4) + "\n")


def _is_finite(values: Any) -> bool:
    return bool(np.isfinite(np.array(values, dtype=float)).all())
