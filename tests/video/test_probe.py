import shutil

import numpy as np
import pytest
from video_files import (
    bad_videos,
    damage,
    odd_videos,
    patch,
    variable_times_s,
    write_video,
)

from rotoscope.pipeline.errors import DamagedVideoError, NotAVideoError, UnreasonableVideoError
from rotoscope.pipeline.files.identity import sha256_file
from rotoscope.pipeline.video.probe import frame_times, probe


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    return bad_videos(tmp_path_factory.mktemp("bad"))


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    return odd_videos(tmp_path_factory.mktemp("odd"))


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("empty", NotAVideoError, "is empty"),
        ("text", NotAVideoError, "is not a video: it starts with b'I am a text"),
        ("playlist", NotAVideoError, "is not a video: it starts with b'ffconcat"),
        ("no_index", NotAVideoError, r"without a usable index \(moov\)"),
        ("audio_only", NotAVideoError, "holds no video stream, only audio"),
        ("dangling_link", NotAVideoError, "cannot be read .No such file"),
        ("truncated", DamagedVideoError, "bytes before the end that its header states"),
        ("zero_rate", UnreasonableVideoError, "leaves 1 of 30 frames to be shown"),
        ("absurd_rate", UnreasonableVideoError, "frames per second, which cannot be meant"),
        ("too_wide", UnreasonableVideoError, "100000 x 2 pixels; at most 16384 a side"),
    ],
)
def test_bad_file_is_refused_with_its_name_and_reason(bad, kind, error, message):
    with pytest.raises(error, match=message) as caught:
        probe(bad[kind])
    assert str(bad[kind]) in str(caught.value)


def test_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "x.mp4").mkdir()
    with pytest.raises(NotAVideoError, match="is a folder with no pictures; a video is a file"):
        probe(tmp_path / "x.mp4")
    with pytest.raises(NotAVideoError, match="is a folder with no pictures"):
        probe(tmp_path / "x.mp4", sha256="0" * 64)


@pytest.mark.parametrize(
    ("kind", "codec", "pixel_format", "size"),
    [
        ("odd_size", "h264", "yuv444p", (161, 121)),
        ("ten_bit", "h264", "yuv420p10le", (160, 120)),
        ("gif", "gif", "bgra", (160, 120)),
        ("av1", "av1", "yuv420p", (160, 120)),
        ("vp9", "vp9", "yuv420p", (160, 120)),
        ("hevc", "hevc", "yuv420p", (160, 120)),
        ("avi", "mpeg4", "yuv420p", (160, 120)),
        ("odd_name", "h264", "yuv420p", (160, 120)),
    ],
)
def test_odd_file_is_described(odd, kind, codec, pixel_format, size):
    video = probe(odd[kind])
    assert (video.codec, video.pixel_format) == (codec, pixel_format)
    assert (video.width, video.height, video.num_frames) == (*size, 30)
    # GIF counts in hundredths of a second, Matroska in thousandths.
    assert video.rate_hz == pytest.approx(30, rel=5e-3)
    assert video.duration_s == pytest.approx(1.0, abs=0.011)
    assert not video.is_variable_rate
    assert video.sha256 == sha256_file(odd[kind])
    assert video.size_bytes == odd[kind].stat().st_size


def test_header_that_promises_hours_is_not_believed(odd):
    video = probe(odd["promises_hours"])
    assert (video.num_frames, video.duration_s) == (30, pytest.approx(1.0))


def test_zero_rate_in_an_avi_header_is_harmless(odd):
    assert probe(odd["zero_rate_avi"]).rate_hz == pytest.approx(30, rel=1e-3)


def test_variable_rate_comes_from_time_stamps(odd):
    video = probe(odd["variable_rate"])
    assert video.is_variable_rate
    np.testing.assert_allclose(frame_times(odd["variable_rate"]), variable_times_s(20), atol=1e-6)


@pytest.mark.parametrize(
    ("rotation", "size"), [(90, (120, 160)), (180, (160, 120)), (270, (120, 160))]
)
def test_size_is_that_after_the_turn(odd, rotation, size):
    video = probe(odd[f"turned_{rotation}"])
    assert (video.rotation_deg, video.width, video.height) == (rotation, *size)


def test_single_frame_is_a_video(odd):
    video = probe(odd["one_frame"])
    assert (video.num_frames, video.duration_s) == (1, pytest.approx(1 / 30))


def test_mirror_flag_is_refused(tmp_path):
    path = write_video(tmp_path / "selfie.mp4")
    patch(path, b"tkhd", 40, (-1 << 16).to_bytes(4, "big", signed=True))
    with pytest.raises(UnreasonableVideoError, match="mirrored, which would swap left and right"):
        probe(path)


def test_frames_hidden_by_an_edit_list_are_not_counted(tmp_path):
    path = write_video(tmp_path / "trimmed.mp4", options={"g": "10"})
    # Shows 0.5 s (movie clock, 1/1000 s) from frame 12 (track clock, 512 ticks a frame).
    patch(path, b"elst", 8, (500).to_bytes(4, "big") + (12 * 512).to_bytes(4, "big"))
    assert probe(path).num_frames == 15
    assert frame_times(path)[0] == 0


def test_known_hash_is_not_computed_again(tmp_path):
    assert probe(write_video(tmp_path / "a.mp4"), sha256="abc").sha256 == "abc"


def test_identical_files_have_one_hash(tmp_path):
    first = write_video(tmp_path / "a.mp4")
    second = tmp_path / "b.mp4"
    shutil.copy(first, second)
    other = write_video(tmp_path / "c.mp4", seed=1)
    assert probe(first).sha256 == probe(second).sha256 != probe(other).sha256


def test_name_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_video(tmp_path / "a.mp4")
    path.rename(tmp_path / "concat:a|b.mp4")
    assert probe("concat:a|b.mp4").num_frames == 30


def test_gif_with_an_impossible_screen_is_refused_without_its_memory(tmp_path):
    path = write_video(tmp_path / "a.gif", codec="gif", pixel_format="rgb8")
    data = bytearray(path.read_bytes())
    data[6:10] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    with pytest.raises(DamagedVideoError, match="none of 30 frames can be decoded"):
        probe(path)


def test_nothing_decodable_is_damage(tmp_path):
    path = write_video(tmp_path / "a.mp4", container_options={"movflags": "+faststart"})
    media = path.read_bytes().index(b"mdat") + 4
    damage(path, at=media / path.stat().st_size, num_bytes=10**6)
    with pytest.raises(DamagedVideoError, match="none of 30 frames can be decoded"):
        probe(path)


def test_frames_before_the_first_key_frame_are_not_counted(tmp_path):
    path = write_video(tmp_path / "a.ts", options={"g": "10"})
    data = path.read_bytes()
    # Transport stream packets are 188 bytes; keep the tables, then start in the middle.
    start = len(data) // 2 // 188 * 188
    path.write_bytes(data[: 3 * 188] + data[start:])
    assert probe(path).num_frames == 10


@pytest.mark.realdata
def test_real_turned_recordings_are_upright_sizes(shared_data):
    folder = shared_data / "decord_testdata"
    plain, turned = probe(folder / "video_0.mov"), probe(folder / "video_90.mov")
    assert (plain.rotation_deg, plain.width, plain.height) == (0, 568, 320)
    assert (turned.rotation_deg, turned.width, turned.height) == (90, 320, 568)


def test_stream_of_an_unknown_kind_is_refused(tmp_path):
    path = write_video(tmp_path / "a.mkv")
    data = path.read_bytes()
    track_type = b"\x83\x81"
    path.write_bytes(data.replace(track_type + b"\x01", track_type + b"\x7f", 1))
    with pytest.raises(NotAVideoError, match="holds no video stream, only nothing"):
        probe(path)
