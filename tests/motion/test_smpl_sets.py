"""Each program's layout of SMPL parameters is read as that program means it."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.motion import read_motion
from rotoscope.pipeline.tracks import BODY_JOINTS

T = 90
Y_UP = np.zeros(3)
"""Root rotation of a person who stands in a frame with y up."""
Z_UP = np.array([np.pi / 2, 0, 0])
Y_DOWN = np.array([np.pi, 0, 0])
LYING = np.array([0, 0, np.pi / 2])
"""Root rotation of a person who lies on one side in a frame with y up."""


def joint(motion, name: str) -> np.ndarray:
    return motion.joints_m[:, BODY_JOINTS.index(name)]


def pose(root: np.ndarray, width: int = 72) -> np.ndarray:
    """A person who swings one arm, the root turned as said."""
    out = np.zeros((T, width))
    out[:, :3] = root
    out[:, 3 * 16 + 2] = 0.5 * np.sin(np.arange(T) / 5)
    return out


def path_m(axis: int) -> np.ndarray:
    """One meter along an axis in three seconds at 30 Hz."""
    out = np.zeros((T, 3))
    out[:, axis] = np.linspace(0, 1, T)
    return out


def saved(folder: Path, values: object) -> Path:
    path = folder / "a.pkl"
    path.write_bytes(pickle.dumps(values))
    return path


def stands(motion) -> bool:
    up = joint(motion, "head") - (joint(motion, "left_ankle") + joint(motion, "right_ankle")) / 2
    return bool((up[:, 2] > 1.3).all())


def walked_m(motion) -> np.ndarray:
    return joint(motion, "pelvis")[-1] - joint(motion, "pelvis")[0]


def gvhmr(root: np.ndarray) -> dict:
    def one(root: np.ndarray, trans: np.ndarray) -> dict:
        whole = pose(root, 66)
        return {
            "global_orient": whole[:, :3],
            "body_pose": whole[:, 3:],
            "transl": trans,
            "betas": np.zeros((T, 10)),
        }

    camera = one(Y_DOWN, path_m(2))
    return {"smpl_params_global": one(root, path_m(0)), "smpl_params_incam": camera}


def wham(root: np.ndarray) -> dict:
    world = {"pose_world": pose(root), "trans_world": path_m(0)}
    return {0: {"pose": pose(Y_DOWN), "trans": path_m(2), "betas": np.zeros((T, 10)), **world}}


def aist(root: np.ndarray) -> dict:
    trans = {"smpl_trans": 93.8 * path_m(0), "smpl_scaling": np.array([93.8])}
    return {"smpl_poses": pose(root), "smpl_loss": 1.6, **trans}


@pytest.mark.parametrize(
    ("make", "rate_hz", "source"),
    [(gvhmr, 30, "GVHMR's global"), (wham, 30, "WHAM's world"), (aist, 60, "AIST++")],
)
def test_world_set_with_y_up_is_taken_in_meters(make, rate_hz, source, tmp_path) -> None:
    motion = read_motion(saved(tmp_path, make(Y_UP)))
    assert (motion.up, motion.unit, motion.rate_hz) == ("y", "m", rate_hz)
    assert source in motion.source
    assert stands(motion)
    np.testing.assert_allclose(walked_m(motion), [1, 0, 0], atol=1e-9)


@pytest.mark.parametrize("make", [gvhmr, wham, aist])
def test_who_lies_in_a_known_layout_lies(make, tmp_path) -> None:
    motion = read_motion(saved(tmp_path, make(LYING)))
    assert motion.up == "y"
    assert np.abs(joint(motion, "head") - joint(motion, "pelvis"))[:, 2].max() < 0.3


@pytest.mark.parametrize("shape", [(T, 72), (T, 24, 3)])
@pytest.mark.parametrize("place", ["trans_orig", "root_trans_offset"])
def test_phc_stands_along_z(place, shape, tmp_path) -> None:
    values = {"pose_aa": pose(Z_UP).reshape(shape), place: path_m(0), "fps": 50}
    motion = read_motion(saved(tmp_path, {"0-walk": values | {"gender": "neutral"}}))
    assert (motion.up, motion.rate_hz) == ("z", 50)
    assert stands(motion)


def test_amass_lies_where_it_lies(tmp_path) -> None:
    """A vote among the axes would stand this person up along x."""
    values = {"poses": pose(np.zeros(3), 156), "trans": path_m(0), "mocap_framerate": 120.0}
    np.savez(tmp_path / "crawl_poses.npz", **values)
    motion = read_motion(tmp_path / "crawl_poses.npz")
    assert motion.up == "z"
    assert np.abs(joint(motion, "head") - joint(motion, "pelvis"))[:, 2].max() < 0.3


def test_motion_x_is_a_table(tmp_path) -> None:
    table = np.zeros((T, 322))
    table[:, :66] = pose(Y_UP, 66)
    table[:, 309:312] = path_m(0)
    np.save(tmp_path / "a.npy", table)
    motion = read_motion(tmp_path / "a.npy")
    assert (motion.up, motion.rate_hz) == ("y", 30)
    assert stands(motion)
    np.testing.assert_allclose(walked_m(motion), [1, 0, 0], atol=1e-9)


def matrices(vectors: np.ndarray) -> np.ndarray:
    return se3.exp_so3(vectors.reshape(len(vectors), -1, 3))


@pytest.mark.parametrize("is_whole", [True, False])
def test_rotation_matrices_are_the_vectors_they_stand_for(is_whole, tmp_path) -> None:
    R = matrices(pose(Y_UP))
    split = {"global_orient": R[:, :1], "body_pose": R[:, 1:]}
    values = {"poses": R} if is_whole else {"pred_smpl_params": split}
    found = read_motion(saved(tmp_path, values | {"fps": 30}))
    vectors = read_motion(saved(tmp_path, {"poses": pose(Y_UP), "fps": 30}))
    np.testing.assert_allclose(found.joints_m, vectors.joints_m, atol=1e-9)


def test_matrices_that_are_no_rotations_are_refused(tmp_path) -> None:
    R = matrices(pose(Y_UP))
    R[3, 5] *= 1.5
    R[4, 2] *= -1
    with pytest.raises(MotionError, match=r"2 of 2160 matrices of the pose are no rotations"):
        read_motion(saved(tmp_path, {"poses": R}))


def phalp(*people: int) -> dict:
    R = matrices(pose(Y_DOWN))
    frames = {}
    for t in range(T):
        person = {"global_orient": R[t, :1], "body_pose": R[t, 1:], "betas": np.zeros(10)}
        frames[f"img/{t:06d}.jpg"] = {
            "tid": list(people),
            "smpl": [person] * len(people),
            "time": t,
        }
    return frames


def test_4d_humans_stands_in_a_level_camera(tmp_path) -> None:
    frames = phalp(1)
    lost = frames["img/000007.jpg"]
    lost["smpl"] = []
    motion = read_motion(saved(tmp_path, frames))
    assert motion.up == "-y"
    known = np.isfinite(motion.joints_m[:, BODY_JOINTS.index("head"), 0])
    assert list(np.flatnonzero(~known)) == [7]
    height = (joint(motion, "head") - joint(motion, "left_ankle"))[known, 2]
    assert (height > 1.3).all()
    assert any("camera is held level" in said for said in motion.assumed)


def test_tracks_of_several_people_are_named(tmp_path) -> None:
    with pytest.raises(MotionError, match=r"holds 2 people, the tracks '1' and '4'|'1', '4'"):
        read_motion(saved(tmp_path, phalp(1, 4)))


def test_two_worlds_are_two_people(tmp_path) -> None:
    with pytest.raises(MotionError, match=r"holds 2 people; give a file of one person each"):
        read_motion(saved(tmp_path, wham(Y_UP) | {1: wham(Y_UP)[0]}))
