"""Episodes that were not labeled from video, published by the project's own exporter."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.episodes.episode import Episode, Feature, StateColumns
from rotoscope.pipeline.export.publish import PublishJob, PublishResult, publish_in_child
from rotoscope.pipeline.export.stored_episode import (
    EncodedVideo,
    StoredEpisode,
    VideoFacts,
    save_episode,
)
from rotoscope.pipeline.files.atomic import scratch_folder
from rotoscope.pipeline.files.names import slug
from rotoscope.pipeline.tracks import REASONS, count_rows
from rotoscope.pipeline.video.encode import EpisodeEncoder

_SETTINGS: dict[str, Any] = {
    "codec": "h264",
    "pixel_format": "yuv420p",
    "crf": 18,
    "gop": 2,
    "preset": "ultrafast",
}

SUCCESS, REWARD = "next.success", "next.reward"
"""As LeRobot names them; no policy reads what begins with `next.`"""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of an episode that is to be written."""

    name: str
    """Stable name."""
    task: str
    """What is being done, in words."""
    actions: Float[np.ndarray, "time action"]
    """Finite in every row."""
    valid: Bool[np.ndarray, " time"]
    """Rows whose action can be believed."""
    confidence: Float[np.ndarray, " time"]
    """Confidence of each row, 0..1."""
    state: Float[np.ndarray, "time state"] | None
    """`observation.state`; `None` for none."""
    success: Bool[np.ndarray, " time"] | None = None
    """Rows whose action left the task solved: `next.success`; `None` where nobody knows."""
    reward: Float[np.ndarray, " time"] | None = None
    """What the task gave for each row's action: `next.reward`; `None` where nobody knows."""
    features: Mapping[str, Feature] = field(default_factory=dict)
    """Further columns by full name."""
    quality: Mapping[str, Any] = field(default_factory=dict)
    """JSON facts about the episode, which `rotoscope filter` chooses by."""


class DatasetRecorder:
    """Gathers episodes and publishes them by the project's own exporter.

    Use as a context; `publish` before it ends.

    Args:
        contract: What actions mean.
        state: What `observation.state` holds; `None` for none.
        camera: Name of the first camera; `front` where empty.
    """

    def __init__(
        self, contract: ActionContract, state: StateColumns | None, *, camera: str
    ) -> None:
        self.contract, self.state, self.camera = contract, state, camera or "front"
        self._stored: list[StoredEpisode] = []
        self._stack = ExitStack()

    def __enter__(self) -> DatasetRecorder:
        self._folder = self._stack.enter_context(scratch_folder("rotoscope-recording"))
        return self

    def __exit__(self, *about: object) -> None:
        self._stack.close()

    def encoder(
        self, image: UInt8[np.ndarray, "height width 3"], number: int = 0
    ) -> EpisodeEncoder:
        """Opens the next episode's video of the camera of this number, for pictures like this."""
        height, width = image.shape[:2]
        path = self._folder / f"{len(self._stored)}.{number}.mp4"
        return EpisodeEncoder(
            path,
            width=width,
            height=height,
            fps=round(self.contract.rate_hz),
            g=_SETTINGS["gop"],
            crf=_SETTINGS["crf"],
            preset=_SETTINGS["preset"],
        )

    def add(
        self,
        rows: Rows,
        encoder: EpisodeEncoder | None = None,
        more: Mapping[str, EpisodeEncoder] | None = None,
    ) -> None:
        """Keeps an episode; its encoders, of the first camera and more by name, are closed."""
        num = len(rows.actions)
        fps = round(self.contract.rate_hz)
        episode = Episode(
            episode_id=rows.name,
            task=rows.task,
            fps=fps,
            source_frame=np.arange(num),
            source_time_s=np.arange(num) / fps,
            state=rows.state,
            state_columns=self.state,
            action=rows.actions,
            valid=rows.valid,
            confidence=np.where(rows.valid, rows.confidence, 0.0),
            reason=np.where(rows.valid, 0, REASONS.index("not_seen")).astype(np.uint8),
            contract=self.contract,
            features=_features(rows),
            source={
                "video_sha256": hashlib.sha256(rows.name.encode()).hexdigest(),
                "subject": self.contract.robot,
                "first_frame": 0,
            },
            quality=_quality(rows),
            scene={"robot": self.contract.robot},
        )
        video = None if encoder is None else _encoded(encoder)
        others = {name: _encoded(e) for name, e in (more or {}).items()}
        folder = self._folder / f"episode-{len(self._stored):05d}"
        self._stored.append(save_episode(folder, episode, video, others))

    def publish(
        self, out: Path, *, made_by: str, provenance: Mapping[str, Any] | None = None
    ) -> PublishResult:
        """Writes the dataset.

        Args:
            out: Where it appears, whole.
            made_by: What made it, for its provenance.
            provenance: JSON facts that join it.

        Raises:
            DatasetError: `out` holds something else, or nothing was added.
        """
        names = [episode.episode_id for episode in self._stored]
        job = PublishJob(
            episodes=tuple(str(episode.folder) for episode in self._stored),
            names=tuple(names),
            out=str(out),
            camera=self.camera,
            # After what made it, not the folder: the same episodes elsewhere give the same bytes.
            repo_id=f"rotoscope/{slug(made_by)}",
            provenance={"recipe": made_by, "dataset_key": _key(names), **(provenance or {})},
            ledger=tuple({"name": name, "status": "done"} for name in names),
        )
        return publish_in_child(job)


def _features(rows: Rows) -> dict[str, Feature]:
    told: dict[str, Feature] = {}
    if rows.success is not None:
        text = "The task is solved after the row's action."
        told[SUCCESS] = Feature(rows.success[:, None], ("success",), "1", text)
    if rows.reward is not None:
        text = "What the task gives for the row's action."
        told[REWARD] = Feature(rows.reward[:, None], ("reward",), "1", text)
    return {**told, **rows.features}


def _quality(rows: Rows) -> dict[str, Any]:
    success = {} if rows.success is None else {"success": bool(rows.success.any())}
    return {**count_rows(rows.valid).as_facts(), **success, **rows.quality}


def _encoded(encoder: EpisodeEncoder) -> EncodedVideo:
    # LeRobot's writer divides by 255 what an encoder hands it, as ours is about to.
    stats: dict[str, list[float] | np.ndarray] = {
        k: np.ravel(v if k == "count" else 255.0 * v).tolist() for k, v in encoder.stats().items()
    }
    facts = VideoFacts(encoder.width, encoder.height, dict(_SETTINGS), stats)
    return EncodedVideo(encoder.path, facts)


def _key(names: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()
