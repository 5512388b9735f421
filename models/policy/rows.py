"""Episodes as a policy learns from them: what is seen at a row, and the actions from it on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from rotoscope.models.policy.row_weights import RowWeights
from rotoscope.models.training.data import LabeledEpisode
from rotoscope.models.training.maps import Joined
from rotoscope.models.training.rows import Batch, Rows


@dataclass(frozen=True, eq=False)
class PolicyRows:
    """Rows of one or several episodes."""

    inputs: Float[np.ndarray, "row input"]
    """Features at the row; no columns where only pictures are seen."""
    images: Joined | None
    """Pictures that `frames` points into; `None` where none are learned from."""
    frames: Int[np.ndarray, " row"]
    """Which picture is seen at the row."""
    actions: Float[np.ndarray, "row chunk action"]
    """The action at the row and those after it; the last one again beyond the episode's end."""
    weights: Float[np.ndarray, "row chunk"]
    """How much each of these actions counts; 0 beyond the end and where it is not trusted."""

    @classmethod
    def join(cls, parts: Sequence[PolicyRows]) -> PolicyRows:
        """The rows of several episodes, one after the other."""
        pictures = [p.images for p in parts if p.images is not None]
        starts = np.cumsum([0, *(0 if p.images is None else len(p.images) for p in parts)])
        return cls(
            inputs=np.concatenate([p.inputs for p in parts]),
            images=Joined.of(pictures) if pictures else None,
            frames=np.concatenate([p.frames + s for p, s in zip(parts, starts, strict=False)]),
            actions=np.concatenate([p.actions for p in parts]),
            weights=np.concatenate([p.weights for p in parts]),
        )

    def __len__(self) -> int:
        return len(self.inputs)

    def batches(
        self, inputs: Float[np.ndarray, "row input"], target: Float[np.ndarray, "row chunk number"]
    ) -> Rows:
        """What a network learns from, a batch at a time.

        Args:
            inputs: Those of the rows, standardized.
            target: What it should say of each, standardized.
        """
        import torch

        columns = {"inputs": inputs, "target": target, "weights": self.weights}
        columns = {name: values.astype(np.float32) for name, values in columns.items()}

        def read(some: Int[np.ndarray, " row"]) -> Batch:
            found = {name: values[some] for name, values in columns.items()}
            images = self.pictures(some)
            found |= {} if images is None else {"images": images}
            return {name: torch.from_numpy(values) for name, values in found.items()}

        return Rows(len(self), read)

    def pictures(
        self, rows: Int[np.ndarray, " some"]
    ) -> UInt8[np.ndarray, "some height side 3"] | None:
        """What is seen at some rows; `None` where no pictures are."""
        return None if self.images is None else self.images[self.frames[rows]]


def rows_of(episode: LabeledEpisode, row_weights: RowWeights, *, chunk: int) -> PolicyRows:
    """The rows of an episode that count and at which something is seen.

    As in every training (see `valid_samples`): no sample begins at a row that does not count.
    """
    rows = len(episode.actions)
    ahead = np.arange(rows)[:, None] + np.arange(chunk)
    is_inside = ahead < rows
    ahead = np.minimum(ahead, rows - 1)
    # What is not trusted may hold anything, NaN as well: it must not reach a sum.
    weight = np.where(np.isfinite(episode.actions).all(axis=1), row_weights.weight, 0.0)
    actions = np.where(weight[:, None] > 0, episode.actions, _harmless(episode, weight))
    weights = np.where(is_inside, weight[ahead], 0.0)
    used = (weight > 0) & np.isfinite(episode.features).all(axis=1)
    return PolicyRows(
        inputs=episode.features[used],
        images=None if episode.images is None else Joined((episode.images,)),
        frames=np.flatnonzero(used),
        actions=actions[ahead[used]],
        weights=weights[used],
    )


def _harmless(
    episode: LabeledEpisode, weight: Float[np.ndarray, " time"]
) -> Float[np.ndarray, " action"]:
    """An action that can be encoded, to stand where none counts."""
    counts = np.flatnonzero(weight > 0)
    if not len(counts):
        return np.zeros(episode.actions.shape[1])
    first: np.ndarray = episode.actions[counts[0]]
    return first
