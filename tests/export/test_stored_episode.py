"""Episodes on disk come back as they were, or not at all."""

import numpy as np
import pytest

from benchmarks._small_dataset import episode, store
from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.errors import DatasetError, TrackError
from rotoscope.pipeline.export.stored_episode import ROW_ARRAYS, open_episode


def test_episode_comes_back_as_it_was(tmp_path):
    made = episode(3, rows=9)
    store(tmp_path / "e", 3, made)
    read = open_episode(tmp_path / "e")
    loaded = read.load()
    for name in ROW_ARRAYS:
        np.testing.assert_array_equal(getattr(loaded, name), getattr(made, name))
    assert loaded.contract == made.contract
    assert (loaded.source, loaded.quality, loaded.scene) == (made.source, made.quality, made.scene)
    assert loaded.features.keys() == made.features.keys()
    np.testing.assert_array_equal(
        loaded.features["track.point"].values, made.features["track.point"].values
    )
    assert loaded.features["track.point"].unit == "m"


def test_header_tells_what_the_arrays_hold(tmp_path):
    store(tmp_path / "e", 3, episode(3, rows=9))
    read = open_episode(tmp_path / "e")
    assert (read.num_rows, read.fps, read.task) == (9, 30, "move the block")
    assert read.video.width == 96
    assert read.features["track.seen"].dtype == "bool"


def test_same_episode_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        store(tmp_path / name, 3, episode(3, rows=9))
    for file in ("episode.json", "arrays.npz", "video.mp4"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("episode.json", b"{"),
        ("episode.json", b"[]"),
        ("episode.json", b'{"format": 99}'),
        ("arrays.npz", None),
        ("arrays.npz", b"other bytes"),
        ("video.mp4", None),
        ("video.mp4", b"other bytes"),
        ("notes.txt", b"one too many"),
    ],
)
def test_damaged_folder_says_which_one_it_is(tmp_path, file, content):
    store(tmp_path / "e", 3, episode(3, rows=9))
    if content is None:
        (tmp_path / "e" / file).unlink()
    else:
        (tmp_path / "e" / file).write_bytes(content)
    with pytest.raises(
        DatasetError, match=r"stored episode e cannot be used \(.*run the same command"
    ):
        open_episode(tmp_path / "e")


def test_torn_arrays_are_damage_not_a_crash(tmp_path):
    stored = store(tmp_path / "e", 3, episode(3, rows=9))
    path = tmp_path / "e" / "arrays.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetError, match="cannot be used"):
        stored.load()


def test_text_cannot_be_a_feature(tmp_path):
    made = episode(3, rows=2)
    made.features["label.word"] = Feature(np.array([["a"], ["b"]]), ("w",), "1", "A word.")
    with pytest.raises(TrackError, match=r"'label.word' has type <U1; .*float32, int64 and bool"):
        store(tmp_path / "e", 3, made)
    assert not (tmp_path / "e").exists()
