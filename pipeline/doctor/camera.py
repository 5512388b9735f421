"""What is known of the camera: whether it moved, and whether its pictures fit its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rotoscope.pipeline.datasets.camera_sizes import mixed_sizes
from rotoscope.pipeline.datasets.read_damaged import RawDataset
from rotoscope.pipeline.doctor.check import Check, Findings
from rotoscope.pipeline.tracks import REASONS

Line = Mapping[str, Any]
"""An episode's line of `meta/rotoscope/episodes.jsonl`."""


def check_camera(raw: RawDataset, lines: Sequence[Line]) -> Check:
    """The camera of every episode is known: it stood still, or how it moved is told."""
    findings = Findings("camera", advice="poses are in the camera's frame, which must be known")
    reason = raw.flag("label.reason")
    num_moved = 0 if reason is None else int((reason == REASONS.index("camera_moved")).sum())
    if num_moved:
        findings.warn(f"in {num_moved} rows the camera moved and it is not known how")
    if mixed := mixed_sizes(lines):
        findings.warn(mixed)
    motions = {line["episode_index"]: _motion(line) for line in lines if _motion(line)}
    unknown = sorted(episode for episode, motion in motions.items() if motion == "unknown")
    if unknown:
        findings.warn(
            f"in {len(unknown)} episodes (first {unknown[0]}) it is unknown whether the camera "
            "moves: too little background, or it moves in no way that was understood"
        )
    if not raw.cameras:
        return findings.untested("the dataset has no pictures")
    if not motions:
        return findings.untested("nothing says what the camera did")
    counts = Counter(motions.values())
    parts = ", ".join(f"{num} {kind}" for kind, num in counts.most_common())
    return findings.check(f"of {len(motions)} episodes: camera {parts}", motion=dict(counts))


def _motion(line: Line) -> str:
    """What the camera of an episode did; empty where nothing says so."""
    for part in ("quality", "scene"):
        if motion := line.get(part, {}).get("camera_motion"):
            return str(motion)
    return ""
