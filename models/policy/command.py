"""From a dataset's folder to a policy's, settings given as `key=value`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rotoscope.models.policy.bc_train import train_bc
from rotoscope.models.policy.config import BcConfig
from rotoscope.models.policy.encoded import check_encoder
from rotoscope.models.policy.latent_plan import latents_of_dataset, planned_model
from rotoscope.models.policy.row_weights import describe, row_weights_of, warn_of_short
from rotoscope.models.training.events import TrainListener
from rotoscope.models.training.loop import check_loop
from rotoscope.models.training.processes import refuse_several
from rotoscope.models.training.read import open_once, read_labeled
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.settings import read_settings

BUILT_IN = "bc"
FROM_LEROBOT = ("act", "diffusion", "vqbet")
Say = Callable[[str], None]


def train_policy(
    data: Path,
    out: Path,
    policy: str = BUILT_IN,
    overrides: Sequence[str] = (),
    *,
    say: Say = lambda text: None,
    listener: TrainListener | None = None,
) -> dict[str, Any]:
    """Trains a policy on a LeRobot v3 dataset and returns what is known of it.

    Args:
        data: Folder of the dataset; rows without `label.valid` are left out.
        out: Folder of the policy.
        policy: `bc`, built in; or one of LeRobot's: `act`, `diffusion`, `vqbet`.
        overrides: Settings such as `min_confidence=0.5`; LeRobot's own: `policy.dim_model=64`.
        say: Told what is left out and why.
        listener: Told about progress of the built-in policy.

    Raises:
        UsageError: An unknown policy or setting, a value out of range, or a missing package.
        DatasetError: Data that no policy should be trained on.
    """
    if policy == BUILT_IN:
        return train_built_in(data, out, overrides, say=say, listener=listener)
    if policy in FROM_LEROBOT:
        from rotoscope.models.policy.lerobot_training import train_lerobot

        refuse_several(f"the policy {policy}, which LeRobot trains,")
        return train_lerobot(data, out, policy, overrides, say=say)
    raise UsageError(
        f"unknown policy {policy!r}; valid ones are {BUILT_IN!r}, which is built in, and LeRobot's "
        f"{', '.join(map(repr, FROM_LEROBOT))}"
    )


def train_built_in(
    data: Path,
    out: Path,
    overrides: Sequence[str] = (),
    *,
    say: Say = lambda text: None,
    listener: TrainListener | None = None,
) -> dict[str, Any]:
    """Behavior cloning; see `train_policy`."""
    config = read_settings(overrides, BcConfig)
    check_loop(config.loop)
    check_encoder(config)
    planned_model(config)
    dataset = open_once(data)
    labeled = read_labeled(
        data, inputs=config.inputs, camera=config.camera, image_size=config.image_size
    )
    row_weights = row_weights_of(
        dataset, weighting=config.weighting, min_confidence=config.min_confidence
    )
    say(describe(row_weights))
    for warning in warn_of_short(row_weights, config.chunk):
        say(warning)
    trained = train_bc(
        labeled,
        row_weights,
        config,
        out,
        input_names=[dataset.names(name) for name in config.inputs],
        latents=latents_of_dataset(data, config, labeled.contract.rate_hz),
        listener=listener,
    )
    return trained.metrics
