"""Are copies found among clips of which many are takes of one scene, and what does it cost?

200 clips: simulated ones of Meta-World tasks that chose nothing, with one scene a task, and two
seconds each of real recordings, of which eight and three are takes of one scene. Of 30 there is a
copy besides: half as large, cropped to 75 to 92 % of its sides, encoded anew, mirrored, or trimmed
to 60 to 80 %, all of them encoded much worse. Thresholds were chosen on clips of reach,
drawer-open and button-press.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks._altered_clips import ALTERED, Clip, altered, real, simulated
from benchmarks._curation_episodes import REPORTED_ON
from benchmarks.figure import Bar, Figure
from benchmarks.paths import require_shared_data
from rotoscope.pipeline.duplicates.run import Duplicates, find_duplicates
from rotoscope.pipeline.video.scan import scan

NUM_CLIPS, NUM_COPIES = 200, 30


def run() -> list[Figure]:
    """F1 of pairs, copies found by kind, and CPU a second of video."""
    data = require_shared_data()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "clips"
        folder.mkdir()
        clips = real(folder, data)
        left = NUM_CLIPS - len(clips)
        for number, task in enumerate(REPORTED_ON):
            clips += simulated(folder, task, len(range(number, left, len(REPORTED_ON))))
        return measure(folder, clips, NUM_COPIES, "duplicates")


def measure(folder: Path, clips: Sequence[Clip], copies: int, name: str) -> list[Figure]:
    """The figures of one set of clips."""
    made = altered(folder / "copies", clips, copies, np.random.default_rng(0))
    videos = scan([folder])
    begin = time.process_time()
    found = find_duplicates(videos)
    seconds = time.process_time() - begin
    wanted = {frozenset(pair) for pair in made.items()}
    pairs = _pairs(found)
    hits = len(wanted & pairs)
    f1 = 2 * hits / (len(wanted) + len(pairs))
    cost = 1e3 * seconds / found.duration_s
    out = [
        Figure(f"{name}.clips", len(clips), "clips"),
        Figure(f"{name}.f1", f1, "1", Bar(">=", 0.95)),
        Figure(f"{name}.wrong_pairs", len(pairs - wanted), "pairs"),
        Figure(f"{name}.cpu", cost, "ms/s", Bar("<=", 20)),
    ]
    for kind in ALTERED:
        own = {pair for pair in wanted if any(kind in path.name for path in pair)}
        out.append(Figure(f"{name}.{kind}.found", len(own & pairs) / len(own), "1"))
    return out


def _pairs(found: Duplicates) -> set[frozenset[Path]]:
    """Every two videos of a group."""
    out = set()
    for group in found.groups:
        members = [group.kept.path, *(copy.video.path for copy in group.copies)]
        out |= {frozenset(pair) for pair in itertools.combinations(members, 2)}
    return out
