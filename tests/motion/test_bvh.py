import itertools
from pathlib import Path

import motion_files
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.motion import read_motion, side_files
from rotoscope.pipeline.motion.bvh import read_bvh
from rotoscope.pipeline.motion.names import CONVENTIONS
from rotoscope.pipeline.tracks import BODY_JOINTS

LIMBS = ("hip", "knee", "ankle", "toe", "shoulder", "elbow", "wrist")
SIDED = [f"{side}_{joint}" for side in ("left", "right") for joint in LIMBS]


def joint(joints_m: np.ndarray, name: str) -> np.ndarray:
    return joints_m[:, BODY_JOINTS.index(name)]


@pytest.mark.parametrize("order", ["".join(o) for o in itertools.permutations("XYZ")])
def test_joints_are_where_scipy_puts_them_in_every_order_of_channels(
    tmp_path: Path, order: str
) -> None:
    rows = motion_files.moving_rows(5, np.random.default_rng(1))
    path = motion_files.write_bvh(
        tmp_path / "a.bvh", rows, channels=motion_files.default_channels(order)
    )
    found = read_bvh(path)
    expected = motion_files.expected_joints(rows, order)
    for name, known in motion_files.names_of("mixamo").items():
        at = found.points[:, found.names.index(known)]
        np.testing.assert_allclose(at, expected[name], atol=1e-5)
    assert found.rate_hz == pytest.approx(40.0)


@pytest.mark.parametrize("convention", motion_files.NAMED)
def test_names_of_every_convention_are_known(tmp_path: Path, convention: str) -> None:
    rows = motion_files.moving_rows(4, np.random.default_rng(2))
    path = motion_files.write_bvh(tmp_path / "a.bvh", rows, names=motion_files.names_of(convention))
    motion = read_motion(path)
    expected = motion_files.expected_joints(rows, "ZXY")
    assert motion.source == f"bvh, {convention} names"
    for name in SIDED:
        x, y, z = expected[name].T / 100
        np.testing.assert_allclose(
            joint(motion.joints_m, name), np.stack([x, -z, y], axis=1), atol=1e-6
        )
    hips = joint(motion.joints_m, "left_hip") + joint(motion.joints_m, "right_hip")
    np.testing.assert_allclose(joint(motion.joints_m, "pelvis"), hips / 2, atol=1e-9)


def test_every_convention_is_tried() -> None:
    assert set(motion_files.NAMED) == set(CONVENTIONS)


def test_names_with_a_character_before_them_are_known(tmp_path: Path) -> None:
    names = {ours: f"mixamorig1:{name}" for ours, name in motion_files.names_of("mixamo").items()}
    path = motion_files.write_bvh(tmp_path / "a.bvh", motion_files.standing_rows(2), names=names)
    assert read_motion(path).source == "bvh, mixamo names"


@pytest.mark.parametrize(
    ("unit", "scale"),
    [("m", 1.0), ("cm", 100.0), ("mm", 1000.0), ("inch", 1 / 0.0254), ("cmu", 0.45 / 0.0254)],
)
def test_unit_is_found_from_the_length_of_the_legs(tmp_path: Path, unit: str, scale: float) -> None:
    rows = motion_files.standing_rows(3, scale=scale)
    motion = read_motion(motion_files.write_bvh(tmp_path / "a.bvh", rows, scale=scale))
    assert motion.unit == unit
    assert any(unit in sentence for sentence in motion.assumed)
    thigh = joint(motion.joints_m, "left_hip") - joint(motion.joints_m, "left_knee")
    np.testing.assert_allclose(np.linalg.norm(thigh, axis=1), np.hypot(0.01, 0.41), atol=1e-6)


def test_legs_of_no_human_length_need_a_unit(tmp_path: Path) -> None:
    path = motion_files.write_bvh(
        tmp_path / "giant.bvh", motion_files.standing_rows(2, scale=2.6), scale=2.6
    )
    with pytest.raises(MotionError, match=r"legs are 2\.\d+ units long.*say the unit"):
        read_motion(path)
    assert read_motion(path, unit="m").unit == "m"
    with pytest.raises(MotionError, match=r"lengths in inch, as was said, the legs are 0\.0\d+ m"):
        read_motion(path, unit="inch")


@pytest.mark.parametrize(
    ("up", "from_y"),
    [
        ("x", ("z", -90)),
        ("y", ("x", 0)),
        ("z", ("x", 90)),
        ("-x", ("z", 90)),
        ("-y", ("x", 180)),
        ("-z", ("x", -90)),
    ],
)
def test_every_upward_axis_is_found_and_turned_to_z(
    tmp_path: Path, up: str, from_y: tuple[str, float]
) -> None:
    M = Rotation.from_euler(*from_y, degrees=True).as_matrix()
    rows = motion_files.standing_rows(2)
    rows[:, :3] = rows[:, :3] @ M.T
    path = motion_files.write_bvh(tmp_path / "a.bvh", rows, turn=lambda offset: M @ offset)
    motion = read_motion(path)
    assert motion.up == up
    body = joint(motion.joints_m, "neck") - joint(motion.joints_m, "pelvis")
    assert (body[:, 2] > 0.4).all()
    assert np.abs(body[:, :2]).max() < 1e-6


def test_position_channels_of_a_joint_stand_in_the_place_of_its_offset(tmp_path: Path) -> None:
    channels = motion_files.default_channels()
    channels["left_knee"] = ["Yposition", "Xposition", "Zposition", *channels["left_knee"]]
    order = motion_files.file_order()
    at = 3 + 3 * order.index("left_knee")
    rows = np.insert(motion_files.standing_rows(2), [at] * 3, [-50.0, 2.0, 1.0], axis=1)
    found = read_bvh(motion_files.write_bvh(tmp_path / "a.bvh", rows, channels=channels))
    hip, knee = (found.points[:, found.names.index(n)] for n in ("LeftUpLeg", "LeftLeg"))
    np.testing.assert_allclose(knee - hip, [[2.0, -50.0, 1.0]] * 2)


def test_frames_with_nan_are_missing_and_others_stay(tmp_path: Path) -> None:
    rows = motion_files.standing_rows(4)
    rows[2, 4] = np.nan
    motion = read_motion(motion_files.write_bvh(tmp_path / "a.bvh", rows))
    assert np.isnan(joint(motion.joints_m, "left_knee")[2]).all()
    assert np.isfinite(joint(motion.joints_m, "left_knee")[[0, 1, 3]]).all()


def test_only_nan_is_an_error(tmp_path: Path) -> None:
    rows = np.full_like(motion_files.standing_rows(2), np.nan)
    with pytest.raises(MotionError, match="none of its 2 frames has both legs"):
        read_motion(motion_files.write_bvh(tmp_path / "a.bvh", rows))


def test_exchanged_sides_are_refused(tmp_path: Path) -> None:
    names = motion_files.names_of("mixamo")
    swapped = {
        ours: name.replace("Left", "*").replace("Right", "Left").replace("*", "Right")
        for ours, name in names.items()
    }
    path = motion_files.write_bvh(
        tmp_path / "mirror.bvh", motion_files.standing_rows(2), names=swapped
    )
    with pytest.raises(MotionError, match="feet point backwards"):
        read_motion(path)


def test_unknown_skeleton_says_what_is_missing_and_takes_names_by_hand(tmp_path: Path) -> None:
    names = {ours: f"B{number}" for number, ours in enumerate(motion_files.TREE)}
    path = motion_files.write_bvh(tmp_path / "odd.bvh", motion_files.standing_rows(2), names=names)
    with pytest.raises(MotionError, match=r"'left_ankle'.*not found among 'B0'.*motion\.yaml"):
        read_motion(path)
    lines = [f"  {ours}: [{names[ours]}]" for ours in SIDED]
    notes = tmp_path / "odd.motion.yaml"
    notes.write_text("\n".join(["unit: cm", "joints:", *lines]))
    motion = read_motion(path)
    assert motion.source == "bvh, names of motion.yaml"
    assert not any("lengths" in sentence for sentence in motion.assumed)
    assert side_files(path) == (notes,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("joints: {left_knee: Nobody}", "has no 'Nobody'"),
        ("joints: {left_kneecap: Hips}", "no joint 'left_kneecap'"),
        ("joints: {left_hip: Hips}", "not named: 'left_ankle'"),
        ("unit: parsec", "unit"),
        ("speed: 3", "speed"),
        ("{", "is not valid YAML"),
        ("[" * 5000, "is not YAML that is meant to be read"),
        ("unit: !!python/name:os.system", "a tag"),
        ("5", "motion.yaml beside a.bvh cannot be read: all of it"),
    ],
)
def test_wrong_notes_are_an_error(tmp_path: Path, text: str, message: str) -> None:
    path = motion_files.write_bvh(tmp_path / "a.bvh", motion_files.standing_rows(2))
    (tmp_path / "motion.yaml").write_text(text)
    with pytest.raises(MotionError, match=message):
        read_motion(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) - 300], "cut off"),
        (lambda text: text[: text.index("MOTION")], "cut off"),
        (lambda text: text[: text.index("JOINT LeftLeg")], "no BVH file or was cut off"),
        (lambda text: text.replace("Frame Time: 0.025", "Frame Time: 0"), "between frames is 0 s"),
        (lambda text: text.replace("Frames: 3", "Frames: 0"), "announces 0 frames"),
        (lambda text: text.replace("Frames: 3", "Frames: 2"), "announces 2 frames"),
        (lambda text: text.replace("Frames: 3", "Frames: many"), "'many'.*no number"),
        (lambda text: text.replace("Zrotation", "Wrotation"), "'wrotation' is not known"),
        (lambda text: text.replace("CHANNELS 3", "CHANNELS 2"), "damaged"),
        (lambda text: text.replace("CHANNELS 6", "CHANNELS 60"), "60 channels"),
        (lambda text: text.replace("}", "", 1), "cut off, 1 braces"),
        (lambda text: text[:-10] + "spam eggs\n", "no number"),
        (lambda text: "RIFF" + text, "begins with 'RIFF"),
        (lambda text: "", "holds 0 bytes"),
    ],
)
def test_damaged_file_is_an_error_that_says_why(tmp_path: Path, change, message: str) -> None:
    path = motion_files.write_bvh(tmp_path / "a.bvh", motion_files.standing_rows(3))
    path.write_text(change(path.read_text()))
    with pytest.raises(MotionError, match=message):
        read_motion(path)


def test_missing_and_foreign_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match="is not there"):
        read_motion(tmp_path / "none.bvh")
    with pytest.raises(MotionError, match=r"no motion file.*'\.bvh'"):
        read_motion(tmp_path / "film.mp4")
    (tmp_path / "binary.bvh").write_bytes(b"\0\1\2")
    with pytest.raises(MotionError, match="not text"):
        read_motion(tmp_path / "binary.bvh")
