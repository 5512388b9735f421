"""The report: one HTML file that needs nothing else to be looked at."""

from __future__ import annotations

import itertools
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows, open_dataset
from rotoscope.pipeline.datasets.replayed import replay_facts
from rotoscope.pipeline.doctor.check import Verdict, counts
from rotoscope.pipeline.doctor.run import diagnose
from rotoscope.pipeline.files.atomic import write_text_atomic
from rotoscope.pipeline.report import charts, timeline
from rotoscope.pipeline.report.animations import contact_sheet
from rotoscope.pipeline.report.features import check_features
from rotoscope.pipeline.report.marks import MOTION, is_motion_tracks
from rotoscope.pipeline.report.objects import held_strips, phase_strip
from rotoscope.pipeline.report.progress_curves import progress_curves
from rotoscope.pipeline.report.robot import RobotPainter
from rotoscope.pipeline.report.scrub import sheet, way
from rotoscope.pipeline.report.side_labels import side_curves, side_table
from rotoscope.pipeline.report.spent import stage_times
from rotoscope.pipeline.report.table import edit_commands, table_row, used_scores
from rotoscope.pipeline.report.timeline import CONFIDENCE, REASON_TEXT, VALID
from rotoscope.pipeline.sources import NOUNS
from rotoscope.pipeline.tracks import NO_ROWS, REASONS, SIDES

MOST_PICTURES, ALL_PICTURES = 80, 400
"""Pictures to scrub through of an episode, and of a page, at most: some megabytes."""
MANY_JOINTS = 8
"""The curves of more joints than this are shown on demand."""


def write_report(
    dataset_path: Path, target: Path, *, max_episodes: int = 12, robots: Sequence[Path] = ()
) -> None:
    """Writes the page; the worst episodes are shown in full, all are in the table.

    Args:
        dataset_path: Folder of a dataset that rotoscope wrote.
        target: HTML file to write.
        max_episodes: How many episodes get pictures and curves.
        robots: Files of robots of your own that the dataset may name.

    Raises:
        DatasetError: The folder holds no LeRobot v3 dataset, or one that is damaged.
    """
    import jinja2

    dataset = open_dataset(dataset_path)
    check_features(dataset)
    episodes = [dataset.episode(i) for i in range(len(dataset.table))]
    ranked = sorted(episodes, key=_goodness)
    shown = sorted(ranked[:max_episodes], key=lambda e: e.index)
    with RobotPainter(robots) as painter:
        most = min(MOST_PICTURES, -(-ALL_PICTURES // max(len(shown), 1)))
        sections = [_section(dataset, episode, painter, most) for episode in shown]
    for before, after in itertools.pairwise(sections):
        before["after"], after["before"] = after["index"], before["index"]
    ledger, checks = dataset.ledger(), diagnose(dataset_path)
    indices = {episode.index for episode in shown}
    table = [
        table_row(
            e,
            dataset.fps,
            is_shown=e.index in indices,
            replayed=replay_facts(dataset.root, e),
        )
        for e in ranked
    ]
    template = jinja2.Template(
        _part("page.html.j2"),
        autoescape=True,
        trim_blocks=True,
    )
    page = template.render(
        **_head(dataset, dataset_path, episodes),
        histograms=_histograms(episodes),
        failures=[_with_command(r, dataset_path) for r in ledger if r["status"] == "failed"],
        others=[r for r in ledger if r["status"] in ("empty", "duplicate")],
        table=table,
        scores=used_scores(table),
        commands=_json(edit_commands(dataset_path)),
        checks=sorted(checks, key=lambda check: URGENCY.index(check.verdict)),
        check_counts=counts(checks),
        **_times(dataset_path),
        style=_part("page.css"),
        script=_part("page.js"),
        side=side_table(dataset, episodes),
        episodes=sections,
        notes=painter.notes,
        hidden=len(episodes) - len(shown),
    )
    write_text_atomic(target, page)


URGENCY: tuple[Verdict, ...] = ("FAIL", "WARN", "UNTESTED", "PASS")
"""In which order a page shows what the checks say."""
BODIES = ("track.hand.", "track.body.", "label.root_pose")
"""Features of datasets that follow a body, which the pictures show."""


def _goodness(episode: EpisodeRows) -> float:
    valid = ~timeline.invalid_rows(episode)
    confidence = np.ones(episode.num_rows)
    if CONFIDENCE in episode.columns:
        confidence = np.nan_to_num(np.asarray(episode.columns[CONFIDENCE], float).ravel())
    return float((valid * confidence).mean())


def _head(dataset: Dataset, path: Path, episodes: list[EpisodeRows]) -> dict[str, Any]:
    provenance, contract = dataset.rotoscope("provenance.json"), dataset.rotoscope("contract.json")
    count = sum((e.row_count for e in episodes), NO_ROWS)
    rows = count.rows
    share = [(f"{100 * count.valid_share:.1f} %", "valid")]
    names = dataset.names("action")
    files = NOUNS["motion" if dataset.video_key is None else "video"]
    resolved = provenance.get("recipe_resolved", {})
    stages = ", ".join(f"{s['name']} {s['version']}" for s in resolved.get("stages", []))
    packages = ", ".join(f"{k} {v}" for k, v in provenance.get("packages", {}).items())
    return {
        "title": path.name,
        "recipe": provenance.get("recipe", "unknown"),
        "robot": contract.get("robot", "unknown"),
        "version": provenance.get("rotoscope", "unknown"),
        "fps": f"{dataset.fps:g}",
        "meaning": _meaning(contract, names),
        "reasons": [(REASON_TEXT[n], charts.reason_color(i)) for i, n in enumerate(REASONS)],
        "has_video": dataset.video_key is not None,
        "has_body": any(n.startswith(BODIES) for n in dataset.info["features"]),
        "has_tracks": is_motion_tracks(names),
        "has_things": MOTION in dataset.info["features"],
        "files": files,
        "cards": [
            (len({e.meta.get("name", e.index) for e in episodes}), files),
            (len(episodes), "episodes"),
            (f"{rows / dataset.fps:.1f} s", "labeled" if names else "recorded"),
            (rows, "rows"),
            *(share if VALID in dataset.info["features"] else []),
        ],
        "provenance": [
            ("stages", stages),
            ("packages", packages),
            ("dataset key", provenance.get("dataset_key", "")),
            ("action", ", ".join(names)),
        ],
    }


def _meaning(contract: dict[str, Any], names: list[str]) -> str:
    if not contract.get("is_state", True):
        return "Actions are commands or steps; action[t] is what is done at row t."
    if not names:
        return "The dataset holds no actions."
    if not contract:
        return "Nothing says what the actions mean."
    if is_motion_tracks(names):
        return "Actions are motion tracks: where points will be in the picture of the row."
    kind = "end-effector poses" if names[0].startswith("ee.") else "joint angles"
    later = f"{contract.get('shift_s', 0):.3f}"
    return f"Actions are absolute {kind}; action[t] is the state {later} s later."


def _histograms(episodes: list[EpisodeRows]) -> list[str]:
    """How confidence, errors and sigmas spread over the rows that count."""

    def gather(name: str, width: int = 1) -> np.ndarray:
        parts = [
            timeline.column(e, name)[~timeline.invalid_rows(e), :width]
            for e in episodes
            if name in e.columns
        ]
        return np.concatenate(parts) if parts else np.zeros((0, width))

    out = []
    confidence = gather(CONFIDENCE)[:, 0]
    if len(confidence):
        out.append(charts.histogram(confidence, title="confidence", unit="", low=0.0, high=1.0))
    error_mm = 1e3 * gather("label.target_error")[:, 0]
    if len(error_mm):
        out.append(charts.histogram(error_mm, title="reach error", unit="mm", low=0.0, high=20.0))
    for feature, what, high in (
        ("track.hand.sigma", "wrist", 150.0),
        ("track.body.sigma", "body", 1000.0),
    ):
        sigma_mm = 1e3 * np.linalg.norm(gather(feature, 3), axis=1)
        if len(sigma_mm):
            title = f"{what} 1-sigma"
            out.append(charts.histogram(sigma_mm, title=title, unit="mm", low=0.0, high=high))
    return out


def _part(name: str) -> str:
    """One of the files beside this one that the page is made of."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _json(value: Any) -> str:
    """JSON that cannot end the script that it stands in."""
    return json.dumps(value).replace("<", "\\u003c")


def _times(dataset: Path) -> dict[str, Any]:
    """What the run took, where that is known."""
    times = stage_times(dataset)
    total = sum(stage.cpu_s for stage in times)
    return {
        "times": times,
        "time_total": f"{total:.1f} s of CPU time in all, {sum(t.frame_ms for t in times):.1f} ms "
        "for each frame of the files that were worked on",
    }


def _section(
    dataset: Dataset, episode: EpisodeRows, painter: RobotPainter, most: int
) -> dict[str, Any]:
    scene, source = episode.meta.get("scene", {}), episode.meta.get("source", {})
    base = np.array(scene["T_camera_base"]) if scene.get("T_camera_base") else None
    where = ""
    if base is not None:
        where = f"base at {np.array2string(base[:3, 3], precision=2)} m in the camera frame"
    draw, names = painter.draw_of(dataset, episode), dataset.names("action")
    return {
        "index": episode.index,
        "name": episode.meta.get("name", ""),
        "facts": [
            fact
            for fact in (
                episode.meta.get("task", ""),
                f"frames {source['first_frame']} to {source.get('end_frame')}"
                if "first_frame" in source
                else "",
                _subject(source.get("subject", "")),
                _camera(dataset, scene),
                where,
            )
            if fact
        ],
        "before": None,
        "after": None,
        "has_robot": draw is not None,
        "last_s": round((episode.num_rows - 1) / dataset.fps, 6),
        "film": sheet(dataset, episode, draw, most=most),
        "way": way(dataset, episode),
        "sheet": contact_sheet(dataset, episode, draw),
        "strip": timeline.reason_strip(dataset, episode),
        "contacts": timeline.contact_strips(dataset, episode),
        "violations": timeline.violation_strips(dataset, episode),
        "solver": [
            *progress_curves(dataset, episode),
            *timeline.confidence_curve(dataset, episode),
            *timeline.solver_curves(dataset, episode),
        ],
        "charts": timeline.action_curves(dataset, episode),
        "held": held_strips(dataset, episode),
        "phases": phase_strip(dataset, episode),
        "side": side_curves(dataset, episode),
        "is_long": len(names) > MANY_JOINTS,
        "many": "numbers" if is_motion_tracks(names) else "joints",
        "quality": _quality(episode),
    }


def _quality(episode: EpisodeRows) -> list[tuple[str, str]]:
    """The single numbers of the episode's quality record, by name."""
    facts = episode.meta.get("quality", {}).items()
    return [
        (name.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
        for name, value in facts
        if isinstance(value, int | float | bool | str)
    ]


def _subject(name: str) -> str:
    return f"{name} hand" if name in SIDES else name


def _camera(dataset: Dataset, scene: dict[str, Any]) -> str:
    if dataset.video_key is None:
        return "no video"
    sigma = 100 * scene.get("sigma_focal_rel", 0)
    motion = f"camera {scene['camera_motion']}, " if "camera_motion" in scene else ""
    return f"{motion}camera K {scene.get('K_source', 'unknown')}, focal sigma {sigma:.0f} %"


def _with_command(row: dict[str, Any], dataset: Path) -> dict[str, Any]:
    command = str(row.get("retry", "")).replace("DATASET", shlex.quote(str(dataset)), 1)
    return row | {"retry": command}
