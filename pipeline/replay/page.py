"""Played episodes as one HTML file that needs nothing else to be looked at, nor a display."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline import report
from rotoscope.pipeline.datasets.read import Dataset
from rotoscope.pipeline.files.atomic import write_text_atomic
from rotoscope.pipeline.replay.commands import NONE
from rotoscope.pipeline.replay.film import write_film
from rotoscope.pipeline.replay.run import PlayedEpisode, ReplayRequest
from rotoscope.pipeline.report import charts

MOST_FILMS = 12
"""Episodes that are shown in full, the worst of them; all are in the table."""
DRIVES = {
    "trajectory": "are led along splines, with velocities",
    "stream": "are each held until the next",
}
INVALID = {"hold": "the last valid one is held", "skip": "left out"}
SHARES = (("strained", "strained"), ("self", "touches itself"), ("floor", "touches the table"))


def write_page(
    target: Path,
    dataset: Dataset,
    played: Sequence[PlayedEpisode],
    *,
    robot: str,
    request: ReplayRequest,
) -> None:
    """Writes the page.

    Args:
        target: HTML file to write.
        dataset: That the episodes come from.
        played: What became of them, at least one.
        robot: Name of the robot, or path of its YAML file.
        request: How they were played.

    Raises:
        RobotError: The robot cannot be drawn here.
    """
    import jinja2

    folder = Path(report.__file__).parent
    worst = sorted(played, key=lambda one: -one.score.facts.get("replay_tip_error_mm_median", 0.0))
    shown = sorted(worst[:MOST_FILMS], key=lambda one: one.episode.index)
    template = jinja2.Template(
        (folder / "replay.html.j2").read_text(encoding="utf-8"), autoescape=True, trim_blocks=True
    )
    page = template.render(
        title=dataset.root.name,
        style=(folder / "page.css").read_text(encoding="utf-8"),
        robot=played[0].contract.robot,
        driven_by=played[0].score.driven_by,
        drive=DRIVES[request.options.drive],
        invalid=INVALID[request.invalid],
        cards=_cards(played),
        table=[_table_row(one) for one in played],
        sections=[_section(dataset, one, robot) for one in shown],
    )
    write_text_atomic(target, page)


def _cards(played: Sequence[PlayedEpisode]) -> list[tuple[str, str]]:
    facts = [one.score.facts for one in played]
    tips = [f["replay_tip_error_mm_median"] for f in facts if "replay_tip_error_mm_median" in f]
    rows = np.array([f["replay_rows"] for f in facts], float)
    out = [(str(len(played)), "episodes"), (str(int(rows.sum())), "valid rows")]
    if tips:
        out.append((f"{np.median(tips):.1f} mm", "tip off, median of medians"))
    for key, name in SHARES:
        share = np.average([f[f"replay_{key}_share"] for f in facts], weights=rows)
        out.append((f"{share:.1%}", name))
    return out


def _table_row(one: PlayedEpisode) -> dict[str, Any]:
    facts = one.score.facts

    def shown(key: str, form: str) -> str:
        return format(facts[key], form) if key in facts else "-"

    return {
        "index": one.episode.index,
        "cells": [
            str(facts["replay_rows"]),
            shown("replay_tip_error_mm_median", ".1f") + " mm",
            shown("replay_tip_error_mm_p95", ".1f") + " mm",
            *(shown(f"replay_{key}_share", ".1%") for key, _ in SHARES),
        ],
        "pairs": "; ".join(f"{name} {share:.1%}" for name, share in one.score.pairs.items()) or "-",
    }


def _section(dataset: Dataset, one: PlayedEpisode, robot: str) -> dict[str, Any]:
    time_s = np.arange(len(one.commands)) / one.contract.rate_hz
    played, commands = one.played, one.commands
    strips = [
        charts.flags(time_s, flag, name, color=charts.VIOLATED)
        for name, flag in (
            ("an actuator at its torque limit", played.saturated > 0),
            ("faster than joints can", commands.outruns(one.contract)),
            ("touches itself", played.touches_itself),
            ("touches the table", played.touches_floor),
        )
        if flag.any()
    ]
    return {
        "index": one.episode.index,
        "name": one.episode.meta.get("name", ""),
        "film": _film(dataset, one, robot),
        "tip": charts.curves(
            time_s,
            1e3 * played.tip_error_m,
            played.tip_names,
            title="tip from where it was commanded (shaded: ramps, rows held)",
            unit="mm",
            invalid=~commands.is_own,
            limits=(0.0, 0.0),
            height=120,
        ),
        "strips": [charts.flags(time_s, commands.row == NONE, "ramp", color="#64748b"), *strips],
        "joints": [_joint(time_s, one, k) for k in range(len(played.joints.names))],
    }


def _joint(time_s: np.ndarray, one: PlayedEpisode, k: int) -> str:
    played = one.played
    is_turning = played.joints.units[k] == "rad"
    scale, unit = (180.0 / np.pi, "deg") if is_turning else (1e3, "mm")
    values = scale * np.stack([played.wanted[:, k], played.reached[:, k]], axis=1)
    name = played.joints.names[k]
    invalid = ~one.commands.is_own
    return charts.curves(
        time_s, values, ("commanded", "reached"), title=name, unit=unit, invalid=invalid,
        height=110,
    )  # fmt: skip


def _film(dataset: Dataset, one: PlayedEpisode, robot: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        write_film(path, dataset, one, robot)
        return "data:video/mp4;base64," + base64.b64encode(path.read_bytes()).decode()
