"""The person of an episode in pictures: frames with what was found, or a stick figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows, read_images
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.report.draw import BONES, Overlay, draw_overlay, project
from rotoscope.pipeline.report.features import frame_size
from rotoscope.pipeline.report.figure import View, draw_figure, draw_lines, draw_text
from rotoscope.pipeline.report.marks import marks_of
from rotoscope.pipeline.report.objects import in_base, poses
from rotoscope.pipeline.video.fit import fit_into

FIGURE_SHAPE = (288, 288)
"""Height and width of the stick figure's picture where no video gives a shape."""
BOX_STEP = 3
"""Every so manieth row is looked at for where the person is."""
BOX_MARGIN = 1.3
"""What is shown of a frame over what is drawn on it."""
MAX_ASPECT = 1.6
"""Longest side of that part over its shortest."""
HAND_M = 0.26
"""What the picture of a hand without a video shows [m]: a hand with its fingers stretched."""


def picture_size(dataset: Dataset, episode: EpisodeRows, *, area_px: int) -> tuple[int, int]:
    """Width and height of the person's picture that has about some area [px], both even."""
    height, width = FIGURE_SHAPE
    if dataset.video_key is not None:
        left, top, right, bottom = shown_box(dataset, episode)
        width, height = right - left, bottom - top
    scale = (area_px / (width * height)) ** 0.5
    return 2 * round(width * scale / 2), 2 * round(height * scale / 2)


def shown_box(dataset: Dataset, episode: EpisodeRows) -> tuple[int, int, int, int]:
    """What of the dataset's frames is shown: left, top, right, bottom [px].

    Around all that is ever drawn over them, without the bars that fill a video up to the dataset's
    shape.
    """
    assert dataset.video_key is not None
    frame_height, frame_width = frame_size(dataset)
    scene = episode.meta.get("scene", {})
    if not (scene.get("video_width") and scene.get("video_height")):
        return 0, 0, frame_width, frame_height
    fit = fit_into(scene["video_width"], scene["video_height"], frame_width, frame_height)
    low, size = np.array([fit.x, fit.y]), np.array([fit.width, fit.height])
    drawn = [overlay_of(dataset, episode, row) for row in range(0, episode.num_rows, BOX_STEP)]
    points = [project(o.K, p) for o in drawn for p in (o.joints_m, o.body_m) if p is not None]
    pixels = np.concatenate([*points, *(overlay.marks.points_px() for overlay in drawn)])
    pixels = pixels[np.isfinite(pixels).all(axis=1)]
    if len(pixels) == 0:
        return fit.x, fit.y, fit.x + fit.width, fit.y + fit.height
    middle = 0.5 * (pixels.min(axis=0) + pixels.max(axis=0))
    wanted = BOX_MARGIN * np.ptp(pixels, axis=0)
    # Neither side much longer than the other, and never so near that nothing else is seen.
    wanted = np.minimum(np.maximum.reduce([wanted, wanted[::-1] / MAX_ASPECT, size / 3]), size)
    start = np.clip(middle - wanted / 2, low, low + size - wanted)
    left, top = start.round().astype(int).tolist()
    right, bottom = (start + wanted).round().astype(int).tolist()
    return left, top, right, bottom


def people(
    dataset: Dataset, episode: EpisodeRows, rows: Sequence[int], *, width: int, height: int
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """The person in some rows, which must increase.

    The part of the frame that `shown_box` names, with what was found drawn over it; without frames
    a stick figure of body or hand; without either, a gray picture.
    """
    if dataset.video_key is not None:
        left, top, right, bottom = shown_box(dataset, episode)
        for row, image in zip(rows, read_images(episode, rows, dataset.fps), strict=True):
            if image.shape[:2] != frame_size(dataset):
                raise DatasetError(
                    f"{episode.video_file} is {image.shape[1]}x{image.shape[0]}, info.json says "
                    f"{frame_size(dataset)[::-1]}; write the dataset again"
                )
            drawn = draw_overlay(image, overlay_of(dataset, episode, row))
            yield _resized(drawn[top:bottom, left:right], width, height)
        return
    joints_m, hand_m = body_of(episode), episode.columns.get("track.hand.joints")
    if joints_m is not None:
        yield from _figures(episode, joints_m, rows, width=width, height=height)
    elif hand_m is not None:
        for row in rows:
            yield draw_hand(np.asarray(hand_m[row], float), width=width, height=height)
    else:
        yield from [draw_text("no video", width=width, height=height)] * len(rows)


def person_view(episode: EpisodeRows) -> View | None:
    """From where the person is drawn as a stick figure; `None` without a body."""
    joints_m = body_of(episode)
    if joints_m is None:
        return None
    is_grounded = episode.meta.get("scene", {}).get("body_frame") == "world"
    return View.of(joints_m, is_grounded=is_grounded)


def _figures(
    episode: EpisodeRows,
    joints_m: Float[np.ndarray, "time body_joint 3"],
    rows: Sequence[int],
    *,
    width: int,
    height: int,
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    view = person_view(episode)
    assert view is not None
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


def draw_hand(
    joints_m: Float[np.ndarray, " 63"], *, width: int, height: int
) -> UInt8[np.ndarray, "height width 3"]:
    """The bones of a hand as its camera sees them."""
    joints = joints_m.reshape(21, 3)[:, [0, 2, 1]] * [1.0, 1.0, -1.0]
    middle = 0.5 * (joints.min(axis=0) + joints.max(axis=0))
    return draw_lines((joints - middle)[np.array(BONES)], HAND_M, width=width, height=height)


def body_of(episode: EpisodeRows) -> Float[np.ndarray, "time body_joint 3"] | None:
    """The person's joints in the frame that the scene names [m], `None` where there are none."""
    joints = episode.columns.get("track.body.joints")
    return None if joints is None else np.asarray(joints, float).reshape(len(joints), -1, 3)


def overlay_of(dataset: Dataset, episode: EpisodeRows, row: int) -> Overlay:
    """What is known about hand, gripper and body in one row of a video, ready to be drawn."""
    scene, columns = episode.meta.get("scene", {}), episode.columns
    has_camera = all(scene.get(key) for key in ("K", "video_width", "video_height"))
    if not has_camera or dataset.video_key is None:
        return Overlay(np.eye(3), None, False, None, 0.0, marks=marks_of(dataset, episode, row))
    height, width = frame_size(dataset)
    fit = fit_into(scene["video_width"], scene["video_height"], width, height)
    T_now_reference = _camera_now(episode, row)
    if T_now_reference is None:
        return Overlay(np.eye(3), None, False, None, 0.0, marks=marks_of(dataset, episode, row))
    joints = columns.get("track.hand.joints")
    T_camera_ee, opening = gripper_of(dataset, episode, row)
    body_m = body_in_camera(episode, row)
    return Overlay(
        K=fit.apply_K(np.array(scene["K"])),
        joints_m=None
        if joints is None
        else se3.apply(T_now_reference, np.asarray(joints[row], float).reshape(21, 3)),
        is_seen=_flag(episode, "track.hand.seen", row) and _flag(episode, "track.body.seen", row),
        T_camera_ee=None if T_camera_ee is None else T_now_reference @ T_camera_ee,
        opening_m=opening,
        body_m=None if body_m is None else se3.apply(T_now_reference, body_m),
        marks=marks_of(dataset, episode, row),
    )


def _camera_now(episode: EpisodeRows, row: int) -> Float[np.ndarray, "4 4"] | None:
    """From the clip's first camera, in whose frame everything stands, to the row's own.

    `None` where the camera moved and the dataset does not say how.
    """
    pose = episode.columns.get("track.camera.pose")
    if pose is None:
        has_moved = episode.meta.get("scene", {}).get("camera_motion") in ("turning", "moving")
        return None if has_moved else np.eye(4)
    values = np.asarray(pose[row], float)
    if not np.isfinite(values).all():
        return None
    return np.asarray(se3.inverse(se3.make(se3.exp_so3(values[3:]), values[:3])))


def body_in_camera(episode: EpisodeRows, row: int) -> Float[np.ndarray, "body_joint 3"] | None:
    """The person's joints of a row in the first camera's frame [m]; `None` where there are none."""
    joints_m = body_of(episode)
    if joints_m is None:
        return None
    scene = episode.meta.get("scene", {})
    if scene.get("body_frame") != "world" or not scene.get("T_world_source"):
        return joints_m[row]
    return se3.apply(se3.inverse(np.array(scene["T_world_source"])), joints_m[row])


def _flag(episode: EpisodeRows, name: str, row: int) -> bool:
    """A column of yes and no; yes where there is no such column."""
    values = episode.columns.get(name)
    return True if values is None else bool(np.ravel(values[row])[0])


def gripper_of(
    dataset: Dataset, episode: EpisodeRows, row: int
) -> tuple[Float[np.ndarray, "4 4"] | None, float]:
    """The end effector that the label reaches, in the camera frame, and its opening [m]."""
    scene = episode.meta.get("scene", {})
    ee = episode.columns.get("label.ee")
    if ee is None and dataset.names("action")[:1] == ["ee.x"]:
        ee = episode.columns.get("observation.state")
    if ee is None or not scene.get("T_camera_base"):
        return None, 0.0
    ee = np.asarray(ee, float)
    T_base_ee = poses(ee)
    if "label.ee" not in episode.columns:
        T_base_ee = in_base(dataset, episode, T_base_ee)
    gripper = dataset.rotoscope("contract.json").get("gripper") or {}
    opening_m = ee[row, 6] / 100.0 * float(gripper.get("max_opening_m", 0.08))
    return np.array(scene["T_camera_base"]) @ T_base_ee[row], opening_m


def _resized(
    image: UInt8[np.ndarray, "height width 3"], width: int, height: int
) -> UInt8[np.ndarray, "small_height small_width 3"]:
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
