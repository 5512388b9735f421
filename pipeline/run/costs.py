"""What labeling costs: learned from the videos that a store has seen, guessed before any."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from rotoscope.pipeline.recipe import Recipe
from rotoscope.pipeline.run.outcome import VideoAnswer

log = logging.getLogger(__name__)

FILE = "costs.jsonl"
"""Beside the entries of a store, which it is none of: no result depends on it."""
MOST_READ = 4 << 20
"""Bytes at the end of the file that are looked at: some ten thousand videos."""
OTHER, DECODE, ENCODE = "other", "decode", "encode"
"""Work that belongs to no stage: what the child itself needs, reading pictures, writing them."""


@dataclass(frozen=True)
class Cost:
    """CPU that one kind of work takes: a part per video, one per frame, one per megapixel."""

    fixed_s: float = 0.0
    """Per video, such as loading a network [s]."""
    frame_ms: float = 0.3
    """Per frame [ms]."""
    megapixel_ms: float = 0.0
    """Per frame and megapixel of it [ms]."""

    def of(self, frames: int, megapixels: float) -> float:
        """CPU time for a video [s]."""
        return self.fixed_s + frames * (self.frame_ms + megapixels * self.megapixel_ms) / 1e3


DEFAULTS = {
    OTHER: Cost(0.12, 0.0),
    DECODE: Cost(0.0, 0.2, 2.7),
    ENCODE: Cost(0.02, 1.0, 1.5),
    "shots": Cost(0.0, 0.1, 0.6),
    "hands": Cost(0.32, 14.0),
    "scene_points": Cost(0.01, 3.5),
    "body": Cost(0.4, 22.0),
    "lift_body": Cost(0.05, 2.0),
    "retarget.arm": Cost(0.05, 0.6),
    "retarget.hand": Cost(0.2, 1.0),
    "retarget.humanoid": Cost(0.5, 12.0),
    "check.physics": Cost(0.5, 10.0),
}
"""Before any run: two cores of a Xeon, the samples cup.mp4 and box.mp4 and clips of 12 frames."""
TRUST = 0.1
"""Weight of a default against that of one video that was seen."""
LEAST_S = 0.05
"""Times below this are not told apart: a clock that ticks a hundred times a second."""


@dataclass(frozen=True)
class Seen:
    """What a video took."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, allow_inf_nan=False)

    frames: int
    """Frames of it."""
    megapixels: float
    """Size of each; 0 of a file without pictures."""
    cpu_s: dict[str, float]
    """CPU by kind of stage, and by `other`, `decode`, `encode` [s]."""


def seen_of(recipe: Recipe, answer: VideoAnswer, total_s: float) -> Seen:
    """What a video took, by kinds of stages instead of the names that a recipe gives them."""
    kinds = {s.name: s.stage_class.kind for s in recipe.stages}
    cpu_s = {kinds.get(name, name): seconds for name, seconds in answer.cpu_s.items()}
    cpu_s[OTHER] = max(round(total_s - sum(cpu_s.values()), 3), 0.0)
    return Seen(answer.num_frames, round(answer.megapixels, 4), cpu_s)


def remember(store: Path, seen: Seen) -> None:
    """Adds what a video took; a line that a kill tears is skipped by whoever reads.

    Where it cannot be written that is no reason to fail: only estimates are made of it.
    """
    line = f"\n{json.dumps(asdict(seen), sort_keys=True)}\n"
    try:
        with (store / FILE).open("ab") as file:
            file.write(line.encode())
    except OSError as error:
        log.info("what a video took is not kept: %s", error)


def recall(store: Path) -> list[Seen]:
    """What the videos of a store took, those of long ago left out."""
    path = store / FILE
    if not path.is_file():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MOST_READ))
        lines = file.read().splitlines()
    return [seen for line in lines if line and (seen := _seen_in(line)) is not None]


def learned(seen: Sequence[Seen], kinds: Iterable[str]) -> dict[str, Cost]:
    """The cost of each kind of work: least squares of relative errors, none below zero.

    Defaults count as little as a tenth of a video, so that they decide only what no video tells.
    """
    return {kind: _fit([s for s in seen if kind in s.cpu_s], kind) for kind in kinds}


def _fit(seen: Sequence[Seen], kind: str) -> Cost:
    from scipy.optimize import nnls

    default = DEFAULTS.get(kind, Cost())
    if not seen:
        return default
    mean = float(np.mean([s.megapixels for s in seen]))
    guessed = [(10, mean), (300, mean), (300, mean + 1.0)]
    sizes = np.array([(s.frames, s.megapixels) for s in seen] + guessed, float)
    took = np.array(
        [s.cpu_s[kind] for s in seen] + [default.of(int(n), mp) for n, mp in guessed], float
    )
    weight = np.array([1.0] * len(seen) + [TRUST] * len(guessed)) / (took + LEAST_S)
    frames, megapixels = sizes.T
    columns = np.column_stack([np.ones(len(took)), frames / 1e3, frames * megapixels / 1e3])
    found, _ = nnls(columns * weight[:, None], took * weight)
    return Cost(*map(float, found))


def _seen_in(line: bytes) -> Seen | None:
    try:
        seen: Seen = _adapter().validate_json(line)
    except ValidationError:
        return None
    return seen


@cache
def _adapter() -> Any:
    return TypeAdapter(Seen)


def total_s(
    costs: Mapping[str, Cost], work: Iterable[str], *, frames: int, megapixels: float
) -> float:
    """CPU time of some kinds of work on one video [s]."""
    return sum(costs[kind].of(frames, megapixels) for kind in work)
