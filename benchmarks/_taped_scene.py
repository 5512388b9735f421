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
TRACKS = tuple(f"track.colour.{name}" for name in COLORS)


def register() -> None:
    """Lets `taped:TASK` be opened by name in this process."""
    FAMILIES["taped"] = f"{__name__}:open_taped"


def open_taped(task: str, views: Views) -> TapedMetaWorld:
    """Opens one of Meta-World's tasks whose object is a geom of its own, such as `push-v3`."""
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


def write_recipe(path: Path) -> Path:
    """A recipe that follows the tape; its labeler is never asked."""
    things = {name: {"rgb": [round(255 * c) for c in color]} for name, color in COLORS.items()}
    stages = ["shots", {"track.colour": {"things": things}},
              {"label.inverse_dynamics": {"model": "none"}}, "curate"]  # fmt: skip
    path.write_text(yaml.safe_dump({"name": "tape", "stages": stages}))
    return path
