"""A body that squats and walks about, its landmarks, and detections made of it."""

import numpy as np

from rotoscope.models.bodies.bone_lengths import stature_of
from rotoscope.models.bodies.joints import BONE_PATHS, BONES, JOINT_WEIGHTS
from rotoscope.models.bodies.landmarker import BodyDetection
from rotoscope.pipeline.tracks import BODY_JOINTS

K = np.array([[900.0, 0.0, 360.0], [0.0, 900.0, 640.0], [0.0, 0.0, 1.0]])
WIDTH, HEIGHT = 720, 1280
PLAIN_LENGTHS = {
    "spine": 0.49, "head": 0.2, "hip_line": 0.22, "shoulder_line": 0.36, "upper_arm": 0.27,
    "forearm": 0.24, "hand": 0.08, "thigh": 0.42, "shank": 0.42, "heel": 0.06, "foot": 0.17,
}  # fmt: skip
LENGTHS_M = np.array([PLAIN_LENGTHS[b.removeprefix("left_").removeprefix("right_")] for b in BONES])
STATURE_M = stature_of(LENGTHS_M)


def unit(vector):
    return np.asarray(vector, float) / np.linalg.norm(vector)


def body_m(bend_rad=0.4, yaw_rad=0.5, at=(0.2, 0.1, 4.0)):
    """`BODY_JOINTS` of a person who bends the knees and faces `yaw_rad` off the camera [m]."""
    down, forward, left = np.eye(3)[1], -np.eye(3)[2], np.eye(3)[0]
    directions = {"spine": unit(-down + 0.2 * forward), "head": -down}
    directions |= {"hip_line": left, "shoulder_line": left}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        s, c = np.sin(bend_rad * (1.0 + 0.1 * sign)), np.cos(bend_rad)
        directions |= {
            f"{side}_upper_arm": unit(down + 0.3 * sign * left + 0.2 * forward),
            f"{side}_forearm": unit(down + forward),
            f"{side}_hand": unit(down + forward),
            f"{side}_thigh": unit(c * down + s * forward),
            f"{side}_shank": unit(c * down - s * forward),
            f"{side}_heel": unit(down - 0.5 * forward),
            f"{side}_foot": unit(0.4 * down + forward),
        }
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    turn = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    bones = LENGTHS_M[:, None] * (np.array([directions[b] for b in BONES]) @ turn.T)
    return BONE_PATHS @ bones + np.array(at)


def landmarks_of(joints):
    """33 landmarks whose joints are these: each on its joint, the face on the head."""
    out = np.repeat(joints[..., BODY_JOINTS.index("head"), None, :], 33, axis=-2)
    for joint in range(len(BODY_JOINTS)):
        if BODY_JOINTS[joint] not in ("pelvis", "neck"):
            out[..., JOINT_WEIGHTS[joint] > 0, :] = joints[..., joint, None, :]
    return out


def project(points_m):
    pixels = points_m @ K.T
    return pixels[..., :2] / pixels[..., 2:]


def detection_at(x_px, y_px, *, size_px=60.0, rgb=(200.0, 0.0, 0.0)):
    """A standing person whose trunk's middle is here."""
    joints = body_m(0.0, 0.0, at=(0.0, 0.0, 0.0))
    landmarks_m = landmarks_of(joints)
    flat = landmarks_m[:, :2] - joints[[1, 0], :2].mean(axis=0)
    return BodyDetection(
        landmarks_px=flat * (size_px / PLAIN_LENGTHS["spine"]) + (x_px, y_px),
        landmarks_m=landmarks_m,
        visibility=np.ones(33),
        presence=np.ones(33),
        trunk_rgb=np.array(rgb),
    )
