"""Facts about a file before any of its frames is looked at, whatever kind it is of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.recipe import Recipe
from rotoscope.pipeline.sources import open_motion
from rotoscope.pipeline.types import Video


def open_file(
    path: Path, recipe: Recipe, sha256: str
) -> tuple[Video, Float[np.ndarray, " time"] | None]:
    """The file, and its frame times [s] where it has them without being decoded.

    Raises:
        VideoError: It cannot be read.
        MotionError: The same of a motion file.
    """
    if recipe.source == "motion":
        return open_motion(path, sha256=sha256)
    from rotoscope.pipeline.video.probe import probe

    video = probe(
        path,
        sha256=sha256,
        image_rate_hz=recipe.video.image_rate_hz,
        mirrored=recipe.is_mirrored,
    )
    return video, None
