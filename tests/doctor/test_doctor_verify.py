"""`doctor --verify`: every file is what was published, or is named."""

import json

import pytest
from typer.testing import CliRunner

from rotoscope.cli.main import app
from rotoscope.pipeline.doctor.files import check_files
from rotoscope.pipeline.export.manifest import MANIFEST
from rotoscope.pipeline.export.replacing import dataset_folder

NAMES = ["meta/info.json", "data/chunk-000/file-000.parquet", "videos/front/a.mp4", "README.md"]


@pytest.fixture
def dataset(tmp_path):
    with dataset_folder(tmp_path / "out") as root:
        for name in NAMES:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(f"this is {name}")
    return tmp_path / "out"


def test_manifest_lists_every_file_but_itself_in_order(dataset):
    content = json.loads((dataset / MANIFEST).read_text())
    assert list(content["files"]) == sorted(NAMES)
    assert content["files"]["meta/info.json"]["bytes"] == len("this is meta/info.json")


def test_dataset_as_published_passes_wherever_it_is_moved(dataset, tmp_path):
    check = check_files(dataset.rename(tmp_path / "moved"))
    assert (check.verdict, check.detail["own"]) == ("PASS", len(NAMES) + 1)


@pytest.mark.parametrize("name", NAMES[:3])
@pytest.mark.parametrize("damage", ["one bit", "cut short", "empty", "gone", "a link", "a folder"])
def test_every_damage_to_every_file_is_named(dataset, tmp_path, name, damage):
    path = dataset / name
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "one bit":
        content[3] ^= 1
        path.write_bytes(content)
    elif damage in ("cut short", "empty"):
        path.write_bytes(content[: 5 if damage == "cut short" else 0])
    elif damage == "a link":
        (tmp_path / "same").write_bytes(content)
        path.symlink_to(tmp_path / "same")
    elif damage == "a folder":
        path.mkdir()
    check = check_files(dataset)
    assert check.verdict == "FAIL"
    assert name in check.message


def test_what_is_not_ours_is_told_and_not_judged(dataset):
    (dataset / "notes.txt").write_text("mine")
    (dataset / "README.md").write_text("my own card")
    check = check_files(dataset)
    assert check.verdict == "PASS"
    assert "'notes.txt'" in check.message
    assert "README.md is the user's" in check.message


@pytest.mark.parametrize(
    "content",
    [
        "",
        "null",
        "[]",
        '{"format": 2, "files": {}}',
        '{"format": 1, "files": {"a": 3}}',
        '{"format": 1, "files": {"a": {"bytes": "x", "sha256": ""}}}',
        "[" * 100_000,
    ],
)
def test_damaged_manifest_fails(dataset, content):
    (dataset / MANIFEST).write_text(content)
    assert "is not a manifest" in check_files(dataset).message
    assert check_files(dataset).verdict == "FAIL"


def test_names_in_a_manifest_never_lead_out_of_the_dataset(dataset, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s")
    content = json.loads((dataset / MANIFEST).read_text())
    facts = content["files"]["meta/info.json"]
    content["files"] |= {"../secret": facts, str(secret): facts}
    (dataset / MANIFEST).write_text(json.dumps(content))
    check = check_files(dataset)
    assert check.detail["missing"] == ["../secret", str(secret)]


def test_command_says_it_and_fails(dataset):
    (dataset / "data" / "chunk-000" / "file-000.parquet").write_text("other")
    result = CliRunner().invoke(app, ["doctor", str(dataset), "--verify"])
    assert result.exit_code == 1
    assert "data/chunk-000/file-000.parquet is not what was published" in result.output


def test_older_dataset_without_manifest_is_a_warning(dataset):
    (dataset / MANIFEST).unlink()
    assert check_files(dataset).verdict == "WARN"
