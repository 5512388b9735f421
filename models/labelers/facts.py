"""What the folder of a trained labeler says of it, whatever kind it is.

The folder holds `model.safetensors` (every number), `labeler.yaml` (kind, settings, contract,
inputs, versions, hash of the data) and `metrics.json`. Nothing in it is run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import PositiveInt, model_validator

from rotoscope.models.training.data import LabeledSet
from rotoscope.models.training.model_folder import ModelFacts, ModelFolder, package_versions
from rotoscope.models.training.views import Cameras
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.paths import inside
from rotoscope.pipeline.files.plain import mapping, read_yaml
from rotoscope.pipeline.quoting import shown

FACTS_FILE = "labeler.yaml"
MISSING = "is no trained labeler: {}; name the folder that 'rotoscope train LABELER --out' wrote"


class LabelerFacts(ModelFacts):
    """What `labeler.yaml` holds of every labeler."""

    version: int = 1
    """Changes with the layout of the folder."""
    family: str
    """What kind of labeler it is."""
    contract: ActionContract
    """What its actions mean."""
    inputs: tuple[str, ...]
    """Features that it sees, in order."""
    input_sizes: tuple[PositiveInt, ...]
    """Numbers in each."""
    input_names: tuple[tuple[str, ...], ...] = ()
    """What these numbers are; none in folders of before."""
    camera: Cameras
    """Camera that it learned from, or several, in order; empty where it sees no pictures."""
    image_size: tuple[int, int]
    """Width and height of the pictures it learned from, of several cameras the first's [px]."""
    constant: tuple[str, ...]
    """Dimensions that never moved in training."""
    data_sha256: str
    """Hash of the labeled data."""
    packages: dict[str, str]
    """Versions of what trained it."""

    @model_validator(mode="after")
    def _sizes_are_of_inputs(self) -> LabelerFacts:
        if len(self.input_sizes) != len(self.inputs):
            raise ValueError(f"{len(self.inputs)} inputs, but {len(self.input_sizes)} sizes")
        return self


class OneFileFacts(LabelerFacts):
    """`labeler.yaml` of a labeler that leaves its folder to Rotoscope."""

    version: int = 3
    """Changes with the layout of the folder."""
    labeler_version: str
    """Version of its class."""
    source_sha256: str
    """Hash of the file its class was in; empty for installed ones."""
    config: dict[str, Any]
    """Its settings, checked by its class."""


ONE_FILE_FOLDER = ModelFolder(OneFileFacts, FACTS_FILE, missing=MISSING)


def facts_of_data(data: LabeledSet, data_sha256: str) -> dict[str, Any]:
    """The fields of `LabelerFacts` that come from the data, whose hash is given: it takes time."""
    return {
        "contract": data.contract,
        "inputs": data.inputs,
        "input_sizes": data.input_sizes,
        "input_names": data.input_names,
        "camera": data.camera,
        "image_size": data.image_size,
        "constant": data.constant,
        "data_sha256": data_sha256,
        "packages": package_versions(),
    }


def family_in(folder: Path) -> tuple[str, bool]:
    """What kind of labeler a folder holds, and whether its class was in a file of the user's.

    Raises:
        UsageError: It holds none.
    """
    path = inside(folder, FACTS_FILE, what="the file", error=UsageError)
    if not path.is_file():
        raise UsageError(f"{folder} {MISSING.format(f'{FACTS_FILE} is not there')}")
    found = mapping(read_yaml(path, error=UsageError), source=str(path), error=UsageError)
    family = found.get("family")
    if not isinstance(family, str):
        raise UsageError(f"{path} names no family of labelers, got {shown(family)}; train it again")
    return family, bool(found.get("source_sha256"))
