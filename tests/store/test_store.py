import numpy as np
import pytest

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import DiskFullError
from rotoscope.pipeline.run.ledger import Ledger, Row
from rotoscope.pipeline.store.store import TRACKS, Store, content_key
from rotoscope.pipeline.tracks import ActionTrack, Camera, HandTrack, SegmentTrack


def hand_track(n=4):
    return HandTrack(
        side="left",
        landmarks_px=np.random.default_rng(0).normal(size=(n, 21, 2)),
        hand_m=np.full((n, 21, 3), np.nan),
        score=np.linspace(0, 1, n),
        handedness=np.full(n, np.nan),
        valid=np.array([True, False] * (n // 2)),
    )


def action_track(n=4):
    contract = ActionContract(
        robot="lamp",
        dimensions=(Dimension(name="lamp.pos", quantity="joint", unit="rad", lower=-1, upper=1),),
        rate_hz=30,
        shift_s=0,
    )
    return ActionTrack(
        labeler="lamp",
        subject="scene",
        contract=contract,
        values=np.zeros((n, 1)),
        valid=np.ones(n, bool),
        confidence=np.ones(n),
        reason=np.zeros(n, np.uint8),
    )


def test_tracks_come_back_as_they_were_stored(tmp_path):
    store = Store(tmp_path)
    camera = Camera(
        K=np.eye(3), width=4, height=3, source="assumed", sigma_focal_rel=0.1, distortion=(0.1,)
    )
    segments = SegmentTrack(actions="actions.lamp", start=(0,), end=(4,), dropped={"too_short": 2})
    unit = {"hands.left": hand_track(), "camera": camera, "actions.lamp": action_track()}
    store.save_tracks("ab12", [unit, {"segments.x": segments}])
    loaded = store.load_tracks("ab12")
    assert loaded is not None
    hand = loaded[0]["hands.left"]
    np.testing.assert_array_equal(hand.landmarks_px, unit["hands.left"].landmarks_px)
    np.testing.assert_array_equal(hand.hand_m, unit["hands.left"].hand_m)
    assert hand.side == "left"
    assert hand.T_camera_wrist is None
    assert loaded[0]["camera"].distortion == (0.1,)
    assert loaded[0]["actions.lamp"].contract == unit["actions.lamp"].contract
    assert loaded[1]["segments.x"] == segments or loaded[1]["segments.x"].start == (0,)
    assert loaded[1]["segments.x"].dropped == {"too_short": 2}


def test_missing_entry_is_none(tmp_path):
    assert Store(tmp_path).load_tracks("00ff") is None
    assert Store(tmp_path).load_record("00ff") is None


@pytest.mark.parametrize("size", [0, 1, 100, 1000])
def test_entry_cut_short_is_computed_again(tmp_path, size):
    store = Store(tmp_path)
    store.save_tracks("ab12", [{"hands.left": hand_track()}])
    path = store.path("ab12", TRACKS)
    path.write_bytes(path.read_bytes()[:size])
    assert store.load_tracks("ab12") is None


def test_full_disk_is_named_and_leaves_no_half_file(tmp_path, monkeypatch):
    store = Store(tmp_path)
    monkeypatch.setattr("os.fsync", _no_space)
    with pytest.raises(DiskFullError, match=r"no space left while writing .*ab12.tracks"):
        store.save_tracks("ab12", [{"hands.left": hand_track()}])
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def _no_space(descriptor):
    raise OSError(28, "No space left on device")


def test_content_key_depends_on_values_not_on_order():
    assert content_key({"a": 1, "b": [2]}) == content_key({"b": [2], "a": 1})
    assert content_key({"a": 1}) != content_key({"a": 2})


def test_last_row_of_a_video_counts(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(Row("b.mp4", "failed", error="VideoError", message="broken"))
    ledger.append(Row("a.mp4", "done", frames=10, episodes=("k1", "k2")))
    ledger.append(Row("b.mp4", "done", frames=5))
    assert [(r.name, r.status) for r in ledger.rows()] == [("a.mp4", "done"), ("b.mp4", "done")]
    assert ledger.rows()[0].episodes == ("k1", "k2")


def test_torn_last_line_is_skipped_and_not_written_onto(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(Row("a.mp4", "done"))
    ledger.append(Row("b.mp4", "done"))
    data = ledger.path.read_bytes()
    ledger.path.write_bytes(data[:-20])
    assert [r.name for r in ledger.rows()] == ["a.mp4"]
    ledger.append(Row("c.mp4", "empty"))
    assert [r.name for r in ledger.rows()] == ["a.mp4", "c.mp4"]
