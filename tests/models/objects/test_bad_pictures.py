"""Pictures in which little or nothing can be seen: no segment there, and it is said why."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from moved_things import HEIGHT, LEAVE, NUM, TAKE, WIDTH, clip, ground, pictures, track

from rotoscope.models.objects.stage import Objects
from rotoscope.pipeline.tracks import ObjectTrack, QualityTrack

COVERED = slice(26, 34)
CUT = 30


def found(folder: Path, frames: list[np.ndarray]) -> tuple[list[ObjectTrack], str]:
    stage = Objects(Objects.Config())
    stage.setup()
    made = stage.run(clip(folder, frames), {"hands.right": track()})
    quality = made["quality.objects"]
    assert isinstance(quality, QualityTrack)
    things = [t for t in made.values() if isinstance(t, ObjectTrack)]
    return things, str(quality.facts.get("objects_why", ""))


def blurred(frames: list[np.ndarray]) -> list[np.ndarray]:
    return [cv2.GaussianBlur(frame, (0, 0), 25) for frame in frames]


def dark(frames: list[np.ndarray]) -> list[np.ndarray]:
    return [(0.02 * frame).astype(np.uint8) for frame in frames]


def one_color(frames: list[np.ndarray]) -> list[np.ndarray]:
    return [np.full_like(frame, 120) for frame in frames]


def thing_as_the_ground(_: list[np.ndarray]) -> list[np.ndarray]:
    """A hand that takes what nobody can see."""
    return pictures(with_thing=False)


def covered(frames: list[np.ndarray]) -> list[np.ndarray]:
    return [np.zeros_like(frame) for frame in frames]


@pytest.mark.parametrize("spoil", [blurred, dark, one_color, thing_as_the_ground, covered])
def test_nothing_is_found_where_nothing_can_be_seen(
    tmp_path: Path, spoil: Callable[[list[np.ndarray]], list[np.ndarray]]
) -> None:
    things, why = found(tmp_path, spoil(pictures()))
    assert things == []
    assert "dark, blurred" in why


def test_thing_is_neither_seen_nor_held_while_the_camera_is_covered(tmp_path: Path) -> None:
    frames = pictures()
    frames[COVERED] = [np.zeros_like(frame) for frame in frames[COVERED]]
    things, _ = found(tmp_path, frames)
    for thing in things:
        assert not thing.valid[COVERED].any()
        assert not thing.is_held[COVERED].any()


def test_thing_does_not_go_on_beyond_a_cut(tmp_path: Path) -> None:
    other = np.clip(ground(5)[:, ::-1] * [0.4, 0.7, 1.3], 0, 255).astype(np.uint8)
    noise = np.random.default_rng(2)
    frames = pictures()
    frames[CUT:] = [
        np.clip(other + noise.normal(0, 1.5, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)
        for _ in frames[CUT:]
    ]
    assert TAKE < CUT < LEAVE < NUM
    things, why = found(tmp_path, frames)
    assert things, why
    for thing in things:
        assert not thing.valid[CUT:].any()
        assert not thing.is_held[CUT:].any()
