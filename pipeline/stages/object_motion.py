"""Stage `label.object_motion`: what the thing did, and the end effector as seen from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.converters.object_frame import BASE_FRAME, to_object_frame
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.stages.object_outline import OUTLINE_NAMES, outline
from rotoscope.pipeline.stages.object_turns import placed_by_pose, pose_columns, turns_of
from rotoscope.pipeline.tracks import (
    BOTH,
    REASONS,
    SIDES,
    ActionTrack,
    Camera,
    FeatureTrack,
    ObjectPoseTrack,
    ObjectTrack,
    Track,
    runs,
)
from rotoscope.pipeline.types import Clip

_POSITION, _ROTATION = ("ee.x", "ee.y", "ee.z"), ("ee.wx", "ee.wy", "ee.wz")


class ObjectMotion(ClipStage):
    """The end effector in the frame of the thing that its hand takes, and the thing's own path.

    The frame stands where the thing rests before the hand first takes it, its axes those of the
    robot's base: how a thing is turned one camera does not tell. With `object_pose` before it, and
    a mesh of the thing, the axes are the mesh's as it rests. Every frame is of the thing that the
    hand holds, or takes next, or held last. Beside the action: `label.object_motion` (where the
    thing is, in the base frame and in the picture), `label.object_frame` (the frame's pose in the
    base), `label.object_contact` (the end effector in that frame at first contact) and
    `label.object_held`; `label.object_outline` is the edge of its segment. With `object_pose` also
    `label.object_pose` (the thing's pose in that frame, with sigma) and `label.object_goal` (the
    same when it is let go).
    """

    kind: ClassVar[str] = "label.object_motion"
    version: ClassVar[str] = "2"
    requires: ClassVar[tuple[str, ...]] = ("actions", "objects")
    uses: ClassVar[tuple[str, ...]] = (
        "camera", "quality.objects", "object_poses", "quality.object_pose",
    )  # fmt: skip
    provides: ClassVar[tuple[str, ...]] = ("actions", "features")
    Config: ClassVar[type[StageConfig]] = StageConfig

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """Actions and columns for every hand that an arm follows.

        Raises:
            TrackError: No labeler before it gives end-effector poses.
        """
        given = [t for t in tracks.values() if isinstance(t, ActionTrack)]
        arms = [t for t in given if t.ee_values is not None and t.subject != BOTH]
        if not arms:
            raise TrackError(
                f"{self.kind} needs a labeler that gives end-effector poses before it, got "
                f"{[t.labeler for t in given]}; put `retarget.arm` before it in the recipe"
            )
        things = [t for t in tracks.values() if isinstance(t, ObjectTrack)]
        poses = {t.number: t for t in tracks.values() if isinstance(t, ObjectPoseTrack)}
        things = [placed_by_pose(thing, poses.get(thing.number)) for thing in things]
        out: Tracks = {}
        for arm in arms:
            if arm.subject in SIDES:
                # Columns are the same in every episode of a recipe, whatever was found.
                turned = poses if "quality.object_pose" in tracks else None
                out |= self._one(arm, things, tracks.get("camera"), turned)
        return out

    def _one(
        self,
        arm: ActionTrack,
        things: list[ObjectTrack],
        camera: Track | None,
        poses: Mapping[int, ObjectPoseTrack] | None,
    ) -> Tracks:
        num = len(arm.valid)
        number, contact = _attended(things, SIDES.index(arm.subject), num)
        path_m, sigma_m, px, held = _of_attended(things, number, SIDES.index(arm.subject))
        T_base_camera = None if arm.T_camera_base is None else se3.inverse(arm.T_camera_base)
        if T_base_camera is None:
            path_m = np.full((num, 3), np.nan)
        else:
            path_m = se3.apply(T_base_camera, path_m)
            sigma_m = np.sqrt(sigma_m**2 @ (T_base_camera[:3, :3] ** 2).T)
        frame = np.tile(np.eye(4), (num, 1, 1))
        frame[:, :3, 3] = _rest_place(path_m, contact)
        turns = None
        if poses is not None and T_base_camera is not None:
            turns = turns_of(things, poses, number, contact, T_base_camera)
            frame[:, :3, :3] = turns.R_base_frame
        contract = _contract(arm.contract)
        assert arm.ee_values is not None
        values, contract = to_object_frame(arm.ee_values, contract, T_base_object=frame)
        known = np.isfinite(values).all(axis=1)
        valid = arm.valid & known
        reason = np.where(known, arm.reason, REASONS.index("not_seen"))
        actions = ActionTrack(
            labeler=self.kind,
            subject=arm.subject,
            contract=contract,
            values=values,
            valid=valid,
            confidence=np.where(known, arm.confidence, 0.0),
            reason=np.where(valid, 0, reason).astype(np.uint8),
            ee_values=None,
            T_camera_base=arm.T_camera_base,
        )
        in_picture = _shares(px, camera)
        at_contact = np.full((num, 6), np.nan)
        at_contact[contact >= 0] = values[contact[contact >= 0], :6]
        columns = {
            "object_motion": (
                np.concatenate([path_m, sigma_m, in_picture], axis=1),
                ("x", "y", "z", "sigma_x", "sigma_y", "sigma_z", "u", "v"),
                "m, share of the picture",
                "Where the thing is in the robot's base frame, its 1-sigma, and where in the "
                "picture, as shares of its width and height.",
            ),
            "object_frame": (
                np.concatenate([frame[:, :3, 3], se3.log_so3(frame[:, :3, :3])], axis=1),
                ("x", "y", "z", "wx", "wy", "wz"),
                "m, rad",
                "Pose in the robot's base of the frame in which the action is: T_base_object.",
            ),
            "object_contact": (
                at_contact,
                ("x", "y", "z", "wx", "wy", "wz"),
                "m, rad",
                "The end effector in that frame when the thing begins to move with the hand.",
            ),
            "object_held": (held[:, None], ("held",), "1", "The hand holds the thing."),
            "object_outline": (
                _outlines(things, number),
                OUTLINE_NAMES,
                "share of the picture",
                "Edge of the thing's segment: its farthest part in directions from its middle, "
                "from right over down, as shares of the picture's width and height.",
            ),
        }
        if poses is not None:
            columns |= pose_columns(turns, frame, path_m, sigma_m, held)
        made: Tracks = {f"actions.{self.kind}.{arm.subject}": actions}
        for name, (array, names, unit, text) in columns.items():
            made[f"features.{name}.{arm.subject}"] = FeatureTrack(
                f"label.{name}", arm.subject, array, names, unit, text
            )
        return made


def _attended(
    things: list[ObjectTrack], column: int, num: int
) -> tuple[Int[np.ndarray, " time"], Int[np.ndarray, " time"]]:
    """Which thing each frame is about, and the frame in which the hand first takes that.

    Both are -1 where the hand takes none.
    """
    spans = [
        (start, end, index)
        for index, thing in enumerate(things)
        for start, end in runs(thing.held[:, column])
    ]
    number, contact = np.full(num, -1), np.full(num, -1)
    first = {index: min(s for s, _, i in spans if i == index) for _, _, index in spans}
    after = 0
    for start, end, index in sorted(spans):
        number[after:end] = index
        contact[after:end] = first[index]
        after = max(after, end)
        del start
    if spans:
        number[after:], contact[after:] = number[after - 1], contact[after - 1]
    return number, contact


def _of_attended(
    things: list[ObjectTrack], number: Int[np.ndarray, " time"], column: int
) -> tuple[
    Float[np.ndarray, "time 3"],
    Float[np.ndarray, "time 3"],
    Float[np.ndarray, "time 2"],
    Bool[np.ndarray, " time"],
]:
    """Path, sigma, place in the picture and whether it is held, of the thing of each frame."""
    num = len(number)
    path, sigma = np.full((num, 3), np.nan), np.full((num, 3), np.nan)
    px, held = np.full((num, 2), np.nan), np.zeros(num, bool)
    for index, thing in enumerate(things):
        mine = number == index
        path[mine], sigma[mine] = thing.center_m[mine], thing.sigma_m[mine]
        px[mine], held[mine] = thing.center_px[mine], thing.held[mine, column]
    return path, sigma, px, held


def _outlines(
    things: list[ObjectTrack], number: Int[np.ndarray, " time"]
) -> Float[np.ndarray, "time number"]:
    """Edges of the thing of each frame; NaN where it is not seen."""
    unknown = np.full(len(OUTLINE_NAMES), np.nan)
    rows = enumerate(number.tolist())
    return np.array([outline(things[i], frame) if i >= 0 else unknown for frame, i in rows])


def _rest_place(
    path_m: Float[np.ndarray, "time 3"], contact: Int[np.ndarray, " time"]
) -> Float[np.ndarray, "time 3"]:
    """Where the thing of each frame rests when it is first taken [m]."""
    out = np.full((len(contact), 3), np.nan)
    for frame in np.unique(contact[contact >= 0]):
        known = path_m[frame : frame + 3][np.isfinite(path_m[frame : frame + 3, 0])]
        if len(known):
            out[contact == frame] = np.median(known, axis=0)
    return out


def _shares(px: Float[np.ndarray, "time 2"], camera: Track | None) -> Float[np.ndarray, "time 2"]:
    if not isinstance(camera, Camera):
        return np.full((len(px), 2), np.nan)
    return np.asarray(px / [camera.width, camera.height])


def _contract(arm: ActionContract) -> ActionContract:
    """An end effector's contract of the same robot, clock and gripper, in the base frame."""
    position = [Dimension(name=n, quantity="position", unit="m") for n in _POSITION]
    rotation = [Dimension(name=n, quantity="rotation_vector", unit="rad") for n in _ROTATION]
    gripper = Dimension(
        name="ee.gripper_pos", quantity="gripper", unit="percent", lower=0.0, upper=100.0
    )
    return arm.model_copy(
        update={"dimensions": (*position, *rotation, gripper), "frame": BASE_FRAME}
    )
