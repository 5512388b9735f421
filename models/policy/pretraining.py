"""A policy's network first learns, of every row, which latent action comes next.

What it then knows of pictures, and of what follows what, few episodes with known actions need not
teach it (LAPO, Schmidt and Jiang 2024, 2312.10812, section 3.3: the last layer alone begins anew).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from rotoscope.models.latent_actions.model import LatentModel
from rotoscope.models.policy.bc_network import run_policy, shifted
from rotoscope.models.policy.bc_policy import network_for
from rotoscope.models.policy.config import BcConfig
from rotoscope.models.policy.encoded import begin_with
from rotoscope.models.policy.row_weights import RowWeights
from rotoscope.models.policy.rows import PolicyRows, rows_of
from rotoscope.models.training.data import LabeledEpisode
from rotoscope.models.training.events import TrainListener
from rotoscope.models.training.loop import Problem, train
from rotoscope.models.training.maps import blocks_of
from rotoscope.models.training.rows import Batch, Rows
from rotoscope.models.training.scaling import Scaling
from rotoscope.models.training.windows import nearest_frames
from rotoscope.pipeline.errors import DatasetError

if TYPE_CHECKING:
    import torch

Weights = dict[str, "torch.Tensor"]


def pretrained(
    model: LatentModel,
    pictured: Sequence[LabeledEpisode],
    seen: Sequence[LabeledEpisode],
    config: BcConfig,
    scaling: Scaling,
    *,
    digest: str,
    checkpoint: Path,
    listener: TrainListener | None = None,
) -> Weights:
    """Weights that a policy's network begins with: all but those of its last layer.

    Args:
        model: Says which latent action leads from a picture to a later one.
        pictured: Episodes with their pictures; known actions are not looked at.
        seen: The same as the network sees them.
        config: Settings of the policy.
        scaling: Of what is in front of the network.
        digest: Hash of the data.
        checkpoint: File to go on from.
        listener: Told about progress.

    Raises:
        DatasetError: Fewer than two episodes are longer than a latent action.
    """
    parts = [
        rows_ahead(s, latents_ahead(model, p.images, p.time_s))
        for p, s in zip(pictured, seen, strict=True)
        if p.images is not None
    ]
    parts = [part for part in parts if len(part)]
    if len(parts) < 2:
        raise DatasetError(
            f"{len(parts)} of {len(pictured)} episodes are longer than a latent action, "
            f"{model.facts.gap_s:g} s; pretraining needs at least 2"
        )
    order = np.random.default_rng(config.loop.seed).permutation(len(parts))
    held = max(1, round(len(parts) * config.held_out_share))
    fitted = PolicyRows.join([parts[i] for i in sorted(order[held:])])
    held_out = PolicyRows.join([parts[i] for i in sorted(order[:held])])
    spread = np.maximum(fitted.actions[:, 0].std(0), 1e-6)
    center, num = fitted.actions[:, 0].mean(0), len(spread)

    def build() -> torch.nn.Module:
        # Latents are not planned ahead.
        one = config.model_copy(update={"chunk": 1, "execute": 1})
        made: torch.nn.Module = network_for(one, len(scaling.input_mean), num, model.facts)
        return made if config.is_frozen else begin_with(model, made)

    def loss(module: torch.nn.Module, batch: Batch) -> torch.Tensor:
        images = batch.get("images")
        if images is not None and module.training:
            images = shifted(images, config.shift_px)
        out = run_policy(module, batch["inputs"], images, chunk=1)
        return ((out.float() - batch["target"]) ** 2).mean()

    def batches(rows: PolicyRows) -> Rows:
        target = (rows.actions - center) / spread
        return rows.batches(scaling.inputs(rows.inputs), target)

    settings = config.model_dump_json(exclude={"loop"})
    problem = Problem(
        name="latent actions",
        build=build,
        fitted=batches(fitted),
        held_out=batches(held_out),
        loss=loss,
        fingerprint=f"latents {digest}|{settings}",
    )
    done = train(problem, config.loop, checkpoint=checkpoint, listener=listener)
    last = f"head.{2 * len(config.hidden)}."
    return {k: v for k, v in done.module.state_dict().items() if not k.startswith(last)}


def latents_ahead(
    model: LatentModel, images: np.ndarray, time_s: Float[np.ndarray, " time"]
) -> Float[np.ndarray, "time latent"]:
    """What leads from each picture to the one a gap later; NaN where the episode ends before."""
    features = np.concatenate([model.features(block) for block in blocks_of(images)])
    gap_s = model.facts.gap_s
    inside = np.flatnonzero(time_s + 0.9 * gap_s <= time_s[-1])
    out = np.full((len(time_s), model.facts.config.latent_size), np.nan)
    if len(inside):
        later = nearest_frames(time_s, time_s[inside] + gap_s)
        out[inside] = model.latents(features[inside], features[later])
    return out


def rows_ahead(seen: LabeledEpisode, latents: Float[np.ndarray, "time latent"]) -> PolicyRows:
    """The rows of an episode at which a latent is known, each with it in its action's place."""
    known = np.isfinite(latents).all(axis=1)
    counts = RowWeights(known, known.astype(float))
    return rows_of(replace(seen, actions=latents, valid=known), counts, chunk=1)
