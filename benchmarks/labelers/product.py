"""The product's own inverse dynamics labelers, trained and run as users do, on tracked state."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks.labelers.episodes import Demonstration, Labels
from benchmarks.labelers.labeler import NUM_TRACKED, Labelled
from models.inverse_dynamics_config import InverseDynamicsConfig
from models.labeler import Labeler
from models.training.data import LabelledEpisode, LabelledSet
from models.training.inverse_dynamics import train_inverse_dynamics
from models.training.windows import flatten_windows, sample_windows
from pipeline.contract import ActionContract, Dimension

RATE_HZ = 80.0
"""Actions a second in Meta-World."""
_FRAME_S = 1 / RATE_HZ
INPUT = "track.object.pose"
"""What the tracked columns are called."""


def product(
    labelled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
    kind: str,
    **settings: Any,
) -> Labelled:
    """Trains `kind` with its defaults but for the window, which is as long as the small ones'.

    Moments whose window reaches beyond their episode have no label in the product; here they take
    the nearest one.
    """
    data = LabelledSet(
        episodes=tuple(_episode(d, number) for number, d in enumerate(labelled)),
        contract=CONTRACT,
        inputs=(INPUT,),
        input_sizes=(NUM_TRACKED,),
    )
    config = InverseDynamicsConfig.model_validate(
        {"kind": kind, "inputs": (INPUT,), "window": _WINDOW, "loop": {"seed": seed}} | settings
    )
    with tempfile.TemporaryDirectory() as folder:
        labeler = train_inverse_dynamics(data, config, Path(folder) / "labeler")
    labels = tuple(_label(labeler, observed) for observed in observations)
    size = sum(array.size for member in labeler.members for array in member.values())
    return Labelled(labels, size)


_WINDOW = {"before_s": 2 * _FRAME_S, "after_s": 3 * _FRAME_S}
CONTRACT = ActionContract(
    robot="sawyer",
    dimensions=(
        *(
            Dimension(name=f"hand.d{axis}", quantity="position", unit="cm", lower=-1, upper=1)
            for axis in "xyz"
        ),
        Dimension(name="gripper.close", quantity="gripper", unit="1", lower=-1, upper=1),
    ),
    frame="world: x right, y away from the robot, z up",
    rotation="none",
    rate_hz=RATE_HZ,
    shift_s=0,
    is_state=False,
)
"""What Meta-World's actions mean."""
mlp = partial(product, kind="mlp")
"""The default."""
ridge = partial(product, kind="ridge")
"""Ridge regression."""


def _episode(demonstration: Demonstration, number: int) -> LabelledEpisode:
    # The observation after the last action is a row whose own action nobody knows.
    num = len(demonstration.observations)
    last = np.full((1, demonstration.actions.shape[1]), np.nan)
    return LabelledEpisode(
        name=f"episode {number}",
        time_s=np.arange(num) * _FRAME_S,
        features=_tracked(demonstration.observations),
        actions=np.concatenate([demonstration.actions.astype(float), last]),
        valid=np.arange(num) < num - 1,
    )


def _label(labeler: Labeler, observed: Float[np.ndarray, "step observation"]) -> Labels:
    config, num = labeler.facts.config, len(observed) - 1
    time_s = np.arange(num + 1) * _FRAME_S
    offsets_s = config.window.offsets_s(RATE_HZ)
    windows, known = sample_windows(time_s, _tracked(observed), time_s[:num], offsets_s)
    inputs = flatten_windows(windows[known], offsets_s, has_levels=config.window.has_levels)
    made = labeler.label(inputs)
    rows = np.flatnonzero(known)
    nearest = np.clip(np.arange(num), rows[0], rows[-1]) - rows[0]
    return Labels(made.values[nearest], made.half_width[nearest])


def _tracked(observed: Float[np.ndarray, "step observation"]) -> np.ndarray:
    return observed[:, :NUM_TRACKED].astype(float)
