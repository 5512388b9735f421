"""Meta-World's tasks: a Sawyer arm whose hand is moved and whose gripper is closed.

Drawn without shadows and multisampling: 50 to 380 frames a second on a CPU core instead of 4 to 7.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.simulators.simulator import (
    Observation,
    SimulatorFacts,
    Step,
    Views,
    need_package,
    observe,
)
from rotoscope.pipeline import packages
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import UsageError, quoted

CAMERAS = ("corner2", "corner3", "corner", "topview", "behindGripper", "gripperPOV")
"""Meta-World's cameras."""
_UPSIDE_DOWN = ("corner2", "corner3")
_CORNER2_M = (0.75, 0.075, 0.7)
"""Where LeRobot, too, puts camera corner2, nearer to the table than Meta-World does [m]."""
HORIZON = 500
"""Steps an episode has: Meta-World's own limit. Of its 50 scripted experts 44 are done after 150
steps and 48 here; an episode ends soon after success, so that only failures are this long."""
FPS = 80
"""Steps a second: five physics steps of 2.5 ms each."""
_STATE = (*range(7), 36, 37, 38)
STATE_NAMES = (
    *(f"hand.{axis}" for axis in "xyz"),
    "gripper.opening",
    *(f"object.{axis}" for axis in "xyz"),
    *(f"goal.{axis}" for axis in "xyz"),
)
"""What the state holds: meters in the world's frame; the gripper's opening from 0 to 1."""


def open_metaworld(task: str, views: Views) -> MetaWorldSimulator:
    """Opens one of Meta-World's tasks, such as `push-v3`.

    Raises:
        UsageError: No such task, or Meta-World is not installed.
    """
    need_package("metaworld", f"metaworld:{task}")
    return MetaWorldSimulator(task, views)


class MetaWorldSimulator:
    """One of Meta-World's tasks; the same seed puts objects and goal at the same places."""

    def __init__(self, task: str, views: Views) -> None:
        # First of all, so that it learns how to draw without a display.
        self._mujoco = packages.import_mujoco()
        from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE
        from metaworld.policies import ENV_POLICY_MAP

        environments: dict[str, Any] = dict(ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE)
        experts: dict[str, Any] = dict(ENV_POLICY_MAP)
        if task not in experts:
            raise UsageError(
                f"unknown task {task!r} of metaworld; valid ones are {quoted(experts)}"
            )
        self.views = views
        # The class draws a first layout from NumPy's global generator unless it is seeded.
        self._environment: Any = environments[f"{task}-goal-observable"](seed=0)
        self._environment._freeze_rand_vec = False  # Meta-World's only switch for new layouts
        self._environment.seeded_rand_vec = True
        self._environment.model.cam("corner2").pos = _CORNER2_M
        self._expert: Any = experts[task]()
        self._raw = np.zeros(39)
        self._renderer: Any = None
        self._drawn_size = (0, 0)
        self._facts = _facts(task)

    @property
    def facts(self) -> SimulatorFacts:
        """What is known of it."""
        return self._facts

    def reset(self, seed: int) -> Observation:
        """Starts an episode with the layout of `seed`."""
        self._environment.seed(seed)
        self._environment.reset()
        # What reset returns tells of drawers, windows and faucets where they stood before.
        self._mujoco.mj_forward(self._environment.model, self._environment.data)
        self._raw = self._environment._get_obs()
        return self._observation()

    def step(self, action: Float[np.ndarray, " action"]) -> Step:
        """Moves the hand by up to a centimeter a side, and the gripper."""
        clipped = np.clip(action, -1, 1).astype(np.float32)
        self._raw, reward, _, _, info = self._environment.step(clipped)
        is_success = bool(info["success"])
        return Step(self._observation(), float(reward), is_success, False)

    def expert(self) -> Float[np.ndarray, " action"]:
        """What Meta-World's scripted expert would do now."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warns of gains that clipping is meant for
            action = np.asarray(self._expert.get_action(self._raw), np.float32)
        return np.clip(action, -1, 1)

    def render(
        self, camera: str, *, width: int, height: int
    ) -> UInt8[np.ndarray, "height width 3"]:
        """A picture, the right way up."""
        if self._drawn_size != (width, height):
            self._open_renderer(width, height)
        self._renderer.update_scene(self._environment.data, camera=camera)
        image = np.asarray(self._renderer.render())
        return np.ascontiguousarray(image[::-1, ::-1] if camera in _UPSIDE_DOWN else image)

    def close(self) -> None:
        """Gives the renderer's memory back."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer, self._drawn_size = None, (0, 0)

    def _open_renderer(self, width: int, height: int) -> None:
        # One at a time: two renderers return garbage under OSMesa.
        self.close()
        model = self._environment.model
        model.vis.quality.shadowsize, model.vis.quality.offsamples = 0, 0
        try:
            self._renderer = self._mujoco.Renderer(model, height, width)
        except (self._mujoco.FatalError, RuntimeError) as error:
            raise UsageError(
                f"{self._facts.name} cannot draw ({error}); set MUJOCO_GL=egl before anything "
                "imports mujoco, or name no camera"
            ) from error
        self._drawn_size = (width, height)

    def _observation(self) -> Observation:
        return observe(self, self._raw[list(_STATE)])


def _facts(task: str) -> SimulatorFacts:
    moves = [
        Dimension(name=f"hand.d{axis}", quantity="position", unit="cm", lower=-1, upper=1)
        for axis in "xyz"
    ]
    close = Dimension(name="gripper.close", quantity="gripper", unit="1", lower=-1, upper=1)
    return SimulatorFacts(
        name=f"metaworld:{task}",
        task=task.removesuffix("-v3").replace("-", " "),
        fps=FPS,
        horizon=HORIZON,
        contract=ActionContract(
            robot="sawyer",
            dimensions=(*moves, close),
            frame="world: x right, y away from the robot, z up",
            rotation="none",
            rate_hz=FPS,
            shift_s=0,
            is_state=False,
        ),
        state_names=STATE_NAMES,
        cameras=CAMERAS,
        success="Meta-World's own test at any step",
    )
