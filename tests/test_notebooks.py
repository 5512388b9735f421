"""Notebooks run from top to bottom."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from rotoscope.pipeline.assets import asset_path
from rotoscope.pipeline.errors import AssetError

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
ASSETS = {"02_one_clip_two_hands": ("allegro_hand", "shadow_hand")}
"""What a notebook needs; the first one's where it is not named."""


@pytest.mark.timeout(280)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    for name in ("cup.mp4", "hand_landmarker.task", *ASSETS.get(path.stem, ("panda",))):
        try:
            asset_path(name)
        except AssetError as error:
            pytest.skip(f"the notebook needs an asset that is not here: {error}")
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=240, resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    errors = [o for c in notebook.cells for o in c.get("outputs", []) if o.output_type == "error"]
    assert errors == []
