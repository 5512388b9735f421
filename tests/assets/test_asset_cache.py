"""Fetching, checking and listing against a cache folder and files on this machine."""

import fcntl
import gzip
import hashlib
import multiprocessing
import time
from pathlib import Path

import pytest

from rotoscope.pipeline.assets import asset_path, fetch, list_assets, verify
from rotoscope.pipeline.errors import AssetError, UsageError

CONTENT = b"twenty-one joints"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def hands_asset(tmp_path: Path, cache_folder: Path, use_manifest) -> Path:
    """An asset `hands.bin` that is copied from a file; returns that file."""
    source = tmp_path / "upstream.bin"
    source.write_bytes(CONTENT)
    use_manifest(hands__bin={"sha256": SHA256, "sources": [path_source(source)]})
    return source


def path_source(path: Path, **more: object) -> dict:
    return {"type": "path", "path": str(path), **more}


def test_fetched_asset_is_found_and_verified(hands_asset: Path, cache_folder: Path) -> None:
    assert [s.state for s in fetch(["hands.bin"])] == ["verified"]
    assert asset_path("hands.bin") == cache_folder / "hands.bin"
    assert asset_path("hands.bin").read_bytes() == CONTENT


def test_asset_not_fetched_names_the_command(hands_asset: Path) -> None:
    with pytest.raises(AssetError, match=r"A test file.*rotoscope assets fetch hands\.bin"):
        asset_path("hands.bin")


def test_unknown_asset_lists_valid_names(hands_asset: Path) -> None:
    with pytest.raises(UsageError, match=r"no asset 'feet\.bin'; valid ones are 'hands\.bin'"):
        fetch(["feet.bin"])


def test_wrong_checksum_leaves_nothing_behind(hands_asset: Path, cache_folder: Path) -> None:
    hands_asset.write_bytes(b"something else")
    with pytest.raises(AssetError, match=f"expected {SHA256}"):
        fetch(["hands.bin"])
    assert [p.name for p in cache_folder.iterdir()] == [".lock"]


def test_second_source_is_used_when_first_fails(
    tmp_path: Path, cache_folder: Path, use_manifest
) -> None:
    (tmp_path / "good.gz").write_bytes(gzip.compress(CONTENT))
    sources = [path_source(tmp_path / "gone"), path_source(tmp_path / "good.gz", gunzip=True)]
    use_manifest(hands__bin={"sha256": SHA256, "sources": sources})
    lines: list[str] = []
    fetch(["hands.bin"], progress=lines.append)
    assert asset_path("hands.bin").read_bytes() == CONTENT
    assert [str(tmp_path / n) in line for n, line in zip(["gone", "good.gz"], lines, strict=False)]


def test_error_gives_the_reason_of_every_source(
    tmp_path: Path, cache_folder: Path, use_manifest
) -> None:
    sources = [path_source(tmp_path / "first"), path_source(tmp_path / "second")]
    use_manifest(hands__bin={"sha256": SHA256, "sources": sources})
    with pytest.raises(AssetError, match=r"(?s)first.*No such file.*second.*No such file"):
        fetch(["hands.bin"])


def test_one_failure_does_not_keep_others_from_being_fetched(
    hands_asset: Path, tmp_path: Path, use_manifest
) -> None:
    good = {"sha256": SHA256, "sources": [path_source(hands_asset)]}
    bad = {"sha256": SHA256, "sources": [path_source(tmp_path / "gone")]}
    use_manifest(bad=bad, good=good)
    with pytest.raises(AssetError, match=r"^bad from"):
        fetch()
    assert {s.name: s.state for s in list_assets()} == {"bad": "absent", "good": "present"}


def test_present_asset_needs_no_source(hands_asset: Path) -> None:
    fetch(["hands.bin"])
    hands_asset.unlink()
    assert fetch(["hands.bin"])[0].state == "verified"


def test_damaged_asset_is_reported_and_fetched_again(hands_asset: Path) -> None:
    fetch(["hands.bin"])
    asset_path("hands.bin").write_bytes(CONTENT[:-1])
    assert verify()[0].state == "damaged"
    assert fetch()[0].state == "verified"


def test_rendered_asset_is_verified_against_its_own_first_checksum(
    tmp_path: Path, cache_folder: Path, use_manifest
) -> None:
    source = {"type": "rendered", "function": f"{__name__}:write_clip", "needs": "nothing"}
    use_manifest(clip__mp4={"sources": [source]})
    assert fetch()[0].state == "verified"
    asset_path("clip.mp4").write_bytes(b"cut")
    assert verify()[0].state == "damaged"


def write_clip(path: Path) -> None:
    """Stands for a renderer: refuses names whose suffix would give another format."""
    assert path.suffix == ".mp4"
    path.write_bytes(CONTENT)


def test_missing_renderer_says_what_to_install(cache_folder: Path, use_manifest) -> None:
    source = {"type": "rendered", "function": "no_such_module:f", "needs": "install the extra"}
    use_manifest(clip__mp4={"sources": [source]})
    with pytest.raises(AssetError, match="No module named 'no_such_module'; install the extra"):
        fetch()


def test_cache_that_cannot_be_written_names_the_setting(
    hands_asset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ROTOSCOPE_ASSETS", str(tmp_path / "file" / "cache"))
    with pytest.raises(AssetError, match="set ROTOSCOPE_ASSETS"):
        fetch(["hands.bin"])


def test_leftovers_of_a_killed_fetch_are_removed(hands_asset: Path, cache_folder: Path) -> None:
    leftover = cache_folder / ".downloads" / "0" / "half.whl"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")
    fetch(["hands.bin"])
    assert sorted(p.name for p in cache_folder.iterdir()) == [".lock", "hands.bin"]


def test_second_process_waits_for_the_first(hands_asset: Path, cache_folder: Path) -> None:
    cache_folder.mkdir()
    context = multiprocessing.get_context("spawn")
    said = context.SimpleQueue()
    with (cache_folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        child = context.Process(target=fetch, args=(["hands.bin"],), kwargs={"progress": said.put})
        child.start()
        assert said.get() == "waiting for another process that is fetching assets"
        time.sleep(0.05)
        assert list_assets()[0].state == "absent"
    child.join(30)
    assert child.exitcode == 0
    assert verify()[0].state == "verified"
