"""How far MediaPipe's landmarks lie from the points that they mean, by how the hand is seen.

Seen from behind, knuckles are marked on the skin over them; fingers that bend towards the camera
are drawn shorter. Two cameras see a hand from different sides, so that such errors do not cancel
but place the joint elsewhere. They are a step in the hand's own frame, linear in where the palm
faces and in how far the finger is bent, and are learned; what is left differs from hand to hand.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.models.perception.multi_view import View
from rotoscope.pipeline.geometry import hand_frame
from rotoscope.pipeline.geometry.vectors import unit
from rotoscope.pipeline.tracks import Side

_TIPS, _ROOTS = np.array([4, 8, 12, 16, 20]), np.array([1, 5, 9, 13, 17])
_KNUCKLES = [0, 5, 9, 17]
_MIRROR = np.array([-1.0, 1.0, 1.0])
_TABLE = """
16 33 -8 13 22 6 -4 -2 -1 2 -24 12
-2 22 6 10 -9 -15 -2 -7 -27 5 -7 7
-14 17 -5 10 10 -16 12 -11 -30 6 -4 3
-23 11 -17 8 5 -18 3 -11 -19 -6 5 0
-2 14 -5 12 17 -15 9 -6 -20 -5 4 1
-10 26 -20 21 -9 -12 -9 -15 -18 3 -40 -23
-17 -7 -23 -7 -18 -14 -8 -8 -14 -14 12 -14
-12 -16 -16 -16 -14 -9 6 -7 -8 -13 27 -6
-6 -11 -16 -10 2 -7 23 -10 -3 -16 50 -13
-12 41 -24 27 -3 -6 3 -9 -19 8 -52 -38
-12 -1 -32 -16 -1 -4 -2 -6 -26 -10 -2 -22
-13 -4 -30 -14 1 -6 7 -6 -9 -14 10 -5
-3 1 -24 -7 5 -3 14 -5 -2 -10 34 -9
-9 40 -15 24 0 1 11 -8 -15 5 -47 -33
5 5 -13 -5 3 1 -2 -7 -23 -5 0 -26
1 -8 -11 -11 -5 2 -4 -12 -6 -6 20 0
13 -3 -16 -7 -4 5 -4 -13 -3 0 -10 9
-12 36 7 19 9 -2 8 -8 -12 1 -36 -17
9 8 -15 -2 8 1 -2 -12 -5 -10 22 -12
4 -6 -12 -9 5 2 6 -15 0 -8 22 2
11 -12 -7 -6 5 0 7 -5 -5 -4 -4 15
"""
_STEPS: Float[np.ndarray, "21 3 4"] = np.array(_TABLE.split(), float).reshape(21, 3, 4) / 1000.0
"""Step of each landmark along the wrist frame's axes, by term of `terms`, in palm lengths. Fitted
by `python -m benchmarks._landmark_bias` to the scenes of the project's own hand among the kinds
`development` of `benchmarks._hand_kinds` and to `DEVELOPMENT` of `benchmarks._rendered_scenes`;
these four terms of nine sets, and how much steps are held small, were chosen by leaving clips out
there and by the scenes `DEVELOPMENT` of `benchmarks.two_view`."""


def bias_px(
    view: View, joints_m: Float[np.ndarray, "time 21 3"], side: Side
) -> Float[np.ndarray, "time 21 2"]:
    """How far landmarks in one view are expected to lie from where the joints are seen [px].

    Args:
        view: The camera.
        joints_m: About where the joints are, in the world [m].
        side: Which hand.

    Returns:
        0 in rows in which a joint is unknown.
    """
    seen_m = joints_m @ view.T_camera_world[:3, :3].T + view.T_camera_world[:3, 3]
    known = np.isfinite(seen_m).all(axis=(1, 2))
    hand_m, mirror = seen_m[known], _MIRROR if side == "left" else np.ones(3)
    R, values = terms(hand_m * mirror)
    step = np.einsum("tai,nik,tnk->tna", R[:, :2], _STEPS, values) * mirror[:2]
    palm_m = np.linalg.norm(hand_m[:, hand_frame.MIDDLE_MCP] - hand_m[:, 0], axis=1)
    focal_px = np.array([view.K[0, 0], view.K[1, 1]])
    out = np.zeros((*joints_m.shape[:2], 2))
    # Joints that coincide have no direction: nothing is known of their error.
    out[known] = np.nan_to_num(step * focal_px * palm_m[:, None, None] / hand_m[..., 2:])
    return out


def terms(
    joints_m: Float[np.ndarray, "time 21 3"],
) -> tuple[Float[np.ndarray, "time 3 3"], Float[np.ndarray, "time 21 4"]]:
    """What the steps of a right hand's landmarks are linear in.

    Args:
        joints_m: The hand in the camera's frame [m].

    Returns:
        The wrist's rotation in the camera's frame; and of each landmark 1, the cosine between the
        palm's normal and the way to the camera, the cosine between that normal and the landmark's
        finger (root to tip; their mean for the wrist), and the product of both.
    """
    R = hand_frame.wrist_rotation(joints_m, "right")
    normal = R[:, :, 0]
    facing = np.einsum("ti,ti->t", normal, -unit(joints_m[:, _KNUCKLES].mean(axis=1)))
    bend = np.einsum("ti,tfi->tf", normal, unit(joints_m[:, _TIPS] - joints_m[:, _ROOTS]))
    bends = np.concatenate([bend[:, 1:].mean(axis=1)[:, None], np.repeat(bend, 4, axis=1)], axis=1)
    facings = np.broadcast_to(facing[:, None], bends.shape)
    return R, np.stack([np.ones(bends.shape), facings, bends, facings * bends], axis=-1)
