"""Numbers that take few values, such as a gripper's command, are labeled with one of them."""

from dataclasses import replace

import numpy as np
import pytest

from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.infer import infer_episode
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.pipeline.contract import ActionContract, Dimension

RATE_HZ = 20.0
RIDGE = InverseDynamicsConfig.model_validate({"kind": "ridge", "inputs": ("observation.state",)})


def episode(seed, values, rows=90):
    """A hand goes to and fro; what its gripper is told shows a little later in its opening."""
    generator = np.random.default_rng(seed)
    speed = np.convolve(generator.normal(size=rows + 10), np.ones(11) / 11, "same")[5:-5]
    told = values[(np.arange(rows) // generator.integers(18, 30)) % len(values)]
    opening = np.zeros(rows)
    for row in range(1, rows):
        opening[row] = opening[row - 1] + 0.4 * (told[row - 1] - opening[row - 1])
    seen = np.stack([np.cumsum(speed), opening + 0.02 * generator.normal(size=rows)], axis=1)
    return LabeledEpisode(
        name=f"episode {seed}", time_s=np.arange(rows) / RATE_HZ, features=seen,
        actions=np.stack([speed, told], axis=1), valid=np.ones(rows, bool),
    )  # fmt: skip


def dataset(seeds, values):
    dimensions = (
        Dimension(name="x", quantity="position", unit="m"),
        Dimension(name="gripper", quantity="gripper", unit="percent"),
    )
    contract = ActionContract(
        robot="hand", dimensions=dimensions, mode="delta", rate_hz=RATE_HZ, shift_s=0
    )
    episodes = tuple(episode(s, np.array(values)) for s in seeds)
    return LabeledSet(episodes, contract, ("observation.state",), (2,))


@pytest.mark.parametrize("values", [(0.0, 100.0), (-1.0, 0.1), (0.0, 40.0, 100.0)])
def test_a_gripper_that_opens_and_shuts_is_never_half_shut(tmp_path, values):
    labeler = train_inverse_dynamics(dataset(range(5), values), RIDGE, tmp_path / "labeler")
    assert labeler.facts.levels == {"gripper": tuple(sorted(values))}
    asked = dataset([50], values).episodes[0]
    labels, known = infer_episode(labeler, asked)
    assert set(np.unique(labels.values[:, 1])) <= set(values)
    assert (labels.values[:, 1] == asked.actions[known, 1]).mean() > 0.85
    assert len(np.unique(labels.values[:, 0])) > 50


def test_an_interval_about_a_level_holds_that_about_the_guess(tmp_path):
    """What lies near the middle may be either: its interval says so."""
    labeler = train_inverse_dynamics(dataset(range(5), (0.0, 100.0)), RIDGE, tmp_path / "labeler")
    at, num = np.array([[0.0, 2.0], [0.0, 48.0], [0.0, 51.0]]), np.full((3, 2), 0.1)
    labels = labeler.with_intervals(at, num, np.zeros((1, 3, 2)), 1.0)
    np.testing.assert_array_equal(labels.values[:, 1], [0.0, 0.0, 100.0])
    reach = 0.1 * labeler.scaling.spread[1]
    np.testing.assert_allclose(labels.half_width[:, 1] - reach, [2.0, 48.0, 49.0])
    assert labels.confidence[0] > labels.confidence[1]


def test_what_is_hardly_seen_is_left_between(tmp_path):
    """A gripper whose opening says nothing of what it is told: a guess is off by all of it."""
    data = dataset(range(5), (0.0, 100.0))
    blind = tuple(
        replace(e, features=np.stack([e.features[:, 0], np.zeros(len(e.time_s))], axis=1))
        for e in data.episodes
    )
    labeler = train_inverse_dynamics(replace(data, episodes=blind), RIDGE, tmp_path / "labeler")
    assert labeler.facts.levels == {}


def test_what_is_between_now_and_then_is_a_number():
    data = dataset(range(3), (0.0, 1.0))
    first = data.episodes[0]
    rare = first.actions.copy()
    rare[4, 1] = 0.5  # one row of 270 is less than a share of any value
    assert replace(data, episodes=(replace(first, actions=rare), *data.episodes[1:])).levels() == {}
    assert data.levels() == {"gripper": (0.0, 1.0)}
