"""PushT: a disc pushes a T onto its mark (Chi et al. 2023, 2303.04137), with physics of its own.

Field, shapes, goal, actions (where the disc shall go, 0 to 512 px), ten actions a second and
success (95 % of the mark covered) are PushT's. The block slides quasi-statically, see
`pusht_physics`, so that no physics package is needed; the disc follows its target as there
(proportional gain 100, damping 20, a hundred steps a second). Starts leave room to get behind the
block; the original also starts at the border.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.simulators.pusht_expert import PushExpert
from rotoscope.models.simulators.pusht_physics import (
    AGENT_RADIUS_PX,
    FIELD_PX,
    GOAL,
    at_center,
    corners,
    coverage,
    distance,
    pushed,
)
from rotoscope.models.simulators.simulator import (
    Observation,
    SimulatorFacts,
    Step,
    Views,
    observe,
)
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import UsageError

CAMERA = "top"
"""The only camera."""
FPS = 10
"""Actions a second."""
HORIZON = 300
"""Actions an episode has."""
SUCCESS_COVERAGE = 0.95
"""Share of the mark that must be covered."""
STATE_NAMES = ("agent.x", "agent.y", "block.x", "block.y", "block.cos", "block.sin")
"""Pixels of the 512 px field; the block's origin is the middle of its bar's outer edge."""
_GAIN, _DAMPING, _STEPS_PER_ACTION = 100.0, 20.0, 10
_OVERSAMPLING = 3
_COLORS = {"field": "white", "goal": "#90ee90", "block": "#778899", "agent": "#4169e1"}


def open_pusht(task: str, views: Views) -> PushTSimulator:
    """Opens PushT.

    Raises:
        UsageError: A task is named; there is one alone.
    """
    if task:
        raise UsageError(f"pusht has one task alone, got {task!r}; write 'pusht'")
    return PushTSimulator(views)


class PushTSimulator:
    """One table with one T."""

    def __init__(self, views: Views) -> None:
        self.views = views
        self._agent: np.ndarray = np.zeros(2)
        self._velocity: np.ndarray = np.zeros(2)
        self._block: np.ndarray = np.zeros(3)
        self._expert = PushExpert()

    @property
    def facts(self) -> SimulatorFacts:
        """What is known of it."""
        return _FACTS

    def reset(self, seed: int) -> Observation:
        """Starts an episode; the same seed gives the same start."""
        generator = np.random.default_rng(seed)
        self._block = at_center(generator.uniform(140, 372, 2), generator.uniform(-np.pi, np.pi))
        self._velocity = np.zeros(2)
        self._agent = generator.uniform(50, 450, 2)
        while distance(self._block[None], self._agent[None])[0][0] < AGENT_RADIUS_PX:
            self._agent = generator.uniform(50, 450, 2)
        self._expert.reset()
        return self._observation()

    def step(self, action: Float[np.ndarray, " action"]) -> Step:
        """Sends the disc towards a place for a tenth of a second."""
        target = np.clip(action, 0, FIELD_PX)
        step_s = 1 / (FPS * _STEPS_PER_ACTION)
        for _ in range(_STEPS_PER_ACTION):
            pull = _GAIN * (target - self._agent) - _DAMPING * self._velocity
            self._velocity = self._velocity + pull * step_s
            move = self._velocity * step_s
            blocks, agents = pushed(self._block[None], self._agent[None], move[None])
            self._block, self._agent = blocks[0], agents[0]
        covered = coverage(self._block)
        reward = min(covered / SUCCESS_COVERAGE, 1.0)
        return Step(self._observation(), reward, covered >= SUCCESS_COVERAGE, False)

    def expert(self) -> Float[np.ndarray, " action"]:
        """Where the planner would send the disc now."""
        target = self._expert.act(self._agent, self._block)
        return np.clip(target, 0, FIELD_PX).astype(np.float32)

    def render(
        self, camera: str, *, width: int, height: int
    ) -> UInt8[np.ndarray, "height width 3"]:
        """A picture from above."""
        return picture(self._state(), width=width, height=height)

    def close(self) -> None:
        """Nothing is held open."""

    def _observation(self) -> Observation:
        return observe(self, self._state())

    def _state(self) -> np.ndarray:
        x, y, angle = self._block
        return np.array([*self._agent, x, y, np.cos(angle), np.sin(angle)])


def picture(
    state: Float[np.ndarray, " number"], *, width: int, height: int
) -> UInt8[np.ndarray, "height width 3"]:
    """What the camera sees of a state."""
    from PIL import Image, ImageDraw

    agent, block = state[:2], np.array([*state[2:4], np.arctan2(state[5], state[4])])
    size = (width * _OVERSAMPLING, height * _OVERSAMPLING)
    scale = np.array(size) / FIELD_PX
    image = Image.new("RGB", size, _COLORS["field"])
    draw = ImageDraw.Draw(image)
    for pose, color in ((GOAL, _COLORS["goal"]), (block, _COLORS["block"])):
        for box in corners(pose):
            draw.polygon([tuple(c) for c in box * scale], fill=color)
    low, high = (agent + s * AGENT_RADIUS_PX for s in (-1, 1))
    draw.ellipse([*(low * scale), *(high * scale)], fill=_COLORS["agent"])
    return np.asarray(image.resize((width, height), Image.Resampling.BOX))


_FACTS = SimulatorFacts(
    name="pusht",
    task="push the T onto its mark",
    fps=FPS,
    horizon=HORIZON,
    contract=ActionContract(
        robot="disc",
        dimensions=tuple(
            Dimension(name=f"target.{axis}", quantity="position", unit="px", lower=0, upper=512)
            for axis in "xy"
        ),
        frame="picture of the table: x right, y down, 512 px each",
        rotation="none",
        rate_hz=FPS,
        shift_s=0,
        is_state=False,
    ),
    state_names=STATE_NAMES,
    cameras=(CAMERA,),
    success="95 % of the mark covered",
)
