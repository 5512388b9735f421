"""From a dataset of a few demonstrations to one of them and those that are made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.models.multiplication.correct import correct
from rotoscope.models.multiplication.make import MadeEpisode, make_in_simulator, make_of_states
from rotoscope.models.multiplication.roles import NO_ROLES, RoleNames, Roles, find_roles
from rotoscope.models.multiplication.source import Drive, Source, drive_of
from rotoscope.models.simulators.record import state_columns
from rotoscope.models.simulators.simulator import STATE, open_simulator
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.models.training.read import read_labeled
from rotoscope.pipeline.datasets.read import Dataset, open_dataset
from rotoscope.pipeline.episodes.episode import Feature, StateColumns
from rotoscope.pipeline.errors import DatasetError, UsageError, quoted
from rotoscope.pipeline.export.recorder import SUCCESS, DatasetRecorder, Rows

MADE, MADE_FROM = "label.made", "label.made_from"
"""Columns that say what was made, and of which episode."""
Tell = Callable[[int, bool], None]
MOVE, CORRECT = "move", "correct"
METHODS = (MOVE, CORRECT)
"""Ways about things that lie elsewhere, or rows beside the demonstrated ones."""
_MIN_ROWS = 10
"""Rows of a demonstration that can be multiplied, at least."""


@dataclass(frozen=True)
class MultiplyRequest:
    """What is multiplied."""

    data: Path
    """Folder of a LeRobot v3 dataset with states and actions."""
    out: Path
    """Where the dataset appears."""
    count: int
    """Episodes that are to be made; 1 and above."""
    env: str = ""
    """Simulator in which each is played, and left out if it fails; empty: nothing is tried."""
    seed: int = 0
    """Of the starts, or of the places that are drawn; 0 and above."""
    names: RoleNames = field(default_factory=RoleNames)
    """How the numbers are named."""
    only_made: bool = False
    """Whether the demonstrations themselves are left out."""
    method: str = MOVE
    """A name out of `METHODS`."""


@dataclass(frozen=True, eq=False)
class Multiplied:
    """What was made."""

    num_sources: int
    """Demonstrations that it is made of."""
    made: int
    """Episodes that were made."""
    tried: int
    """Starts of the simulator that were played; as many as were made without one."""
    kept_as_they_were: tuple[str, ...]
    """Numbers of the state that stayed as they were demonstrated."""
    sure: float = 1.0
    """Share of the rows made that are valid."""


def multiply(request: MultiplyRequest, tell: Tell = lambda start, is_solved: None) -> Multiplied:
    """Makes episodes and publishes them, by default with those that they are made of.

    The dataset has state, action, `label.*` and `next.success`; no pictures and no tracks, which
    nobody saw of what was made.

    Raises:
        UsageError: A setting out of range, `out` is not empty, or the simulator does not fit.
        DatasetError: No numbers of hand and thing, actions that do not move the hand, no episode
            that can be used, or nothing that was made solved the task.
    """
    _check(request)
    dataset = open_dataset(request.data)
    if STATE not in dataset.info["features"]:
        raise DatasetError(
            f"{request.data} has no {STATE}: where hand and thing are must be known in every row; "
            "train policies on tracks otherwise"
        )
    data = read_labeled(request.data, inputs=(STATE,))
    names = dataset.names(STATE)
    is_moved = request.method == MOVE
    roles = find_roles(names, data.contract, request.names) if is_moved else NO_ROLES
    sources = [one for i, e in enumerate(data.episodes) if (one := _source(dataset, i, e, roles))]
    if not sources:
        raise DatasetError(
            f"none of the {len(data.episodes)} episodes of {request.data} has {_MIN_ROWS} rows and "
            "more, all with known state and valid action: cut them first, 'rotoscope curate'"
        )
    if is_moved:
        drive = drive_of(sources, data.contract)
        made, tried = _made(request, names, data, sources, drive, tell)
    else:
        made = _corrected(request, data, sources)
        tried = len(made)
    _write(request, dataset, data, sources, made)
    others = () if request.env else roles.others
    sure = np.mean([True if one.valid is None else one.valid.mean() for one in made])
    return Multiplied(len(sources), len(made), tried, others, float(sure))


def _check(request: MultiplyRequest) -> None:
    if request.count < 1 or request.seed < 0:
        raise UsageError(f"--count {request.count} and --seed {request.seed} are not 1 and 0 up")
    if request.method not in METHODS:
        raise UsageError(f"unknown method {request.method!r}; valid ones are {quoted(METHODS)}")
    if request.method == CORRECT and (request.env or request.names != RoleNames()):
        raise UsageError(
            "the method correct plays nothing and needs no names of hand, object, goal or moves: "
            "leave --env and them out"
        )
    if request.out.exists() and (not request.out.is_dir() or any(request.out.iterdir())):
        raise UsageError(
            f"{request.out} is there and not empty; name another with --out, or remove it"
        )


def _corrected(
    request: MultiplyRequest, data: LabeledSet, sources: list[Source]
) -> list[MadeEpisode]:
    shown = [(one.state, one.action) for one in sources]
    made = [
        MadeEpisode(
            sources[one.source],
            f"beside-{sources[one.source].index}-{request.seed}-{number}",
            one.state,
            one.action,
            None,
            one.valid,
        )
        for number, one in enumerate(
            correct(shown, data.contract, request.count, seed=request.seed)
        )
    ]
    if not any(one.valid is not None and one.valid.any() for one in made):
        raise DatasetError(
            f"the dynamics that {len(sources)} demonstrations show are sure beside none of their "
            "rows: more demonstrations, or states that say where everything is that moves"
        )
    return made


def _source(dataset: Dataset, row: int, episode: LabeledEpisode, roles: Roles) -> Source | None:
    """An episode that can be multiplied; None where something of it is not known."""
    is_known = np.isfinite(episode.features).all() and np.isfinite(episode.actions).all()
    if len(episode.actions) < _MIN_ROWS or not is_known or not episode.valid.all():
        return None
    index = int(dataset.table[row]["episode_index"])
    return Source(index, episode.features, episode.actions, roles)


def _made(
    request: MultiplyRequest,
    names: tuple[str, ...] | list[str],
    data: LabeledSet,
    sources: list[Source],
    drive: Drive,
    tell: Tell,
) -> tuple[list[MadeEpisode], int]:
    if not request.env:
        made = make_of_states(sources, drive, request.count, seed=request.seed)
        return made, len(made)
    simulator = open_simulator(request.env)
    tried: list[bool] = []

    def count(start: int, is_solved: bool) -> None:
        tried.append(is_solved)
        tell(start, is_solved)

    try:
        facts = simulator.facts
        if facts.contract.names != data.contract.names:
            raise UsageError(
                f"the dataset's actions are {', '.join(data.contract.names)}; {facts.name} takes "
                f"{', '.join(facts.contract.names)}"
            )
        columns = state_columns(facts.state_names, names)
        made = make_in_simulator(sources, drive, simulator, request.count, seed=request.seed,
                                 columns=columns, tell=count)  # fmt: skip
    finally:
        simulator.close()
    if not made:
        raise DatasetError(
            f"none of {len(tried)} starts of {request.env} was solved by what was made of "
            f"{len(sources)} demonstrations: do hand, object and goal mean these numbers, and is "
            "it the task that was demonstrated?"
        )
    return made, len(tried)


def _write(
    request: MultiplyRequest,
    dataset: Dataset,
    data: LabeledSet,
    sources: list[Source],
    made: list[MadeEpisode],
) -> None:
    described = dataset.rotoscope("features.json").get(STATE, {})
    told = StateColumns(
        tuple(dataset.names(STATE)),
        described.get("unit") or "1",
        described.get("description") or "As in the dataset that was multiplied.",
    )
    tasks = {int(row["episode_index"]): (row.get("tasks") or [""])[0] for row in dataset.table}
    with DatasetRecorder(data.contract, told, camera="") as recorder:
        for row in range(0 if request.only_made else len(data.episodes)):
            if rows := _as_recorded(dataset, row, data.episodes[row]):
                recorder.add(rows)
        for one in made:
            recorder.add(_rows(one, str(tasks[one.source.index]), bool(request.env)))
        facts: dict[str, Any] = {
            "of": dataset.root.resolve().name,
            "dataset_key": dataset.rotoscope("provenance.json").get("dataset_key", ""),
            "sources": [one.index for one in sources],
            "made": len(made),
            "method": request.method,
            "played_in": request.env,
            "seed": request.seed,
        }
        recorder.publish(
            request.out, made_by="rotoscope multiply", provenance={"multiplied": facts}
        )


def _as_recorded(dataset: Dataset, row: int, episode: LabeledEpisode) -> Rows | None:
    """An episode of the dataset itself; None where its state or action is not known everywhere."""
    if not (np.isfinite(episode.features).all() and np.isfinite(episode.actions).all()):
        return None
    shown = dataset.episode(row)
    num = shown.num_rows
    confidence = shown.columns.get("label.confidence", np.ones(num))
    success = shown.columns.get(SUCCESS)
    return Rows(
        name=f"episode-{shown.index:06d}",
        task=str((dataset.table[row].get("tasks") or [""])[0]),
        actions=episode.actions,
        valid=episode.valid,
        confidence=np.nan_to_num(np.asarray(confidence, float).reshape(num)),
        state=episode.features,
        success=None if success is None else np.asarray(success, bool).reshape(num),
        features=_marks(num, None),
        quality={"made": False},
    )


def _rows(one: MadeEpisode, task: str, is_played: bool) -> Rows:
    num = len(one.action)
    return Rows(
        name=one.name,
        task=task,
        actions=one.action,
        valid=np.ones(num, bool) if one.valid is None else one.valid,
        confidence=np.ones(num),
        state=one.state,
        success=one.success,
        features=_marks(num, one.source.index),
        quality={"made": True, "made_from": one.source.index, "played": is_played},
    )


def _marks(num_rows: int, made_from: int | None) -> dict[str, Feature]:
    is_made = np.full((num_rows, 1), made_from is not None)
    source = np.full((num_rows, 1), -1 if made_from is None else made_from)
    return {
        MADE: Feature(
            is_made, ("made",), "1",
            "The row was made out of a demonstration by rotoscope multiply; nobody showed it.",
        ),
        MADE_FROM: Feature(
            source, ("episode",), "1",
            "Episode of the multiplied dataset that the row was made from; -1 where it is "
            "recorded.",
        ),
    }  # fmt: skip
