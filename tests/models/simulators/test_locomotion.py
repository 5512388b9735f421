"""Robots that run: their facts fit Gymnasium's, and their linear teachers run."""

import numpy as np
import pytest

pytest.importorskip("gymnasium.envs.mujoco", reason="the extra `bench` is not installed")

from rotoscope.models.simulators.linear_gaits import LinearGait
from rotoscope.models.simulators.locomotion import ROBOTS
from rotoscope.models.simulators.rollout import rollout, scripted_expert
from rotoscope.models.simulators.simulator import STATE, Views, open_simulator

LEAST = {"HalfCheetah-v5": 500.0, "Hopper-v5": 200.0}
"""Return of a teacher in 200 steps; random actions give less than 30."""


@pytest.fixture(params=ROBOTS)
def simulator(request):
    made = open_simulator(f"gymnasium:{request.param}")
    yield made
    made.close()


def test_names_are_those_of_states_and_actions(simulator):
    seen = simulator.reset(0)[STATE]
    assert seen.shape == (len(simulator.facts.state_names),)
    robot = ROBOTS[simulator.facts.name.partition(":")[2]]
    assert robot.gait.weight.shape == (len(robot.joints), len(seen))
    assert simulator.facts.contract.rate_hz == simulator.facts.fps


def test_the_same_seed_gives_the_same_episode(simulator):
    runs = [
        [t.step.reward for t in rollout(simulator, scripted_expert(simulator), seed=3, horizon=40)]
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert (simulator.reset(3)[STATE] != simulator.reset(4)[STATE]).any()


def test_the_teacher_moves_forward(simulator):
    steps = list(rollout(simulator, scripted_expert(simulator), seed=0, horizon=200))
    assert len(steps) == 200
    assert sum(t.step.reward for t in steps) > LEAST[simulator.facts.name.partition(":")[2]]


def test_a_gait_stays_within_its_torques():
    gait = LinearGait(np.array([[10.0, 0.0]]), np.array([0.5]))
    np.testing.assert_allclose(gait(np.array([0.01, 5.0])), [0.6])
    np.testing.assert_allclose(gait(np.array([9.0, 5.0])), [1.0])
    np.testing.assert_allclose(gait(np.array([-9.0, 5.0])), [-1.0])


def test_it_can_be_seen():
    simulator = open_simulator("gymnasium:HalfCheetah-v5", Views(("track",), 32, 24))
    picture = simulator.reset(0)["observation.images.track"]
    simulator.close()
    assert picture.shape == (24, 32, 3)
    assert picture.std() > 1
