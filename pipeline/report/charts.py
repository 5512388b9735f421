"""Small charts as inline SVG: no script, no network, sharp at any zoom."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from html import escape

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.tracks import runs

COLORS = ("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f")
# fmt: off
REASON_COLORS = (
    "#86efac", "#475569", "#93c5fd", "#ef4444", "#f97316", "#facc15", "#a78bfa", "#0d9488",
    "#be185d", "#78350f", "#1e3a8a",
)
# fmt: on
"""One color per entry of `REASONS`: green is valid."""
HOLDS, VIOLATED = "#16a34a", "#dc2626"
"""Colors of a flag that is good, and of one that is not."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 16, 20


def curves(
    time_s: Float[np.ndarray, " time"],
    values: Float[np.ndarray, "time channel"],
    names: Sequence[str],
    *,
    title: str,
    unit: str,
    invalid: Bool[np.ndarray, " time"],
    limits: tuple[float, float] | None = None,
    width: int = 760,
    height: int = 170,
) -> str:
    """Lines over time, invalid spans shaded, with a legend; `limits` are drawn dashed."""
    low, high = _range(values)
    if limits is not None:
        low, high = min(low, limits[0]), max(high, limits[1])
    frame = _Frame(float(time_s[0]), float(time_s[-1]), low, high, width, height)
    parts = [frame.axes(title, unit), _shade(frame, time_s, invalid)]
    for limit in limits or ():
        parts.append(frame.horizontal(limit))
    for channel, name in enumerate(names):
        color = COLORS[channel % len(COLORS)]
        parts.append(frame.polyline(time_s, values[:, channel], color))
        parts.append(
            f'<text x="{width + 6}" y="{_TOP + 11 + 13 * channel}" style="fill:{color}">'
            f"{escape(name)}</text>"
        )
    legend = 8 * max((len(n) for n in names), default=0) + 10
    needed = _TOP + 13 * len(names) + 4
    return _svg("".join(parts), width + legend, max(height, needed))


def strip(
    time_s: Float[np.ndarray, " time"],
    codes: Int[np.ndarray, " time"],
    names: Sequence[str],
    *,
    width: int = 760,
) -> str:
    """A timeline colored by reason: green where valid, a color for every other reason."""
    parts = []
    for code, a, b in _runs(codes):
        stop = float(time_s[min(b, len(time_s) - 1)])
        text = f"{names[code]} {time_s[a]:.2f}-{stop:.2f} s"
        parts.append(_bar(time_s, a, stop, reason_color(code), text, width=width))
    return _svg("".join(parts), width, 14)


def flags(
    time_s: Float[np.ndarray, " time"],
    values: Bool[np.ndarray, " time"],
    name: str,
    *,
    color: str = HOLDS,
    note: str = "",
    width: int = 760,
) -> str:
    """A timeline that is colored where something holds, with its name and a note at the right."""
    label = f"{name}{note}"
    parts = [
        f'<text x="{width - _RIGHT + 6}" y="11">{escape(label)}</text>',
        _bar(time_s, 0, float(time_s[-1]), "#f1f5f9", f"not {name}", width=width),
    ]
    for code, a, b in _runs(values.astype(int)):
        if code:
            stop = float(time_s[min(b, len(time_s) - 1)])
            text = f"{name} {time_s[a]:.2f}-{stop:.2f} s"
            parts.append(_bar(time_s, a, stop, color, text, width=width))
    return _svg("".join(parts), width + 8 * len(label), 14)


def _runs(codes: Int[np.ndarray, " time"]) -> list[tuple[int, int, int]]:
    """Stretches of equal codes as `(code, start, end)`."""
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    return [(int(codes[a]), a, b) for a, b in itertools.pairwise(edges)]


def _bar(
    time_s: Float[np.ndarray, " time"],
    start: int,
    stop_s: float,
    color: str,
    text: str,
    *,
    width: int,
) -> str:
    scale = (width - _LEFT - _RIGHT) / max(float(time_s[-1] - time_s[0]), 1e-9)
    x = _LEFT + float(time_s[start] - time_s[0]) * scale
    return (
        f'<rect x="{x:.1f}" y="2" width="{max((stop_s - time_s[start]) * scale, 1):.1f}" '
        f'height="10" fill="{color}"><title>{escape(text)}</title></rect>'
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
    width: int = 360,
    height: int = 150,
) -> str:
    """Counts of values between `low` and `high`; what lies outside is put in the end bins."""
    finite = values[np.isfinite(values)]
    counts, edges = np.histogram(np.clip(finite, low, high), bins=bins, range=(low, high))
    frame = _Frame(low, high, 0.0, float(max(counts.max(), 1)), width, height)
    parts = [frame.axes(f"{title} (n = {len(finite)})", "frames", x_unit=unit)]
    for count, a, b in zip(counts, edges[:-1], edges[1:], strict=True):
        x, x2, y = frame.x(a), frame.x(b), frame.y(float(count))
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(x2 - x - 1, 1):.1f}" '
            f'height="{height - _BOTTOM - y:.1f}" fill="{COLORS[0]}">'
            f"<title>{a:.3g} to {b:.3g}: {int(count)}</title></rect>"
        )
    return _svg("".join(parts), width, height)


class _Frame:
    """Axes of a chart: where data coordinates lie in the picture."""

    def __init__(self, x0: float, x1: float, y0: float, y1: float, width: int, height: int) -> None:
        self.x0, self.x1, self.y0, self.y1 = x0, max(x1, x0 + 1e-9), y0, max(y1, y0 + 1e-9)
        self.width, self.height = width, height

    def x(self, value: float) -> float:
        share = (value - self.x0) / (self.x1 - self.x0)
        return _LEFT + share * (self.width - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.y0) / (self.y1 - self.y0)
        return self.height - _BOTTOM - share * (self.height - _TOP - _BOTTOM)

    def axes(self, title: str, unit: str, *, x_unit: str = "s") -> str:
        bottom = self.height - _BOTTOM
        parts = [
            f'<text x="{_LEFT}" y="11" class="t">{escape(title)} [{escape(unit)}]</text>',
            f'<rect x="{_LEFT}" y="{_TOP}" width="{self.width - _LEFT - _RIGHT}" '
            f'height="{bottom - _TOP}" class="b"/>',
        ]
        for value in np.linspace(self.y0, self.y1, 3):
            parts.append(
                f'<text x="{_LEFT - 4}" y="{self.y(float(value)) + 4:.1f}" text-anchor="end">'
                f"{_tick(float(value))}</text>"
            )
        for value in np.linspace(self.x0, self.x1, 5):
            parts.append(
                f'<text x="{self.x(float(value)):.1f}" y="{self.height - 5}" '
                f'text-anchor="middle">{value:.3g} {escape(x_unit)}</text>'
            )
        return "".join(parts)

    def polyline(
        self, time_s: Float[np.ndarray, " time"], values: Float[np.ndarray, " time"], color: str
    ) -> str:
        step = max(1, len(time_s) // 600)
        time_s, values = time_s[::step], values[::step]
        is_known = np.isfinite(values)
        lines = []
        for code, a, b in _runs(is_known.astype(int)):
            if code:
                known = zip(time_s[a:b].tolist(), values[a:b].tolist(), strict=True)
                points = " ".join(f"{self.x(t):.1f},{self.y(v):.1f}" for t, v in known)
                lines.append(
                    f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.4"/>'
                )
        return "".join(lines)

    def horizontal(self, value: float) -> str:
        y = self.y(value)
        return (
            f'<line x1="{_LEFT}" x2="{self.width - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="#94a3b8" stroke-dasharray="4 3"/>'
        )


def _shade(
    frame: _Frame, time_s: Float[np.ndarray, " time"], invalid: Bool[np.ndarray, " time"]
) -> str:
    parts = []
    for a, b in runs(invalid):
        x = frame.x(float(time_s[a]))
        x2 = frame.x(float(time_s[min(b, len(time_s) - 1)]))
        parts.append(
            f'<rect x="{x:.1f}" y="{_TOP}" width="{max(x2 - x, 1.5):.1f}" '
            f'height="{frame.height - _TOP - _BOTTOM}" class="inv"/>'
        )
    return "".join(parts)


def _tick(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _range(values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin


def _svg(body: str, width: int, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">{body}</svg>'
    )
