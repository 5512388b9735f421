"""Listings obey the rules of folders."""

import pytest

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.sources import scan
from rotoscope.pipeline.video.scan import look_through


def names(found):
    return [f.name for f in found]


def parts(found):
    return [name for name, _ in found.remote.parts]


def test_videos_of_all_folders_in_order_of_name_hidden_ones_left_out(bucket):
    for name in ("b.mp4", "sub/a.MOV", "a.mp4", ".h/c.mp4", "sub/.d.mp4", "note.txt", "c.json"):
        bucket(name)
    assert names(scan([bucket.url], "video")) == ["a.mp4", "b.mp4", "sub/a.MOV"]


def test_what_lies_beside_a_video_comes_with_it_and_nothing_of_another(bucket):
    for name in ("a.mp4", "a.camera.yaml", "a.b.mp4", "a.b.hands.npz", "camera.yaml", "z.txt"):
        bucket(name)
    for name in ("a.depth/0001.png", "a.depth/0002.png", "b.depth/0001.png"):
        bucket(name)
    both, one = scan([bucket.url], "video")
    assert parts(one) == [
        *("a.mp4", "a.b.hands.npz", "a.camera.yaml", "a.depth/0001.png", "a.depth/0002.png"),
        "camera.yaml",
    ]
    assert parts(both) == ["a.b.mp4", "a.b.hands.npz", "camera.yaml"]


def test_one_file_by_name_comes_with_what_lies_beside_it(bucket):
    for name in ("a.mp4", "a.camera.yaml", "ab.mp4", "camera.yaml"):
        bucket(name)
    (one,) = scan([bucket.url.below("a.mp4")], "video")
    assert (one.name, parts(one)) == ("a.mp4", ["a.mp4", "a.camera.yaml", "camera.yaml"])


def test_datasets_and_places_that_the_run_writes_to_are_told(bucket):
    for name in ("ds/meta/info.json", "ds/videos/a.mp4", "out/videos/b.mp4", "outer/c.mp4"):
        bucket(name)
    found = look_through([bucket.url], None, {".mp4"}, [bucket.url.below("out")])
    assert [(f.name, bool(f.left_out)) for f in found] == [
        ("ds", True),
        ("out", True),
        ("outer/c.mp4", False),
    ]


def test_the_same_name_below_two_inputs_gets_the_folder_in_front(bucket):
    bucket("one/a.mp4")
    bucket("two/a.mp4")
    found = scan([bucket.url.below("one"), bucket.url.below("two")], "video")
    assert names(found) == ["one/a.mp4", "two/a.mp4"]


def test_the_same_object_below_two_inputs_counts_once(bucket):
    bucket("one/a.mp4")
    assert len(scan([bucket.url, bucket.url.below("one")], "video")) == 1


def test_folder_and_bucket_mix(bucket, tmp_path):
    bucket("a.mp4")
    (tmp_path / "b.mp4").write_bytes(b"x")
    assert names(scan([bucket.url, tmp_path], "video")) == ["a.mp4", "b.mp4"]


def test_numbered_pictures_are_a_video_where_their_rate_is_stated(bucket):
    for name in ("walk/frames.yaml", "walk/1.png", "walk/2.png", "walk.camera.yaml", "x/1.png"):
        bucket(name)
    (one,) = scan([bucket.url], "video")
    assert one.name == "walk"
    assert set(parts(one)) == {
        *("walk/frames.yaml", "walk/1.png", "walk/2.png", "walk.camera.yaml"),
    }
    assert names(scan([bucket.url.below("walk")], "video")) == ["walk"]


def test_name_that_no_disk_takes_is_told_not_tried(bucket):
    bucket("a" * 240 + ".mp4")
    (one,) = scan([bucket.url], "video")
    assert "longer than a disk takes" in one.problem


def test_nothing_there_is_said(bucket):
    with pytest.raises(UsageError, match="is not there, or empty"):
        scan([bucket.url], "video")


def test_motion_files_come_with_their_skeleton(bucket):
    for name in ("11_01.amc", "11.asf", "left_foot_contact.npy", "a.npy", "a.motion.yaml"):
        bucket(name)
    found = {f.name: parts(f) for f in scan([bucket.url], "motion")}
    assert found["11_01.amc"] == ["11_01.amc", "11.asf", "left_foot_contact.npy"]
    assert found["a.npy"] == ["a.npy", "a.motion.yaml", "11.asf", "left_foot_contact.npy"]
    assert len(found) == 2
