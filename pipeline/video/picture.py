"""Decoded frames as stages and encoders want them: upright RGB, small luma, scaled YUV.

Colors follow what the file says about itself (matrix and range); PyAV's own conversion ignores
the matrix, which turns BT.709 red (255, 0, 0) into (232, 0, 1). Untagged files count as BT.601, as
they do in FFmpeg and OpenCV.
"""

from __future__ import annotations

from functools import cache

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from jaxtyping import Int, UInt8

from rotoscope.pipeline.video.plain_picture import PlainPictures

BT601 = 5
KR_KB = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
"""Weights of red and blue in luma, by FFmpeg's number of the color matrix: BT.709, FCC, SMPTE
240M, BT.2020 (ITU-T H.273, table 4). Anything else counts as BT.601."""
KR_KB_BT601 = (0.299, 0.114)
LIMITED, FULL = 1, 2
ROTATABLE = frozenset(
    f"{name}{depth}"
    for name in ("yuv420p", "yuvj420p", "yuv444p", "yuvj444p")
    for depth in ("", "10le", "12le")
)
"""Pixel formats whose planes can be turned one by one: equally subsampled both ways."""
FIXED_BITS = 9
"""Fraction bits of the matrix change: products stay within 16 bits."""
STRIP_ROWS = 128
"""Planes are turned in strips that fit into the processor's cache: 1.7 times as fast."""
SAMPLES_PER_PIXEL = 4
"""Luma samples along each side that one pixel of the small luma image averages."""

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


class PictureMaker:
    """Turns decoded frames of one video into arrays; keeps the scalers that this needs.

    Pixels become square and high dynamic range standard (`PlainPictures`) in all but `luma`.
    """

    def __init__(
        self,
        rotation_deg: int,
        *,
        is_mirrored: bool = False,
        pixel_aspect: float = 1.0,
        transfer: int = 0,
    ) -> None:
        self._plain = PlainPictures(pixel_aspect=pixel_aspect, transfer=transfer)
        self._turns, self._is_mirrored = rotation_deg // 90, is_mirrored
        self._to_rgb, self._to_gray = VideoReformatter(), VideoReformatter()
        self._to_size = VideoReformatter()
        self._turned: av.VideoFrame | None = None
        self._scaled: tuple[tuple[av.VideoFrame, int, int], Planes] | None = None
        self._samples: dict[tuple[int, int, int, int], np.ndarray] = {}

    def rgb(self, frame: av.VideoFrame) -> UInt8[np.ndarray, "height width 3"]:
        """The frame in RGB order, upright, rows packed."""
        frame = self._plain(frame)
        color = _color(frame, BT601)
        is_turned_before = bool(self._turns) and frame.format.name in ROTATABLE
        source = self._turn(frame) if is_turned_before else frame
        image = packed(self._to_rgb.reformat(source, format="rgb24", **color), 0, 3)
        if self._turns and not is_turned_before:
            image = np.rot90(image, -self._turns)
        return np.ascontiguousarray(image[:, ::-1] if self._is_mirrored else image)

    def scaled(self, frame: av.VideoFrame, width: int, height: int) -> Planes:
        """Y, U and V planes (8 bit, 4:2:0, BT.601, limited range), upright and of a given size.

        The same frame asked for again in the same size, as by the writers of two hands, is not
        scaled again.
        """
        request = (frame, width, height)
        if self._scaled is None or self._scaled[0] != request:
            self._scaled = request, self._make_scaled(*request)
        return self._scaled[1]

    def _make_scaled(self, frame: av.VideoFrame, width: int, height: int) -> Planes:
        if self._turns % 2:
            width, height = height, width
        frame = self._plain(frame)
        matrix = _matrix(frame)
        small = self._to_size.reformat(
            frame, width=width, height=height, format="yuv420p", **_color(frame, matrix)
        )
        y, u, v = (plane_of(small, plane) for plane in range(3))
        if matrix != BT601:
            y, u, v = to_bt601(y, u, v, matrix)
        y, u, v = (np.rot90(plane, -self._turns) for plane in (y, u, v))
        if self._is_mirrored:
            y, u, v = y[:, ::-1], u[:, ::-1], v[:, ::-1]
        return y, u, v

    def luma(self, frame: av.VideoFrame, width: int) -> UInt8[np.ndarray, "small_height width"]:
        """A small luma image, `width` across the stored picture, as it is stored.

        It is neither turned upright nor turned back from a mirror image. Each pixel is the mean of
        a grid of 4 x 4 samples, in the range that the file stores.
        """
        layout = frame.format
        height = max(1, round(frame.height * width / frame.width))
        is_plain = layout.is_planar and layout.components[0].is_luma and layout.name[:2] != "p0"
        if not is_plain or layout.is_big_endian:
            return packed(
                self._to_gray.reformat(frame, width=width, height=height, format="gray"), 0, 1
            )[..., 0]
        bits = layout.components[0].bits
        dtype = np.uint8 if bits == 8 else np.uint16
        flat = np.frombuffer(frame.planes[0], dtype)
        row_length = abs(frame.planes[0].line_size) // flat.itemsize
        samples = flat.take(self._sample_grid(frame, row_length, width, height))
        samples = np.right_shift(samples, bits - 8).astype(np.uint16)
        step = SAMPLES_PER_PIXEL
        across = sum((samples[:, k::step] for k in range(1, step)), samples[:, 0::step])
        total = sum((across[k::step] for k in range(1, step)), across[0::step])
        return (total // step**2).astype(np.uint8)

    def _sample_grid(
        self, frame: av.VideoFrame, row_length: int, width: int, height: int
    ) -> Int[np.ndarray, "rows columns"]:
        """Where the samples of the small luma image lie in the plane's memory."""
        key = (frame.width, frame.height, row_length, width)
        if key not in self._samples:
            rows = _centers(frame.height, SAMPLES_PER_PIXEL * height)
            columns = _centers(frame.width, SAMPLES_PER_PIXEL * width)
            self._samples[key] = rows[:, None] * row_length + columns
        return self._samples[key]

    def _turn(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame turned upright, in a buffer that the next call uses again."""
        width, height = frame.width, frame.height
        if self._turns % 2:
            width, height = height, width
        out = self._turned
        if out is None or (out.width, out.height, out.format.name) != (
            width,
            height,
            frame.format.name,
        ):
            out = self._turned = av.VideoFrame(width, height, frame.format.name)
        num_bytes = 1 if frame.format.components[0].bits == 8 else 2
        for plane in range(3):
            source, target = packed(frame, plane, num_bytes), packed(out, plane, num_bytes)
            dtype = np.uint8 if num_bytes == 1 else np.uint16
            turn_into(target.view(dtype)[..., 0], source.view(dtype)[..., 0], self._turns)
        return out


def to_bt601(y: np.ndarray, u: np.ndarray, v: np.ndarray, matrix: int) -> Planes:
    """4:2:0 planes of another color matrix as planes of BT.601, exact to a level.

    swscale does this by way of 8-bit RGB, which takes longer and darkens by two levels.
    """
    (yu, yv), (uu, uv), (vu, vv) = _fixed_point(matrix)
    a, b = u.astype(np.int16), v.astype(np.int16)
    a -= 128
    b -= 128
    half = np.int16(1 << (FIXED_BITS - 1))
    brighter = (yu * a + yv * b + half) >> FIXED_BITS
    new_u = u + ((uu * a + uv * b + half) >> FIXED_BITS)
    new_v = v + ((vu * a + vv * b + half) >> FIXED_BITS)
    across = np.repeat(brighter, 2, axis=1)[:, : y.shape[1]]
    new_y = np.empty(y.shape, np.uint8)
    for row in (0, 1):
        lines = y[row::2] + across[: len(y[row::2])]
        new_y[row::2] = np.clip(lines, 0, 255, out=lines)
    return new_y, *(np.clip(c, 0, 255, out=c).astype(np.uint8) for c in (new_u, new_v))


@cache
def _fixed_point(matrix: int) -> np.ndarray:
    """How much of U and V each of Y, U and V gains on its way to BT.601, in 2^-FIXED_BITS."""
    change = _from_rgb(*KR_KB_BT601) @ np.linalg.inv(_from_rgb(*KR_KB[matrix])) - np.eye(3)
    return np.round(change[:, 1:] * (1 << FIXED_BITS)).astype(np.int16)


def _from_rgb(kr: float, kb: float) -> np.ndarray:
    """RGB in 0..1 to Y, U and V in limited range, less their offsets."""
    luma = np.array([kr, 1 - kr - kb, kb])
    blue, red = np.array([0.0, 0.0, 1.0]) - luma, np.array([1.0, 0.0, 0.0]) - luma
    return np.stack([219 * luma, 112 * blue / (1 - kb), 112 * red / (1 - kr)])


def turn_into(target: np.ndarray, source: np.ndarray, turns: int) -> None:
    """Writes `source`, turned clockwise by `turns` quarters, into `target`."""
    if turns == 2:
        target[:] = source[::-1, ::-1]
        return
    rows = len(source)
    for start in range(0, rows, STRIP_ROWS):
        end = min(start + STRIP_ROWS, rows)
        strip = source[start:end].T
        if turns == 1:
            target[:, rows - end : rows - start] = strip[:, ::-1]
        else:
            target[:, start:end] = strip[::-1]


def plane_of(frame: av.VideoFrame, index: int) -> UInt8[np.ndarray, "height width"]:
    """An 8-bit plane of a frame as an array that shares its memory."""
    return packed(frame, index, 1)[..., 0]


def packed(frame: av.VideoFrame, index: int, num_bytes: int) -> np.ndarray:
    """Bytes of a plane, shape (height, width, bytes per pixel), sharing its memory."""
    plane = frame.planes[index]
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, abs(plane.line_size))
    return rows[:, : plane.width * num_bytes].reshape(plane.height, plane.width, num_bytes)


def _centers(length: int, num_samples: int) -> np.ndarray:
    return ((np.arange(num_samples) + 0.5) * length / num_samples).astype(np.intp)


def _matrix(frame: av.VideoFrame) -> int:
    return int(frame.colorspace) if frame.colorspace in KR_KB else BT601


def _color(frame: av.VideoFrame, matrix: int) -> dict[str, int]:
    """Arguments that take a frame from the colors it states to limited range and `matrix`."""
    is_full = frame.color_range == FULL or frame.format.name.startswith("yuvj")
    return {
        "src_colorspace": _matrix(frame),
        "dst_colorspace": matrix,
        "src_color_range": FULL if is_full and not frame.format.is_rgb else LIMITED,
        "dst_color_range": LIMITED,
    }
