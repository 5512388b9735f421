"""What would fail in every child is said once, before the first video."""

import pytest
from disc_dataset import write_discs
from video_files import write_video

from rotoscope.pipeline.add_tracks.run import TrackRequest, track
from rotoscope.pipeline.errors import AssetError, UsageError
from rotoscope.pipeline.recipe import build_recipe, load_recipe
from rotoscope.pipeline.run.before import check_assets, check_store, missing_assets
from rotoscope.pipeline.run.describe import describe
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.request import LabelRequest


def test_all_missing_assets_are_named_with_one_command(tmp_path, monkeypatch):
    monkeypatch.setenv("ROTOSCOPE_ASSETS", str(tmp_path / "assets"))
    recipe = load_recipe("hand-gripper")
    assert missing_assets(recipe) == ["hand_landmarker.task", "panda", "pose_landmarker.task"]
    told = r"rotoscope assets fetch hand_landmarker\.task panda pose_landmarker\.task$"
    with pytest.raises(AssetError, match=told):
        check_assets(recipe)


def test_every_command_names_them_all_at_once(tmp_path, monkeypatch):
    data = write_discs(tmp_path / "data")
    monkeypatch.setenv("ROTOSCOPE_ASSETS", str(tmp_path / "assets"))
    store, out = tmp_path / "store", tmp_path / "out"
    both = build_recipe({"stages": ["hands", "body", "camera", "lift", "lift_body", "smooth"]})
    request = LabelRequest((write_video(tmp_path / "a.mp4"),), both, out, store)
    for command, argument in (
        (label, request),
        (describe, request),
        (track, TrackRequest(data, both, out, store=store)),
    ):
        with pytest.raises(AssetError, match=r"hand_landmarker\.task pose_landmarker\.task$"):
            command(argument)


def test_recipe_without_assets_needs_none(tmp_path, monkeypatch):
    monkeypatch.setenv("ROTOSCOPE_ASSETS", str(tmp_path / "assets"))
    check_assets(build_recipe({"stages": ["shots"]}))


def test_looking_at_a_store_leaves_nothing_in_it(tmp_path):
    check_store(tmp_path / "store")
    assert list((tmp_path / "store").iterdir()) == []


def test_store_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "store", "/proc/nowhere/store"):
        with pytest.raises(UsageError, match=r"results cannot be kept in .*--store"):
            check_store(tmp_path / place)
