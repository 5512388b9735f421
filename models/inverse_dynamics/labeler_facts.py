"""What a labeler's folder says of it.

The folder holds `model.safetensors` (every number), `labeler.yaml` (settings, contract, inputs,
versions, hash of the data) and `metrics.json`.
"""

from __future__ import annotations

from pydantic import PositiveInt, model_validator

from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.training.model_folder import ModelFacts, ModelFolder
from rotoscope.pipeline.contract import ActionContract


class LabelerFacts(ModelFacts):
    """`labeler.yaml`."""

    version: int = 4
    """Changes with the layout of the folder."""
    family: str
    """What kind of labeler it is."""
    config: InverseDynamicsConfig
    """Its settings."""
    contract: ActionContract
    """What its actions mean."""
    inputs: tuple[str, ...]
    """Features that it sees, in order."""
    input_sizes: tuple[PositiveInt, ...]
    """Numbers in each."""
    camera: str
    """Camera that it learned from; empty where it sees no pictures."""
    image_size: tuple[int, int]
    """Width and height of the pictures it learned from [px]."""
    constant: tuple[str, ...]
    """Dimensions that never moved in training."""
    data_sha256: str
    """Hash of the labeled data."""
    encoder_sha256: str
    """Hash of the encoder's own folder; empty where it has none."""
    packages: dict[str, str]
    """Versions of what trained it."""

    @model_validator(mode="after")
    def _sizes_are_of_inputs(self) -> LabelerFacts:
        if len(self.input_sizes) != len(self.inputs):
            raise ValueError(f"{len(self.inputs)} inputs, but {len(self.input_sizes)} sizes")
        return self


LABELER_FOLDER = ModelFolder(
    LabelerFacts,
    "labeler.yaml",
    missing="is no trained labeler: {}; name the folder that 'rotoscope train inverse-dynamics "
    "--out' wrote",
)
