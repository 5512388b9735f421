import contextlib
from pathlib import Path

import numpy as np
import pytest
from motion_files import TREE, names_of

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.motion import read_motion, side_files
from rotoscope.pipeline.motion.rest_skeleton import forward, mean_person
from rotoscope.pipeline.motion.smpl_joints import BODY, LAYOUTS
from rotoscope.pipeline.tracks import BODY_JOINTS

T = 12


def positions(kind: str) -> np.ndarray:
    """Joints of a moving person with y up, shape (time, joint, 3), in the order of a layout."""
    rng = np.random.default_rng(4)
    vectors = np.cumsum(rng.normal(scale=0.05, size=(T, len(BODY), 3)), axis=0)
    names, points = forward(mean_person(), se3.exp_so3(vectors), np.zeros((T, 3)))
    at = dict(zip(names, np.moveaxis(points, 1, 0), strict=True))
    out = []
    for name in LAYOUTS[kind]:
        side = name.partition("_")[0]
        near = at.get(f"{side}_hand", at["head_middle"])
        if "toe" in name:
            near = at[f"{side}_foot"]
        out.append(at.get(name, near))
    return np.stack(out, axis=1)


@pytest.mark.parametrize("kind", sorted(LAYOUTS))
def test_order_is_told_by_the_number_of_joints_and_by_rigid_bones(
    tmp_path: Path, kind: str
) -> None:
    np.save(tmp_path / "a.npy", positions(kind))
    motion = read_motion(tmp_path / "a.npy")
    assert motion.source == f"npy, {kind} joints"
    assert motion.up == "y"
    expected = positions(kind)[:, LAYOUTS[kind].index("right_knee")]
    x, y, z = expected.T
    np.testing.assert_allclose(
        motion.joints_m[:, BODY_JOINTS.index("right_knee")], np.stack([x, -z, y], axis=1)
    )
    has_heel = "left_heel" in LAYOUTS[kind]
    assert np.isfinite(motion.joints_m[:, BODY_JOINTS.index("left_heel")]).all() == has_heel


def test_named_array_and_rate_of_an_archive_are_found(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", joints=positions("SMPL"), fps=50, mask=np.ones(T, dtype=bool))
    motion = read_motion(tmp_path / "a.npz")
    assert motion.rate_hz == 50.0
    assert motion.time_s[1] == pytest.approx(0.02)


def test_contact_flags_beside_the_file_come_with_it(tmp_path: Path) -> None:
    np.save(tmp_path / "walk.npy", positions("SMPL"))
    flags = np.random.default_rng(0).random((2, T)) > 0.5
    files = [tmp_path / f"{side}_foot_contact.npy" for side in ("left", "right")]
    for file, flag in zip(files, flags, strict=True):
        np.save(file, flag)
    motion = read_motion(tmp_path / "walk.npy")
    assert motion.contact is not None
    np.testing.assert_array_equal(motion.contact, flags.T)
    assert side_files(tmp_path / "walk.npy") == tuple(files)
    assert side_files(files[0]) == ()
    np.save(files[1], flags[1, :-1])
    with pytest.raises(MotionError, match=r"right_foot_contact\.npy has shape \(11,\)"):
        read_motion(tmp_path / "walk.npy")


def test_clips_of_591_numbers_a_frame_are_omomo(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    rows = torch.zeros(T, 591)
    joints = positions("SMPL-H by limbs")
    rows[:, 162 : 162 + 156] = torch.from_numpy(joints.reshape(T, -1))
    torch.save(rows, tmp_path / "a.pt")
    assert read_motion(tmp_path / "a.pt").source == "pt, SMPL-H by limbs joints"


def test_tensor_file_with_anything_else_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"f": Path("/")}, tmp_path / "a.pt")
    with pytest.raises(MotionError, match="more than tensors, which is refused"):
        read_motion(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (positions("SMPL")[:, :23], r"holds array \(12, 23, 3\).*22, 24, 45, 52, 55 joints"),
        (np.zeros((0, 24, 3)), "in another order"),
        (positions("SMPL")[:, ::-1], "no human's length"),
        (np.random.default_rng(0).normal(size=(T, 24, 3)), "in another order"),
        (positions("SMPL")[:, 0], "neither SMPL parameters"),
        (np.array(["a"]), "neither SMPL parameters"),
    ],
)
def test_wrong_arrays_are_an_error(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(MotionError, match=message):
        read_motion(tmp_path / "a.npy")


def test_numbers_that_are_no_positions_are_missing(tmp_path: Path) -> None:
    points = positions("SMPL")
    points[3, 4] = 1e200
    points[5, 4] = np.inf
    np.save(tmp_path / "a.npy", points)
    knee = read_motion(tmp_path / "a.npy").joints_m[:, BODY_JOINTS.index("left_knee")]
    assert np.flatnonzero(np.isnan(knee).any(axis=1)).tolist() == [3, 5]


@pytest.mark.parametrize("seed", range(20))
def test_a_file_with_wrong_bytes_gives_a_motion_or_our_error(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    np.save(tmp_path / "a.npy", positions("SMPL"))
    data = bytearray((tmp_path / "a.npy").read_bytes())
    for at in rng.integers(0, 200, size=3):
        data[at] = rng.integers(256)
    (tmp_path / "a.npy").write_bytes(data)
    with contextlib.suppress(MotionError):
        assert len(read_motion(tmp_path / "a.npy").time_s) == T


def test_points_of_another_order_are_named_beside_the_file(tmp_path: Path) -> None:
    names = names_of("unreal")
    order = list(TREE)
    at = {"root": np.array(TREE["root"][1])}
    for joint in order[1:]:
        parent, offset = TREE[joint]
        at[joint] = at[parent] + offset
    still = np.repeat(np.stack([at[joint] for joint in order])[None], 4, axis=0)
    np.savez(tmp_path / "a.npz", keypoints=still, fps=25.0)
    with pytest.raises(MotionError, match=r"`points: \[\.\.\.\]` in motion\.yaml beside the file"):
        read_motion(tmp_path / "a.npz")
    listed = ", ".join(names[joint] for joint in order)
    (tmp_path / "motion.yaml").write_text(f"points: [{listed}]\nup: y\n")
    motion = read_motion(tmp_path / "a.npz")
    knee = motion.joints_m[0, BODY_JOINTS.index("left_knee")]
    np.testing.assert_allclose(knee, [0.1, 0, 0.49], atol=1e-9)
    (tmp_path / "motion.yaml").write_text(f"points: [{listed}, one_more]\n")
    with pytest.raises(MotionError, match=rf"with {len(order) + 1} joints"):
        read_motion(tmp_path / "a.npz")
