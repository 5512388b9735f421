"""The comparison as one HTML file that needs nothing else to be looked at."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.pipeline.compare.agreement import Agreement
from rotoscope.pipeline.compare.run import Comparison, Moment
from rotoscope.pipeline.files.atomic import write_text_atomic
from rotoscope.pipeline.report import charts
from rotoscope.pipeline.report.pictures import people, picture_size
from rotoscope.pipeline.report.robot import RobotPainter

PICTURE_AREA_PX = 320 * 240
CURVES = 8
"""Numbers whose curves are shown, those that agree least in spreads."""
MAX_STRETCHES = 4
"""Stretches whose curves are shown, those with the largest moments."""


def write_comparison(found: Comparison, target: Path, *, robots: Sequence[Path] = ()) -> None:
    """Writes the page.

    Args:
        found: What to show.
        target: HTML file to write.
        robots: Files of robots of your own that a dataset may name.
    """
    import jinja2

    with RobotPainter(robots) as painter:
        moments = [_moment(found, moment, painter) for moment in found.moments]
        notes = [*found.notes, *painter.notes]
    template = jinja2.Template(
        (Path(__file__).parent / "page.html.j2").read_text(encoding="utf-8"),
        autoescape=True,
        trim_blocks=True,
    )
    page = template.render(
        a=found.title(found.a),
        b=found.title(found.b),
        truth="" if found.truth is None else found.title(found.truth),
        how=found.matching.how,
        lag=str(found.lag),
        cards=cards(found),
        header=header(found),
        table=[table_row(found, line) for line in found.agreements],
        moments=moments,
        curves=_curves(found),
        settings=found.settings,
        episodes=found.episodes,
        notes=notes,
    )
    write_text_atomic(target, page)


def cards(found: Comparison) -> list[tuple[str, str]]:
    """What stands on top: number and what it counts."""
    out = [(str(len(found.matching.pairs)), "stretches in common")]
    out += [(str(n), f"rows valid {name}") for name, n in found.rows.items() if n]
    for side, sure in zip("AB", found.confidence, strict=True):
        if math.isfinite(sure):
            out.append((f"{sure:.2f}", f"mean confidence of {side}"))
    return out


def header(found: Comparison) -> list[str]:
    """Names of the columns of the table."""
    errors = [] if found.truth is None else ["error of A", "error of B"]
    return ["number", "rows", "spread of A", "difference", "largest", "correlation", "lag", *errors]


def table_row(found: Comparison, line: Agreement) -> list[str]:
    """One number as text, units included."""
    unit = line.number.unit
    is_choice = line.number.quantity == "discrete"
    apart = f"{100 * line.mae:.1f} % differ" if is_choice else _value(line.mae, unit)
    out = [
        line.number.name,
        str(line.rows),
        "-" if is_choice else _value(line.spread, unit),
        apart,
        "-" if is_choice else _value(line.worst, unit),
        f"{line.correlation:.3f}" if math.isfinite(line.correlation) else "-",
        f"{line.lag_rows:+d} rows" if line.lag_rows else "0",
    ]
    if found.truth is None:
        return out
    errors = (line.error_a, line.error_b)
    if is_choice:
        return [*out, *(f"{100 * e:.1f} % wrong" if math.isfinite(e) else "-" for e in errors)]
    return [*out, *(_value(e, unit) for e in errors)]


def _value(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.3g} {unit}".rstrip() if unit != "1" else f"{value:.3g}"


def _moment(found: Comparison, moment: Moment, painter: RobotPainter) -> dict[str, Any]:
    """A row in which the two differ much: what was seen, and where each puts the robot."""
    dataset = found.a.dataset
    episode = dataset.episode(moment.pair.a)
    width, height = picture_size(dataset, episode, area_px=PICTURE_AREA_PX)
    pictures = list(people(dataset, episode, [moment.row], width=width, height=height))
    if found.a.column.name == "action" and (draw := painter.draw_of(dataset, episode)):
        pictures.append(draw(moment.row, width, height))
    if found.b.column.name == "action" and found.b.dataset.root != dataset.root:
        other = found.b.dataset.episode(moment.pair.b)
        if draw := painter.draw_of(found.b.dataset, other):
            at = int(moment.pair.resampler.nearest[moment.row - moment.pair.start])
            pictures.append(draw(at, width, height))
    return {
        "where": f"episode {episode.index}, row {moment.row} ({moment.row / dataset.fps:.2f} s)",
        "size": f"{moment.size:.2f}",
        "values": [(name, f"{a:.4g}", f"{b:.4g}", f"{b - a:+.3g}") for name, a, b in moment.values],
        "picture": _picture(np.concatenate(pictures, axis=1)),
    }


def _picture(image: np.ndarray) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _curves(found: Comparison) -> list[dict[str, Any]]:
    """Both sides over time, of the stretches with the largest moments."""
    wanted = list(dict.fromkeys((m.pair.a, m.pair.start) for m in found.moments))[:MAX_STRETCHES]
    share = [line.mae / line.spread if line.spread > 0 else 0.0 for line in found.agreements]
    columns = sorted(np.argsort(-np.nan_to_num(share), kind="stable")[:CURVES].tolist())
    out = []
    for one in found.stretches:
        if (one.pair.a, one.pair.start) not in wanted:
            continue
        time_s = np.arange(one.pair.start, one.pair.end) / found.a.dataset.fps
        lines = [
            charts.curves(
                time_s,
                np.stack([one.a[:, c], one.b[:, c]], axis=1),
                ("A", "B"),
                title=found.numbers[c].name,
                unit=found.numbers[c].unit or "1",
                invalid=~one.both,
                height=130,
            )
            for c in columns
        ]
        index = found.a.dataset.table[one.pair.a]["episode_index"]
        out.append({"title": f"episode {index}", "charts": lines})
    return out
