import sys

import numpy as np
import pytest

from rotoscope.models.rendered_hands import (
    Scene,
    landmarks,
    postures,
    raycast,
    rendered_clip,
    scenes,
)
from rotoscope.models.rendered_hands import write_sample_clip as write_sample
from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.geometry import hand_frame, pinhole, se3

K = np.array([[100.0, 0.0, 32.0], [0.0, 100.0, 24.0], [0.0, 0.0, 1.0]])
PLATE_M = np.array([[-0.1, -0.05, 1.0], [0.1, -0.05, 1.0], [0.1, 0.05, 1.0], [-0.1, 0.05, 1.0]])
FACES = np.array([[0, 2, 1], [0, 3, 2]])


def draw_plate(background: np.ndarray) -> np.ndarray:
    try:
        return raycast.draw(
            background, K=K, vertices=PLATE_M, faces=FACES, colors=np.full((4, 3), 250.0)
        )
    except AssetError as error:
        pytest.skip(str(error))


def test_a_mesh_is_drawn_where_the_camera_sees_it():
    image = draw_plate(np.zeros((48, 64, 3), np.uint8))
    drawn = np.argwhere(image.any(axis=2))
    # Corners project to (22, 19) and (42, 29); pixel i covers [i, i + 1).
    assert drawn.min(axis=0).tolist() == [19, 22]
    assert drawn.max(axis=0).tolist() == [28, 41]
    assert len(drawn) == 10 * 20


def test_what_the_mesh_does_not_cover_is_the_background():
    background = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    image = draw_plate(background)
    assert (image[:19] == background[:19]).all()
    assert not (image[19:29, 22:42] == background[19:29, 22:42]).all()


def test_what_is_nearer_than_the_mesh_stays_in_front_of_it():
    draw_plate(np.zeros((48, 64, 3), np.uint8))
    depth_m = np.full((48, 64), 2.0)
    depth_m[:, :32] = 0.9
    for samples in (1, 2):
        image = raycast.draw(
            np.zeros((48, 64, 3), np.uint8),
            K=K,
            vertices=PLATE_M,
            faces=FACES,
            colors=np.full((4, 3), 250.0),
            behind_m=depth_m,
            samples_per_side=samples,
        )
        drawn = np.argwhere(image.any(axis=2))
        assert drawn.min(axis=0).tolist() == [19, 32]
        assert len(drawn) == 10 * 10


def test_without_open3d_the_error_names_the_system_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "open3d", None)
    with pytest.raises(AssetError, match=r"libusb-1.0-0 \(`apt-get install libusb-1.0-0`\)"):
        raycast.draw(
            np.zeros((48, 64, 3), np.uint8),
            K=K,
            vertices=PLATE_M,
            faces=FACES,
            colors=np.full((4, 3), 250.0),
        )


def test_a_hand_closes_holds_and_opens_once_a_period():
    closed = postures.closing(np.linspace(0.0, 2.0, 401), period_s=2.0)
    assert closed.min() >= 0.0
    assert closed.max() <= 1.0
    assert closed[[0, 40, 200, 240, 400]] == pytest.approx([0.0, 0.0, 1.0, 1.0, 0.0])


@pytest.mark.parametrize("seed", range(5))
def test_a_hand_stays_near_the_center_of_its_scene(seed):
    scene = Scene("x", seed=seed, num_frames=300, center_m=(0.1, 0.0, 0.5))
    poses = scenes.hand_poses(scene, "right")
    middle = se3.apply(poses, np.broadcast_to([[0.0, 0.0, 0.08]], (300, 1, 3)))[:, 0]
    assert np.abs(middle - [0.1, 0.0, 0.5]).max() <= 0.06
    assert np.linalg.det(poses[:, :3, :3]) == pytest.approx(np.ones(300))


def test_the_same_scene_moves_the_same_way_and_another_seed_differently():
    one, same, other = (scenes.hand_poses(Scene("x", seed=k), "right") for k in (1, 1, 2))
    assert (one == same).all()
    assert np.abs(one - other).max() > 0.01


def test_landmark_offsets_grow_with_the_hand_and_turn_with_it():
    joints = np.random.default_rng(0).normal(size=(21, 3))
    offsets = landmarks.offsets(joints)
    assert landmarks.offsets(2.0 * joints) == pytest.approx(2.0 * offsets)
    R = se3.exp_so3(np.array([0.3, -0.5, 0.9]))
    assert landmarks.offsets(joints @ R.T) == pytest.approx(offsets @ R.T)


@pytest.mark.slow
def test_truth_lies_on_the_rendered_hand(tmp_path):
    pytest.importorskip("anny")
    import av

    scene = Scene("test", num_frames=31, seed=3, textured=False, closing_period_s=2.0)
    clip = rendered_clip(scene, tmp_path)
    truth = clip.hands["right"]
    with av.open(str(clip.path)) as container:
        first = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(float)
    wall = np.median(first[:20], axis=(0, 1))
    pixels = pinhole.project(truth.joints_m[0], scene.K).astype(int)
    differs = np.abs(first[pixels[:, 1], pixels[:, 0]] - wall).max(axis=1)
    assert (differs > 20.0).all()
    # Open at first; a second later thumb and index touch.
    assert truth.aperture_m[0] > 0.07
    assert truth.aperture_m[30] == pytest.approx(postures.PINCH_GAP_M, abs=0.002)
    palm = truth.joints_m[:, hand_frame.MIDDLE_MCP] - truth.joints_m[:, hand_frame.WRIST]
    assert np.linalg.norm(palm, axis=1) == pytest.approx(np.full(31, truth.palm_length_m))
    again = rendered_clip(scene, tmp_path)
    assert (again.hands["right"].joints_m == truth.joints_m).all()


@pytest.mark.slow
def test_the_sample_clip_is_a_video_of_the_length_asked_for(tmp_path):
    pytest.importorskip("anny")
    import av

    path = tmp_path / "sample.mp4"
    write_sample(path, seconds=0.2)
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 6
    assert (frames[0].width, frames[0].height) == (640, 480)
