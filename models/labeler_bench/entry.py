"""A labeler as the bench names it: its name, and settings behind it."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from typing import Any

from rotoscope.models.labelers.labeler import Labeler, source_sha256
from rotoscope.models.labelers.names import LabelerName
from rotoscope.models.labelers.train_command import labeler_to_train
from rotoscope.models.simulators.simulator import STATE
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.settings import read_settings

TRUE, ALONE = "true", "alone"
"""Rows without a labeler: policies on all true actions, and on the labeled episodes alone."""
DEFAULT = (
    "inverse-dynamics",
    "predictive-inverse-dynamics",
    "unified-world-model",
    "action-inference",
    "differences",
    "copy",
    "previous",
    "mean",
)
"""Labelers that are benched where none is named."""


@dataclass(frozen=True)
class BenchedLabeler:
    """A labeler, and the settings that it is trained with."""

    text: str
    """`NAME` or `NAME KEY=VALUE ...`, files absolute."""

    @classmethod
    def of(cls, text: str, *, inputs: tuple[str, ...] = (STATE,)) -> BenchedLabeler:
        """Reads what a command names; files become absolute.

        Args:
            text: `NAME`, or `NAME KEY=VALUE ...`.
            inputs: What it sees where neither it nor the settings say.

        Raises:
            UsageError: No such labeler, or settings that it does not take.
        """
        name, *settings = shlex.split(text) or [""]
        found = labeler_to_train(name)
        fields = found.Config.model_fields
        told = {setting.partition("=")[0] for setting in settings}
        is_told = (
            told & {"inputs", "camera"} or fields["inputs"].default or fields["camera"].default
        )
        if not is_told:
            settings = [f"inputs=[{', '.join(inputs)}]", *settings]
        made = cls(shlex.join([str(LabelerName.of(name)), *settings]))
        if made.config.camera:
            raise UsageError(
                f"{text!r} sees pictures; the bench shows features: name inputs, or measure it "
                "with 'rotoscope check' on labeled episodes"
            )
        return made

    @property
    def labeler(self) -> type[Labeler]:
        """Its class."""
        return labeler_to_train(shlex.split(self.text)[0])

    @property
    def config(self) -> Any:
        """Its settings.

        Raises:
            UsageError: It does not take them.
        """
        found = self.labeler
        config = read_settings(shlex.split(self.text)[1:], found.Config)
        found.check_settings(config)
        return config

    @property
    def title(self) -> str:
        """What the table calls it: its name, and settings that are its user's."""
        name, *settings = shlex.split(self.text)
        told = [s for s in settings if not s.startswith("inputs=")]
        return " ".join([LabelerName(name).title, *told])

    def digest(self) -> str:
        """Hash of what decides its labels, Rotoscope's own code aside."""
        found = self.labeler
        said = f"{found.family()} {found.version} {source_sha256(found)}"
        text = f"{said} {self.config.model_dump_json()}"
        return hashlib.sha256(text.encode()).hexdigest()
