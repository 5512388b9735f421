"""Limbs are as sure as the joints at their ends."""

import numpy as np
import pytest

from rotoscope.pipeline.testing import a_body_track
from rotoscope.pipeline.tracks import BODY_JOINTS
from rotoscope.retarget.humanoid.limbs_sigma import LIMB_SHARE, limbs_sigma

LIMBS = (("left_elbow", "left_wrist"), ("left_knee", "left_ankle"))


def track(sigma_m):
    body = a_body_track(3)
    sigma = None if sigma_m is None else np.full(body.joints_m.shape[:2], sigma_m)
    return body.replace(sigma_joint_m=sigma)


@pytest.mark.parametrize("sigma_m", [0.01, 0.04])
def test_angle_is_the_error_across_a_limb_over_its_length(sigma_m):
    body = track(sigma_m)
    rng = np.random.default_rng(0)
    names = [end for limb in LIMBS for end in limb]
    ends = body.joints_m[0, [BODY_JOINTS.index(name) for name in names]]
    drawn = ends + rng.normal(0, LIMB_SHARE * sigma_m, (20_000, 4, 3))
    along, true = drawn[:, 1::2] - drawn[:, ::2], ends[1::2] - ends[::2]
    cosine = (along * true).sum(-1) / np.linalg.norm(along, axis=-1) / np.linalg.norm(true, axis=-1)
    expected = np.sqrt((np.arccos(np.clip(cosine, -1, 1)) ** 2).mean())
    np.testing.assert_allclose(limbs_sigma(body, LIMBS), expected, rtol=0.03)


def test_what_states_no_sigma_is_exact():
    np.testing.assert_array_equal(limbs_sigma(track(None), LIMBS), 0.0)
