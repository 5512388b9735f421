"""Entries are written piece by piece: what lies on disk is what one piece would be."""

from __future__ import annotations

import hashlib
import io
import tracemalloc

import numpy as np
import pytest

from rotoscope.pipeline.errors import DiskFullError
from rotoscope.pipeline.store.seal import BrokenSealError, read_sealed, sealed_file
from rotoscope.pipeline.store.serialize import dump
from rotoscope.pipeline.store.store import TRACKS, Store, content_key
from rotoscope.pipeline.tracks import ClockTrack

CLOCK = ClockTrack(time_s=np.arange(400_000) / 30.0)


def test_a_payload_in_pieces_is_sealed_as_a_whole_one(tmp_path):
    with sealed_file(tmp_path / "a", name="a") as file:
        for piece in (b"one\n", b"two", b"three"):
            file.write(piece)
        file.seek(4)
        file.write(b"TWO")
        assert file.tell() == 7
    payload = b"one\nTWOthree"
    assert read_sealed(tmp_path / "a", name="a") == payload
    head = (tmp_path / "a").read_bytes().split(b"\n")[0]
    assert head.split(b" ")[3].decode() == hashlib.sha256(payload).hexdigest()


def test_a_file_that_was_not_finished_has_no_seal(tmp_path):
    def fail():
        with sealed_file(tmp_path / "a", name="a") as file:
            file.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with pytest.raises(BrokenSealError, match="not those that were stored"):
        read_sealed(tmp_path / "a", name="a")


def test_tracks_on_disk_are_those_written_at_once(tmp_path):
    store, key = Store(tmp_path), content_key({"of": "clock"})
    store.save_tracks(key, [{"clock": CLOCK}])
    whole = io.BytesIO()
    dump([{"clock": CLOCK}], whole)
    path = store.path(key, TRACKS)
    assert read_sealed(path, name=path.name) == whole.getvalue()
    (unit,) = store.load_tracks(key)
    np.testing.assert_array_equal(unit["clock"].time_s, CLOCK.time_s)


def test_saving_takes_no_memory_of_the_tracks_size(tmp_path):
    store = Store(tmp_path)
    tracemalloc.start()
    try:
        store.save_tracks(content_key({"of": "clock"}), [{"clock": CLOCK.slice(0, 10)}])
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        store.save_tracks(content_key({"of": "more"}), [{"clock": CLOCK}] * 6)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # NumPy writes an array of 3.2 MB in one piece, six of them one after the other.
    assert peak - before < 2 * CLOCK.time_s.nbytes


def test_nothing_is_left_of_an_entry_that_could_not_be_written(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    store, key = Store(tmp_path), content_key({"of": "clock"})
    with pytest.raises(DiskFullError, match="no space left"):
        store.save_tracks(key, [{"clock": CLOCK}])
    assert not store.has_tracks(key)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
