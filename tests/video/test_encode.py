import os

import av
import numpy as np
import pytest
from video_files import index_of, picture, write_video

from rotoscope.pipeline.errors import DiskFullError, UsageError
from rotoscope.pipeline.types import Frame
from rotoscope.pipeline.video.encode import EpisodeEncoder
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames


def encode(path, pictures, *, width=160, height=120, fps=30, **options):
    with EpisodeEncoder(path, width=width, height=height, fps=fps, **options) as encoder:
        for image in pictures:
            encoder.add(image)
    return encoder


def pictures(count, width=160, height=120):
    return [picture(k, width, height) for k in range(count)]


@pytest.mark.parametrize("fps", [1, 7, 24, 30, 50])
def test_frames_are_shown_at_whole_multiples_of_the_interval(tmp_path, fps):
    encode(tmp_path / "a.mp4", pictures(9), fps=fps)
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        packets = [p for p in container.demux(stream) if p.size]
        assert [p.pts * stream.time_base for p in packets] == [
            k / stream.average_rate for k in range(9)
        ]
        assert [p.pts for p in packets] == [p.dts for p in packets], "no B-frames"
        assert stream.average_rate == fps
    frames = list(read_frames(probe(tmp_path / "a.mp4")))
    assert [index_of(f.rgb) for f in frames] == list(range(9))


def test_same_input_gives_the_same_bytes(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        encode(tmp_path / name, pictures(12))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_file_holds_no_time_of_its_making(tmp_path):
    encode(tmp_path / "a.mp4", pictures(3))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert "creation_time" not in container.metadata
        assert "encoder" not in container.metadata


def test_index_comes_first_for_reading_over_a_network(tmp_path):
    encode(tmp_path / "a.mp4", pictures(3))
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("g", [1, 2, 5])
def test_every_gth_frame_is_a_key_frame(tmp_path, g):
    encode(tmp_path / "a.mp4", pictures(11), g=g)
    with av.open(str(tmp_path / "a.mp4")) as container:
        keys = [p.is_keyframe for p in container.demux(video=0) if p.size]
    assert keys == [k % g == 0 for k in range(11)]


def test_colors_survive(tmp_path):
    encode(tmp_path / "a.mp4", pictures(1), crf=10)
    found = next(read_frames(probe(tmp_path / "a.mp4"))).rgb
    assert np.median(np.abs(found.astype(int) - picture(0))) <= 2


def test_other_shapes_are_scaled_and_get_black_bars(tmp_path):
    encoder = encode(tmp_path / "a.mp4", [picture(4, 320, 180)], width=160, height=120)
    fit = encoder.fit(320, 180)
    assert (fit.x, fit.y, fit.width, fit.height) == (0, 14, 160, 90)
    found = next(read_frames(probe(tmp_path / "a.mp4"))).rgb
    assert found[:12].max() <= 8
    assert found[-14:].max() <= 8
    content = found[fit.y : fit.y + fit.height]
    expected = picture(4, 160, 90)
    assert np.median(np.abs(content.astype(int) - expected)) <= 4


def test_bars_are_wiped_when_the_shape_changes(tmp_path):
    mixed = [picture(0, 160, 120), picture(1, 320, 180), picture(2, 90, 160)]
    encode(tmp_path / "a.mp4", mixed)
    wide, upright = [f.rgb for f in read_frames(probe(tmp_path / "a.mp4"))][1:]
    assert wide[:12].max() <= 12
    assert upright[:, :40].max() <= 12


def test_decoded_frames_are_written_without_making_rgb(tmp_path):
    video = probe(write_video(tmp_path / "a.mp4", rotation=90))
    frames = list(read_frames(video))
    encode(tmp_path / "b.mp4", frames, width=90, height=120)
    assert not any(frame._cache for frame in frames)
    written = [f.rgb for f in read_frames(probe(tmp_path / "b.mp4"))]
    for frame, image in zip(frames, written, strict=True):
        assert index_of(image) == index_of(frame.rgb)
    red = written[0][10, 10].astype(int)
    upright_red = frames[0].rgb[13, 13].astype(int)
    np.testing.assert_allclose(red, upright_red, atol=12)


def test_every_kind_of_input_gives_the_same_picture(tmp_path):
    rgb = picture(5)
    kinds = {
        "array": rgb,
        "av": av.VideoFrame.from_ndarray(rgb, format="rgb24"),
        "frame": Frame(0, 0.0, lambda: rgb),
        "strided": np.repeat(rgb, 2, axis=1)[:, ::2],
    }
    for name, given in kinds.items():
        encode(tmp_path / f"{name}.mp4", [given])
    written = [(tmp_path / f"{name}.mp4").read_bytes() for name in kinds]
    assert written == [written[0]] * len(kinds)


def test_repeated_frame_is_drawn_once(tmp_path):
    calls = []

    def make():
        calls.append(1)
        return picture(0)

    frame = Frame(0, 0.0, make)
    encoder = encode(tmp_path / "a.mp4", [frame] * 5)
    assert len(calls) == 1
    assert encoder.num_frames == probe(tmp_path / "a.mp4").num_frames == 5


def test_statistics_describe_what_was_written(tmp_path):
    rng = np.random.default_rng(1)
    images = [
        np.kron(rng.integers(0, 256, (15, 20, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        for _ in range(11)
    ]
    found = encode(tmp_path / "a.mp4", images).stats()
    pixels = np.stack(images[::5]).reshape(-1, 3) / 255
    assert found["count"].tolist() == [3]
    np.testing.assert_allclose(found["mean"].ravel(), pixels.mean(0), atol=0.01)
    np.testing.assert_allclose(found["std"].ravel(), pixels.std(0), rtol=0.1)
    np.testing.assert_allclose(found["q50"].ravel(), np.median(pixels, axis=0), atol=0.03)


def test_full_disk_names_the_file(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("/dev/full stands for a full disk")
    (tmp_path / "a.mp4").symlink_to("/dev/full")
    with pytest.raises(DiskFullError, match=r"no space left while writing .*a\.mp4"):
        encode(tmp_path / "a.mp4", pictures(3))


def test_error_inside_the_block_is_the_one_that_comes_out(tmp_path, recwarn):
    def broken():
        yield picture(0, 64, 48)
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        encode(tmp_path / "a.mp4", broken(), width=64, height=48)
    assert not recwarn.list


def test_odd_size_is_refused(tmp_path):
    with pytest.raises(UsageError, match="161 x 120 pixels cannot be written: both sides"):
        EpisodeEncoder(tmp_path / "a.mp4", width=161, height=120, fps=30)


def test_episode_without_frames_is_refused(tmp_path):
    with pytest.raises(UsageError, match="an episode has at least one"):
        encode(tmp_path / "a.mp4", [])


def test_name_that_is_no_text_can_be_written(tmp_path):
    path = tmp_path / os.fsdecode(b"concat:a|\xff.mp4")
    encode(path, pictures(2))
    assert probe(path).num_frames == 2
