"""How a picture of one size is put into a picture of another, and where its pixels go.

Pixel coordinates count from the outer corner of the top left pixel, so that `(width, height)` is
the opposite corner and the middle of the first pixel is (0.5, 0.5). MediaPipe's normalized
landmarks times the size are such coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import UsageError


@dataclass(frozen=True)
class Fit:
    """A picture scaled and centered inside a target, bars left around it."""

    width: int
    """Pixels across the scaled content; even."""
    height: int
    """Pixels down the scaled content; even."""
    x: int
    """Left edge of the content in the target [px]; even."""
    y: int
    """Top edge of the content in the target [px]; even."""
    scale_x: float
    """Target pixels per source pixel across."""
    scale_y: float
    """Target pixels per source pixel down; differs from `scale_x` by rounding to whole pixels."""

    def matrix(self) -> Float[np.ndarray, "3 3"]:
        """Maps homogeneous source pixels to target pixels."""
        return np.array([[self.scale_x, 0, self.x], [0, self.scale_y, self.y], [0, 0, 1.0]])

    def apply_K(self, K: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3 3"]:  # noqa: N802 - K as everywhere
        """Intrinsics of the target for intrinsics of the source: it sees the same directions."""
        return self.matrix() @ K


def fit_into(width: int, height: int, target_width: int, target_height: int) -> Fit:
    """How a picture is scaled, up or down, to lie centered in a target without distortion.

    Raises:
        UsageError: A side is not positive, or the target's are not even.
    """
    if min(width, height) < 1 or min(target_width, target_height) < 2:
        raise UsageError(
            f"cannot fit {width} x {height} pixels into {target_width} x {target_height}; "
            "sides of a picture are at least 1, of a video at least 2"
        )
    if target_width % 2 or target_height % 2:
        raise UsageError(
            f"a video of {target_width} x {target_height} pixels cannot be written: both sides "
            "must be even, since color is stored at half the size"
        )
    scale = min(target_width / width, target_height / height)
    content_width = min(_even(width * scale), target_width)
    content_height = min(_even(height * scale), target_height)
    return Fit(
        width=content_width,
        height=content_height,
        x=(target_width - content_width) // 4 * 2,
        y=(target_height - content_height) // 4 * 2,
        scale_x=content_width / width,
        scale_y=content_height / height,
    )


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)
