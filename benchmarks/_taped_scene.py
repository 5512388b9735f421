"""Meta-World as somebody films it who has taped fingers and object: a camera near to the table.

`taped:TASK` once `register` was called; its camera is `left`. The tape's colors are what `RECIPE`
follows, as `rotoscope track` reads it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jaxtyping import Float, UInt8

from benchmarks.labelers.tasks.rendered_scene import CAMERAS, COLORS, paint, view
from rotoscope.models.simulators.metaworld import MetaWorldSimulator
from rotoscope.models.simulators.simulator import FAMILIES, SimulatorFacts, Views

CAMERA = "left"
GOAL = {"goal": (0.0, 1.0, 0.0)}
"""Color of Meta-World's own mark of where things shall go, where that differs by episode."""


def register() -> None:
    """Lets `taped:TASK` be opened by name in this process."""
    FAMILIES["taped"] = f"{__name__}:open_taped"


def open_taped(task: str, views: Views) -> TapedMetaWorld:
    """Opens one of Meta-World's tasks whose object is one geom, such as `push-v3`.

    In some the geom of that name is not what is seen (`sweep-v3`, `soccer-v3`): look at a picture.
    """
    return TapedMetaWorld(task, views)


class TapedMetaWorld(MetaWorldSimulator):
    """Fingers and object carry colors of their own; the physics is that of Meta-World."""

    def __init__(self, task: str, views: Views) -> None:
        super().__init__(task, views)
        paint(self._environment.model)
        facts = {**vars(self._facts), "name": f"taped:{task}", "cameras": (CAMERA,)}
        self._facts = SimulatorFacts(**facts)
        self._view: Any = view(self._mujoco, CAMERAS[CAMERA])

    def render(
        self, camera: str, *, width: int, height: int
    ) -> UInt8[np.ndarray, "height width 3"]:
        """What the one camera sees."""
        del camera
        if self._drawn_size != (width, height):
            self._open_renderer(width, height)
        self._renderer.update_scene(self._environment.data, camera=self._view)
        picture: Float[np.ndarray, "height width 3"] = np.asarray(self._renderer.render())
        return picture.copy()


def things_of(task: str) -> dict[str, tuple[float, float, float]]:
    """What is followed, and its color: the tape, and the mark of tasks whose goal moves."""
    return COLORS | (GOAL if task.startswith("push") else {})


def tracks_of(task: str) -> tuple[str, ...]:
    """Columns that `rotoscope track` adds."""
    return tuple(f"track.colour.{name}" for name in things_of(task))


def write_recipe(path: Path, task: str) -> Path:
    """A recipe that follows them; its labeler is never asked."""
    colors = things_of(task).items()
    things = {name: {"rgb": [round(255 * c) for c in color]} for name, color in colors}
    stages = ["shots", {"track.colour": {"things": things}},
              {"label.inverse_dynamics": {"model": "none"}}, "curate"]  # fmt: skip
    path.write_text(yaml.safe_dump({"name": "tape", "stages": stages}))
    return path
