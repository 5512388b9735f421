"""How well the size of things is known: what a single camera cannot tell by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.datasets.read_damaged import RawDataset
from rotoscope.pipeline.datasets.said import PROVENANCE, said
from rotoscope.pipeline.doctor.check import Check, Findings
from rotoscope.pipeline.errors import DatasetError

MAX_DEPTH_SIGMA_M = 0.05
"""Beyond this 1-sigma of the depth it is said [m]: an end effector counts as right within 7.5 cm,
which normal errors of 5 cm leave in one of seven rows."""
SIGMAS = {"track.hand.sigma": "the hand's", "track.body.sigma": "the body's"}
"""Columns with the 1-sigma of a position along the camera's axes x, y, z, and whose it is."""
SIZES = {"palm_length_m": "palm length", "height_m": "body height"}
"""Settings of lifting stages that say how large a hand or a body is."""


def check_scale(raw: RawDataset, lines: Sequence[Mapping[str, Any]]) -> Check:
    """The distance to the camera is known well enough; where it is not, what would help."""
    findings = Findings("scale", advice="")
    name = next((n for n in SIGMAS if n in raw.columns), None)
    if name is None:
        return findings.untested("nothing says how well depth is known")
    sigma_m = _median(raw, name)
    if sigma_m is None:
        return findings.untested(f"{name} is known in no valid row")
    across_m, depth_m = float(sigma_m[:2].max()), float(sigma_m[2])
    text = f"{SIGMAS[name]} depth is known to {_cm(depth_m)}, across to {_cm(across_m)} (1 sigma)"
    if depth_m > MAX_DEPTH_SIGMA_M:
        findings.advice = _advice(raw, lines)
        findings.warn(text)
    return findings.check(text, depth_sigma_m=round(depth_m, 4), across_sigma_m=round(across_m, 4))


def _median(raw: RawDataset, name: str) -> Float[np.ndarray, " 3"] | None:
    """Median over the valid rows in which it is known."""
    values = raw.columns[name]
    if values.shape[1] < 3:
        return None
    known = raw.valid & np.isfinite(values[:, :3]).all(axis=1)
    return np.median(values[known, :3], axis=0) if known.any() else None


def _advice(raw: RawDataset, lines: Sequence[Mapping[str, Any]]) -> str:
    """What was not given and would help."""
    guessed = {"assumed", "motion"}
    is_guessed = any(line.get("scene", {}).get("K_source") in guessed for line in lines)
    camera = ["camera (camera.fx, or NAME.camera.yaml beside a video)"] if is_guessed else []
    wanted = [*camera, *_sizes_not_given(raw)]
    if not wanted:
        return "camera and size are given: move nearer, or see docs/limits.md"
    return f"give {' and '.join(wanted)}"


def _sizes_not_given(raw: RawDataset) -> list[str]:
    try:
        made_by = said(raw, PROVENANCE)
    except DatasetError:
        return []
    return [
        f"{text} ({stage['name']}.{setting})"
        for stage in made_by.get("recipe_resolved", {}).get("stages", [])
        for setting, text in SIZES.items()
        if setting in stage.get("config", {}) and stage["config"][setting] is None
    ]


def _cm(length_m: float) -> str:
    return f"{100 * length_m:.2g} cm"
