"""The robot of an episode in pictures: rendered, or where that is impossible a stick figure."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline import quoting
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.report.figure import View, draw_figure, draw_lines
from rotoscope.pipeline.report.pictures import body_of, person_view
from rotoscope.pipeline.robots import EpisodeRenderer, robots

log = logging.getLogger(__name__)

_SHIPPED = re.compile("[a-z][a-z0-9_]*")
"""What robots that come with Rotoscope are called; anything else means a file."""

Draw = Callable[[int, int, int], UInt8[np.ndarray, "height width 3"]]
"""Makes the picture of a row, of some width and height."""


@dataclass(frozen=True, eq=False)
class ShownRobot:
    """What a dataset says about how the robot of an episode is to be drawn."""

    name: str
    """Name of the robot, or path of its YAML file, as the recipe has it."""
    values: Float[np.ndarray, "row action"]
    """Joints in the order of the action contract [rad, m; percent]."""
    root_pose: Float[np.ndarray, "row 6"] | None
    """Where the root of a humanoid is: position [m], rotation vector [rad]."""
    R_camera_wrist: Float[np.ndarray, "row 3 3"] | None
    """How the human hand is turned."""
    azimuth_rad: float | None
    """From where the person is seen: angle about the world's z."""

    @property
    def how(self) -> dict[str, Any]:
        """What whoever draws it wants to know beside the joints."""
        return {
            "root_pose": self.root_pose,
            "R_camera_wrist": self.R_camera_wrist,
            "azimuth_rad": self.azimuth_rad,
        }


class RobotPainter:
    """Draws the robots of episodes, one renderer at a time.

    Where a robot cannot be rendered it is drawn as a stick figure, and where that is impossible
    too it is left out; `notes` say why. The report goes on.

    Args:
        robots: Files of robots that do not come with Rotoscope. A dataset may come from anyone:
            where it names a file, one of these of the same name is opened, and no other.
    """

    def __init__(self, robots: Sequence[Path] = ()) -> None:
        self.notes: list[str] = []
        self._given = {path.name: path for path in robots}
        self._name = ""
        self._renderer: EpisodeRenderer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def draw_of(self, dataset: Dataset, episode: EpisodeRows) -> Draw | None:
        """Makes the robot's pictures of one episode; `None` where there can be none."""
        shown = shown_robot(dataset, episode)
        if shown is None:
            return None
        if _SHIPPED.fullmatch(shown.name) is None:
            file = Path(shown.name).name
            if file not in self._given:
                self._note(
                    f"the robot {quoting.shown(file)} is not drawn: a file that a dataset names "
                    "is opened only where you name it too, with --robot FILE"
                )
                return None
            shown = replace(shown, name=str(self._given[file]))
        try:
            pictures = self._of(shown.name).pictures(shown.values, **shown.how)
            # A machine without EGL shows it when the first picture is drawn.
            pictures.draw(0, width=64, height=64)
        except RotoscopeError as error:
            return self._stick_figure(shown, error)
        return lambda row, width, height: pictures.draw(row, width=width, height=height)

    def _of(self, name: str) -> EpisodeRenderer:
        if self._renderer is None or name != self._name:
            self._close()
            self._renderer = robots().open_renderer(name)
            self._name = name
        return self._renderer

    def _close(self) -> None:
        if self._renderer is not None:
            self._renderer.close()
        self._renderer, self._name = None, ""

    def _stick_figure(self, shown: ShownRobot, why: RotoscopeError) -> Draw | None:
        self._close()
        try:
            draw = stick_figure(shown)
        except RotoscopeError as error:
            self._note(f"the robot {shown.name} is not drawn: {error}")
            return None
        what = "is not drawn" if draw is None else "is drawn as a stick figure"
        self._note(f"the robot {shown.name} {what}: {why}")
        return draw

    def _note(self, text: str) -> None:
        if text not in self.notes:
            log.warning("report: %s", text)
            self.notes.append(text)


def shown_robot(dataset: Dataset, episode: EpisodeRows) -> ShownRobot | None:
    """What the dataset says about the robot of an episode; `None` where it has no joints."""
    scene, columns = episode.meta.get("scene", {}), episode.columns
    feature = "observation.state"
    if dataset.names("action")[:1] == ["ee.x"]:
        feature = "label.joints"
    name = _name_in_recipe(dataset) or str(scene.get("robot", ""))
    contract = dataset.rotoscope("contract.json")
    if not name or feature not in columns or not contract.get("is_state", True):
        return None
    if feature == "observation.state" and dataset.names(feature) != dataset.names("action"):
        return None
    root, wrist = columns.get("label.root_pose"), columns.get("track.hand.wrist")
    return ShownRobot(
        name=name,
        values=np.asarray(columns[feature], float).reshape(episode.num_rows, -1),
        root_pose=None if root is None else np.asarray(root, float),
        R_camera_wrist=None if wrist is None else _rotations(np.asarray(wrist, float)[:, 3:]),
        azimuth_rad=_azimuth_rad(dataset, episode),
    )


def stick_figure(shown: ShownRobot) -> Draw | None:
    """The robot as lines between its joints; `None` for an arm.

    Raises:
        RotoscopeError: There is no such robot, or its files are not here.
    """
    kind = robots().kind(shown.name)
    if kind == "humanoid":
        joints = robots().humanoid_joints(shown.name, shown.values, shown.root_pose)
        view = View.of(joints, is_grounded=True, azimuth_rad=shown.azimuth_rad)
        return lambda row, width, height: draw_figure(
            joints[row], view, is_seen=True, contact=None, width=width, height=height
        )
    if kind == "hand":
        lines = robots().hand_lines(shown.name, shown.values, shown.R_camera_wrist)
        size_m = 2.2 * float(np.nanmax(np.linalg.norm(lines, axis=-1)))
        return lambda row, width, height: draw_lines(lines[row], size_m, width=width, height=height)
    return None


def _name_in_recipe(dataset: Dataset) -> str | None:
    """The robot's name or path in the stage that made the actions."""
    resolved = dataset.rotoscope("provenance.json").get("recipe_resolved", {})
    for stage in resolved.get("stages", []):
        if stage["name"] == resolved.get("action") and "robot" in stage.get("config", {}):
            return str(stage["config"]["robot"])
    return None


def _rotations(quat: Float[np.ndarray, "row 4"]) -> Float[np.ndarray, "row 3 3"]:
    known = np.isfinite(quat).all(axis=1)
    out = np.full((len(quat), 3, 3), np.nan)
    out[known] = se3.matrix_from_quat(quat[known])
    return out


def _azimuth_rad(dataset: Dataset, episode: EpisodeRows) -> float | None:
    """Where the camera of the video stands, or whoever looks at the person's stick figure."""
    joints_m, scene = body_of(episode), episode.meta.get("scene", {})
    if joints_m is None or scene.get("body_frame") != "world" or not scene.get("T_world_source"):
        return None
    if dataset.video_key is None:
        view = person_view(episode)
        return None if view is None else view.azimuth_rad
    pelvis = joints_m[np.isfinite(joints_m[:, 0]).all(axis=1), 0]
    if len(pelvis) == 0:
        return None
    towards = np.array(scene["T_world_source"])[:2, 3] - pelvis[:, :2].mean(axis=0)
    return float(np.arctan2(towards[1], towards[0]))
