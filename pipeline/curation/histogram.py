"""How the episodes of a dataset are spread over a score, as a line of text."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rotoscope.pipeline.curation.config import CurationConfig
from rotoscope.pipeline.curation.decide import decide
from rotoscope.pipeline.curation.run import Measured
from rotoscope.pipeline.curation.score import Score

BINS = 24
_HEIGHTS = " ▁▂▃▄▅▆▇█"
HEADER = ("score", "least", "median", "most", "episodes from least to most", "worse", "leaves out")


def histogram(values: Iterable[float], bins: int = BINS) -> str:
    """Counts of known values from the least to the most, each bin a block as high as its share.

    A bin that holds anything is not empty to the eye.
    """
    known = np.array([value for value in values if np.isfinite(value)])
    if not len(known):
        return ""
    counts = np.histogram(known, bins)[0]
    heights = np.ceil(counts / counts.max() * (len(_HEIGHTS) - 1)).astype(int)
    return "".join(_HEIGHTS[height] for height in heights)


def lines(measured: Measured, config: CurationConfig) -> list[tuple[str, ...]]:
    """A line for every score that says something, to stand below `HEADER`.

    The last cell says what the score leaves out, or would with `mode=filter`.
    """
    return [_line(score, measured, config) for score in measured.scores if not score.untested]


def _line(score: Score, measured: Measured, config: CurationConfig) -> tuple[str, ...]:
    values = [v for v in score.of_episodes().values() if np.isfinite(v)]
    if not values:
        return score.name, "-", "-", "-", "", score.worse, "nothing: no value is known"
    unit = "" if score.unit == "1" else f" [{score.unit}]"
    numbers = (min(values), float(np.median(values)), max(values))
    return (
        score.name + unit,
        *(f"{number:.3g}" for number in numbers),
        histogram(values),
        score.worse,
        _leaves_out(score, measured, config),
    )


def _leaves_out(score: Score, measured: Measured, config: CurationConfig) -> str:
    said = config.of(score.name)
    if said.limit is None:
        return "nothing: no limit"
    alone = config.model_copy(
        update={
            name: field.default.model_copy(update={"mode": "score-only"})
            for name, field in CurationConfig.model_fields.items()
            if name not in ("motion", "min_piece_s")
        }
        | {score.name: said.model_copy(update={"mode": "filter"})}
    )
    found = decide((score,), alone, measured.lengths, fps=measured.fps)
    rows = sum(measured.lengths.values()) - sum(piece.num_rows for piece in found.kept)
    episodes = len({one.episode for one in found.dropped})
    sign = ">" if score.worse == "high" else "<"
    would = "" if said.mode == "filter" else "would: "
    return f"{would}{rows} rows of {episodes} episodes ({sign} {said.limit:g})"
