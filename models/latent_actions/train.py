"""Training a latent action model on video whose actions nobody knows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.encoders.pretrained import open_pretrained
from rotoscope.models.latent_actions.clips import Clips
from rotoscope.models.latent_actions.collapse_report import latent_report
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.data import (
    UnlabelledSet,
    check_videos,
    split_videos,
)
from rotoscope.models.latent_actions.losses import VideoTensors, clip_losses
from rotoscope.models.latent_actions.model import (
    LatentFacts,
    LatentModel,
    save_latent,
)
from rotoscope.models.latent_actions.networks import build_latent_network
from rotoscope.models.latent_actions.probes import probe
from rotoscope.models.training.checkpoint import remove_checkpoints, work_folder
from rotoscope.models.training.events import TrainListener
from rotoscope.models.training.focus import weights_near
from rotoscope.models.training.frames import scratch
from rotoscope.models.training.loop import Problem, train
from rotoscope.models.training.maps import Joined, blocks_of
from rotoscope.models.training.model_folder import package_versions
from rotoscope.models.training.rows import Batch, Rows
from rotoscope.models.training.windows import nearest_frames
from rotoscope.pipeline.errors import DatasetError

_ONE_SIGMA_BELOW = 0.16
_NUM_EVALUATED = 96
"""Held-out clips at most that an evaluation takes."""
_SCALED_FRAMES = 1_000_000
"""Frames at most that scales of tracks are taken from."""
_COLUMNS = ("images", "targets", "points")
"""What is known of every frame of a video."""


def train_latent_action(
    data: UnlabelledSet,
    config: LatentActionConfig,
    out: Path,
    *,
    listener: TrainListener | None = None,
) -> LatentModel:
    """Trains a model and writes its folder; goes on where a killed training stopped.

    A model whose latents collapsed is written too: its metrics say so and what to do, and
    whatever would build on it refuses it.

    Args:
        data: Videos.
        config: Settings.
        out: Folder of the model; `OUT.training` beside it holds the checkpoint until it is done.
        listener: Told about progress.

    Raises:
        DatasetError: Too few videos, or none long enough.
        UsageError: Settings that cannot be met, or a checkpoint of another training.
    """
    check_videos(data, config)
    fit = _Fit.of(data, config)
    checkpoint = work_folder(out) / "latent.pt"
    done = train(fit.problem(), config.loop, checkpoint=checkpoint, listener=listener)
    kept = {k: v for k, v in done.module.state_dict().items() if not k.startswith("target.")}
    model = LatentModel(
        facts=fit.facts(),
        weights={k: v.numpy() for k, v in kept.items()},
        metrics={},
    )
    model = replace(model, metrics=fit.evaluate(model, done.module) | {"steps": done.steps})
    save_latent(model, out)
    remove_checkpoints(work_folder(out))
    return model


@dataclass(frozen=True, eq=False)
class _Scales:
    """Middle, spread and usual step of every column of the tracks."""

    middle: np.ndarray
    spread: np.ndarray
    step: np.ndarray


@dataclass(frozen=True, eq=False)
class _Fit:
    """Everything that training and evaluation share."""

    data: UnlabelledSet
    config: LatentActionConfig
    gap_s: float
    learned: list[int]
    held: list[int]
    features: np.ndarray | None
    feature_scale: float

    @classmethod
    def of(cls, data: UnlabelledSet, config: LatentActionConfig) -> _Fit:
        learned, held = split_videos(data, config)
        features, scale = None, 1.0
        if not config.learns_images:
            features = _looked_at(data, config)
            # In units of their spread, as one's own features come out too.
            scale = _spread(features) or 1.0
        return cls(data, config, data.gap_s(config), learned, held, features, scale)

    def problem(self) -> Problem:
        """What the loop trains."""
        learned, held = self._clips(self.learned), self._clips(self.held, self._apart)
        settings = self.config.model_dump_json(exclude={"loop"})
        return Problem(
            name="latent action model",
            build=self._build,
            fitted=self._rows(self.learned, learned, len(learned)),
            held_out=self._rows(self.held, held, min(len(held), _NUM_EVALUATED)),
            loss=self._loss,
            fingerprint=f"{self.data.digest()}|{settings}",
        )

    @property
    def _apart(self) -> int:
        return self.config.clip_frames - 1

    def evaluate(self, model: LatentModel, module: Any) -> dict[str, Any]:
        """Facts about the latents of held-out videos."""
        import torch

        clips = self._clips(self.held)
        rows = np.arange(len(clips))[:: max(1, len(clips) // _NUM_EVALUATED)]
        videos, frames = _tensors_of(self._rows(self.held, clips, len(clips)).read(rows))
        with torch.no_grad():
            own = clip_losses(module, videos, frames, self.config, gaps=1)
            generator = torch.Generator().manual_seed(0)
            permutation = torch.randperm(len(own.latents), generator=generator)
            other = clip_losses(
                module, videos, frames, self.config, gaps=1, permutation=permutation
            )
        latents = own.latents.numpy()
        codes = model.code_index(latents) if self.config.latent == "vq" else None
        found = latent_report(
            latents,
            codes,
            error=float(own.forward),
            error_with_others=float(other.forward),
            config=self.config,
        )
        held = [self.data.videos[i] for i in self.held]
        names = [video.name for video in held]
        return found | probe(model, held) | {"transitions": len(latents), "held_out": names}

    def facts(self) -> LatentFacts:
        """What the folder says about itself."""
        return LatentFacts(
            config=self.config,
            gap_s=self.gap_s,
            picture_shape=self.data.picture_shape,
            num_features=self._num_features,
            feature_scale=self.feature_scale,
            num_targets=len(self.data.target_names),
            embodiments=self.data.embodiments,
            num_videos=len(self.data.videos),
            data_sha256=self.data.digest(),
            packages=package_versions(),
        )

    @property
    def _num_features(self) -> int:
        return 0 if self.features is None else self.features.shape[1]

    def _build(self) -> Any:
        return build_latent_network(
            self.config,
            num_features=self._num_features,
            num_embodiments=len(self.data.embodiments),
            num_targets=len(self.data.target_names),
        )

    def _clips(self, which: Sequence[int], every: int = 1) -> Clips:
        config = self.config
        clips = Clips([self.data.videos[i] for i in which], self.gap_s, config.clip_frames, every)
        if not len(clips):
            raise DatasetError(
                f"no video is {self.gap_s * (config.clip_frames - 1):.2g} s long, which "
                f"{config.clip_frames} frames {self.gap_s:.2g} s apart need; lower gap_s "
                "or num_gaps, or give longer videos"
            )
        return clips

    def _rows(self, which: Sequence[int], clips: Clips, num: int) -> Rows:
        """Clips with all that is known of their frames."""
        import torch

        videos, (scales, point_scales) = clips.videos, self._scales
        columns = {name: Joined(tuple(vars(v)[name] for v in videos)) for name in _COLUMNS}
        if self.features is not None:
            starts = np.cumsum([0, *(len(v.time_s) for v in self.data.videos)])
            parts = (self.features[starts[i] : starts[i + 1]] for i in which)
            columns["features"] = Joined(tuple(parts))
            if self.config.objective != "lapo":
                del columns["images"]
        focus = [v.focus for v in videos if v.focus is not None]
        if self.config.exchange:
            columns["near"] = Joined(tuple(focus))
        embodiment = np.array([video.embodiment for video in videos])
        fixed = {
            "target_step": (scales.step / scales.spread).astype(np.float32),
            "point_step": point_scales.step.reshape(-1, 2).astype(np.float32),
        }

        def read(rows: Int[np.ndarray, " row"]) -> Batch:
            frames = clips.frames(rows)
            flat = frames.reshape(-1)
            found = {name: column[flat] for name, column in columns.items()}
            targets = (found["targets"] - scales.middle) / scales.spread
            found |= {"targets": targets.astype(np.float32)}
            found |= {"points": found["points"].astype(np.float32)}
            if "near" in found:
                found["near"] = weights_near(
                    found["near"], side=self.config.image_size, radius=self.config.focus.radius
                )
            if "features" in found:
                found["features"] /= np.float32(self.feature_scale)
            found["embodiment"] = embodiment[columns["targets"].part_of(flat)]
            found["frames"] = np.arange(len(flat)).reshape(frames.shape)
            return {name: torch.from_numpy(values) for name, values in (found | fixed).items()}

        return Rows(num, read, clips.num_frames)

    @cached_property
    def _scales(self) -> tuple[_Scales, _Scales]:
        """Scales of targets and of points, over all videos."""
        videos = self.data.videos

        def scales(name: str) -> _Scales:
            return _track_scales(
                [v.time_s for v in videos], [vars(v)[name] for v in videos], self.gap_s
            )

        return scales("targets"), scales("points")

    def _loss(self, module: Any, batch: Batch) -> Any:
        """At a number of gaps drawn for the step; on held-out videos, the mean over all of them."""
        import torch

        videos, frames = _tensors_of(batch)
        most = self.config.most_gaps
        every = [int(torch.randint(1, most + 1, ()))] if module.training else range(1, most + 1)
        losses = [clip_losses(module, videos, frames, self.config, gaps=g).total for g in every]
        return torch.stack(losses).mean()


def _tensors_of(batch: Batch) -> tuple[VideoTensors, Any]:
    """The frames of a batch of clips, and which of them each clip is made of."""
    named = {field.name: batch.get(field.name) for field in fields(VideoTensors)}
    return VideoTensors(**named), batch["frames"]  # type: ignore[arg-type]


def _looked_at(
    data: UnlabelledSet, config: LatentActionConfig
) -> Float[np.ndarray, "frame feature"]:
    """What a frozen encoder says of every frame of all videos, one after the other, on disk."""
    embed, out = open_pretrained(config.encoder, config.loop.device), None
    for video in data.videos:
        for images in blocks_of(video.images):
            found = embed(images, images)
            out = scratch(np.float32, found.shape[1:]) if out is None else out
            out.add(found)
    assert out is not None
    return out.whole()


def _spread(values: Float[np.ndarray, "row number"]) -> float:
    """Standard deviation of all numbers together."""
    mean = sum(float(b.sum(dtype=float)) for b in blocks_of(values)) / values.size
    squares = (float(((b - mean) ** 2).sum(dtype=float)) for b in blocks_of(values))
    return float(np.sqrt(sum(squares) / values.size))


def _quantiles(values: np.ndarray, *shares: float) -> list[np.ndarray]:
    """Quantiles of what is known of each column; 0 where nothing is."""
    out = np.zeros((len(shares), values.shape[1]))
    for column in range(values.shape[1]):
        known = values[np.isfinite(values[:, column]), column]
        if len(known):
            out[:, column] = np.quantile(known, shares)
    return list(out)


def _or_one(scale: np.ndarray) -> np.ndarray:
    return np.where(scale > 1e-9, scale, 1.0)


def _track_scales(
    time_s: Sequence[np.ndarray], values: Sequence[np.ndarray], gap_s: float
) -> _Scales:
    """How tracks (time, ...) are brought to 1; trackers that err now and then change nothing.

    Of many frames, some that are evenly spread are looked at.

    Args:
        time_s: Time of each frame of every video [s].
        values: The tracks of every video.
        gap_s: Over what time a step is taken [s].
    """
    thin = -(-sum(map(len, values)) // _SCALED_FRAMES)
    width = math.prod(values[0].shape[1:])
    every, changes = [np.zeros((0, width))], [np.zeros((0, width))]
    for times, track in zip(time_s if width else (), values, strict=False):
        some = np.arange(len(track))[::thin]
        here = track[some].reshape(-1, width)
        every.append(here)
        later = nearest_frames(times, times[some] + gap_s)
        changes.append(np.abs(track[later].reshape(-1, width) - here))
    low, middle, high = _quantiles(
        np.concatenate(every), _ONE_SIGMA_BELOW, 0.5, 1 - _ONE_SIGMA_BELOW
    )
    (step,) = _quantiles(np.concatenate(changes), 1 - 2 * _ONE_SIGMA_BELOW)
    return _Scales(middle, _or_one((high - low) / 2), _or_one(step))
