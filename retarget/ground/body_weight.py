"""Which resting foot carries the body: a foot that is still in the air beside another does not."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.tracks import BODY_JOINTS, runs

_SEGMENTS: tuple[tuple[str, str, float, float], ...] = (
    ("head", "head", 0.0, 0.0694),
    ("neck", "pelvis", 0.4486, 0.4346),
    *(
        segment
        for side in ("left", "right")
        for segment in (
            (f"{side}_shoulder", f"{side}_elbow", 0.5772, 0.0271),
            (f"{side}_elbow", f"{side}_wrist", 0.4574, 0.0223),
            (f"{side}_hip", f"{side}_knee", 0.4095, 0.1416),
            (f"{side}_knee", f"{side}_ankle", 0.4395, 0.0433),
            (f"{side}_ankle", f"{side}_ankle", 0.0, 0.0137),
        )
    ),
)
"""Upper and lower end of each part of a body, how far down its center lies, and its share of the
mass (de Leva 1996, table 4, men; women's differ by up to 0.02); hands are with the forearms."""
_ENOUGH = 0.7
"""Parts that are seen hold at least this share of the mass, or the center is not known."""
STEP_M = 0.04
"""A foot that rests less than this over the ground may rest on it [m]."""
CARRYING_SHARE = 0.35
"""Share of the weight that a raised foot must bear at one time while both rest; quiet standing is
.5 with some .1 of sway, and a foot that is held up bears none."""
OVER_FOOT_M = 0.25
"""A foot that carries alone has the center of mass within this of it, along the ground [m]: a foot
is 0.25 m long, and at the middle of a step the body passes over it."""
MIN_CARRYING_S = 0.1
"""A foot that carries does so for at least this long [s]."""


def center_of_mass(
    joints_m: Float[np.ndarray, "time body_joint 3"],
) -> Float[np.ndarray, "time 3"]:
    """Center of mass of a body [m]; NaN where too little of it is seen."""
    total = np.zeros((len(joints_m), 3))
    mass = np.zeros(len(joints_m))
    for upper, lower, down, share in _SEGMENTS:
        a, b = (joints_m[:, BODY_JOINTS.index(name)] for name in (upper, lower))
        center = a + down * (b - a)
        seen = np.isfinite(center).all(axis=1)
        total[seen] += share * center[seen]
        mass += np.where(seen, share, 0.0)
    known = mass >= _ENOUGH * sum(segment[3] for segment in _SEGMENTS)
    return np.where(known[:, None], total / np.maximum(mass, 1e-9)[:, None], np.nan)


def without_weightless(
    contact: Bool[np.ndarray, "time 2"],
    heights_m: Float[np.ndarray, "time 2"],
    places_m: Float[np.ndarray, "time 2 2"],
    com_m: Float[np.ndarray, "time 3"],
    time_s: Float[np.ndarray, " time"],
) -> Bool[np.ndarray, "time 2"]:
    """Contacts without those of raised feet that never carry anything.

    A foot that rests higher than the ground must bear weight at some time of its contact: alone,
    with the center of mass over it, or together with the other, with the center of mass between
    them. Nothing stands on a foot higher than it.

    Args:
        contact: The left, the right foot is still.
        heights_m: Height of what each foot rests on, over the ground [m]; NaN where it does not.
        places_m: Where the middle of each foot is, along the ground [m].
        com_m: Center of mass, z over the ground [m]; contacts during which it is never known stay.
        time_s: Time of each frame [s].
    """
    out = contact.copy()
    frame_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1.0
    for foot in range(2):
        for start, end in runs(contact[:, foot]):
            part = slice(start, end)
            other = contact[part, 1 - foot]
            height = float(np.nan_to_num(heights_m[start, foot]))
            known = np.isfinite(com_m[part]).all(axis=1)
            if not known.any() or height <= STEP_M:
                continue
            across = places_m[part, foot] - places_m[part, 1 - foot]
            from_other = com_m[part, :2] - places_m[part, 1 - foot]
            share = np.sum(from_other * across, axis=1) / np.maximum(
                np.sum(across**2, axis=1), 1e-9
            )
            off_m = np.linalg.norm(com_m[part, :2] - places_m[part, foot], axis=1)
            is_under = known & (com_m[part, 2] > height)
            with np.errstate(invalid="ignore"):
                both = is_under & other & (share >= CARRYING_SHARE)
                alone = is_under & ~other & (off_m <= OVER_FOOT_M)
            out[part, foot] = (both | alone).sum() * frame_s >= MIN_CARRYING_S - 1e-9
    return out
