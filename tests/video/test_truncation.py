import pytest
from video_files import cut_short, write_video

from rotoscope.pipeline.video.truncation import missing_bytes

CONTAINERS = {
    "mp4": {"container_options": {"movflags": "+faststart"}},
    "mkv": {},
    "webm": {"codec": "libvpx-vp9"},
    "avi": {"codec": "mpeg4"},
    "gif": {"codec": "gif", "pixel_format": "rgb8"},
}


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_whole_files_lack_nothing(tmp_path, suffix):
    assert missing_bytes(write_video(tmp_path / f"a.{suffix}", **CONTAINERS[suffix])) == 0


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm", "avi"])
def test_missing_bytes_are_counted(tmp_path, suffix):
    path = write_video(tmp_path / f"a.{suffix}", **CONTAINERS[suffix])
    size = path.stat().st_size
    cut_short(path, keep=0.6)
    assert missing_bytes(path) == size - path.stat().st_size


def test_gif_without_its_end_mark_is_noticed(tmp_path):
    path = write_video(tmp_path / "a.gif", **CONTAINERS["gif"])
    assert missing_bytes(cut_short(path, keep=0.6)) == 1


def test_data_appended_to_an_mp4_are_no_damage(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes() + b"\xff" * 100)
    assert missing_bytes(path) == 0


def test_live_recording_without_a_length_is_no_damage(tmp_path):
    path = write_video(tmp_path / "a.mkv", container_options={"live": "1"})
    assert missing_bytes(cut_short(path, keep=0.6)) == 0
