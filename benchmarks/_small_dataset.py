"""Small episodes whose every frame says which one it is, for tests and benchmarks of the writer."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.contract import ActionContract, Dimension, GripperContract
from rotoscope.pipeline.episodes.episode import Episode, Feature
from rotoscope.pipeline.export.publish import PublishJob, publish_in_child
from rotoscope.pipeline.export.stored_episode import (
    EncodedVideo,
    StoredEpisode,
    VideoFacts,
    save_episode,
)
from rotoscope.pipeline.video.encode import EpisodeEncoder

FPS = 30
WIDTH, HEIGHT = 96, 64
CELL = 8
SETTINGS: dict[str, Any] = {
    "codec": "h264",
    "pixel_format": "yuv420p",
    "crf": 20,
    "gop": 2,
    "preset": "ultrafast",
}


def contract() -> ActionContract:
    """Two joints and a gripper."""
    joints = [
        Dimension(
            name=f"arm_joint{i}.pos", quantity="joint", unit="rad",
            lower=-2.0, upper=2.0, max_rate=4.0,
        )
        for i in (1, 2)
    ]  # fmt: skip
    gripper = Dimension(
        name="gripper.pos", quantity="gripper", unit="percent", lower=0.0, upper=100.0, max_rate=500
    )
    return ActionContract(
        robot="two_link",
        dimensions=(*joints, gripper),
        gripper=GripperContract(max_opening_m=0.08),
        rate_hz=FPS,
        shift_s=1 / FPS,
    )


def states(number: int, rows: int) -> np.ndarray:
    """Smooth motion, of another shape in every episode; stops and starts, so that lag shows."""
    generator = np.random.default_rng(number)
    time_s = np.arange(rows) / FPS
    out = np.empty((rows, 3))
    for column, (low, high) in enumerate([(-1.0, 1.0), (-0.8, 0.8), (10.0, 90.0)]):
        frequency_hz, phase = generator.uniform(0.35, 0.6), generator.uniform(0, 2 * np.pi)
        wave = np.sin(2 * np.pi * frequency_hz * time_s + phase)
        # Powers of a sine rest at the turning points, as hands do.
        out[:, column] = (low + high) / 2 + (high - low) / 2 * np.sign(wave) * np.abs(wave) ** 1.5
    return out


def episode(number: int, rows: int = 60, *, task: str = "move the block") -> Episode:
    """An episode whose images show where its joints are."""
    values = states(number, rows + 1)
    generator = np.random.default_rng(1000 + number)
    valid = np.ones(rows, bool)
    valid[rows // 2 : rows // 2 + 3] = False
    confidence = np.where(valid, generator.uniform(0.6, 1.0, rows), 0.0)
    point = generator.normal(size=(rows, 3)).astype(np.float32)
    return Episode(
        episode_id=f"{number:012x}-0000000-right-000",
        task=task,
        fps=FPS,
        source_frame=np.arange(rows),
        source_time_s=np.arange(rows) / FPS,
        state=values[:-1],
        action=values[1:],
        valid=valid,
        confidence=confidence,
        reason=np.where(valid, 0, 2).astype(np.uint8),
        contract=contract(),
        features={
            "track.point": Feature(point, ("x", "y", "z"), "m", "A point in the camera frame."),
            "track.seen": Feature(valid[:, None], ("seen",), "1", "The point was seen."),
        },
        source={"video_sha256": f"{number:064x}", "subject": "right", "first_frame": 0},
        quality={"valid_share": round(float(valid.mean()), 4)},
        scene={"robot": "two_link", "video_width": WIDTH, "video_height": HEIGHT},
    )


def picture(number: int, row: int, state: np.ndarray) -> np.ndarray:
    """Gray image: a code of episode and row on top, below it a block for every joint."""
    image = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    code = number << 12 | row
    for bit in range(24):
        top, left = CELL * (bit // 12), CELL * (bit % 12)
        image[top : top + CELL, left : left + CELL] = 220 if code >> bit & 1 else 20
    for band, position in enumerate((state[0], state[1], state[2] / 50 - 1)):
        center = WIDTH / 2 + position * (WIDTH / 2 - 14)
        ramp = np.clip(14 - np.abs(np.arange(WIDTH) - center), 0, 6) / 6
        top = (2 + 2 * band) * CELL
        image[top + 2 : top + 2 * CELL] = (60 + 160 * ramp).astype(np.uint8)[None, :, None]
    return image


def read_code(image: np.ndarray) -> tuple[int, int]:
    """Episode and row of a decoded `picture`, values 0..255."""
    code = 0
    for bit in range(24):
        top, left = CELL * (bit // 12), CELL * (bit % 12)
        code |= int(image[top + 2 : top + CELL - 2, left + 2 : left + CELL - 2].mean() > 120) << bit
    return code >> 12, code & 0xFFF


def store(folder: Path, number: int, made: Episode) -> StoredEpisode:
    """Encodes an episode's pictures and stores it."""
    video = folder.with_name(folder.name + ".video.mp4")
    video.parent.mkdir(parents=True, exist_ok=True)
    encoder = EpisodeEncoder(
        video, width=WIDTH, height=HEIGHT, fps=FPS, g=SETTINGS["gop"], crf=SETTINGS["crf"]
    )
    with encoder:
        for row in range(made.num_rows):
            encoder.add(picture(number, row, made.state[row]))
    stats = {k: np.ravel(v if k == "count" else 255 * v) for k, v in encoder.stats().items()}
    facts = VideoFacts(WIDTH, HEIGHT, dict(SETTINGS), stats)
    return save_episode(folder, made, EncodedVideo(video, facts))


def store_many(folder: Path, count: int, rows: int = 60) -> list[StoredEpisode]:
    """Episodes of about `rows` rows, each of another length."""
    return [
        store(folder / f"episode{n:03d}", n, episode(n, rows + 7 * n % 13)) for n in range(count)
    ]


def job_for(stored: Sequence[StoredEpisode], out: Path) -> PublishJob:
    """What publishes these episodes as a dataset at `out`."""
    return PublishJob(
        episodes=tuple(str(episode.folder) for episode in stored),
        names=tuple(f"video{number:03d}.mp4" for number in range(len(stored))),
        out=str(out),
        camera="front",
        repo_id="rotoscope/small",
        provenance={"rotoscope": "0", "recipe": "small", "dataset_key": "0" * 64},
        ledger=({"name": "video000.mp4", "status": "done"},),
    )


def publish_small(out: Path, *, episodes: int, rows: int) -> None:
    """Makes episodes and publishes them at `out`."""
    with tempfile.TemporaryDirectory() as name:
        publish_in_child(job_for(store_many(Path(name), episodes, rows), out))
