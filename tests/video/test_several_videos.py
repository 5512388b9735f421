"""Files that hold several videos, two fields in a picture, or a cover beside the video."""

import logging
from fractions import Fraction

import av
import pytest
from lamp_runs import run_lamp
from video_files import index_of, picture, write_audio, write_video

from rotoscope.pipeline.doctor.run import diagnose
from rotoscope.pipeline.errors import NotAVideoError, UnreasonableVideoError
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames


def write_tracks(path, *sizes, frames=45):
    """A file with a video track of each size."""
    with av.open(str(path), "w") as output:
        streams = [output.add_stream("libx264", rate=30) for _ in sizes]
        for stream, (width, height) in zip(streams, sizes, strict=True):
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.options = {"preset": "ultrafast", "g": "10"}
        for index in range(frames):
            for stream, size in zip(streams, sizes, strict=True):
                frame = av.VideoFrame.from_ndarray(picture(index, *size), format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 30)
                output.mux(stream.encode(frame))
        for stream in streams:
            output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("name", ["two.mp4", "two.mkv", "two.mov"])
def test_number_of_video_tracks_and_the_one_that_is_read_are_said(tmp_path, caplog, name):
    path = write_tracks(tmp_path / name, (160, 120), (80, 64))
    with caplog.at_level(logging.WARNING):
        found = probe(path)
    assert (found.num_tracks, found.track, found.width, found.num_frames) == (2, 0, 160, 45)
    assert "2 video tracks; number 0 is read" in caplog.text
    assert [index_of(frame.rgb) for frame in read_frames(found, end=5)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("field", ["tff", "bff"])
def test_interlaced_file_is_said_to_be(tmp_path, caplog, field):
    path = write_video(tmp_path / "a.mkv", options={"x264-params": f"{field}=1"})
    with caplog.at_level(logging.WARNING):
        assert probe(path).is_interlaced
    assert "is interlaced" in caplog.text


def test_plain_file_has_one_track_and_no_fields(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        found = probe(write_video(tmp_path / "a.mp4"))
    assert (found.num_tracks, found.track, found.is_interlaced) == (1, 0, False)
    assert caplog.text == ""


@pytest.mark.parametrize("name", ["a.mp4", "a.m4a", "a.mkv"])
def test_sound_alone_is_no_video(tmp_path, name):
    with pytest.raises(NotAVideoError, match="no video stream, only audio"):
        probe(write_audio(tmp_path / name))


def test_doctor_says_what_the_sources_were(tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    write_tracks(videos / "a.mp4", (64, 48), (64, 48))
    write_video(videos / "b.mkv", frames=45, size=(64, 48), options={"x264-params": "tff=1"})
    run_lamp(tmp_path)
    said = " ".join(check.message for check in diagnose(tmp_path / "out"))
    assert "the file holds 2 video tracks, of which number 0 was read" in said
    assert "the source is interlaced" in said


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.flv"])
def test_second_movie_that_is_not_read_is_said(tmp_path, name):
    codec = "flv" if name == "a.flv" else "libx264"
    one = write_video(tmp_path / name, frames=45, size=(64, 48), codec=codec)
    alone = probe(one)
    assert alone.bytes_left == 0
    (tmp_path / "videos").mkdir()
    joined = tmp_path / "videos" / name
    joined.write_bytes(2 * one.read_bytes())
    found = probe(joined)
    assert (found.num_frames, found.bytes_left) == (45, one.stat().st_size)
    run_lamp(tmp_path)
    said = " ".join(check.message for check in diagnose(tmp_path / "out"))
    assert "a second movie behind the first" in said


def test_joined_avi_files_are_refused(tmp_path):
    one = write_video(tmp_path / "a.avi", codec="mpeg4")
    probe(one)
    joined = tmp_path / "b.avi"
    joined.write_bytes(2 * one.read_bytes())
    with pytest.raises(UnreasonableVideoError, match="several AVI files joined end to end"):
        probe(joined)
