"""Are the stored statistics those of the data: policies normalize by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.datasets.read_damaged import RawDataset
from rotoscope.pipeline.doctor.check import Check, Findings
from rotoscope.pipeline.doctor.labels import ACTION, STATE
from rotoscope.pipeline.quoting import shown

RELATIVE, CANCELLATION = 5e-3, 2e-3
"""Slack against the standard deviation, and against the largest value: LeRobot takes moments in
float32, where the mean of squares minus the squared mean loses digits."""
CONSTANT = 1e-2
"""The standard deviation of a column that never changes, as a share of its value: the lost digits
of a sum grow with its rows, to 3.4e-3 in 500."""

_KEYS = ("min", "max", "mean", "std", "count")
NUMBERS = ("index", "episode_index", "task_index")
"""Numbers that LeRobot's merge, delete and split give anew (lerobot 0.6.1, `aggregate.py` and
`dataset_tools.py`) without counting their statistics again; nothing normalizes by them."""
IMAGE_SLACK = 1e-6
"""LeRobot's quantiles overshoot a little."""


def check_statistics(raw: RawDataset) -> Check:
    """`meta/stats.json`, and what `meta/episodes` says of state and action, against the data."""
    findings = Findings(
        "statistics", advice="recompute them: lerobot.datasets.recompute_stats, or write again"
    )
    stated: dict[str, Mapping[str, Any]] = {}
    for name, moments in raw.stats.items():
        if isinstance(moments, dict):
            stated[name] = moments
        else:
            findings.fail(f"meta/stats.json: {name} is no mapping of names to numbers")
    for name in (ACTION, STATE, *raw.cameras):
        if name in raw.info["features"]:
            lacking = [key for key in _KEYS if key not in stated.get(name, {})]
            if lacking:
                what = "nothing" if len(lacking) == len(_KEYS) else f"no {lacking[0]}"
                findings.fail(f"meta/stats.json says {what} about {name}")
    compared = 0
    left_behind = []
    for name, values in raw.columns.items():
        if name not in stated:
            continue
        own = Findings("", advice="")
        _compare(name, stated[name], values, raw.names(name), own)
        if name in NUMBERS and own.failures:
            left_behind.append(name)
            continue
        findings.failures += own.failures
        compared += 1
    for key in raw.cameras:
        _check_images(key, stated.get(key, {}), findings)
    for name in (ACTION, STATE):
        if name in raw.columns:
            _check_episodes(raw, name, findings)
    if not compared and not raw.cameras:
        return findings.untested("the data hold no feature that statistics are stated of")
    text = f"statistics of {compared} features are those of the data"
    if left_behind:
        text += (
            f"; those of {', '.join(left_behind)} are from before LeRobot's tools numbered rows "
            "anew: no policy reads them"
        )
    return findings.check(text, left_behind=left_behind)


def _check_episodes(raw: RawDataset, name: str, findings: Findings) -> None:
    for span in raw.spans:
        row = raw.table.get(span.episode, {})
        stated = {k: row[f"stats/{name}/{k}"] for k in _KEYS if f"stats/{name}/{k}" in row}
        owner = f"episode {span.episode} {name}"
        _compare(owner, stated, raw.columns[name][span.rows], raw.names(name), findings)


def _compare(
    owner: str,
    stated: Mapping[str, Any],
    values: np.ndarray,
    names: list[str],
    findings: Findings,
) -> None:
    """Adds the first number that differs."""
    if not np.isfinite(values).all():
        return
    values = values.astype(float)
    largest = np.abs(values).max(axis=0)
    slack = RELATIVE * values.std(axis=0) + CANCELLATION * largest + 1e-6
    constant = np.where(np.ptp(values, axis=0) == 0, CONSTANT * largest, 0.0)
    for key, true in _moments(values).items():
        if key not in stated:
            continue
        numbers = _numbers(stated[key])
        if numbers is None:
            findings.fail(f"{owner}: {key} is {shown(stated[key])}, numbers are wanted")
            return
        found = np.ravel(numbers)
        if found.shape != true.shape:
            findings.fail(f"{owner}: {key} has {len(found)} numbers, the data {len(true)}")
            return
        allowed = slack + constant if key == "std" else slack
        wrong = ~(np.abs(found - true) <= (allowed if key != "count" else 0.0))
        if wrong.any():
            k = int(np.argmax(wrong))
            which = "" if key == "count" else f" {names[k]}"
            findings.fail(f"{owner}{which}: {key} is {found[k]:.6g}, the data give {true[k]:.6g}")
            return


def _numbers(value: Any) -> np.ndarray | None:
    """An array of what a file states, `None` where it holds something else."""
    try:
        return np.array(value, dtype=float)
    except (ValueError, TypeError):
        return None


def _moments(values: Float[np.ndarray, "row n"]) -> dict[str, np.ndarray]:
    return {
        "count": np.array([float(len(values))]),
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "mean": values.mean(axis=0),
        "std": values.std(axis=0),
    }


def _check_images(key: str, stated: Mapping[str, Any], findings: Findings) -> None:
    for name, value in stated.items():
        array = _numbers(value)
        if array is None:
            findings.fail(f"{key}: {name} is {shown(value)}, numbers are wanted")
        elif name == "count":
            continue
        elif array.ndim != 3 or array.shape[1:] != (1, 1):
            findings.fail(f"{key}: {name} has shape {array.shape}, LeRobot wants (3, 1, 1)")
        elif not ((array >= -IMAGE_SLACK) & (array <= 1 + IMAGE_SLACK)).all():
            findings.fail(f"{key}: {name} is {array.ravel().tolist()}, images are in 0 to 1")
