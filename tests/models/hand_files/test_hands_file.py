"""The stage `hands.file`: what it makes of our own file, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
from human_hands import hand_joints, seen

from rotoscope.models.camera.motion_stage import CameraMotionConfig, CameraMotionStage
from rotoscope.models.hand_files.read import files_beside
from rotoscope.models.hand_files.stage import HandsFile, HandsFileConfig
from rotoscope.pipeline.errors import MotionError, TrackError
from rotoscope.pipeline.geometry import pinhole, se3
from rotoscope.pipeline.testing import a_clip
from rotoscope.pipeline.tracks import Camera, CameraMotion, PointTracks

FRAMES = 12
K = np.array([[600.0, 0, 320], [0, 600.0, 240], [0, 0, 1]])
CAMERA = Camera(K, 640, 480, "recipe", 0.02)


def hands(side="right", frames=FRAMES):
    """A hand in the camera's frame, (frame, 21, 3) [m]."""
    return seen(hand_joints(np.linspace(0.2, 0.9, frames)), side).joints_m


def own(frames=FRAMES, **more):
    found = {"joints_m": hands(frames=frames), "frame": np.arange(frames)}
    found["side"] = ["right"] * frames
    return {k: v for k, v in (found | more).items() if v is not None}


def run(folder, found, *, clip=None, camera=CAMERA, **config):
    np.savez(folder / "video.hands.npz", **found)
    clip = clip or a_clip(FRAMES, path=folder / "video.mp4")
    return HandsFile(HandsFileConfig(**config)).run(clip, {"camera": camera})


def test_joints_become_a_lifted_hand_and_the_other_hand_is_not_seen(tmp_path):
    out = run(tmp_path, own())
    right, left = out["hands.right"], out["hands.left"]
    assert right.valid.all()
    assert not left.valid.any()
    np.testing.assert_allclose(right.joints_m, hands())
    np.testing.assert_allclose(right.landmarks_px, pinhole.project(hands(), K))
    np.testing.assert_allclose(right.T_camera_wrist[:, :3, 3], hands()[:, 0])
    np.testing.assert_allclose(right.hand_m.mean(axis=1), 0, atol=1e-12)
    assert "camera" not in out
    assert "camera_motion" not in out


def test_rows_may_stand_in_any_order_and_lack_frames(tmp_path):
    order = [7, 3, 9]
    found = own(joints_m=hands()[order], side=["right"] * 3, frame=order)
    right = run(tmp_path, found)["hands.right"]
    assert np.flatnonzero(right.valid).tolist() == [3, 7, 9]
    np.testing.assert_allclose(right.joints_m[order], hands()[order])
    assert np.isnan(right.joints_m[0]).all()


def test_times_choose_the_nearest_frame(tmp_path):
    times_s = np.array([0.0, 3.4, 7.6, 400.0]) / 30
    found = own(joints_m=hands()[:4], side=["right"] * 4, frame=None, time_s=times_s)
    right = run(tmp_path, found)["hands.right"]
    assert np.flatnonzero(right.valid).tolist() == [0, 3, 8]


@pytest.mark.parametrize("rate_hz", [45, 60, 90, 120])
def test_of_a_faster_tracker_the_row_nearest_to_each_frame_is_taken(tmp_path, rate_hz):
    times_s = np.arange(FRAMES * rate_hz // 30) / rate_hz
    joints = hands(frames=len(times_s))
    found = own(joints_m=joints, side=["right"] * len(times_s), frame=None, time_s=times_s)
    out = run(tmp_path, found, sigma_depth_rel=0.0)
    right = out["hands.right"]
    assert right.valid.all()
    assert out["quality.hands_file.right"].facts["hands_ambiguous_frames"] == 0
    away_s = np.abs(times_s - np.arange(FRAMES)[:, None] / 30)
    nearest = np.round(away_s, 9).argmin(axis=1)  # the first of equals
    np.testing.assert_allclose(right.T_camera_wrist[:, :3, 3], joints[nearest, 0], rtol=1e-3)


def test_only_the_frames_of_the_clip_are_taken(tmp_path):
    clip = a_clip(4, start=5, path=tmp_path / "video.mp4")
    right = run(tmp_path, own(frames=9), clip=clip)["hands.right"]
    np.testing.assert_allclose(right.joints_m, hands(frames=9)[5:])


def test_rows_said_to_be_invalid_or_without_joints_are_not_seen(tmp_path):
    joints = hands()
    joints[2, 4] = np.nan
    valid = np.arange(FRAMES) != 6
    right = run(tmp_path, own(joints_m=joints, valid=valid))["hands.right"]
    assert np.flatnonzero(~right.valid).tolist() == [2, 6]


def test_of_two_hands_of_one_side_the_surer_is_taken_and_of_equals_none(tmp_path):
    joints = np.concatenate([hands(), hands() + np.array([0.1, 0, 0])])
    confidence = np.concatenate([np.full(FRAMES, 0.6), np.full(FRAMES, 0.3)])
    confidence[-1] = 0.6
    found = own(
        joints_m=joints,
        side=["right"] * 2 * FRAMES,
        frame=np.tile(np.arange(FRAMES), 2),
        confidence=confidence,
    )
    out = run(tmp_path, found)
    assert out["hands.right"].valid.tolist() == [True] * (FRAMES - 1) + [False]
    np.testing.assert_allclose(out["hands.right"].joints_m[:-1], hands()[:-1])
    assert out["quality.hands_file.right"].facts["hands_ambiguous_frames"] == 1


def test_unknown_confidence_is_none(tmp_path):
    right = run(tmp_path, own(confidence=np.full(FRAMES, np.nan)))["hands.right"]
    assert right.valid.all()
    assert (right.score == 0).all()


def test_own_sigma_comes_first_and_else_what_the_settings_say(tmp_path):
    stated = own(sigma_position_m=np.full(FRAMES, 0.004), sigma_rotation_rad=np.full(FRAMES, 0.03))
    out = run(tmp_path, stated, sigma_position_m=0.5)
    assert out["hands.right"].sigma_position_m == pytest.approx(np.full((FRAMES, 3), 0.004))
    assert out["hands.right"].sigma_rotation_rad == pytest.approx(np.full(FRAMES, 0.03))
    assert out["quality.hands_file.right"].facts["hands_sigma"] == "file"

    guessed = run(tmp_path, own(), sigma_position_m=0.01, sigma_depth_rel=0.2)
    depth_m = hands()[:, 0, 2]
    assert guessed["hands.right"].sigma_position_m[:, 2] == pytest.approx(
        np.hypot(0.01, 0.2 * depth_m)
    )
    measured = run(tmp_path, own(is_measured=True), sigma_position_m=0.01, sigma_depth_rel=0.2)
    assert measured["hands.right"].sigma_position_m == pytest.approx(np.full((FRAMES, 3), 0.01))


def palms(track):
    seen_m = track.joints_m[track.valid]
    return np.linalg.norm(seen_m[:, 9] - seen_m[:, 0], axis=1)


def test_hands_whose_distance_is_guessed_have_one_size_over_the_file(tmp_path):
    growing = hands() * np.linspace(0.9, 1.1, FRAMES)[:, None, None]
    both = own(
        joints_m=np.concatenate([growing, 1.02 * hands("left")]),
        side=["right"] * FRAMES + ["left"] * FRAMES,
        frame=np.tile(np.arange(FRAMES), 2),
    )
    out = run(tmp_path, both)
    sizes = np.concatenate([palms(out["hands.right"]), palms(out["hands.left"])])
    raw = both["joints_m"]
    median_m = np.median(np.linalg.norm(raw[:, 9] - raw[:, 0], axis=1))
    np.testing.assert_allclose(sizes, median_m)
    np.testing.assert_allclose(out["hands.right"].landmarks_px, pinhole.project(hands(), K))
    for side in ("left", "right"):
        facts = out[f"quality.hands_file.{side}"].facts
        assert facts["hands_palm_mm"] == pytest.approx(1e3 * median_m, abs=0.05)
    clip = a_clip(4, video=a_clip(FRAMES, path=tmp_path / "video.mp4").video)
    np.testing.assert_allclose(palms(run(tmp_path, both, clip=clip)["hands.right"]), median_m)


def test_known_size_of_the_hand_comes_before_the_file_s(tmp_path):
    out = run(tmp_path, own(), palm_length_m=0.08)
    np.testing.assert_allclose(palms(out["hands.right"]), 0.08)
    np.testing.assert_allclose(out["hands.right"].landmarks_px, pinhole.project(hands(), K))


def test_measured_distances_are_not_touched_by_the_size_of_the_hand(tmp_path):
    out = run(tmp_path, own(is_measured=True), palm_length_m=0.08)
    np.testing.assert_allclose(out["hands.right"].joints_m, hands())


def test_intrinsics_of_the_file_replace_the_recipe_s_and_are_scaled(tmp_path):
    given = own(K=np.array([[900.0, 0, 480], [0, 900.0, 360], [0, 0, 1]]), width=960, height=720)
    out = run(tmp_path, given)
    assert out["camera"].source == "tracks"
    np.testing.assert_allclose(out["camera"].K, K)
    np.testing.assert_allclose(out["hands.right"].landmarks_px, pinhole.project(hands(), K))


def path_of_camera():
    turn = se3.exp_so3(np.linspace(0, 0.3, FRAMES)[:, None] * [0.1, 1.0, 0.2])
    return se3.make(turn, np.linspace(0, 0.2, FRAMES)[:, None] * [1.0, 0.3, -0.2])


def test_hands_in_the_world_are_brought_into_the_camera_s_frame(tmp_path):
    T = path_of_camera()
    found = own(joints_m=se3.apply(T, hands()), T_world_camera=T)
    out = run(tmp_path, found)
    np.testing.assert_allclose(out["hands.right"].joints_m, hands(), atol=1e-9)
    motion = out["camera_motion"]
    assert (motion.kind, motion.scale_source) == ("moving", "stated")
    np.testing.assert_allclose(motion.T_reference_camera, se3.inverse(T[:1]) @ T, atol=1e-9)


def test_sigma_in_the_world_is_turned_into_the_camera_s_axes(tmp_path):
    quarter = np.tile(
        se3.make(se3.exp_so3(np.array([0, np.pi / 2, 0])), np.zeros(3)), (FRAMES, 1, 1)
    )
    found = own(
        joints_m=se3.apply(quarter, hands()),
        T_world_camera=quarter,
        sigma_position_m=np.tile([0.01, 0.02, 0.03], (FRAMES, 1)),
    )
    out = run(tmp_path, found)
    assert out["camera_motion"].kind == "still"
    np.testing.assert_allclose(out["hands.right"].sigma_position_m[0], [0.03, 0.02, 0.01])


def test_stage_of_the_camera_takes_a_given_path_and_estimates_none(tmp_path):
    T = path_of_camera()
    out = run(tmp_path, own(joints_m=se3.apply(T, hands()), T_world_camera=T))
    nothing = PointTracks(
        points_px=np.full((FRAMES, 1, 2), np.nan),
        ids=np.full((FRAMES, 1), -1),
        pixel_px=1.0,
    )
    stage = CameraMotionStage(CameraMotionConfig())
    made = stage.run(
        a_clip(FRAMES, path=tmp_path / "video.mp4"),
        {"camera": CAMERA, "scene_points": nothing} | out,
    )
    assert isinstance(made["camera_motion"], CameraMotion)
    assert made["camera_motion"].kind == "moving"
    world = se3.apply(se3.inverse(T[:1]) @ T, hands())
    np.testing.assert_allclose(made["hands.right"].joints_m, world, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joint": 1}, r"holds 'joint'; names are 'K', 'T_world_camera'"),
        ({"side": None}, "it lacks side"),
        ({"side": ["both"] * FRAMES}, r"side must be 'left' or 'right' .or 0 and 1., got .*both"),
        (
            {"side": ["right"] * 3},
            r"joints_m is shaped \(12, 21, 3\), wanted is one row for each of the 3",
        ),
        ({"joints_m": hands()[:, :16]}, r"joints_m is shaped \(12, 16, 3\)"),
        ({"joints_m": hands() * 1000}, "finger is 95 from the wrist; hands have 0.04 to 0.14 m"),
        ({"joints_m": hands() * np.nan}, "holds no hand: every row lacks joints"),
        ({"joints_m": None}, "holds neither joints_m nor MANO's parameters"),
        ({"side": ["left"] * FRAMES}, "fingers of the left hand bend backwards"),
        ({"frame": np.arange(FRAMES) + 1}, r"hand in frame 12, but video.mp4 has frames 0 to 11"),
        ({"frame": np.arange(FRAMES) - 1}, "frame must be whole numbers from 0"),
        ({"frame": np.arange(FRAMES) + 0.5}, "frame must be whole numbers from 0"),
        ({"frame": None}, "must give either 'frame' or 'time_s'"),
        ({"time_s": np.arange(FRAMES) / 30}, "must give either 'frame' or 'time_s'"),
        ({"valid": [True]}, r"valid is shaped \(1,\)"),
        ({"K": np.eye(3)}, "gives K, which needs width and height"),
        ({"T_world_camera": path_of_camera()[:5]}, "has 5 camera poses for 12 frames"),
        ({"T_world_camera": path_of_camera() * 2}, "holds matrices that are no rigid poses"),
        ({"sigma_position_m": np.zeros(FRAMES)}, "sigma_position_m must be positive .* got 0"),
        ({"sigma_rotation_rad": np.full(FRAMES, np.nan)}, "sigma_rotation_rad must be positive"),
        ({"sigma_position_m": np.ones((FRAMES, 2))}, "sigma_position_m is shaped"),
    ],
)
def test_files_that_cannot_be_meant_are_refused(tmp_path, change, message):
    with pytest.raises(MotionError, match=message):
        run(tmp_path, own(**change))


def test_video_without_a_file_of_hands_is_refused_and_so_are_two_files(tmp_path):
    stage, clip = HandsFile(HandsFileConfig()), a_clip(FRAMES, path=tmp_path / "video.mp4")
    with pytest.raises(
        MotionError, match=r"video.mp4 has no file of hands .* video.hands.\* \(npz"
    ):
        stage.run(clip, {"camera": CAMERA})
    for suffix in ("npz", "csv"):
        (tmp_path / f"video.hands.{suffix}").write_bytes(b"x")
    with pytest.raises(MotionError, match=r"video.hands.npz and in video.hands.csv; keep one"):
        stage.run(clip, {"camera": CAMERA})


def test_recipe_without_a_camera_is_refused(tmp_path):
    with pytest.raises(TrackError, match=r"put the stage `camera` before `hands.file`"):
        HandsFile(HandsFileConfig()).run(a_clip(FRAMES), {})


def test_files_beside_a_video_or_a_folder_of_pictures_are_found(tmp_path):
    for name in ("clip.hands.npz", "clip.hands.yaml", "rgb.v2.hands.npz", "other.hands.npz"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "rgb.v2").mkdir()
    names = {p: [f.name for f in files_beside(tmp_path / p)] for p in ("clip.MP4", "rgb.v2", "no")}
    assert names == {
        "clip.MP4": ["clip.hands.npz", "clip.hands.yaml"],
        "rgb.v2": ["rgb.v2.hands.npz"],
        "no": [],
    }


def test_link_to_hands_elsewhere_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    np.savez(tmp_path / "secret.npz", **own())
    (tmp_path / "elsewhere" / "video.hands.npz").symlink_to(tmp_path / "secret.npz")
    with pytest.raises(MotionError, match=r"the file of hands .* leads out of elsewhere"):
        files_beside(Path(tmp_path / "elsewhere" / "video.mp4"))
