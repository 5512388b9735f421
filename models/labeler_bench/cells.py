"""One cell of the bench: a labeler on a task with one seed, and what came out."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.models.labeler_bench.entry import ALONE, TRUE, BenchedLabeler
from rotoscope.models.labeler_bench.episodes import (
    FIRST_HIDDEN,
    FIRST_LABELED,
    demonstrations,
    labeled_set,
    without_actions,
)
from rotoscope.models.labelers.acting import ActingLabeler
from rotoscope.models.labelers.labeler import Labeler
from rotoscope.models.labelers.labels import STRANGE, Labels
from rotoscope.models.labelers.scores import score
from rotoscope.models.policy.bc_train import train_bc
from rotoscope.models.policy.config import BcConfig
from rotoscope.models.policy.evaluate import FIRST_SEED, try_policy
from rotoscope.models.policy.row_weights import RowWeights
from rotoscope.models.simulators.simulator import STATE, Simulator, open_simulator
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.models.training.read import read_labeled
from rotoscope.pipeline.errors import DatasetError, UsageError
from rotoscope.pipeline.files.identity import identify
from rotoscope.pipeline.packages import version_of
from rotoscope.pipeline.policy import Policy

DATA = "data:"
"""What stands before the path of a dataset that is a task."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is measured."""

    task: str
    """Simulator, such as `metaworld:push-v3`, or `data:` and the folder of a dataset."""
    labeler: str
    """`BenchedLabeler.text`, `true` or `alone`."""
    seed: int
    """Of labeler and policy; which episodes are labeled hangs on it, too."""
    num_labeled: int
    """Episodes that are labeled."""
    num_hidden: int
    """Episodes of a simulator whose actions are hidden, and labeled."""
    num_starts: int
    """Starts of a simulator that a policy is tried from; no policy where 0."""

    @property
    def is_data(self) -> bool:
        """Whether the task is a dataset."""
        return self.task.startswith(DATA)

    @property
    def named(self) -> BenchedLabeler | None:
        """The labeler; `None` for rows without one."""
        return None if self.labeler in (TRUE, ALONE) else BenchedLabeler(self.labeler)

    @property
    def title(self) -> str:
        """What the table calls the labeler."""
        return self.labeler if self.named is None else self.named.title

    @property
    def place(self) -> str:
        """What the table calls the task."""
        return Path(self.task).name if self.is_data else self.task

    def key(self) -> str:
        """Where its row is kept: another labeler, setting, dataset or release, another row."""
        own = "" if self.named is None else self.named.digest()
        there = _data_digest(Path(self.task.removeprefix(DATA))) if self.is_data else ""
        text = json.dumps([asdict(self), own, there, _code()])
        return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came out of a cell."""

    failed: str = ""
    """Why there are no figures; empty where it was measured."""
    scores: dict[str, Any] = field(default_factory=dict)
    """Of the labels, as in `metrics.json` of a labeler."""
    units: tuple[int, ...] = ()
    """Starts, or episodes of the dataset, one each for what follows."""
    solved: tuple[bool, ...] = ()
    """Whether the policy solved the task from each start."""
    returns: tuple[float, ...] = ()
    """Its return from each."""
    squared: tuple[tuple[float, ...], ...] = ()
    """Squared errors of each episode's labels, summed, for each number that moves."""
    total: tuple[tuple[float, ...], ...] = ()
    """The same of the mean action of all of them."""
    valid_share: float = float("nan")
    """Rows of the hidden episodes that are valid."""
    cpu_s: float = float("nan")
    """CPU time of the cell [s]."""


def measure(cell: Cell, episodes: Path) -> Row:
    """Measures a cell.

    Args:
        cell: Which.
        episodes: Folder that keeps a simulator's episodes.

    Raises:
        DatasetError: Too few episodes, or a labeler that labels no row of them.
        UsageError: A labeler, simulator or dataset that cannot be used.
    """
    started_s = time.process_time()
    row = _on_data(cell) if cell.is_data else _on_simulator(cell, episodes)
    return Row(**{**vars(row), "cpu_s": round(time.process_time() - started_s, 2)})


def _on_data(cell: Cell) -> Row:
    named = cell.named
    assert named is not None, "rows without a labeler are policies' alone"
    config = named.config
    data = read_labeled(Path(cell.task.removeprefix(DATA)), inputs=config.inputs)
    num = len(data.episodes)
    order = np.random.default_rng(cell.seed).permutation(num)
    known, hidden = sorted(order[: cell.num_labeled]), sorted(order[cell.num_labeled :])
    if not hidden:
        raise DatasetError(
            f"{cell.place} has {num} episodes; {cell.num_labeled} are labeled, and none is left to "
            "be judged on: lower --labeled"
        )
    labeler = _trained(named, _some(data, known), cell.seed)
    labels = [labeler.labels_of(data.episodes[i]) for i in hidden]
    return _judged(labels, [data.episodes[i] for i in hidden], hidden, labeler)


def _on_simulator(cell: Cell, folder: Path) -> Row:
    simulator = open_simulator(cell.task)
    try:
        first = FIRST_LABELED + cell.seed * cell.num_labeled
        known = demonstrations(simulator, range(first, first + cell.num_labeled), folder)
        seeds = range(FIRST_HIDDEN, FIRST_HIDDEN + cell.num_hidden)
        hidden = [] if cell.labeler == ALONE else demonstrations(simulator, seeds, folder)
        shown = labeled_set([*known, *hidden], (STATE,), simulator)
        valid = [np.ones(len(e.time_s), bool) for e in shown.episodes]
        row = Row()
        if cell.named is not None:
            config = cell.named.config
            learned = labeled_set(known, config.inputs, simulator)
            asked = labeled_set(hidden, config.inputs, simulator).episodes
            if getattr(config, "learns_unlabeled", False):
                unlabeled = tuple(map(without_actions, asked))
                learned = replace(learned, episodes=learned.episodes + unlabeled)
            labeler = _trained(cell.named, learned, cell.seed)
            labels = [labeler.labels_of(episode) for episode in asked]
            row = _judged(labels, asked, list(seeds), labeler)
            if labeler.acts_on and cell.num_starts:
                return _tried(row, cell, simulator, _acting(labeler, simulator))
            shown, valid = _relabeled(shown, valid, labels, cell.num_labeled)
        if not cell.num_starts:
            return row
        return _with_policy(row, cell, simulator, shown, valid)
    finally:
        simulator.close()


def _trained(named: BenchedLabeler, data: LabeledSet, seed: int) -> Labeler:
    config = named.config
    if "loop" in type(config).model_fields:
        config = config.model_copy(update={"loop": config.loop.model_copy(update={"seed": seed})})
    with tempfile.TemporaryDirectory() as folder:
        labeler = named.labeler.train(data, config, Path(folder) / "labeler")
    labeler.setup()
    return labeler


def _relabeled(
    shown: LabeledSet, valid: list[np.ndarray], labels: Sequence[Labels], num_known: int
) -> tuple[LabeledSet, list[np.ndarray]]:
    """The hidden episodes with their labels in place of the true actions, as `relabel` does."""
    episodes = list(shown.episodes)
    for number, made in enumerate(labels, start=num_known):
        is_valid = made.known & ~(made.familiarity < STRANGE)
        actions = np.where(is_valid[:, None], made.values, 0.0)
        arrays = vars(episodes[number]) | {"actions": actions, "valid": is_valid}
        episodes[number] = LabeledEpisode(**arrays)
        valid[number] = is_valid
    return LabeledSet(tuple(episodes), shown.contract, shown.inputs, shown.input_sizes), valid


def _judged(
    labels: Sequence[Labels],
    episodes: Sequence[LabeledEpisode],
    units: Sequence[int],
    labeler: Labeler,
) -> Row:
    space = ActionSpace.of(labeler.contract)
    used = [made.known & e.valid for made, e in zip(labels, episodes, strict=True)]
    kept = [i for i, rows in enumerate(used) if rows.any()]
    if not kept:
        raise DatasetError("no row of the hidden episodes gets a label")
    said = [labels[i].of(used[i]) for i in kept]
    truth = [episodes[i].actions[used[i]] for i in kept]
    scores = score(said, truth, space, ())
    moves = np.isin(space.contract.names, [*scores["r2"], *scores["accuracy"]])
    middle = space.decode(space.encode(np.concatenate(truth))[:, None])
    squared, total = [], []
    for made, true in zip(said, truth, strict=True):
        squared.append((space.error(made.values, true) ** 2).sum(0)[moves])
        mean = np.repeat(middle, len(true), axis=0)
        total.append((space.error(mean, true) ** 2).sum(0)[moves])
    num_valid = sum(int((m.known & ~(m.familiarity < STRANGE)).sum()) for m in labels)
    return Row(
        scores=scores,
        units=tuple(int(units[i]) for i in kept),
        squared=tuple(tuple(part.tolist()) for part in squared),
        total=tuple(tuple(part.tolist()) for part in total),
        valid_share=num_valid / sum(len(m.values) for m in labels),
    )


def _with_policy(
    row: Row, cell: Cell, simulator: Simulator, shown: LabeledSet, valid: Sequence[np.ndarray]
) -> Row:
    """The row with what a policy cloned on the labels does, by the product's defaults."""
    default = BcConfig()
    config = BcConfig(loop=default.loop.model_copy(update={"seed": cell.seed}))
    weights = [RowWeights(rows, rows.astype(float)) for rows in valid]
    names = [list(simulator.facts.state_names)]
    with tempfile.TemporaryDirectory() as folder:
        policy = train_bc(shown, weights, config, Path(folder) / "policy", input_names=names)
    return _tried(row, cell, simulator, policy)


def _acting(labeler: Labeler, simulator: Simulator) -> ActingLabeler:
    if labeler.trained.inputs != (STATE,):
        raise UsageError(
            f"{labeler.family()} sees {', '.join(labeler.trained.inputs)}, and where it acts there "
            f"is {STATE} alone: set inputs=[{STATE}]"
        )
    return ActingLabeler(labeler, (simulator.facts.state_names,))


def _tried(row: Row, cell: Cell, simulator: Simulator, policy: Policy) -> Row:
    """The row with what a policy does from the cell's starts."""
    starts = range(FIRST_SEED, FIRST_SEED + cell.num_starts)
    results = try_policy(policy, simulator, starts)
    return Row(
        **vars(row)
        | {
            "solved": tuple(bool(r.is_success) for r in results),
            "returns": tuple(float(r.total_reward) for r in results),
        }
    )


def _some(data: LabeledSet, which: Sequence[int]) -> LabeledSet:
    episodes = tuple(data.episodes[i] for i in which)
    return LabeledSet(episodes, data.contract, data.inputs, data.input_sizes)


@cache
def _data_digest(root: Path) -> str:
    return identify([root / "meta" / "info.json", *sorted(root.glob("data/**/*.parquet"))]).sha256


@cache
def _code() -> str:
    """Stands for Rotoscope's own code below the models, and what computes with it."""
    found = hashlib.sha256()
    for path in sorted(Path(__file__).resolve().parents[1].rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest() + " ".join(version_of(n) for n in ("numpy", "torch", "mujoco"))
