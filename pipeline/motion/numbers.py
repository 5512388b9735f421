"""Text and numbers out of files that may be damaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.errors import MotionError

_LARGEST_TEXT_BYTES = 2**30
_RATES_HZ = (1.0, 2000.0)


def read_text(path: Path) -> str:
    """A text file's content.

    Raises:
        MotionError: It is not there, empty, larger than 1 GiB, or not text.
    """
    if not path.is_file():
        raise MotionError(f"motion file {path} is not there, or is not a file")
    size = path.stat().st_size
    if not 0 < size <= _LARGEST_TEXT_BYTES:
        raise MotionError(f"{path.name} holds {size} bytes; 1 to {_LARGEST_TEXT_BYTES} are allowed")
    data = path.read_bytes()
    if b"\0" in data[:4096]:
        raise MotionError(f"{path.name} is not text, though its ending says so")
    return data.decode("utf-8-sig", errors="replace")


def to_numbers(path: Path, words: Sequence[str], what: str) -> Float[np.ndarray, " number"]:
    """Words as numbers, `nan` among them.

    Raises:
        MotionError: A word is no number.
    """
    try:
        return np.array(words, dtype=np.float64)
    except ValueError:
        wrong = next(word for word in words if not _is_number(word))
        raise MotionError(
            f"{path.name}: {what} holds {wrong[:30]!r}, which is no number; the file is damaged"
        ) from None


def frame_rate(path: Path, frame_time_s: float) -> float:
    """Frames per second [Hz] of the time between two frames [s].

    Raises:
        MotionError: A time that cannot be meant.
    """
    low, high = _RATES_HZ
    if not (np.isfinite(frame_time_s) and frame_time_s > 0 and low <= 1 / frame_time_s <= high):
        raise MotionError(
            f"{path.name}: the time between frames is {frame_time_s:g} s; it must lie between "
            f"{1 / high:g} and {1 / low:g} s"
        )
    return 1.0 / frame_time_s


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
