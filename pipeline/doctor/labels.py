"""Are the labels of rows consistent, and is no episode there twice."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import Any

import numpy as np
from jaxtyping import Bool

from rotoscope.pipeline.datasets.camera_sizes import mixed_sizes
from rotoscope.pipeline.datasets.read_damaged import RawDataset
from rotoscope.pipeline.datasets.sidecars import read_sidecar_lines
from rotoscope.pipeline.doctor.check import Check, Findings
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.tracks import REASONS

STATE, ACTION, CONFIDENCE = "observation.state", "action", "label.confidence"
MIN_VALID_SHARE = 0.5
SLOW_SHARE = 0.98
"""Rates that differ by less are the same clock: 29.97 and 30."""
ROUNDING = 1e-5
"""Error of storing a number near 1 as float32, with a margin."""


def check_labels(raw: RawDataset) -> Check:
    """`label.valid`, `label.confidence` and `label.reason` agree and are not all bad."""
    findings = Findings("labels", advice="see quality.json, episodes.jsonl in meta/rotoscope")
    valid, confidence = raw.flag("label.valid"), raw.flag(CONFIDENCE)
    reason = raw.flag("label.reason")
    if valid is None:
        return findings.check("no label.valid: every row counts as valid")
    share = float(valid.mean())
    if share < MIN_VALID_SHARE:
        findings.warn(f"only {100 * share:.1f} % of rows are valid")
    if confidence is not None:
        outside = np.flatnonzero(~((confidence >= 0) & (confidence <= 1 + ROUNDING)))
        if len(outside):
            row = int(outside[0])
            findings.fail(
                f"{raw.where(row)}: label.confidence is {confidence[row]:g}, allowed 0 to 1"
            )
    if reason is not None:
        _check_reasons(raw, valid.astype(bool), reason, findings)
        _check_camera(reason, findings)
    _check_groups(raw, valid.astype(bool), findings)
    try:
        lines = read_sidecar_lines(raw.root / "meta" / "rotoscope" / "episodes.jsonl")
    except DatasetError as error:
        findings.fail(str(error))
        lines = []
    _check_cameras(lines, findings)
    _check_sources(lines, float(raw.info.get("fps", 0)), findings)
    _check_pictures(lines, findings)
    return findings.check(f"{100 * share:.1f} % of rows are valid", valid_share=round(share, 4))


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


def _check_camera(reason: np.ndarray, findings: Findings) -> None:
    num_moved = int((reason == REASONS.index("camera_moved")).sum())
    if num_moved:
        findings.warn(f"in {num_moved} rows the camera moved and it is not known how")


def _check_sources(lines: list[dict[str, Any]], fps: float, findings: Findings) -> None:
    """Episodes whose pictures repeat, because the source had fewer than the dataset has rows."""
    rates = {
        line["episode_index"]: float(line.get("source", {}).get("source_rate_hz", fps))
        for line in lines
        if line.get("scene", {}).get("video_width")
    }
    slow = {k: rate for k, rate in rates.items() if rate < SLOW_SHARE * fps}
    if slow:
        first = min(slow)
        findings.warn(
            f"in {len(slow)} episodes (first {first}) the source has {slow[first]:g} pictures a "
            f"second for {fps:g} rows: {100 * (1 - slow[first] / fps):.0f} % of rows repeat the "
            f"picture before them while the labels move on; export.fps={int(slow[first])} shows "
            "each once"
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


def _check_cameras(lines: list[dict[str, Any]], findings: Findings) -> None:
    """Episodes of which nobody could tell what the camera did."""
    if mixed := mixed_sizes(lines):
        findings.warn(mixed)
    unknown = [
        line["episode_index"]
        for line in lines
        if line.get("quality", {}).get("camera_motion") == "unknown"
    ]
    if unknown:
        findings.warn(
            f"in {len(unknown)} episodes (first {unknown[0]}) it is unknown whether the camera "
            "moves: too little background, or it moves in no way that was understood"
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
        return findings.check("no action")
    same: dict[bytes, list[int]] = defaultdict(list)
    for span in raw.spans:
        values = np.ascontiguousarray(raw.columns[ACTION][span.rows])
        if np.ptp(values, axis=0).any():
            same[hashlib.sha256(values.tobytes()).digest()].append(span.episode)
    for episodes in same.values():
        if len(episodes) > 1:
            findings.warn(f"episodes {', '.join(map(str, episodes))} hold the same actions")
    return findings.check("no two episodes hold the same actions")
