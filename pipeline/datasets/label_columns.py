"""The columns of a dataset that hold actions: `action`, and what other labelers say beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.errors import UsageError, quoted

ACTION = "action"


@dataclass(frozen=True, eq=False)
class LabelColumn:
    """A column of actions, without its values."""

    name: str
    """`action`, or `label.<labeler>`."""
    names: tuple[str, ...]
    """Name of each number."""
    contract: ActionContract | None
    """What they mean; `None` where the dataset does not say."""

    @property
    def valid(self) -> str:
        """Column that says in which rows it is valid."""
        return "label.valid" if self.name == ACTION else f"{self.name}.valid"

    @property
    def confidence(self) -> str:
        """Column that says how sure it is."""
        return "label.confidence" if self.name == ACTION else f"{self.name}.confidence"

    def unit(self, name: str) -> str:
        """Unit of a number by its name; empty where nobody says."""
        dimensions = () if self.contract is None else self.contract.dimensions
        return next((d.unit for d in dimensions if d.name == name), "")

    def quantity(self, name: str) -> str:
        """Quantity of a number by its name; empty where nobody says."""
        dimensions = () if self.contract is None else self.contract.dimensions
        return next((str(d.quantity) for d in dimensions if d.name == name), "")

    def read(self, episode: EpisodeRows) -> LabelRows:
        """The column in one episode."""
        values = np.asarray(episode.columns[self.name], float).reshape(episode.num_rows, -1)
        known = np.isfinite(values).all(axis=1)
        valid, confidence = episode.columns.get(self.valid), episode.columns.get(self.confidence)
        said = np.ones(len(values), bool) if valid is None else np.asarray(valid, bool).ravel()
        return LabelRows(
            values,
            known & said,
            said[:, None] & np.isfinite(values),
            None if confidence is None else np.asarray(confidence, float).ravel(),
        )


@dataclass(frozen=True, eq=False)
class LabelRows:
    """What a column of actions holds in one episode."""

    values: Float[np.ndarray, "row number"]
    """The actions."""
    valid: Bool[np.ndarray, " row"]
    """Rows that count: known, and valid where a column says so."""
    known: Bool[np.ndarray, "row number"]
    """Numbers that count, each by itself: those of a valid row that are known."""
    confidence: Float[np.ndarray, " row"] | None
    """0..1; `None` where nothing says so."""


def label_columns(dataset: Dataset) -> list[LabelColumn]:
    """All columns of actions: the chosen one first, the others as the dataset has them."""
    features = dataset.info["features"]
    described = dataset.rotoscope("features.json")
    own = dataset.rotoscope("contract.json")
    found = []
    if ACTION in features:
        contract = ActionContract.model_validate(own) if own else None
        found.append(LabelColumn(ACTION, tuple(dataset.names(ACTION)), contract))
    for name in features:
        said = described.get(name, {}).get("contract")
        if said is not None and name != ACTION:
            contract = ActionContract.model_validate(said)
            found.append(LabelColumn(name, tuple(dataset.names(name)), contract))
    return found


def label_column(dataset: Dataset, name: str) -> LabelColumn:
    """A column of actions by its name; any other column of numbers will do as well.

    Raises:
        UsageError: The dataset has no such column.
    """
    for column in label_columns(dataset):
        if column.name == name:
            return column
    features = dataset.info["features"]
    if name not in features or features[name]["dtype"] in ("video", "image", "string"):
        raise UsageError(
            f"{dataset.root} has no column {name!r} of actions; it has "
            f"{quoted(c.name for c in label_columns(dataset))}"
        )
    return LabelColumn(name, tuple(dataset.names(name)), None)


def side_columns(dataset: Dataset) -> Sequence[LabelColumn]:
    """What labelers beside the chosen one say."""
    return [column for column in label_columns(dataset) if column.name != ACTION]
