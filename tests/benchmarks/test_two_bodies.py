"""The scene of two arms: its actions are the motion of the end effector, and pictures show it."""

import numpy as np
import pytest

from benchmarks import _two_bodies
from rotoscope.pipeline.errors import AssetError, RobotError


@pytest.mark.parametrize("robot", ["panda", "ur5e_2f85"])
def test_actions_lead_along_the_end_effectors_way_and_pictures_show_it(robot):
    try:
        made = _two_bodies.film(robot, num=2, rows=8)
    except (AssetError, RobotError) as error:
        pytest.skip(str(error))
    assert made.images.shape == (2, 8, 64, 64, 3)
    way = made.p_m[:, :1] + np.cumsum(made.actions[:, :-1, :3], axis=1)
    np.testing.assert_allclose(way, made.p_m[:, 1:], atol=1e-12)
    assert np.isnan(made.actions[:, -1]).all()
    for episode in range(2):
        asked_m, opening01 = _two_bodies.wanted(_two_bodies.generator_of(robot, episode), 8)
        assert np.linalg.norm(made.p_m[episode] - asked_m, axis=1).max() < 2e-3
        np.testing.assert_array_equal(made.actions[episode, :-1, 3], opening01[1:])
    moved_m = np.linalg.norm(made.actions[:, :-1, :3], axis=2).ravel()
    changed = np.abs(np.diff(made.images.astype(int), axis=1)).mean(axis=(2, 3, 4)).ravel()
    assert np.corrcoef(moved_m, changed)[0, 1] > 0.5
    assert made.images.std() > 10


def test_labels_of_both_arms_mean_the_same():
    made = _two_bodies.Filmed(
        "panda",
        np.zeros((2, 3, 64, 64, 3), np.uint8),
        np.arange(18.0).reshape(2, 3, 3) ** 2,
        np.array([[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]]),
    )
    data = made.labeled([1])
    assert data.contract == _two_bodies.contract()
    (episode,) = data.episodes
    assert episode.valid.tolist() == [True, True, False]
    np.testing.assert_array_equal(episode.actions[0], [63.0, 69.0, 75.0, 0.5])
