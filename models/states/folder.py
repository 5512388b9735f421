"""A learned map from what is seen to states, as one folder.

The folder holds `model.safetensors` (every number) and `states.yaml` (what goes in and comes out).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from rotoscope.models.states.state_map import StateRegressor
from rotoscope.models.training.model_folder import (
    WEIGHTS,
    ModelFacts,
    ModelFolder,
    Shape,
    check_shapes,
)


class StateFacts(ModelFacts):
    """`states.yaml`."""

    version: int = 1
    """Changes with the layout of the folder."""
    inputs: tuple[str, ...]
    """Features that states are read off, in order."""
    input_sizes: tuple[PositiveInt, ...]
    """Numbers in each."""
    target: str
    """Column of the labeled dataset that was learned, such as `observation.state`."""
    width: PositiveFloat
    """Inverse width of the kernel, chosen on left-out episodes."""
    penalty: float
    """Ridge penalty of the kernel's weights, chosen on left-out episodes."""
    error: tuple[float, ...]
    """Root mean square error of each number of the state on left-out episodes, in its unit."""


STATES_FOLDER = ModelFolder(
    StateFacts,
    "states.yaml",
    missing="holds no learned states: {}; name the folder ending in .states that training through "
    "states wrote",
    has_metrics=False,
)


def save_states(model: StateRegressor, facts: StateFacts, folder: Path) -> None:
    """Writes the folder, whole or not at all."""
    arrays = {name: v for name, v in vars(model).items() if isinstance(v, np.ndarray)}
    STATES_FOLDER.save(folder, facts, arrays)


def load_states(folder: Path) -> tuple[StateRegressor, StateFacts]:
    """A map and what belongs to it.

    Raises:
        UsageError: The folder is missing, incomplete or damaged, or of another version.
    """
    facts, arrays, _ = STATES_FOLDER.load(folder)
    num_seen = sum(facts.input_sizes)
    wanted: dict[str, Shape] = {
        "centre": (num_seen,),
        "spread": (num_seen,),
        "anchors": ("anchor", num_seen),
        "weights": ("anchor", "state"),
        "mean": ("state",),
    }
    check_shapes(arrays, wanted, folder / WEIGHTS)
    return StateRegressor(**arrays, width=facts.width), facts
