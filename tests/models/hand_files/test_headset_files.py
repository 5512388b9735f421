"""Hands of headsets and glasses: ARKit's JSON, EgoDex's HDF5, Aria's table."""

import json

import numpy as np
import pytest
from human_hands import hand_joints, seen

from rotoscope.models.hand_files.arkit import joint_names
from rotoscope.models.hand_files.read import files_beside, read_hands
from rotoscope.models.hand_files.stage import HandsFile, HandsFileConfig
from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.testing import a_clip
from rotoscope.pipeline.tracks import SIDES, Camera

FRAMES = 6
K = np.array([[600.0, 0, 320], [0, 600.0, 240], [0, 0, 1]])
CAMERA = Camera(K, 640, 480, "assumed", 0.15)
FLIP = np.diag([1.0, -1.0, -1.0, 1.0])


def truth(side):
    """Hands in the frame of the camera, x right, y down, z forward [m]."""
    return seen(hand_joints(np.linspace(0.3, 0.9, FRAMES)), side).joints_m


def camera_path():
    R = se3.exp_so3(np.linspace(0, 0.4, FRAMES)[:, None] * [0.2, 1.0, 0.1])
    return se3.make(R, np.linspace(0, 0.3, FRAMES)[:, None] * [1.0, 0.1, 0.0] + [0, 1.5, 0])


def run(folder):
    clip = a_clip(FRAMES, path=folder / "video.mp4")
    return HandsFile(HandsFileConfig()).run(clip, {"camera": CAMERA})


def check(out, missing=(), cm_atol=1e-6):
    for side in SIDES:
        track = out[f"hands.{side}"]
        here = np.array([(side, k) not in missing for k in range(FRAMES)])
        np.testing.assert_array_equal(track.valid, here)
        # The root of the thumb is not in every file.
        wanted = np.delete(truth(side)[here], 1, axis=1)
        found = np.delete(track.joints_m[here], 1, axis=1)
        np.testing.assert_allclose(found, wanted, atol=cm_atol)


def recording(axes=FLIP):
    """A recording whose camera's axes are ARKit's: x right, y up, z backward."""
    T, frames = camera_path(), []
    for k in range(FRAMES):
        frame = {"camera": (T[k] @ axes).tolist()}
        for side in SIDES:
            joints = se3.apply(T[k], truth(side)[k])
            frame[side] = {n: p.tolist() for n, p in zip(joint_names(), joints, strict=True)}
        frames.append(frame)
    camera = {"intrinsic": (K * [[2], [2], [1]]).tolist(), "width": 1280, "height": 960}
    return {"camera": camera, "frames": frames}


def write_json(folder, found):
    (folder / "video.hands.json").write_text(json.dumps(found))


@pytest.mark.parametrize("axes", [FLIP, np.eye(4)])
def test_recording_of_arkit_is_read_with_either_axes_of_the_camera(tmp_path, axes):
    write_json(tmp_path, recording(axes))
    out = run(tmp_path)
    check(out)
    np.testing.assert_allclose(out["camera"].K, K)
    assert out["camera_motion"].kind == "moving"
    T = camera_path()
    np.testing.assert_allclose(
        out["camera_motion"].T_reference_camera, se3.inverse(T[:1]) @ T, atol=1e-9
    )
    assert bool(out["quality.hands_file.left"].facts["hands_assumed"]) == (axes is FLIP)


def test_poses_of_joints_are_taken_for_their_places_and_hands_may_lack(tmp_path):
    found = recording()
    for joint, place in found["frames"][2]["left"].items():
        pose = np.eye(4)
        pose[:3, 3] = place
        found["frames"][2]["left"][joint] = pose.tolist()
    found["frames"][4]["right"] = None
    del found["frames"][0]["left"]
    write_json(tmp_path, found)
    check(run(tmp_path), missing=[("right", 4), ("left", 0)])


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: f.pop("frames"), "needs 'frames', a list of mappings"),
        (lambda f: f["frames"][1].pop("camera"), "camera of frame 1 must be"),
        (lambda f: f["frames"][1]["left"].pop("thumbTip"), "left hand of frame 1 lacks thumbTip"),
        (lambda f: f["frames"][1]["left"].update(wrist=[1, 2]), "frame 1: wrist must be finite"),
        (lambda f: f["camera"].pop("width"), "camera needs intrinsic, width and height"),
        (lambda f: f["frames"].pop(), "has 5 camera poses for 6 frames"),
    ],
)
def test_recordings_that_lack_something_are_refused(tmp_path, break_it, message):
    found = recording()
    break_it(found)
    write_json(tmp_path, found)
    with pytest.raises(MotionError, match=message):
        run(tmp_path)


def test_file_of_egodex_is_read_as_it_lies_beside_its_video(tmp_path):
    h5py = pytest.importorskip("h5py")
    T = camera_path()
    with h5py.File(tmp_path / "video.hdf5", "w") as file:
        file["camera/intrinsic"] = K * [[3], [2.25], [1]]
        file["transforms/camera"] = T
        for side in SIDES:
            joints = se3.apply(T, truth(side))
            for k, name in enumerate(joint_names(side)):
                file[f"transforms/{name}"] = se3.make(
                    np.tile(np.eye(3), (FRAMES, 1, 1)), joints[:, k]
                )
                file[f"confidences/{name}"] = np.full(FRAMES, 0.5)
    out = run(tmp_path)
    check(out)
    np.testing.assert_allclose(out["camera"].K, K)
    assert (out["hands.left"].score == 0.5).all()


def test_hdf5_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (tmp_path / "video.hdf5").write_bytes(b"x")
    with pytest.raises(MotionError, match="pip install h5py"):
        run(tmp_path)


ARIA = dict(
    zip(
        (5, 6, 7, 0, 8, 9, 10, 1, 11, 12, 13, 2, 14, 15, 16, 3, 17, 18, 19, 4),
        (0, *range(2, 21)),
        strict=True,
    )
)
"""Aria's landmark -> MediaPipe's joint."""
T_DEVICE_CAMERA = se3.make(se3.exp_so3(np.array([0.3, -0.5, 0.2])), np.array([0.05, -0.01, 0.02]))
FIRST_US = 37_709_493_155


def write_aria(folder, *, missing=(), rate_hz=30.0, header=None):
    columns = ["tracking_timestamp_us"]
    for side in SIDES:
        columns.append(f"{side}_tracking_confidence")
        columns += [f"t{a}_{side}_landmark_{k}_device" for k in range(21) for a in "xyz"]
    rows = [header or ",".join(columns)]
    for frame in range(FRAMES):
        row = [str(round(FIRST_US + 1e6 * frame / rate_hz))]
        for side in SIDES:
            joints = np.zeros((21, 3))
            if (side, frame) not in missing:
                hand = se3.apply(T_DEVICE_CAMERA, truth(side)[frame])
                for landmark, joint in ARIA.items():
                    joints[landmark] = hand[joint]
            row.append("-1" if (side, frame) in missing else "0.97")
            row += [f"{v:.9f}" for v in joints.ravel()]
        rows.append(",".join(row))
    (folder / "video.hands.csv").write_text("\n".join(rows))
    notes = {"T_device_camera": T_DEVICE_CAMERA.ravel().tolist(), "first_frame_us": FIRST_US}
    (folder / "video.hands.yaml").write_text(json.dumps(notes))


def test_table_of_aria_is_read_in_the_frame_and_on_the_clock_of_the_video(tmp_path):
    missing = [("left", 1), ("right", 3), ("left", 3)]
    write_aria(tmp_path, missing=missing)
    out = run(tmp_path)
    check(out, missing)
    right = out["hands.right"]
    assert right.score[0] == 0.97
    root, wrist, thumb = (right.joints_m[0, k] for k in (1, 0, 2))
    np.testing.assert_allclose(root, 0.6 * wrist + 0.4 * thumb, atol=1e-9)
    assert "root of the thumb" in out["quality.hands_file.right"].facts["hands_assumed"][0]
    names = [file.name for file in files_beside(tmp_path / "video.mp4")]
    assert names == ["video.hands.csv", "video.hands.yaml"]


def test_slower_tracker_gives_hands_in_the_frames_it_saw(tmp_path):
    write_aria(tmp_path, rate_hz=10.0)
    right = run(tmp_path)["hands.right"]
    assert np.flatnonzero(right.valid).tolist() == [0, 3]


def test_table_of_aria_without_its_notes_is_refused(tmp_path):
    write_aria(tmp_path)
    (tmp_path / "video.hands.yaml").unlink()
    with pytest.raises(MotionError, match=r"write T_device_camera .* and first_frame_us"):
        read_hands(tmp_path / "video.mp4")


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ("fx: -1", "cannot be read: fx"),
        ("fx: 600", "fx needs width and height"),
        ("T_device_camera: [1, 2]", "T_device_camera"),
        (f"T_device_camera: {[2.0] * 16}", "must be a rigid pose"),
        ("camera: wide", "keys are fx, width, height, T_device_camera, first_frame_us"),
    ],
)
def test_notes_that_cannot_be_meant_are_refused(tmp_path, notes, message):
    write_aria(tmp_path)
    (tmp_path / "video.hands.yaml").write_text(notes)
    with pytest.raises(MotionError, match=message):
        read_hands(tmp_path / "video.mp4")


def test_damaged_table_is_refused_by_its_line(tmp_path):
    write_aria(tmp_path)
    table = tmp_path / "video.hands.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines[:3], lines[3][:200]]))
    with pytest.raises(MotionError, match=r"video.hands.csv: line 4 cannot be read"):
        read_hands(tmp_path / "video.mp4")


def test_other_tables_are_refused(tmp_path):
    write_aria(tmp_path, header="frame,x,y,z")
    with pytest.raises(MotionError, match=r"no hand_tracking_results.csv of Aria"):
        read_hands(tmp_path / "video.mp4")
