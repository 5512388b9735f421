"""LeRobot's policies that see what an encoder says of pictures, in place of the pictures.

LeRobot's ACT and Diffusion Policy take a vector beside the robot's state, which they call
`observation.environment_state`: what the encoder says stands there, in training and when the policy
acts. The encoder stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from jaxtyping import Float

from rotoscope.models.checkpoints.device import Device
from rotoscope.models.encoders.pretrained import is_pretrained, require_pretrained
from rotoscope.models.latent_actions.model import LatentModel, load_latent, save_latent
from rotoscope.models.policy.config import LATENT
from rotoscope.models.policy.encoded import Look, frozen_look, latent_named
from rotoscope.models.policy.lerobot_facts import EncoderFacts
from rotoscope.models.training.frames import open_frames
from rotoscope.models.training.maps import blocks_of
from rotoscope.models.training.pictures import shrink
from rotoscope.models.training.views import Cameras, cameras_of, stacked
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.errors import DatasetError, UsageError, quoted

ENVIRONMENT = "observation.environment_state"
"""What LeRobot calls numbers that tell of more than the robot."""
_FOLDER = "encoder"
"""Where a latent action model is kept in a policy's folder."""
_DEFAULT_SIDE_PX = 64
TAKES = ("act", "diffusion")
"""Policies of LeRobot's that act on numbers alone; VQ-BeT needs a picture."""


@dataclass(frozen=True, eq=False)
class Sight:
    """An encoder that stays as it is, and what it looks at."""

    facts: EncoderFacts
    """Which, and how."""
    latent: LatentModel | None
    """The latent action model that it is; `None` for a pretrained network."""
    device: Device = "auto"
    """Where it looks."""

    @classmethod
    def of(cls, dataset: Dataset, encoder: str, camera: Cameras, image_size: int | None) -> Self:
        """What a policy that learns from a dataset is to see through.

        Args:
            dataset: Whose pictures.
            encoder: `latent:FOLDER`, `torchvision:NAME` or `transformers:NAME_OR_FOLDER`.
            camera: What it looks at; every camera where empty.
            image_size: Side of the squares it sees [px]; the latent action model's own, else 64,
                where `None`.

        Raises:
            UsageError: There is no such encoder, or it looks at other cameras.
            DatasetError: There is no such camera, or the encoder's place is taken.
            AssetError: Named weights are not there.
        """
        features = dataset.info["features"]
        if ENVIRONMENT in features:
            raise DatasetError(
                f"{dataset.root} has {ENVIRONMENT} of its own, where encoder={encoder} would say "
                "what it sees: leave encoder out, or remove that feature"
            )
        cameras = cameras_of(camera) or tuple(dataset.cameras)
        unknown = [name for name in cameras if name not in dataset.cameras]
        if unknown or not cameras:
            raise DatasetError(
                f"encoder={encoder} sees pictures, and {dataset.root} has "
                f"{f'no {quoted(unknown)}' if unknown else 'none'}; it has "
                f"{quoted(dataset.cameras) or 'no camera'}: set camera to some of its cameras"
            )
        latent = None
        if encoder.startswith(LATENT) and encoder != LATENT:
            latent = latent_named(encoder, cameras, "auto")
        elif is_pretrained(encoder):
            require_pretrained(encoder)
        else:
            raise UsageError(
                f"encoder={encoder} is none that a policy of LeRobot's can see through; valid ones "
                "are latent:FOLDER, torchvision:NAME and transformers:NAME_OR_FOLDER; leave it out "
                "for the policy's own image network"
            )
        own_side = latent.facts.config.image_size if latent else _DEFAULT_SIDE_PX
        shapes = [features[name]["shape"] for name in cameras]
        facts = EncoderFacts(
            encoder=encoder,
            cameras=cameras,
            sizes=tuple((int(width), int(height)) for height, width, *_ in shapes),
            image_size=image_size or own_side,
        )
        return cls(facts, latent)

    @classmethod
    def load(cls, folder: Path, facts: EncoderFacts, device: Device) -> Self:
        """What `save` wrote into a policy's folder."""
        is_latent = facts.encoder.startswith(LATENT)
        return cls(facts, load_latent(folder / _FOLDER, device) if is_latent else None, device)

    def save(self, folder: Path) -> None:
        """Keeps a latent action model with the policy; pretrained networks are known by name."""
        if self.latent is not None:
            save_latent(self.latent, folder / _FOLDER)

    @property
    def image_sizes(self) -> dict[str, tuple[int, int]]:
        """Cameras, and the width and height of their pictures in the dataset [px]."""
        return dict(zip(self.facts.cameras, self.facts.sizes, strict=True))

    @cached_property
    def look(self) -> Look:
        """Pictures to what is seen in them."""
        facts, weights = (self.latent.facts, self.latent.weights) if self.latent else (None, {})
        return frozen_look(self.facts.encoder, facts, weights, self.device)

    def of_dataset(self, dataset: Dataset) -> Float[np.ndarray, "row number"]:
        """What is seen in each row."""
        frames = open_frames(dataset, self.facts.cameras, side_px=self.facts.image_size).images
        return np.concatenate([self.look(block) for block in blocks_of(frames)]).astype(np.float32)

    def of_observation(self, observation: Mapping[str, np.ndarray]) -> Float[np.ndarray, " number"]:
        """What is seen now; pictures of any size."""
        squares = [
            shrink(np.asarray(observation[camera]), self.facts.image_size, shape=shape)
            for camera, shape in self.image_sizes.items()
        ]
        return self.look(stacked(squares)[None])[0].astype(np.float32)
