"""Hands in front of a camera that an arm is to follow: made up, and from real video."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from benchmarks._reaches import progress
from benchmarks.paths import shared_data
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import ClockTrack, GripperTrack
from rotoscope.retarget.common.hand_choice import choose_hands

RATE_HZ = 30.0
NUM_FRAMES = 600
NOISE_M, NOISE_RAD = 1e-3, 0.01
"""What a smoother leaves of frame-to-frame noise."""

APPROACHES: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "towards_camera": ((0.0, 0.5, -0.85), (1.0, 0.0, 0.0)),
    "down": ((0.0, 1.0, 0.1), (1.0, 0.0, 0.0)),
    "away": ((0.0, 0.4, 0.9), (1.0, 0.0, 0.0)),
    "rightwards": ((1.0, 0.3, 0.0), (0.0, 1.0, 0.0)),
    "leftwards": ((-1.0, 0.3, 0.2), (0.0, 0.3, 1.0)),
    "up": ((0.0, -1.0, 0.1), (1.0, 0.0, 0.0)),
}
"""Approach and closing direction of the hand in the camera frame (x right, y down, z forward)."""


@dataclass(frozen=True, eq=False)
class HandClip:
    """A gripper track and its clock."""

    name: str
    """What it shows."""
    gripper: GripperTrack
    """The poses to follow."""
    time_s: Float[np.ndarray, " time"]
    """Frame times [s]."""


def synthetic_clips() -> Iterator[HandClip]:
    """A working hand in six orientations; then one that leaves reach, and one that is too fast."""
    for seed, (name, (approach, closing)) in enumerate(APPROACHES.items()):
        yield working_hand(name, seed, axes(approach, closing))
    far = working_hand("out_of_reach", 20, axes(*APPROACHES["down"]))
    away = np.zeros((NUM_FRAMES, 3))
    away[200:300, 2] = 1.5
    yield HandClip(far.name, _moved(far.gripper, away), far.time_s)
    fast = working_hand("too_fast", 21, axes(*APPROACHES["down"]))
    jump = np.zeros((NUM_FRAMES, 3))
    jump[300:, 0] = 0.3
    yield HandClip(fast.name, _moved(fast.gripper, jump), fast.time_s)


def real_clips() -> Iterator[HandClip]:
    """cup.mp4, box.mp4 and, where it is, dex_retargeting's clip, through the recipe's stages."""
    videos = {name: asset_path(f"{name}.mp4") for name in ("cup", "box")}
    data = shared_data()
    if data is not None:
        videos["dex_retargeting"] = data / "dex_retargeting" / "human_hand_video.mp4"
    for name, path in videos.items():
        with tempfile.TemporaryDirectory() as store:
            yield _through_recipe(name, path, Path(store))


def axes(
    approach: tuple[float, float, float], closing: tuple[float, float, float]
) -> Float[np.ndarray, "3 3"]:
    """End-effector axes with x along `approach` and y as near to `closing` as can be."""
    x = np.array(approach) / np.linalg.norm(approach)
    y = np.array(closing) - (np.array(closing) @ x) * x
    y /= np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)], axis=1)


def working_hand(
    name: str, seed: int, R_camera_ee: Float[np.ndarray, "3 3"], *, num_frames: int = NUM_FRAMES
) -> HandClip:
    """Minimum-jerk moves of 0.7 to 1.5 s around a point 60 cm ahead, with turns and rests."""
    rng = np.random.default_rng(seed)
    here = np.array([0.0, 0.05, 0.6, 0.0, 0.0, 0.0])
    scale = np.array([0.15, 0.1, 0.1, 0.35, 0.35, 0.35])
    middle, rows = here.copy(), [here]
    while len(rows) < num_frames:
        there = middle + rng.normal(size=6) * scale
        rows += [here + (there - here) * s for s in progress(int(rng.integers(21, 45)))]
        rows += [there] * int(rng.integers(0, 15))
        here = there
    moves = np.array(rows[:num_frames])
    p = moves[:, :3] + rng.normal(0.0, NOISE_M, (num_frames, 3))
    R = se3.exp_so3(moves[:, 3:]) @ R_camera_ee
    R = R @ se3.exp_so3(rng.normal(0.0, NOISE_RAD, (num_frames, 3)))
    time_s = np.arange(num_frames) / RATE_HZ
    opening = 0.5 + 0.5 * np.cos(2.0 * np.pi * 0.25 * time_s)
    gripper = GripperTrack(
        side="right",
        T_camera_ee=se3.make(R, p),
        aperture_m=0.08 * opening,
        opening=opening,
        grasping=opening < 0.4,
        valid=np.ones(num_frames, bool),
        filled=np.zeros(num_frames, bool),
        sigma_position_m=np.tile([0.004, 0.004, 0.015], (num_frames, 1)),
        sigma_rotation_rad=np.full(num_frames, 0.05),
    )
    return HandClip(name, gripper, time_s)


def _moved(gripper: GripperTrack, by_m: Float[np.ndarray, "time 3"]) -> GripperTrack:
    T = gripper.T_camera_ee.copy()
    T[:, :3, 3] += by_m
    return gripper.replace(T_camera_ee=T)


def _through_recipe(name: str, video: Path, folder: Path) -> HandClip:
    """The hand that works most in a video without cuts, as the recipe's own stages see it."""
    from rotoscope.pipeline.assets.digest import sha256_of
    from rotoscope.pipeline.recipe import load_recipe
    from rotoscope.pipeline.run.keys import stage_tokens, video_keys
    from rotoscope.pipeline.run.process import VideoJob, process_video
    from rotoscope.pipeline.store.store import Store

    recipe, sha256 = load_recipe("hand-gripper"), sha256_of(video)
    job = VideoJob(video, sha256, recipe.as_raw(), recipe.folder, folder, "retarget.gripper")
    process_video(job, lambda *_: None)
    keys, store = video_keys(recipe, sha256, stage_tokens(recipe)), Store(folder)
    (made,) = store.load_tracks(keys.stages["retarget.gripper"]) or []
    (clock,) = store.load_tracks(keys.clock) or []
    grippers = [track for track in made.values() if isinstance(track, GripperTrack)]
    (gripper,) = choose_hands(grippers, "best")
    time_s = clock["clock"]
    assert isinstance(time_s, ClockTrack)
    return HandClip(name, gripper, time_s.time_s)
