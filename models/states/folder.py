"""A learned map from what is seen to states, as one folder.

The folder holds `model.safetensors` (every number) and `states.yaml` (what goes in and comes out).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt

from rotoscope.models.states.state_map import SeenStates
from rotoscope.models.training.model_folder import (
    WEIGHTS,
    Shape,
    check_files,
    check_shapes,
    read_arrays,
    read_facts,
)
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.files.paths import inside

_VERSION = 1
_FILES = ("states.yaml", "model.safetensors")


class StateFacts(BaseModel):
    """`states.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: int = _VERSION
    """Changes with the layout of the folder."""
    inputs: tuple[str, ...]
    """Features that states are read off, in order."""
    input_sizes: tuple[PositiveInt, ...]
    """Numbers in each."""
    target: str
    """Column of the labelled dataset that was learned, such as `observation.state`."""
    width: PositiveFloat
    """Of the kernel, chosen on left-out episodes."""
    penalty: float
    """Of the kernel's weights, chosen on left-out episodes."""
    error: tuple[float, ...]
    """Root mean square error of each number of the state on left-out episodes, in its unit."""


def save_states(model: SeenStates, facts: StateFacts, folder: Path) -> None:
    """Writes the folder, whole or not at all."""
    from safetensors.numpy import save_file

    arrays = {
        name: np.ascontiguousarray(value)
        for name, value in vars(model).items()
        if isinstance(value, np.ndarray)
    }
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        save_file(arrays, temporary / "model.safetensors")
        text = yaml.safe_dump(facts.model_dump(mode="json"), sort_keys=False)
        (temporary / "states.yaml").write_text(text)


def load_states(folder: Path) -> tuple[SeenStates, StateFacts]:
    """A map and what belongs to it.

    Raises:
        UsageError: The folder is missing, incomplete or damaged, or of another version.
    """
    check_files(
        folder,
        _FILES,
        what="holds no learned states: {}; name the folder ending in .states that training "
        "through states wrote",
    )
    facts = read_facts(folder / "states.yaml", StateFacts, version=_VERSION)
    arrays = read_arrays(folder / WEIGHTS)
    num_seen = sum(facts.input_sizes)
    wanted: dict[str, Shape] = {
        "centre": (num_seen,),
        "spread": (num_seen,),
        "anchors": ("anchor", num_seen),
        "weights": ("anchor", "state"),
        "mean": ("state",),
    }
    check_shapes(arrays, wanted, folder / WEIGHTS)
    return SeenStates(**arrays, width=facts.width), facts


def states_digest(folder: Path) -> str:
    """Hash of what decides which states come out."""
    found = hashlib.sha256()
    for name in _FILES:
        found.update(inside(folder, name, what="the file", error=UsageError).read_bytes())
    return found.hexdigest()
