"""Frames that a screen would not show as they are stored: with high dynamic range, or squeezed.

Networks and people expect the picture that a player shows on an ordinary screen: square pixels,
and the brightness of standard video. FFmpeg's scaler changes neither by itself.
"""

from __future__ import annotations

from functools import cache

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from jaxtyping import Float, UInt8

HLG, PQ = 18, 16
"""Transfer curves of high dynamic range, by their number in ITU-T H.273, table 3."""
REFERENCE_WHITE = 203.0
"""Luminance of a sheet of paper in high dynamic range [cd/m^2] (ITU-R BT.2408)."""
_PQ_PEAK, _HLG_PEAK = 10_000.0, 1_000.0
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_HLG_SYSTEM_GAMMA = 1.2
"""What a screen of 1,000 cd/m^2 does to the luminance of the scene (ITU-R BT.2100)."""
_LUMINANCE_2020 = np.array([0.2627, 0.6780, 0.0593])
_KNEE = 0.8
"""Share of white above which highlights are pressed together: what is darker keeps its contrast."""
_FROM_2020 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)
"""Linear BT.2020 to linear BT.709 (ITU-R BT.2087)."""
_BT2020_MATRIX = 9
_LIMITED, _FULL = 1, 2


class PlainPictures:
    """Makes frames of one video plain; frames that are pass unchanged."""

    def __init__(self, *, pixel_aspect: float = 1.0, transfer: int = 0) -> None:
        """Takes what the file says about all of its frames.

        Args:
            pixel_aspect: Width of a stored pixel over its height.
            transfer: Number of the transfer curve; `HLG` and `PQ` are brought to standard range.
        """
        self._aspect, self._transfer = pixel_aspect, transfer
        self._reformat = VideoReformatter()
        self._last: tuple[av.VideoFrame, av.VideoFrame] | None = None

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame with square pixels and standard range."""
        if self._aspect == 1.0 and self._transfer not in (HLG, PQ):
            return frame
        if self._last is None or self._last[0] is not frame:
            self._last = frame, self._make(frame)
        return self._last[1]

    def _make(self, frame: av.VideoFrame) -> av.VideoFrame:
        width, height = square_size(frame.width, frame.height, self._aspect)
        if self._transfer not in (HLG, PQ):
            out = self._reformat.reformat(frame, width=width, height=height)
            out.colorspace, out.color_range = frame.colorspace, frame.color_range
            return out
        is_full = frame.color_range == _FULL
        deep = self._reformat.reformat(
            frame,
            width=width,
            height=height,
            format="rgb48le",
            src_colorspace=frame.colorspace if frame.colorspace == _BT2020_MATRIX else 5,
            dst_colorspace=5,
            src_color_range=_FULL if is_full else _LIMITED,
            dst_color_range=_FULL,
        )
        return av.VideoFrame.from_ndarray(to_standard_range(deep.to_ndarray(), self._transfer))


def square_size(width: int, height: int, pixel_aspect: float) -> tuple[int, int]:
    """Size of a picture when its pixels are made square without throwing any away."""
    if pixel_aspect >= 1.0:
        return round(width * pixel_aspect), height
    return width, round(height / pixel_aspect)


def to_standard_range(rgb: np.ndarray, transfer: int) -> UInt8[np.ndarray, "height width 3"]:
    """A picture of high dynamic range as standard video shows it.

    Light by the inverse of the curve (and of HLG what a screen makes of it), reference white to
    white, highlights pressed above the knee, BT.2020 to BT.709, gamma 2.4 (the curve of screens,
    ITU-R BT.1886).

    Args:
        rgb: Signal of 16 bits, shape (height, width, 3).
        transfer: `HLG` or `PQ`.
    """
    light = _light_of(transfer)[rgb]
    if transfer == HLG:
        # By luminance, not by channel: that would change colors and their contrast.
        scene = light @ _LUMINANCE_2020.astype(np.float32)
        light = light * (_HLG_PEAK * scene ** (_HLG_SYSTEM_GAMMA - 1.0))[..., None]
    linear = light @ (_FROM_2020.T / REFERENCE_WHITE).astype(np.float32)
    steps = len(_standard()) - 1
    index = np.clip(linear * (steps / _LARGEST), 0, steps).astype(np.uint16)
    out: np.ndarray = _standard()[index]
    return out


_LARGEST = 4.0
"""Linear light, in reference whites, above which everything is white."""


@cache
def _light_of(transfer: int) -> Float[np.ndarray, " signal"]:
    """Light of every 16-bit signal: of the screen [cd/m^2] (`PQ`), of the scene 0..1 (`HLG`)."""
    signal = np.arange(65536) / 65535
    if transfer == PQ:
        power = signal ** (1 / _M2)
        light = _PQ_PEAK * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)
    else:
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12)
    found: np.ndarray = light.astype(np.float32)
    return found


@cache
def _standard() -> UInt8[np.ndarray, " light"]:
    """Levels of standard video for linear light from 0 to `_LARGEST`, highlights pressed."""
    # Even steps are too wide in the dark, where gamma is steep: the table is fine enough there.
    light = np.linspace(0.0, _LARGEST, 65536)
    above = (light - _KNEE) / (1.0 - _KNEE)
    pressed = _KNEE + (1.0 - _KNEE) * above / (1.0 + above)
    shown = np.where(light <= _KNEE, light, pressed)
    levels: np.ndarray = np.round(255 * np.clip(shown, 0, 1) ** (1 / 2.4)).astype(np.uint8)
    return levels
