"""From a dataset's folder to a labeler's, settings given as `key=value`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from models.inverse_dynamics_config import InverseDynamicsConfig
from models.labeler import Labeler
from models.training.inverse_dynamics import check_settings, train_inverse_dynamics
from models.training.loop import TrainListener
from models.training.read import read_labelled
from pipeline.contract import ActionContract
from pipeline.errors import ContractError, UsageError


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
        data: Folder of the labelled dataset.
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
    check_settings(config)
    labelled = read_labelled(
        data,
        inputs=config.inputs,
        camera=config.camera,
        image_size=config.image_size,
        contract=None if contract is None else _read_contract(contract),
    )
    return train_inverse_dynamics(labelled, config, out, listener=listener)


def parse_settings(overrides: Sequence[str]) -> InverseDynamicsConfig:
    """Settings out of `key=value`, values read as YAML.

    Raises:
        UsageError: Not of that form, an unknown key, or a value out of range.
    """
    raw: dict[str, Any] = {}
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"cannot read {text!r}: write KEY=VALUE, such as loop.seed=1")
        *parents, last = key.split(".")
        section = raw
        for parent in parents:
            section = section.setdefault(parent, {})
        section[last] = yaml.safe_load(value)
    try:
        return InverseDynamicsConfig.model_validate(raw)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(p) for p in problem['loc'])}: {problem['msg']}, got "
            f"{problem['input']!r}"
            for problem in error.errors()
        ]
        keys = ", ".join(InverseDynamicsConfig.model_fields)
        raise UsageError(f"{'; '.join(lines)}; settings are {keys}") from error


def _read_contract(path: Path) -> ActionContract:
    if not path.is_file():
        raise UsageError(f"contract file {path} is not there")
    try:
        return ActionContract.model_validate(yaml.safe_load(path.read_text()))
    except (yaml.YAMLError, ValidationError) as error:
        raise ContractError(f"{path} holds no action contract: {error}") from error
