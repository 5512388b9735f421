"""Pictures of an episode: the contact sheet and the short loop of person and robot."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
from jaxtyping import Float, UInt8

from pipeline import registry
from pipeline.dataset import Dataset, EpisodeRows, read_images
from pipeline.errors import RotoscopeError
from pipeline.geometry import se3
from pipeline.report.draw import Overlay, draw_overlay
from pipeline.report.figure import View, draw_figure, draw_text
from pipeline.video.fit import fit_into

log = logging.getLogger(__name__)

SHEET_COLUMNS, SHEET_WIDTH = 6, 320
FIGURE_SHAPE = (240, 320)
"""Height and width of the stick figure's picture where no video gives a shape."""
LOOP_WIDTH, LOOP_HZ, LOOP_MAX_S = 320, 10, 8.0


class RobotPainter:
    """Renders the robot of an episode; remembers one renderer per robot.

    Where this machine cannot render, says so once and gives `None` pictures: the report goes on.
    """

    def __init__(self) -> None:
        self.renderers: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for renderer in self.renderers.values():
            if renderer is not None:
                renderer.close()

    def paint(
        self,
        robot: str,
        joints_rad: Float[np.ndarray, " joint"],
        opening: float,
        *,
        width: int,
        height: int,
    ) -> UInt8[np.ndarray, "height width 3"] | None:
        """The robot from its three-quarter view, or `None` where rendering is impossible."""
        if robot not in self.renderers:
            self.renderers[robot] = self._start(robot)
        renderer = self.renderers[robot]
        if renderer is None:
            return None
        image: np.ndarray = renderer.render(joints_rad, opening, width=width, height=height)
        return image

    @staticmethod
    def _start(robot: str) -> Any:
        try:
            return registry.helper("robot_renderer")(robot)
        except RotoscopeError as error:
            log.warning("the report shows no robot: %s", error)
            return None


def contact_sheet(dataset: Dataset, episode: EpisodeRows, painter: RobotPainter) -> str:
    """A JPEG data URI: frames with hand and gripper above, the robot at the same moments below."""
    count = min(SHEET_COLUMNS, episode.num_rows)
    rows = np.unique(np.linspace(0, episode.num_rows - 1, count).astype(int)).tolist()
    columns = []
    for row, person in zip(rows, people(dataset, episode, rows, width=SHEET_WIDTH), strict=True):
        robot = _robot(dataset, episode, row, painter, SHEET_WIDTH, len(person))
        columns.append(person if robot is None else np.concatenate([person, robot], axis=0))
    return _data_uri(np.concatenate(columns, axis=1))


def loop(dataset: Dataset, episode: EpisodeRows, painter: RobotPainter) -> str:
    """An animated WebP data URI: the person beside the robot."""
    from PIL import Image

    step = max(1, round(dataset.fps / LOOP_HZ))
    last = min(episode.num_rows, int(LOOP_MAX_S * dataset.fps))
    rows = list(range(0, last, step))
    frames = []
    for row, person in zip(rows, people(dataset, episode, rows, width=LOOP_WIDTH), strict=True):
        robot = _robot(dataset, episode, row, painter, LOOP_WIDTH, len(person))
        pair = person if robot is None else np.concatenate([person, robot], axis=1)
        frames.append(Image.fromarray(pair))
    buffer = io.BytesIO()
    frames[0].save(
        buffer, "WEBP", save_all=True, append_images=frames[1:], loop=0, quality=55, method=2,
        duration=int(1000 * step / dataset.fps),
    )  # fmt: skip
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def people(
    dataset: Dataset, episode: EpisodeRows, rows: Sequence[int], *, width: int
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """The person in some rows, which must increase.

    The frame with what was found drawn over it; without frames a stick figure; without a body
    either, a grey picture.
    """
    key = dataset.video_key
    if key is not None:
        high, wide = dataset.info["features"][key]["shape"][:2]
        height = width * high // wide
        for row, image in zip(rows, read_images(episode, rows, dataset.fps), strict=True):
            yield _resized(draw_overlay(image, overlay_of(dataset, episode, row)), width, height)
        return
    height = width * FIGURE_SHAPE[0] // FIGURE_SHAPE[1]
    joints_m = body_of(episode)
    if joints_m is None:
        yield from [draw_text("no video", width=width, height=height)] * len(rows)
        return
    is_grounded = episode.meta.get("scene", {}).get("body_frame") == "world"
    view = View.of(joints_m, is_grounded=is_grounded)
    contact = episode.columns.get("track.body.contact")
    for row in rows:
        yield draw_figure(
            joints_m[row],
            view,
            is_seen=_flag(episode, "track.body.seen", row),
            contact=None if contact is None else contact[row],
            width=width,
            height=height,
        )


def body_of(episode: EpisodeRows) -> Float[np.ndarray, "time body_joint 3"] | None:
    """The person's joints in the frame that the scene names [m], `None` where there are none."""
    joints = episode.columns.get("track.body.joints")
    return None if joints is None else np.asarray(joints, float).reshape(len(joints), -1, 3)


def overlay_of(dataset: Dataset, episode: EpisodeRows, row: int) -> Overlay:
    """What is known about hand, gripper and body in one row of a video, ready to be drawn."""
    scene, columns = episode.meta.get("scene", {}), episode.columns
    if "K" not in scene or dataset.video_key is None:
        return Overlay(np.eye(3), None, False, None, 0.0)
    height, width = dataset.info["features"][dataset.video_key]["shape"][:2]
    fit = fit_into(scene["video_width"], scene["video_height"], width, height)
    joints = columns.get("track.hand.joints")
    T_camera_ee, opening = _gripper(dataset, episode, row)
    return Overlay(
        K=fit.apply_K(np.array(scene["K"])),
        joints_m=None if joints is None else np.asarray(joints[row], float).reshape(21, 3),
        is_seen=_flag(episode, "track.hand.seen", row) and _flag(episode, "track.body.seen", row),
        T_camera_ee=T_camera_ee,
        opening_m=opening,
        body_m=_body_in_camera(episode, row),
    )


def _body_in_camera(episode: EpisodeRows, row: int) -> Float[np.ndarray, "body_joint 3"] | None:
    joints_m = body_of(episode)
    if joints_m is None:
        return None
    scene = episode.meta["scene"]
    if scene.get("body_frame") != "world":
        return joints_m[row]
    return se3.apply(se3.inverse(np.array(scene["T_world_source"])), joints_m[row])


def _flag(episode: EpisodeRows, name: str, row: int) -> bool:
    """A column of yes and no; yes where there is no such column."""
    values = episode.columns.get(name)
    return True if values is None else bool(np.ravel(values[row])[0])


def _gripper(
    dataset: Dataset, episode: EpisodeRows, row: int
) -> tuple[Float[np.ndarray, "4 4"] | None, float]:
    """The end effector that the label reaches, in the camera frame, and its opening [m]."""
    scene = episode.meta["scene"]
    ee = episode.columns.get("label.ee")
    if ee is None and dataset.names("observation.state")[0].startswith("ee."):
        ee = episode.columns["observation.state"]
    if ee is None or "T_camera_base" not in scene:
        return None, 0.0
    values = np.asarray(ee[row], float)
    T_base_ee = se3.make(se3.exp_so3(values[3:6]), values[:3])
    gripper = dataset.rotoscope("contract.json").get("gripper") or {}
    opening_m = values[6] / 100.0 * float(gripper.get("max_opening_m", 0.08))
    return np.array(scene["T_camera_base"]) @ T_base_ee, opening_m


def _robot(
    dataset: Dataset,
    episode: EpisodeRows,
    row: int,
    painter: RobotPainter,
    width: int,
    height: int,
) -> UInt8[np.ndarray, "height width 3"] | None:
    robot = str(episode.meta.get("scene", {}).get("robot", ""))
    feature = "observation.state"
    if dataset.names(feature)[0].startswith("ee."):
        feature = "label.joints"
    if not robot or feature not in episode.columns:
        return None
    if not dataset.names(feature)[-1].endswith("gripper.pos"):
        return None
    values = np.asarray(episode.columns[feature][row], float)
    return painter.paint(robot, values[:-1], float(values[-1]) / 100.0, width=width, height=height)


def _resized(
    image: UInt8[np.ndarray, "height width 3"], width: int, height: int
) -> UInt8[np.ndarray, "small_height small_width 3"]:
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def _data_uri(image: UInt8[np.ndarray, "height width 3"]) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
