"""Do the labels of rows agree, and is no episode there twice."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import Any

import numpy as np
from jaxtyping import Bool

from rotoscope.pipeline.datasets.read_damaged import RawDataset
from rotoscope.pipeline.datasets.said import episode_lines as said_lines
from rotoscope.pipeline.doctor.check import Check, Findings
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.tracks import REASONS

STATE, ACTION, CONFIDENCE = "observation.state", "action", "label.confidence"
MIN_VALID_SHARE = 0.5


def check_labels(raw: RawDataset) -> Check:
    """`label.valid` and `label.reason` agree, with each other and with what is written of them."""
    findings = Findings("labels", advice="see quality.json, episodes.jsonl in meta/rotoscope")
    lines = _lines(raw, findings)
    valid, reason = raw.flag("label.valid"), raw.flag("label.reason")
    if valid is None:
        return findings.untested("no label.valid: every row counts as valid")
    count = raw.row_count()
    if count.valid_share < MIN_VALID_SHARE:
        findings.warn(f"only {100 * count.valid_share:.1f} % of rows are valid")
    if reason is not None:
        _check_reasons(raw, valid.astype(bool), reason, findings)
    _check_groups(raw, valid.astype(bool), findings)
    _check_counts(raw, lines, findings)
    _check_pictures(lines, findings)
    return findings.check(
        f"{count.valid} of {count.rows} rows are valid ({100 * count.valid_share:.1f} %)",
        valid_share=round(count.valid_share, 4),
        valid_rows=count.valid,
        rows_by_reason=dict(count.by_reason),
    )


def episode_lines(raw: RawDataset) -> list[dict[str, Any]]:
    """The lines of `meta/rotoscope/episodes.jsonl`; none where it is damaged, which `labels` says.

    Whoever asks cannot test what would stand there.
    """
    return _lines(raw, Findings("", advice=""))


def _lines(raw: RawDataset, findings: Findings) -> list[dict[str, Any]]:
    try:
        return said_lines(raw)
    except DatasetError as error:
        findings.fail(str(error))
        return []


def _check_counts(raw: RawDataset, lines: list[dict[str, Any]], findings: Findings) -> None:
    """What is written of an episode's valid rows is what its rows say."""
    stated = {line["episode_index"]: line.get("quality", {}).get("valid_rows") for line in lines}
    for span in raw.spans:
        said, count = stated.get(span.episode), raw.row_count(span)
        if said is not None and said != count.valid:
            findings.fail(
                f"episode {span.episode}: episodes.jsonl says {said} valid rows, the data hold "
                f"{count.valid}"
            )


def _check_groups(raw: RawDataset, valid: Bool[np.ndarray, " row"], findings: Findings) -> None:
    """A row is not valid as a whole where a part of it is not that every action has.

    A rotation may be missing: actions of positions alone are valid without.
    """
    for group in ("position", "gripper", "fingers"):
        part = raw.flag(f"label.valid.{group}")
        odd = np.flatnonzero(valid & ~part.astype(bool)) if part is not None else np.zeros(0, int)
        if len(odd):
            findings.fail(
                f"{raw.where(int(odd[0]))}: label.valid is True, label.valid.{group} is False "
                f"({len(odd)} rows)"
            )


def _check_pictures(lines: list[dict[str, Any]], findings: Findings) -> None:
    """Episodes whose files hold two fields in a picture, or several videos."""
    scenes = {line["episode_index"]: line.get("scene", {}) for line in lines}
    if combed := [k for k, scene in scenes.items() if scene.get("interlaced")]:
        findings.warn(
            f"in {len(combed)} episodes (first {combed[0]}) the source is interlaced: what moves "
            "has combed edges; write it anew with 'ffmpeg -i IN -vf bwdif OUT.mp4' and label that"
        )
    if joined := [k for k, scene in scenes.items() if scene.get("bytes_left")]:
        findings.warn(
            f"in {len(joined)} episodes (first {joined[0]}) the file holds a second movie behind "
            "the first, which was not read; join with 'ffmpeg -f concat -i LIST -c copy OUT.mp4'"
        )
    if several := [k for k, scene in scenes.items() if scene.get("video_tracks", 1) > 1]:
        scene = scenes[several[0]]
        findings.warn(
            f"in {len(several)} episodes (first {several[0]}) the file holds "
            f"{scene['video_tracks']} video tracks, of which number {scene['video_track']} was read"
        )


def _check_reasons(
    raw: RawDataset, valid: Bool[np.ndarray, " row"], reason: np.ndarray, findings: Findings
) -> None:
    unknown = np.flatnonzero((reason < 0) | (reason >= len(REASONS)))
    if len(unknown):
        row = int(unknown[0])
        findings.fail(f"{raw.where(row)}: label.reason {reason[row]} means nothing")
    odd = np.flatnonzero(valid != (reason == 0))
    if len(odd):
        row = int(odd[0])
        findings.fail(
            f"{raw.where(row)}: label.valid is {bool(valid[row])}, label.reason {reason[row]} "
            f"({len(odd)} rows)"
        )


def check_duplicates(raw: RawDataset) -> Check:
    """No two moving episodes hold the same actions."""
    findings = Findings("duplicates", advice="remove one: it counts twice in training")
    if ACTION not in raw.columns:
        return findings.untested("no action")
    same: dict[bytes, list[int]] = defaultdict(list)
    for span in raw.spans:
        values = np.ascontiguousarray(raw.columns[ACTION][span.rows])
        if np.ptp(values, axis=0).any():
            same[hashlib.sha256(values.tobytes()).digest()].append(span.episode)
    for episodes in same.values():
        if len(episodes) > 1:
            findings.warn(f"episodes {', '.join(map(str, episodes))} hold the same actions")
    return findings.check("no two episodes hold the same actions")
