"""Where the camera is, from what is known of it or from the points of a flat ground."""

import numpy as np
import pytest
from test_ground_steps import HEIGHT, NUM, TO_FRAME, WIDTH, K, camera, motion

from rotoscope.models.objects.ground import camera_path, doubt_of_contacts, ground_steps
from rotoscope.pipeline.geometry import pinhole, se3
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import PointTracks

NONE_KNOWN = np.zeros(NUM, bool)
FEW, MANY = 12, 90


def poses() -> np.ndarray:
    """A camera that walks before a flat ground, which a lens that zooms would look like."""
    t = np.arange(NUM) / 30
    place = np.stack([0.08 * np.sin(1.1 * t), 0.02 * np.sin(t), 0.1 * np.sin(0.8 * t)], axis=1)
    turn = np.stack([0.02 * np.sin(1.9 * t), -0.08 * np.sin(1.3 * t), 0 * t], axis=1)
    return se3.make(se3.exp_so3(turn), place)


def ground_points(num: int) -> PointTracks:
    rng = np.random.default_rng(5)
    ground = np.stack([*rng.uniform(-0.45, 0.45, (2, num)), np.full(num, 0.9)], axis=1)
    seen = np.array([pinhole.project(se3.apply(se3.inverse(T), ground), K) for T in poses()])
    seen += rng.normal(0, 0.1, seen.shape)
    inside = ((seen > 0) & (seen < [WIDTH, HEIGHT])).all(axis=2)
    ids = np.where(inside, np.arange(num), -1)
    return PointTracks(np.where(inside[..., None], seen, np.nan).astype(np.float32), ids, 1.0)


def clip_of(num_points: int, **lens: tuple[float, ...]) -> Tracks:
    still = np.tile(np.eye(3), (NUM, 1, 1))
    return {
        "camera": camera(**lens),
        "camera_motion": motion("unknown", still, valid=NONE_KNOWN),
        "scene_points": ground_points(num_points),
    }


@pytest.mark.slow
def test_path_before_a_flat_ground_is_found_up_to_its_scale_and_contacts_are_not_doubted():
    tracks = clip_of(MANY)
    path = camera_path(tracks, TO_FRAME)
    assert path is not None
    true = se3.inverse(poses()) @ poses()[0]
    T = path.T_camera_reference
    assert np.degrees(se3.angle_between(T[:, :3, :3], true[:, :3, :3])).max() < 0.5
    scale = (T[:, :3, 3] * true[:, :3, 3]).sum() / (T[:, :3, 3] ** 2).sum()
    np.testing.assert_allclose(scale * T[:, :3, 3], true[:, :3, 3], atol=0.004)
    assert doubt_of_contacts(tracks, ground_steps(tracks, NUM, TO_FRAME), path) is None


@pytest.mark.parametrize(
    "tracks",
    [
        clip_of(FEW),
        clip_of(MANY, distortion=(0.2, 0, 0, 0)),
        clip_of(MANY) | {"scene_points": None},
    ],
)
def test_path_of_which_too_little_is_known_is_none_and_contacts_are_doubted(tracks: Tracks):
    tracks = {name: track for name, track in tracks.items() if track is not None}
    assert camera_path(tracks, TO_FRAME) is None
    assert doubt_of_contacts(tracks, ground_steps(tracks, NUM, TO_FRAME)) is not None


def test_path_that_the_camera_stage_knows_is_taken_as_it_is():
    known = motion("moving", np.tile(np.eye(3), (NUM, 1, 1))).replace(T_reference_camera=poses())
    path = camera_path({"camera": camera(), "camera_motion": known}, TO_FRAME)
    assert path is not None
    np.testing.assert_allclose(path.T_camera_reference, se3.inverse(poses()))
    part = known.replace(valid=np.arange(NUM) < NUM - 1)
    assert camera_path({"camera": camera(), "camera_motion": part}, TO_FRAME) is None
