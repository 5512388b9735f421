"""Every frame of a video that gave nothing is counted once, with what took it."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from rotoscope.pipeline import registry
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run.losses import Losses, gate_name
from rotoscope.pipeline.stages.curate import Curate, CurateConfig
from rotoscope.pipeline.testing import a_clip, a_hand_track
from rotoscope.pipeline.tracks import HAND_GATES, REASONS, ActionTrack

RECIPE = load_recipe("hand-gripper")
ENTRIES = {entry.name: entry for entry in RECIPE.stages}
NUM = 60


def valid_but(*spans):
    valid = np.ones(NUM, bool)
    for span in spans:
        valid[span] = False
    return valid


def hand(valid, *, found=None, side="right", **gates):
    """A hand that is valid in some frames, was found in some, and was taken by checks in some."""
    score = np.where(valid if found is None else found, 0.9, np.nan)
    gate = np.zeros(NUM, np.uint8)
    for name, span in gates.items():
        gate[span] = HAND_GATES.index(name)
    return {f"hands.{side}": a_hand_track(NUM, side=side, valid=valid, score=score, gate=gate)}


def arm(reason, side="right"):
    valid = reason == 0
    contract = ActionContract(
        robot="lamp",
        dimensions=(Dimension(name="lamp.pos", quantity="joint", unit="rad"),),
        rate_hz=30,
        shift_s=0,
    )
    track = ActionTrack(
        labeler="retarget.arm",
        subject=side,
        contract=contract,
        values=np.zeros((NUM, 1)),
        valid=valid,
        confidence=valid.astype(float),
        reason=reason.astype(np.uint8),
    )
    return {f"actions.retarget.arm.{side}": track}


def reasons(**spans):
    out = np.zeros(NUM, np.uint8)
    for name, span in spans.items():
        out[span] = REASONS.index(name)
    return out


def losses_of(*steps, **curate):
    """What is said after stages that made these tracks, and curation of the actions."""
    losses = Losses(RECIPE)
    losses.begin("shots", NUM + 5, [NUM])
    for name, made in steps:
        losses.after(ENTRIES[name], [made])
        if name == "retarget.arm":
            segments = Curate(CurateConfig(**curate)).run(a_clip(NUM), made)
            losses.after(ENTRIES["curate"], [dict(segments)])
    return losses


def test_a_frame_counts_with_the_first_stage_that_took_it():
    seen = valid_but(slice(0, 20))
    lifted = seen & valid_but(slice(20, 23))
    made = losses_of(
        ("hands", hand(seen, found=valid_but(slice(0, 15)))),
        ("lift", hand(lifted)),
        ("smooth", hand(lifted & valid_but(slice(30, 32)))),
        ("retarget.arm", arm(reasons(not_seen=slice(0, 23), gap_filled=slice(30, 32),
                                     velocity_limit=slice(40, 50)))),
        min_episode_s=2,
    )  # fmt: skip
    assert made.by_name() == {
        "curate too short": 25,
        "hands not seen": 15,
        "retarget.arm velocity limit": 10,
        "hands not believed": 5,
        "shots too short": 5,
        "lift": 3,
        "smooth": 2,
    }
    assert sum(made.by_name().values()) == NUM + 5
    assert made.explained() == (
        "none of 65 frames was kept: 25 curate too short, 15 hands not seen, "
        "10 retarget.arm velocity limit, 5 hands not believed, 5 shots too short, 3 lift, 2 smooth"
        "; a lower curate.min_episode_s (now 1) would give most back, up to 25 frames"
    )


def test_the_labeled_hand_counts_and_not_one_that_is_seen_more():
    made = losses_of(
        ("hands", hand(valid_but(slice(10, 60))) | hand(np.ones(NUM, bool), side="left")),
        ("retarget.arm", arm(reasons(not_seen=slice(10, 60)))),
    )
    assert made.by_name() == {"hands not seen": 50, "curate too short": 10, "shots too short": 5}


def test_of_hands_that_lost_all_the_one_that_was_seen_is_told_of():
    never = np.zeros(NUM, bool)
    made = losses_of(
        ("hands", hand(np.ones(NUM, bool)) | hand(never, side="left")),
        ("camera_motion", hand(never) | hand(never, side="left")),
    )
    assert made.by_name() == {"camera_motion": 60, "shots too short": 5}


def test_frames_that_a_later_stage_gives_back_are_not_lost():
    made = losses_of(
        ("hands", hand(valid_but(slice(0, 40)))),
        ("smooth", hand(np.ones(NUM, bool))),
        ("retarget.arm", arm(reasons())),
        min_episode_s=9,
    )
    assert made.by_name() == {"curate too short": 60, "shots too short": 5}


def test_doubted_frames_and_those_of_doubtful_stretches_are_low_confidence():
    actions = arm(reasons(unreachable=slice(0, 5)))
    made = losses_of(("retarget.arm", actions), min_confidence=1.0, min_frame_confidence=1.0)
    assert "curate low confidence" not in made.by_name()
    track = actions["actions.retarget.arm.right"]
    half = {"actions.retarget.arm.right": track.replace(confidence=0.5 * track.confidence)}
    for setting in ("min_confidence", "min_frame_confidence"):
        made = losses_of(("retarget.arm", half), **{setting: 0.6})
        assert made.by_name()["curate low confidence"] == 55
        assert sum(made.by_name().values()) == NUM + 5


def test_a_limit_that_is_off_already_is_not_named():
    for off, hint in ((0.0, "no setting gives them back"), (1.0, "a lower curate.min_episode_s")):
        losses = Losses(load_recipe("hand-gripper", [f"curate.min_episode_s={max(off, 1e-9)}"]))
        losses.recipe = replace(
            losses.recipe,
            stages=tuple(
                replace(entry, config=entry.config.model_copy(update={"min_episode_s": off}))
                if entry.name == "curate"
                else entry
                for entry in losses.recipe.stages
            ),
        )
        losses.begin("shots", NUM, [NUM])
        made = arm(reasons())
        losses.after(ENTRIES["retarget.arm"], [made])
        short = Curate(CurateConfig(min_episode_s=9)).run(a_clip(NUM), made)
        losses.after(ENTRIES["curate"], [dict(short)])
        assert hint in losses.explained()


@pytest.mark.parametrize(
    ("stage", "gate", "hint"),
    [
        ("hands", "never_moves", "a lower hands.min_motion (now 0.005)"),
        ("hands", "not_skin", "a lower hands.min_redness (now 0.015)"),
        ("hands", "drawn", "a higher hands.max_flatness (now 0.7)"),
        ("hands", "too_small", "a lower hands.min_hand_px (now 24)"),
        ("hands", "out_of_the_picture", "a higher hands.max_outside (now 0.3)"),
        ("lift", "poor_fit", "a higher lift.max_residual (now 0.055)"),
        ("lift", "too_far", "a higher lift.max_distance_m (now 3)"),
    ],
)
def test_the_setting_of_the_check_that_took_the_frames_is_named(stage, gate, hint):
    before = [("hands", hand(np.ones(NUM, bool)))] if stage == "lift" else []
    taken = hand(np.zeros(NUM, bool), found=np.ones(NUM, bool), **{gate: slice(None)})
    said = losses_of(*before, (stage, taken)).explained()
    assert said == (
        f"none of 65 frames was kept: 60 {stage} {gate.replace('_', ' ')}, 5 shots too short; "
        f"{hint} would give most back, up to 60 frames"
    )


def test_of_two_checks_of_one_stage_the_one_that_took_more_is_named():
    taken = hand(
        np.zeros(NUM, bool), found=np.ones(NUM, bool),
        palm_for_back=slice(0, 30), not_skin=slice(30, 40), too_small=slice(40, 60),
    )  # fmt: skip
    said = losses_of(("hands", taken)).explained()
    assert "30 hands palm for back, 20 hands too small, 10 hands not skin" in said
    assert "a lower hands.min_hand_px (now 24) would give most back, up to 20 frames" in said


@pytest.mark.parametrize(
    ("gate", "setting", "is_named"),
    [
        ("not_skin", "min_redness=0", True),
        ("not_skin", "min_redness=-1", False),
        ("never_moves", "min_motion=0", False),
        ("drawn", "max_flatness=1", False),
    ],
)
def test_a_setting_is_not_named_at_the_end_of_its_range(gate, setting, is_named):
    losses = Losses(load_recipe("hand-gripper", [f"hands.{setting}"]))
    losses.begin("", NUM, [NUM])
    made = hand(np.zeros(NUM, bool), found=np.ones(NUM, bool), **{gate: slice(None)})
    losses.after(ENTRIES["hands"], [made])
    assert ("would give most back" in losses.explained()) is is_named


@pytest.mark.parametrize("kind", registry.kinds())
def test_checks_that_a_setting_loosens_are_those_that_tracks_can_name(kind):
    named = {name for name in registry.stage_class(kind).loosened_by if name in HAND_GATES}
    if kind in ("hands", "lift"):
        assert named == set(registry.stage_class(kind).loosened_by)


def test_hands_that_nobody_followed_are_said_to_give_nothing():
    made = losses_of(("hands", hand(valid_but(slice(0, 50)))))
    assert made.counts() == Counter(
        {
            ("hands", "not seen"): 50,
            ("retarget.arm", "found nothing to follow"): 10,
            ("shots", "too short"): 5,
        }
    )
    assert gate_name(("lift", "taken")) == "lift"


@pytest.mark.parametrize("kind", registry.kinds())
def test_what_loosens_a_stage_is_a_number_among_its_settings(kind):
    found = registry.stage_class(kind)
    for hint in found.loosened_by.values():
        verb, name = hint.split()
        assert verb in ("lower", "higher")
        assert isinstance(getattr(found.Config(), name), float)


def test_an_empty_video_counts_all_its_frames_those_of_too_few_rows_too():
    made = losses_of(("retarget.arm", arm(reasons(unreachable=slice(0, 20)))))
    counts = made.by_name(is_empty=True)
    assert counts["export too few rows"] == 40
    assert sum(counts.values()) == NUM + 5
