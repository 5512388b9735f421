"""What is left out of a dataset follows from scores and limits alone."""

import numpy as np
import pytest

from rotoscope.pipeline.curation.config import load_curation
from rotoscope.pipeline.curation.decide import decide
from rotoscope.pipeline.curation.histogram import histogram
from rotoscope.pipeline.curation.score import Score, by_episode
from rotoscope.pipeline.errors import RecipeError
from rotoscope.pipeline.export.pieces import Piece

LENGTHS = {0: 20, 3: 30, 5: 10}


def by_row(name, rows):
    values = {i: np.zeros(n) for i, n in LENGTHS.items()}
    for episode, start, end in rows:
        values[episode][start:end] = 1.0
    return Score(name, "s", "", "high", "row", values)


def by_whole(name, values, worse="high"):
    return Score(name, "1", "", worse, "episode", by_episode(values, LENGTHS))


def kept(scores, *settings, keep=()):
    config = load_curation("", list(settings))
    return decide(scores, config, LENGTHS, fps=10, keep=keep)


def test_score_only_leaves_nothing_out():
    found = kept([by_whole("motion_error", {0: 9, 3: 9, 5: 9}), by_row("idle", [(0, 0, 20)])])
    assert found.kept == (Piece(0, 0, 20), Piece(3, 0, 30), Piece(5, 0, 10))
    assert found.dropped == ()


def test_episodes_beyond_the_limit_go_whole_and_the_limit_itself_stays():
    score = by_whole("motion_error", {0: 1.5, 3: 1.6, 5: float("nan")})
    found = kept([score], "motion_error.mode=filter")
    assert found.kept == (Piece(0, 0, 20), Piece(5, 0, 10))
    (one,) = found.dropped
    assert (one.episode, one.start, one.end, one.why) == (3, 0, 30, "motion_error")
    assert (one.value, one.limit) == (pytest.approx(1.6), 1.5)


def test_low_is_worse_where_a_score_says_so():
    found = kept([by_whole("success", {0: 1, 3: 0, 5: 1}, "low")], "success.mode=filter")
    assert [piece.episode for piece in found.kept] == [0, 5]


def test_rows_are_cut_out_and_short_rests_go_with_them():
    score = by_row("detour", [(3, 4, 12), (0, 0, 5)])
    found = kept([score], "detour.mode=filter", "min_piece_s=0.5")
    assert found.kept == (Piece(0, 5, 20), Piece(3, 12, 30), Piece(5, 0, 10))
    assert [(d.episode, d.start, d.end, d.why) for d in found.dropped] == [
        (0, 0, 5, "detour"),
        (3, 4, 12, "detour"),
        (3, 0, 4, "too_short"),
    ]
    assert found.episodes_by_reason() == {"detour": 2, "too_short": 1}


def test_an_uncut_episode_may_be_short():
    assert Piece(5, 0, 10) in kept([by_row("detour", [(0, 0, 5)])], "detour.mode=filter",
                                   "min_piece_s=9").kept  # fmt: skip


def test_episodes_to_keep_stay_whatever_scores_say():
    score = by_whole("motion_error", {0: 9, 3: 9, 5: 1})
    found = kept([score], "motion_error.mode=filter", keep={3})
    assert [piece.episode for piece in found.kept] == [3, 5]


def test_recipes_and_overrides_are_read_and_off_is_no_bool(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("idle: {mode: off}\nmotion: [track.hand.wrist]\n")
    config = load_curation(str(mine), ["lag.mode=filter"])
    assert config.idle.mode == "off"
    assert (config.lag.mode, config.lag.limit) == ("filter", 0.03)
    assert config.motion == ("track.hand.wrist",)
    assert load_curation("labels").motion_error.mode == "filter"
    assert load_curation("detours").detour.mode == "filter"


@pytest.mark.parametrize(
    ("recipe", "overrides", "match"),
    [
        ("", ["smoothness.mode=filter"], "mode=filter needs a limit; look at the histogram"),
        ("", ["smothness.mode=off"], "unknown key 'smothness'; valid keys are 'detour', "),
        ("", ["idle.mode=on"], "idle.mode: Input should be 'off', 'score-only' or 'filter'"),
        ("goode", [], "no curation recipe 'goode'; those that ship are 'detours', 'labels'"),
        ("missing.yaml", [], "missing.yaml"),
    ],
)
def test_settings_that_cannot_be_say_what_is_allowed(recipe, overrides, match):
    with pytest.raises(RecipeError, match=match):
        load_curation(recipe, overrides)


def test_a_histogram_shows_every_bin_that_holds_anything():
    values = [0.0] * 100 + [1.0, float("nan")]
    assert histogram(values, 4) == "█  ▁"
    assert histogram([float("nan")]) == ""
