"""How far the limbs of a person may point from where a body track has them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.tracks import BODY_JOINTS, BodyTrack

LIMB_SHARE = 0.65
"""How much of the stated sigma of two joints turns the limb between them: on the rendered people of
`benchmarks._rendered_person.DEVELOPMENT_WALKS` limbs are 15 degrees off where the sigma of their
joints by itself would make it 23."""


def limbs_sigma(track: BodyTrack, limbs: tuple[tuple[str, str], ...]) -> Float[np.ndarray, " time"]:
    """Root mean square angle by which limbs may be off [rad], from the sigma of their joints.

    An error across a limb turns it by that over its length; two of three parts lie across. What
    joints err by together turns no limb: `LIMB_SHARE` is left. 0 where no sigma is stated, as in
    motion capture; NaN where a limb is unknown.

    Args:
        track: The person, with metric joints.
        limbs: Joints at both ends of each limb.
    """
    assert track.joints_m is not None
    a, b = np.array([[BODY_JOINTS.index(end) for end in limb] for limb in limbs]).T
    if track.sigma_joint_m is None:
        return np.zeros(len(track.valid))
    length_m = np.linalg.norm(track.joints_m[:, b] - track.joints_m[:, a], axis=2)
    across = 2.0 * (track.sigma_joint_m[:, a] ** 2 + track.sigma_joint_m[:, b] ** 2)
    angles = LIMB_SHARE**2 * across / np.maximum(length_m, 1e-6) ** 2
    return np.asarray(np.sqrt(angles.mean(axis=1)))
