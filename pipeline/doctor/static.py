"""Do the actions move at all, in every dimension, and while the video moves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.datasets.read_damaged import RawDataset
from rotoscope.pipeline.doctor.check import Check, Findings
from rotoscope.pipeline.doctor.labels import ACTION

STILL_RANGE = 1e-4
"""A dimension whose values spread less than this is static, in its own unit."""
STILL_STEP = 1e-3
"""Steps below this share of a dimension's range count as none."""
MAX_STILL_SHARE = 0.5

Energies = Mapping[int, Float[np.ndarray, " time"]]
"""Mean absolute change of brightness per frame, by episode index; see `motion_energies`."""


def check_static(raw: RawDataset, energies: Energies) -> Check:
    """Every episode and every dimension moves, and so do the actions while the video does."""
    findings = Findings("still actions", advice="there is nothing to learn there; leave it out")
    if ACTION not in raw.columns:
        return findings.untested("no action")
    action = raw.vector(ACTION)
    spread = np.ptp(action, axis=0)
    names = [n for n, s in zip(raw.names(ACTION), spread, strict=True) if s <= STILL_RANGE]
    if names:
        shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
        findings.warn(f"{len(names)} of {len(spread)} dimensions never move: {shown}")
    for span in raw.spans:
        if (np.ptp(action[span.rows], axis=0) <= STILL_RANGE).all():
            findings.warn(f"episode {span.episode}: no dimension moves in {span.length} frames")
    moving, still = _video_against_action(raw, energies)
    share = still / moving if moving else 0.0
    if share > MAX_STILL_SHARE and moving > raw.fps:
        findings.warn(f"the action stands still in {100 * share:.0f} % of frames that move")
    if not energies:
        return findings.check("all dimensions move; there is no video to compare with")
    return findings.check(
        f"all dimensions move; still in {100 * share:.0f} % of the frames where the video moves",
        still_share_of_moving_frames=round(share, 4),
    )


def _video_against_action(raw: RawDataset, energies: Energies) -> tuple[int, int]:
    """Frames in which the video moves, and those of them in which the action does not."""
    known = [e[np.isfinite(e)] for e in energies.values()]
    if not any(map(len, known)):
        return 0, 0
    # Noise and compression change every frame a little.
    floor = 2.0 * float(np.quantile(np.concatenate(known), 0.1)) + 0.5
    action = raw.vector(ACTION)
    spread = spread_of(action)
    moving = still = 0
    for span in raw.spans:
        energy = energies.get(span.episode)
        if energy is None:
            continue
        steps = np.abs(np.diff(action[span.rows], axis=0, prepend=action[span.start][None]))
        is_still = ((steps / spread) < STILL_STEP).all(axis=1)
        is_moving: Bool[np.ndarray, " time"] = np.nan_to_num(energy) > floor
        moving += int(is_moving.sum())
        still += int((is_moving & is_still).sum())
    return moving, still


def spread_of(values: Float[np.ndarray, "row n"]) -> Float[np.ndarray, " n"]:
    """Range of each dimension without its rarest values; infinite where it stands still."""
    low, high = np.quantile(values, [0.01, 0.99], axis=0)
    return np.where(high - low > STILL_RANGE, high - low, np.inf)
