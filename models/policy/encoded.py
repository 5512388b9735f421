"""Pictures seen through an encoder that somebody else trained, before a policy learns anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rotoscope.models.checkpoints.device import Device
from rotoscope.models.encoders.pretrained import is_pretrained, open_pretrained, require_pretrained
from rotoscope.models.latent_actions.model import (
    LatentFacts,
    LatentModel,
    check_views,
    usable_latent,
)
from rotoscope.models.policy.config import LATENT, BcConfig
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.models.training.maps import blocks_of
from rotoscope.models.training.views import Cameras
from rotoscope.pipeline.errors import UsageError

if TYPE_CHECKING:
    import torch

Look = Callable[[np.ndarray], np.ndarray]
"""RGB pictures (frame, height, size, 3), uint8, to what is seen in them (frame, n)."""
_BACKBONE = "backbone."


def check_encoder(config: BcConfig) -> None:
    """Refuses an encoder that no policy could see through; cheap beside training.

    Raises:
        UsageError: As `latent_of`, or torchvision has no such network.
        AssetError: Named weights are not there.
    """
    latent_of(config)
    if is_pretrained(config.encoder):
        require_pretrained(config.encoder)


def latent_of(config: BcConfig) -> LatentModel | None:
    """The latent action model whose image network a policy sees through; `None` without one.

    Raises:
        UsageError: There is no such model, its latents tell nothing, or its image network is a
            pretrained one, which does not go on learning.
    """
    if not config.is_latent:
        return None
    model = latent_named(config.encoder, config.camera, config.loop.device)
    if not (config.freeze_encoder or model.facts.config.learns_images):
        raise UsageError(
            f"{config.encoder} sees through {model.facts.config.encoder}, which stays as it is: "
            "leave freeze_encoder at true"
        )
    return model


def latent_named(encoder: str, camera: Cameras, device: Device) -> LatentModel:
    """The latent action model that `latent:FOLDER` names, to look at some cameras.

    Raises:
        UsageError: There is none, its latents tell nothing, or it looks at other cameras.
    """
    model = usable_latent(Path(encoder.removeprefix(LATENT)), device)
    check_views(model, camera)
    return model


def frozen_look(
    encoder: str, latent: LatentFacts | None, weights: Mapping[str, np.ndarray], device: Device
) -> Look:
    """An encoder that stays as it is, ready to be asked.

    Args:
        encoder: Its name in the policy's settings.
        latent: Facts of the latent action model that it is; `None` for a pretrained network.
        weights: Of that model.
        device: Where it runs.

    Raises:
        UsageError: No such network or device.
        AssetError: Its weights cannot be had.
    """
    if latent is not None:
        return LatentModel(latent, dict(weights), {}, device).seen
    embed = open_pretrained(encoder, device)
    return lambda images: embed(images, images)


def seen_through(look: Look, data: LabeledSet) -> LabeledSet:
    """The same episodes with columns of what is seen in their pictures in place of these."""

    def columns(episode: LabeledEpisode) -> LabeledEpisode:
        assert episode.images is not None
        seen = np.concatenate([look(block) for block in blocks_of(episode.images)])
        return replace(episode, features=np.hstack([episode.features, seen]), images=None)

    return replace(data, episodes=tuple(map(columns, data.episodes)))


def begin_with(model: LatentModel, module: torch.nn.Module) -> torch.nn.Module:
    """A policy's network whose image network begins with a latent action model's weights."""
    import torch

    found = {
        name.removeprefix(_BACKBONE): torch.from_numpy(value.copy())
        for name, value in model.weights.items()
        if name.startswith(_BACKBONE)
    }
    module.get_submodule("encoder.0").load_state_dict(found)
    return module
