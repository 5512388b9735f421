"""Frames that were kept are those that decoding again would give; long videos keep none."""

import numpy as np
import pytest
from video_files import write_video

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.video import read as reading
from rotoscope.pipeline.video.kept import KeptFrames
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

FRAME_BYTES = 64 * 48 * 3 // 2


@pytest.fixture
def video(tmp_path):
    write_video(tmp_path / "a.mp4", frames=20, fps=30, size=(64, 48))
    return probe(tmp_path / "a.mp4")


def keep(video, most_bytes):
    kept = KeptFrames(most_bytes, video.num_frames)
    for frame in read_frames(video):
        assert frame.rgb.shape == (48, 64, 3)
        kept.take(frame)
    return kept.frames


def test_kept_frames_are_those_of_decoding_again(video, monkeypatch):
    again = list(read_frames(video, start=5, end=12))
    kept = keep(video, 1e6)
    monkeypatch.setattr(reading, "_read_with_pyav", None)
    found = list(read_frames(video, start=5, end=12, kept=kept))
    assert [(f.index, f.time_s) for f in found] == [(f.index, f.time_s) for f in again]
    for one, other in zip(found, again, strict=True):
        np.testing.assert_array_equal(one.rgb, other.rgb)
        np.testing.assert_array_equal(one.gray(16), other.gray(16))
        for plane, wanted in zip(one.to_scaled(32, 24), other.to_scaled(32, 24), strict=True):
            np.testing.assert_array_equal(plane, wanted)


def test_pictures_made_of_a_frame_are_not_kept_with_it(video):
    kept = keep(video, 1e6)
    assert not any(frame._cache for frame in kept.values())
    next(iter(read_frames(video, kept=kept))).rgb  # noqa: B018 (it is made and cached)
    assert not any(frame._cache for frame in kept.values())


def test_all_of_a_video_is_kept_or_nothing(video):
    padded = next(iter(read_frames(video))).num_bytes
    assert padded >= FRAME_BYTES
    assert len(keep(video, 20 * padded)) == 20
    assert keep(video, 20 * padded - 1) == {}


def test_what_is_not_kept_whole_is_decoded(video):
    kept = keep(video, 1e6)
    some = {index: kept[index] for index in range(10)}
    assert [f.index for f in read_frames(video, start=8, end=14, kept=some)] == list(range(8, 14))
    with pytest.raises(UsageError, match="not inside"):
        read_frames(video, start=8, end=21, kept=kept)
