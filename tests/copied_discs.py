"""Videos of discs that move over a still, patterned ground, and altered copies of them."""

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from video_files import write_video

FPS, WIDTH, HEIGHT = 20, 160, 120


def ground(scene):
    """A ground with some pattern, the same for all takes of a scene."""
    draw = np.random.default_rng([scene, 7])
    plain = gaussian_filter(draw.normal(size=(HEIGHT, WIDTH, 3)), (6, 6, 0))
    return (120 + 40 * plain / np.abs(plain).max()).astype(np.float32)


def take(scene, seed, frames=80):
    """Pictures (time, height, width, 3): three discs that go and stop at places of the take's own.

    When they go and stop is the same in all takes of a scene.
    """
    clock = np.random.default_rng([scene, 3])
    pace = np.clip(np.sin(np.cumsum(clock.uniform(0.05, 0.35, frames))), 0, 1)
    way = np.cumsum(pace) / pace.sum()
    draw = np.random.default_rng([scene, seed])
    ends = draw.uniform([25, 25], [WIDTH - 25, HEIGHT - 25], (2, 3, 2))
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    pictures = np.repeat(ground(scene)[None], frames, axis=0)
    for index, share in enumerate(way):
        for disc in range(3):
            cx, cy = ends[0, disc] + share * (ends[1, disc] - ends[0, disc])
            inside = np.hypot(x - cx, y - cy)
            weight = np.clip(11 - inside, 0, 1)[..., None]
            shade = np.array([[230, 60, 60], [40, 200, 60], [60, 60, 230]][disc], np.float32)
            pictures[index] = (1 - weight) * pictures[index] + weight * shade
    return pictures.clip(0, 255).astype(np.uint8)


def write(path, pictures, **options):
    """A video of them; odd sides lose a line."""
    high, wide = (side // 2 * 2 for side in pictures.shape[1:3])
    options = {"fps": FPS, "options": {"crf": "20"}} | options
    return write_video(path, frames=list(pictures[:, :high, :wide]), **options)


def scaled(pictures, width, height):
    return np.array([np.asarray(Image.fromarray(p).resize((width, height))) for p in pictures])
