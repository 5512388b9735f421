import numpy as np
from body_shapes import LENGTHS_M, STATURE_M, body_m, landmarks_of

from rotoscope.models.bodies.bone_lengths import BONE_GROUPS, bone_lengths, stature_of
from rotoscope.models.bodies.fit import bones_of
from rotoscope.models.bodies.joints import BONE_ENDS, BONE_PATHS, BONES, JOINT_WEIGHTS, joints_of
from rotoscope.pipeline.tracks import BODY_JOINTS


def joint(name):
    return BODY_JOINTS.index(name)


def test_every_joint_is_the_mean_of_landmarks_of_its_own_side():
    np.testing.assert_allclose(JOINT_WEIGHTS.sum(axis=1), 1.0)
    for row, name in enumerate(BODY_JOINTS):
        landmarks = np.flatnonzero(JOINT_WEIGHTS[row])
        if name.startswith("left_"):
            assert (landmarks % 2 == 1).all(), name  # MediaPipe's left ones are odd
            mirrored = np.flatnonzero(JOINT_WEIGHTS[joint(name.replace("left", "right"))])
            np.testing.assert_array_equal(mirrored, landmarks + 1)


def test_named_landmarks_are_where_mediapipe_has_them():
    landmarks = np.arange(33.0)[:, None]
    of = dict(zip(BODY_JOINTS, joints_of(landmarks)[:, 0], strict=True))
    assert (of["pelvis"], of["neck"], of["head"]) == (23.5, 11.5, 7.5)
    assert (of["left_wrist"], of["left_hand"], of["right_hand"]) == (15.0, 18.0, 19.0)
    assert (of["left_heel"], of["left_toe"], of["right_toe"]) == (29.0, 31.0, 32.0)


def test_bones_lead_from_the_pelvis_to_every_joint():
    rng = np.random.default_rng(0)
    bones = rng.normal(size=(len(BONES), 3))
    joints = BONE_PATHS @ bones
    np.testing.assert_allclose(BONE_ENDS @ joints, bones, atol=1e-12)
    np.testing.assert_allclose(joints[joint("pelvis")], 0.0)
    for middle, name in (("pelvis", "hip"), ("neck", "shoulder")):
        pair = joints[joint(f"left_{name}")] + joints[joint(f"right_{name}")]
        np.testing.assert_allclose(joints[joint(middle)], pair / 2, atol=1e-12)


def test_lengths_of_a_clip_are_medians_alike_on_both_sides():
    bodies = np.array([joints_of(landmarks_of(body_m(b))) for b in (0.1, 0.4, 0.8)])
    lengths, directions = bones_of(bodies)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1.0)
    is_seen = np.ones(bodies.shape[:2], bool)
    np.testing.assert_allclose(bone_lengths(lengths, is_seen), LENGTHS_M, atol=1e-12)
    lengths[0, BONES.index("left_thigh")] = 5.0  # a frame in which the knee was not seen
    is_seen[0, joint("left_knee")] = False
    np.testing.assert_allclose(bone_lengths(lengths, is_seen), LENGTHS_M, atol=1e-12)


def test_stature_grows_with_the_bones():
    np.testing.assert_allclose(stature_of(1.1 * LENGTHS_M), 1.1 * STATURE_M)
    assert 1.4 < STATURE_M < 2.0
    np.testing.assert_array_equal(BONE_GROUPS.sum(axis=0), 1.0)
