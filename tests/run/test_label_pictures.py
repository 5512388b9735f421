"""Folders of numbered pictures through the whole job."""

import json

import pytest
from lamp_runs import digest, run_lamp, statuses
from PIL import Image
from video_files import picture

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.run.describe import describe
from rotoscope.pipeline.run.request import load_request


def write_pictures(folder, *, frames=45, suffix="png", rate_hz=None, first=0):
    folder.mkdir(parents=True)
    for number in range(first, first + frames):
        image = Image.fromarray(picture(number, 64, 48))
        image.save(folder / f"frame_{number:04d}.{suffix}")
    if rate_hz is not None:
        (folder / "frames.yaml").write_text(f"rate_hz: {rate_hz}")
    return folder


def test_folders_of_pictures_are_labeled_beside_one_another(tmp_path):
    write_pictures(tmp_path / "videos/one two", rate_hz=15)
    write_pictures(tmp_path / "videos/b/rgb", suffix="JPG", first=7, rate_hz=30)
    result = run_lamp(tmp_path)
    assert statuses(result) == {"b/rgb": "done", "one two": "done"}
    assert [row.frames for row in result.rows] == [45, 45]
    again = run_lamp(tmp_path)
    assert (again.is_new, digest(tmp_path / "out")) == (False, digest(result.dataset))
    assert describe(load_request(tmp_path / "out", allow_code=True)).num_finished == 2


def test_rate_of_the_run_makes_other_episodes(tmp_path):
    write_pictures(tmp_path / "videos/a")
    thirty = run_lamp(tmp_path, "video.image_rate_hz=30")
    fifteen = run_lamp(tmp_path, "video.image_rate_hz=15", out=tmp_path / "slow")
    assert thirty.rows[0].sha256 == fifteen.rows[0].sha256
    assert thirty.rows[0].episodes != fifteen.rows[0].episodes
    request = load_request(tmp_path / "slow", allow_code=True)
    assert describe(request).num_finished == 1


def test_pictures_without_a_rate_end_the_run_before_it_begins(tmp_path):
    write_pictures(tmp_path / "videos/a", frames=2)
    with pytest.raises(
        UsageError, match=r"1 folder of numbered pictures \(a\) has no clock; write"
    ):
        run_lamp(tmp_path)


def test_bad_folders_fail_alone_and_are_mended_by_a_second_run(tmp_path):
    write_pictures(tmp_path / "videos/good", rate_hz=30)
    gap = write_pictures(tmp_path / "videos/gap", rate_hz=30, first=5)
    moved = (gap / "frame_0010.png").rename(tmp_path / "kept.png")
    cut = write_pictures(tmp_path / "videos/cut", rate_hz=30, first=9)
    whole = (cut / "frame_0030.png").read_bytes()
    (cut / "frame_0030.png").write_bytes(whole[:-40])
    result = run_lamp(tmp_path)
    assert statuses(result) == {"cut": "failed", "gap": "failed", "good": "done"}
    rows = {row.name: row for row in result.rows}
    assert rows["gap"].message.startswith("gap: 1 pictures are missing: frame_0009.png is followed")
    assert rows["cut"].message.startswith("cut/frame_0030.png cannot be decoded")
    moved.rename(gap / "frame_0010.png")
    (cut / "frame_0030.png").write_bytes(whole)
    assert set(statuses(run_lamp(tmp_path)).values()) == {"done"}


def persons(result):
    lines = (result.dataset / "meta/rotoscope/episodes.jsonl").read_text().splitlines()
    return [json.loads(line)["source"]["person"] for line in lines]


def test_nobody_is_told_to_be_the_same_person_unless_it_was_stated(tmp_path):
    write_pictures(tmp_path / "videos/a", rate_hz=30)
    write_pictures(tmp_path / "videos/b", rate_hz=30, first=3)
    assert persons(run_lamp(tmp_path)) == ["", ""]
    stated = run_lamp(tmp_path, "export.person=Anna", out=tmp_path / "anna")
    assert persons(stated) == ["Anna", "Anna"]
