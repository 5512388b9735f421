"""The manifest that ships, and what is refused in one's own."""

from pathlib import Path

import pytest

from rotoscope.pipeline.assets.manifest import RenderedSource, load_manifest, manifest
from rotoscope.pipeline.errors import AssetError


def test_shipped_assets_have_checksums_unless_rendered_here() -> None:
    assert {"hand_landmarker.task", "panda", "cup.mp4", "box.mp4"} <= set(manifest())
    for name, asset in manifest().items():
        rendered = all(isinstance(source, RenderedSource) for source in asset.sources)
        assert (asset.sha256 is None) == rendered, name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("assets: [a, b]", "is not an asset manifest"),
        ("nothing: here", "is not an asset manifest"),
        ("assets: {a: {kind: file, color: red}}", r"(?s)color.*not permitted"),
        (
            "assets: {a: {kind: file, description: d, license: l, "
            "sources: [{type: url, url: 'ftp://x'}]}}",
            "(?s)url.*https",
        ),
        (
            "assets: {a: {kind: file, description: d, license: l, sources: [{type: floppy}]}}",
            "(?s)floppy.*'wheel', 'deb', 'url', 'path', 'rendered'",
        ),
    ],
)
def test_malformed_manifest_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "assets.yaml").write_text(text)
    with pytest.raises(AssetError, match=message):
        load_manifest(tmp_path / "assets.yaml")
