"""Distances between rows of features."""

import carried_paths as paths
import numpy as np
import pytest

from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.rewards.features import distances, scale_of


def test_axes_of_one_thing_share_a_scale_and_still_things_are_left_out():
    demo = np.c_[np.linspace(0, 2, 50), np.linspace(0, 0.01, 50), np.full(50, 7.0)]
    scale = scale_of([demo], ("hand.x", "hand.y", "goal.x"))
    assert [group.tolist() for group in scale.groups] == [[0, 1]]
    assert scale.scales == pytest.approx((demo[:, 0].std(),))


def test_numbers_of_one_vector_share_a_scale():
    demo = np.random.default_rng(0).normal(size=(30, 3))
    assert len(scale_of([demo], ("pca.0", "pca.1", "pca.12")).groups) == 1
    assert len(scale_of([demo], ("pan.pos", "lift.pos", "jaw.pos")).groups) == 3
    assert len(scale_of([demo], ("ee.x", "ee.wx", "ee.gripper_pos")).groups) == 3


def test_distance_is_a_root_mean_square_over_groups_in_their_scales():
    demo = paths.carried()
    scale = scale_of([demo], paths.NAMES)
    found = distances(demo[:7], demo[40:], scale)
    for row, other in ((0, 0), (3, 5), (6, 19)):
        apart = demo[row] - demo[40 + other]
        hand, thing = (np.linalg.norm(apart[i : i + 2]) / scale.scales[i // 2] for i in (0, 2))
        assert found[row, other] == pytest.approx(np.sqrt((hand**2 + thing**2) / 2))


def test_units_do_not_matter():
    demo, other = paths.carried(), paths.carried(40, seed=3)
    factors = np.array([1000.0, 1000.0, 0.01, 0.01])
    ours = distances(other, demo, scale_of([demo], paths.NAMES))
    theirs = distances(other * factors, demo * factors, scale_of([demo * factors], paths.NAMES))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_what_is_not_known_is_left_out_of_the_mean():
    demo = paths.carried()
    rows = paths.carried()
    rows[5, 2], rows[6] = np.nan, np.nan
    found = distances(rows, demo, scale_of([demo], paths.NAMES))
    hand = scale_of([demo[:, :2]], paths.NAMES[:2])
    np.testing.assert_allclose(found[5], distances(rows[5:6, :2], demo[:, :2], hand)[0], atol=1e-6)
    assert np.isnan(found[6]).all()


def test_demonstration_in_which_nothing_moves_is_refused():
    with pytest.raises(DatasetError, match=r"none of 'hand\.', 'thing\.' moves"):
        scale_of([np.ones((20, 4))], paths.NAMES)
    with pytest.raises(DatasetError, match="moves in the demonstrations"):
        scale_of([np.full((20, 4), np.nan)], paths.NAMES)
