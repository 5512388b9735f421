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


def test_rate_and_person_of_the_run_make_other_episodes(tmp_path):
    write_pictures(tmp_path / "videos/a")
    thirty = run_lamp(tmp_path, "video.image_rate_hz=30")
    other = ("video.image_rate_hz=15", "export.person=Anna")
    fifteen = run_lamp(tmp_path, *other, out=tmp_path / "slow")
    assert thirty.rows[0].sha256 == fifteen.rows[0].sha256
    assert thirty.rows[0].episodes != fifteen.rows[0].episodes
    assert [source(r)["source_rate_hz"] for r in (thirty, fifteen)] == [30, 15]
    # Nobody is told to be somebody unless it was stated.
    assert [source(r)["person"] for r in (thirty, fifteen)] == ["", "Anna"]


def source(result):
    text = (result.dataset / "meta/rotoscope/episodes.jsonl").read_text()
    return json.loads(text.splitlines()[0])["source"]


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
