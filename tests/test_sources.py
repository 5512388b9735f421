"""Which files are taken, what identifies them, and what is said where there are none."""

import hashlib

import numpy as np
import pytest
from bvh_files import write_bvh

from rotoscope.pipeline.errors import MotionError, NotAVideoError
from rotoscope.pipeline.sources import identify, nothing_found, open_motion, say_left_out, scan


def touch(path, content=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(found):
    return [f.name for f in found]


def test_folder_is_searched_for_one_kind_of_file(tmp_path):
    for name in ("a.mp4", "b.BVH", "sub/c.amc", "sub/c.asf", "notes.txt"):
        touch(tmp_path / name)
    assert names(scan([tmp_path], "video")) == ["a.mp4"]
    assert names(scan([tmp_path], "motion")) == ["b.BVH", "sub/c.amc"]


def test_contact_flags_belong_to_their_keypoints(tmp_path):
    for name in ("keypoints.npy", "left_foot_contact.npy", "right_foot_contact.npy"):
        np.save(tmp_path / name, np.zeros((4, 24, 3) if name.startswith("k") else 4))
    assert names(scan([tmp_path], "motion")) == ["keypoints.npy"]


def test_identity_of_a_single_file_is_the_hash_of_its_bytes(tmp_path):
    path = touch(tmp_path / "a.bvh", b"HIERARCHY")
    assert identify(path, "motion").sha256 == hashlib.sha256(b"HIERARCHY").hexdigest()


@pytest.mark.parametrize(
    ("main", "beside"), [("01_01.amc", "01.asf"), ("keypoints.npy", "left_foot_contact.npy")]
)
def test_identity_changes_with_the_files_beside(tmp_path, main, beside):
    touch(tmp_path / "right_foot_contact.npy", b"right")
    path, other = touch(tmp_path / main, b"motion"), touch(tmp_path / beside, b"one")
    before = identify(path, "motion").sha256
    touch(other, b"two")
    assert identify(path, "motion").sha256 != before
    other.unlink()
    assert identify(path, "motion").sha256 != before


def test_files_of_the_other_kind_are_refused_by_name(tmp_path):
    film, motion = touch(tmp_path / "a.mp4"), touch(tmp_path / "b.bvh")
    with pytest.raises(MotionError, match=r"a.mp4 is one of the videos, .*takes motion files"):
        identify(film, "motion")
    with pytest.raises(NotAVideoError, match=r"b.bvh is one of the motion files, .*takes videos"):
        identify(motion, "video")


def test_empty_motion_file_is_a_motion_error(tmp_path):
    with pytest.raises(MotionError, match=r"a.bvh is empty"):
        identify(touch(tmp_path / "a.bvh", b""), "motion")


def test_nothing_found_names_what_is_there(tmp_path):
    for name in ("a.mp4", "b.MP4", "c.txt", "README", ".hidden.bvh"):
        touch(tmp_path / name)
    text = nothing_found([tmp_path], "motion", recipe="walk")
    assert "recipe 'walk' takes motion files (.amc .bvh" in text
    assert "found were 2 .mp4, 1" in text
    assert "1 without ending" in text
    assert "for videos choose another recipe" in text


def test_nothing_found_in_an_empty_folder_says_what_to_give(tmp_path):
    text = nothing_found([tmp_path], "video", recipe="hands", only="x*")
    assert "no videos that match 'x*' in" in text
    assert "found were no files at all; give a folder with videos" in text


def test_motion_file_has_a_clock_and_no_pictures(tmp_path):
    path = write_bvh(tmp_path / "a.bvh", frames=90, fps=60)
    video, time_s = open_motion(path, sha256="0" * 64)
    assert (video.codec, video.width, video.height) == ("motion", 0, 0)
    assert not video.has_pictures
    assert len(time_s) == video.num_frames == 90
    assert video.rate_hz == pytest.approx(60, rel=1e-5)
    assert video.duration_s == pytest.approx(1.5, rel=1e-5)
    assert not video.is_variable_rate


def test_single_frame_is_no_motion(tmp_path):
    with pytest.raises(MotionError, match="needs at least 2"):
        open_motion(write_bvh(tmp_path / "a.bvh", frames=1), sha256="0" * 64)


def test_what_may_hold_video_but_is_left_out_is_said_in_one_line(tmp_path):
    for name in ("a.mp4", "b.MOD", "sub/c.mod", "d.h264", "e.txt", ".f.mod", "g.vob"):
        touch(tmp_path / name)
    assert names(scan([tmp_path], "video")) == ["a.mp4", "g.vob"]
    line = say_left_out([tmp_path], "video")
    assert line == "left out: 3 files (.mod 2, .h264 1); name them to label them"
    assert say_left_out([tmp_path], "motion") == ""
    assert say_left_out([tmp_path / "b.MOD"], "video") == ""
