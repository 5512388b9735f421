"""Scores that columns of a dataset say by themselves."""

import numpy as np
import pytest

from rotoscope.pipeline.curation.said_scores import disagreement, familiarity, success
from rotoscope.pipeline.datasets.label_columns import LabelColumn
from rotoscope.pipeline.datasets.read import EpisodeRows


def rows(index, **columns):
    named = {name.replace("__", "."): np.asarray(v) for name, v in columns.items()}
    length = len(next(iter(named.values())))
    return EpisodeRows(index, {"frame_index": np.arange(length)} | named, None, 0.0, {})


def test_familiarity_is_its_column_and_unknown_without():
    score = familiarity([rows(3, label__familiarity=[0.2, 0.4])])
    assert score.of_episodes() == {3: pytest.approx(0.3)}
    assert score.worse == "low"
    assert familiarity([rows(3, action=[0.0])]).untested == "no column label.familiarity"


def test_success_is_one_where_some_row_is_solved():
    score = success([rows(0, next__success=[0, 1, 0]), rows(1, next__success=[0, 0])])
    assert score.of_episodes() == {0: 1.0, 1: 0.0}
    assert success([rows(0, action=[0.0])]).untested == "no column next.success"


def test_disagreement_is_the_mean_difference_over_the_spread_where_both_are_known():
    columns = [LabelColumn(name, ("x", "y"), None) for name in ("action", "label.other")]
    action = np.array([[0.0, 0.0], [2.0, 4.0], [0.0, 0.0], [2.0, 4.0]])  # spreads 1 and 2
    off = np.array([[1.0, 2.0], [0.0, 0.0], [np.nan, np.nan], [0.0, 2.0]])
    score = disagreement(columns, [rows(5, action=action, label__other=action + off)])
    assert score.values[5][[0, 1, 3]].tolist() == pytest.approx([1.0, 0.0, 0.5])
    assert np.isnan(score.values[5][2])
    assert "no labeler beside" in disagreement(columns[:1], [rows(5, action=action)]).untested
