"""Some pages for real: their commands, top to bottom, in a folder with one video of a hand."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from page_blocks import ROOT, blocks

from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.errors import AssetError

PAGES = ("start", "how_to/resume_and_retry", "how_to/share_a_store", "how_to/look_at_a_dataset")
NEEDED = ("cup.mp4", "hand_landmarker.task", "pose_landmarker.task", "panda")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    for name in NEEDED:
        try:
            asset_path(name)
        except AssetError as error:
            pytest.skip(f"the pages need an asset that is not here: {error}")
    folder = tmp_path_factory.mktemp("pages")
    (folder / "VIDEOS").mkdir()
    shutil.copy(asset_path("cup.mp4"), folder / "VIDEOS")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page_run(page, folder):
    path = ROOT / "docs" / f"{page}.md"
    texts = [block.text for block in blocks(path, "sh") if not block.note]
    assert texts
    settings = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "ROTOSCOPE_STORE": str(folder / "store"),
    }
    for text in texts:
        done = subprocess.run(
            ["bash", "-euc", text.replace("/mnt/team", str(folder))],
            cwd=folder,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
