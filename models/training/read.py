"""Labeled episodes out of a LeRobot v3 dataset, ours or anyone's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.models.training.data import CLOCK_TOLERANCE, LabeledEpisode, LabeledSet
from rotoscope.models.training.focus import FocusConfig
from rotoscope.models.training.focus_points import check_focus, points_of
from rotoscope.models.training.frames import focused_map, open_frames
from rotoscope.models.training.processes import in_turns
from rotoscope.models.training.views import cameras_of, check_cameras
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows, open_dataset
from rotoscope.pipeline.errors import ContractError, DatasetError, quoted

ACTION = "action"
"""The column of actions; what a labeler infers, and only `previous` sees."""
_STATE = "observation.state"


def read_labeled(
    root: Path,
    *,
    inputs: Sequence[str] = (),
    camera: str | tuple[str, ...] = "",
    image_size: int = 64,
    focus: FocusConfig | None = None,
    contract: ActionContract | None = None,
) -> LabeledSet:
    """The episodes of a dataset as a labeler learns from them.

    Args:
        root: Folder of the dataset, or its URL: of videos there only the named cameras' are read.
        inputs: Features that the labeler sees, such as `track.hand.joints`; columns in this order.
        camera: Camera feature that it sees, such as `observation.images.front`, or
            several, whose pictures of a row stand below each other; empty for none.
        image_size: Side of the square that pictures are shrunk to [px].
        focus: What of a picture is looked at; all of it where `None`.
        contract: What the actions should mean; checked against what the dataset says.

    Raises:
        DatasetError: A feature or camera that is not there, or a clock that disagrees with itself
            or with the video.
        ContractError: The dataset's contract is another.
        DiskFullError: Its pictures would not fit on the disk.
    """
    dataset = open_once(root)
    _check_names(dataset, inputs, camera)
    focus = focus or FocusConfig()
    check_focus(dataset, camera, focus)
    agreed = _agreed_contract(dataset, contract)
    fps = dataset.fps
    if abs(agreed.rate_hz / fps - 1) > CLOCK_TOLERANCE:
        raise DatasetError(
            f"{root}: info.json says fps {fps:g}, the contract {agreed.rate_hz:g} actions a "
            "second; one of the two is wrong"
        )
    episodes, sizes = [], (0,) * len(inputs)
    frames = open_frames(dataset, camera, side_px=image_size) if camera else None
    for row in range(len(dataset.table)):
        rows = dataset.episode(row)
        columns = [input_of(rows, name) for name in inputs]
        sizes = tuple(c.shape[1] for c in columns)
        images = None if frames is None else frames.images[frames.of(row)]
        points = points_of(dataset, rows, camera, focus) if focus.tracks else None
        if images is not None and points is not None:
            images = focused_map(images, points, focus)
        episodes.append(
            LabeledEpisode(
                name=f"episode {rows.index}",
                time_s=np.asarray(rows.columns["timestamp"], float),
                features=np.concatenate([np.zeros((rows.num_rows, 0)), *columns], axis=1),
                actions=numbers_of(rows, "action"),
                valid=_valid(rows),
                state=numbers_of(rows, _STATE) if _STATE in rows.columns else None,
                images=images,
                points=points,
            )
        )
    shapes = [dataset.info["features"][name]["shape"] for name in cameras_of(camera)]
    pixels = [(int(shape[1]), int(shape[0])) for shape in shapes]
    return LabeledSet(
        episodes=tuple(episodes),
        contract=agreed,
        inputs=tuple(inputs),
        input_sizes=sizes,
        camera=camera,
        image_size=pixels[0] if pixels else (0, 0),
        more_sizes=tuple(pixels[1:]),
        input_names=tuple(tuple(dataset.names(name)) for name in inputs),
    )


def open_once(root: Path) -> Dataset:
    """`open_dataset`; what that fetches, the first of processes that train together fetches."""
    return in_turns(lambda: open_dataset(root))


def _check_names(dataset: Dataset, inputs: Sequence[str], camera: str | tuple[str, ...]) -> None:
    features: dict[str, Any] = dataset.info["features"]
    kinds = {name: f["dtype"] for name, f in features.items()}
    check_cameras(dataset, camera)
    seen = ("observation.state", "track.", "label.")
    usable = [n for n, kind in kinds.items() if n == ACTION or n.startswith(seen)]
    missing = [name for name in inputs if name not in usable or kinds[name] == "video"]
    if missing:
        raise DatasetError(
            f"{dataset.root} has no feature {quoted(missing)} that a labeler can see; it has "
            f"{quoted(usable)}: name some of them with inputs=[...]"
        )
    if "action" not in features:
        raise DatasetError(
            f"{dataset.root} has no feature 'action': nothing to learn from; name a labeled one"
        )


def _agreed_contract(dataset: Dataset, wanted: ActionContract | None) -> ActionContract:
    stored = dataset.rotoscope("contract.json")
    found = ActionContract.model_validate(stored) if stored else _derived(dataset)
    if wanted is None:
        return found
    if stored and found != wanted:
        ours, theirs = (json.loads(c.model_dump_json()) for c in (found, wanted))
        differing = [k for k in ours if ours[k] != theirs[k]]
        raise ContractError(
            f"the contract of {dataset.root} differs from the one asked for in "
            f"{quoted(differing)}; convert the dataset with rotoscope.pipeline.converters, or "
            "leave contract out"
        )
    if len(wanted.dimensions) != len(found.dimensions):
        raise ContractError(
            f"{dataset.root} has {len(found.dimensions)} numbers in an action "
            f"({', '.join(found.names)}), the contract names {len(wanted.dimensions)} "
            f"({', '.join(wanted.names)})"
        )
    return wanted


def _derived(dataset: Dataset) -> ActionContract:
    """What can be said of the actions of a dataset that carries no contract: names and rate."""
    feature = dataset.info["features"]["action"]
    names = feature.get("names")
    while isinstance(names, list) and len(names) == 1 and isinstance(names[0], list):
        names = names[0]
    if isinstance(names, dict):
        names = [n for part in names.values() for n in (part if isinstance(part, list) else [part])]
    size = int(feature["shape"][0])
    if not isinstance(names, list) or len(names) != size:
        names = [f"action{i}" for i in range(size)]
    return ActionContract(
        robot=str(dataset.info.get("robot_type") or "unknown"),
        dimensions=tuple(Dimension(name=str(n), quantity="joint", unit="1") for n in names),
        frame="as in the labeled dataset, which carries no contract",
        rate_hz=dataset.fps,
        shift_s=0,
        is_state=False,
    )


def numbers_of(rows: EpisodeRows, name: str) -> Float[np.ndarray, "row number"]:
    """A feature of an episode, a row each."""
    values = np.asarray(rows.columns[name], float)
    return values.reshape(rows.num_rows, -1)


def input_of(rows: EpisodeRows, name: str) -> Float[np.ndarray, "row number"]:
    """A feature as a labeler sees it: NaN where it is an action that is not valid.

    Valid are the rows of `action` that `label.valid` names, and those of the column that a labeler
    beside the chosen one left, `label.KIND`, that `label.KIND.valid` names.
    """
    values = numbers_of(rows, name)
    valid = _valid(rows, "label.valid" if name == ACTION else f"{name}.valid")
    return np.where(valid[:, None], values, np.nan)


def _valid(rows: EpisodeRows, column: str = "label.valid") -> np.ndarray:
    if column not in rows.columns:
        return np.ones(rows.num_rows, bool)
    return np.asarray(rows.columns[column], bool).reshape(-1)
