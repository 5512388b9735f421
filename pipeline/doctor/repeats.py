"""Do pictures repeat while the labels move on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.datasets.read_damaged import RawDataset
from rotoscope.pipeline.doctor.check import Check, Findings
from rotoscope.pipeline.doctor.static import STILL_STEP, Energies, spread_of

SLOW_SHARE = 0.98
"""Rates that differ by less are the same clock: 29.97 and 30."""
REPEAT_SHARE = 0.1
"""A picture that changes by less than this share of what those around it change by is the one
before it again: encoders copy it, up to a little ringing."""
MIN_CHANGE = 0.5
"""Pictures around it change by at least so much [gray levels]: in a still scene all are alike (the
sample box.mp4: up to 0.4 where the hand rests)."""
NEIGHBORS = 4
"""Rows on either side that a picture is compared with."""
MAX_REPEATED = 0.02
"""Share of rows that may repeat a picture: single doubles are how 29.97 pictures become 30 rows."""


def check_repeats(raw: RawDataset, energies: Energies, lines: Sequence[Mapping[str, Any]]) -> Check:
    """No picture is shown again for a row in which the action moves on."""
    findings = Findings(
        "repeated pictures",
        advice="the labels move on while they do; export.fps=RATE shows each picture once",
    )
    slow = _slow_sources(raw, lines)
    if slow:
        first = min(slow)
        rate, fps = slow[first], raw.fps
        findings.warn(
            f"in {len(slow)} episodes (first {first}) the source has {rate:g} pictures a second "
            f"for {fps:g} rows: {100 * (1 - rate / fps):.0f} % of rows repeat the one before"
        )
    shares = {}
    for span in raw.spans:
        energy = energies.get(span.episode)
        if energy is None or span.length <= 2 * NEIGHBORS:
            continue
        repeats = _repeats(energy) & _moves(raw, span.rows)
        shares[span.episode] = float(repeats.mean())
    if not raw.cameras:
        return findings.untested("the dataset has no pictures")
    if not shares:
        return findings.untested("no video was decoded")
    known = {episode: 1 - rate / raw.fps for episode, rate in slow.items()}
    found = {e: s for e, s in shares.items() if s > MAX_REPEATED + known.get(e, 0.0)}
    if found:
        worst = max(found, key=lambda episode: found[episode])
        findings.warn(
            f"in {len(found)} episodes (most in {worst}: {100 * found[worst]:.0f} % of rows) "
            "pictures repeat"
        )
    mean = float(np.mean(list(shares.values())))
    return findings.check(
        f"in {100 * mean:.1f} % of rows the picture is the one before", repeated=round(mean, 4)
    )


def _slow_sources(raw: RawDataset, lines: Sequence[Mapping[str, Any]]) -> dict[int, float]:
    """Pictures per second of episodes whose source had fewer than the dataset has rows [Hz]."""
    rates = {
        line["episode_index"]: float(line.get("source", {}).get("source_rate_hz", raw.fps))
        for line in lines
        if line.get("scene", {}).get("video_width")
    }
    return {episode: rate for episode, rate in rates.items() if rate < SLOW_SHARE * raw.fps}


def _repeats(energy: Float[np.ndarray, " time"]) -> Bool[np.ndarray, " time"]:
    """Rows whose picture is the one before, while those around them change."""
    padded = np.pad(energy, NEIGHBORS, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBORS + 1)
    # The upper quartile, not the median: of every third picture shown three times most are alike.
    usual = np.nanquantile(np.where(np.isnan(around), 0.0, around), 0.75, axis=1)
    repeats: Bool[np.ndarray, " time"] = (energy < REPEAT_SHARE * usual) & (usual > MIN_CHANGE)
    return repeats


def _moves(raw: RawDataset, rows: slice) -> Bool[np.ndarray, " time"]:
    """Rows in which the action moves on; all where there is none."""
    if "action" not in raw.columns:
        return np.ones(rows.stop - rows.start, bool)
    action = raw.vector("action")
    steps = np.abs(np.diff(action[rows], axis=0, prepend=action[rows.start][None]))
    moves: Bool[np.ndarray, " time"] = ((steps / spread_of(action)) >= STILL_STEP).any(axis=1)
    return moves
