import numpy as np
import pytest

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.stages.curate import Curate, CurateConfig
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.tracks import REASONS, ActionTrack
from rotoscope.pipeline.types import Clip

VIDEO = a_video(1, rate_hz=10)


def curate(valid, known=None, confidence=1.0, **config):
    valid = np.asarray(valid, bool)
    known = valid if known is None else np.asarray(known, bool)
    n = len(valid)
    track = ActionTrack(
        labeler="lamp",
        subject="right",
        contract=ActionContract(
            robot="lamp",
            dimensions=(Dimension(name="lamp.pos", quantity="joint", unit="rad"),),
            rate_hz=10,
            shift_s=0,
        ),
        values=np.where(known[:, None], 0.5, np.nan),
        valid=valid,
        confidence=np.where(valid, confidence, 0.0),
        reason=np.where(valid, 0, REASONS.index("unreachable")).astype(np.uint8),
    )
    clip = Clip(VIDEO, 0, np.arange(n) / 10)
    stage = Curate(CurateConfig(**config))
    return stage.run(clip, {"actions.lamp.right": track})["segments.actions.lamp.right"]


def spans(track):
    return list(zip(track.start, track.end, strict=True))


def test_unknown_frames_end_an_episode():
    valid = [1] * 15 + [0] * 3 + [1] * 15
    assert spans(curate(valid)) == [(0, 15), (18, 33)]


def test_short_invalid_run_with_known_values_stays_inside():
    valid = np.array([1] * 15 + [0] * 3 + [1] * 15)
    assert spans(curate(valid, known=np.ones(33))) == [(0, 33)]


def test_long_invalid_run_splits_even_where_values_are_known():
    valid = np.array([1] * 15 + [0] * 8 + [1] * 15)
    track = curate(valid, known=np.ones(38))
    assert spans(track) == [(0, 15), (23, 38)]
    assert track.dropped == {"unreachable": 8}


def test_invalid_frames_at_the_ends_are_trimmed():
    valid = np.array([0] * 2 + [1] * 15 + [0] * 2)
    assert spans(curate(valid, known=np.ones(19))) == [(2, 17)]


def test_what_was_dropped_is_counted_by_reason():
    track = curate([1] * 5 + [0] * 3 + [1] * 20)
    assert spans(track) == [(8, 28)]
    assert track.dropped == {"too_short": 5, "unreachable": 3}


def test_the_share_of_valid_rows_is_judged_where_there_are_rows():
    valid = ([1] + [0] * 3) * 10
    track = curate(valid, known=np.ones(40), max_invalid_s=1.0, min_valid_share=0.7)
    assert spans(track) == [(0, 37)]
    assert track.min_valid_share == 0.7


@pytest.mark.parametrize(("confidence", "kept"), [(0.2, 0), (0.8, 1)])
def test_confidence_threshold(confidence, kept):
    assert len(curate([1] * 20, confidence=confidence, min_confidence=0.5).start) == kept


def test_short_doubt_is_marked_and_stays():
    confidence = np.full(30, 0.9)
    confidence[12:15] = 0.2
    track = curate(np.ones(30), confidence=confidence, min_frame_confidence=0.5)
    assert spans(track) == [(0, 30)]
    assert np.flatnonzero(track.doubted).tolist() == [12, 13, 14]


def test_long_doubt_ends_an_episode():
    confidence = np.full(40, 0.9)
    confidence[15:25] = 0.2
    track = curate(np.ones(40), confidence=confidence, min_frame_confidence=0.5)
    assert spans(track) == [(0, 15), (25, 40)]
    assert track.dropped == {"low_confidence": 10}


def test_without_a_threshold_nothing_is_doubted():
    assert not curate(np.ones(30), confidence=0.01).doubted.any()
