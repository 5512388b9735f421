"""What stands in `observation.state`: never the action itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.episodes.assemble import build_episodes
from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.episodes.state_columns import seen_state
from rotoscope.pipeline.errors import ContractError, TrackError
from rotoscope.pipeline.recipe_sections import ExportSection
from rotoscope.pipeline.testing import a_clip
from rotoscope.pipeline.tracks import REASONS, ActionTrack, FeatureTrack, SegmentTrack

RATE_HZ, FRAMES = 20.0, 61
NAME = "actions.learned.scene"


def clip():
    return a_clip(FRAMES, rate_hz=RATE_HZ)


def contract(**changes):
    push = Dimension(name="push", quantity="joint", unit="1")
    grip = Dimension(name="grip", quantity="discrete", unit="1", lower=0, upper=3)
    facts = {"robot": "r", "dimensions": (push, grip), "rate_hz": RATE_HZ, "shift_s": 0}
    return ActionContract(**facts | {"is_state": False} | changes)


def tracks(seen=None, **changes):
    frame = np.arange(FRAMES, dtype=float)
    ones = np.ones(FRAMES, bool)
    actions = ActionTrack(
        labeler="learned", subject="scene", contract=contract(**changes),
        values=np.stack([frame / 10, frame % 4], axis=1), valid=ones, confidence=ones * 0.9,
        reason=np.zeros(FRAMES, np.uint8),
    )  # fmt: skip
    points = np.stack([frame, -frame], axis=1) if seen is None else seen
    feature = FeatureTrack("track.point", "scene", points, ("x", "y"), "px", "A point.")
    segments = SegmentTrack(actions=NAME, start=(0,), end=(FRAMES,), dropped={})
    return {NAME: actions, "features.point": feature, f"segments.{NAME}": segments}


def build(made, fps=20, **export):
    section = ExportSection(fps=fps, **export)
    return build_episodes(clip(), made, labeler="learned", export=section, task="push")


def test_commands_stand_at_their_own_row_and_there_is_no_state():
    (made,) = build(tracks(), shift_frames=3)
    assert made.state is None
    assert made.num_rows == FRAMES
    np.testing.assert_allclose(made.action[:, 0], np.arange(FRAMES) / 10)
    assert made.contract.shift_s == 0
    assert not made.contract.is_state


def test_states_are_still_shifted_into_actions():
    (made,) = build(tracks(is_state=True), shift_frames=2)
    np.testing.assert_allclose(made.action[:, 0], np.arange(2, FRAMES) / 10)
    np.testing.assert_allclose(made.state[:, 0], np.arange(FRAMES - 2) / 10)


def test_seen_features_become_the_state():
    (made,) = build(tracks(), state=("track.point",))
    np.testing.assert_allclose(made.state[:, 0], np.arange(FRAMES))
    assert made.state_columns.names == ("x", "y")
    assert made.state_columns.unit == "px"


def test_rows_with_an_unknown_state_are_finite_and_not_valid():
    points = np.stack([np.arange(FRAMES, dtype=float)] * 2, axis=1)
    points[10:14] = np.nan
    (made,) = build(tracks(points), state=("track.point",))
    assert np.flatnonzero(~made.valid).tolist() == [10, 11, 12, 13]
    assert made.state[10:14, 0].tolist() == [9, 9, 14, 14]
    assert (made.confidence[10:14] == 0).all()
    assert {REASONS[r] for r in made.reason[10:14]} == {"not_seen"}


def test_stretch_whose_state_is_never_known_is_no_episode():
    assert build(tracks(np.full((FRAMES, 2), np.nan)), state=("track.point",)) == []


def test_unknown_state_feature_is_named_with_those_there():
    with pytest.raises(TrackError, match=r"'track\.nothing'.*'track\.point'"):
        build(tracks(), state=("track.nothing",))


def test_steps_of_another_rate_are_refused():
    with pytest.raises(ContractError, match=r"at 20 Hz.*30 rows.*export\.fps=20"):
        build(tracks(), fps=30)


def test_choices_are_never_mixed():
    made = tracks()
    (fine,) = build(made)
    assert set(np.unique(fine.action[:, 1])) == {0, 1, 2, 3}
    # States of another rate than the dataset's fall between frames.
    (coarse,) = build(tracks(is_state=True), fps=30, shift_frames=0)
    assert set(np.unique(coarse.action[:, 1])) <= {0, 1, 2, 3}
    assert len(np.unique(np.round(coarse.action[:, 0] * 10, 6))) > FRAMES


def test_command_contract_with_a_shift_is_refused():
    with pytest.raises(ValueError, match="shift_s must be 0"):
        contract(shift_s=0.1)


@given(st.lists(st.booleans(), min_size=2, max_size=40).filter(any))
def test_filled_rows_repeat_the_nearest_known_one(known):
    known = np.array(known)
    values = np.where(known, np.arange(len(known), dtype=float), np.nan)[:, None]
    made = seen_state({"track.a": Feature(values, ("a",), "1", "A.")}, ["track.a"])
    np.testing.assert_array_equal(made.is_known, known)
    rows = np.arange(len(known))
    distance = np.abs(np.flatnonzero(known)[None] - rows[:, None]).min(1)
    np.testing.assert_array_equal(np.abs(made.values[:, 0] - rows), distance)


def test_names_that_two_features_share_carry_the_features_name():
    feature = Feature(np.zeros((3, 1)), ("x",), "m", "X.")
    made = seen_state({"track.a": feature, "track.b": feature}, ["track.a", "track.b"])
    assert made.columns.names == ("track.a.x", "track.b.x")


def test_actions_that_curation_doubts_are_not_valid():
    made = tracks()
    doubted = np.arange(FRAMES) == 7
    name = f"segments.{NAME}"
    made[name] = made[name].replace(doubted=doubted)
    (episode,) = build(made)
    np.testing.assert_array_equal(episode.valid, ~doubted)
    assert REASONS[episode.reason[7]] == "low_confidence"
