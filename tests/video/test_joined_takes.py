"""Files joined end to end: takes follow each other, and what is not read is said."""

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from video_files import index_of, write_video

from rotoscope.pipeline.video.breaks import breaks
from rotoscope.pipeline.video.clock import unrolled
from rotoscope.pipeline.video.probe import frame_times, probe
from rotoscope.pipeline.video.read import read_frames


def joined(folder, lengths, suffix):
    parts = [
        write_video(folder / f"take{k}{suffix}", frames=n, fps=25).read_bytes()
        for k, n in enumerate(lengths)
    ]
    path = folder / f"joined{suffix}"
    path.write_bytes(b"".join(parts))
    return path


@pytest.mark.parametrize("lengths", [(20, 20), (30, 12), (12, 30), (15, 15, 15)])
def test_takes_of_a_transport_stream_follow_each_other(tmp_path, lengths):
    video = probe(joined(tmp_path, lengths, ".ts"))
    assert (video.num_frames, video.rate_hz) == (sum(lengths), pytest.approx(25, rel=1e-3))
    assert video.duration_s == pytest.approx(sum(lengths) / 25, abs=0.01)
    assert video.joints == tuple(int(n) for n in np.cumsum(lengths)[:-1])
    frames = list(read_frames(video))
    assert [index_of(f.rgb) for f in frames] == [k for n in lengths for k in range(n)]
    np.testing.assert_allclose([f.time_s for f in frames], np.arange(sum(lengths)) / 25, atol=1e-3)


def test_joint_is_a_break_though_picture_and_clock_go_on(tmp_path):
    video = probe(joined(tmp_path, (20, 20), ".ts"))
    cut = breaks(frame_times(video.path), max_gap_s=1.0, joints=video.joints)
    assert list(np.flatnonzero(cut)) == [20]


def test_second_movie_that_is_not_read_is_said(tmp_path, caplog):
    path = joined(tmp_path, (20, 20), ".mp4")
    with caplog.at_level(logging.WARNING):
        assert probe(path).num_frames == 20
    behind = (tmp_path / "take1.mp4").stat().st_size
    assert f"{behind:,} bytes behind the first movie in it are not read" in caplog.text
    caplog.clear()
    probe(tmp_path / "take0.mp4")
    assert caplog.text == ""


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 3), st.integers(1, 90))
def test_stamps_of_takes_are_laid_end_to_end(lengths, step, start):
    lengths = [n + 8 for n in lengths]
    decoded = [start + step * k for n in lengths for k in range(n)]
    shown = [d + 2 * step for d in decoded]
    new_shown, new_decoded, joints = unrolled(shown, decoded)
    assert new_decoded == [start + step * k for k in range(sum(lengths))]
    assert new_shown == [d + 2 * step for d in new_decoded]
    assert joints == [int(n) for n in np.cumsum(lengths)[:-1]]


def test_small_steps_back_and_missing_stamps_are_no_takes():
    assert unrolled([0, 1, 2], [None, None, None])[2] == []
    assert unrolled([0, 2, 1, 3], [0, 2, 1, 3])[2] == []
    assert unrolled([5], [5])[2] == []
