"""Smooths a body over a clip: its joints together, bones at their lengths."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.smoothing import smooth_multivariate
from rotoscope.pipeline.smoothing.segments import known_frames
from rotoscope.pipeline.stages.smooth_parts import error_in_sigmas, only_known, with_systematic
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES, BodyTrack

_BONES: tuple[tuple[str, str], ...] = (
    ("pelvis", "neck"),
    ("neck", "head"),
    *(
        (f"{side}_{inner}", f"{side}_{outer}")
        for side in SIDES
        for inner, outer in (
            *(("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "hand")),
            *(("hip", "knee"), ("knee", "ankle"), ("ankle", "heel"), ("ankle", "toe")),
            ("heel", "toe"),
        )
    ),
    *(
        (f"{side}_{joint}", end)
        for joint, middle in (("hip", "pelvis"), ("shoulder", "neck"))
        for side, end in (("left", middle), ("right", middle), ("left", f"right_{joint}"))
    ),
)
"""Pairs of joints that stay equally far apart."""
_MIDDLES = (("pelvis", "left_hip", "right_hip"), ("neck", "left_shoulder", "right_shoulder"))
"""Joints that are the middle of two others in most sources; lengths alone hold them badly there."""
_MIDDLE_TOLERANCE_M = 1e-3
_NUM_ROUNDS = 30
"""How often each bone gets its length back; lengths then vary by less than a millimeter."""
_PELVIS = BODY_JOINTS.index("pelvis")


def smooth_body(
    time_s: Float[np.ndarray, " time"],
    body: BodyTrack,
    *,
    max_gap_s: float,
    systematic_fraction: float,
) -> BodyTrack:
    """One person after smoothing; `body.joints_m` must be there.

    All joints are smoothed in the source frame at once, so that what stands still (a foot on the
    ground while the body moves) stays still, then bones get back the median lengths that they had.
    A joint that was not seen in a valid frame stays missing there.

    Args:
        time_s: Frame times [s].
        body: The person.
        max_gap_s: Frames between observations at most this far apart are filled [s].
        systematic_fraction: Share of the stated sigma that smoothing does not take away.
    """
    joints = body.joints_m
    assert joints is not None
    observed = body.valid & np.isfinite(joints[:, _PELVIS]).all(axis=1)
    is_seen = observed[:, None] & np.isfinite(joints).all(axis=2)
    smooth = np.full_like(joints, np.nan)
    variance = np.full_like(joints, np.nan)
    is_outlier = np.zeros(len(joints), bool)
    for group in _seen_together(is_seen):
        signals = joints[:, group].reshape(len(joints), -1)
        result = smooth_multivariate(time_s, signals, is_seen[:, group[0]], max_gap_s=max_gap_s)
        smooth[:, group] = result.mean.reshape(-1, len(group), 3)
        variance[:, group] = (result.sigma**2).reshape(-1, len(group), 3)
        off = error_in_sigmas(signals - result.mean, _stated(body, group))
        is_outlier |= result.is_outlier & ~(off <= 1.0)
    good = observed & ~is_outlier
    known = known_frames(time_s, good, max_gap_s)
    smooth = only_known(known, _with_lengths(smooth, joints, is_seen))
    smooth[good[:, None] & ~is_seen] = np.nan
    stated = body.sigma_m, body.sigma_joint_m
    random = variance[:, _PELVIS], variance.mean(axis=2)
    sigma_m, sigma_joint_m = (
        None if s is None else _sigma(time_s, r, s, good, known, systematic_fraction)
        for s, r in zip(stated, random, strict=True)
    )
    return body.replace(
        valid=good,
        filled=known & ~good,
        joints_m=smooth,
        sigma_m=sigma_m,
        sigma_joint_m=sigma_joint_m,
    )


def _seen_together(
    is_seen: Bool[np.ndarray, "time body_joint"],
) -> list[Int[np.ndarray, " joint_of_group"]]:
    """Joints that were seen in the same frames; those that never were are left out."""
    groups: dict[bytes, list[int]] = {}
    for joint in np.flatnonzero(is_seen.any(axis=0)):
        groups.setdefault(is_seen[:, joint].tobytes(), []).append(int(joint))
    return [np.array(group) for group in groups.values()]


def _stated(
    body: BodyTrack, group: Int[np.ndarray, " joint_of_group"]
) -> Float[np.ndarray, "time signal"] | None:
    """1-sigma of the coordinates of some joints in the source frame [m], where it is stated."""
    if body.sigma_m is None or body.sigma_joint_m is None:
        return None
    sigma = np.hypot(body.sigma_m[:, None, :], body.sigma_joint_m[:, group, None])
    return np.asarray(sigma.reshape(len(sigma), -1))


def _with_lengths(
    smooth: Float[np.ndarray, "time body_joint 3"],
    joints: Float[np.ndarray, "time body_joint 3"],
    is_seen: Bool[np.ndarray, "time body_joint"],
) -> Float[np.ndarray, "time body_joint 3"]:
    """The smoothed joints with bones as long as they were.

    Averaging over time shortens what turns. Each bone in turn is stretched at both ends alike
    (Mueller et al. 2007, position based dynamics), so that a foot that stands does not move because
    of a trunk that bends.
    """
    out = smooth.copy()
    bones = [tuple(BODY_JOINTS.index(name) for name in ends) for ends in _BONES]
    middles = _middles(joints)
    lengths_m = {}
    for a, b in bones:
        both = is_seen[:, a] & is_seen[:, b]
        if both.any():
            apart = np.linalg.norm(joints[both, a] - joints[both, b], axis=1)
            lengths_m[a, b] = float(np.median(apart))
    for _ in range(_NUM_ROUNDS):
        for (a, b), length_m in lengths_m.items():
            bone = out[:, b] - out[:, a]
            now_m = np.linalg.norm(bone, axis=1, keepdims=True)
            # Where one end is unknown the other stays where it is.
            stretch = np.nan_to_num(bone * (length_m / np.maximum(now_m, 1e-9) - 1.0)) / 2.0
            out[:, a] -= stretch
            out[:, b] += stretch
        for middle, a, b in middles:
            off = np.nan_to_num(out[:, middle] - (out[:, a] + out[:, b]) / 2.0)
            out[:, middle] -= off * 2.0 / 3.0
            out[:, [a, b]] += off[:, None] / 3.0
    return out


def _middles(
    joints: Float[np.ndarray, "time body_joint 3"],
) -> list[tuple[int, int, int]]:
    """Joints that are the middle of two others in this body, and these."""
    out = []
    for names in _MIDDLES:
        middle, a, b = (BODY_JOINTS.index(name) for name in names)
        off_m = np.linalg.norm(joints[:, middle] - (joints[:, a] + joints[:, b]) / 2.0, axis=1)
        known = off_m[np.isfinite(off_m)]
        if len(known) and np.median(known) < _MIDDLE_TOLERANCE_M:
            out.append((middle, a, b))
    return out


def _sigma(
    time_s: Float[np.ndarray, " time"],
    random: Float[np.ndarray, "time n"],
    stated: Float[np.ndarray, "time n"],
    good: Bool[np.ndarray, " time"],
    known: Bool[np.ndarray, " time"],
    systematic_fraction: float,
) -> Float[np.ndarray, "time n"]:
    """1-sigma after smoothing; where too few frames tell the noise, the stated one."""
    share = 1.0 - systematic_fraction**2
    variance = np.where(np.isfinite(random), random, share * stated**2)
    return only_known(known, with_systematic(time_s, variance, stated, good, systematic_fraction))
