"""Human hands that the tests make up, as joints in MediaPipe's order."""

import numpy as np

from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.geometry.hand_frame import wrist_pose
from rotoscope.pipeline.tracks import HandTrack

ROOTS_M = np.array(
    [[0, 0.035, 0.03], [0, 0.025, 0.09], [0, 0, 0.095], [0, -0.02, 0.09], [0, -0.04, 0.08]]
)
"""First joints of thumb and fingers in the wrist frame of a right hand: x out of the palm, y to the
thumb, z to the knuckles."""
BONES_M = np.array(
    [
        [0.04, 0.03, 0.025],
        [0.045, 0.025, 0.02],
        [0.05, 0.03, 0.02],
        [0.045, 0.028, 0.02],
        [0.035, 0.02, 0.018],
    ]
)


def hand_joints(curl_rad: np.ndarray, thumb_rad: np.ndarray | None = None) -> np.ndarray:
    """A right hand in its wrist frame whose fingers bend at each joint, (time, 21, 3) [m].

    Args:
        curl_rad: Bend of the fingers in each frame.
        thumb_rad: Bend of the thumb across the palm; a third of the fingers' when absent.
    """
    thumb_rad = curl_rad / 3.0 if thumb_rad is None else thumb_rad
    out = np.zeros((len(curl_rad), 21, 3))
    for finger, (root, bones) in enumerate(zip(ROOTS_M, BONES_M, strict=True)):
        at, bend = np.tile(root, (len(curl_rad), 1)), np.zeros(len(curl_rad))
        out[:, 4 * finger + 1] = at
        for k, bone in enumerate(bones):
            bend = bend + (thumb_rad if finger == 0 else curl_rad)
            along = np.stack([np.sin(bend), 0 * bend, np.cos(bend)], axis=1)
            if finger == 0:
                # The thumb points aside and comes round before the palm.
                aside = 0.9 - bend
                along = np.stack(
                    [np.sin(bend), np.sin(aside), np.cos(bend) * np.cos(aside)], axis=1
                )
                along /= np.linalg.norm(along, axis=1, keepdims=True)
            at = at + bone * along
            out[:, 4 * finger + 2 + k] = at
    return out


def seen(joints_m: np.ndarray, side: str = "right", **changes: object) -> HandTrack:
    """The hand of joints in its own wrist frame, somewhere before a camera; a left one mirrored."""
    frames = len(joints_m)
    mirrored = joints_m * (np.array([1.0, -1.0, 1.0]) if side == "left" else 1.0)
    way = np.linspace(0, 0.1, frames)[:, None] * [1.0, 0.0, 0.0] + [0.0, 0.1, 0.6]
    joints = mirrored @ se3.exp_so3(np.array([1.8, 0.3, 0.2])).T + way[:, None]
    track = HandTrack(
        side=side,
        landmarks_px=np.zeros((frames, 21, 2)),
        hand_m=joints - joints.mean(axis=1, keepdims=True),
        score=np.ones(frames),
        handedness=np.full(frames, float(side == "right")),
        valid=np.ones(frames, bool),
        T_camera_wrist=wrist_pose(joints, side),
        joints_m=joints,
        sigma_position_m=np.full((frames, 3), 0.01),
        sigma_rotation_rad=np.full(frames, 0.05),
    )
    return track.replace(**changes)
