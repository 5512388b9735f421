"""Object tracks that say what the tests want, and an arm's actions beside them."""

import numpy as np
from action_contracts import JOINTS

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import ActionTrack, ObjectTrack


def held_thing(
    number: int,
    num: int,
    *,
    left: tuple[int, int] | None = None,
    right: tuple[int, int] | None = None,
    center_m: np.ndarray | None = None,
) -> ObjectTrack:
    """A thing that each hand holds over frames `[start, end)`."""
    held = np.zeros((num, 2), bool)
    for column, span in enumerate((left, right)):
        if span is not None:
            held[span[0] : span[1], column] = True
    known = center_m is not None
    return ObjectTrack(
        number=number,
        mask_bits=np.zeros((num, 8), np.uint8),
        mask_width=8,
        mask_height=8,
        valid=np.ones(num, bool),
        center_px=np.tile([320.0, 120.0], (num, 1)),
        sigma_px=np.ones(num),
        held=held,
        center_m=center_m if center_m is not None else np.full((num, 3), np.nan),
        sigma_m=np.full((num, 3), 0.01 if known else np.nan),
    )


def arm_actions(num: int) -> ActionTrack:
    """An arm whose end effector moves along x, its base turned against the camera."""
    ee = np.zeros((num, 7))
    ee[:, 0], ee[:, 6] = np.linspace(0.3, 0.6, num), 50.0
    return ActionTrack(
        labeler="retarget.arm",
        subject="right",
        contract=JOINTS,
        values=np.zeros((num, len(JOINTS.dimensions))),
        valid=np.ones(num, bool),
        confidence=np.full(num, 0.8),
        reason=np.zeros(num, np.uint8),
        ee_values=ee,
        T_camera_base=se3.make(se3.exp_so3(np.array([0.3, -1.2, 0.5])), np.array([0.1, 0.2, 1.0])),
    )
