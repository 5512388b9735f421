"""Runs every check on a dataset."""

from __future__ import annotations

from pathlib import Path

from rotoscope.pipeline.datasets.read_damaged import read_dataset
from rotoscope.pipeline.doctor.actions import (
    check_contract,
    check_finite,
    check_limits,
    check_shift,
)
from rotoscope.pipeline.doctor.camera import check_camera
from rotoscope.pipeline.doctor.check import Check, exit_code, table
from rotoscope.pipeline.doctor.confidence import check_confidence
from rotoscope.pipeline.doctor.familiarity import check_familiarity
from rotoscope.pipeline.doctor.jumps import check_jumps
from rotoscope.pipeline.doctor.labels import check_duplicates, check_labels, episode_lines
from rotoscope.pipeline.doctor.lag import check_lag
from rotoscope.pipeline.doctor.provenance import check_provenance
from rotoscope.pipeline.doctor.repeats import check_repeats
from rotoscope.pipeline.doctor.scale import check_scale
from rotoscope.pipeline.doctor.static import check_static
from rotoscope.pipeline.doctor.statistics import check_statistics
from rotoscope.pipeline.doctor.structure import (
    check_clock,
    check_episodes,
    check_structure,
    is_readable,
)
from rotoscope.pipeline.doctor.video import check_video_clock, motion_energies

__all__ = ["Check", "diagnose", "exit_code", "table"]

MAX_DECODED_FRAMES = 20_000
"""Most frames decoded to compare video and action; of larger datasets only some episodes are."""


def diagnose(dataset: Path) -> list[Check]:
    """What is wrong with a LeRobot v3 dataset, whoever wrote it, in order of what rests on what.

    Where the files cannot be read together, only the structure is reported.

    Raises:
        DatasetError: The folder holds no LeRobot v3 dataset at all.
    """
    raw = read_dataset(dataset)
    structure = check_structure(raw)
    if not is_readable(raw):
        return [structure]
    broken: list[str] = []
    lines = episode_lines(raw)
    energies = motion_energies(raw, max_frames=MAX_DECODED_FRAMES, broken=broken)
    return [
        structure,
        check_episodes(raw),
        check_clock(raw),
        check_video_clock(raw, broken),
        check_contract(raw),
        check_finite(raw),
        check_limits(raw),
        check_jumps(raw),
        check_shift(raw),
        check_static(raw, energies),
        check_lag(raw, energies),
        check_repeats(raw, energies, lines),
        check_labels(raw),
        check_confidence(raw),
        check_scale(raw, lines),
        check_camera(raw, lines),
        check_familiarity(raw),
        check_statistics(raw),
        check_duplicates(raw),
        check_provenance(raw),
    ]
