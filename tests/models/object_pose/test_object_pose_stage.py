"""6-D poses from depth: a box that is carried, a ball, a mesh, and input that is none of it."""

from pathlib import Path

import numpy as np
import pytest
from carried_box import (
    CAMERA,
    NUM,
    SIDES_M,
    carried,
    cast,
    clip_with_depth,
    segments,
    write_box,
)

from rotoscope.models.object_pose.second_look import SecondLook, second_look
from rotoscope.models.object_pose.stage import ObjectPose
from rotoscope.pipeline.errors import AssetError, UnreasonableVideoError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import POSE_REASONS, ObjectPoseTrack, QualityTrack

pytestmark = pytest.mark.timeout(120)


def run(folder: Path, made, *, masks=None, depth_m=None, **config) -> Tracks:
    stage = ObjectPose(ObjectPose.Config(**config))
    stage.setup()
    clip = clip_with_depth(folder, made.depth_m if depth_m is None else depth_m)
    thing = segments(made.masks if masks is None else masks)
    return stage.run(clip, {"objects.1": thing, "camera": CAMERA})


def pose_of(made: Tracks) -> ObjectPoseTrack:
    track = made["object_poses.1"]
    assert isinstance(track, ObjectPoseTrack)
    return track


def facts_of(made: Tracks) -> dict[str, object]:
    quality = made["quality.object_pose"]
    assert isinstance(quality, QualityTrack)
    return quality.facts


def motion_errors(track: ObjectPoseTrack) -> tuple[np.ndarray, np.ndarray]:
    """Of the valid frames against the first, farthest corner [m] and angle [rad]."""
    true, told = carried(), track.T_camera_object
    own = se3.inverse(told[0]) @ true[0]
    corners = np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, -1).T * SIDES_M / 2
    k = track.valid
    everywhere = np.tile(corners, (int(k.sum()), 1, 1))
    a, b = se3.apply(told[k] @ own, everywhere), se3.apply(true[k], everywhere)
    angle = se3.angle_between((told[k] @ own)[:, :3, :3], true[k][:, :3, :3])
    return np.linalg.norm(a - b, axis=2).max(axis=1), angle


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Tracks:
    return run(tmp_path_factory.mktemp("box"), cast(carried()))


def test_carried_box_is_followed_to_millimeters_and_degrees(box: Tracks) -> None:
    track = pose_of(box)
    assert track.valid.mean() > 0.9
    off_m, angle_rad = motion_errors(track)
    assert np.median(off_m) < 0.006
    assert np.degrees(np.median(angle_rad)) < 2.5
    assert track.rotation_valid.sum() > 0.8 * NUM


def test_sigma_covers_the_error(box: Tracks) -> None:
    track = pose_of(box)
    off_m, angle_rad = motion_errors(track)
    sigma_rad = np.linalg.norm(track.sigma_rotation_rad[track.valid], axis=1)
    assert (angle_rad < 2.5 * sigma_rad).mean() > 0.85
    assert (off_m < 3 * np.linalg.norm(track.sigma_position_m[track.valid], axis=1) + 0.004).all()


def test_what_is_carried_hangs_on_no_joint(box: Tracks) -> None:
    assert facts_of(box)["object_1_joint"] == "free"


def test_turn_of_a_ball_is_not_told_but_its_place_is(tmp_path: Path) -> None:
    track = pose_of(run(tmp_path, cast(carried(), shape="ball")))
    assert track.valid.mean() > 0.7
    assert track.rotation_valid[3:].sum() == 0
    assert np.degrees(track.sigma_rotation_rad[track.valid][3:].max(axis=1).min()) > 6


def test_thing_that_is_hidden_has_no_pose_there_and_comes_back(tmp_path: Path) -> None:
    made = cast(carried())
    masks, depth_m = made.masks.copy(), made.depth_m.copy()
    masks[5:7] = False
    depth_m[9][made.masks[9]] = np.nan
    track = pose_of(run(tmp_path, made, masks=masks, depth_m=depth_m))
    said = [POSE_REASONS[r] for r in track.reason]
    assert said[5:7] == ["not_seen"] * 2
    assert said[9] == "no_depth"
    assert np.isnan(track.T_camera_object[5]).all()
    assert track.valid[11:].any()


def test_model_begins_where_no_arm_hides_most_of_the_thing(tmp_path: Path, monkeypatch) -> None:
    kept: dict[int, SecondLook] = {}

    def look(clip, files, segments, things) -> None:
        second_look(clip, files, segments, things)
        kept.update(things)

    monkeypatch.setattr("rotoscope.models.object_pose.stage.second_look", look)
    made = cast(carried())
    masks, depth_m = made.masks.copy(), made.depth_m.copy()
    for t in range(4):
        _, columns = np.nonzero(made.masks[t])
        cut = np.quantile(columns, 0.3) if t % 2 else np.quantile(columns, 0.7)
        arm = np.arange(masks.shape[2]) > cut if t % 2 else np.arange(masks.shape[2]) < cut
        scale = depth_m.shape[2] // masks.shape[2]
        masks[t][:, arm] = False
        depth_m[t][:, np.repeat(arm, scale)] = 0.3
    track = pose_of(run(tmp_path, made, masks=masks, depth_m=depth_m))
    assert kept[1].follower.keys[0].frame == 4
    assert sorted(kept[1].follower.early) == [0, 1, 2, 3]
    assert track.valid[4:].mean() > 0.9
    own = se3.inverse(track.T_camera_object[6]) @ carried()[6]
    off_m = np.linalg.norm((track.T_camera_object @ own - carried())[:, :3, 3], axis=1)
    sigma_m = np.linalg.norm(track.sigma_position_m, axis=1)
    assert (off_m < 3 * sigma_m + 0.004)[track.valid].all()


def test_mesh_gives_the_thing_its_own_frame(tmp_path: Path) -> None:
    write_box(tmp_path / "clip.mesh.obj")
    made = run(tmp_path, cast(carried()))
    track = pose_of(made)
    assert track.origin == "mesh"
    away = np.linalg.norm(track.T_camera_object[:, :3, 3] - carried()[:, :3, 3], axis=1)
    assert np.nanmedian(away) < 0.005
    # A box looks alike turned by half about each axis: three more poses.
    assert facts_of(made)["object_1_mesh_poses_alike"] >= 1


@pytest.mark.parametrize(
    ("mesh", "says"),
    [
        ({"scale": 1000.0}, "mesh_meters_per_unit"),
        ({"sides_m": np.array([0.16, 0.015, 0.015])}, "mesh of another thing"),
    ],
)
def test_mesh_in_millimeters_or_of_another_thing_is_refused(tmp_path, mesh, says) -> None:
    write_box(tmp_path / "clip.mesh.obj", **mesh)
    with pytest.raises(UnreasonableVideoError, match=says):
        run(tmp_path, cast(carried()))


@pytest.mark.slow
def test_mesh_in_millimeters_that_says_so_is_taken(tmp_path: Path) -> None:
    write_box(tmp_path / "clip.mesh.obj", scale=1000.0)
    track = pose_of(run(tmp_path, cast(carried()[:8]), mesh_meters_per_unit=0.001))
    assert track.origin == "mesh"


def test_file_that_holds_no_mesh_is_named(tmp_path: Path) -> None:
    (tmp_path / "clip.mesh.ply").write_text("no mesh")
    with pytest.raises(UnreasonableVideoError, match=r"clip\.mesh\.ply holds no triangles"):
        run(tmp_path, cast(carried()[:6]))


def test_depth_of_another_unit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreasonableVideoError, match=r"object_pose\.meters_per_unit"):
        run(tmp_path, cast(carried()[:6]), meters_per_unit=1.0)


def test_depth_that_its_hand_contradicts_is_refused(tmp_path: Path) -> None:
    made = cast(carried()[:6])
    thing = segments(made.masks).replace(center_m=0.2 * carried()[:6, :3, 3])
    stage = ObjectPose(ObjectPose.Config())
    clip = clip_with_depth(tmp_path, made.depth_m)
    with pytest.raises(UnreasonableVideoError, match="times as far as the hand"):
        stage.run(clip, {"objects.1": thing, "camera": CAMERA})


def test_video_without_depth_is_refused(tmp_path: Path) -> None:
    made = cast(carried()[:4])
    clip = clip_with_depth(tmp_path, made.depth_m)
    for file in (tmp_path / "clip.depth").iterdir():
        file.unlink()
    (tmp_path / "clip.depth").rmdir()
    stage = ObjectPose(ObjectPose.Config())
    with pytest.raises(UnreasonableVideoError, match=r"no folder clip\.depth"):
        stage.run(clip, {"objects.1": segments(made.masks), "camera": CAMERA})


def test_clip_in_which_nothing_is_held_says_where_the_table_is_at_most(tmp_path: Path) -> None:
    clip = clip_with_depth(tmp_path, cast(carried()[:4]).depth_m)
    made = ObjectPose(ObjectPose.Config()).run(clip, {"camera": CAMERA})
    assert list(made) == ["quality.object_pose"]


def test_thing_seen_in_one_frame_gets_no_joint(tmp_path: Path) -> None:
    made = cast(carried()[:6])
    masks = made.masks & (np.arange(6) == 2)[:, None, None]
    out = run(tmp_path, made, masks=masks)
    assert pose_of(out).valid.sum() <= 1
    assert facts_of(out)["object_1_joint"] == "unknown"


def test_mesh_beside_the_video_is_part_of_its_identity(tmp_path: Path) -> None:
    clip_with_depth(tmp_path, cast(carried()[:2]).depth_m)
    write_box(tmp_path / "clip.mesh.stl")
    names = [path.name for path in ObjectPose.files_beside(tmp_path / "clip.mp4")]
    assert names == ["0000.png", "0001.png", "clip.mesh.stl"]


def test_without_open3d_the_error_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "open3d", None)
    with pytest.raises(AssetError, match=r"rotoscope\[samples\]"):
        ObjectPose(ObjectPose.Config()).setup()
