"""Rows that claim to be valid where a part of them is not are found."""

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
    expect(grouped, "labels", "PASS", "95.0 % of rows are valid")


@pytest.mark.parametrize("group", ["position", "gripper"])
def test_a_row_that_is_valid_without_its_position_or_gripper_is_found(grouped, group):
    def poke(values):
        values[4] = False
        return values

    change_rows(grouped, **{f"label__valid__{group}": poke})
    words = f"episode 0 frame 4: label.valid is True, label.valid.{group} is False (1 rows)"
    expect(grouped, "labels", "FAIL", words)
