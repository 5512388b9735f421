"""A person's skeleton as a humanoid needs it: frames of pelvis and torso, bone lengths, gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.vectors import unit
from rotoscope.pipeline.tracks import BODY_JOINTS, SIDES, runs

LIMBS: tuple[tuple[str, str], ...] = tuple(
    (f"{side}_{a}", f"{side}_{b}")
    for side in SIDES
    for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
)
"""Bones whose directions a robot copies."""
LEG = (("hip", "knee"), ("knee", "ankle"))
ARM = (("shoulder", "elbow"), ("elbow", "wrist"))


@dataclass(frozen=True, eq=False)
class HumanMotion:
    """Joints of one person in the world frame, z up, and what follows from them."""

    joints_m: Float[np.ndarray, "time body_joint 3"]
    """`BODY_JOINTS` in the world frame [m]; NaN where unknown."""
    time_s: Float[np.ndarray, " time"]
    """Frame times [s]."""

    def joint(self, name: str) -> Float[np.ndarray, "time 3"]:
        """One joint by its name in `BODY_JOINTS` [m]."""
        return self.joints_m[:, BODY_JOINTS.index(name)]

    def length_m(self, bones: tuple[tuple[str, str], ...]) -> float:
        """Sum of the median lengths of some bones, mean of both sides [m]; NaN if never seen."""
        total = []
        for side in SIDES:
            parts = [self._bone(f"{side}_{a}", f"{side}_{b}") for a, b in bones]
            total.append(sum(parts))
        seen = [length for length in total if np.isfinite(length)]
        return float(np.mean(seen)) if seen else float("nan")

    def _bone(self, a: str, b: str) -> float:
        lengths = np.linalg.norm(self.joint(b) - self.joint(a), axis=1)
        lengths = lengths[np.isfinite(lengths)]
        return float(np.median(lengths)) if len(lengths) else float("nan")

    def direction(self, a: str, b: str) -> Float[np.ndarray, "time 3"]:
        """Unit vector from one joint to another; NaN where unknown."""
        return unit(self.joint(b) - self.joint(a))

    def pelvis_rotation(self) -> Float[np.ndarray, "time 3 3"]:
        """X forward, y from the right to the left hip, z as far up the spine as that allows."""
        return _frame(self._across("hip"), self._spine())

    def torso_rotation(self) -> Float[np.ndarray, "time 3 3"]:
        """The same by the shoulders, with z along the spine."""
        z = self._spine()
        y = self._across("shoulder")
        y = unit(y - np.sum(y * z, axis=1, keepdims=True) * z)
        return np.stack([np.cross(y, z), y, z], axis=-1)

    def foot_rotation(self, side: str) -> Float[np.ndarray, "time 3 3"]:
        """X from the heel (the ankle where there is none) to the toe, y level, z up.

        Where there is no heel, the ankle stands above it: the pitch is counted from that of the
        foot that stands flat, which has its toe higher than nine of ten frames: heels rise longer
        than toes do.
        """
        toe, heel, ankle = (self.joint(f"{side}_{name}") for name in ("toe", "heel", "ankle"))
        has_heel = np.isfinite(heel).all(axis=1).any()
        x = toe - (heel if has_heel else ankle)
        pitch = np.arctan2(x[:, 2], np.linalg.norm(x[:, :2], axis=1))
        seen = pitch[np.isfinite(pitch)]
        flat = 0.0 if has_heel or not len(seen) else float(np.percentile(seen, 90))
        pitch, yaw = pitch - flat, np.arctan2(x[:, 1], x[:, 0])
        zero = np.zeros_like(yaw)
        turned = se3.exp_so3(np.stack([zero, zero, np.nan_to_num(yaw)], axis=1))
        bowed = se3.exp_so3(np.stack([zero, -np.nan_to_num(pitch), zero], axis=1))
        R = turned @ bowed
        R[~np.isfinite(pitch + yaw)] = np.nan
        return R

    def _across(self, joint: str) -> Float[np.ndarray, "time 3"]:
        return self.direction(f"right_{joint}", f"left_{joint}")

    def _spine(self) -> Float[np.ndarray, "time 3"]:
        return self.direction("pelvis", "neck")


def human_motion_of(
    joints_m: Float[np.ndarray, "time body_joint 3"],
    time_s: Float[np.ndarray, " time"],
    known: Bool[np.ndarray, " time"],
) -> HumanMotion:
    """A person whose joints are NaN wherever the frame is not known.

    Raises:
        TrackError: Hips and shoulders are seen together in no frame: nothing says how the body
            stands.
    """
    person = HumanMotion(np.where(known[:, None, None], joints_m, np.nan), time_s)
    both = np.concatenate([person.pelvis_rotation(), person.torso_rotation()], axis=2)
    if not np.isfinite(both).all(axis=(1, 2)).any():
        raise TrackError(
            "hips and shoulders are seen together in no frame, so nothing says how the body "
            "stands; use a video or motion file that shows both"
        )
    return person


def interpolated(
    values: Float[np.ndarray, "time n"], time_s: Float[np.ndarray, " time"]
) -> Float[np.ndarray, "time n"]:
    """Values with unknown frames put between their known neighbors, held at the ends."""
    known = np.isfinite(values).all(axis=1)
    if known.all():
        return values
    return np.stack([np.interp(time_s, time_s[known], v[known]) for v in values.T], axis=1)


def interpolated_rotations(
    R: Float[np.ndarray, "time 3 3"], time_s: Float[np.ndarray, " time"]
) -> Float[np.ndarray, "time 3 3"]:
    """Rotations with unknown frames on the shortest arc between their known neighbors."""
    known = np.isfinite(R).all(axis=(1, 2))
    out = R.copy()
    first, last = np.flatnonzero(known)[[0, -1]]
    out[:first], out[last + 1 :] = R[first], R[last]
    for start, end in runs(~known[first : last + 1]):
        a, b = first + start - 1, first + end
        share = (time_s[a + 1 : b] - time_s[a]) / (time_s[b] - time_s[a])
        turn = se3.log_so3((R[b] @ R[a].T)[None])
        out[a + 1 : b] = se3.exp_so3(share[:, None] * turn) @ R[a]
    return out


def _frame(
    y: Float[np.ndarray, "time 3"], towards_z: Float[np.ndarray, "time 3"]
) -> Float[np.ndarray, "time 3 3"]:
    x = unit(np.cross(y, towards_z))
    return np.stack([x, y, np.cross(x, y)], axis=-1)
