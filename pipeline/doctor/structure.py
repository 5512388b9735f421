"""Do the parts of a dataset agree: files, counts, episodes, clock."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rotoscope.pipeline.datasets.read_damaged import CLOCK, RawDataset, Span
from rotoscope.pipeline.doctor.check import Check, Findings
from rotoscope.pipeline.errors import DatasetError

TOLERANCE_S = 1e-4
"""LeRobot's own tolerance between a row's time and its frame's."""
_REWRITE = "write the dataset again"


def check_structure(raw: RawDataset) -> Check:
    """Files and columns that `info.json` names are there, and nothing else."""
    findings = Findings("structure", advice=_REWRITE)
    for problem in raw.problems:
        findings.fail(problem)
    for name in CLOCK:
        if name not in raw.info["features"]:
            findings.fail(f"info.json names no feature {name!r}, which every dataset has")
    _check_data_files(raw, findings)
    for key in raw.cameras:
        _check_video_files(raw, key, findings)
    for key in ("chunks_size", "data_files_size_in_mb", "video_files_size_in_mb"):
        size = raw.info.get(key, 1)
        if not isinstance(size, int) or size <= 0:
            findings.fail(f"info.json says {key} {size!r}, a number above 0 is wanted")
    for name, facts in raw.info["features"].items():
        names, width = facts.get("names"), facts["shape"][:1]
        if isinstance(names, list) and len(facts["shape"]) == 1 and [len(names)] != width:
            findings.warn(f"info.json gives {name} {len(names)} names for {width[0]} numbers")
    rows, episodes = raw.num_rows, len(raw.table)
    for what, stated, found in (
        ("total_frames", raw.info.get("total_frames"), rows),
        ("total_episodes", raw.info.get("total_episodes"), episodes),
        ("total_tasks", raw.info.get("total_tasks"), raw.num_tasks),
    ):
        if stated != found:
            findings.fail(f"info.json says {what} {stated}, the files hold {found}")
    return findings.check(
        f"{episodes} episodes, {rows} rows, {len(raw.cameras)} cameras, all files there"
    )


def _check_data_files(raw: RawDataset, findings: Findings) -> None:
    """Every episode's rows are in the file that `meta/episodes` names."""
    for episode in raw.table:
        try:
            file = raw.data_file(episode)
        except DatasetError as error:
            findings.fail(str(error))
            return
        where = file.relative_to(raw.root)
        if not file.is_file():
            findings.fail(f"{where} is not there, where episode {episode} should be")
        elif file in raw.held and episode not in raw.held[file]:
            findings.fail(f"{where} holds no rows of episode {episode}, as meta/episodes says")


def _check_video_files(raw: RawDataset, key: str, findings: Findings) -> None:
    try:
        needed = {raw.video_file(key, episode) for episode in raw.table}
    except DatasetError as error:
        findings.fail(str(error))
        return
    there = set(raw.video_files(key))
    for file in sorted(needed - there):
        findings.fail(f"{file.relative_to(raw.root)} is not there")
    for file in sorted(there - needed):
        findings.warn(f"{file.relative_to(raw.root)} belongs to no episode")


def is_readable(raw: RawDataset) -> bool:
    """Whether there is enough to check further."""
    return raw.num_rows > 0 and all(name in raw.columns for name in CLOCK)


def check_episodes(raw: RawDataset) -> Check:
    """`meta/episodes` and the data agree where each episode begins and ends."""
    findings = Findings("episodes", advice=_REWRITE)
    spans = raw.spans
    found = [span.episode for span in spans]
    if found != list(range(len(spans))):
        findings.fail(f"episodes in the data are {_short(found)}, not 0 to {len(spans) - 1}")
    missing = sorted(set(found) ^ set(raw.table))
    if missing:
        findings.fail(f"episodes {_short(missing)} are in the data or in meta/episodes, not both")
    for span in spans:
        row = raw.table.get(span.episode, {})
        for key, value in (
            ("length", span.length),
            ("dataset_from_index", span.start),
            ("dataset_to_index", span.end),
        ):
            if row and row.get(key) != value:
                findings.fail(
                    f"episode {span.episode}: meta/episodes says {key} {row.get(key)}, "
                    f"the data hold {value}"
                )
    shortest = min(span.length for span in spans)
    return findings.check(
        f"{len(spans)} episodes, the shortest has {shortest} rows", shortest=shortest
    )


def check_clock(raw: RawDataset) -> Check:
    """Rows are numbered without gaps and stand at `frame_index / fps`."""
    findings = Findings("clock", advice=f"check fps in meta/info.json or {_REWRITE}")
    contract = raw.contract
    if contract is not None and contract.rate_hz != raw.fps:
        findings.fail(f"info.json says {raw.fps:g} Hz, the contract {contract.rate_hz:g} Hz")
    index = raw.clock("index")
    gaps = np.flatnonzero(index != np.arange(len(index)))
    if len(gaps):
        findings.fail(f"index is {index[gaps[0]]} in row {gaps[0]}, it must count rows from 0")
    for span in raw.spans:
        _check_episode_clock(raw, span, findings)
    tasks = raw.clock("task_index")
    if tasks.min() < 0 or tasks.max() >= max(raw.num_tasks, 1):
        findings.fail(
            f"task_index goes from {tasks.min()} to {tasks.max()}, meta/tasks.parquet holds "
            f"{raw.num_tasks} texts"
        )
    return findings.check(f"every row stands at frame_index / {raw.fps:g}")


def _check_episode_clock(raw: RawDataset, span: Span, findings: Findings) -> None:
    frame = raw.clock("frame_index")[span.rows]
    time_s = raw.clock("timestamp")[span.rows].astype(float)
    wrong = np.flatnonzero(frame != np.arange(span.length))
    if len(wrong):
        findings.fail(
            f"episode {span.episode}: frame_index is {frame[wrong[0]]} in its row {wrong[0]}, rows "
            "are missing or out of order"
        )
    # Stored as float32, whose steps grow with the length of an episode.
    tolerance = TOLERANCE_S + np.spacing(np.float32(np.abs(time_s).max()))
    late = np.flatnonzero(~(np.abs(time_s - frame / raw.fps) <= tolerance))
    if len(late):
        k = int(late[0])
        findings.fail(
            f"episode {span.episode} frame {frame[k]}: timestamp is {time_s[k]:.5f} s, "
            f"frame_index / fps is {frame[k] / raw.fps:.5f} s ({len(late)} rows)"
        )


def _short(numbers: Sequence[int]) -> str:
    text = ", ".join(map(str, numbers[:6]))
    return text if len(numbers) <= 6 else f"{text}, ..."
