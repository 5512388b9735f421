"""What tracks of nothing hold, and how fast a clip runs."""

import numpy as np
import pytest

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.tracks import REASONS, ActionTrack, median_rate_hz

JOINTS = tuple(Dimension(name=f"{n}.pos", quantity="joint", unit="rad") for n in ("hip", "knee"))
CONTRACT = ActionContract(robot="leg", dimensions=JOINTS, rate_hz=30.0, shift_s=0)


def test_unknown_actions_are_nan_invalid_and_not_seen() -> None:
    track = ActionTrack.unknown(labeler="x", subject="left", contract=CONTRACT, num_frames=4)
    assert (track.labeler, track.subject, track.contract) == ("x", "left", CONTRACT)
    assert track.values.shape == (4, 2)
    assert np.isnan(track.values).all()
    assert not track.valid.any()
    assert not track.confidence.any()
    assert [REASONS[r] for r in track.reason] == ["not_seen"] * 4
    assert track.reason.dtype == np.uint8


def test_rate_is_that_of_most_frames_whatever_a_gap_lasts() -> None:
    time_s = np.concatenate([np.arange(10) / 25, 9 + np.arange(10) / 25])
    assert median_rate_hz(time_s) == pytest.approx(25.0)


def test_single_frame_has_a_rate_that_nothing_is_divided_by() -> None:
    assert median_rate_hz(np.array([3.0])) == 1.0
