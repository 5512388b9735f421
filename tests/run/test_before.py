"""What would fail in every child is said once, before the first video."""

import pytest

from pipeline.errors import AssetError, UsageError
from pipeline.recipe import build_recipe, load_recipe
from pipeline.run.before import check_before, check_store, missing_assets


def test_all_missing_assets_are_named_with_one_command(tmp_path, monkeypatch):
    monkeypatch.setenv("ROTOSCOPE_ASSETS", str(tmp_path / "assets"))
    recipe = load_recipe("hand-gripper")
    assert missing_assets(recipe) == ["hand_landmarker.task", "panda"]
    with pytest.raises(AssetError, match=r"rotoscope assets fetch hand_landmarker\.task panda$"):
        check_before(recipe, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_recipe_without_assets_needs_none(tmp_path, monkeypatch):
    monkeypatch.setenv("ROTOSCOPE_ASSETS", str(tmp_path / "assets"))
    check_before(build_recipe({"stages": ["shots"]}), tmp_path / "store")
    assert list((tmp_path / "store").iterdir()) == []


def test_store_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "store", "/proc/nowhere/store"):
        with pytest.raises(UsageError, match=r"results cannot be kept in .*--store"):
            check_store(tmp_path / place)
