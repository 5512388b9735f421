"""Which way is up in the picture of a camera that stands still, from how a person stands."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES
from rotoscope.retarget.ground.contact_detection import ContactSettings, find_contacts
from rotoscope.retarget.ground.sole_heights import feet_of

SIGMA_LEVEL_RAD = 0.25
"""How far cameras are usually tilted [rad, 1-sigma]: people film about level."""
SIGMA_STANDING_RAD = 0.07
"""How far the line from the ankles to the neck of a standing person leans [rad, 1-sigma], after
the mean over the clip; a person balances over the feet."""
SIGMA_LEANING_RAD = 0.25
"""The same for whoever is never seen standing straight with both legs."""
SIGMA_SUPPORT_M = 0.03
"""How far the support under a foot lies off one plane [m, 1-sigma], tracking included."""
_STRAIGHT_SHARE = 0.97
"""A body at least this long, as a share of its greatest length in the clip, stands straight."""
_MIN_STANDING_S = 0.3


def find_up(
    joints_m: Float[np.ndarray, "time body_joint 3"],
    time_s: Float[np.ndarray, " time"],
    *,
    settings: ContactSettings | None = None,
) -> tuple[Float[np.ndarray, " 3"], float]:
    """Unit vector that points up in a camera's frame, and its 1-sigma [rad].

    Three things speak, each with its weight: cameras are held about level; the line from ankles to
    neck is about upright while a person stands straight; and the places where feet rest lie in one
    plane, where they lie far enough apart to say anything. The last is an iterated weighted least
    squares over the tilt with a robust (Huber) weight, so that a foot on a box does not count.

    Args:
        joints_m: `BODY_JOINTS` in the camera frame (x right, y down, z forward) [m].
        time_s: Time of each frame [s].
        settings: When a foot counts as resting.
    """
    level = np.array([0.0, -1.0, 0.0])
    body, body_sigma = _standing_direction(joints_m, time_s)
    weights = np.array([SIGMA_LEVEL_RAD**-2, 0.0 if body is None else body_sigma**-2])
    up = level if body is None else weights[0] * level + weights[1] * body
    up = up / np.linalg.norm(up)
    before, prior = up, float(weights.sum())
    information = prior * np.eye(2)
    for _ in range(3):
        basis = _tangents(up)
        places = _resting_places(joints_m, time_s, up, settings)
        tilt, information = _level_places(places @ up, places @ basis.T, basis @ before, prior)
        turned = up + basis.T @ tilt
        up = turned / np.linalg.norm(turned)
    sigma = float(np.sqrt(np.linalg.inv(information).diagonal().max()))
    return up, sigma


def _standing_direction(
    joints_m: Float[np.ndarray, "time body_joint 3"], time_s: Float[np.ndarray, " time"]
) -> tuple[Float[np.ndarray, " 3"] | None, float]:
    """Median direction from the ankles to the neck while the body is straight, and its sigma."""
    neck = joints_m[:, BODY_JOINTS.index("neck")]
    ankles = _middle(joints_m, "ankle")
    legs_seen = np.isfinite(ankles).all(axis=1)
    foot = ankles if legs_seen.any() else joints_m[:, BODY_JOINTS.index("pelvis")]
    line = neck - foot
    length = np.linalg.norm(line, axis=1)
    known = np.isfinite(length) & (length > 0.1)
    if not known.any():
        return None, SIGMA_LEANING_RAD
    straight = known & (length >= _STRAIGHT_SHARE * np.quantile(length[known], 0.98))
    median = np.median(line[straight] / length[straight, None], axis=0)
    interval = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0
    is_standing = (
        legs_seen.any()
        and straight.sum() * interval >= _MIN_STANDING_S
        and _is_straight_legged(joints_m[straight])
    )
    sigma = SIGMA_STANDING_RAD if is_standing else SIGMA_LEANING_RAD
    return median / np.linalg.norm(median), sigma


def _is_straight_legged(joints_m: Float[np.ndarray, "standing body_joint 3"]) -> bool:
    """Whether the legs are straight: hip to ankle nearly as long as thigh and shin together."""
    shares = []
    for side in SIDES:
        hip, knee, ankle = (
            joints_m[:, BODY_JOINTS.index(f"{side}_{part}")] for part in ("hip", "knee", "ankle")
        )
        whole = np.linalg.norm(hip - ankle, axis=1)
        parts = np.linalg.norm(hip - knee, axis=1) + np.linalg.norm(knee - ankle, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            shares.append(whole / parts)
    share = np.concatenate(shares)
    share = share[np.isfinite(share)]
    return len(share) > 0 and float(np.median(share)) > 0.93


def _resting_places(
    joints_m: Float[np.ndarray, "time body_joint 3"],
    time_s: Float[np.ndarray, " time"],
    up: Float[np.ndarray, " 3"],
    settings: ContactSettings | None,
) -> Float[np.ndarray, "place 3"]:
    """Where feet rested, in the source frame [m]: the median foot of each contact."""
    basis = _tangents(up)
    R = np.stack([basis[0], np.cross(up, basis[0]), up])
    feet = feet_of(joints_m)
    contacts = find_contacts(feet @ R.T, time_s, settings)
    places = []
    for span in contacts.spans:
        seen = feet[span.start : span.end, SIDES.index(span.side)]
        seen = seen[np.isfinite(seen).all(axis=2).all(axis=1)]
        if len(seen):
            places.append(np.median(seen.mean(axis=1), axis=0))
    return np.array(places).reshape(-1, 3)


def _level_places(
    height_m: Float[np.ndarray, " place"],
    across_m: Float[np.ndarray, "place 2"],
    expected: Float[np.ndarray, " 2"],
    prior: float,
) -> tuple[Float[np.ndarray, " 2"], Float[np.ndarray, "2 2"]]:
    """Tilt that puts places on one level, and the information about it [1/rad^2].

    Args:
        height_m: Height of each place before the tilt [m].
        across_m: Where it lies along the two axes that the tilt is about [m].
        expected: The tilt that everything else speaks for.
        prior: How strongly it does [1/rad^2].
    """
    tilt, information = expected.copy(), prior * np.eye(2)
    if len(height_m) < 3:
        return tilt, information
    for _ in range(10):
        residual = height_m + across_m @ tilt
        residual = np.abs(residual - np.median(residual))
        weight = np.minimum(1.0, 1.5 * SIGMA_SUPPORT_M / np.maximum(residual, 1e-9))
        weight /= SIGMA_SUPPORT_M**2
        centered = across_m - np.average(across_m, axis=0, weights=weight)
        weighted = centered * weight[:, None]
        information = prior * np.eye(2) + weighted.T @ centered
        pull = prior * expected - weighted.T @ (height_m - np.median(height_m))
        tilt = np.linalg.solve(information, pull)
    return tilt, information


def _tangents(up: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "2 3"]:
    """Two unit vectors that stand on `up` and on each other."""
    axis = np.eye(3)[int(np.argmin(np.abs(up)))]
    first = np.cross(up, axis)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(up, first)])


def _middle(
    joints_m: Float[np.ndarray, "time body_joint 3"], part: str
) -> Float[np.ndarray, "time 3"]:
    pair = [joints_m[:, BODY_JOINTS.index(f"{side}_{part}")] for side in SIDES]
    return np.asarray(0.5 * (pair[0] + pair[1]))
