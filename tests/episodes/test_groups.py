"""Rows that are valid in parts: columns by group, and actions of positions alone."""

import numpy as np
import pytest

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.episodes.assemble import build_episodes
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.recipe_sections import ExportSection
from rotoscope.pipeline.stages.curate import Curate, CurateConfig
from rotoscope.pipeline.testing import a_clip
from rotoscope.pipeline.tracks import REASONS, ActionTrack, SegmentTrack

NUM = 60
NAME = "actions.arm.right"
TURNED, OPENED = slice(20, 45), slice(50, 52)
"""Frames in which the rotation, the gripper cannot be relied on."""


def arm(**changes):
    group_valid = np.ones((NUM, 3), bool)
    group_valid[TURNED, 1], group_valid[OPENED, 2] = False, False
    valid = group_valid.all(axis=1)
    chance = np.tile([0.8, 0.5, np.nan], (NUM, 1))
    chance[TURNED, 1] = 0.0
    facts = {
        "labeler": "arm",
        "subject": "right",
        "contract": ActionContract(
            robot="lamp",
            dimensions=(Dimension(name="lamp.pos", quantity="joint", unit="rad"),),
            rate_hz=30,
            shift_s=0,
        ),
        "values": np.arange(NUM, dtype=float)[:, None],
        "valid": valid,
        "confidence": np.nanprod(chance, axis=1),
        "reason": np.where(valid, 0, REASONS.index("velocity_limit")).astype(np.uint8),
        "ee_values": np.arange(7.0) + np.arange(NUM, dtype=float)[:, None] / 100,
        "groups": ("position", "rotation", "gripper"),
        "group_valid": group_valid,
        "group_confidence": chance,
    }
    return ActionTrack(**facts | changes)


def episodes(track, space="joints", **curate):
    clip, tracks = a_clip(NUM), {NAME: track}
    tracks |= Curate(CurateConfig(min_episode_s=0.5) if not curate else CurateConfig(**curate)).run(
        clip, tracks
    )
    export = ExportSection(fps=30, action=space)
    return build_episodes(clip, tracks, labeler="arm", export=export, task="lift")


def test_each_group_has_its_column_and_the_row_is_valid_where_all_are():
    first, last = episodes(arm(), max_invalid_s=0.5, min_episode_s=0.4)
    assert first.num_rows + last.num_rows < NUM - 25
    (whole,) = episodes(arm(), max_invalid_s=5, min_valid_share=0)
    rotation = whole.features["label.valid.rotation"].values[:, 0]
    gripper = whole.features["label.valid.gripper"].values[:, 0]
    # A row is its state and the action one row later.
    np.testing.assert_array_equal(np.flatnonzero(~rotation), np.arange(19, 45))
    np.testing.assert_array_equal(np.flatnonzero(~gripper), [49, 50, 51])
    assert whole.features["label.valid.position"].values.all()
    np.testing.assert_array_equal(whole.valid, rotation & gripper)
    assert whole.features["label.valid.position"].names == ("valid",)


def test_actions_of_positions_need_no_rotation():
    (made,) = episodes(arm(), "ee_position")
    assert made.num_rows == NUM - 1
    assert made.contract.names == ["ee.x", "ee.y", "ee.z", "ee.gripper_pos"]
    assert made.contract.rotation == "none"
    np.testing.assert_allclose(made.action[:3, 3], [6.01, 6.02, 6.03])
    np.testing.assert_allclose(made.state[:3, 2], [2.0, 2.01, 2.02])
    np.testing.assert_array_equal(np.flatnonzero(~made.valid), [49, 50, 51])
    np.testing.assert_array_equal(made.valid, made.reason == 0)
    np.testing.assert_allclose(made.confidence[made.valid], 0.8)
    assert not made.features["label.valid.rotation"].values[20:44].any()
    assert made.features["label.ee"].values.shape == (NUM - 1, 7)
    assert made.features["label.joints"].names == ("lamp.pos",)


def test_actions_of_poses_need_all_groups():
    assert len(episodes(arm(), "ee", max_invalid_s=0.5, min_episode_s=0.4)) == 2
    (made,) = episodes(arm(), "ee", max_invalid_s=5, min_valid_share=0)
    assert len(made.contract.names) == 7
    np.testing.assert_allclose(made.confidence[made.valid], 0.4)


def test_what_is_judged_as_a_whole_is_so_in_every_space():
    whole = arm(groups=(), group_valid=None, group_confidence=None)
    assert whole.judged_for("ee_position") is whole
    (made,) = episodes(whole, "ee_position", max_invalid_s=5, min_valid_share=0)
    assert not made.valid[19:45].any()
    assert not [name for name in made.features if name.startswith("label.valid.")]


def test_stretches_for_one_space_are_not_taken_for_another():
    clip, track = a_clip(NUM), arm()
    tracks = {NAME: track} | Curate(CurateConfig()).run(clip, {NAME: track})
    spaces = {name: t.space for name, t in tracks.items() if isinstance(t, SegmentTrack)}
    assert spaces == {f"segments.{NAME}": None, f"segments.{NAME}.ee_position": "ee_position"}
    assert tracks[f"segments.{NAME}"].dropped == {"too_short": 33, "velocity_limit": 27}
    assert tracks[f"segments.{NAME}.ee_position"].dropped == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": ("position", "place", "gripper")}, "must be among"),
        ({"group_valid": None}, "needs group_valid"),
        ({"group_confidence": None}, "needs group_confidence"),
        ({"group_valid": np.zeros((NUM, 3), bool)}, "of which the position is not"),
    ],
)
def test_groups_that_contradict_the_track_are_refused(changes, message):
    with pytest.raises(TrackError, match=message):
        arm(**changes)
