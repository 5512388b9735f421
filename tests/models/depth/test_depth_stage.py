"""Depth of a sensor: the hand where it was seen, and nothing where it was not."""

import numpy as np
import pytest
from PIL import Image

from rotoscope.models.depth.measured import UNDER_SKIN_M, depth_at, hand_distance
from rotoscope.models.depth.stage import Depth, DepthConfig
from rotoscope.pipeline.errors import DamagedVideoError, TrackError, UnreasonableVideoError
from rotoscope.pipeline.geometry import pinhole
from rotoscope.pipeline.testing import a_hand_track, a_video
from rotoscope.pipeline.tracks import Camera
from rotoscope.pipeline.types import Clip
from rotoscope.pipeline.video.scan import scan

K = np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]])
CAMERA = Camera(K=K, width=640, height=480, source="recipe", sigma_focal_rel=0.01)
NUM = 12
TRUE = 1.2
"""The true hand is so much larger, and farther, than the lifted one."""


def truth_m():
    """A hand that comes nearer, of a person's size."""
    flat = a_hand_track(NUM).joints_m
    flat = flat[:, :1] + 1.9 * (flat - flat[:, :1])
    return TRUE * flat - np.linspace(0, 0.1, NUM)[:, None, None] * [0, 0, 1.0]


def lifted():
    """What one camera makes of it: the same picture, of another size."""
    joints_m = truth_m() / TRUE
    px = pinhole.project(truth_m(), K)
    return a_hand_track(joints_m, landmarks_px=px, sigma_position_m=np.full((NUM, 3), 0.06))


def write_depth(folder, *, frames=NUM, size=(640, 480), change=lambda depth, frame: depth):
    """A sensor's view: skin a centimeter before the joints, a wall behind."""
    place = folder / "clip.depth"
    place.mkdir()
    for frame in range(frames):
        depth = np.full((480, 640), 3.0)
        joints = truth_m()[min(frame, NUM - 1)]
        for (x, y), z in zip(pinhole.project(joints, K), joints[:, 2], strict=True):
            depth[int(y) - 6 : int(y) + 7, int(x) - 6 : int(x) + 7] = z - UNDER_SKIN_M
        depth = change(depth, frame)
        image = Image.fromarray((1000 * depth).astype(np.uint16)).resize(size, Image.NEAREST)
        image.save(place / f"{frame:04d}.png")
    return place


def run(folder, hand=None, **config):
    clip = Clip(a_video(NUM, path=folder / "clip.mp4"), 0, np.arange(NUM) / 30)
    tracks = {"hands.right": lifted() if hand is None else hand, "camera": CAMERA}
    out = Depth(DepthConfig(**config)).run(clip, tracks)
    return out["hands.right"], out["quality.depth.right"].facts


@pytest.mark.parametrize("size", [(640, 480), (320, 240)])
def test_hand_gets_its_true_distance_and_size(tmp_path, size):
    write_depth(tmp_path, size=size)
    hand, facts = run(tmp_path)
    np.testing.assert_allclose(hand.joints_m[:, 0], truth_m()[:, 0], atol=4e-3)
    palm = np.linalg.norm(hand.joints_m[:, 9] - hand.joints_m[:, 0], axis=1)
    true = np.linalg.norm(truth_m()[0, 9] - truth_m()[0, 0])
    np.testing.assert_allclose(palm, true, rtol=0.1)
    assert facts["depth_frames"] == NUM
    assert (hand.sigma_position_m[:, 2] < 0.02).all()
    inside = np.abs(hand.joints_m[:, 0] - truth_m()[:, 0]) <= 2 * hand.sigma_position_m
    assert inside.all()


def test_frames_without_depth_keep_the_size_and_their_doubt(tmp_path):
    write_depth(tmp_path, change=lambda d, frame: d * 0 if frame in (3, 4) else d)
    hand, facts = run(tmp_path)
    assert facts["depth_frames"] == NUM - 2
    assert (hand.sigma_position_m[3:5] > 0.05).all()
    assert (hand.sigma_position_m[5:, 2] < 0.02).all()


def test_thing_before_half_of_the_hand_does_not_move_it(tmp_path):
    def covered(depth, frame):
        depth = depth.copy()
        tips = pinhole.project(truth_m()[frame][[4, 7, 8, 11, 12]], K)
        for x, y in tips:
            depth[int(y) - 5 : int(y) + 6, int(x) - 5 : int(x) + 6] = 0.3
        return depth

    write_depth(tmp_path, change=covered)
    hand, _ = run(tmp_path)
    np.testing.assert_allclose(hand.joints_m[:, 0], truth_m()[:, 0], atol=8e-3)


def test_depth_that_contradicts_itself_tells_nothing(tmp_path):
    rng = np.random.default_rng(0)
    write_depth(tmp_path, change=lambda d, _: rng.uniform(0.3, 3.0, d.shape))
    hand, facts = run(tmp_path)
    assert facts["depth_frames"] <= 2
    np.testing.assert_allclose(hand.joints_m, lifted().joints_m)


def test_wall_alone_far_behind_the_hand_is_not_believed_where_it_disagrees():
    """A hand stretched in depth before a flat wall: no one factor fits."""
    joints = lifted().joints_m[0] + np.linspace(0, 0.15, 21)[:, None] * [0, 0, 1.0]
    assert np.isnan(hand_distance(np.full(21, 3.0), joints, 0.005).factor)


def test_unit_of_the_pictures_is_a_setting(tmp_path):
    write_depth(tmp_path, change=lambda d, _: d / 4)
    hand, _ = run(tmp_path, meters_per_unit=0.004)
    np.testing.assert_allclose(hand.joints_m[:, 0], truth_m()[:, 0], atol=8e-3)


def test_pictures_of_another_unit_make_no_giants(tmp_path):
    write_depth(tmp_path)
    with pytest.raises(UnreasonableVideoError, match="meters_per_unit"):
        run(tmp_path, meters_per_unit=0.01)


def test_wall_seen_in_the_hands_place_does_not_carry_it_there(tmp_path):
    write_depth(tmp_path, change=lambda d, frame: 0 * d + 3.0 if frame == 6 else d)
    hand, _ = run(tmp_path)
    assert np.linalg.norm(hand.joints_m[6, 0] - hand.joints_m[5, 0]) < 0.1
    assert hand.sigma_position_m[6, 2] > 0.05


def test_points_outside_and_unknown_have_no_depth():
    depth = np.full((48, 64), 1.5)
    depth[:10] = np.nan
    points = np.array([[320.0, 240.0], [320.0, 20.0], [-5.0, 240.0], [700.0, 100.0], [np.nan, 1.0]])
    found = depth_at(depth, points, (640, 480))
    np.testing.assert_array_equal(np.isfinite(found), [True, False, False, False, False])


@pytest.mark.parametrize(
    ("made", "error", "says"),
    [
        ({"frames": NUM - 1}, UnreasonableVideoError, "12 frames and 11 pictures"),
        ({"size": (480, 480)}, UnreasonableVideoError, "register depth to the color picture"),
    ],
)
def test_depth_of_another_video_is_refused(tmp_path, made, error, says):
    write_depth(tmp_path, **made)
    with pytest.raises(error, match=says):
        run(tmp_path)


def test_missing_damaged_and_colored_pictures_are_named(tmp_path):
    with pytest.raises(UnreasonableVideoError, match=r"no folder clip\.depth"):
        run(tmp_path)
    place = write_depth(tmp_path)
    Image.new("RGB", (640, 480)).save(place / "0002.png")
    with pytest.raises(UnreasonableVideoError, match="one channel of 16 bits"):
        run(tmp_path)
    (place / "0001.png").write_bytes(b"no picture")
    with pytest.raises(DamagedVideoError, match=r"clip\.depth/0001\.png"):
        run(tmp_path)


def test_hand_that_was_not_lifted_says_what_lacks(tmp_path):
    write_depth(tmp_path)
    with pytest.raises(TrackError, match="put the stage 'lift' before 'depth'"):
        run(tmp_path, lifted().replace(joints_m=None))


def test_folder_of_depth_is_no_video_of_its_own(tmp_path):
    write_depth(tmp_path)
    (tmp_path / "clip.mp4").write_bytes(b"video")
    assert [found.name for found in scan([tmp_path])] == ["clip.mp4"]
    assert Depth.files_beside(tmp_path / "clip.mp4")[0].name == "0000.png"
