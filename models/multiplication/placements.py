"""Where things and goals may lie besides where they were demonstrated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rotoscope.models.multiplication.source import Source
from rotoscope.pipeline.errors import DatasetError

_FLAT = 1e-3
"""Directions in which placements spread less than this share of the widest one are not drawn."""


def draw_placements(
    sources: Sequence[Source], num: int, *, seed: int
) -> Float[np.ndarray, "num number"]:
    """Places of thing and goal drawn evenly from the enlarged range of those demonstrated.

    The range is a box along the principal axes of the demonstrated placements, so that what is
    bound to each other stays bound (a drawer's handle and where it is to go). Each side is enlarged
    by (n + 1) / (n - 1): that is what n even draws fall short of their range in the mean.

    Raises:
        DatasetError: Fewer than two demonstrations, or all with things at the same places.
    """
    if len(sources) < 2:
        raise DatasetError(
            f"{len(sources)} demonstration shows no range of places; two at least are needed, or a "
            "simulator that draws them: --env"
        )
    shown = np.stack([one.placement for one in sources])
    middle = shown.mean(axis=0)
    _, spread, axes = np.linalg.svd(shown - middle, full_matrices=False)
    axes = axes[spread > max(_FLAT * float(spread[0]), 1e-6)]
    if not len(axes):
        raise DatasetError(
            f"thing and goal lie at the same places in all {len(sources)} demonstrations: there is "
            "nothing that could be drawn; record some with the thing elsewhere"
        )
    along = (shown - middle) @ axes.T
    center = (along.max(axis=0) + along.min(axis=0)) / 2
    half = np.ptp(along, axis=0) / 2 * (len(sources) + 1) / (len(sources) - 1)
    draws = np.random.default_rng(seed).uniform(-1, 1, (num, len(axes)))
    return middle + (center + draws * half) @ axes


def nearest(sources: Sequence[Source], placement: Float[np.ndarray, " number"]) -> Source:
    """The demonstration whose thing and goal lay nearest."""
    return min(sources, key=lambda one: float(np.linalg.norm(one.placement - placement)))
