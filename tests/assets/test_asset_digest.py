"""Checksums of files and folders."""

import hashlib
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.assets.digest import sha256_of


@settings(deadline=None)  # it writes files, and a busy disk is no defect
@given(data=st.binary(max_size=200))
def test_file_digest_is_plain_sha256(tmp_path_factory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "digest.bin"
    path.write_bytes(data)
    assert sha256_of(path) == hashlib.sha256(data).hexdigest()


def make_tree(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def test_folder_digest_does_not_depend_on_order_or_empty_folders(tmp_path: Path) -> None:
    files = {"b/x": b"1", "a/y": b"2"}
    first = make_tree(tmp_path / "first", files)
    second = make_tree(tmp_path / "second", dict(reversed(files.items())))
    (second / "empty").mkdir()
    assert sha256_of(first) == sha256_of(second)


def test_folder_digest_sees_a_moved_a_changed_and_an_added_file(tmp_path: Path) -> None:
    trees = [{"a": b"1"}, {"b": b"1"}, {"a": b"2"}, {"a": b"1", "b": b"1"}]
    digests = {sha256_of(make_tree(tmp_path / str(i), t)) for i, t in enumerate(trees)}
    assert len(digests) == len(trees)


def test_folder_digest_is_that_of_sha256sum(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "tree", {"sub/x": b"1"})
    listing = f"{hashlib.sha256(b'1').hexdigest()}  sub/x\n"
    assert sha256_of(root) == hashlib.sha256(listing.encode()).hexdigest()
