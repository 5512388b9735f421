"""Any id of Gymnasium: numbers of all kinds of observations, choices of all kinds, no expert."""

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")

from gymnasium import spaces  # noqa: E402

from rotoscope.models.simulators.behaviors import behaving  # noqa: E402
from rotoscope.models.simulators.rollout import rollout  # noqa: E402
from rotoscope.models.simulators.simulator import STATE, Simulator, Views, open_simulator  # noqa: E402
from rotoscope.pipeline.errors import UsageError  # noqa: E402

MIXED = "Mixed-v0"


class Mixed(gymnasium.Env):
    """Numbers, a choice and a picture are seen; two choices are made."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 12}  # noqa: RUF012
    observation_space = spaces.Dict(
        {
            "eye": spaces.Box(0, 255, (8, 8, 3), np.uint8),
            "level": spaces.Discrete(5),
            "place": spaces.Dict({"xy": spaces.Box(-1, 1, (2,), np.float32)}),
        }
    )
    action_space = spaces.MultiDiscrete([3, 2])
    taken = ()

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = self.np_random.uniform(-1, 1, 2)
        return self._seen(), {}

    def step(self, action):
        assert action in self.action_space
        Mixed.taken = (*Mixed.taken, tuple(action))
        return self._seen(), 1.0, False, False, {"is_success": action[0] == 2}

    def render(self):
        return np.full((8, 8, 3), 90, np.uint8)

    def _seen(self):
        eye = np.zeros((8, 8, 3), np.uint8)
        return {"eye": eye, "level": 3, "place": {"xy": self.place}}


@pytest.fixture(autouse=True)
def registered():
    gymnasium.register(MIXED, entry_point=Mixed, max_episode_steps=7)
    yield
    del gymnasium.registry[MIXED]


def test_numbers_of_an_observation_become_the_state_and_pictures_do_not():
    simulator = open_simulator(f"gymnasium:{MIXED}", Views(("front",), 16, 16))
    assert isinstance(simulator, Simulator)
    facts = simulator.facts
    assert facts.state_names == ("level", "place.xy.0", "place.xy.1")
    assert (facts.fps, facts.horizon, facts.has_expert) == (12, 7, False)
    seen, again, other = (simulator.reset(seed) for seed in (1, 1, 2))
    assert seen[STATE][0] == 3
    np.testing.assert_array_equal(seen[STATE], again[STATE])
    assert np.abs(seen[STATE] - other[STATE]).max() > 0.01
    assert seen["observation.images.front"].shape == (16, 16, 3)


def test_choices_are_made_and_success_is_what_the_task_calls_so():
    simulator = open_simulator(f"gymnasium:{MIXED}")
    names = [(d.name, d.lower, d.upper) for d in simulator.facts.contract.dimensions]
    assert names == [("choice.0", 0, 2), ("choice.1", 0, 1)]
    Mixed.taken = ()
    steps = list(rollout(simulator, lambda seen: np.array([1.8, -3.0]), seed=0))
    assert set(Mixed.taken) == {(2, 0)}
    assert steps[0].step.is_success
    assert len(list(rollout(simulator, behaving(simulator, "random"), seed=0))) <= 7


def test_a_task_of_numbers_is_recorded_with_random_actions():
    simulator = open_simulator("gymnasium:Pendulum-v1")
    assert simulator.facts.state_names == ("state.0", "state.1", "state.2")
    (torque,) = simulator.facts.contract.dimensions
    assert (torque.lower, torque.upper) == (-2, 2)
    steps = list(rollout(simulator, behaving(simulator, "play"), seed=3))
    assert len(steps) == 200
    assert np.ptp([t.action[0] for t in steps]) > 1
    assert not any(t.step.is_success for t in steps)
    with pytest.raises(UsageError, match="gymnasium:Pendulum-v1 has no scripted expert"):
        simulator.expert()


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("Nowhere-v0", "gymnasium:Nowhere-v0: .*; name an id that Gymnasium knows, or MODULE:ID"),
        ("no_such_module:There-v0", "No module named 'no_such_module'|no_such_module"),
        ("Tupled-v0", "actions of kind Tuple; Box, Discrete"),
    ],
)
def test_what_cannot_be_opened_says_why(task, message):
    class Tupled(Mixed):
        action_space = spaces.Tuple([spaces.Discrete(2)])

    gymnasium.register("Tupled-v0", entry_point=Tupled)
    try:
        with pytest.raises(UsageError, match=message):
            open_simulator(f"gymnasium:{task}")
    finally:
        del gymnasium.registry["Tupled-v0"]
