"""People at Meta-World's table: who they are, where they are filmed from, and what they do.

A person does a task as the scripted expert does, slower and less straight; every second step of
the simulator is a frame of a video of 30 a second, so that people take 1.3 times as long as a robot
that does the same. The robot is there without being seen, and moves the things; a hand is drawn
where its gripper is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.rendered_hands import Body
from rotoscope.models.simulators.simulator import STATE, open_simulator
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.vectors import unit

CHOSEN_ON = "push-v3"
"""The task that constants were chosen on."""
WIDTH, HEIGHT = 640, 480
OPEN_M = 0.1
"""Distance of the robot's fingers at an opening of 1."""
HAND_TO_TIP_M = np.array([0.0, 0.0, -0.045])
"""From what Meta-World calls the hand to between its fingertips, world frame: it points down."""
STEPS_AFTER_SUCCESS = 10
MOST_STEPS = 300
STEPS_A_FRAME = 2
"""Of the simulator."""
_WOBBLE, _WOBBLE_STEPS = 0.1, 20.0
"""How far from the expert's commands a person's are, as a share of the largest, and over how many
steps that changes."""
_SPEEDS = (0.7, 1.0)


@dataclass(frozen=True)
class Person:
    """A person with a camera of their own."""

    name: str
    camera_m: tuple[float, float, float]
    """Where the camera is, in the world's frame."""
    focal_px: float
    body: Body
    skin_rgb: tuple[int, int, int]
    tilt_deg: float
    """How far the hand reaches forward instead of down."""
    lamp: tuple[float, float, float]
    """Where the lamp is, in the camera's axes."""
    brightness: float
    looks_at_m: tuple[float, float, float] = (0.0, 0.68, 0.12)
    seed: int = 0

    @property
    def K(self) -> Float[np.ndarray, "3 3"]:  # noqa: N802 - named as the matrix is
        """Intrinsics [px]."""
        f = self.focal_px
        return np.array([[f, 0, WIDTH / 2], [0, f, HEIGHT / 2], [0, 0, 1.0]])

    @property
    def T_world_camera(self) -> Float[np.ndarray, "4 4"]:  # noqa: N802 - a matrix's name
        """Where the camera is and looks, level."""
        position = np.array(self.camera_m)
        ahead = unit((np.array(self.looks_at_m) - position)[None])[0]
        right = unit(np.cross(ahead, [0.0, 0.0, 1.0])[None])[0]
        return se3.make(np.stack([right, np.cross(ahead, right), ahead], axis=1), position)


@dataclass(frozen=True, eq=False)
class Acted:
    """What was done in one episode, a row for each frame."""

    state: Float[np.ndarray, "row 10"]
    """Meta-World's."""
    tip_m: Float[np.ndarray, "row 3"]
    """Between the fingertips, world frame."""
    aperture_m: Float[np.ndarray, " row"]
    is_closing: Bool[np.ndarray, " row"]
    """Whether the fingers press, as the expert's do from when it begins to close them."""
    qpos: Float[np.ndarray, "row joint"]
    """All of the simulator's joints, to draw it again."""
    is_solved: bool = field(default=False)


def act(task: str, seed: int, rng: np.random.Generator) -> Acted:
    """The expert's way from a start, as a person would go it."""
    simulator = open_simulator(f"metaworld:{task}")
    observation = simulator.reset(seed)
    environment = simulator._environment  # type: ignore[attr-defined]
    speed, wobble = rng.uniform(*_SPEEDS), np.zeros(3)
    rows: list[tuple[np.ndarray, ...]] = []
    left, is_solved, keep = MOST_STEPS, False, 1 - 1 / _WOBBLE_STEPS
    while left > 0:
        state = observation[STATE].astype(float)
        action = simulator.expert().astype(float)
        tip_m, qpos = environment.tcp_center.copy(), environment.data.qpos.copy()
        rows.append((state, tip_m, np.array(action[3] > 0), qpos))
        wobble = keep * wobble + _WOBBLE * np.sqrt(1 - keep**2) * rng.normal(size=3)
        action[:3] = np.clip(speed * action[:3] + wobble, -1, 1)
        step = simulator.step(action)
        observation, left = step.observation, left - 1
        if step.is_success and not is_solved:
            is_solved, left = True, min(left, STEPS_AFTER_SUCCESS)
    simulator.close()
    columns = zip(*rows[::STEPS_A_FRAME], strict=True)
    state, tip_m, is_closing, qpos = (np.stack(column) for column in columns)
    return Acted(state, tip_m, OPEN_M * state[:, 3], is_closing, qpos, is_solved)


PEOPLE = (
    Person("ada", (0.55, 1.30, 0.55), 560.0, Body(gender=0.0, height=0.5), (224, 172, 140), 40.0,
           (-0.45, -0.75, -0.5), 1.0, seed=1),
    Person("ben", (-0.60, 1.25, 0.50), 600.0, Body(gender=1.0, height=0.6), (141, 92, 66), 30.0,
           (0.5, -0.6, -0.5), 0.9, seed=2),
    Person("cai", (-0.80, 0.85, 0.55), 520.0, Body(gender=0.5, height=0.35), (198, 142, 108), 45.0,
           (0.0, -0.9, -0.4), 1.1, seed=3),
    Person("dee", (0.20, 1.45, 0.65), 640.0, Body(gender=0.8, height=0.45), (236, 193, 170), 35.0,
           (-0.2, -0.5, -0.8), 0.8, seed=4),
)  # fmt: skip
"""Four hand sizes, cameras, lights, skins and ways to reach."""
