"""Our simulators in Gymnasium's form: every episode counts its own steps, alone or side by side."""

import dataclasses
from functools import partial

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")

from gymnasium.vector import AutoresetMode, SyncVectorEnv  # noqa: E402

from rotoscope.models.simulators import gym_environment  # noqa: E402
from rotoscope.models.simulators.gym_environment import GymEnvironment  # noqa: E402
from rotoscope.models.simulators.simulator import STATE, Step, Views, open_simulator  # noqa: E402
from rotoscope.pipeline.errors import UsageError  # noqa: E402

NEEDED, HORIZON = 5, 8
PUSH, REST = np.ones(1, np.float32), np.zeros(1, np.float32)


class Ladder:
    """Solved when it was pushed five times; over by itself when it was pulled once."""

    views = Views()

    def __init__(self):
        held = open_simulator("gymnasium:CartPole-v1")
        names = ("height", "seed")
        self.facts = dataclasses.replace(held.facts, horizon=HORIZON, state_names=names, cameras=())
        held.close()

    def reset(self, seed):
        self.height, self.seed = 0, seed
        return self.seen()

    def step(self, action):
        self.height += int(action[0])
        is_success = self.height >= NEEDED
        return Step(self.seen(), 1.0, is_success, self.height < 0)

    def seen(self):
        return {STATE: np.array([self.height, self.seed], np.float32)}

    def close(self):
        pass


@pytest.fixture(autouse=True)
def ladder(monkeypatch):
    monkeypatch.setattr(gym_environment, "open_simulator", lambda name, views: Ladder())


def play(environment, action):
    """Steps, and how the episode ended."""
    for step in range(1, 1000):
        _, _, ended, cut, info = environment.step(action)
        if ended or cut:
            return step, ended, cut, info["is_success"]
    raise AssertionError("it never ends")


def test_every_episode_has_all_its_steps():
    environment = GymEnvironment("ladder", Views())
    for _ in range(3):
        environment.reset(seed=0)
        assert play(environment, PUSH) == (NEEDED, True, False, True)
        environment.reset()
        assert play(environment, REST) == (HORIZON, False, True, False)
        environment.reset()
        assert play(environment, -PUSH) == (1, True, False, False)


def test_success_in_the_last_step_is_an_end_and_no_cut():
    environment = GymEnvironment("ladder", Views(), horizon=NEEDED)
    environment.reset(seed=0)
    assert play(environment, PUSH) == (NEEDED, True, False, True)


def test_tasks_own_limit_of_time_is_a_cut(monkeypatch):
    monkeypatch.setattr(gym_environment, "open_simulator", open_simulator)
    environment = GymEnvironment("gymnasium:MountainCar-v0", Views())
    environment.reset(seed=0)
    assert play(environment, REST) == (200, False, True, False)


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
def test_side_by_side_every_episode_has_all_its_steps(mode):
    makers = [partial(GymEnvironment, "ladder", Views())] * 2
    vector = SyncVectorEnv(makers, autoreset_mode=mode)
    vector.reset(seed=[1, 2])
    ends = []
    # The first is always solved, the second never.
    for step in range(1, 40):
        _, _, ended, cut, _ = vector.step(np.array([PUSH, REST]))
        ends += [(i, step, bool(ended[i])) for i in range(2) if ended[i] or cut[i]]
    pause = 0 if mode is AutoresetMode.SAME_STEP else 1
    for number, length in ((0, NEEDED), (1, HORIZON)):
        at = [step for i, step, _ in ends if i == number]
        assert at[0] == length
        assert set(np.diff(at)) == {length + pause}
    assert all(is_end == (i == 0) for i, _, is_end in ends)


@pytest.mark.parametrize("horizon", [-1, HORIZON + 1])
def test_more_steps_than_the_simulator_gives_are_refused(horizon):
    with pytest.raises(UsageError, match=f"has 1 to {HORIZON} steps, got {horizon}; 0 takes all"):
        GymEnvironment("ladder", Views(), horizon=horizon)


@pytest.mark.slow
def test_lerobots_rollouts_count_every_episode_of_a_policy_that_solves_all():
    """LeRobot's own loop, several batches one after the other on the same environments."""
    torch = pytest.importorskip("torch")
    lerobot_eval = pytest.importorskip("lerobot.scripts.lerobot_eval")
    from lerobot.envs import EnvConfig

    from rotoscope.models.simulators.lerobot_env.config import register

    class Pusher(torch.nn.Module):
        def reset(self):
            pass

        def select_action(self, batch):
            return torch.ones(len(batch["observation.state"]), 1)

    register()
    config = EnvConfig.get_choice_class("rotoscope")(task="gymnasium:CartPole-v1", state="height")
    vector = config.create_envs(3)["rotoscope"][0]
    for batch in range(4):
        seeds = [3 * batch + k for k in range(3)]
        same = [lambda batch: batch] * 4
        found = lerobot_eval.rollout(vector, Pusher(), *same, seeds=seeds)
        assert found["success"].any(dim=1).all()
        assert found["reward"].sum(dim=1).tolist() == [NEEDED] * 3
