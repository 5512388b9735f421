"""Depth as a video beside a video: LeRobot's codes, plain millimeters, and what is refused."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from lerobot.datasets.depth_utils import dequantize_depth, quantize_depth

from rotoscope.models.depth.depth_video import DepthVideo, Quantization
from rotoscope.models.depth.stage import Depth
from rotoscope.pipeline.errors import DamagedVideoError, UnreasonableVideoError
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.video.scan import scan

SIZE = (48, 64)


def depth_m() -> np.ndarray:
    """Distances of three frames [m], a corner of which was not measured."""
    out = np.random.default_rng(0).uniform(0.3, 2.5, (3, *SIZE)).astype(np.float32)
    out[:, :4, :4] = 0.0
    return out


def write(path: Path, codes: np.ndarray, kind: str, codec: str = "ffv1") -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = SIZE[1], SIZE[0], kind
        if codec == "hevc":
            stream.options = {"x265-params": "lossless=1:log-level=none"}
        for picture in codes:
            frame = av.VideoFrame(SIZE[1], SIZE[0], kind)
            rows = np.zeros((SIZE[0], frame.planes[0].line_size // picture.itemsize), picture.dtype)
            rows[:, : SIZE[1]] = picture
            frame.planes[0].update(rows.tobytes())
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def reader(folder: Path, suffix: str = ".mkv", num: int = 3) -> DepthVideo:
    video = a_video(num, path=folder / "clip.mp4")
    return DepthVideo(folder / f"clip.depth{suffix}", video, 0.001)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"depth_min": 0.2, "depth_max": 3.0, "shift": 0.0, "use_log": False},
        {"depth_min": 0.1, "depth_max": 4.0, "shift": 1.0, "use_log": True},
    ],
)
def test_codes_of_lerobot_are_read_as_it_reads_them(said: dict[str, Any], tmp_path: Path) -> None:
    frames = [quantize_depth(one, input_unit="m", **said) for one in depth_m()]
    codes = np.stack([frame.to_ndarray(format="gray12le") for frame in frames])
    write(tmp_path / "clip.depth.mp4", codes, "gray12le", "hevc")
    info = {f"video.{name}": value for name, value in said.items()} | {"video.codec": "hevc"}
    (tmp_path / "clip.depth.json").write_text(json.dumps(info))
    files = reader(tmp_path, ".mp4")
    for t in range(3):
        theirs = dequantize_depth(codes[t], output_unit="m", output_tensor=False, **said)
        mine = files.read(t)
        known = codes[t] > 0
        np.testing.assert_allclose(mine[known], np.squeeze(theirs)[known], atol=1e-5)
        assert np.isnan(mine[:4, :4]).all()
        assert np.abs(mine[known] - depth_m()[t][known]).max() < 0.005


def test_millimeters_in_16_bits_need_no_word(tmp_path: Path) -> None:
    write(tmp_path / "clip.depth.mkv", (1000 * depth_m()).astype(np.uint16), "gray16le")
    files = reader(tmp_path)
    seen = files.read(1)  # the first is passed over
    known = depth_m()[1] > 0
    np.testing.assert_allclose(seen[known], depth_m()[1][known], atol=1e-3)
    assert np.isnan(seen[~known]).all()


def test_depth_that_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    codes = (1000 * depth_m()).astype(np.uint16)
    write(tmp_path / "clip.depth.mkv", codes, "gray12le")
    with pytest.raises(UnreasonableVideoError, match=r"12 bits.*clip\.depth\.json is not beside"):
        reader(tmp_path).read(0)
    write(tmp_path / "clip.depth.mkv", codes.astype(np.uint8), "gray")
    with pytest.raises(UnreasonableVideoError, match="holds gray; depth is one channel of 12"):
        reader(tmp_path).read(0)
    write(tmp_path / "clip.depth.mkv", codes, "gray16le")
    files = reader(tmp_path, num=5)
    files.read(2)
    with pytest.raises(DamagedVideoError, match="has 3 frames, the video 5"):
        files.read(3)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("[]", "must be a mapping"),
        ('{"video.depth_max": "far"}', "depth_max: Input should be a valid number"),
        ('{"depth_min": 5, "depth_max": 1}', "depth_max must be above depth_min"),
    ],
)
def test_words_that_explain_nothing_are_refused(said: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "clip.depth.json").write_text(said)
    with pytest.raises(UnreasonableVideoError, match=says):
        reader(tmp_path)


def test_depth_video_is_part_of_the_video_and_none_of_its_own(tmp_path: Path) -> None:
    for name in ("clip.mp4", "clip.depth.mkv", "clip.depth.json"):
        (tmp_path / name).write_bytes(b"{}")
    assert [found.name for found in scan([tmp_path])] == ["clip.mp4"]
    beside = [file.name for file in Depth.files_beside(tmp_path / "clip.mp4")]
    assert beside == ["clip.depth.mkv", "clip.depth.json"]


def test_nearer_codes_are_nearer() -> None:
    meters = Quantization().meters(np.arange(4096, dtype=np.uint16)[None])
    assert np.isnan(meters[0, 0])
    assert (np.diff(meters[0, 1:]) > 0).all()
    assert meters[0, -1] == pytest.approx(10.0)
