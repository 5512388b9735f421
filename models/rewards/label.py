"""A dataset once more with progress and rewards of every row, against demonstrations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.models.rewards.demonstrations import Demonstration, demonstrations
from rotoscope.models.rewards.reader import SeenEpisode, names_of, open_reader
from rotoscope.models.rewards.seen import Seen
from rotoscope.models.rewards.time_contrastive import learn_time
from rotoscope.models.rewards.vision_language import VisionLanguage, open_vision_language
from rotoscope.pipeline.add_tracks.labels import check_out
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import UsageError, quoted
from rotoscope.pipeline.export.judged import MADE_HERE, write_judged
from rotoscope.pipeline.export.progress_file import ChunkWeights, chunk_weights
from rotoscope.pipeline.rewards.alignment import METHODS
from rotoscope.pipeline.rewards.judge import Judgment, judge
from rotoscope.pipeline.rewards.subgoals import Subgoals, subgoals_of

TIME_CONTRASTIVE, VISION_LANGUAGE = "time_contrastive", "vision_language"
LEARNED = (TIME_CONTRASTIVE, VISION_LANGUAGE)
"""Rewards that need a network beside those of `METHODS`."""


@dataclass(frozen=True)
class ProgressRequest:
    """What is judged, by what, against what."""

    data: Path
    """Folder of the LeRobot v3 dataset that is judged."""
    demos: tuple[str, ...]
    """Demonstrations; see `demonstrations`."""
    out: Path
    """Where the dataset with the new columns appears."""
    seen: Seen = field(default_factory=Seen)
    """What is looked at; the state, or else all tracks, where it names nothing."""
    methods: tuple[str, ...] = ("orca",)
    """Rewards, names out of `METHODS` and `LEARNED`."""
    network: Path | None = None
    """Folder of the network of `vision_language`."""
    goal: str = ""
    """Its sentence that holds when the task is done."""
    always: str = ""
    """Its sentence that holds throughout."""
    chunk_rows: int = 50
    """Rows that the policy plans at once which is to be trained with weights by progress."""
    seed: int = 0
    """Of what is learned."""


@dataclass(frozen=True, eq=False)
class ProgressResult:
    """What was found."""

    judgments: Mapping[int, Judgment]
    """By episode index."""
    demos: tuple[str, ...]
    """Names of the demonstrations."""
    weights: ChunkWeights
    """What becomes of the samples of a policy of the stated chunk."""


def label_progress(
    request: ProgressRequest, *, say: Callable[[str], None] = lambda _: None
) -> ProgressResult:
    """Writes a copy of a dataset with progress, its sigma, rewards, and LeRobot's own file of it.

    All else stays as it is, videos byte for byte.

    Args:
        request: What is wanted.
        say: Told of every episode that was judged.

    Raises:
        UsageError: No demonstration, no such method, nothing to look at, or `out` is taken.
        DatasetError: A column, a camera or an episode is not there, or nothing moves in the
            demonstrations.
    """
    _check_methods(request)
    check_out(request.data, request.out, key=MADE_HERE, command="progress")
    dataset = open_dataset(request.data)
    demos = demonstrations(request.demos, dataset)
    seen = request.seen.or_default(dataset)
    read, names = open_reader(dataset, demos, seen)
    shown = [read(demo) for demo in demos]
    goals = subgoals_of([one.features for one in shown], names_of(shown[0], names))
    learned = _learned(request, goals)
    judgments: dict[int, Judgment] = {}
    for row in range(len(dataset)):
        one = Demonstration(dataset, row)
        judgments[one.index] = _judged(read(one), goals, request.methods, learned)
        say(f"episode {one.index}: {said_of(judgments[one.index])}")
    made = _made(request, demos, seen)
    write_judged(dataset, judgments, request.methods, request.out, made=made)
    weights = chunk_weights([one.progress for one in judgments.values()], request.chunk_rows)
    return ProgressResult(judgments, tuple(demo.name for demo in demos), weights)


def said_of(one: Judgment) -> str:
    """What became of an episode, in words."""
    if not np.isfinite(one.end):
        return "not known: none of its features is known in any row"
    if one.is_done:
        return f"done, progress {one.end:.2f} at the end"
    first = int(np.argmax(one.progress >= one.end - 0.02))
    return f"not done: stops at {one.end:.2f}, from row {first} of {len(one.progress)} on"


def _check_methods(request: ProgressRequest) -> None:
    valid = (*METHODS, *LEARNED)
    if strange := [name for name in request.methods if name not in valid]:
        raise UsageError(f"unknown method {strange[0]!r}; valid ones are {quoted(valid)}")
    if VISION_LANGUAGE in request.methods:
        if not (request.network and request.goal and request.always):
            raise UsageError(
                "vision_language needs --network FOLDER, --goal 'an open drawer' and --always 'a "
                "drawer'"
            )
        if not request.seen.camera:
            raise UsageError("vision_language looks at pictures: name a camera with --camera")


def _learned(
    request: ProgressRequest, goals: Sequence[Subgoals]
) -> dict[str, Callable[[SeenEpisode], np.ndarray]]:
    """The learned rewards that were asked for, by name."""
    out: dict[str, Callable[[SeenEpisode], np.ndarray]] = {}
    if TIME_CONTRASTIVE in request.methods:
        model = learn_time(goals, seed=request.seed)
        out[TIME_CONTRASTIVE] = lambda one: model.reward(one.features)
    if VISION_LANGUAGE in request.methods:
        assert request.network is not None
        network = open_vision_language(
            request.network, request.goal, request.always, request.seen.device
        )
        out[VISION_LANGUAGE] = lambda one: _looked_at(network, one)
    return out


def _looked_at(network: VisionLanguage, one: SeenEpisode) -> Float[np.ndarray, " row"]:
    assert one.images is not None
    return network.reward(one.images)


def _judged(
    one: SeenEpisode,
    goals: Sequence[Subgoals],
    methods: Sequence[str],
    learned: Mapping[str, Callable[[SeenEpisode], np.ndarray]],
) -> Judgment:
    found = judge(one.features, goals, [name for name in methods if name in METHODS])
    rewards = {
        name: learned[name](one) if name in learned else found.rewards[name] for name in methods
    }
    return Judgment(found.progress, found.sigma, found.off, rewards, found.demo)


def _made(request: ProgressRequest, demos: Sequence[Demonstration], seen: Seen) -> dict[str, Any]:
    keys = [str(d.dataset.rotoscope("provenance.json").get("dataset_key", "")) for d in demos]
    return {
        "demonstrations": [
            {"dataset": d.dataset.root.resolve().name, "dataset_key": key, "episode": d.index}
            for d, key in zip(demos, keys, strict=True)
        ],
        "seen": asdict(seen) | {"columns": list(seen.columns)},
        "methods": list(request.methods),
        "network": request.network.name if request.network else "",
        "goal": request.goal,
        "always": request.always,
        "chunk_rows": request.chunk_rows,
        "seed": request.seed,
    }
