"""What a simulator is: one small interface for tasks of any package.

A simulator is opened by a name such as `metaworld:push-v3`, `gymnasium:CartPole-v1` or `pusht`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline import registry
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import UsageError

STATE = "observation.state"
"""Key of the state in an observation."""
IMAGES = "observation.images."
"""What the key of a camera's picture begins with; the camera's name follows."""

Observation = dict[str, np.ndarray]
"""`observation.state` (float32, one number per name) and, per camera that was asked for,
`observation.images.<camera>` (RGB, uint8), as a dataset calls them."""

FAMILIES = {
    "metaworld": "rotoscope.models.simulators.metaworld:open_metaworld",
    "gymnasium": "rotoscope.models.simulators.classic:open_classic",
    "pusht": "rotoscope.models.simulators.pusht:open_pusht",
}
"""What stands before the colon of a simulator's name, and what opens it."""
SIMULATOR_GROUP = "rotoscope.simulators"
"""Entry points by which installed packages offer others: family to a function of the task (what
stands behind the colon) and `Views` that gives a `Simulator`."""
_EXAMPLES = "metaworld:push-v3, gymnasium:CartPole-v1"


@dataclass(frozen=True)
class SimulatorFacts:
    """What is known of a simulator before it is run."""

    name: str
    """How it is opened again, such as `metaworld:push-v3`."""
    task: str
    """What is to be done, in words."""
    fps: int
    """Steps per second of simulated time."""
    horizon: int
    """Steps after which an episode is cut."""
    contract: ActionContract
    """What the numbers of an action mean, and their limits."""
    state_names: tuple[str, ...]
    """What the numbers of `observation.state` are."""
    cameras: tuple[str, ...]
    """Cameras that there are, the one for videos first."""
    success: str
    """What counts as success, in words."""
    has_expert: bool = True
    """Whether anyone knows how the task is done: `Simulator.expert`."""


@dataclass(frozen=True, eq=False)
class Step:
    """What one action led to."""

    observation: Observation
    """What is seen afterwards."""
    reward: float
    """The task's own reward."""
    is_success: bool
    """Whether the task's own test holds now."""
    is_over: bool
    """Whether the episode has ended by itself; the horizon is counted by the caller."""


@dataclass(frozen=True)
class Views:
    """Which pictures an observation holds."""

    cameras: tuple[str, ...] = ()
    """Names of cameras; none: no picture is drawn."""
    width: int = 96
    """Pixels across."""
    height: int = 96
    """Pixels down."""


@runtime_checkable
class Simulator(Protocol):
    """One task of one simulator, used for many episodes, one after the other."""

    views: Views
    """Which pictures its observations hold."""

    @property
    def facts(self) -> SimulatorFacts:
        """What is known of it."""
        ...

    def reset(self, seed: int) -> Observation:
        """Starts an episode; the same seed gives the same start."""
        ...

    def step(self, action: Float[np.ndarray, " action"]) -> Step:
        """Acts for one step; what is beyond the contract's limits is clipped."""
        ...

    def expert(self) -> Float[np.ndarray, " action"]:
        """What the scripted expert would do now, inside the limits.

        Raises:
            UsageError: There is none, see `SimulatorFacts.has_expert`.
        """
        ...

    def render(
        self, camera: str, *, width: int, height: int
    ) -> UInt8[np.ndarray, "height width 3"]:
        """A picture of the present state, RGB."""
        ...

    def close(self) -> None:
        """Gives back windows and memory."""
        ...


def open_simulator(name: str, views: Views | None = None) -> Simulator:
    """Opens a simulator.

    Args:
        name: Family and task, such as `metaworld:push-v3`; the task may be missing where a family
            has one alone.
        views: Cameras whose pictures observations hold; none where not given.

    Raises:
        UsageError: No such family, task or camera, or its package is not installed.
    """
    family, _, task = name.partition(":")
    families = registry.entry_points(SIMULATOR_GROUP) | FAMILIES
    if family not in families:
        raise UsageError(
            f"unknown simulator {name!r}; name one of {', '.join(sorted(families))} and its task, "
            f"such as {_EXAMPLES}"
        )
    module, _, attribute = families[family].partition(":")
    simulator: Simulator = getattr(importlib.import_module(module), attribute)(
        task, views or Views()
    )
    missing = [c for c in (views or Views()).cameras if c not in simulator.facts.cameras]
    if missing:
        simulator.close()
        raise UsageError(
            f"{name} has no camera {', '.join(map(repr, missing))}; it has "
            f"{', '.join(simulator.facts.cameras)}"
        )
    return simulator


def need_package(package: str, simulator: str, *, extra: str = "bench") -> None:
    """Checks that a simulator's package is there, which an extra of ours brings.

    Raises:
        UsageError: It is not.
    """
    if importlib.util.find_spec(package) is None:
        raise UsageError(
            f"{simulator} needs the package {package}, which is not installed: "
            f"pip install 'rotoscope[{extra}]'"
        )


def observe(simulator: Simulator, state: Sequence[float] | np.ndarray) -> Observation:
    """What is seen now: a state, and the pictures that the simulator was opened for."""
    views = simulator.views
    size = {"width": views.width, "height": views.height}
    pictures = {IMAGES + name: simulator.render(name, **size) for name in views.cameras}
    return {STATE: np.asarray(state, np.float32), **pictures}
