"""An arm whose hand leads it into itself gives way, and says so where it cannot."""

import numpy as np
import pytest

from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.testing import a_clip
from rotoscope.pipeline.tracks import REASONS, GripperTrack, QualityTrack
from rotoscope.retarget.arm.config import RetargetArmConfig
from rotoscope.retarget.arm.stage import RetargetArm
from rotoscope.retarget.collision.model import CollisionModel
from rotoscope.retarget.collision.overlap import TOLERANCE_OVERLAP_M, overlap_of
from rotoscope.retarget.robots.arm import load_arm

NUM_FRAMES = 90
TIME_S = np.arange(NUM_FRAMES) / 30.0


def down_track(p_m: np.ndarray) -> GripperTrack:
    """A gripper that points down along a way given in the base frame, seen all the time."""
    R = np.stack([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], axis=1)
    num = len(p_m)
    return GripperTrack(
        side="right",
        T_camera_ee=np.stack([se3.make(R, p) for p in p_m]),
        aperture_m=np.full(num, 0.04),
        opening=np.full(num, 0.5),
        grasping=np.zeros(num, bool),
        valid=np.ones(num, bool),
        filled=np.zeros(num, bool),
        sigma_position_m=np.full((num, 3), 0.002),
        sigma_rotation_rad=np.full(num, 0.02),
    )


def run(p_m: np.ndarray, **config):
    stage = RetargetArm(RetargetArmConfig(T_camera_base=np.eye(4).tolist(), **config))
    made = stage.run(a_clip(TIME_S), {"gripper.right": down_track(p_m)})
    quality = made["quality.retarget.arm.right"]
    assert isinstance(quality, QualityTrack)
    return made["actions.retarget.arm.right"], quality.facts


def into_the_base(depth_m: float) -> np.ndarray:
    """From in front of the arm to a place over its base's edge, and back."""
    share = np.sin(np.linspace(0, np.pi, NUM_FRAMES)) ** 2
    x = 0.5 - (0.5 - depth_m) * share
    return np.column_stack([x, np.zeros(NUM_FRAMES), np.full(NUM_FRAMES, 0.15)])


def test_no_valid_frame_has_links_inside_each_other(panda):
    actions, facts = run(into_the_base(0.02))
    joints = actions.values[:, :7]
    fingers = [panda.finger_joints(v / 100.0) for v in actions.values[:, 7]]
    depth = overlap_of(CollisionModel(panda), joints, others=fingers).itself_m
    assert (depth[actions.valid] <= TOLERANCE_OVERLAP_M).all()
    is_collision = actions.reason == REASONS.index("collision")
    assert (depth[is_collision] > TOLERANCE_OVERLAP_M).all()
    assert facts["touching_frames"] == (depth > TOLERANCE_OVERLAP_M).sum()
    assert not actions.valid[NUM_FRAMES // 2]  # the hand is inside the base there
    assert actions.valid[:20].all()
    assert not actions.contract.violations(actions.values).any()
    assert not actions.contract.rate_violations(actions.values).any()


def test_motion_in_which_nothing_touches_is_left_as_it_is(panda):
    actions, facts = run(into_the_base(0.4))
    assert actions.valid.all()
    assert facts["touching_frames"] == 0
    assert facts["overlap_mm"] == 0.0


def test_arm_keeps_above_a_table_that_is_told_of(panda):
    over = into_the_base(0.4) - [0.0, 0.0, 0.25]
    free, _ = run(over)
    told, facts = run(over, table_m=0.0)
    assert free.valid.mean() > 0.9
    assert not told.valid.any()
    assert facts["touching_frames"] <= (told.reason == REASONS.index("below_ground")).sum()


def test_other_things_in_the_file_of_an_arm_are_not_the_arm():
    try:
        viperx = load_arm("viperx")
    except AssetError as error:
        pytest.skip(str(error))
    shapes = CollisionModel(viperx)
    shapes.place(viperx.rest)
    links = {shapes.name_of(g) for g in range(shapes.model.ngeom) if shapes.model.geom_contype[g]}
    assert "table" not in links
    assert not any(link.startswith("vx300s_right") for link in links)
    assert "vx300s_left/gripper_link" in links
