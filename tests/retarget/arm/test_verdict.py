"""Which frames an arm follows well enough, and why not."""

import numpy as np
import pytest

from rotoscope.pipeline.tracks import REASONS
from rotoscope.retarget.arm.solve import TrajectorySolution
from rotoscope.retarget.arm.verdict import judge_arm


def verdict(
    error_m,
    error_rad,
    *,
    judged_rad=None,
    fast=True,
    seen=True,
    sigma_m=(0.01, 0.02, 0.05),
    sigma_rad=0.2,
):
    """Of one frame, with tolerances of 5 mm and 0.05 rad."""
    judged_rad = error_rad if judged_rad is None else judged_rad
    is_reached = (error_m <= 0.005) & (judged_rad <= 0.05)
    solution = TrajectorySolution(
        joints=np.zeros((1, 6)),
        error_m=np.array([error_m]),
        error_rad=np.array([error_rad]),
        judged_rad=np.array([judged_rad]),
        is_reached=np.array([is_reached]),
        is_too_fast=np.array([fast and not is_reached]),
    )
    return judge_arm(
        solution,
        is_observed=np.array([seen]),
        sigma_position_m=np.array([sigma_m]),
        sigma_rotation_rad=np.array([sigma_rad]),
        tolerance_m=0.005,
        tolerance_rad=np.array([0.05]),
    )


@pytest.mark.parametrize(
    ("facts", "position", "rotation", "is_slowed", "reason"),
    [
        ({"error_m": 0.004, "error_rad": 0.04}, True, True, False, "valid"),
        ({"error_m": 0.009, "error_rad": 0.19}, True, True, True, "valid"),
        ({"error_m": 0.004, "error_rad": 0.21}, True, False, False, "velocity_limit"),
        # The best known axis decides: nobody can tell which way the deviation points.
        ({"error_m": 0.011, "error_rad": 0.04}, False, True, False, "velocity_limit"),
        ({"error_m": 0.009, "error_rad": 0.04, "fast": False}, False, True, False, "unreachable"),
        ({"error_m": 0.004, "error_rad": 0.19, "fast": False}, True, False, False, "unreachable"),
        ({"error_m": 0.004, "error_rad": 0.04, "seen": False}, False, False, False, "gap_filled"),
        ({"error_m": 0.009, "error_rad": 0.19, "seen": False}, False, False, False, "gap_filled"),
    ],
)
def test_verdict_of_a_frame(facts, position, rotation, is_slowed, reason):
    found = verdict(**facts)
    assert found.position[0] == position
    assert found.rotation[0] == rotation
    assert found.is_slowed[0] == is_slowed
    assert REASONS[found.reason[0]] == reason


def test_arm_that_is_asked_for_the_approach_alone_claims_no_rotation():
    found = verdict(0.004, 1.2, judged_rad=0.04, fast=False)
    assert REASONS[found.reason[0]] == "valid"
    assert not found.rotation[0]
    assert found.judged_chance[0] > 0.5 > found.rotation_chance[0]
    beside = verdict(0.004, 1.2, judged_rad=0.06, fast=False)
    assert REASONS[beside.reason[0]] == "unreachable"


def test_unknown_or_small_sigma_leaves_the_tolerance():
    unknown = {"sigma_m": (np.nan,) * 3, "sigma_rad": np.nan}
    assert verdict(0.004, 0.04, **unknown).rotation[0]
    assert not verdict(0.009, 0.04, **unknown).position[0]
    assert not verdict(0.004, 0.06, **unknown).rotation[0]
    exact = {"sigma_m": (1e-4,) * 3, "sigma_rad": 1e-3}
    assert verdict(0.004, 0.04, **exact).reason[0] == REASONS.index("valid")
