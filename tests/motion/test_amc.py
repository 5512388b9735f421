from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.motion import read_motion, side_files
from rotoscope.pipeline.motion.amc import read_amc
from rotoscope.pipeline.tracks import BODY_JOINTS

AXIS = (10.0, -25.0, 40.0)

BONES = {
    "hipjoint": ("root", (0.6, -0.7, 0.3), 2.0, ""),
    "femur": ("hipjoint", (0.1, -0.99, 0.0), 7.3, "rx ry rz"),
    "tibia": ("femur", (0.1, -0.99, 0.0), 7.6, "rx"),
    "foot": ("tibia", (0.0, -0.3, 0.95), 2.0, "rx rz"),
    "toes": ("foot", (0.0, 0.0, 1.0), 1.0, "rx"),
    "clavicle": ("thorax", (0.9, 0.4, 0.0), 3.0, "ry rz"),
    "humerus": ("clavicle", (1.0, 0.0, 0.0), 5.0, "rx ry rz"),
    "radius": ("humerus", (1.0, 0.0, 0.0), 3.5, "rx"),
    "wrist": ("radius", (1.0, 0.0, 0.0), 1.5, "ry"),
}
"""Parent, direction, length and angles of the bones of the left side."""


def skeleton_text(*, length: str = "0.45", angle: str = "deg") -> str:
    """An ASF file; every bone's axes are turned by `AXIS`, those of the right side mirrored."""
    axis = np.array(AXIS) if angle == "deg" else np.radians(AXIS)
    lines = [":version 1.10", ":units", " mass 1.0", f" length {length}", f" angle {angle}"]
    lines += [":root", " order TX TY TZ RX RY RZ", " axis XYZ", " position 0 0 0"]
    lines += [" orientation 0 0 0", ":bonedata"]
    hierarchy = ["root thorax lhipjoint rhipjoint", "thorax lclavicle rclavicle"]
    blocks = [("thorax", (0, 1, 0), 7.0, "rx ry rz")]
    for name, (parent, direction, size, dof) in BONES.items():
        for side, sign in (("l", 1), ("r", -1)):
            x, y, z = direction
            blocks.append((side + name, (sign * x, y, z), size, dof))
            if parent not in ("root", "thorax"):
                hierarchy.append(f"{side}{parent} {side}{name}")
    for number, (name, direction, size, dof) in enumerate(blocks):
        unit = np.array(direction) / np.linalg.norm(direction)
        lines += [" begin", f"  id {number}", f"  name {name}", f"  length {size}"]
        lines += [f"  direction {' '.join(map(str, unit))}"]
        lines += [f"  axis {' '.join(map(str, axis))} XYZ", *([f"  dof {dof}"] if dof else [])]
        lines += [" end"]
    return "\n".join([*lines, ":hierarchy", " begin", *hierarchy, " end", ""])


def motion_text(num_frames: int, angles: dict[str, list[float]] | None = None) -> str:
    """An AMC file; what is not given is zero."""
    lines = ["#! made for a test", ":FULLY-SPECIFIED", ":DEGREES"]
    for frame in range(num_frames):
        lines += [str(frame + 1), "root 1 16 2 0 0 0"]
        for name, dof in [("thorax", "rx ry rz")] + [
            (side + name, bone[3]) for name, bone in BONES.items() for side in "lr" if bone[3]
        ]:
            values = (angles or {}).get(name, [0.0] * len(dof.split()))
            lines.append(f"{name} {' '.join(map(str, values))}")
    return "\n".join(lines) + "\n"


def write(folder: Path, amc: str, *, asf: str | None = None, name: str = "7_02.amc") -> Path:
    (folder / "7.asf").write_text(asf or skeleton_text())
    (folder / name).write_text(amc)
    return folder / name


def test_bone_turns_about_its_own_axes_the_first_angle_first(tmp_path: Path) -> None:
    turned = [30.0, -20.0, 50.0]
    found = read_amc(write(tmp_path, motion_text(2, {"lfemur": turned})))
    C = Rotation.from_euler("xyz", AXIS, degrees=True)
    L = C * Rotation.from_euler("xyz", turned, degrees=True) * C.inv()
    unit = np.array([0.1, -0.99, 0.0]) / np.linalg.norm([0.1, -0.99, 0.0])
    hip, knee = (found.points[:, found.names.index(n)] for n in ("lfemur", "ltibia"))
    np.testing.assert_allclose(knee - hip, [L.apply(7.3 * unit)] * 2, atol=1e-9)
    hip_offset = 2.0 * np.array([0.6, -0.7, 0.3]) / np.linalg.norm([0.6, -0.7, 0.3])
    np.testing.assert_allclose(hip, [np.array([1, 16, 2]) + hip_offset] * 2, atol=1e-9)


def test_angles_in_radians_give_the_same(tmp_path: Path) -> None:
    degrees = read_amc(write(tmp_path, motion_text(1, {"ltibia": [40.0]})))
    text = motion_text(1, {"ltibia": [np.radians(40.0)]}).replace(":DEGREES", ":RADIANS")
    radians = read_amc(write(tmp_path, text, asf=skeleton_text(angle="rad")))
    np.testing.assert_allclose(degrees.points, radians.points, atol=1e-9)


def test_person_of_the_cmu_library_has_meters_and_says_what_was_assumed(tmp_path: Path) -> None:
    path = write(tmp_path, motion_text(3))
    motion = read_motion(path)
    assert (motion.unit, motion.up, motion.rate_hz) == ("cmu", "y", 120.0)
    assert any("120 frames a second" in sentence for sentence in motion.assumed)
    hip, knee = (BODY_JOINTS.index(f"left_{j}") for j in ("hip", "knee"))
    thigh = np.linalg.norm(motion.joints_m[:, hip] - motion.joints_m[:, knee], axis=1)
    np.testing.assert_allclose(thigh, 7.3 * 0.0254 / 0.45, atol=1e-9)
    assert side_files(path) == (tmp_path / "7.asf",)


def test_rate_can_be_said_beside_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, motion_text(3))
    (tmp_path / "motion.yaml").write_text("rate_hz: 60")
    motion = read_motion(path)
    np.testing.assert_allclose(motion.time_s, [0, 1 / 60, 2 / 60])
    assert side_files(path) == (tmp_path / "motion.yaml", tmp_path / "7.asf")


def test_skeleton_of_the_same_name_comes_before_that_of_the_subject(tmp_path: Path) -> None:
    path = write(tmp_path, motion_text(1))
    (tmp_path / "7_02.asf").write_text(skeleton_text(length="1.0"))
    assert side_files(path) == (tmp_path / "7_02.asf",)
    assert read_amc(path).unit == "auto"


def test_motion_without_a_skeleton_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "7_02.amc"
    path.write_text(motion_text(1))
    with pytest.raises(MotionError, match=r"neither 7_02\.asf nor 7\.asf"):
        read_motion(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[:-40], "frame 2.*missing|does not fit"),
        (lambda t: t.replace("ltibia 0.0", "ltibia 0.0 1.0", 1), "frame 1: 'ltibia.*1 numbers"),
        (lambda t: t.replace("ltibia", "tail"), "0 numbers for a bone 'tail'"),
        (lambda t: t.replace("ltibia 0.0", "ltibia a", 1), "'a', which is no number"),
        (lambda t: t[: t.index("root")], "frame 1: bones are missing"),
        (lambda t: ":FULLY-SPECIFIED\n", "holds no frames"),
    ],
)
def test_damaged_motion_is_an_error_that_names_the_frame(tmp_path, change, message) -> None:
    path = write(tmp_path, change(motion_text(2)))
    with pytest.raises(MotionError, match=message):
        read_motion(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[: t.index(":hierarchy")], "'hierarchy' are not there"),
        (lambda t: t[: t.rindex("rradius")], "does not end with 'end'"),
        (lambda t: t.replace("lfemur ltibia", "lfemur tail"), "hangs bone 'tail' on 'lfemur'"),
        (lambda t: t.replace("length 7.3", "long 7.3", 1), "'lfemur' has no 'length'"),
        (lambda t: t.replace("dof rx ry rz", "dof rx ry rq"), "channels 'rq'"),
        (lambda t: t.replace("XYZ", "XYY"), "order 'xyy'"),
    ],
)
def test_damaged_skeleton_is_an_error_that_says_why(tmp_path, change, message) -> None:
    path = write(tmp_path, motion_text(1), asf=change(skeleton_text()))
    with pytest.raises(MotionError, match=message):
        read_motion(path)
