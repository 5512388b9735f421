"""Trains policies on more and more of a dataset's demonstrations, and says how wrong each is."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.models.policy.bc_policy import BcPolicy
from rotoscope.models.policy.bc_train import train_bc
from rotoscope.models.policy.config import BcConfig
from rotoscope.models.policy.evaluate import FIRST_SEED, try_policy, views_for
from rotoscope.models.policy.latent_plan import Latents, latents_of_dataset
from rotoscope.models.policy.predicted import predicted
from rotoscope.models.policy.row_weights import RowWeights, row_weights_of
from rotoscope.models.policy.rows import rows_of
from rotoscope.models.simulators.simulator import open_simulator
from rotoscope.models.training.action_space import CONSTANT_SPREAD, ActionSpace
from rotoscope.models.training.data import LabeledSet
from rotoscope.models.training.loop import check_loop
from rotoscope.models.training.read import read_labeled
from rotoscope.models.worth.curve import MIN_COUNTS
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError, UsageError
from rotoscope.pipeline.settings import read_settings

MIN_EPISODES = 10
"""Eight to learn from, 2, 3, 4, 6 and 8 of them, and two that are held out."""
HELD_OUT_SHARE = 0.2
NUM_COUNTS = 5
FEWEST = 2
"""The built-in policy holds out one of what it learns from, to stop early."""


@dataclass(frozen=True)
class WorthRequest:
    """What is measured."""

    data: Path
    """Folder of a LeRobot v3 dataset with actions."""
    env: str = ""
    """Simulator in which policies are tried; empty: they are held against held-out actions."""
    counts: tuple[int, ...] = ()
    """Numbers of demonstrations; five from 2 to all that may be learned from where empty."""
    repeats: int = 3
    """Orders of the demonstrations, each with trainings and starts, or held-out episodes, of its
    own; 1 and above."""
    starts: int = 20
    """Starts of the simulator in each repeat; 1 and above."""
    horizon: int | None = None
    """Steps within which a start must be solved; the simulator's own where not given."""
    overrides: tuple[str, ...] = ()
    """Settings of the built-in policy, as `hidden=[64]`."""


@dataclass(frozen=True, eq=False)
class Measured:
    """How wrong policies are."""

    num_episodes: int
    """Demonstrations that may be learned from."""
    counts: tuple[int, ...]
    """Numbers of demonstrations that policies learned from."""
    errors: Float[np.ndarray, "count repeat unit"]
    """1 for a start that failed, 0 for one that was solved; or the share of the actions' variance
    that a policy does not explain in a held-out episode."""
    is_success: bool
    """Whether units are starts of a simulator."""


Tell = Callable[[int, int, float], None]
"""Told of each policy: demonstrations, repeat, mean error."""


@dataclass(frozen=True, eq=False)
class _Data:
    shown: LabeledSet
    weights: list[RowWeights]
    names: list[Sequence[str]]
    config: BcConfig
    latents: Latents | None

    def trained(self, which: Sequence[int], seed: int) -> BcPolicy:
        some = replace(self.shown, episodes=tuple(self.shown.episodes[i] for i in which))
        loop = self.config.loop.model_copy(update={"seed": seed})
        config = self.config.model_copy(update={"loop": loop})
        weights = [self.weights[i] for i in which]
        with tempfile.TemporaryDirectory() as folder:
            return train_bc(
                some,
                weights,
                config,
                Path(folder) / "policy",
                input_names=self.names,
                latents=self.latents and self.latents.some(which),
            )


def measure(request: WorthRequest, tell: Tell = lambda count, repeat, error: None) -> Measured:
    """Errors of policies by the number of demonstrations, paired over repeats.

    In each repeat demonstrations come in another order, and more are always those before and some
    besides.

    Raises:
        DatasetError: Fewer than ten episodes have rows to learn from, or the data is unfit.
        UsageError: A setting out of range, or a simulator that does not fit the data.
    """
    if request.repeats < 1 or request.starts < 1:
        raise UsageError(
            f"--repeats {request.repeats} and --starts {request.starts} are not 1 or above"
        )
    data = _read(request)
    usable = [i for i, one in enumerate(data.weights) if one.mask.any()]
    if len(usable) < MIN_EPISODES:
        raise DatasetError(
            f"{len(usable)} of the {len(data.weights)} episodes of {request.data} have rows to "
            f"learn from; a curve needs {MIN_EPISODES} at least: record more, or merge datasets"
        )
    held = 0 if request.env else max(2, round(HELD_OUT_SHARE * len(usable)))
    counts = _counts(request.counts, len(usable) - held)
    errors: list[list[list[float]]] = []
    for repeat in range(request.repeats):
        order = np.random.default_rng(repeat).permutation(usable).tolist()
        errors.append([])
        for count in counts:
            policy = data.trained(order[held : held + count], repeat)
            if request.env:
                found = _failures(policy, request, repeat)
            else:
                found = unexplained(policy, data.shown, data.weights, order[:held])
            errors[-1].append(found)
            tell(count, repeat, float(np.mean(found)))
    by_count = np.swapaxes(np.array(errors, float), 0, 1)
    return Measured(len(usable), counts, by_count, bool(request.env))


def _read(request: WorthRequest) -> _Data:
    config = read_settings(request.overrides, BcConfig)
    check_loop(config.loop)
    dataset = open_dataset(request.data)
    shown = read_labeled(
        request.data, inputs=config.inputs, camera=config.camera, image_size=config.image_size
    )
    weights = row_weights_of(
        dataset, weighting=config.weighting, min_confidence=config.min_confidence
    )
    latents = latents_of_dataset(request.data, config, shown.contract.rate_hz)
    return _Data(shown, weights, [dataset.names(name) for name in config.inputs], config, latents)


def _counts(wanted: Sequence[int], most: int) -> tuple[int, ...]:
    if not wanted:
        spread = np.geomspace(FEWEST, most, NUM_COUNTS).round().astype(int)
        return tuple(int(count) for count in np.unique(spread))
    counts = tuple(sorted(set(wanted)))
    if len(counts) < MIN_COUNTS or counts[0] < FEWEST or counts[-1] > most:
        raise UsageError(
            f"--counts {list(counts)}: a curve needs {MIN_COUNTS} different numbers, from {FEWEST} "
            f"to the {most} demonstrations that may be learned from"
        )
    return counts


def _failures(policy: BcPolicy, request: WorthRequest, repeat: int) -> list[float]:
    simulator = open_simulator(request.env, views_for(policy))
    first = FIRST_SEED + repeat * request.starts
    try:
        starts = range(first, first + request.starts)
        results = try_policy(policy, simulator, starts, horizon=request.horizon)
    finally:
        simulator.close()
    return [float(not one.is_success) for one in results]


def unexplained(
    policy: BcPolicy, data: LabeledSet, weights: Sequence[RowWeights], which: Sequence[int]
) -> list[float]:
    """For each of some episodes, the share of the actions' variance that is not explained.

    The mean over the numbers of the action that move; the variance is that of the whole dataset,
    the same for every policy. 1 is as good as the mean action.
    """
    space = ActionSpace.of(data.contract)
    every = [e.actions[w.mask] for e, w in zip(data.episodes, weights, strict=True)]
    spread = space.spread(np.concatenate(every))
    moves = spread > CONSTANT_SPREAD
    out = []
    for index in which:
        rows = rows_of(data.episodes[index], weights[index], chunk=policy.facts.config.chunk)
        counts = np.flatnonzero(rows.weights[:, 0] > 0)
        said = predicted(policy, rows, counts)
        error = space.error(said, rows.actions[counts, 0])[:, moves] / spread[moves]
        out.append(float((error**2).mean()))
    return out
