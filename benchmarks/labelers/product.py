"""The product's own inverse dynamics labelers, trained and run as users do."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from benchmarks.labelers.episodes import Demonstration, Labels
from benchmarks.labelers.labeler import NUM_TRACKED, Labeled
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.infer import infer_episode
from rotoscope.models.inverse_dynamics.labeler import Labeler
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.models.training.windows import nearest_frames
from rotoscope.pipeline.contract import ActionContract, Dimension

Pictures = Callable[[Float[np.ndarray, "step observation"]], UInt8[np.ndarray, "step size size 3"]]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a labeler sees of a task's observations, and what it infers."""

    contract: ActionContract
    """Meaning and rate of the actions."""
    columns: slice = slice(0, 0)
    """Columns of the observation that are features; none: pictures alone."""
    pictures: Pictures | None = None
    """Draws what a camera would see of an episode; `None` for no camera."""

    def episode(self, name: str, observed: np.ndarray, actions: np.ndarray) -> LabeledEpisode:
        """An episode as the product reads it from a dataset."""
        # The observation after the last action is a row whose own action nobody knows.
        num = len(observed)
        last = np.full((1, actions.shape[1]), np.nan)
        return LabeledEpisode(
            name=name,
            time_s=np.arange(num) / self.contract.rate_hz,
            features=observed[:, self.columns].astype(float),
            actions=np.concatenate([actions.astype(float), last]),
            valid=np.arange(num) < num - 1,
            images=None if self.pictures is None else self.pictures(observed),
        )

    def data(self, episodes: Sequence[LabeledEpisode]) -> LabeledSet:
        """Episodes as the product reads them from a dataset."""
        size = episodes[0].features.shape[1]
        image = episodes[0].images
        return LabeledSet(
            episodes=tuple(episodes),
            contract=self.contract,
            inputs=(_INPUT,) if size else (),
            input_sizes=(size,) if size else (),
            camera=_CAMERA if image is not None else "",
            image_size=(0, 0) if image is None else (image.shape[2], image.shape[1]),
        )


_INPUT, _CAMERA = "track.object.pose", "observation.images.front"


def product(
    labeled: Sequence[Demonstration],
    observations: Sequence[Float[np.ndarray, "step observation"]],
    *,
    seed: int,
    seen: Seen,
    **settings: Any,
) -> Labeled:
    """Trains with the product's defaults but for `settings`, and labels.

    The last observation's own action is not known, so that nothing is learned from its row.
    """
    episodes = [seen.episode(f"{i}", d.observations, d.actions) for i, d in enumerate(labeled)]
    data = seen.data(episodes)
    own = {"inputs": data.inputs, "camera": data.camera, "loop": {"seed": seed}}
    config = InverseDynamicsConfig.model_validate(
        own | settings | {"loop": {"seed": seed} | settings.get("loop", {})}
    )
    with tempfile.TemporaryDirectory() as folder:
        labeler = train_inverse_dynamics(data, config, Path(folder) / "labeler")
    labels = tuple(_label(labeler, seen, observed) for observed in observations)
    size = sum(array.size for member in labeler.members for array in member.values())
    return Labeled(labels, size)


def _label(labeler: Labeler, seen: Seen, observed: np.ndarray) -> Labels:
    num = len(observed) - 1
    nothing = np.zeros((num, len(seen.contract.dimensions)))
    made, known = infer_episode(labeler, seen.episode("unlabelled", observed, nothing))
    nearest = nearest_frames(np.flatnonzero(known).astype(float), np.arange(num, dtype=float))
    return Labels(made.values[nearest], made.half_width[nearest])


def metaworld_contract() -> ActionContract:
    """What Meta-World's actions mean."""
    moves = [
        Dimension(name=f"hand.d{axis}", quantity="position", unit="cm", lower=-1, upper=1)
        for axis in "xyz"
    ]
    close = Dimension(name="gripper.close", quantity="gripper", unit="1", lower=-1, upper=1)
    return ActionContract(
        robot="sawyer",
        dimensions=(*moves, close),
        frame="world: x right, y away from the robot, z up",
        rotation="none",
        rate_hz=80,
        shift_s=0,
        is_state=False,
    )


TRACKED = Seen(contract=metaworld_contract(), columns=slice(0, NUM_TRACKED))
"""Hand, gripper and object of Meta-World."""
ALL = Seen(contract=metaworld_contract(), columns=slice(None))
"""Everything that Meta-World's observations hold, as a dataset's `observation.state` does."""
_WINDOW = {"before_s": 2 / 80, "after_s": 3 / 80}
"""As long as that of the small labelers."""
default = partial(product, seen=ALL)
"""What `rotoscope train inverse-dynamics -o inputs=[observation.state]` makes, nothing chosen."""
mlp = partial(product, seen=TRACKED, kind="mlp", window=_WINDOW)
"""The network in the small labelers' window, on seven chosen columns."""
ridge = partial(product, seen=TRACKED, kind="ridge", window=_WINDOW)
"""Ridge regression, the same."""
kernel = partial(product, seen=TRACKED, kind="kernel")
"""Kernel ridge regression on the same columns; it chooses its window itself."""
