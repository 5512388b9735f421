"""From a dataset's folder to that of a labeler of any kind, settings given as `key=value`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rotoscope.models.labelers.labeler import Labeler
from rotoscope.models.labelers.names import LabelerName
from rotoscope.models.training.events import TrainListener
from rotoscope.models.training.read import read_labeled
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import ContractError, UsageError
from rotoscope.pipeline.files.plain import read_yaml
from rotoscope.pipeline.settings import checked, read_settings


def train_labeler(
    name: str,
    data: Path,
    out: Path,
    overrides: Sequence[str] = (),
    *,
    contract: Path | None = None,
    listener: TrainListener | None = None,
) -> Labeler:
    """Trains a labeler on a LeRobot v3 dataset.

    Args:
        name: Built in, an entry point, or `./file.py:Class`.
        data: Folder of the labeled dataset.
        out: Folder of the labeler.
        overrides: Settings such as `camera=observation.images.front` or `loop.seed=1`.
        contract: JSON or YAML file that says what the actions should mean.
        listener: Told about progress.

    Raises:
        UsageError: No such labeler, an unknown setting or a value out of range.
        DatasetError: Data that no labeler should be trained on.
        ContractError: Actions that mean something else than `contract` says.
    """
    found = labeler_to_train(name)
    config = read_settings(overrides, found.Config)
    found.check_settings(config)
    labeled = read_labeled(
        data,
        inputs=config.inputs,
        camera=config.camera,
        focus=config.focus,
        image_size=config.image_size,
        contract=None if contract is None else _read_contract(contract),
    )
    return found.train(labeled, config, out, listener=listener)


def labeler_to_train(name: str) -> type[Labeler]:
    """The class of a labeler that is named without a folder.

    Raises:
        UsageError: No such labeler, or the name of a trained one.
    """
    named = LabelerName.of(name)
    if named.folder is not None:
        raise UsageError(f"{name!r} names a trained labeler; give --data and --out, no folder")
    return named.find()


def _read_contract(path: Path) -> ActionContract:
    found = read_yaml(path, error=UsageError)
    owner = f"{path} holds no action contract"
    return checked(ActionContract, found, owner=owner, error=ContractError, is_file=True)
