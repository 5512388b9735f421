"""A drawn hand that takes a square, carries it and leaves it, as pictures and as a hand track."""

from pathlib import Path

import numpy as np
from video_files import write_video

from rotoscope.models.objects.hand_region import SeenHand
from rotoscope.pipeline.tracks import HandTrack
from rotoscope.pipeline.types import Clip
from rotoscope.pipeline.video.probe import probe

WIDTH, HEIGHT, NUM = 320, 240, 60
TAKE, LEAVE = 18, 42
SKIN, THING = (224, 172, 140), (30, 90, 200)


def landmarks() -> np.ndarray:
    """21 points of an upright right hand about its fingertips [px]."""
    points = [(0, 60)]
    for finger in range(5):
        x = -24 + 12 * finger
        for joint in range(4):
            points.append((x * (0.6 + 0.12 * joint), 36 - 12 * joint))
    return np.array(points, float)


def hand_way() -> np.ndarray:
    """Where the fingertips are in every frame [px]: to the thing, with it, and away."""
    t = np.arange(NUM)
    x = np.interp(t, [0, TAKE - 4, TAKE, LEAVE, LEAVE + 4, NUM - 1], [110, 110, 110, 210, 210, 210])
    y = np.interp(t, [0, TAKE - 4, TAKE, LEAVE, LEAVE + 4, NUM - 1], [180, 120, 120, 110, 112, 190])
    return np.stack([x, y], axis=1)


def thing_way() -> np.ndarray:
    """Middle of the thing in every frame [px]."""
    own = hand_way()[np.clip(np.arange(NUM), TAKE, LEAVE)]
    return own + np.array([0.0, -22.0])


def ground(seed: int = 0) -> np.ndarray:
    """Patches of color."""
    rng = np.random.default_rng(seed)
    image = np.full((HEIGHT, WIDTH, 3), 150.0)
    for _ in range(60):
        x, y = rng.integers(0, [WIDTH, HEIGHT])
        w, h = rng.integers(10, 60, 2)
        image[y : y + h, x : x + w] = rng.uniform(90, 220, 3) * [1.0, 0.9, 0.6]
    return image


def track(*, valid: np.ndarray | None = None) -> HandTrack:
    """The hand as the stage `hands` would give it."""
    marks = landmarks()[None] + hand_way()[:, None]
    there = np.ones(NUM, bool) if valid is None else valid
    return HandTrack(
        side="right",
        landmarks_px=np.where(there[:, None, None], marks, np.nan),
        hand_m=np.where(there[:, None, None], np.zeros((NUM, 21, 3)), np.nan),
        score=np.where(there, 1.0, np.nan),
        handedness=np.where(there, 1.0, np.nan),
        valid=there,
    )


def pictures(*, with_thing: bool = True, light: float = 1.0) -> list[np.ndarray]:
    """RGB pictures of the act; a hand without a thing mimes it."""
    marks = landmarks()[None] + hand_way()[:, None]
    palm = np.linalg.norm(marks[:, 9] - marks[:, 0], axis=1)
    hand = SeenHand("right", marks, palm)
    back, rng, out = ground(), np.random.default_rng(1), []
    for t, (x, y) in enumerate(thing_way()):
        image = back.copy()
        if with_thing:
            left, top = round(x) - 20, round(y) - 18
            image[top : top + 36, left : left + 40] = THING
        image[hand.mask(t, (HEIGHT, WIDTH))] = SKIN
        noisy = light * image + rng.normal(0, 1.5, image.shape)
        out.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return out


def true_mask(frame: int) -> np.ndarray:
    """Pixels of the thing that the hand does not hide."""
    x, y = thing_way()[frame]
    out = np.zeros((HEIGHT, WIDTH), bool)
    out[round(y) - 18 : round(y) + 18, round(x) - 20 : round(x) + 20] = True
    marks = landmarks()[None] + hand_way()[:, None]
    palm = np.linalg.norm(marks[:, 9] - marks[:, 0], axis=1)
    return out & ~SeenHand("right", marks, palm).mask(frame, (HEIGHT, WIDTH))


def clip(folder: Path, frames: list[np.ndarray]) -> Clip:
    """The pictures as a video."""
    path = folder / "act.mp4"
    write_video(path, frames=frames, options={"crf": "18"})
    video = probe(path)
    return Clip(video, 0, np.arange(len(frames)) / 30)
