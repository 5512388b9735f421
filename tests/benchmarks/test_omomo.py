"""The OMOMO clips: joint order, and the known figures of the field's tools on them."""

import numpy as np
import pytest

from benchmarks._body_metrics import body_metrics
from benchmarks._omomo import (
    CLIPS,
    OMOMO_JOINTS,
    RATE_HZ,
    holosoma_folder,
    omomo_clips,
    to_body_joints,
)
from benchmarks._wheels import peers_root
from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.tracks import BODY_JOINTS

KNOWN = {
    ("gmr", CLIPS[0]): (13.92, 24.80, 6.23),
    ("gmr", CLIPS[1]): (10.08, 12.78, 3.48),
    ("omniretarget", CLIPS[0]): (9.14, 2.29, 3.35),
    ("omniretarget", CLIPS[1]): (10.13, 1.66, 3.48),
}
"""Limb direction error [deg], sole height's standard deviation in contact [mm], skate [cm/s]."""


def test_body_joints_are_the_clip_s_joints_of_the_same_name():
    joints_m = np.random.default_rng(0).normal(size=(2, len(OMOMO_JOINTS), 3))
    found = to_body_joints(joints_m)

    def of(*names):
        return joints_m[:, [OMOMO_JOINTS.index(name) for name in names]].mean(axis=1)

    assert np.array_equal(found[:, BODY_JOINTS.index("left_knee")], of("L_Knee"))
    assert np.array_equal(found[:, BODY_JOINTS.index("right_toe")], of("R_Toe"))
    assert np.allclose(found[:, BODY_JOINTS.index("pelvis")], of("L_Hip", "R_Hip"))
    knuckles = [f"R_{finger}1" for finger in ("Index", "Middle", "Ring", "Pinky")]
    assert np.allclose(found[:, BODY_JOINTS.index("right_hand")], of(*knuckles))
    missing = {BODY_JOINTS[k] for k in np.flatnonzero(np.isnan(found).any(axis=(0, 2)))}
    assert missing == {"left_heel", "right_heel"}


@pytest.fixture(scope="module")
def clips():
    if not peers_root().is_dir():
        pytest.skip("the OMOMO clips were not fetched; `python -m benchmarks retarget_body` does")
    try:
        holosoma_folder()
    except AssetError as error:
        pytest.skip(f"the OMOMO clips cannot be had: {error}")
    return omomo_clips()


def test_people_stand_upright_on_the_ground(clips):
    for time_s, joints_m in clips.values():
        height_m = to_body_joints(joints_m)[:, [BODY_JOINTS.index("head")], 2]
        assert len(time_s) == len(joints_m)
        assert (height_m < 2.0).all()
        assert (joints_m[..., 2] > -0.01).all()


@pytest.mark.realdata
@pytest.mark.parametrize(("peer", "clip"), KNOWN)
def test_what_is_known_of_the_peers_is_found_again(shared_data, clips, peer, clip):
    with np.load(shared_data / "peers" / f"{peer}_{clip}.npz") as file:
        qpos = file["qpos"][:, :36]
    found = body_metrics(qpos, clips[clip][1][: len(qpos)], RATE_HZ)
    values = (found["limb_deg"], found["sole_std_mm"], found["skate_cm_s"])
    assert values == pytest.approx(KNOWN[peer, clip], abs=0.006)
