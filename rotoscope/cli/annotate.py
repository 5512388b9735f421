"""`rotoscope annotate`: phases and traces in LeRobot's language columns."""

from __future__ import annotations

from collections import Counter

from rotoscope.cli.options import Data, Out
from rotoscope.cli.terminal import console


def annotate(data: Data, out: Out) -> None:
    """Write a copy of a dataset with LeRobot's language columns: phases, and traces of points.

    Phases (reach, grasp, move, release, withdraw) come from `track.grasp` and become `subtask`
    lines of `language_persistent`; the way of the points of `track.points` during each, where a
    recipe with `label.motion_track` made it, a `trace` of `language_events`. Rows that are not
    valid say nothing; where they are many, the phase is `unknown`. torch's own collate
    cannot join such columns: give a DataLoader LeRobot's, or one that leaves them out.
    """
    from rotoscope.pipeline.datasets.read import open_dataset
    from rotoscope.pipeline.export.language import write_with_language

    found = write_with_language(open_dataset(data), out)
    counts = Counter(phase.name for one in found.values() for phase in one)
    shown = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    console.say(f"{len(found)} episodes: {shown}")
    console.say(f"dataset: {out}")
