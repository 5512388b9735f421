"""Decoded pictures do not fill a disk for good."""

import os
import time

import numpy as np
import pytest
import tiny_data
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.models.training import frames
from rotoscope.models.training.frames import open_frames, prune_frames
from rotoscope.pipeline.datasets.read import open_dataset

CAMERA = "observation.images.front"


@pytest.fixture
def kept(tmp_path):
    """Two sizes of one camera's pictures, the larger one unused for ten days."""
    made = [tiny_data.rows_of(n, rows=10) for n in range(2)]
    dataset = open_dataset(tiny_data.publish(tmp_path / "data", made, camera="front"))
    folder = tmp_path / "frames"
    large = open_frames(dataset, CAMERA, side_px=32, folder=folder).images
    (old,) = folder.iterdir()
    open_frames(dataset, CAMERA, side_px=16, folder=folder)
    os.utime(old, (0, time.time() - 10 * 86400))
    return dataset, folder, old, large


def test_what_no_training_used_for_long_goes_and_comes_back(kept):
    dataset, folder, old, large = kept
    before = large.copy()
    done = prune_frames(max_age_days=9, folder=folder)
    assert done.removed == (old,)
    assert done.num_bytes > large.nbytes
    assert 0 < done.kept_bytes < done.num_bytes
    np.testing.assert_array_equal(large, before, "what is open stays")
    again = open_frames(dataset, CAMERA, side_px=32, folder=folder).images
    np.testing.assert_array_equal(again, before)


def test_the_least_recently_used_go_first_and_using_counts(kept):
    dataset, folder, old, large = kept
    open_frames(dataset, CAMERA, side_px=32, folder=folder)
    done = prune_frames(max_bytes=large.nbytes + 5000, folder=folder)
    assert len(done.removed) == 1
    assert old not in done.removed
    assert prune_frames(folder=folder).removed == ()
    assert len(prune_frames(max_bytes=0, folder=folder).removed) == 1


def test_what_is_no_picture_is_left_alone(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.txt").write_text("mine")
    assert prune_frames(max_bytes=0, folder=tmp_path).removed == ()
    assert (tmp_path / "thesis" / "thesis.txt").read_text() == "mine"


def test_the_command_says_what_it_did(kept, monkeypatch):
    _, folder, _, _ = kept
    monkeypatch.setattr(frames, "cache_folder", lambda: folder)
    said = CliRunner().invoke(app, ["store", "pictures", "--max-age-days", "9"]).output
    assert "1 removed" in said
    assert "2 removed" not in said
