"""The report: one HTML file that needs nothing else to be looked at."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.atomic import write_text_atomic
from pipeline.dataset import Dataset, EpisodeRows, open_dataset
from pipeline.report import charts, pictures
from pipeline.sources import NOUNS
from pipeline.tracks import REASONS, SIDES

REASON_TEXT = {name: name.replace("_", " ") for name in REASONS}


def write_report(dataset_path: Path, target: Path, *, max_episodes: int = 12) -> None:
    """Writes the page; the worst episodes are shown in full, all are in the table.

    Args:
        dataset_path: Folder of a dataset that rotoscope wrote.
        target: HTML file to write.
        max_episodes: How many episodes get pictures and curves.

    Raises:
        DatasetError: The folder holds no LeRobot v3 dataset.
    """
    import jinja2

    dataset = open_dataset(dataset_path)
    episodes = [dataset.episode(i) for i in range(len(dataset.table))]
    ranked = sorted(episodes, key=_goodness)
    shown = sorted(ranked[:max_episodes], key=lambda e: e.index)
    with pictures.RobotPainter() as painter:
        sections = [_section(dataset, episode, painter) for episode in shown]
    ledger = dataset.ledger()
    template = jinja2.Template(
        (Path(__file__).parent / "page.html.j2").read_text(), autoescape=True, trim_blocks=True
    )
    page = template.render(
        **_head(dataset, dataset_path, episodes),
        histograms=_histograms(episodes),
        failures=[_with_command(r, dataset_path) for r in ledger if r["status"] == "failed"],
        others=[r for r in ledger if r["status"] in ("empty", "duplicate")],
        table=[_table_row(e, dataset.fps) for e in ranked],
        episodes=sections,
        hidden=len(episodes) - len(shown),
    )
    write_text_atomic(target, page)


def _goodness(episode: EpisodeRows) -> float:
    valid = np.asarray(episode.columns["label.valid"], float).ravel()
    confidence = np.asarray(episode.columns["label.confidence"], float).ravel()
    return float((valid * confidence).mean())


def _head(dataset: Dataset, path: Path, episodes: list[EpisodeRows]) -> dict[str, Any]:
    provenance, contract = dataset.rotoscope("provenance.json"), dataset.rotoscope("contract.json")
    rows = sum(e.num_rows for e in episodes)
    valid = sum(float(np.sum(e.columns["label.valid"])) for e in episodes)
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
        "fps": dataset.fps,
        "shift": f"{contract.get('shift_s', 0):.3f}",
        "action_kind": "end-effector poses" if names[0].startswith("ee.") else "joint angles",
        "reasons": [(REASON_TEXT[n], charts.reason_colour(i)) for i, n in enumerate(REASONS)],
        "has_video": dataset.video_key is not None,
        "files": files,
        "cards": [
            (len({e.meta.get("name", e.index) for e in episodes}), files),
            (len(episodes), "episodes"),
            (f"{rows / dataset.fps:.1f} s", "labelled"),
            (rows, "rows"),
            (f"{100 * valid / max(rows, 1):.1f} %", "valid"),
        ],
        "provenance": [
            ("stages", stages),
            ("packages", packages),
            ("dataset key", provenance.get("dataset_key", "")),
            ("action", ", ".join(names)),
        ],
    }


def _histograms(episodes: list[EpisodeRows]) -> list[str]:
    def gather(name: str, column: int = 0) -> np.ndarray:
        parts = [e.columns[name] for e in episodes if name in e.columns]
        stacked = [np.asarray(p, float).reshape(len(p), -1)[:, column] for p in parts]
        return np.concatenate(stacked) if stacked else np.zeros(0)

    out = [
        charts.histogram(gather("label.confidence"), title="confidence", unit="", low=0.0, high=1.0)
    ]
    error_mm = 1e3 * gather("label.target_error")
    if len(error_mm):
        out.append(charts.histogram(error_mm, title="reach error", unit="mm", low=0.0, high=20.0))
    for feature, what, high in (
        ("track.hand.sigma", "wrist", 150.0),
        ("track.body.sigma", "body", 1000.0),
    ):
        sigma = [
            np.linalg.norm(_column(e, feature)[:, :3], axis=1)
            for e in episodes
            if feature in e.columns
        ]
        if sigma:
            values, title = 1e3 * np.concatenate(sigma), f"{what} 1-sigma"
            out.append(charts.histogram(values, title=title, unit="mm", low=0.0, high=high))
    return out


def _table_row(episode: EpisodeRows, fps: int) -> dict[str, Any]:
    quality, source = episode.meta.get("quality", {}), episode.meta.get("source", {})
    reasons = {k: v for k, v in quality.get("frames_by_reason", {}).items() if k != "valid"}
    return {
        "index": episode.index,
        "name": episode.meta.get("name", ""),
        "start": source.get("start_s", ""),
        "rows": f"{episode.num_rows} ({episode.num_rows / fps:.1f} s)",
        "side": source.get("subject", ""),
        "valid": f"{100 * quality.get('valid_share', 0):.0f} %",
        "confidence": f"{quality.get('mean_confidence', 0):.2f}",
        "error": _unit(quality.get("target_error_mm_median"), "mm"),
        "sigma": _unit(quality.get("wrist_sigma_mm_median"), "mm"),
        "reasons": ", ".join(f"{v} {REASON_TEXT.get(k, k)}" for k, v in reasons.items()) or "-",
    }


def _section(
    dataset: Dataset, episode: EpisodeRows, painter: pictures.RobotPainter
) -> dict[str, Any]:
    scene, source = episode.meta.get("scene", {}), episode.meta.get("source", {})
    base = np.array(scene["T_camera_base"]) if "T_camera_base" in scene else None
    where = ""
    if base is not None:
        where = f"base at {np.array2string(base[:3, 3], precision=2)} m in the camera frame"
    return {
        "index": episode.index,
        "name": episode.meta.get("name", ""),
        "facts": [
            fact
            for fact in (
                episode.meta.get("task", ""),
                f"frames {source.get('first_frame')} to {source.get('end_frame')}",
                _subject(source.get("subject", "")),
                _camera(dataset, scene),
                where,
            )
            if fact
        ],
        "loop": pictures.loop(dataset, episode, painter),
        "sheet": pictures.contact_sheet(dataset, episode, painter),
        "strip": _strip(dataset, episode),
        "contacts": _contacts(dataset, episode),
        "charts": _charts(dataset, episode),
    }


def _strip(dataset: Dataset, episode: EpisodeRows) -> str:
    time_s = np.arange(episode.num_rows) / dataset.fps
    codes = np.asarray(episode.columns["label.reason"]).ravel().astype(int)
    return charts.strip(time_s, codes, [REASON_TEXT[n] for n in REASONS])


def _contacts(dataset: Dataset, episode: EpisodeRows) -> list[str]:
    """One timeline per foot, where contacts are known."""
    name = "track.body.contact"
    if name not in episode.columns:
        return []
    time_s = np.arange(episode.num_rows) / dataset.fps
    values = np.asarray(episode.columns[name], bool)
    sides = dataset.names(name)
    return [charts.flags(time_s, values[:, i], f"{s} foot on ground") for i, s in enumerate(sides)]


def _subject(name: str) -> str:
    return f"{name} hand" if name in SIDES else name


def _camera(dataset: Dataset, scene: dict[str, Any]) -> str:
    if dataset.video_key is None:
        return "no video"
    sigma = 100 * scene.get("sigma_focal_rel", 0)
    return f"camera K {scene.get('K_source', 'unknown')}, focal sigma {sigma:.0f} %"


def _charts(dataset: Dataset, episode: EpisodeRows) -> list[str]:
    time_s = np.arange(episode.num_rows) / dataset.fps
    invalid = ~np.asarray(episode.columns["label.valid"], bool).ravel()
    names, action = dataset.names("action"), _column(episode, "action")
    gripper = [i for i, n in enumerate(names) if "gripper" in n]
    body = [i for i in range(len(names)) if i not in gripper]
    what = "end effector" if names[0].startswith("ee.") else "joints"
    unit = "m, rad" if names[0].startswith("ee.") else "rad"
    out = [
        charts.curves(
            time_s, action[:, some], [names[i] for i in some], title=what, unit=unit,
            invalid=invalid, height=210,
        )
        for some in _groups(body)
    ]  # fmt: skip
    if gripper:
        out.append(
            charts.curves(
                time_s, action[:, gripper], [names[i] for i in gripper], title="gripper",
                unit="%", invalid=invalid, limits=(0.0, 100.0), height=120,
            )
        )  # fmt: skip
    confidence = _column(episode, "label.confidence")
    out.append(
        charts.curves(
            time_s, confidence, ["confidence"], title="confidence", unit="1", invalid=invalid,
            limits=(0.0, 1.0), height=100,
        )
    )  # fmt: skip
    return out


def _groups(dimensions: list[int]) -> list[list[int]]:
    """Dimensions in charts of equal size, as few as keep their colours apart."""
    count = -(-len(dimensions) // len(charts.COLOURS))
    size = -(-len(dimensions) // max(count, 1))
    return [dimensions[i : i + size] for i in range(0, len(dimensions), max(size, 1))]


def _column(episode: EpisodeRows, name: str) -> np.ndarray:
    values = np.asarray(episode.columns[name], float)
    return values.reshape(len(values), -1)


def _with_command(row: dict[str, Any], dataset: Path) -> dict[str, Any]:
    command = str(row.get("retry", "")).replace("DATASET", shlex.quote(str(dataset)), 1)
    return row | {"retry": command}


def _unit(value: Any, unit: str) -> str:
    return "-" if value is None else f"{value:.1f} {unit}"
