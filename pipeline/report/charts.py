"""Small charts as inline SVG that fit any width: lines stretch, words keep their size."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from html import escape

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.report.ticks import labels, ticks
from rotoscope.pipeline.tracks import runs

COLORS = ("#2563eb", "#dc2626", "#059669", "#b45309", "#7c3aed", "#0e7490", "#be185d", "#4d7c0f")
# fmt: off
REASON_COLORS = (
    "#86efac", "#475569", "#93c5fd", "#ef4444", "#f97316", "#facc15", "#a78bfa", "#0d9488",
    "#be185d", "#78350f", "#1e3a8a", "#a16207",
)
# fmt: on
"""One color per entry of `REASONS`: green is valid."""
HOLDS, VIOLATED = "#16a34a", "#dc2626"
"""Colors of a flag that is good, and of one that is not."""
WIDTH, HEIGHT = 1000, 100
"""Units of a chart across and down, whatever its size on the screen."""
MOST_POINTS = 600


def curves(
    time_s: Float[np.ndarray, " time"],
    values: Float[np.ndarray, "time channel"],
    names: Sequence[str],
    *,
    title: str,
    unit: str,
    invalid: Bool[np.ndarray, " time"],
    limits: tuple[float, float] | None = None,
    height: int = 170,
) -> str:
    """Lines over time, invalid spans shaded, with a legend; `limits` are drawn dashed."""
    low, high = _range(values)
    if limits is not None:
        low, high = min(low, limits[0]), max(high, limits[1])
    frame = _Frame(float(time_s[0]), float(time_s[-1]), low, high)
    parts = [frame.shade(time_s, invalid), *(frame.horizontal(limit) for limit in limits or ())]
    legend = []
    for channel, name in enumerate(names):
        color = COLORS[channel % len(COLORS)]
        parts.append(frame.polyline(time_s, values[:, channel], color, channel))
        legend.append(
            f'<span style="--c:{color}">{escape(name)} <output data-i="{channel}"></output></span>'
        )
    return _figure(
        frame, "".join(parts), f"{title} [{unit}]", height=height, legend="".join(legend),
        said=f"{title} over time: {', '.join(names)}; from {low:.3g} to {high:.3g} {unit}",
    )  # fmt: skip


def strip(
    time_s: Float[np.ndarray, " time"],
    codes: Int[np.ndarray, " time"],
    names: Sequence[str],
    *,
    colors: Sequence[str] = REASON_COLORS,
    label: str = "",
    has_key: bool = False,
) -> str:
    """A timeline in a color for each code; by itself of reasons, green where valid.

    Args:
        time_s: Time of each row [s].
        codes: What each row is.
        names: Names of the codes.
        colors: Their colors.
        label: What stands above.
        has_key: Whether the colors that occur are named below.
    """
    parts = []
    for code, a, b in _runs(codes):
        stop = float(time_s[min(b, len(time_s) - 1)])
        text = f"{names[code]} {time_s[a]:.2f}-{stop:.2f} s"
        parts.append(_bar(time_s, a, stop, colors[code], text))
    there = np.unique(codes).tolist()
    counts = ", ".join(f"{int((codes == c).sum())} rows {names[c]}" for c in there)
    key = "".join(f'<span style="--c:{colors[c]}">{escape(names[c])}</span>' for c in there)
    said = f"{label or 'timeline'}: {counts}"
    return _strip("".join(parts), label, said, time_s, key=key if has_key else "")


def flags(
    time_s: Float[np.ndarray, " time"],
    values: Bool[np.ndarray, " time"],
    name: str,
    *,
    color: str = HOLDS,
    note: str = "",
) -> str:
    """A timeline that is colored where something holds, with its name and a note."""
    parts = [_bar(time_s, 0, float(time_s[-1]), "#f1f5f9", f"not {name}")]
    for code, a, b in _runs(values.astype(int)):
        if code:
            stop = float(time_s[min(b, len(time_s) - 1)])
            text = f"{name} {time_s[a]:.2f}-{stop:.2f} s"
            parts.append(_bar(time_s, a, stop, color, text))
    said = f"{name}: {int(values.sum())} of {len(values)} rows"
    return _strip("".join(parts), f"{name}{note}", said, time_s)


def _strip(
    body: str, label: str, said: str, time_s: Float[np.ndarray, " time"], *, key: str = ""
) -> str:
    caption = f"<figcaption>{escape(label)}</figcaption>" if label else ""
    frame = _Frame(float(time_s[0]), float(time_s[-1]), 0.0, 1.0)
    named = f'<div class="legend">{key}</div>' if key else ""
    return (
        f'<figure class="strip" {frame.data()}>{caption}<div class="plot" style="height:14px">'
        f"{_svg(body, said, height=10)}</div>{named}</figure>"
    )


def _runs(codes: Int[np.ndarray, " time"]) -> list[tuple[int, int, int]]:
    """Stretches of equal codes as `(code, start, end)`."""
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    return [(int(codes[a]), a, b) for a, b in itertools.pairwise(edges)]


def _bar(
    time_s: Float[np.ndarray, " time"], start: int, stop_s: float, color: str, text: str
) -> str:
    scale = WIDTH / max(float(time_s[-1] - time_s[0]), 1e-9)
    x = float(time_s[start] - time_s[0]) * scale
    width = max((stop_s - float(time_s[start])) * scale, 1)
    return (
        f'<rect x="{x:.1f}" y="0" width="{width:.1f}" height="10" fill="{color}">'
        f"<title>{escape(text)}</title></rect>"
    )


def reason_color(code: int) -> str:
    """Color of a reason: 0 is valid."""
    return REASON_COLORS[code]


def histogram(
    values: Float[np.ndarray, " n"],
    *,
    title: str,
    unit: str,
    low: float,
    high: float,
    bins: int = 24,
) -> str:
    """Counts of values between `low` and `high`; what lies outside is put in the end bins."""
    finite = values[np.isfinite(values)]
    counts, edges = np.histogram(np.clip(finite, low, high), bins=bins, range=(low, high))
    frame = _Frame(low, high, 0.0, float(max(counts.max(), 1)), x_unit=unit)
    parts = []
    for count, a, b in zip(counts, edges[:-1], edges[1:], strict=True):
        x, x2, y = frame.x(a), frame.x(b), frame.y(float(count))
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(x2 - x - 2, 1):.1f}" '
            f'height="{HEIGHT - y:.1f}" fill="{COLORS[0]}">'
            f"<title>{a:.3g} to {b:.3g} {escape(unit)}: {int(count)} rows</title></rect>"
        )
    middle = f", half of them at most {np.median(finite):.3g} {unit}" if len(finite) else ""
    return _figure(
        frame, "".join(parts), f"{title} (of {len(finite)} valid rows)", height=130,
        said=f"histogram of {title} over {len(finite)} valid rows{middle}",
    )  # fmt: skip


class _Frame:
    """Axes of a chart: where data coordinates lie in the picture."""

    def __init__(self, x0: float, x1: float, y0: float, y1: float, *, x_unit: str = "s") -> None:
        self.x0, self.x1, self.y0, self.y1 = x0, max(x1, x0 + 1e-9), y0, max(y1, y0 + 1e-9)
        self.x_unit = x_unit

    def x(self, value: float) -> float:
        return WIDTH * (value - self.x0) / (self.x1 - self.x0)

    def y(self, value: float) -> float:
        return HEIGHT * (1 - (value - self.y0) / (self.y1 - self.y0))

    def data(self) -> str:
        """What the page's script wants to know of the axes."""
        return (
            f'data-x0="{self.x0:g}" data-x1="{self.x1:g}" '
            f'data-y0="{self.y0:.6g}" data-y1="{self.y1:.6g}"'
        )

    def ticks(self) -> str:
        """Marks beside and below the plot, as words that keep their size."""
        across, up = ticks(self.x0, self.x1), ticks(self.y0, self.y1, most=4)
        parts = [
            f'<i class="yt" style="bottom:{100 - self.y(v) * 100 / HEIGHT:.2f}%">{text}</i>'
            for v, text in zip(up, labels(up), strict=True)
        ]
        for number, (v, text) in enumerate(zip(across, labels(across), strict=True)):
            unit = f" {escape(self.x_unit)}" if number == len(across) - 1 else ""
            at = self.x(v) * 100 / WIDTH
            end = " end" if at > 94 else ""
            parts.append(f'<i class="xt{end}" style="left:{at:.2f}%">{text}{unit}</i>')
        return f'<div aria-hidden="true">{"".join(parts)}</div>'

    def grid(self) -> str:
        lines = [
            f'<line x1="0" x2="{WIDTH}" y1="{self.y(v):.1f}" y2="{self.y(v):.1f}" class="g"/>'
            for v in ticks(self.y0, self.y1, most=4)
        ]
        return "".join(lines)

    def polyline(
        self,
        time_s: Float[np.ndarray, " time"],
        values: Float[np.ndarray, " time"],
        color: str,
        channel: int,
    ) -> str:
        step = max(1, len(time_s) // MOST_POINTS)
        time_s, values = time_s[::step], values[::step]
        is_known = np.isfinite(values)
        lines = []
        for code, a, b in _runs(is_known.astype(int)):
            if code:
                known = zip(time_s[a:b].tolist(), values[a:b].tolist(), strict=True)
                points = " ".join(f"{self.x(t):.1f},{self.y(v):.1f}" for t, v in known)
                lines.append(f'<polyline points="{points}" stroke="{color}" data-i="{channel}"/>')
        return "".join(lines)

    def horizontal(self, value: float) -> str:
        y = self.y(value)
        return f'<line x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" class="limit"/>'

    def shade(self, time_s: Float[np.ndarray, " time"], invalid: Bool[np.ndarray, " time"]) -> str:
        parts = []
        for a, b in runs(invalid):
            x, x2 = self.x(float(time_s[a])), self.x(float(time_s[min(b, len(time_s) - 1)]))
            parts.append(
                f'<rect x="{x:.1f}" y="0" width="{max(x2 - x, 2):.1f}" height="{HEIGHT}" '
                'class="inv"/>'
            )
        return "".join(parts)


def _figure(
    frame: _Frame, body: str, title: str, *, height: int, said: str, legend: str = ""
) -> str:
    named = f'<div class="legend">{legend}</div>' if legend else ""
    return (
        f'<figure class="chart" {frame.data()}><figcaption>{escape(title)}</figcaption>'
        f'<div class="plot" style="height:{height}px">{frame.ticks()}'
        f"{_svg(frame.grid() + body, said)}</div>{named}</figure>"
    )


def _range(values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin


def _svg(body: str, said: str, height: int = HEIGHT) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(said)}">{body}</svg>'
    )
