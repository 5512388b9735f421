"""Every Python block on the site runs, page by page, in a folder with videos and a dataset."""

import contextlib
import importlib

import pytest
import yaml
from page_blocks import PAGES, ROOT, blocks

from rotoscope.models.hand_files.notes import Notes as HandNotes
from rotoscope.models.hand_files.read import read_hands
from rotoscope.pipeline import registry
from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.motion.notes import Notes
from rotoscope.pipeline.recipe import build_recipe, load_recipe
from rotoscope.pipeline.video.camera_notes import CameraNotes
from rotoscope.pipeline.video.image_folder import FolderNotes
from rotoscope.pipeline.video.notes import VideoNotes

PYTHON = [page for page in PAGES if blocks(page, "python")]
FILES = [b for page in PAGES for b in blocks(page, "yaml") if b.note == "file"]
RECIPES = [b for page in PAGES for b in blocks(page, "yaml") if not b.note]


def is_there(name):
    """Whether an asset, a module, or a name in one can be had."""
    with contextlib.suppress(RotoscopeError):
        return asset_path(name).exists()
    with contextlib.suppress(ModuleNotFoundError):
        return importlib.import_module(name) is not None
    module, _, attribute = name.rpartition(".")
    with contextlib.suppress(ModuleNotFoundError):
        return bool(module) and hasattr(importlib.import_module(module), attribute)
    return False


@pytest.mark.parametrize("page", PYTHON, ids=lambda p: p.stem)
def test_python_of_a_page_runs(page, standing_there):
    names = {"__name__": page.stem}
    for block in blocks(page, "python"):
        if block.note == "needs" and not all(map(is_there, block.why.split())):
            continue
        assert block.note in ("", "needs"), block.name
        exec(compile(block.text, block.name, "exec"), names)


@pytest.mark.parametrize("block", RECIPES, ids=lambda b: b.name)
def test_yaml_is_a_recipe_or_stages_of_one(block, tmp_path):
    for shown in blocks(block.page, "python"):
        if shown.file_name:
            (tmp_path / shown.file_name).write_text(shown.text)
    found = yaml.safe_load(block.text)
    if block.file_name:
        path = tmp_path / block.file_name
        path.write_text(block.text)
        assert load_recipe(str(path)).stages
    elif isinstance(found, list):
        _check_stages(found)
    else:
        assert build_recipe(found, folder=tmp_path, allow_code=True).stages


def _check_stages(found):
    """Stages out of their recipe: each with its settings."""
    for item in found:
        kind, settings = next(iter(item.items())) if isinstance(item, dict) else (item, {})
        registry.stage_class(kind).Config.model_validate(settings or {})


@pytest.mark.parametrize("block", FILES, ids=lambda b: b.name)
def test_yaml_that_is_a_file_is_as_that_file(block):
    found = yaml.safe_load(block.text)
    if block.why == "motion.yaml":
        assert Notes.model_validate(found).unit == "cm"
    elif block.why == "hands.yaml":
        assert HandNotes.model_validate(found).camera() is not None
    elif block.why == "camera.yaml":
        assert CameraNotes.model_validate(found).mirrored
    elif block.why == "cup.json":
        assert VideoNotes.model_validate(found).side == "right"
    elif block.why == "frames.yaml":
        assert FolderNotes.model_validate(found).rate_hz == 30
    else:
        assert found == yaml.safe_load((ROOT / block.why).read_text())


def test_documented_file_of_hands_is_read(standing_there):
    page = next(page for page in PAGES if page.stem == "own_hand_tracker")
    exec(compile(blocks(page, "python")[0].text, page.stem, "exec"), {})
    table = read_hands(standing_there / "VIDEOS" / "lamp.mp4")
    assert table.is_right.sum() == 60


def test_a_module_that_is_not_there_is_not_there():
    assert is_there("rotoscope.pipeline.errors.UsageError")
    assert not is_there("rotoscope.no_such_name")
    assert not is_there("no_such_package.name")
    assert not is_there("no_such_film.mp4")
