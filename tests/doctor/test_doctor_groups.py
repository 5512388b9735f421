"""Rows that claim more than they hold: valid in parts only, or pictures that repeat."""

from dataclasses import replace

import numpy as np
import pytest
from corruptions import change_rows, expect

from benchmarks._small_dataset import episode, job_for, store
from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.export.publish import publish_in_child


@pytest.fixture
def grouped(tmp_path):
    """A dataset whose positions are valid in every row, whose rotations in none."""
    made = episode(0)
    yes = np.ones((made.num_rows, 1), bool)
    groups = {
        f"label.valid.{name}": Feature(values, ("valid",), "1", f"The {name}.")
        for name, values in {"position": yes, "rotation": ~yes, "gripper": yes}.items()
    }
    stored = store(tmp_path / "episode", 0, replace(made, features=made.features | groups))
    publish_in_child(job_for([stored], tmp_path / "dataset"))
    return tmp_path / "dataset"


def test_actions_of_positions_are_valid_without_their_rotation(grouped):
    expect(grouped, "labels", "PASS", "57 of 60 rows are valid (95.0 %)")


@pytest.mark.parametrize(("rate_hz", "is_slow"), [(24.0, True), (29.97, False), (60.0, False)])
def test_a_source_of_fewer_pictures_than_rows_is_said(tmp_path, rate_hz, is_slow):
    made = episode(0)
    made = replace(made, source=made.source | {"source_rate_hz": rate_hz})
    stored = store(tmp_path / "episode", 0, made)
    publish_in_child(job_for([stored], tmp_path / "dataset"))
    if is_slow:
        words = (
            "the source has 24 pictures a second for 30 rows: 20 % of rows repeat the one before"
        )
        expect(tmp_path / "dataset", "repeated pictures", "WARN", words, "export.fps=RATE")
    else:
        expect(tmp_path / "dataset", "repeated pictures", "PASS", "in 0.0 % of rows")


@pytest.mark.parametrize("group", ["position", "gripper"])
def test_a_row_that_is_valid_without_its_position_or_gripper_is_found(grouped, group):
    def poke(values):
        values[4] = False
        return values

    change_rows(grouped, **{f"label__valid__{group}": poke})
    words = f"episode 0 frame 4: label.valid is True, label.valid.{group} is False (1 rows)"
    expect(grouped, "labels", "FAIL", words)
