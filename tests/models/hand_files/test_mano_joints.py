"""Joints from MANO parameters, against smplx's own model; the model is made up here."""

import pickle

import numpy as np
import pytest

from rotoscope.models.hand_files.mano import ManoPose, load_mano, mano_joints
from rotoscope.models.hand_files.read import read_hands
from rotoscope.pipeline.errors import MotionError

PARENTS = [2**32 - 1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14]
FINGERS = {1: (0.09, 0.03), 4: (0.09, 0.01), 7: (0.08, -0.03), 10: (0.085, -0.01), 13: (0.03, 0.04)}
"""Where the first joint of each of MANO's fingers lies: along the hand, and across it [m]."""
TIPS = {1: 320, 4: 443, 7: 671, 10: 554, 13: 744}


def model_arrays():
    """A hand of random skin around joints in MANO's order, right as to shapes and sums."""
    rng = np.random.default_rng(0)
    joints = np.zeros((16, 3))
    for root, (along, across) in FINGERS.items():
        for k in range(3):
            joints[root + k] = [along + 0.028 * k, 0.0, across]
    owner = rng.integers(0, 16, 778)
    owner[:16] = np.arange(16)
    vertices = joints[owner] + rng.normal(0, 0.004, (778, 3))
    for root, tip in TIPS.items():
        owner[tip], vertices[tip] = root + 2, joints[root + 2] + [0.02, 0, 0]
    weights = 0.9 * np.eye(16)[owner] + 0.1 * rng.dirichlet(np.ones(16), 778)
    regressor = (owner[None] == np.arange(16)[:, None]).astype(float)
    return {
        "v_template": vertices,
        "shapedirs": rng.normal(0, 0.002, (778, 3, 10)),
        "posedirs": rng.normal(0, 0.001, (778, 3, 135)),
        "J_regressor": regressor / regressor.sum(axis=1, keepdims=True),
        "weights": weights,
        "kintree_table": np.array([PARENTS, np.arange(16)], dtype=np.int64),
    }


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "MANO_RIGHT.pkl"
    path.write_bytes(pickle.dumps(model_arrays()))
    return path


def poses(rows=5, seed=1):
    rng = np.random.default_rng(seed)
    return ManoPose(
        global_orient=rng.normal(0, 1, (rows, 3)),
        hand_pose=rng.normal(0, 0.3, (rows, 15, 3)),
        betas=rng.normal(0, 1, (rows, 10)),
        transl_m=rng.normal(0, 0.3, (rows, 3)) + np.array([0, 0, 0.8]),
    )


def test_joints_are_those_of_smplx(model):
    torch, smplx = pytest.importorskip("torch"), pytest.importorskip("smplx")
    from smplx.utils import Struct

    arrays = model_arrays()
    extra = {
        "f": np.zeros((1, 3), np.int64),
        "hands_mean": np.zeros(45),
        "hands_components": np.eye(45),
    }
    layer = smplx.MANO(
        str(model),
        data_struct=Struct(**arrays, **extra),
        is_rhand=True,
        use_pca=False,
        flat_hand_mean=True,
        num_betas=10,
        batch_size=5,
    )
    pose = poses()
    given = {
        "global_orient": pose.global_orient,
        "hand_pose": pose.hand_pose.reshape(5, 45),
        "betas": pose.betas,
        "transl": pose.transl_m,
    }
    with torch.no_grad():
        out = layer(**{k: torch.tensor(v, dtype=torch.float32) for k, v in given.items()})
    joints, vertices = out.joints.numpy(), out.vertices.numpy()
    wrist, fingers = joints[:, :1], {root: joints[:, root : root + 3] for root in FINGERS}
    wanted = [wrist]
    for root in (13, 1, 4, 10, 7):  # thumb, index, middle, ring, little
        wanted += [fingers[root], vertices[:, TIPS[root]][:, None]]
    found = mano_joints(load_mano(model), pose, np.ones(5, bool))
    np.testing.assert_allclose(found, np.concatenate(wanted, axis=1), atol=1e-5)


def test_left_hand_is_the_mirror_image_of_the_right_hand_of_the_mirrored_pose(model):
    pose, sign = poses(), np.array([1.0, -1.0, -1.0])
    mirrored = ManoPose(
        pose.global_orient * sign,
        pose.hand_pose * sign,
        pose.betas,
        pose.transl_m * [-1.0, 1.0, 1.0],
    )
    loaded = load_mano(model)
    right = mano_joints(loaded, pose, np.ones(5, bool))
    left = mano_joints(loaded, mirrored, np.zeros(5, bool))
    np.testing.assert_allclose(left, right * [-1.0, 1.0, 1.0], atol=1e-12)


def write(folder, rows=4, **change):
    rng = np.random.default_rng(2)
    found = {
        "side": ["right"] * rows,
        "frame": np.arange(rows),
        "global_orient": rng.normal(0, 1, (rows, 3)),
        "hand_pose": np.tile([0.0, 0.0, 0.0], (rows, 15)),
        "betas": np.zeros(10),
        "transl": np.tile([0.0, 0.0, 0.6], (rows, 1)),
    }
    merged = {k: v for k, v in (found | change).items() if v is not None}
    np.savez(folder / "video.hands.npz", **merged)
    return folder / "video.mp4"


def test_file_of_parameters_gives_joints_with_the_user_s_model(tmp_path, model):
    table = read_hands(write(tmp_path), mano_model=model)
    assert table.joints_m.shape == (4, 21, 3)
    matrices = read_hands(
        write(tmp_path, hand_pose=np.tile(np.eye(3), (4, 15, 1, 1))), mano_model=model
    )
    np.testing.assert_allclose(matrices.joints_m, table.joints_m, atol=1e-12)


def test_file_of_parameters_without_a_model_says_where_to_get_it(tmp_path):
    with pytest.raises(
        MotionError, match=r"MANO_RIGHT.pkl .mano.is.tue.mpg.de. as hands.file.mano"
    ):
        read_hands(write(tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"betas": None}, r"has \['global_orient', 'hand_pose', 'transl'\] of MANO's parameters"),
        ({"betas": np.zeros((4, 16))}, "betas must be 10 numbers"),
        ({"hand_pose": np.zeros((4, 30))}, "hand_pose must hold 15 rotation vectors or matrices"),
        ({"hand_pose": np.zeros((4, 15, 3, 3))}, "matrices are no rotations"),
        ({"transl": np.zeros((3, 3))}, "have 4, 4 and 3 rows, 4 are wanted"),
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(tmp_path, model, change, message):
    with pytest.raises(MotionError, match=message):
        read_hands(write(tmp_path, **change), mano_model=model)


@pytest.mark.parametrize("change", [{"weights": np.zeros((778, 3))}, {"v_template": None}])
def test_file_that_is_no_mano_model_is_refused(tmp_path, change):
    arrays = {k: v for k, v in (model_arrays() | change).items() if v is not None}
    np.savez(tmp_path / "wrong.npz", **arrays)
    with pytest.raises(MotionError, match=r"wrong.npz is no MANO model"):
        load_mano(tmp_path / "wrong.npz")
