"""A hand that goes to a thing, takes it and carries it to a goal: states, actions, a simulator."""

import numpy as np

from rotoscope.models.simulators.simulator import STATE, SimulatorFacts, Step, Views
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.episodes.episode import StateColumns
from rotoscope.pipeline.export.recorder import DatasetRecorder, Rows

FPS = 20
GAIN = 0.02
"""Meters that the hand goes for an action of 1 in a row."""
NEAR_M = 0.03
NAMES = ("hand.x", "hand.y", "grip", "object.x", "object.y", "goal.x", "goal.y")
DIMENSIONS = (
    *(Dimension(name=f"hand.d{axis}", quantity="position", unit="1", lower=-1, upper=1)
      for axis in "xy"),
    Dimension(name="close", quantity="gripper", unit="1", lower=-1, upper=1),
)  # fmt: skip
CONTRACT = ActionContract(
    robot="point", dimensions=DIMENSIONS, rate_hz=FPS, shift_s=0, is_state=False
)


class PushedThing:
    """The simulator: a thing within reach of a closed hand goes with it."""

    def __init__(self, task="", views=None):
        self.views = views or Views()
        self.facts = SimulatorFacts(
            name="pushed:thing",
            task="carry the thing",
            fps=FPS,
            horizon=150,
            contract=CONTRACT,
            state_names=NAMES,
            cameras=(),
            success="the thing is at the goal",
        )

    def place(self, thing, goal):
        self.hand, self.grip = np.zeros(2), 0.0
        self.thing, self.goal = np.array(thing, float), np.array(goal, float)
        return self.seen()

    def reset(self, seed):
        draw = np.random.default_rng(seed)
        return self.place(draw.uniform([0.2, -0.2], [0.5, 0.2]), draw.uniform([0.6, -0.3], 0.8))

    def seen(self):
        return {STATE: np.array([*self.hand, self.grip, *self.thing, *self.goal], np.float32)}

    def step(self, action):
        action = np.clip(action, -1, 1)
        is_held = self.grip > 0.5 and np.linalg.norm(self.hand - self.thing) < NEAR_M
        self.hand = self.hand + GAIN * action[:2]
        self.thing = self.thing + GAIN * action[:2] * is_held
        self.grip = float(np.clip(self.grip + 0.3 * np.sign(action[2]), 0, 1))
        is_done = bool(np.linalg.norm(self.thing - self.goal) < NEAR_M)
        return Step(self.seen(), float(is_done), is_done, False)

    def expert(self):
        is_there = np.linalg.norm(self.hand - self.thing) < NEAR_M / 3
        is_held = is_there and self.grip > 0.5
        target = self.goal if is_held else self.thing
        go = (target - self.hand) / GAIN
        # All the way at one speed: along a straight line.
        go = go / max(1.0, float(np.abs(go).max()))
        return np.array([*(go * (is_held or not is_there)), 1.0 if is_there else -1.0], np.float32)

    def render(self, camera, *, width, height):
        raise AssertionError("nothing of it can be seen")

    def close(self):
        pass


def open_pushed(task, views):
    return PushedThing(task, views)


def shown(simulator, seen):
    """States and actions of an expert, to some rows after the end."""
    states, actions, left = [], [], 150
    while left > 0:
        states.append(seen[STATE].astype(float))
        actions.append(simulator.expert().astype(float))
        step = simulator.step(actions[-1])
        seen, left = step.observation, min(left - 1, 5 if step.is_success else left)
    return np.array(states), np.array(actions)


def episodes(num, *, first_seed=0):
    """Demonstrations of starts that count up."""
    simulator = PushedThing()
    return [shown(simulator, simulator.reset(first_seed + seed)) for seed in range(num)]


def publish(out, parts, *, valid=True):
    """A dataset of them."""
    told = StateColumns(NAMES, "m", "Where hand, thing and goal are.")
    with DatasetRecorder(CONTRACT, told, camera="") as recorder:
        for number, (state, action) in enumerate(parts):
            rows = len(action)
            recorder.add(
                Rows(f"carry-{number}", "carry the thing", action, np.full(rows, valid),
                     np.ones(rows), state)
            )  # fmt: skip
        recorder.publish(out, made_by="a test")
    return out


class SlipperyThing(PushedThing):
    """The same, but for a hand that cannot hold it."""

    def step(self, action):
        return super().step(np.array([*action[:2], -1.0]))


def open_slippery(task, views):
    return SlipperyThing(task, views)
