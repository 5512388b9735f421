"""A robot's own video: the gripper from the file beside it, and what is refused."""

import numpy as np
import pytest

from rotoscope.models.motion_tracks.gripper_file import GripperFile, GripperFileConfig
from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.types import Clip

NUM = 20


def arrays(**changes):
    T = np.tile(np.eye(4), (NUM, 1, 1))
    T[:, 2, 3] = 0.7
    return {"T_camera_ee": T, "aperture_m": np.linspace(0.0, 0.08, NUM)} | changes


def read(folder, found, *, start=0, **config):
    path = folder / "pick.mp4"
    np.savez(folder / "pick.gripper.npz", **found)
    clip = Clip(a_video(NUM, path=path), start, np.arange(NUM - start) / 30)
    return GripperFile(GripperFileConfig(**config)).run(clip, {})


def test_clip_gets_its_own_frames(tmp_path):
    held = np.arange(NUM) > 12
    found = read(tmp_path, arrays(held=held), start=5, side="left")["gripper.left"]
    np.testing.assert_allclose(found.aperture_m, arrays()["aperture_m"][5:])
    np.testing.assert_array_equal(found.grasping, held[5:])
    assert found.valid.all()


def test_rows_of_nan_are_unknown(tmp_path):
    T = arrays()["T_camera_ee"]
    T[3:6] = np.nan
    found = read(tmp_path, arrays(T_camera_ee=T))["gripper.right"]
    assert list(np.flatnonzero(~found.valid)) == [3, 4, 5]
    assert np.isnan(found.aperture_m[3:6]).all()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"T_camera_ee": np.tile(np.eye(4), (NUM + 1, 1, 1))}, "one row for each frame"),
        ({"T_camera_ee": np.tile(2 * np.eye(4), (NUM, 1, 1))}, "no rigid poses"),
        ({"aperture_m": np.linspace(0, 80, NUM)}, "0 to 0.5 m"),
        ({"gripper": np.zeros(NUM)}, "holds 'gripper'"),
    ],
)
def test_wrong_files_are_refused_by_what_is_wrong(tmp_path, changes, says):
    with pytest.raises(MotionError, match=says):
        read(tmp_path, arrays(**changes))


def test_missing_file_is_named(tmp_path):
    clip = Clip(a_video(NUM, path=tmp_path / "pick.mp4"), 0, np.arange(NUM) / 30)
    with pytest.raises(MotionError, match=r"pick\.gripper\.npz"):
        GripperFile(GripperFileConfig()).run(clip, {})


def test_changed_file_is_another_video(tmp_path):
    assert GripperFile.files_beside(tmp_path / "pick.mp4") == ()
    read(tmp_path, arrays())
    assert GripperFile.files_beside(tmp_path / "pick.mp4") == (tmp_path / "pick.gripper.npz",)
