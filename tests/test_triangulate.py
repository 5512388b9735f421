"""`rotoscope triangulate`: what it writes is what recipes read."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rotoscope import views
from rotoscope.cli.main import app
from rotoscope.models.hand_files.read import read_hands
from rotoscope.models.perception.multi_view import View
from rotoscope.models.views.landmark_bias import bias_px
from rotoscope.models.views.place import Placed
from rotoscope.models.views.seen import Seen
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.motion import read_motion
from rotoscope.pipeline.testing import a_body_track, a_video
from rotoscope.pipeline.tracks import BODY_JOINTS, Camera

K = np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]])
NUM = 60
TIME_S = np.arange(NUM) / 30
MIDDLE = np.array([0.0, 0.0, 0.6])
R = se3.exp_so3(np.radians([0.0, 45.0, 0.0]))
CAMERAS = [View(K, np.eye(4)), View(K, se3.make(R, MIDDLE - R @ MIDDLE))]


def hand_m():
    """A hand with bent fingers that sways: (time, 21, 3) in the first camera."""
    finger, knuckle = np.divmod(np.arange(20), 4)
    rest = np.zeros((21, 3))
    rest[1:, 0] = 0.02 * finger - 0.04
    rest[1:, 1] = -0.05 - 0.025 * knuckle
    rest[1:, 2] = 0.006 * knuckle**2 + 0.01 * (finger == 0)
    rest[1:5, 1] += 0.03
    sway = np.stack(
        [0.06 * np.sin(4 * TIME_S), 0.05 * np.cos(3 * TIME_S), 0.06 * np.sin(2.5 * TIME_S)], axis=1
    )
    turn = se3.exp_so3(0.5 * np.sin(3 * TIME_S)[:, None] * np.array([0.4, 1.0, 0.2]))
    return rest @ np.swapaxes(turn, 1, 2) + (sway + MIDDLE)[:, None]


def standing_m():
    joints = a_body_track(NUM).joints_m - a_body_track(1).joints_m[0, 0]
    walk = np.stack([0.2 * np.sin(2 * TIME_S), 0 * TIME_S, 0.1 * np.cos(2 * TIME_S)], axis=1)
    return joints + (walk + np.array([0.0, 0.0, 3.0]))[:, None]


def marked(camera, points_m, name):
    """Pixels of landmarks; those of hands are off as MediaPipe's are."""
    off_px = bias_px(camera, points_m, "right") if name == "right" else 0.0
    return camera.project(points_m) + off_px


@pytest.fixture
def two_videos(tmp_path, monkeypatch):
    """Two files, and what perception would have seen in them."""
    paths = [tmp_path / "first.mp4", tmp_path / "second.mp4"]
    for path in paths:
        path.write_bytes(b"video")
    right = ("right", hand_m())
    subject = {"hands": right, "points": right, "body": ("person0", standing_m())}

    def look(given, what, *_, **__):
        name, points_m = subject[what]
        return [
            views._Video(
                path,
                Camera(K, 640, 480, "recipe", 0.01),
                {name: Seen(TIME_S, marked(c, points_m, name))},
            )
            for path, c in zip(given, CAMERAS, strict=True)
        ]

    monkeypatch.setattr(views, "_look", look)
    return paths


def calibration(folder):
    path = folder / "calib.toml"
    text = ""
    for name, camera in zip(("first", "second"), CAMERAS, strict=True):
        T = camera.T_camera_world
        text += f"[{name}]\nname = '{name}'\nsize = [640, 480]\nmatrix = {K.tolist()}\n"
        text += f"rotation = {T[:3, :3].tolist()}\ntranslation = {T[:3, 3].tolist()}\n"
    path.write_text(text)
    return path


@pytest.mark.parametrize("is_calibrated", [True, False])
def test_hands_are_written_as_hands_file_reads_them(two_videos, tmp_path, is_calibrated):
    palm_m = float(np.linalg.norm(hand_m()[0, 9] - hand_m()[0, 0]))
    found = views.triangulate(
        two_videos,
        calibration=calibration(tmp_path) if is_calibrated else None,
        palm_length_m=palm_m,
        within_s=0.1 if is_calibrated else 0.0,
        work=tmp_path / "work",
    )
    assert found.written == (tmp_path / "first.hands.npz",)
    table = read_hands(two_videos[0])
    assert table.is_measured
    assert table.is_right.all()
    np.testing.assert_array_equal(table.frame, np.arange(NUM))
    # Estimated cameras take their scale from landmarks whose errors are not known before.
    scale = 1.0 if is_calibrated else np.linalg.norm(table.joints_m) / np.linalg.norm(hand_m())
    assert scale == pytest.approx(1.0, abs=0.03)
    atol = 1e-3 if is_calibrated else 4e-3
    np.testing.assert_allclose(table.joints_m / scale, hand_m(), atol=atol)
    assert (table.sigma_position_m > 0).all()


def test_estimated_views_are_as_sure_as_the_focal_length(two_videos, tmp_path, monkeypatch):
    look = views._look

    def assumed(*args, **kwargs):
        return [
            views._Video(v.path, Camera(K, 640, 480, "assumed", 0.15), v.subjects)
            for v in look(*args, **kwargs)
        ]

    sigma_m = []
    for seen in (look, assumed):
        monkeypatch.setattr(views, "_look", seen)
        views.triangulate(two_videos, palm_length_m=0.09, within_s=0.0, work=tmp_path / "work")
        sigma_m.append(np.median(read_hands(two_videos[0]).sigma_position_m))
    away_m = np.median(np.linalg.norm(read_hands(two_videos[0]).joints_m[:, 0], axis=1))
    assert sigma_m[1] > 0.15 * away_m > sigma_m[0]


def test_people_are_written_as_motion_files(two_videos, tmp_path):
    found = views.triangulate(
        two_videos, calibration=calibration(tmp_path), what="body", work=tmp_path / "work"
    )
    motion = read_motion(found.written[0])
    assert motion.rate_hz == pytest.approx(30)
    thigh = [BODY_JOINTS.index(j) for j in ("left_hip", "left_knee")]
    truth = np.linalg.norm(np.subtract(*standing_m()[0, thigh]))
    length = np.linalg.norm(motion.joints_m[:, thigh[0]] - motion.joints_m[:, thigh[1]], axis=1)
    np.testing.assert_allclose(length, truth, atol=2e-3)


@pytest.mark.parametrize("offsets_s", [None, [0.5, 0.7]])
def test_points_are_written_on_the_clock_of_the_hands_or_that_which_is_stated(
    two_videos, tmp_path, monkeypatch, offsets_s
):
    def placed(cameras, videos, offset_s, sizes):
        given.append(offset_s)
        points_m = np.full((NUM, 4, 3), 0.25)
        return Placed(points_m, points_m / 100, np.zeros(NUM), np.ones(NUM, bool), TIME_S)

    given = []
    monkeypatch.setattr(views, "place_points", placed)
    monkeypatch.setattr(views, "probe", lambda path: a_video(NUM, width=640, height=480))
    found = views.triangulate(
        two_videos,
        calibration=calibration(tmp_path),
        what="points",
        offsets_s=offsets_s,
        within_s=0.1,
        work=tmp_path / "work",
    )
    assert given == [pytest.approx(0.0 if offsets_s is None else 0.2, abs=0.01)]
    assert found.written == (tmp_path / "first.points.npz",)
    with np.load(found.written[0]) as arrays:
        assert arrays["points_m"].shape == arrays["sigma_m"].shape == (NUM, 4, 3)
        np.testing.assert_array_equal(arrays["time_s"], TIME_S)


def test_command_says_what_it_found(two_videos, tmp_path):
    shown = CliRunner().invoke(
        app,
        ["triangulate", *map(str, two_videos), "--calibration", str(calibration(tmp_path))],
    )
    assert shown.exit_code == 0, shown.output
    assert "right: 60 of 60 frames placed" in shown.output
    assert "first.hands.npz" in shown.output


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"videos": 1}, "two different videos or more"),
        ({"offsets_s": [0.0]}, "1 offsets are given for 2 videos"),
        ({"what": "points", "offsets_s": [0.0, 0.0]}, "2 offsets and no calibration"),
        ({"what": "points", "within_s": 0.0}, "and no calibration"),
    ],
)
def test_wrong_use_is_refused(two_videos, tmp_path, change, says):
    videos = two_videos[: change.pop("videos", 2)]
    with pytest.raises(UsageError, match=says):
        views.triangulate(videos, work=tmp_path / "work", **change)


def test_hand_that_one_view_does_not_show_is_said(two_videos, tmp_path, monkeypatch):
    look = views._look

    def without(*args, **kwargs):
        first, second = look(*args, **kwargs)
        return [first, views._Video(second.path, second.camera, {"left": second.subjects["right"]})]

    monkeypatch.setattr(views, "_look", without)
    with pytest.raises(UsageError, match=r"first\.mp4: right; second\.mp4: left"):
        views.triangulate(two_videos, work=tmp_path / "work")


def test_files_that_are_no_videos_are_named(tmp_path):
    paths = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for number, path in enumerate(paths):
        Path(path).write_bytes(b"no video %d" % number)
    with pytest.raises(UsageError, match=r"a\.mp4 could not be looked at"):
        views.triangulate(paths, work=tmp_path / "work", store=tmp_path / "store")
