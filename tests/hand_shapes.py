"""Hands made of numbers: a right hand's shape and detections of it."""

import numpy as np

from rotoscope.models.hands.landmarker import Detection

_FINGER_ROOTS = [(-0.035, -0.085), (-0.012, -0.09), (0.01, -0.085), (0.03, -0.075)]
"""x and y of the roots from index to little finger: the back of a right hand, fingers up [m]."""


def right_hand_m() -> np.ndarray:
    """21 joints of a half closed right hand seen from the back: fingers bend away, along z."""
    joints = [(0.0, 0.0, 0.0)]
    joints += [(-0.03 - 0.012 * i, -0.02 - 0.02 * i, 0.006 * i) for i in range(4)]
    for x, y in _FINGER_ROOTS:
        joints += [(x, y - 0.022 * i, 0.008 * i**2) for i in range(4)]
    hand = np.array(joints)
    return hand - hand.mean(axis=0)


def left_hand_m() -> np.ndarray:
    """The mirror image of the right hand."""
    return right_hand_m() * (-1.0, 1.0, 1.0)


def detection(
    *,
    at=(200.0, 200.0),
    side: str = "right",
    right_probability: float | None = None,
    px_per_m: float = 1000.0,
    noise_px: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Detection:
    """A hand of the given side whose middle is `at`, about 200 px across."""
    hand = right_hand_m() if side == "right" else left_hand_m()
    landmarks = hand[:, :2] * px_per_m + np.array(at)
    if noise_px:
        landmarks = landmarks + rng.normal(0.0, noise_px, landmarks.shape)
    if right_probability is None:
        right_probability = 0.95 if side == "right" else 0.05
    return Detection(landmarks, hand, right_probability)
