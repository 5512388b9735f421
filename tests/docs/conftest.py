"""A folder as a reader has it: videos, a dataset made of them, files that the pages show."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest
from video_files import write_video

from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.recipe import build_recipe
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.request import LabelRequest

TINY = Path(__file__).parents[1] / "run" / "tiny_stages.py"


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `VIDEOS`, a small `DATASET` and, where it was fetched, `cup.mp4`."""
    folder = tmp_path_factory.mktemp("reader")
    videos = folder / "VIDEOS"
    videos.mkdir()
    write_video(videos / "lamp.mp4", frames=60, fps=30, size=(64, 48))
    with contextlib.suppress(AssetError):
        shutil.copy(asset_path("cup.mp4"), folder)
    stages = [f"{TINY}:Brightness as bright", f"{TINY}:BrightnessLabeler as lamp", "curate"]
    raw = {"name": "lamp", "stages": stages, "export": {"width": 64, "height": 48}}
    request = LabelRequest(
        inputs=(videos,),
        recipe=build_recipe(raw, allow_code=True),
        out=folder / "DATASET",
        store=folder / "store",
    )
    assert label(request).dataset is not None
    return folder


@pytest.fixture
def standing_there(reader: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reader's folder, as the current one."""
    monkeypatch.chdir(reader)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("ROTOSCOPE_STORE", str(reader / "store"))
    return reader
