"""All entries of a video as one file, and back."""

import io
import tarfile

import pytest

from rotoscope.pipeline.store.bundle import DamagedBundleError, pack, unpack
from rotoscope.pipeline.store.store import EPISODE, RECORD, Store

KEY = "ab" + "0" * 62


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "one")
    store.save_record(KEY, {"a": 1})
    folder = store.episode_folder(f"{KEY}-000")
    folder.mkdir()
    (folder / "seal.json").write_text("{}")
    (folder / "video.mp4").write_bytes(b"v")
    return store


def bundle_of(store, tmp_path):
    entries = [store.path(KEY, RECORD), store.path(f"{KEY}-000", EPISODE)]
    pack(store.root, entries, tmp_path / "b.tar")
    return tmp_path / "b.tar"


def test_entries_come_back(store, tmp_path):
    unpack(bundle_of(store, tmp_path), tmp_path / "two")
    other = Store(tmp_path / "two")
    assert other.load_record(KEY) == {"a": 1}
    assert (other.path(f"{KEY}-000", EPISODE) / "video.mp4").read_bytes() == b"v"


def test_the_same_entries_give_the_same_bytes(store, tmp_path):
    first = bundle_of(store, tmp_path).read_bytes()
    assert bundle_of(store, tmp_path).read_bytes() == first


def test_what_is_there_is_left_as_it_is(store, tmp_path):
    bundle = bundle_of(store, tmp_path)
    other = Store(tmp_path / "two")
    other.save_record(KEY, {"a": 2})
    unpack(bundle, other.root)
    assert other.load_record(KEY) == {"a": 2}


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/x",
        f"ab/{KEY}-000/../../x",
        f"ab/{KEY}-000/.hidden",
        f"cd/{KEY}.record",
        "leases/x",
    ],
)
def test_names_that_are_no_entries_are_left_out(tmp_path, name):
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        facts = tarfile.TarInfo(name)
        facts.size = 1
        tar.addfile(facts, io.BytesIO(b"x"))
    (tmp_path / "two").mkdir()
    unpack(tmp_path / "b.tar", tmp_path / "two")
    assert not any((tmp_path / "two").iterdir())
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_pipes_are_left_out(tmp_path, kind):
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        facts = tarfile.TarInfo(f"ab/{KEY}.record")
        facts.type, facts.linkname = kind, "target"
        tar.addfile(facts)
    unpack(tmp_path / "b.tar", tmp_path / "two")
    assert not (tmp_path / "two").exists()


def test_half_a_bundle_is_said(store, tmp_path):
    bundle = bundle_of(store, tmp_path)
    data = bundle.read_bytes()
    bundle.write_bytes(data[: len(data) // 3])
    with pytest.raises(DamagedBundleError):
        unpack(bundle, tmp_path / "two")
