"""What a simulator must know of a policy that LeRobot trained, kept beside its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.paths import inside
from rotoscope.pipeline.files.plain import read_yaml
from rotoscope.pipeline.settings import checked

FACTS = "rotoscope.yaml"


class EncoderFacts(BaseModel):
    """An encoder that a policy of LeRobot's sees through."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str
    """Which, as it was named."""
    cameras: tuple[str, ...] = Field(min_length=1)
    """What it looks at, in order."""
    sizes: tuple[tuple[PositiveInt, PositiveInt], ...]
    """Width and height of each camera's pictures [px]."""
    image_size: PositiveInt
    """Side of the squares that these are shrunk to [px]."""

    @model_validator(mode="after")
    def _sizes_are_of_cameras(self) -> Self:
        if len(self.sizes) != len(self.cameras):
            raise ValueError(f"{len(self.cameras)} cameras, but {len(self.sizes)} sizes")
        return self


class LerobotFacts(BaseModel):
    """`rotoscope.yaml` in a folder of LeRobot's."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    contract: ActionContract | None
    """What its actions mean; `None` where the dataset did not say."""
    state_names: tuple[str, ...] | None
    """What the numbers of `observation.state` are; `None` where it sees none."""
    learned_from: str
    """Which rows it learned from, in words."""
    data_sha256: str
    """Hash of the numbers and pictures that it learned from, and of which rows."""
    encoder: EncoderFacts | None = None
    """What it sees pictures through; `None` where it sees them itself, or none."""
    packages: dict[str, str]
    """Versions of what trained it."""


def write_facts(folder: Path, facts: LerobotFacts) -> None:
    """Writes `rotoscope.yaml`."""
    (folder / FACTS).write_text(yaml.safe_dump(facts.model_dump(mode="json"), sort_keys=False))


def read_facts(folder: Path) -> LerobotFacts | None:
    """What is said beside the weights; `None` for a folder that we did not write.

    Raises:
        UsageError: It is malformed.
    """
    path = inside(folder, FACTS, what="the file", error=UsageError)
    if not path.is_file():
        return None
    found = read_yaml(path, error=UsageError)
    return checked(LerobotFacts, found, owner=str(path), error=UsageError, is_file=True)
