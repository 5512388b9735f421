"""Episodes cut at what notes say of spans; facts and counts are those of each part."""

import numpy as np
import pytest

from benchmarks._small_dataset import FPS, episode
from rotoscope.pipeline.episodes.noted import as_noted, frames_left_out
from rotoscope.pipeline.video.notes import VideoNotes


@pytest.fixture
def made():
    return episode(3, 60)  # two seconds of a right hand


def noted(made, tmp_path, **notes):
    said = VideoNotes.model_validate(notes)
    return as_noted([made], said, template="do it", path=tmp_path / "v.mp4")


def test_without_notes_an_episode_stays_as_it_is(made, tmp_path):
    (one,) = noted(made, tmp_path)
    assert (one.task, one.source, one.num_rows) == ("do it", made.source, 60)


def test_spans_become_episodes_with_their_own_tasks(made, tmp_path):
    spans = [
        {"start_s": 0.5, "end_s": 1.0, "task": "reach"},
        {"start_s": 1.0, "end_s": 9.0, "task": "grasp"},
    ]
    parts = noted(made, tmp_path, spans=spans, license="MIT")
    assert [(p.task, p.num_rows) for p in parts] == [("do it", 15), ("reach", 15), ("grasp", 30)]
    np.testing.assert_array_equal(np.concatenate([p.action for p in parts]), made.action)
    assert {p.source["license"] for p in parts} == {"MIT"}
    assert [p.source["first_frame"] for p in parts] == [0, 15, 30]
    assert len({p.episode_id for p in parts}) == 3
    # Rows 30 to 32 are not valid: the counts are those of the part.
    assert [p.quality["valid_share"] for p in parts] == [1.0, 1.0, round(27 / 30, 6)]


def test_what_is_left_out_becomes_no_row(made, tmp_path):
    parts = noted(made, tmp_path, leave_out=[[0.2, 0.4], [1.9, 60]])
    assert [p.num_rows for p in parts] == [6, 57 - 12]
    assert all((p.source_time_s < 1.9).all() for p in parts)
    assert frames_left_out([made], parts) == 60 - 6 - 45
    assert noted(made, tmp_path, leave_out=[[0, 60]]) == []


def test_single_row_between_two_cuts_is_left_out(made, tmp_path):
    edge = 10 / FPS
    parts = noted(made, tmp_path, leave_out=[[0, edge - 1e-6], [11 / FPS - 1e-6, 1]])
    assert [p.num_rows for p in parts] == [30]


def test_other_hand_is_left_out_and_the_named_one_stays(made, tmp_path):
    assert noted(made, tmp_path, side="left") == []
    assert len(noted(made, tmp_path, side="right", person="p1")) == 1
    assert noted(made, tmp_path, person="p1")[0].source["person"] == "p1"
