"""`rotoscope duplicates`, from a folder to a list."""

import json
import shutil

import pytest
from copied_discs import scaled, take, write
from typer.testing import CliRunner

from rotoscope.cli.main import app


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    (folder / "more").mkdir()
    write(folder / "cup.mp4", take(2, 0))
    write(folder / "more" / "small.mp4", scaled(take(2, 0), 96, 72)[:, :, ::-1])
    write(folder / "other.mp4", take(2, 1))
    shutil.copy(folder / "other.mp4", folder / "more" / "same.mp4")
    (folder / "broken.mp4").write_bytes(b"no video at all")
    return folder


def test_pairs_evidence_and_what_is_kept_are_listed_and_nothing_is_deleted(videos, tmp_path):
    before = sorted(videos.rglob("*.mp4"))
    out = tmp_path / "list.json"
    result = CliRunner().invoke(app, ["duplicates", str(videos), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "4 videos: 2 are copies, in 2 groups" in result.output
    assert "broken.mp4" in result.output
    assert sorted(videos.rglob("*.mp4")) == before
    found = json.loads(out.read_text())
    assert {(g["kept"], *g["copies"]) for g in found["groups"]} == {
        ("cup.mp4", "more/small.mp4"), ("more/same.mp4", "other.mp4"),
    }  # fmt: skip
    pairs = {(p["whole"], p["part"]): p for p in found["pairs"]}
    altered = pairs.get(("cup.mp4", "more/small.mp4")) or pairs["more/small.mp4", "cup.mp4"]
    assert altered["mirrored"]
    assert not altered["same_bytes"]
    assert altered["overlap_s"] == pytest.approx(3.95, abs=0.2)
    assert altered["moving"] < 1.5 * (altered["resting"] + 0.02)
    assert pairs["more/same.mp4", "other.mp4"]["same_bytes"]
    assert [one["video"] for one in found["unread"]] == ["broken.mp4"]
