"""From a dataset's folder to a labeler's, settings given as `key=value`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.encoders import check_encoder
from rotoscope.models.inverse_dynamics.labeler import Labeler
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.training.loop import TrainListener, check_loop
from rotoscope.models.training.read import read_labeled
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import ContractError, UsageError
from rotoscope.pipeline.files.plain import read_yaml
from rotoscope.pipeline.settings import checked, read_settings


def train_from_dataset(
    data: Path,
    out: Path,
    overrides: Sequence[str] = (),
    *,
    contract: Path | None = None,
    listener: TrainListener | None = None,
) -> Labeler:
    """Trains an inverse dynamics labeler on a LeRobot v3 dataset.

    Args:
        data: Folder of the labeled dataset.
        out: Folder of the labeler.
        overrides: Settings such as `camera=observation.images.front` or `loop.seed=1`.
        contract: JSON or YAML file that says what the actions should mean.
        listener: Told about progress.

    Raises:
        UsageError: An unknown setting or a value out of range.
        DatasetError: Data that no labeler should be trained on.
        ContractError: Actions that mean something else than `contract` says.
    """
    config = parse_settings(overrides)
    labeled = read_labeled(
        data,
        inputs=config.inputs,
        camera=config.camera,
        image_size=config.image_size,
        contract=None if contract is None else _read_contract(contract),
    )
    return train_inverse_dynamics(labeled, config, out, listener=listener)


def parse_settings(overrides: Sequence[str]) -> InverseDynamicsConfig:
    """Settings out of `key=value`, values read as YAML, that can be met here.

    Raises:
        UsageError: Not of that form, an unknown key, a value out of range, an encoder that is
            unknown or tells nothing, or a device that is absent.
        AssetError: Weights of the encoder are not there.
    """
    config = read_settings(overrides, InverseDynamicsConfig)
    check_encoder(config.image_network)
    if config.kind == "mlp":
        check_loop(config.loop)
    return config


def _read_contract(path: Path) -> ActionContract:
    found = read_yaml(path, error=UsageError)
    owner = f"{path} holds no action contract"
    return checked(ActionContract, found, owner=owner, error=ContractError, is_file=True)
