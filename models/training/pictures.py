"""Pictures made small, in training and in labeling alike."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8


def shrink(
    image: UInt8[np.ndarray, "height width 3"], size: int, *, shape: tuple[int, int] | None = None
) -> UInt8[np.ndarray, "size size 3"]:
    """A square of `size` pixels, each the mean of those it covers; the picture is squeezed.

    Args:
        image: RGB.
        size: Side of the square [px].
        shape: Width and height of the pictures learned from. A picture of another shape gets
            black bars first, as the exporter gives it.
    """
    from PIL import Image

    height, width = image.shape[:2]
    wanted = width / height if shape is None else shape[0] / shape[1]
    across = max(1, round(size * min(1.0, width / height / wanted)))
    down = max(1, round(size * min(1.0, wanted * height / width)))
    small = np.asarray(Image.fromarray(image).resize((across, down), Image.Resampling.BOX))
    if small.shape[:2] == (size, size):
        return small
    out = np.zeros((size, size, 3), np.uint8)
    left, top = (size - across) // 2, (size - down) // 2
    out[top : top + down, left : left + across] = small
    return out
