"""An empty asset cache and a manifest of the test's own, so that no network is ever needed."""

from pathlib import Path

import pytest
import yaml

from rotoscope.pipeline.assets.manifest import manifest


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An asset cache with nothing in it."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("ROTOSCOPE_ASSETS", str(folder))
    return folder


@pytest.fixture
def use_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that makes the given assets the whole manifest."""
    monkeypatch.setenv("ROTOSCOPE_CONFIGS", str(tmp_path / "configs"))
    (tmp_path / "configs").mkdir()

    def use(**assets: dict) -> None:
        defaults = {"kind": "file", "description": "A test file.", "license": "CC0-1.0"}
        entries = {n.replace("__", "."): {**defaults, **a} for n, a in assets.items()}
        text = yaml.safe_dump({"assets": entries})
        (tmp_path / "configs" / "assets.yaml").write_text(text)
        manifest.cache_clear()

    yield use
    manifest.cache_clear()
