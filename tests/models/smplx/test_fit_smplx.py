import io
import json
import os
import pickle
from pathlib import Path

import body_models
import numpy as np
import pytest

from rotoscope.models.smplx.fit import fit_smplx, solve_chain
from rotoscope.models.smplx.initial_guess import first_guess
from rotoscope.models.smplx.model import (
    SmplxModel,
    load_smplx,
    pose_body,
    pose_derivative,
    shape_derivative,
)
from rotoscope.models.smplx.stage import FitSmplx, FitSmplxConfig, continuous
from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.motion.smpl_joints import BODY
from rotoscope.pipeline.store.serialize import dump, load
from rotoscope.pipeline.testing import a_clip, a_motion_file
from rotoscope.pipeline.tracks import BODY_JOINTS, BodyTrack, SmplxTrack
from rotoscope.pipeline.types import Clip

RATE_HZ = 30.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("models")
    body_models.write_model(where)
    return where


@pytest.fixture(scope="module")
def model(folder: Path) -> SmplxModel:
    return load_smplx(folder, gender="neutral", num_betas=10)


class Motion:
    """A person of a random shape who moves all joints, knees and elbows as they can."""

    def __init__(self, model: SmplxModel, num_frames: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.time_s = np.arange(num_frames) / RATE_HZ
        waves = np.sin(
            2 * np.pi * rng.uniform(0.3, 1, (len(BODY), 3)) * self.time_s[:, None, None]
            + rng.uniform(0, 6, (len(BODY), 3))
        )
        self.pose = 0.2 * waves
        for side, sign in (("left", -1), ("right", 1)):
            for name, axis, direction in (("knee", 0, 1), ("elbow", 1, sign)):
                joint = BODY.index(f"{side}_{name}")
                self.pose[:, joint] = 0
                self.pose[:, joint, axis] = direction * (0.8 + 0.6 * waves[:, joint, axis])
            self.pose[:, BODY.index(f"{side}_shoulder"), 2] += 1.1 * sign
        self.pose[:, 0] += [0.3, 2.0, 0.2]
        self.betas = rng.normal(size=10)
        self.transl_m = 0.5 * waves[:, 0] + [1, 2, 3]
        self.joints_m = pose_body(model, self.betas, self.pose, self.transl_m).joints_m


def distances_m(model: SmplxModel, fit, joints_m: np.ndarray) -> np.ndarray:
    found = pose_body(model, fit.betas, fit.pose, fit.transl_m).joints_m
    return np.linalg.norm(found - joints_m, axis=2)


def test_kinematics_are_those_of_the_package_smplx(folder: Path, model: SmplxModel) -> None:
    torch = pytest.importorskip("torch")
    from smplx.lbs import lbs

    arrays = body_models.model_arrays()
    motion = Motion(model, 3)
    pose = np.zeros((3, 55, 3))
    pose[:, :22] = motion.pose
    t = {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items() if name != "f"}
    parents = t["kintree_table"][0].clone().long()
    parents[0] = -1
    posedirs = t["posedirs"].reshape(-1, t["posedirs"].shape[2]).T
    vertices, joints = lbs(
        torch.from_numpy(np.tile(motion.betas, (3, 1))),
        torch.from_numpy(pose.reshape(3, -1)),
        *(t["v_template"], t["shapedirs"], posedirs, t["J_regressor"], parents, t["weights"]),
    )
    posed = pose_body(model, motion.betas, motion.pose, np.zeros((3, 3)))
    np.testing.assert_allclose(posed.points_m[:, :22], joints[:, :22].numpy(), atol=1e-7)
    heel = posed.joints_m[:, BODY_JOINTS.index("left_heel")]
    away = np.linalg.norm(vertices.numpy() - heel[:, None], axis=2)
    assert (away.min(axis=1) < 1e-7).all()


def test_derivatives_are_those_of_finite_differences(model: SmplxModel) -> None:
    motion = Motion(model, 1)
    start = np.concatenate([motion.pose.ravel(), motion.transl_m.ravel(), motion.betas])

    def joints(x: np.ndarray) -> np.ndarray:
        pose, transl = x[:66].reshape(1, 22, 3), x[66:69].reshape(1, 3)
        return pose_body(model, x[69:], pose, transl).joints_m[0]

    steps = 1e-6 * np.eye(len(start))
    numeric = np.stack([(joints(start + h) - joints(start - h)) / 2e-6 for h in steps], axis=-1)
    posed = pose_body(model, motion.betas, motion.pose, motion.transl_m)
    by_pose = pose_derivative(model, posed, motion.pose)[0]
    np.testing.assert_allclose(by_pose, numeric[..., :69], atol=1e-8)
    np.testing.assert_allclose(shape_derivative(model, posed)[0], numeric[..., 69:], atol=1e-8)


def test_right_jacobian_adds_a_small_turn_behind() -> None:
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(size=(20, 3)), 1e-6 * rng.normal(size=(5, 3))])
    small = 1e-6 * rng.normal(size=vectors.shape)
    turned = se3.exp_so3(vectors) @ se3.exp_so3(
        (se3.left_jacobian(-vectors) @ small[..., None])[..., 0]
    )
    np.testing.assert_allclose(se3.exp_so3(vectors + small), turned, atol=1e-11)


def test_chain_is_solved_as_the_full_matrix_is() -> None:
    rng = np.random.default_rng(0)
    num_frames, num = 4, 12
    A = rng.normal(size=(num_frames, num, num))
    H = A @ np.swapaxes(A, 1, 2) + 10 * np.eye(num)
    link = np.array([0.0, 0.5, 1.0, 2.0])
    full = np.zeros((num_frames * num, num_frames * num))
    for t in range(num_frames):
        full[t * num : (t + 1) * num, t * num : (t + 1) * num] = H[t]
        for i in range(3, num - 3):
            if t:
                full[t * num + i, (t - 1) * num + i] = full[(t - 1) * num + i, t * num + i] = -link[
                    t
                ]
    right = rng.normal(size=(num_frames, num, 2))
    expected = np.linalg.solve(full, right.reshape(-1, 2)).reshape(right.shape)
    np.testing.assert_allclose(solve_chain(H, link, right), expected, atol=1e-10)


def test_first_guess_points_the_limbs_where_they_were_seen(model: SmplxModel) -> None:
    motion = Motion(model, 10)
    joints_m = pose_body(model, np.zeros(10), motion.pose, motion.transl_m).joints_m
    pose, transl_m = first_guess(model.rest, joints_m)
    found = pose_body(model, np.zeros(10), pose, transl_m).joints_m
    for side in ("left", "right"):
        for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")):
            i, j = BODY_JOINTS.index(f"{side}_{a}"), BODY_JOINTS.index(f"{side}_{b}")
            bones = [x[:, j] - x[:, i] for x in (found, joints_m)]
            np.testing.assert_allclose(bones[0], bones[1], atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_parameters_of_a_motion_are_recovered_to_millimeters(model: SmplxModel, seed: int) -> None:
    motion = Motion(model, 45, seed)
    fit = fit_smplx(model, motion.joints_m, motion.time_s)
    away = distances_m(model, fit, motion.joints_m)
    assert away.mean() < 0.002
    assert away.max() < 0.008
    np.testing.assert_allclose(
        fit.joint_error_m, np.sqrt((away**2).mean(axis=1)), rtol=1e-9, atol=1e-12
    )
    # Larger body, longer legs, longer arms: the parameters that joints show clearly.
    assert np.abs(fit.betas - motion.betas)[:3].max() < 0.2
    knees = [BODY.index(f"{side}_knee") for side in ("left", "right")]
    bent = fit.pose[:, knees, 0] - motion.pose[:, knees, 0]
    assert np.degrees(np.abs(bent)).max() < 4
    # How far the pelvis tilts about the line of the hips, only the prior of the spine says.
    turned = se3.angle_between(se3.exp_so3(fit.pose[:, 0]), se3.exp_so3(motion.pose[:, 0]))
    assert np.degrees(turned).max() < 12


def test_noise_is_taken_away_and_not_followed(model: SmplxModel) -> None:
    motion = Motion(model, 45)
    noise = np.random.default_rng(5).normal(scale=0.01, size=motion.joints_m.shape)
    fit = fit_smplx(model, motion.joints_m + noise, motion.time_s)
    away = distances_m(model, fit, motion.joints_m)
    assert away.mean() < 0.75 * np.linalg.norm(noise, axis=2).mean()


def test_an_outlier_of_half_a_meter_hardly_moves_the_rest(model: SmplxModel) -> None:
    motion = Motion(model, 12)
    wrong = motion.joints_m.copy()
    wrong[6, BODY_JOINTS.index("left_wrist")] += [0.5, 0, 0]
    fit = fit_smplx(model, wrong, motion.time_s)
    away = np.delete(distances_m(model, fit, motion.joints_m), [11, 12, 13], axis=1)
    assert away.max() < 0.05
    arm = [BODY_JOINTS.index(f"left_{j}") for j in ("elbow", "wrist", "hand")]
    others = np.delete(np.delete(distances_m(model, fit, motion.joints_m), arm, axis=1), 6, axis=0)
    assert others.max() < 0.01


def test_missing_joints_are_left_to_the_prior_and_to_neighboring_frames(model: SmplxModel) -> None:
    motion = Motion(model, 30)
    partly = motion.joints_m.copy()
    gone = [BODY_JOINTS.index(n) for n in ("left_wrist", "left_hand", "head", "right_toe")]
    partly[10:13, gone] = np.nan
    partly[:, BODY_JOINTS.index("right_heel")] = np.nan
    fit = fit_smplx(model, partly, motion.time_s)
    away = distances_m(model, fit, motion.joints_m)
    assert np.isfinite(fit.pose).all()
    assert away[10:13][:, gone].max() < 0.06
    assert away[:8].max() < 0.02


def test_windows_join_without_a_jump(model: SmplxModel, monkeypatch: pytest.MonkeyPatch) -> None:
    motion = Motion(model, 40)
    whole = fit_smplx(model, motion.joints_m, motion.time_s)
    monkeypatch.setattr("rotoscope.models.smplx.fit._WINDOW_FRAMES", 15)
    parts = fit_smplx(model, motion.joints_m, motion.time_s)
    np.testing.assert_array_equal(parts.betas, whole.betas)
    moved = distances_m(
        model, parts, pose_body(model, whole.betas, whole.pose, whole.transl_m).joints_m
    )
    assert moved.max() < 0.004


def clip_of(time_s: np.ndarray) -> Clip:
    return a_clip(time_s, video=a_motion_file(len(time_s), rate_hz=RATE_HZ))


def run_stage(folder: Path, body: BodyTrack, time_s: np.ndarray, **config) -> SmplxTrack:
    stage = FitSmplx(FitSmplxConfig(model_path=folder, **config))
    stage.setup()
    out = stage.run(clip_of(time_s), {"body.person0": body})
    track = out["smplx.person0"]
    assert isinstance(track, SmplxTrack)
    pose, transl = (out[f"features.smplx.{name}.person0"] for name in ("pose", "transl"))
    np.testing.assert_array_equal(pose.values[:, 3:], track.body_pose)
    np.testing.assert_array_equal(transl.values, track.transl_m)
    json.dumps(out["quality.smplx.person0"].facts, allow_nan=False)
    return track


def test_stage_gives_one_row_a_frame_and_leaves_unknown_frames_missing(
    folder: Path, model: SmplxModel
) -> None:
    motion = Motion(model, 20)
    valid = np.ones(20, dtype=bool)
    valid[5:8] = False
    joints_m = motion.joints_m.copy()
    joints_m[5:8] = np.nan
    joints_m[12, BODY_JOINTS.index("left_hip")] = np.nan
    body = BodyTrack("person0", valid.astype(float), valid, joints_m=joints_m)
    track = run_stage(folder, body, motion.time_s)
    missing = [5, 6, 7, 12]
    known = np.setdiff1d(np.arange(20), missing)
    assert np.isnan(track.body_pose[missing]).all()
    assert not track.valid[missing].any()
    assert track.valid[known].all()
    assert np.nanmax(track.joint_error_m) < 0.005
    assert (track.subject, track.model) == ("person0", "SMPLX_NEUTRAL.npz")
    file = io.BytesIO()
    dump([{"smplx.person0": track}], file)
    (units,) = load(file.getvalue())
    np.testing.assert_array_equal(units["smplx.person0"].body_pose, track.body_pose)


def test_frame_whose_joints_no_body_can_have_is_not_valid(folder: Path, model: SmplxModel) -> None:
    motion = Motion(model, 12)
    joints_m = motion.joints_m.copy()
    joints_m[6, BODY_JOINTS.index("right_wrist")] += 0.6
    body = BodyTrack("person0", np.ones(12), np.ones(12, dtype=bool), joints_m=joints_m)
    track = run_stage(folder, body, motion.time_s)
    assert not track.valid[6]
    assert np.delete(track.valid, 6).all()


def test_landmarks_alone_are_fitted_too(folder: Path, model: SmplxModel) -> None:
    from rotoscope.models.bodies.joints import JOINT_WEIGHTS

    motion = Motion(model, 12)
    landmarks_m = np.linalg.pinv(JOINT_WEIGHTS) @ motion.joints_m
    body = BodyTrack("person0", np.ones(12), np.ones(12, dtype=bool), landmarks_m=landmarks_m)
    assert run_stage(folder, body, motion.time_s).joint_error_m.max() < 0.005


def test_body_without_a_known_frame_has_no_parameters(folder: Path) -> None:
    nothing = np.full((4, len(BODY_JOINTS), 3), np.nan)
    body = BodyTrack("person0", np.zeros(4), np.zeros(4, dtype=bool), joints_m=nothing)
    track = run_stage(folder, body, np.arange(4) / RATE_HZ)
    assert np.isnan(track.global_orient).all()
    assert not track.valid.any()


def test_model_that_is_absent_unsafe_cut_off_or_of_another_family_is_refused(
    tmp_path: Path,
) -> None:
    with pytest.raises(MotionError, match=r"is not there; register at smpl-x\.is\.tue\.mpg\.de"):
        load_smplx(tmp_path / "nowhere", gender="neutral", num_betas=10)

    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    unsafe = tmp_path / "SMPLX_NEUTRAL.pkl"
    unsafe.write_bytes(pickle.dumps(body_models.model_arrays() | {"v_template": Evil()}))
    with pytest.raises(MotionError, match="refused because it may run code"):
        load_smplx(unsafe, gender="neutral", num_betas=10)
    inside = tmp_path / "inside.npz"
    np.savez(inside, **(body_models.model_arrays() | {"weights": np.array(Evil(), dtype=object)}))
    with pytest.raises(MotionError, match="refused because it may run code"):
        load_smplx(inside, gender="neutral", num_betas=10)
    assert not (tmp_path / "ran").exists()
    whole = body_models.write_model(tmp_path / "good")
    cut = tmp_path / "cut.npz"
    cut.write_bytes(whole.read_bytes()[:5000])
    with pytest.raises(MotionError, match="damaged or no npz file"):
        load_smplx(cut, gender="neutral", num_betas=10)
    other = body_models.write_model(tmp_path, "SMPL")
    with pytest.raises(MotionError, match="is a SMPL model with 10 shape parameters"):
        load_smplx(other, gender="neutral", num_betas=10)
    with pytest.raises(MotionError, match="at least 20 is needed"):
        load_smplx(whole, gender="neutral", num_betas=20)


def test_turning_round_twice_gives_no_jump() -> None:
    angles = np.linspace(-7, 7, 200)
    tilted = np.array([0.1, 0.2, 0.97]) / np.linalg.norm([0.1, 0.2, 0.97])
    R = se3.exp_so3(angles[:, None] * tilted)
    vectors = continuous(se3.log_so3(R))
    assert np.linalg.norm(np.diff(vectors, axis=0), axis=1).max() < 0.08
    np.testing.assert_allclose(se3.exp_so3(vectors), R, atol=1e-9)


def token(where: Path) -> str:
    return FitSmplx(FitSmplxConfig(model_path=where)).cache_token()


def test_content_of_the_model_decides_the_cache_not_its_place(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body_models.write_model(tmp_path / "copy")
    monkeypatch.chdir(tmp_path)
    assert token(folder) == token(tmp_path / "copy") == token(Path("copy"))
    file = tmp_path / "copy" / "smplx" / "SMPLX_NEUTRAL.npz"
    before = file.stat()
    changed = body_models.model_arrays()
    changed["v_template"][0, 0] += 1e-3
    np.savez(file, **changed)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert token(folder) != token(tmp_path / "copy")
    other = body_models.write_model(tmp_path / "other", suffix=".pkl")
    assert token(other) not in (token(folder), token(tmp_path / "copy"))
