"""Simulators: the same start from the same seed, limits, teachers, names that are not there."""

import importlib.util

import numpy as np
import pytest

from rotoscope.models.simulators.rollout import rollout, scripted_expert
from rotoscope.models.simulators.simulator import Simulator, Views, open_simulator
from rotoscope.pipeline.errors import UsageError

pytest.importorskip("gymnasium")
CART_POLE = "gymnasium:CartPole-v1"


@pytest.fixture(scope="module")
def cart_pole():
    simulator = open_simulator(CART_POLE, Views(("front",), 48, 32))
    yield simulator
    simulator.close()


@pytest.fixture(scope="module")
def push():
    # Looked for, not imported: MuJoCo must first be told how to draw.
    if importlib.util.find_spec("metaworld") is None:
        pytest.skip("metaworld is not installed")
    simulator = open_simulator("metaworld:push-v3", Views(("corner2",), 48, 32))
    yield simulator
    simulator.close()


def test_observation_holds_state_and_pictures_of_the_size_asked_for(cart_pole, push):
    for simulator, camera in ((cart_pole, "front"), (push, "corner2")):
        assert isinstance(simulator, Simulator)
        seen = simulator.reset(3)
        assert seen["observation.state"].shape == (len(simulator.facts.state_names),)
        image = seen[f"observation.images.{camera}"]
        assert image.shape == (32, 48, 3)
        assert image.dtype == np.uint8
        assert np.ptp(image) > 100


def test_same_seed_gives_the_same_start_and_another_does_not(cart_pole, push):
    for simulator in (cart_pole, push):
        first, again, other = (simulator.reset(seed)["observation.state"] for seed in (5, 5, 6))
        np.testing.assert_array_equal(first, again)
        assert np.abs(first - other).max() > 1e-4


def test_first_row_tells_where_things_stand_now(push):
    # Meta-World's own reset tells where the drawer of the layout before stood, 10 cm away.
    drawer = open_simulator("metaworld:drawer-open-v3")
    first = drawer.reset(3)["observation.state"]
    second = drawer.step(np.zeros(4)).observation["observation.state"]
    np.testing.assert_allclose(first[4:7], second[4:7], atol=1e-3)


def test_first_picture_is_drawn_from_the_same_place_as_later_ones(push):
    first = push.reset(7)["observation.images.corner2"].astype(int)
    push.step(np.zeros(4))
    again = push.reset(7)["observation.images.corner2"].astype(int)
    assert np.abs(first - again).mean() < 1.0


def test_teachers_solve_their_tasks_and_the_episode_ends_soon_after(cart_pole, push):
    steps = list(rollout(push, scripted_expert(push), seed=11, steps_after_success=4))
    solved = [t.step.is_success for t in steps]
    assert solved.index(True) == len(steps) - 5
    held = open_simulator(CART_POLE)
    steps = list(rollout(held, scripted_expert(held), seed=1))
    assert len(steps) == 500
    assert steps[-1].step.is_success
    assert not steps[-2].step.is_success


def test_a_given_horizon_cuts_an_episode(cart_pole):
    steps = list(rollout(cart_pole, scripted_expert(cart_pole), seed=1, horizon=30))
    assert len(steps) == 30


def test_actions_beyond_the_limits_are_clipped(push):
    step = next(rollout(push, lambda seen: np.full(4, 9.0), seed=2))
    np.testing.assert_array_equal(step.action, np.ones(4, np.float32))


def test_falling_pole_is_no_success(cart_pole):
    steps = list(rollout(cart_pole, lambda seen: np.zeros(1), seed=0))
    assert len(steps) < 20
    assert steps[-1].step.is_over
    assert not steps[-1].step.is_success


@pytest.mark.parametrize(
    ("name", "views", "message"),
    [
        ("mujoco:ant", Views(), "unknown simulator 'mujoco:ant'; name one of gymnasium, metaworld"),
        ("gymnasium:Ant-v99", Views(), "gymnasium:Ant-v99: .*'CartPole-v1', .* have an expert"),
        (CART_POLE, Views(("side",)), "has no camera 'side'; it has front"),
    ],
)
def test_names_that_are_not_there_are_refused(name, views, message):
    with pytest.raises(UsageError, match=message):
        open_simulator(name, views)


def test_missing_package_says_what_to_install(monkeypatch):
    from rotoscope.models.simulators import simulator

    monkeypatch.setattr(simulator.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs the package gymnasium.*rotoscope\[bench\]"):
        open_simulator(CART_POLE)
