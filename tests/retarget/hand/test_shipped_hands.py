"""Hands that ship follow a person's hand that closes and opens."""

import numpy as np
import pytest
from human_hands import hand_joints, seen
from walkers import clip_of

from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.stage import select
from rotoscope.retarget.hand.stage import RetargetHand, RetargetHandConfig
from rotoscope.retarget.robots.robot import load_hand

TIME_S = np.arange(24) / 15.0
CURL = 0.5 - 0.4 * np.cos(2 * np.pi * TIME_S / 1.6)


@pytest.mark.parametrize("name", ["ability_right", "ability_left", "inspire_left", "leap_left"])
def test_shipped_hand_closes_and_opens_as_a_persons_does(name):
    try:
        robot = load_hand(name)
    except AssetError as error:
        pytest.skip(str(error))
    hand = seen(hand_joints(CURL))
    stage = RetargetHand(RetargetHandConfig(robot=name))
    tracks = {"hands.right": hand}
    action = stage.run(clip_of(TIME_S), select(tracks, stage.requires + stage.uses))[
        "actions.retarget.hand.right"
    ]
    assert action.valid.mean() > 0.9
    frames = robot.frames()
    tree = robot.tree([frames["palm"], frames["tips.index"], frames["tips.middle"]])
    p = tree.forward_kinematics(action.values[:, -len(robot.joint_names) :]).p_m
    reach = np.linalg.norm(p[:, 1:] - p[:, :1], axis=2).mean(axis=1)
    # The more the person's fingers curl, the nearer the robot's tips come to its palm.
    assert np.corrcoef(CURL, reach)[0, 1] < -0.9
