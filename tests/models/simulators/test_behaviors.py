"""Who acts in recorded episodes: one seed, one episode; failures fail; limits are kept."""

import numpy as np
import pytest

from rotoscope.models.simulators.behaviors import BEHAVIORS, behaving, check_behavior, starts
from rotoscope.models.simulators.rollout import rollout
from rotoscope.models.simulators.simulator import STATE, SimulatorFacts, Step, Views
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import UsageError

FPS, HORIZON = 20, 200


class Walk:
    """A point on a line that is to come to 1 and stay below 2; its lamp is a choice of three."""

    def __init__(self, *, has_expert=True, lower=-1.0):
        self.views, self.num_resets = Views(("eye",)), 0
        self.facts = SimulatorFacts(
            name="walk:line",
            task="come to 1",
            fps=FPS,
            horizon=HORIZON,
            contract=ActionContract(
                robot="point",
                dimensions=(
                    Dimension(name="dx", quantity="position", unit="1", lower=lower, upper=1.0),
                    Dimension(name="lamp", quantity="discrete", unit="1", lower=2, upper=4),
                ),
                frame="the line",
                rate_hz=FPS,
                shift_s=0,
                is_state=False,
            ),
            state_names=("x",),
            cameras=("eye",),
            success="at 1",
            has_expert=has_expert,
        )

    def reset(self, seed):
        self.x, self.num_resets = -1.0 - 0.01 * seed, self.num_resets + 1
        return self.seen()

    def step(self, action):
        self.x += 0.1 * float(action[0])
        return Step(self.seen(), self.x, 1.0 <= self.x < 1.2, False)

    def expert(self):
        return np.array([1.0, 3.0], np.float32)

    def render(self, camera, *, width, height):
        return np.zeros((height, width, 3), np.uint8)

    def close(self):
        pass

    def seen(self):
        pictures = {f"observation.images.{n}": np.zeros((2, 2, 3)) for n in self.views.cameras}
        return {STATE: np.array([self.x]), **pictures}


def actions(simulator, how, seed, **settings):
    act = behaving(simulator, how, **settings)
    return np.array([t.action for t in rollout(simulator, act, seed=seed)])


@pytest.mark.parametrize("how", [b for b in BEHAVIORS if b != "expert"])
def test_the_seed_alone_decides_an_episode(how):
    simulator = Walk()
    act = behaving(simulator, how)
    first, other, again = (
        np.array([t.action for t in rollout(simulator, act, seed=s)]) for s in (4, 5, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or np.abs(first - other).max() > 0.01
    assert np.isin(first[:, 1], [2, 3, 4]).all()
    assert (np.abs(first[:, 0]) <= 1).all()


def test_random_draws_all_of_the_range_and_every_choice():
    drawn = actions(Walk(), "random", 0)
    assert drawn[:, 0].min() < -0.9
    assert drawn[:, 0].max() > 0.9
    assert np.bincount(drawn[:, 1].astype(int), minlength=5)[2:].min() > 40
    steps = np.diff(drawn[:, 0])
    assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1]) < 0.2, steps


def test_play_alternates_between_the_task_and_smooth_motion():
    played = np.concatenate([actions(Walk(), "play", seed) for seed in range(3)])
    is_task = (played == [1.0, 3.0]).all(axis=1)
    assert 0.2 < is_task.mean() < 0.8
    away = np.flatnonzero(~is_task[:-1] & ~is_task[1:])
    assert np.corrcoef(played[away, 0], played[away + 1, 0])[0, 1] > 0.7
    alone = actions(Walk(has_expert=False), "play", 0)
    assert (alone == [1.0, 3.0]).all(axis=1).mean() < 0.1  # where it is clipped at a limit


def test_noise_is_a_share_of_half_the_range_and_the_task_is_still_done():
    simulator = Walk(lower=-9.0)
    steps = list(rollout(simulator, behaving(simulator, "noisy", 0.02), seed=1))
    assert steps[-1].step.is_success or any(t.step.is_success for t in steps)
    off = np.array([t.action[0] for t in steps]) - 1.0
    assert off.max() == 0  # clipped at the limit
    assert -0.45 < off.min() < -0.05


def test_failed_episodes_begin_like_the_expert_and_end_without_success():
    simulator = Walk()
    act = behaving(simulator, "failed")
    seeds = [seed for seed, _ in zip(starts(simulator, "failed", act, 0), range(5), strict=False)]
    assert simulator.views.cameras == ("eye",)
    for seed in seeds:
        steps = list(rollout(simulator, act, seed=seed))
        assert not any(t.step.is_success for t in steps)
        assert len(steps) == HORIZON
        assert (steps[0].action == [1.0, 3.0]).all()
        assert "observation.images.eye" in steps[0].observation


def test_where_nothing_fails_no_failure_is_recorded():
    simulator = Walk()
    simulator.step = lambda action: Step(simulator.seen(), 1.0, True, False)
    with pytest.raises(UsageError, match="only 0 of 20 episodes failed in walk:line"):
        next(starts(simulator, "failed", behaving(simulator, "failed"), 0))


def test_what_cannot_be_done_is_refused():
    with pytest.raises(UsageError, match="has no scripted expert, which --how noisy needs"):
        behaving(Walk(has_expert=False), "noisy")
    with pytest.raises(UsageError, match=r"no limits in 'dx': --how random does not"):
        behaving(Walk(lower=None), "random")
    with pytest.raises(UsageError, match="--how best is unknown; valid are 'expert', 'failed'"):
        check_behavior("best")
