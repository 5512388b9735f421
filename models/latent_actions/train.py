"""Training a latent action model on video whose actions nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.models.encoders.pretrained import open_pretrained
from rotoscope.models.latent_actions.collapse_report import latent_report
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.data import (
    UnlabelledSet,
    check_videos,
    clips_of,
    split_videos,
)
from rotoscope.models.latent_actions.losses import VideoTensors, clip_losses
from rotoscope.models.latent_actions.model import (
    LatentFacts,
    LatentModel,
    save_latent,
)
from rotoscope.models.latent_actions.networks import build_latent_network
from rotoscope.models.training.checkpoint import remove_checkpoints, work_folder
from rotoscope.models.training.loop import Problem, TrainListener, choose_device, train
from rotoscope.models.training.model_folder import package_versions
from rotoscope.models.training.windows import nearest_frames
from rotoscope.pipeline.errors import DatasetError

_ONE_SIGMA_BELOW = 0.16
_NUM_EVALUATED = 96
"""Held-out clips at most that an evaluation takes."""


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
    features: tuple[np.ndarray, ...]
    feature_scale: float

    @classmethod
    def of(cls, data: UnlabelledSet, config: LatentActionConfig) -> _Fit:
        learned, held = split_videos(data, config)
        features: tuple[np.ndarray, ...] = ()
        scale = 1.0
        if not config.learns_images:
            embed = open_pretrained(config.encoder)
            features = tuple(embed(v.images, v.images).astype(np.float32) for v in data.videos)
            # In units of their spread, as one's own features come out too.
            scale = float(np.concatenate(features).std()) or 1.0
            features = tuple(f / scale for f in features)
        return cls(data, config, data.gap_s(config), learned, held, features, scale)

    def problem(self) -> Problem[tuple[VideoTensors, Any]]:
        """What the loop trains."""
        device = choose_device(self.config.loop)
        here, rows = self._tensors(self.learned, device)
        there, evaluated = self._tensors(self.held, device, every=self.config.clip_frames - 1)
        evaluated = evaluated[:_NUM_EVALUATED]
        settings = self.config.model_dump_json(exclude={"loop"})
        return Problem(
            name="latent action model",
            build=self._build,
            fitted=(here, rows),
            num_fitted=len(rows),
            held_out=(there, evaluated),
            num_held_out=len(evaluated),
            loss=self._loss,
            fingerprint=f"{self.data.digest()}|{settings}",
        )

    def evaluate(self, model: LatentModel, module: Any) -> dict[str, Any]:
        """Facts about the latents of held-out videos."""
        import torch

        videos, rows = self._tensors(self.held, torch.device("cpu"), every=1)
        frames = rows[:: max(1, len(rows) // _NUM_EVALUATED)]
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
        names = [self.data.videos[i].name for i in self.held]
        return found | {"transitions": len(latents), "held_out": names}

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
        return self.features[0].shape[1] if self.features else 0

    def _build(self) -> Any:
        return build_latent_network(
            self.config,
            num_features=self._num_features,
            num_embodiments=len(self.data.embodiments),
            num_targets=len(self.data.target_names),
        )

    def _tensors(self, which: Sequence[int], device: Any, *, every: int = 1) -> tuple[Any, Any]:
        import torch

        videos = [self.data.videos[i] for i in which]
        rows = clips_of(videos, self.gap_s, self.config.clip_frames, every=every)
        if not len(rows):
            raise DatasetError(
                f"no video is {self.gap_s * (self.config.clip_frames - 1):.2g} s long, which "
                f"{self.config.clip_frames} frames {self.gap_s:.2g} s apart need; lower gap_s "
                "or num_gaps, or give longer videos"
            )
        scales, point_scales = self._scales()
        targets = np.concatenate([v.targets for v in videos])
        features = [self.features[i] for i in which] if self.features else None
        embodiment = np.concatenate([np.full(len(v.time_s), v.embodiment) for v in videos])

        def floats(values: np.ndarray) -> Any:
            return torch.from_numpy(values.astype(np.float32)).to(device)

        tensors = VideoTensors(
            images=torch.from_numpy(np.concatenate([v.images for v in videos])).to(device),
            features=None if features is None else floats(np.concatenate(features)),
            targets=floats((targets - scales.middle) / scales.spread),
            target_step=floats(scales.step / scales.spread),
            points=floats(np.concatenate([v.points for v in videos])),
            point_step=floats(point_scales.step.reshape(-1, 2)),
            embodiment=torch.from_numpy(embodiment).to(device),
        )
        return tensors, torch.from_numpy(rows).to(device)

    def _scales(self) -> tuple[_Scales, _Scales]:
        """Scales of targets and of points, over all videos."""
        videos = self.data.videos
        steps = [nearest_frames(v.time_s, v.time_s + self.gap_s) for v in videos]
        points = [v.points.reshape(len(v.points), -1) for v in videos]
        return _track_scales([v.targets for v in videos], steps), _track_scales(points, steps)

    def _loss(self, module: Any, data: tuple[VideoTensors, Any], batch: Any) -> Any:
        """At a number of gaps drawn for the step; on held-out videos, the mean over all of them."""
        import torch

        videos, rows = data
        most = self.config.most_gaps
        every = [int(torch.randint(1, most + 1, ()))] if module.training else range(1, most + 1)
        losses = [
            clip_losses(module, videos, rows[batch], self.config, gaps=gaps).total for gaps in every
        ]
        return torch.stack(losses).mean()


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


def _track_scales(values: Sequence[np.ndarray], steps: Sequence[np.ndarray]) -> _Scales:
    """How tracks (time, number) are brought to 1; trackers that err now and then change nothing.

    Args:
        values: The tracks of every video.
        steps: For every video, the frame a gap after each.
    """
    every = np.concatenate(list(values))
    low, middle, high = _quantiles(every, _ONE_SIGMA_BELOW, 0.5, 1 - _ONE_SIGMA_BELOW)
    changes = [np.abs(v[s] - v) for v, s in zip(values, steps, strict=True)]
    (step,) = _quantiles(np.concatenate(changes), 1 - 2 * _ONE_SIGMA_BELOW)
    return _Scales(middle, _or_one((high - low) / 2), _or_one(step))
