"""The report: one HTML file that needs nothing else to be looked at."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows, open_dataset
from rotoscope.pipeline.files.atomic import write_text_atomic
from rotoscope.pipeline.report import animations, charts, timeline
from rotoscope.pipeline.report.features import check_features
from rotoscope.pipeline.report.robot import RobotPainter
from rotoscope.pipeline.report.side_labels import side_curves, side_table
from rotoscope.pipeline.report.timeline import CONFIDENCE, REASON_TEXT, VALID
from rotoscope.pipeline.sources import NOUNS
from rotoscope.pipeline.tracks import REASONS, SIDES

LOOPS_S = 32.0
"""Length of all animations of a page together at most [s]: some megabytes."""
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
        loop_s = min(animations.LOOP_MAX_S, LOOPS_S / max(len(shown), 1))
        sections = [_section(dataset, episode, painter, loop_s) for episode in shown]
    ledger = dataset.ledger()
    template = jinja2.Template(
        (Path(__file__).parent / "page.html.j2").read_text(encoding="utf-8"),
        autoescape=True,
        trim_blocks=True,
    )
    page = template.render(
        **_head(dataset, dataset_path, episodes),
        histograms=_histograms(episodes),
        failures=[_with_command(r, dataset_path) for r in ledger if r["status"] == "failed"],
        others=[r for r in ledger if r["status"] in ("empty", "duplicate")],
        table=[_table_row(e, dataset.fps) for e in ranked],
        side=side_table(dataset, episodes),
        episodes=sections,
        notes=painter.notes,
        hidden=len(episodes) - len(shown),
    )
    write_text_atomic(target, page)


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
    rows = sum(e.num_rows for e in episodes)
    valid = rows - sum(int(timeline.invalid_rows(e).sum()) for e in episodes)
    share = [(f"{100 * valid / max(rows, 1):.1f} %", "valid")]
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
    kind = "end-effector poses" if names[0].startswith("ee.") else "joint angles"
    later = f"{contract.get('shift_s', 0):.3f}"
    return f"Actions are absolute {kind}; action[t] is the state {later} s later."


def _histograms(episodes: list[EpisodeRows]) -> list[str]:
    def gather(name: str, column: int = 0) -> np.ndarray:
        parts = [e.columns[name] for e in episodes if name in e.columns]
        stacked = [np.asarray(p, float).reshape(len(p), -1)[:, column] for p in parts]
        return np.concatenate(stacked) if stacked else np.zeros(0)

    out = []
    confidence = gather(CONFIDENCE)
    if len(confidence):
        out.append(charts.histogram(confidence, title="confidence", unit="", low=0.0, high=1.0))
    error_mm = 1e3 * gather("label.target_error")
    if len(error_mm):
        out.append(charts.histogram(error_mm, title="reach error", unit="mm", low=0.0, high=20.0))
    for feature, what, high in (
        ("track.hand.sigma", "wrist", 150.0),
        ("track.body.sigma", "body", 1000.0),
    ):
        sigma = [
            np.linalg.norm(timeline.column(e, feature)[:, :3], axis=1)
            for e in episodes
            if feature in e.columns
        ]
        if sigma:
            values, title = 1e3 * np.concatenate(sigma), f"{what} 1-sigma"
            out.append(charts.histogram(values, title=title, unit="mm", low=0.0, high=high))
    return out


def _table_row(episode: EpisodeRows, fps: float) -> dict[str, Any]:
    quality, source = episode.meta.get("quality", {}), episode.meta.get("source", {})
    reasons = {k: v for k, v in quality.get("frames_by_reason", {}).items() if k != "valid"}
    return {
        "index": episode.index,
        "name": episode.meta.get("name", ""),
        "start": source.get("start_s", ""),
        "rows": f"{episode.num_rows} ({episode.num_rows / fps:.1f} s)",
        "side": source.get("subject", ""),
        "valid": f"{100 * quality['valid_share']:.0f} %" if "valid_share" in quality else "-",
        "confidence": _number(quality.get("mean_confidence")),
        "error": _error(quality),
        "sigma": _unit(quality.get("wrist_sigma_mm_median"), "mm"),
        "reasons": ", ".join(f"{v} {REASON_TEXT.get(k, k)}" for k, v in reasons.items()) or "-",
    }


def _section(
    dataset: Dataset, episode: EpisodeRows, painter: RobotPainter, loop_s: float
) -> dict[str, Any]:
    scene, source = episode.meta.get("scene", {}), episode.meta.get("source", {})
    base = np.array(scene["T_camera_base"]) if scene.get("T_camera_base") else None
    where = ""
    if base is not None:
        where = f"base at {np.array2string(base[:3, 3], precision=2)} m in the camera frame"
    draw = painter.draw_of(dataset, episode)
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
        "loop": animations.loop(dataset, episode, draw, max_s=loop_s),
        "sheet": animations.contact_sheet(dataset, episode, draw),
        "strip": timeline.reason_strip(dataset, episode),
        "contacts": timeline.contact_strips(dataset, episode),
        "violations": timeline.violation_strips(dataset, episode),
        "solver": [
            *timeline.confidence_curve(dataset, episode),
            *timeline.solver_curves(dataset, episode),
        ],
        "charts": timeline.action_curves(dataset, episode),
        "side": side_curves(dataset, episode),
        "is_long": len(dataset.names("action")) > MANY_JOINTS,
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


def _error(quality: dict[str, Any]) -> str:
    """How far the robot is from what it was asked for, in the labeler's own measure."""
    for name, unit in (
        ("target_error_mm_median", "mm"),
        ("tip_error_mm_mean", "mm"),
        ("limb_deg_mean", "deg"),
    ):
        if name in quality:
            return _unit(quality[name], unit)
    return "-"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _unit(value: Any, unit: str) -> str:
    return "-" if value is None else f"{value:.1f} {unit}"
