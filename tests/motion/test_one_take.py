"""One take in two formats is one motion: AMC, and the BVH that the library was converted to."""

import numpy as np
import pytest
from amc_as_bvh import write_as_bvh

from rotoscope.pipeline.motion import read_motion
from rotoscope.retarget.humanoid.human_skeleton import LIMBS, HumanMotion


@pytest.fixture
def takes(shared_data, tmp_path):
    folder = shared_data / "mocap_fairmotion"
    amc = folder / "11_01.amc"
    bvh = write_as_bvh(amc, folder / "11.asf", tmp_path / "11_01.bvh")
    first, second = read_motion(amc), read_motion(bvh)
    # The conversion has a T-pose in front.
    return first, second, HumanMotion(second.joints_m[1:], second.time_s[1:])


def degrees(a, b):
    return np.degrees(np.arccos(np.clip((a * b).sum(axis=1), -1, 1)))


@pytest.mark.realdata
def test_limbs_and_hands_of_both_formats_point_the_same_way(takes):
    amc, _, bvh = takes
    amc = HumanMotion(amc.joints_m, amc.time_s)
    ends = [*LIMBS, *((f"{side}_wrist", f"{side}_hand") for side in ("left", "right"))]
    ends += [(f"{side}_ankle", f"{side}_toe") for side in ("left", "right")]
    for ends_of in ends:
        assert degrees(amc.direction(*ends_of), bvh.direction(*ends_of)).max() < 0.1


@pytest.mark.realdata
def test_spine_that_lost_its_uppermost_bone_leans_as_the_whole_one(takes):
    amc, second, bvh = takes
    amc = HumanMotion(amc.joints_m, amc.time_s)
    off_deg = degrees(amc.direction("pelvis", "neck"), bvh.direction("pelvis", "neck"))
    # 3.9 degrees without it; the bone above leans a little more than the one below.
    assert off_deg.max() < 1.5
    assert any("Spine1" in sentence for sentence in second.assumed)
    np.testing.assert_allclose(
        bvh.length_m((("hip", "knee"), ("knee", "ankle"))),
        amc.length_m((("hip", "knee"), ("knee", "ankle"))),
        atol=1e-3,
    )
