import pickle
from pathlib import Path

import body_models
import numpy as np
import pytest

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.motion import read_motion
from rotoscope.pipeline.motion.body_model import load_body_model, rest_skeleton
from rotoscope.pipeline.motion.smpl_joints import BODY
from rotoscope.pipeline.tracks import BODY_JOINTS

T = 6


def joint(motion, name: str) -> np.ndarray:
    return motion.joints_m[:, BODY_JOINTS.index(name)]


def amass(width: int = 156) -> dict:
    """A person who stands, in AMASS's frame with z up, and turns about it."""
    poses = np.zeros((T, width))
    poses[:, 0] = np.pi / 2
    trans = np.linspace(0, 1, T)[:, None] * [1.0, 0.5, 0]
    return {"poses": poses, "trans": trans, "betas": np.zeros(16), "mocap_framerate": 120.0}


def save(folder: Path, **arrays) -> Path:
    np.savez(folder / "walk.npz", **arrays)
    return folder / "walk.npz"


@pytest.mark.parametrize("width", [66, 72, 156, 165])
def test_person_at_rest_stands_with_arms_sideways(tmp_path: Path, width: int) -> None:
    motion = read_motion(save(tmp_path, **amass(width)))
    assert (motion.rate_hz, motion.unit, motion.up) == (120.0, "m", "z")
    assert "bone lengths of a mean person" in motion.source
    height = joint(motion, "head")[:, 2] - joint(motion, "left_heel")[:, 2]
    assert 1.5 < height[0] < 1.7
    arm = joint(motion, "left_wrist") - joint(motion, "left_shoulder")
    np.testing.assert_allclose(arm[0], [1.70 * 0.332, 0, 0], atol=1e-9)
    assert joint(motion, "left_toe")[0, 1] < joint(motion, "left_heel")[0, 1]
    moved = joint(motion, "pelvis")[-1] - joint(motion, "pelvis")[0]
    np.testing.assert_allclose(moved, [1.0, 0.5, 0], atol=1e-9)


def test_bent_knee_moves_the_foot_back_and_nothing_above(tmp_path: Path) -> None:
    values = amass()
    values["poses"][3:, 3 * BODY.index("left_knee")] = np.pi / 2
    values["trans"][:] = 0
    motion = read_motion(save(tmp_path, **values))
    for name in ("left_knee", "right_ankle", "head"):
        np.testing.assert_allclose(joint(motion, name)[5], joint(motion, name)[0], atol=1e-9)
    shank = joint(motion, "left_ankle") - joint(motion, "left_knee")
    np.testing.assert_allclose(shank[5], [0, 1.70 * 0.246, 0], atol=1e-3)


def test_parts_of_the_pose_under_their_own_names_are_the_same(tmp_path: Path) -> None:
    values = amass(72)
    values["poses"][:, 3:] = np.random.default_rng(0).normal(scale=0.2, size=(T, 69))
    whole = read_motion(save(tmp_path, **values))
    poses = values.pop("poses")
    nested = {"person": {0: {**values, "global_orient": poses[:, :3], "body_pose": poses[:, 3:]}}}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(nested))
    np.testing.assert_allclose(read_motion(tmp_path / "a.pkl").joints_m, whole.joints_m)


def test_results_in_an_array_of_objects_are_read_without_unpickling(tmp_path: Path) -> None:
    path = tmp_path / "romp.npz"
    values = {name: np.asarray(value) for name, value in amass(72).items()}
    np.savez(path, results=np.array(values, dtype=object))
    assert len(read_motion(path).time_s) == T


def test_missing_translation_is_said(tmp_path: Path) -> None:
    values = amass()
    del values["trans"], values["mocap_framerate"]
    motion = read_motion(save(tmp_path, **values))
    assert any("no translation" in sentence for sentence in motion.assumed)
    assert any("30 frames a second" in sentence for sentence in motion.assumed)


@pytest.mark.parametrize("suffix", [".npz", ".pkl"])
@pytest.mark.parametrize(("width", "kind"), [(72, "SMPL"), (156, "SMPL-H"), (165, "SMPL-X")])
def test_bone_lengths_are_those_of_the_users_model_and_the_files_shape(
    tmp_path: Path, width: int, kind: str, suffix: str
) -> None:
    model = body_models.write_model(tmp_path / "models", kind, suffix=suffix)
    values = amass(width) | {"betas": np.array([2.0] + [0.0] * 15), "gender": "male"}
    path = save(tmp_path, **values)
    mean = read_motion(path)
    own = read_motion(path, body_models=tmp_path / "models")
    assert own.source == f"npz, {kind} parameters of AMASS set, bone lengths of {model.name}"
    legs = [
        np.linalg.norm(joint(m, "left_hip") - joint(m, "left_knee"), axis=1) for m in (mean, own)
    ]
    np.testing.assert_allclose(legs[1], 1.1 * legs[0], rtol=1e-9)
    assert np.isfinite(own.joints_m).all()


def test_heel_is_the_hindmost_vertex_that_follows_the_ankle(tmp_path: Path) -> None:
    model = load_body_model(body_models.write_model(tmp_path))
    rest = rest_skeleton(model, np.zeros(10), name="a")
    ankle = BODY.index("left_ankle")
    owner, heel = rest.points["left_heel"]
    assert owner == ankle
    np.testing.assert_allclose(heel - rest.joints_m[ankle], [0, 0, -0.02], atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"poses": np.zeros((T, 70))}, "poses of 70 numbers a frame"),
        ({"trans": np.zeros((T + 1, 3))}, rf"shape \({T + 1}, 3\), the poses have {T} frames"),
        ({"poses": np.full((T, 156), np.nan)}, "none of its 6 frames has both legs"),
        ({"mocap_framerate": 0.0}, "mocap_framerate is 0"),
    ],
)
def test_wrong_parameters_are_an_error(tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(MotionError, match=message):
        read_motion(save(tmp_path, **(amass() | change)))


def test_several_people_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "two.pkl").write_bytes(pickle.dumps({0: amass(72), 1: amass(72)}))
    with pytest.raises(MotionError, match="holds 2 people"):
        read_motion(tmp_path / "two.pkl")


def test_cut_off_archives_are_an_error(tmp_path: Path) -> None:
    path = save(tmp_path, **amass())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(MotionError, match=r"damaged or no npz file"):
        read_motion(path)
    np.save(tmp_path / "a.npy", np.zeros((5, 24, 3)))
    data = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(data[:-8])
    with pytest.raises(MotionError, match="cut off"):
        read_motion(tmp_path / "a.npy")
    (tmp_path / "a.npy").write_bytes(data[:20])
    with pytest.raises(MotionError, match="damaged or no npy file"):
        read_motion(tmp_path / "a.npy")


def test_model_that_is_absent_or_wrong_is_an_error(tmp_path: Path) -> None:
    path = save(tmp_path, **amass())
    with pytest.raises(MotionError, match=r"no SMPL-H model; looked for smplh/SMPLH_NEUTRAL\.npz"):
        read_motion(path, body_models=tmp_path)
    arrays = body_models.model_arrays("SMPL-H")
    model = tmp_path / "m.npz"
    np.savez(model, **{k: v for k, v in arrays.items() if k != "weights"})
    with pytest.raises(MotionError, match="has no weights"):
        read_motion(path, body_models=model)
    np.savez(model, **(arrays | {"v_template": arrays["v_template"][:-1]}))
    with pytest.raises(MotionError, match="is no SMPL, SMPL-H or SMPL-X model"):
        read_motion(path, body_models=model)
    np.savez(model, **(arrays | {"v_template": np.nan * arrays["v_template"]}))
    with pytest.raises(MotionError, match="NaN"):
        read_motion(path, body_models=model)
