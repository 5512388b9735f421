"""Synthetic motion with known truth: minimum-jerk moves with rests, and what a camera makes of it.

Wrist tracks are those of the known figures: targets around a point half a meter in front of the
camera, moves of 0.4 to 1.5 s (Flash and Hogan 1985), rests of up to 0.4 s, at 30 frames a second;
noise of 6, 6 and 20 mm (depth is worst), 1 % outliers of 15 cm, and gaps of 2 to 9 frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.geometry import se3

RATE_HZ = 30.0
NUM_FRAMES = 600
NOISE_M = np.array([0.006, 0.006, 0.020])
NOISE_RAD = np.array([0.05, 0.05, 0.10])
NOISE_JOINT_M = 0.004


@dataclass(frozen=True, eq=False)
class Moves:
    """Where each move of a track starts, and how long it takes, in frames."""

    start: list[int]
    length: list[int]


def progress(length: int) -> Float[np.ndarray, " length"]:
    """Share of a minimum-jerk move that is done after each of its frames."""
    s = np.linspace(0.0, 1.0, length + 1)[1:]
    return 10.0 * s**3 - 15.0 * s**4 + 6.0 * s**5


def wrist_track(rng: np.random.Generator) -> tuple[Float[np.ndarray, "time 3"], Moves]:
    """Wrist positions [m] without noise."""
    rows: list[np.ndarray] = []
    moves = Moves([], [])
    here: np.ndarray = np.array([0.0, 0.0, 0.5])
    while len(rows) < NUM_FRAMES:
        length = int(rng.integers(12, 45))
        target = rng.normal([0.0, 0.0, 0.5], [0.15, 0.1, 0.12])
        moves.start.append(len(rows))
        moves.length.append(length)
        rows += [here + (target - here) * s for s in progress(length)]
        here = target
        rows += [target] * int(rng.integers(0, 12))
    return np.array(rows[:NUM_FRAMES]), moves


def observed(
    rng: np.random.Generator, truth: Float[np.ndarray, "time 3"]
) -> tuple[Float[np.ndarray, "time 3"], Bool[np.ndarray, " time"], Bool[np.ndarray, " time"]]:
    """Noisy positions [m], which frames were seen, and which of them are outliers."""
    noisy = truth + rng.normal(0.0, NOISE_M, truth.shape)
    is_outlier = rng.random(len(truth)) < 0.01
    noisy[is_outlier] += rng.normal(0.0, 0.15, (int(is_outlier.sum()), 3))
    return noisy, seen(rng, len(truth)), is_outlier


def seen(rng: np.random.Generator, num_frames: int) -> Bool[np.ndarray, " time"]:
    """Which frames were seen: bursts of 2 to 9 are missing, about 4 % of all."""
    out = np.ones(num_frames, bool)
    i = 0
    while i < num_frames:
        if rng.random() < 0.008:
            out[i : i + int(rng.integers(2, 10))] = False
            i += 10
        i += 1
    return out


def wrist_turns(rng: np.random.Generator) -> Float[np.ndarray, "time 3 3"]:
    """Wrist rotations without noise: moves of 0.3 to 2.5 rad about any axis, with rests."""
    rows = [np.eye(3)]
    while len(rows) < NUM_FRAMES:
        axis = rng.normal(size=3)
        angles = rng.uniform(0.3, 2.5) * progress(int(rng.integers(12, 45)))
        turned = rows[-1] @ se3.exp_so3(axis / np.linalg.norm(axis) * angles[:, None])
        rows += [*turned, *[turned[-1]] * int(rng.integers(0, 12))]
    return np.array(rows[:NUM_FRAMES])


def turned_noisily(
    rng: np.random.Generator, truth: Float[np.ndarray, "time 3 3"]
) -> Float[np.ndarray, "time 3 3"]:
    """Noisy rotations with 1 % outliers of about 2 rad."""
    noise = rng.normal(0.0, NOISE_RAD, (len(truth), 3))
    is_outlier = rng.random(len(truth)) < 0.01
    noise[is_outlier] += rng.normal(0.0, 1.2, (int(is_outlier.sum()), 3))
    return np.asarray(truth @ se3.exp_so3(noise))


def hand_shapes(rng: np.random.Generator) -> Float[np.ndarray, "time 63"]:
    """Joints in the wrist frame [m]: five synergies that move now and then, up to a second long."""
    strength = 0.018 * np.array([2.0, 1.0, 0.7, 0.5, 0.3])
    synergies = rng.normal(size=(5, 63)) * strength[:, None]
    rows: list[np.ndarray] = []
    here: np.ndarray = np.zeros(5)
    while len(rows) < NUM_FRAMES:
        target = rng.normal(size=5) * (rng.random(5) < 0.6)
        rows += [here + (target - here) * s for s in progress(int(rng.integers(8, 30)))]
        here = target
        rows += [here] * int(rng.integers(0, 60))
    return np.array(rows[:NUM_FRAMES]) @ synergies


def known_moves_fit(
    noisy: Float[np.ndarray, "time 3"], good: Bool[np.ndarray, " time"], moves: Moves
) -> Float[np.ndarray, "time 3"]:
    """The floor: least squares over targets alone, told every move's start and end and outlier."""
    time = np.arange(NUM_FRAMES)
    basis = np.zeros((NUM_FRAMES, len(moves.start) + 1))
    basis[:, 0] = 1.0
    for k, (start, length) in enumerate(zip(moves.start, moves.length, strict=True)):
        s = np.clip((time - (start - 1)) / length, 0.0, 1.0)
        basis[:, k + 1] = 10.0 * s**3 - 15.0 * s**4 + 6.0 * s**5
    return np.asarray(basis @ np.linalg.lstsq(basis[good], noisy[good], rcond=None)[0])
