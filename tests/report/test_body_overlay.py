"""The body that is drawn over a frame stands where it was seen, whatever frame it is stored in."""

import numpy as np
import pytest

from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.report.draw import HAND_FILLED, HAND_SEEN, draw_overlay
from rotoscope.pipeline.report.pictures import overlay_of

SIZE = (96, 128)
K = [[100.0, 0.0, 64.0], [0.0, 100.0, 48.0], [0.0, 0.0, 1.0]]
T_WORLD_CAMERA = se3.make(se3.exp_so3(np.array([-1.6, 0.1, 0.2])), np.array([0.5, -0.3, 1.4]))
JOINTS_CAMERA_M = np.random.default_rng(3).uniform([-0.8, -0.6, 2.0], [0.8, 0.6, 3.0], (21, 3))


@pytest.fixture
def dataset(tmp_path):
    key = "observation.images.front"
    knee = {"dtype": "float32", "shape": [1], "names": ["knee.pos"]}
    video = {"dtype": "video", "shape": [*SIZE, 3]}
    info = {"features": {key: video, "observation.state": knee, "action": knee}}
    return Dataset(tmp_path, info, [], {})


def rows(joints_m, seen=True, **scene):
    columns = {"track.body.joints": joints_m.reshape(1, 63), "track.body.seen": np.array([[seen]])}
    size = {"K": K, "video_width": SIZE[1], "video_height": SIZE[0]}
    return EpisodeRows(0, columns, None, 0.0, {"scene": size | scene})


def test_joints_of_the_world_come_back_into_the_camera(dataset):
    world = rows(
        se3.apply(T_WORLD_CAMERA, JOINTS_CAMERA_M),
        body_frame="world",
        T_world_source=T_WORLD_CAMERA.tolist(),
    )
    np.testing.assert_allclose(overlay_of(dataset, world, 0).body_m, JOINTS_CAMERA_M, atol=1e-12)


def test_joints_of_the_source_are_those_of_the_camera(dataset):
    overlay = overlay_of(dataset, rows(JOINTS_CAMERA_M, body_frame="source"), 0)
    np.testing.assert_array_equal(overlay.body_m, JOINTS_CAMERA_M)


@pytest.mark.parametrize(("seen", "color"), [(True, HAND_SEEN), (False, HAND_FILLED)])
def test_body_is_drawn_where_its_joints_are(dataset, seen, color):
    overlay = overlay_of(dataset, rows(JOINTS_CAMERA_M, seen, body_frame="source"), 0)
    image = draw_overlay(np.zeros((*SIZE, 3), np.uint8), overlay)
    x, y = np.round((JOINTS_CAMERA_M[0] @ np.array(K).T)[:2] / JOINTS_CAMERA_M[0, 2]).astype(int)
    assert (image[y, x] == color).all()


def hand_rows(hand_m, pose=None, **scene):
    columns = {
        "track.hand.joints": hand_m.reshape(1, 63),
        "track.hand.seen": np.array([[True]]),
    }
    columns |= {} if pose is None else {"track.camera.pose": np.array([pose])}
    size = {"K": K, "video_width": SIZE[1], "video_height": SIZE[0]}
    return EpisodeRows(0, columns, None, 0.0, {"scene": size | scene})


def test_hand_in_the_first_cameras_frame_is_drawn_where_the_rows_own_camera_sees_it(dataset):
    turn, place = np.array([0.1, 0.3, -0.05]), np.array([0.2, 0.0, 0.1])
    T_reference_camera = se3.make(se3.exp_so3(turn), place)
    there = se3.apply(T_reference_camera, JOINTS_CAMERA_M)
    moved = hand_rows(there, [*place, *turn], camera_motion="moving")
    np.testing.assert_allclose(overlay_of(dataset, moved, 0).joints_m, JOINTS_CAMERA_M, atol=1e-12)


@pytest.mark.parametrize(
    ("pose", "motion", "is_drawn"),
    [
        (None, "still", True),
        (None, "unknown", True),
        (None, "turning", False),  # a dataset without the columns does not say where to draw it
        ([np.nan] * 6, "moving", False),
    ],
)
def test_hand_is_not_drawn_where_nobody_knows_the_camera(dataset, pose, motion, is_drawn):
    overlay = overlay_of(dataset, hand_rows(JOINTS_CAMERA_M, pose, camera_motion=motion), 0)
    assert (overlay.joints_m is not None) == is_drawn
