"""What the folder of an inverse dynamics labeler says of it."""

from __future__ import annotations

from pydantic import Field

from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.labelers import facts
from rotoscope.models.training.model_folder import ModelFolder


class LabelerFacts(facts.LabelerFacts):
    """`labeler.yaml`."""

    version: int = 5
    """Changes with the layout of the folder."""
    config: InverseDynamicsConfig
    """Its settings."""
    levels: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    """Dimensions that took few values in training, and these; where it does better, one of them is
    the label."""
    encoder_sha256: str
    """Hash of the encoder's own folder; empty where it has none."""


LABELER_FOLDER = ModelFolder(LabelerFacts, facts.FACTS_FILE, missing=facts.MISSING)
