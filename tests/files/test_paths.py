"""What data name lies below the folder that they belong to, or is not read."""

import os
import re

import pytest

from rotoscope.pipeline.errors import DatasetError, MotionError
from rotoscope.pipeline.files.paths import beside, files_below, fill, inside, walk

FIELDS = {"video_key": "observation.images.front", "chunk_index": 3, "file_index": 14}


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "data"
    (root / "meta").mkdir(parents=True)
    (root / "meta" / "info.json").write_text("{}")
    (tmp_path / "secret.json").write_text("secret")
    return root


@pytest.mark.parametrize(
    "name", ["meta/info.json", "meta/../meta/info.json", "not/there/yet.mp4", ".", "..a/b", "a\nb"]
)
def test_what_lies_below_is_given_back_as_it_was_named(root, name):
    assert inside(root, name, what="the file") == root / name


@pytest.mark.parametrize(
    "name",
    [
        "../secret.json",
        "meta/../../secret.json",
        "../data/meta/info.json",
        "/etc/passwd",
        "//etc/passwd",
        "meta/\0info.json",
        "x" * 5000,
    ],
)
def test_what_lies_elsewhere_is_refused_in_one_short_sentence(root, name):
    with pytest.raises(DatasetError, match="leads out of data, the folder") as caught:
        inside(root, name, what="the file")
    assert len(str(caught.value)) < 400
    assert str(root) not in str(caught.value)


def test_links_may_lead_within_the_folder_but_not_out_of_it(root, tmp_path):
    (root / "here.json").symlink_to("meta/info.json")
    (root / "away.json").symlink_to(tmp_path / "secret.json")
    (root / "up").symlink_to("..")
    (root / "loop").symlink_to("loop")
    assert inside(root, "here.json", what="the file").read_text() == "{}"
    for name in ("away.json", "up", "up/secret.json", "up/data/../secret.json", "loop"):
        with pytest.raises(DatasetError, match="leads out of data"):
            inside(root, name, what="the file")


def test_a_folder_that_is_itself_a_link_is_the_folder_that_was_meant(root, tmp_path):
    (tmp_path / "linked").symlink_to(root)
    assert inside(tmp_path / "linked", "meta/info.json", what="the file").read_text() == "{}"


def test_a_relative_folder_works_from_where_one_stands(root, monkeypatch):
    monkeypatch.chdir(root)
    (root / "away").symlink_to("../secret.json")
    assert inside(root.__class__("."), "meta/info.json", what="the file").is_file()
    with pytest.raises(DatasetError, match=r"leads out of \."):
        inside(root.__class__("."), "away", what="the file")


def test_pipes_are_no_files(root):
    os.mkfifo(root / "pipe.json")
    with pytest.raises(MotionError, match=r"'pipe\.json' is a pipe or a device"):
        inside(root, "pipe.json", what="the notes", error=MotionError)


def hub(tmp_path, kind="datasets--someone--cups"):
    """A repository in the hub's cache, as `snapshot_download` leaves it."""
    repository = tmp_path / kind
    snapshot = repository / "snapshots" / "0123abcd"
    (snapshot / "meta").mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / "f00d").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abcd")
    (snapshot / "meta" / "info.json").symlink_to("../../../blobs/f00d")
    return snapshot


@pytest.mark.parametrize("kind", ["datasets--someone--cups", "models--someone--act"])
def test_files_of_a_hub_snapshot_may_lie_in_its_blobs(tmp_path, kind):
    snapshot = hub(tmp_path, kind)
    assert inside(snapshot, "meta/info.json", what="the file").read_text() == "{}"
    assert inside(snapshot / "meta", "info.json", what="the file").read_text() == "{}"
    assert [f.name for f in walk(snapshot, ".", what="the file")] == ["info.json"]


def test_links_of_a_hub_snapshot_lead_nowhere_else(tmp_path):
    snapshot = hub(tmp_path)
    other = hub(tmp_path, "datasets--someone--private")
    for name, target in (
        ("ref", "../../refs/main"),
        ("blobs", "../../blobs"),
        ("other", other / "../../blobs/f00d"),
        ("revision", other),
    ):
        (snapshot / name).symlink_to(target)
        with pytest.raises(DatasetError, match="leads out of 0123abcd"):
            inside(snapshot, name, what="the file")
    plain = tmp_path / "home" / "snapshots" / "0123abcd"
    plain.mkdir(parents=True)
    (tmp_path / "home" / "blobs").mkdir()
    (tmp_path / "home" / "blobs" / "f00d").write_text("{}")
    (plain / "a").symlink_to("../../blobs/f00d")
    with pytest.raises(DatasetError, match="leads out of 0123abcd"):
        inside(plain, "a", what="the file")


def test_a_walk_ends_and_stays_inside(root, tmp_path):
    (root / "data" / "chunk-000").mkdir(parents=True)
    (root / "data" / "chunk-000" / "b.parquet").touch()
    (root / "data" / "again").symlink_to("..")
    (root / "data" / ".cache").symlink_to(tmp_path)
    found = files_below(root, "data", ".parquet", what="the file")
    assert [file.name for file in found] == ["b.parquet"]
    (root / "data" / "chunk-001").symlink_to(tmp_path)
    with pytest.raises(DatasetError, match=re.escape("'data/chunk-001' leads out of data")):
        files_below(root, "data", ".parquet", what="the file")
    assert files_below(root, "nowhere", ".parquet", what="the file") == []


def test_templates_are_filled_as_lerobot_fills_them():
    template = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
    assert fill(template, FIELDS, what="video_path") == template.format(**FIELDS)
    assert fill("{{{file_index}}}", FIELDS, what="video_path") == "{14}"


@pytest.mark.parametrize(
    "template",
    [
        "{video_key.__class__}",
        "{video_key.__class__.__mro__[1]}",
        "{video_key[0]}",
        "{0}",
        "{}",
        "{other}",
        "{video_key!r}",
        "{chunk_index:9999999999d}",
        "{chunk_index:{file_index}}",
        "{chunk_index:x}",
        "{chunk_index",
        "}",
        7,
        None,
        "{other}" * 1000,
    ],
)
def test_templates_cannot_ask_for_anything_else(template):
    with pytest.raises(DatasetError, match=r"video_path .* is no template of a path") as caught:
        fill(template, FIELDS, what="video_path")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("value", [None, "3", 3.5, [3]])
def test_numbers_of_a_template_are_numbers(value):
    with pytest.raises(DatasetError, match="is no template"):
        fill("{chunk_index:03d}", {"chunk_index": value}, what="data_path")


def test_a_file_beside_another_may_be_a_link_only_as_that_one_is(tmp_path):
    real, links = tmp_path / "real", tmp_path / "links"
    for folder in (real, links):
        folder.mkdir()
    for name in ("a.amc", "a.asf"):
        (real / name).touch()
        (links / name).symlink_to(real / name)
    assert beside(links / "a.amc", "a.asf", what="the skeleton") == links / "a.asf"
    (links / "b.amc").touch()
    with pytest.raises(DatasetError, match="leads out of links"):
        beside(links / "b.amc", "a.asf", what="the skeleton")
