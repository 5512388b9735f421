"""What the camera does, taken out of the picture's motion, or doubted."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from moved_things import HEIGHT, LEAVE, NUM, TAKE, WIDTH, clip, pictures, track, true_mask

from rotoscope.models.objects.ground import doubt_of_contacts, ground_steps
from rotoscope.models.objects.stage import Objects
from rotoscope.pipeline.geometry import pinhole, se3
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import (
    CONTACT_DOUBTED,
    Camera,
    CameraMotion,
    ObjectTrack,
    QualityTrack,
)
from rotoscope.retarget.gripper.contact import knows_contacts

K = np.array([[300.0, 0.0, WIDTH / 2], [0.0, 300.0, HEIGHT / 2], [0.0, 0.0, 1.0]])
TO_FRAME = np.array([2.0, 2.0])


def camera(**lens: tuple[float, ...]) -> Camera:
    return Camera(K=K, width=WIDTH, height=HEIGHT, source="recipe", sigma_focal_rel=0.03, **lens)


def pan(num: int = NUM) -> np.ndarray:
    """Rotations of a camera that looks about, by 5 px of the picture between frames at most."""
    t = np.arange(num)
    turn = np.zeros((num, 3))
    turn[:, 1], turn[:, 0] = 0.08 * np.sin(t / 7), 0.03 * np.sin(t / 5)
    return se3.exp_so3(turn)


def motion(kind: str, R: np.ndarray, *, valid: np.ndarray | None = None) -> CameraMotion:
    num = len(R)
    return CameraMotion(
        kind=kind,
        T_reference_camera=se3.make(R, np.zeros((num, 3))),
        valid=np.ones(num, bool) if valid is None else valid,
        sigma_rotation_rad=np.full(num, 0.001),
        sigma_position_m=np.zeros(num),
        scale_source="none",
        sigma_scale_rel=0.0,
        residual_px=0.1,
        why="it moves" if kind == "unknown" else "",
    )


STILL = np.tile(np.eye(3), (NUM, 1, 1))
SOME = np.arange(NUM) < 40


def test_a_turn_puts_every_pixel_where_the_camera_sees_it_at_every_depth():
    R = pan()
    H = ground_steps({"camera": camera(), "camera_motion": motion("turning", R)}, NUM, TO_FRAME)
    for depth_m in (0.3, 5.0):
        point = depth_m * np.array([0.2, -0.1, 1.0])
        here, there = (pinhole.project(R[t].T @ point, K) / TO_FRAME - 0.5 for t in (10, 11))
        to = H[10] @ np.append(here, 1.0)
        np.testing.assert_allclose(to[:2] / to[2], there, atol=1e-9)


@pytest.mark.parametrize(
    "tracks",
    [
        {},
        {"camera_motion": motion("still", STILL)},
        {"camera_motion": motion("unknown", STILL)},  # too little is seen, and nothing moves
    ],
)
def test_a_camera_that_stands_still_or_is_taken_to_is_not_doubted(tracks: Tracks):
    H = ground_steps(tracks, NUM, TO_FRAME)
    np.testing.assert_array_equal(H, STILL[1:])
    assert doubt_of_contacts(tracks, H) is None


TURNS = motion("turning", pan())


@pytest.mark.parametrize(
    ("tracks", "said"),
    [
        ({"camera_motion": motion("unknown", STILL, valid=SOME)}, "not known: it moves"),
        ({"camera_motion": motion("moving", STILL), "camera": camera()}, "moves"),
        ({"camera_motion": TURNS}, "turns"),
        ({"camera_motion": motion("turning", pan(), valid=SOME), "camera": camera()}, "turns"),
        ({"camera_motion": TURNS, "camera": camera(distortion=(0.2, 0, 0, 0))}, "lens"),
        ({"camera_motion": TURNS, "camera": camera(fisheye=(0.1, 0, 0, 0))}, "lens"),
    ],
)
def test_contacts_are_doubted_where_the_cameras_motion_is_not_known(tracks: Tracks, said: str):
    doubt = doubt_of_contacts(tracks, ground_steps(tracks, NUM, TO_FRAME))
    assert doubt is not None
    assert said in doubt


def test_the_stage_says_its_doubt_and_the_gripper_then_goes_by_the_fingers(tmp_path: Path):
    frames = [np.full((HEIGHT, WIDTH, 3), 128, np.uint8)] * NUM
    made = run(tmp_path, frames, motion("unknown", STILL, valid=SOME))
    quality = made["quality.objects"]
    assert isinstance(quality, QualityTrack)
    assert CONTACT_DOUBTED in quality.facts
    assert not knows_contacts(made)
    assert knows_contacts(run(tmp_path, frames, motion("still", STILL)))


def test_a_thing_that_is_taken_before_a_turning_camera_is_taken_when_it_is(tmp_path: Path):
    R = pan()
    H = [K @ R[t].T @ np.linalg.inv(K) for t in range(NUM)]
    shift = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # from counted pixels to the camera's
    H = [np.linalg.inv(shift) @ h @ shift for h in H]
    frames = [
        cv2.warpPerspective(p, h, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        for p, h in zip(pictures(), H, strict=True)
    ]
    hand = track()
    marks = np.stack(
        [cv2.perspectiveTransform(m[None], h)[0] for m, h in zip(hand.landmarks_px, H, strict=True)]
    )
    made = run(tmp_path, frames, motion("turning", R), hand.replace(landmarks_px=marks))
    assert knows_contacts(made)
    (thing,) = (t for t in made.values() if isinstance(t, ObjectTrack))
    held = np.flatnonzero(thing.held[:, 1])
    assert abs(int(held[0]) - TAKE) <= 3
    assert abs(int(held[-1]) - LEAVE) <= 4
    true = [
        cv2.warpPerspective(true_mask(t).astype(np.uint8), H[t], (WIDTH, HEIGHT)) > 0
        for t in range(NUM)
    ]
    overlap = [(thing.mask(t) & m).sum() / (thing.mask(t) | m).sum() for t, m in enumerate(true)]
    assert np.median(overlap) > 0.7


def run(folder: Path, frames: list[np.ndarray], moved: CameraMotion, hand: object = None) -> Tracks:
    stage = Objects(Objects.Config())
    stage.setup()
    tracks = {"hands.right": hand or track(), "camera": camera(), "camera_motion": moved}
    return stage.run(clip(folder, frames), tracks)
