"""What a person writes about a camera beside a video is read strictly, and comes first."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from video_files import index_of, write_video

from rotoscope.pipeline.errors import UnreasonableVideoError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.sources import files_of, identify
from rotoscope.pipeline.stages.camera import CameraConfig, CameraStage
from rotoscope.pipeline.testing import a_clip, a_video, a_video_file
from rotoscope.pipeline.tracks import Camera, CameraMotion
from rotoscope.pipeline.video.camera_notes import camera_files, read_camera_notes, read_camera_path
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

VGA = "width: 640\nheight: 480\nfx: 600\n"


@pytest.fixture
def video(tmp_path: Path) -> Path:
    half_lit = np.zeros((120, 160, 3), np.uint8)
    half_lit[:, :40] = 220
    return a_video_file(tmp_path / "clip.mp4", [half_lit] * 30)


def tracks_of(path: Path, width: int, height: int, **config):
    clip = a_clip(video=replace(a_video(30, width=width, height=height), path=path))
    return CameraStage(CameraConfig(**config)).run(clip, {})


def camera_of(path: Path, width: int = 640, height: int = 480, **config) -> Camera:
    found = tracks_of(path, width, height, **config)["camera"]
    assert isinstance(found, Camera)
    return found


def test_a_videos_own_notes_come_before_the_folders(tmp_path):
    (tmp_path / "camera.yaml").write_text("mirrored: true\n")
    (tmp_path / "a.camera.yaml").write_text("capture_rate_hz: 120\n")
    assert read_camera_notes(tmp_path / "a.mp4").capture_rate_hz == 120
    assert not read_camera_notes(tmp_path / "a.mp4").mirrored
    assert read_camera_notes(tmp_path / "b.mp4").mirrored
    assert camera_files(tmp_path / "b.mp4") == (tmp_path / "camera.yaml",)


@pytest.mark.parametrize(
    ("size", "scale"), [((640, 480), 1.0), ((1280, 960), 2.0), ((320, 240), 0.5)]
)
def test_intrinsics_are_scaled_to_the_videos_size(tmp_path, size, scale):
    (tmp_path / "camera.yaml").write_text(VGA + "cx: 310\ndistortion: [0.1, 0, 0, 0]\n")
    camera = camera_of(tmp_path / "a.mp4", *size)
    np.testing.assert_allclose(
        camera.K, [[600 * scale, 0, 310 * scale], [0, 600 * scale, 240 * scale], [0, 0, 1]]
    )
    assert (camera.source, camera.sigma_focal_rel) == ("notes", 0.01)
    assert camera.distortion == (0.1, 0, 0, 0)


def test_crop_says_which_part_a_video_shows(tmp_path):
    (tmp_path / "camera.yaml").write_text(
        "width: 1920\nheight: 1080\nfx: 1500\nsigma_focal_rel: 0.02\ncrop: [240, 0, 1440, 1080]\n"
    )
    camera = camera_of(tmp_path / "a.mp4", 640, 480)
    scale = 640 / 1440
    np.testing.assert_allclose(camera.K[0], [1500 * scale, 0, (960 - 240) * scale])
    assert camera.sigma_focal_rel == 0.02
    with pytest.raises(UnreasonableVideoError, match=r"640 x 360 pixels.*another shape.*crop"):
        camera_of(tmp_path / "a.mp4", 640, 360)


def test_recipe_comes_before_the_notes(tmp_path):
    (tmp_path / "camera.yaml").write_text(VGA)
    camera = camera_of(tmp_path / "a.mp4", fx=700.0)
    assert (camera.source, camera.K[0, 0]) == ("recipe", 700)


def test_recipes_fx_at_a_width_is_scaled(tmp_path):
    config = CameraConfig(fx=600.0, cx=300.0, width=640)
    clip = a_clip(video=replace(a_video(30, width=1280, height=960), path=tmp_path / "a.mp4"))
    wide = CameraStage(config).run(clip, {})["camera"]
    np.testing.assert_allclose(wide.K, [[1200, 0, 600], [0, 1200, 480], [0, 0, 1]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fx: 600\n", "fx needs the width and the height"),
        ("width: 640\nheight: 480\ncx: 300\n", "cx is given without fx"),
        (VGA + "distortion: [1, 2]\n", "distortion holds 4 or 5 numbers"),
        (VGA + "distortion: [0, 0, 0, 0]\nfisheye: [0, 0, 0, 0]\n", "two models of one lens"),
        (VGA + "crop: [100, 0, 600, 480]\n", r"crop \[100, 0, 600, 480\].*reaches outside"),
        (VGA + "fx: -1\n", "fx"),
        ("gravity: [0, 1]\n", "gravity"),
        ("gravity: [0, 0, 0]\n", "has no direction"),
        ("gravity: [0, .nan, 0]\n", "gravity"),
        ("pitch_deg: 91\n", "pitch_deg"),
        ("pitch_deg: 10\ngravity: [0, 1, 0]\n", "say the same; give one of them"),
        ("world_up: up\n", "world_up"),
        ("focal: 3\n", "keys are width, height, fx"),
        ("- a\n", "camera.yaml"),
        ("fx: [", "camera.yaml"),
    ],
)
def test_notes_that_cannot_be_meant_are_refused(tmp_path, text, message):
    (tmp_path / "camera.yaml").write_text(text)
    with pytest.raises(UnreasonableVideoError, match=message):
        read_camera_notes(tmp_path / "a.mp4")


def test_mirrored_recording_is_turned_back_wherever_it_is_read(video):
    plain = next(read_frames(probe(video)))
    (video.parent / "camera.yaml").write_text("mirrored: true\n")
    for backend in ("pyav", "decord"):
        turned = next(read_frames(probe(video), backend=backend))
        np.testing.assert_allclose(
            turned.rgb.astype(int), plain.rgb[:, ::-1].astype(int), atol=6, err_msg=backend
        )
    turned = next(read_frames(probe(video)))
    for before, after in zip(plain.to_scaled(80, 60), turned.to_scaled(80, 60), strict=True):
        np.testing.assert_array_equal(after, before[:, ::-1])


def test_notes_are_part_of_what_identifies_a_video(video):
    without = identify(video, "video").sha256
    (video.parent / "clip.camera.yaml").write_text("capture_rate_hz: 120\n")
    assert files_of(video, "video") == (video, video.with_name("clip.camera.yaml"))
    assert identify(video, "video").sha256 != without


@pytest.mark.parametrize("backend", ["pyav", "decord"])
def test_slow_motion_has_the_times_of_filming(video, backend):
    (video.parent / "camera.yaml").write_text("capture_rate_hz: 120\n")
    found = probe(video)
    assert (found.rate_hz, found.duration_s) == (pytest.approx(120), pytest.approx(0.25))
    times = [frame.time_s for frame in read_frames(found, backend=backend)]
    np.testing.assert_allclose(times, np.arange(30) / 120, atol=1e-6)


@pytest.mark.parametrize(("captured", "rate_hz"), [("120.000000", 120), ("2.0", 2), ("30", 30)])
def test_android_says_how_fast_it_filmed(tmp_path, captured, rate_hz):
    path = write_video(tmp_path / "a.mp4", frames=12, fps=30)
    tagged = tmp_path / "tagged.mp4"
    with (
        av.open(str(path)) as source,
        av.open(str(tagged), "w", options={"movflags": "use_metadata_tags"}) as target,
    ):
        target.metadata["com.android.capture.fps"] = captured
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert probe(tagged).rate_hz == pytest.approx(rate_hz, rel=1e-3)
    (tmp_path / "tagged.camera.yaml").write_text("capture_rate_hz: 60\n")
    assert probe(tagged).rate_hz == pytest.approx(60, rel=1e-3)


def poses(num: int) -> np.ndarray:
    T = np.tile(np.eye(4), (num, 1, 1))
    T[:, 0, 3] = np.linspace(0, 0.3, num)
    return T


def test_stated_path_is_the_cameras_motion(tmp_path):
    T = poses(30)
    T[7] = np.nan
    np.savez(tmp_path / "a.camera.npz", T_world_camera=T)
    motion = tracks_of(tmp_path / "a.mp4", 640, 480)["camera_motion"]
    assert isinstance(motion, CameraMotion)
    assert (motion.kind, motion.scale_source) == ("moving", "stated")
    assert list(np.flatnonzero(~motion.valid)) == [7]
    np.testing.assert_allclose(motion.T_reference_camera[-1, :3, 3], [0.3, 0, 0])


LOOKING_DOWN = np.array([0.0, np.cos(np.radians(30)), np.sin(np.radians(30))])


@pytest.mark.parametrize(
    ("text", "gravity"),
    [
        ("", None),
        ("pitch_deg: 0\n", [0, 1, 0]),
        ("pitch_deg: 30\n", LOOKING_DOWN),
        ("gravity: [0, 9.81, 0]\n", [0, 1, 0]),
        ("gravity: [3, 0, 4]\n", [0.6, 0, 0.8]),
        ("gravity: [3, 0, 4]\nmirrored: true\n", [-0.6, 0, 0.8]),
    ],
)
def test_gravity_is_that_of_the_videos_first_frame(tmp_path, text, gravity):
    (tmp_path / "camera.yaml").write_text(text)
    found = camera_of(tmp_path / "a.mp4").gravity
    if gravity is None:
        assert found is None
    else:
        np.testing.assert_allclose(found, gravity, atol=1e-12)
    later = a_clip(20, video=replace(a_video(30), path=tmp_path / "a.mp4"), start=10)
    assert CameraStage(CameraConfig()).run(later, {})["camera"].gravity is None


@pytest.mark.parametrize("up", ["x", "y", "z", "-x", "-y", "-z"])
@pytest.mark.parametrize("start", [0, 10])
def test_poses_in_a_world_whose_up_is_known_tell_gravity_in_every_clip(tmp_path, up, start):
    T = poses(30)
    T[:, :3, :3] = se3.exp_so3(np.linspace(0, 1, 30)[:, None] * [0.3, -0.8, 0.5] + [1.0, 0.2, 0])
    np.savez(tmp_path / "a.camera.npz", T_world_camera=T)
    (tmp_path / "a.camera.yaml").write_text(f'world_up: "{up}"\n')
    clip = a_clip(30 - start, video=replace(a_video(30), path=tmp_path / "a.mp4"), start=start)
    gravity = CameraStage(CameraConfig()).run(clip, {})["camera"].gravity
    upward = np.eye(3)["xyz".index(up[-1])] * (-1 if up[0] == "-" else 1)
    np.testing.assert_allclose(T[start, :3, :3] @ gravity, -upward, atol=1e-9)


def test_a_worlds_up_without_poses_in_it_is_refused(tmp_path):
    (tmp_path / "camera.yaml").write_text("world_up: z\n")
    with pytest.raises(UnreasonableVideoError, match="say gravity or pitch_deg"):
        camera_of(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"T_world_camera": poses(29)}, r"shape \(29, 4, 4\), the video has 30 frames"),
        ({"T_world_camera": 2 * poses(30)}, "no rigid poses"),
        ({"poses": poses(30)}, "holds no array T_world_camera"),
    ],
)
def test_path_that_cannot_be_meant_is_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "a.camera.npz", **arrays)
    with pytest.raises(UnreasonableVideoError, match=message):
        read_camera_path(tmp_path / "a.mp4", 30)


@pytest.mark.realdata
def test_spherical_file_is_no_picture_of_a_pinhole(shared_data, tmp_path):
    case = shared_data.parent / "cases" / "16_spherical_stereo" / "spherical.mp4"
    if not case.is_file():
        pytest.skip("the shared folder of sample cases is absent")
    copy = tmp_path / "a.mp4"
    copy.write_bytes(case.read_bytes())
    with pytest.raises(
        UnreasonableVideoError, match=r"holds a spherical picture with the pictures of two eyes"
    ):
        probe(copy)
    (tmp_path / "camera.yaml").write_text("flat: true\n")
    assert probe(copy).num_frames > 0


def test_frames_are_still_told_apart_by_their_number(tmp_path):
    path = write_video(tmp_path / "a.mp4", frames=5, fps=30)
    (tmp_path / "camera.yaml").write_text("capture_rate_hz: 240\n")
    assert [index_of(frame.rgb) for frame in read_frames(probe(path))] == list(range(5))
