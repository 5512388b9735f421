"""From folders of video to a latent action model's, settings given as `key=value`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rotoscope.models.encoders.pretrained import require_pretrained
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.model import LatentModel
from rotoscope.models.latent_actions.read import read_unlabelled
from rotoscope.models.latent_actions.train import train_latent_action
from rotoscope.models.training.events import TrainListener
from rotoscope.models.training.loop import check_loop
from rotoscope.pipeline.settings import read_settings


def train_latent_from(
    data: Sequence[Path],
    out: Path,
    overrides: Sequence[str] = (),
    *,
    listener: TrainListener | None = None,
) -> LatentModel:
    """Trains a latent action model on LeRobot v3 datasets and folders of videos.

    Args:
        data: The sources; each is an embodiment.
        out: Folder of the model.
        overrides: Settings such as `objective=lapo` or `loop.seed=1`.
        listener: Told about progress.

    Raises:
        UsageError: An unknown setting, one that this machine cannot meet, or a source without
            videos.
        AssetError: Weights of the encoder are not there.
        DatasetError: Data that no model should be trained on.
    """
    config = read_settings(overrides, LatentActionConfig)
    check_loop(config.loop)
    if not config.learns_images:
        require_pretrained(config.encoder)
    return train_latent_action(read_unlabelled(data, config), config, out, listener=listener)
