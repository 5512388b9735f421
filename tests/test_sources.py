"""Which files are taken, what identifies them, and what is said where there are none."""

import hashlib
import os
from dataclasses import replace

import numpy as np
import pytest
from bvh_files import write_bvh

from rotoscope.pipeline.errors import FileChangedError, MotionError, NotAVideoError
from rotoscope.pipeline.files.identity import check_unchanged
from rotoscope.pipeline.sources import (
    files_of,
    identify,
    nothing_found,
    open_motion,
    say_left_out,
    say_silent_images,
    scan,
    size_bytes,
)
from rotoscope.pipeline.stage import ClipStage


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


def write_pictures(folder, *names):
    for name in names or ("1.png", "2.png"):
        touch(folder / name, name.encode())
    return folder


def test_folder_of_pictures_is_a_video_where_its_notes_or_the_run_state_a_rate(tmp_path):
    write_pictures(tmp_path / "noted", "1.png", "2.png", "frames.yaml")
    write_pictures(tmp_path / "silent", "IMG_7.JPG", "IMG_8.JPG")
    write_pictures(tmp_path / "single", "1.png")
    write_pictures(tmp_path / "unnumbered", "a.png", "b.png")
    assert names(scan([tmp_path], "video")) == ["noted"]
    assert names(scan([tmp_path], "video", image_rate_hz=30)) == ["noted", "silent"]
    assert names(scan([tmp_path], "motion", image_rate_hz=30)) == []


def test_folder_of_pictures_may_itself_be_the_input(tmp_path):
    folders = [write_pictures(tmp_path / side / "rgb") for side in ("left", "right")]
    assert names(scan(folders[:1], "video", image_rate_hz=30)) == ["rgb"]
    assert names(scan(folders, "video", image_rate_hz=30)) == ["left/rgb", "right/rgb"]


def test_folders_of_pictures_below_one_another_are_each_a_video(tmp_path):
    write_pictures(write_pictures(tmp_path / "a") / "masks")
    assert names(scan([tmp_path], "video", image_rate_hz=30)) == ["a", "a/masks"]


def test_previews_beside_videos_are_no_video(tmp_path):
    write_pictures(tmp_path, "a_1.mp4", "a_1.jpg", "a_2.mp4", "a_2.jpg")
    assert names(scan([tmp_path], "video", image_rate_hz=30)) == ["a_1.mp4", "a_2.mp4"]
    assert say_silent_images([tmp_path]) == ""


def test_folders_whose_rate_nobody_said_are_told_in_one_line(tmp_path):
    for number in range(5):
        write_pictures(tmp_path / f"seq{number}")
    told = say_silent_images([tmp_path])
    assert told.startswith("5 folders of numbered pictures (seq0, seq1, seq2, ...) have no clock")
    assert "-o video.image_rate_hz=30" in told
    assert told in nothing_found([tmp_path], "video", recipe="hand-gripper")


def test_single_picture_is_refused_with_the_reason(tmp_path):
    reason = "one picture shows no motion, and actions are motion: give a video, or a folder of"
    with pytest.raises(NotAVideoError, match=f"photo.JPG is a single picture; {reason}"):
        identify(touch(tmp_path / "photo.JPG"), "video")
    assert reason in nothing_found([tmp_path], "video", recipe="hand-gripper")


def test_identity_of_pictures_changes_with_any_of_them_and_with_the_notes(tmp_path):
    folder = write_pictures(tmp_path / "a", *(f"{k}.png" for k in range(40)))
    seen = {identify(folder, "video").sha256}
    for change in (
        lambda: touch(folder / "17.png", b"another"),
        lambda: touch(folder / "40.png"),
        lambda: touch(folder / "frames.yaml", b"rate_hz: 5"),
        lambda: (folder / "0.png").unlink(),
        lambda: (folder / "40.png").rename(folder / "40.PNG"),
    ):
        change()
        seen.add(identify(folder, "video").sha256)
    assert len(seen) == 6


def test_state_of_many_pictures_is_one_that_no_change_leaves_alone(tmp_path):
    folder = write_pictures(tmp_path / "a", *(f"{k}.png" for k in range(40)))
    old_ns = 10**18
    for file in folder.iterdir():
        os.utime(file, ns=(old_ns, old_ns))
    before = identify(folder, "video")
    assert len(before.states) == 1
    before = replace(before, hashed_ns=before.hashed_ns + 10**10)  # as if hashed much later
    assert before.holds(files_of(folder, "video"))
    touch(folder / "3.png", b"4.png")
    os.utime(folder / "3.png", ns=(old_ns, old_ns))
    assert not before.holds(files_of(folder, "video"))
    with pytest.raises(FileChangedError, match="other bytes of the same length"):
        check_unchanged(before, files_of(folder, "video"), shown="a")


def test_size_of_a_folder_is_that_of_its_pictures(tmp_path):
    folder = write_pictures(tmp_path / "a", "1.png", "02.png")
    assert size_bytes(folder) == len("1.png02.png")
    (folder / "02.png").unlink()
    assert size_bytes(folder) == 0


class Beside(ClipStage):
    """Reads one more file."""

    @classmethod
    def files_beside(cls, path):
        return (path.with_suffix(".dat"),)

    def run(self, clip, tracks):
        return {}


def test_file_that_a_stage_reads_beside_a_video_is_part_of_its_identity(tmp_path):
    film, other = touch(tmp_path / "a.mp4"), touch(tmp_path / "a.dat", b"one")
    alone = identify(film, "video")
    before = identify(film, "video", {"mine": Beside})
    assert before.own_sha256 == alone.sha256
    assert before.sha256 != alone.sha256
    assert [name for name, _ in before.beside] == ["mine"]
    touch(other, b"two")
    after = identify(film, "video", {"mine": Beside})
    assert after.own_sha256 == before.own_sha256
    assert (after.sha256, after.beside) != (before.sha256, before.beside)
    other.unlink()
    with pytest.raises(NotAVideoError, match=r"a.dat cannot be read"):
        identify(film, "video", {"mine": Beside})


def test_video_beside_which_nothing_is_read_has_one_hash(tmp_path):
    class Nothing(Beside):
        @classmethod
        def files_beside(cls, path):
            return ()

    film = touch(tmp_path / "a.mp4")
    found = identify(film, "video", {"mine": Nothing})
    assert replace(found, hashed_ns=0) == replace(identify(film, "video"), hashed_ns=0)
