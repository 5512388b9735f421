"""Fingertips are as sure as the landmarks fit the hand."""

import numpy as np
import pytest

from rotoscope.pipeline.testing import a_hand_track
from rotoscope.retarget.hand.tips_sigma import TIPS_NOISE_M, TIPS_PER_RESIDUAL, tips_sigma

FOCAL_PX = 600.0


def track(residual_m=0.0, focal_px=FOCAL_PX, **changes):
    """A hand half a meter away whose landmarks miss the fitted joints by so much."""
    hand = a_hand_track(4)
    flat = hand.joints_m.copy()
    flat[:, :, 2] = 0.5
    px = flat[:, :, :2] / 0.5 * focal_px
    facts = {"joints_m": flat, "landmarks_px": px}
    facts["reprojection_px"] = np.full(4, residual_m / 0.5 * focal_px)
    return hand.replace(**facts | changes)


@pytest.mark.parametrize("focal_px", [300.0, 1200.0])
@pytest.mark.parametrize("residual_m", [0.0, 0.002, 0.01])
def test_sigma_grows_with_the_residual_in_meters_whatever_the_picture_size(residual_m, focal_px):
    expected = np.hypot(TIPS_NOISE_M, TIPS_PER_RESIDUAL * residual_m)
    np.testing.assert_allclose(tips_sigma(track(residual_m, focal_px)), expected, rtol=1e-9)


def test_a_track_without_residuals_has_the_least_sigma_and_an_unknown_hand_none():
    np.testing.assert_allclose(tips_sigma(track(reprojection_px=None)), TIPS_NOISE_M)
    joints = track().joints_m.copy()
    joints[1] = np.nan
    assert np.isnan(tips_sigma(track(joints_m=joints))).tolist() == [False, True, False, False]
    assert np.isnan(tips_sigma(track(joints_m=None))).all()


def test_golden_values():
    np.testing.assert_allclose(tips_sigma(track(0.002))[0], 0.026077, atol=1e-6)
