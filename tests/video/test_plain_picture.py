"""Squeezed pictures are made square, high dynamic range becomes what an ordinary screen shows."""

import av
import numpy as np
import pytest
from video_files import picture, write_video

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.video.plain_picture import (
    HLG,
    PQ,
    REFERENCE_WHITE,
    square_size,
    to_standard_range,
)
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def hlg_signal(light: np.ndarray) -> np.ndarray:
    """BT.2100's HLG signal of BT.2020 light [reference whites] on a screen of 1,000 cd/m^2."""
    shown = light * REFERENCE_WHITE / 1000
    luminance = shown @ np.array([0.2627, 0.6780, 0.0593])
    scene = shown * np.maximum(luminance, 1e-12)[..., None] ** (1 / 1.2 - 1)
    low = np.sqrt(3 * scene)
    high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, low, high)


def pq_signal(light: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084's signal of light [reference whites]."""
    y = (light * REFERENCE_WHITE / 10000) ** (2610 / 16384)
    c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
    return ((c1 + c2 * y) / (1 + c3 * y)) ** (2523 / 32)


@pytest.mark.parametrize(("transfer", "signal_of"), [(HLG, hlg_signal), (PQ, pq_signal)])
def test_what_was_standard_looks_as_it_did(transfer, signal_of):
    levels = np.random.default_rng(0).integers(20, 230, (8, 8, 3))
    light = (levels / 255) ** 2.4 @ TO_2020.T
    signal = np.round(65535 * signal_of(light)).astype(np.uint16)
    shown = to_standard_range(signal, transfer)
    assert np.abs(shown.astype(int) - levels).max() <= 4


@pytest.mark.parametrize(("transfer", "signal_of"), [(HLG, hlg_signal), (PQ, pq_signal)])
def test_highlights_keep_their_order_and_black_is_black(transfer, signal_of):
    light = np.array([0.0, 0.5, 0.9, 1.5, 2.5])[:, None].repeat(3, 1)[None]
    signal = np.round(65535 * signal_of(light)).astype(np.uint16)
    shown = to_standard_range(signal, transfer)[0, :, 1].astype(int)
    assert shown[0] <= 2
    assert (np.diff(shown) > 0).all()
    assert shown[-1] <= 255


def squeezed(folder, aspect):
    """A video whose pixels are `aspect` times as wide as high."""
    path = write_video(folder / "plain.mp4", frames=6)
    out = folder / "squeezed.mp4"
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.sample_aspect_ratio = aspect
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return out


@pytest.mark.parametrize(
    ("aspect", "size"), [("4/3", (213, 120)), ("1/2", (160, 240)), ("16/15", (171, 120))]
)
def test_pixels_become_square(tmp_path, aspect, size):
    from fractions import Fraction

    video = probe(squeezed(tmp_path, Fraction(aspect)))
    assert (video.width, video.height) == size
    frame = next(read_frames(video))
    assert frame.rgb.shape == (size[1], size[0], 3)
    plain = picture(0)
    for y, x in ((0.1, 0.1), (0.1, 0.9), (0.9, 0.1), (0.5, 0.5)):
        seen = frame.rgb[int(y * size[1]), int(x * size[0])].astype(int)
        assert np.abs(seen - plain[int(y * 120), int(x * 160)].astype(int)).max() < 12
    y_plane = frame.to_scaled(size[0] // 2 * 2, size[1] // 2 * 2)[0]
    assert y_plane.shape == (size[1] // 2 * 2, size[0] // 2 * 2)
    with pytest.raises(UsageError, match="decord shows as stored"):
        next(read_frames(video, backend="decord"))


def test_square_size_throws_no_pixel_away():
    assert square_size(720, 576, 64 / 45) == (1024, 576)
    assert square_size(1440, 1080, 4 / 3) == (1920, 1080)
    assert square_size(640, 480, 0.5) == (640, 960)
