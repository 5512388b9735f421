"""The cache: bounded, shared, cleaned, and never of other bytes than were listed."""

import threading

import pytest

from rotoscope.pipeline.errors import FileChangedError, UsageError
from rotoscope.pipeline.files.identity import sha256_file
from rotoscope.pipeline.remote.cache import Cache, cache, cache_bytes
from rotoscope.pipeline.remote.generic import GenericObjects
from rotoscope.pipeline.sources import identify, scan


@pytest.fixture
def small(tmp_path):
    return Cache(tmp_path / "small", max_bytes=1000)


def files(bucket):
    return [f.remote for f in scan([bucket.url], "video")]


def held_names(cache):
    return sorted(p.name for p in cache.root.rglob("*.mp4"))


def test_file_is_here_while_it_is_held_with_what_lies_beside_it(bucket, small):
    bucket("a.mp4", b"video")
    bucket("a.camera.yaml", b"flat: true")
    (file,) = files(bucket)
    with small.held(file) as path:
        assert path.read_bytes() == b"video"
        assert path.with_name("a.camera.yaml").read_bytes() == b"flat: true"
        assert path == small.place(file)


def test_it_is_fetched_once(bucket, small, monkeypatch):
    bucket("a.mp4", b"video")
    (file,) = files(bucket)
    with small.held(file):
        pass
    monkeypatch.setattr(GenericObjects, "fetch", None)
    with small.held(file) as path:
        assert path.is_file()


def test_what_was_not_used_for_longest_makes_room(bucket, small):
    for name in "abcd":
        bucket(f"{name}.mp4", name.encode() * 400)
    for file in files(bucket):
        with small.held(file):
            pass
    assert "d.mp4" in held_names(small)
    assert sum(p.stat().st_size for p in small.root.rglob("*.mp4")) <= 1000
    assert len(list(small.root.rglob(".*.lock"))) == len(held_names(small))


def test_what_is_held_stays(bucket, small):
    for name in "abcd":
        bucket(f"{name}.mp4", name.encode() * 400)
    first, *others = files(bucket)
    with small.held(first) as path:
        for file in others:
            with small.held(file):
                pass
        assert path.is_file()


def test_changed_object_is_another_entry_and_told_while_it_is_read(bucket, small):
    bucket("a.mp4", b"one")
    (before,) = files(bucket)
    bucket("a.mp4", b"two")
    with pytest.raises(FileChangedError, match="between listing and reading"), small.held(before):
        pass
    (after,) = files(bucket)
    assert after.states != before.states
    with small.held(after) as path:
        assert path.read_bytes() == b"two"


def test_several_at_once_fetch_once(bucket, small, monkeypatch):
    bucket("a.mp4", b"video")
    (file,) = files(bucket)
    fetched, real = [], GenericObjects.fetch
    monkeypatch.setattr(
        GenericObjects, "fetch", lambda self, *a: (fetched.append(1), real(self, *a))
    )

    def use():
        with small.held(file) as path:
            assert path.read_bytes() == b"video"

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fetched) == 1


def test_content_key_is_that_of_the_same_file_in_a_folder(bucket, tmp_path):
    bucket("a.mp4", b"video")
    bucket("a.camera.yaml", b"flat: true")
    for name, data in {"a.mp4": b"video", "a.camera.yaml": b"flat: true"}.items():
        (tmp_path / name).write_bytes(data)
    (found,) = scan([bucket.url], "video")
    here = identify(tmp_path / "a.mp4", "video")
    assert here.sha256 != sha256_file(tmp_path / "a.mp4")  # the notes count
    with cache().held(found.remote):
        assert identify(found.path, "video").sha256 == here.sha256


def test_size_is_a_number_of_gigabytes(monkeypatch):
    monkeypatch.setenv("ROTOSCOPE_CACHE_GB", "0.5")
    assert cache_bytes() == 500_000_000
    for text in ("-1", "much", "nan"):
        monkeypatch.setenv("ROTOSCOPE_CACHE_GB", text)
        with pytest.raises(UsageError, match="give gigabytes"):
            cache_bytes()


def fetched(cache, number, *others):
    """A dataset of 400 bytes that was fetched, and what else lies in its entry."""
    folder = cache.entry("datasets", f"{number:032x}")
    for name in ("ds/meta/info.json", "ds.fetched.json", *others):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 200)
    return folder


def test_fetched_datasets_make_room_but_not_those_in_use_or_made_here(small, tmp_path):
    reader = Cache(small.root, max_bytes=1000)
    plain = fetched(small, 1, "ds.rotoscope/run.json", "ds.rotoscope/ledger.jsonl")
    made = fetched(small, 2, "ds.rotoscope/versions/1/info.json")
    used = fetched(small, 3)
    with Cache(small.root, max_bytes=1000).shared_entry("datasets", f"{1:032x}", lambda f: None):
        pass
    Cache(small.root, max_bytes=1000).keep(made)
    reader.keep(used)
    small.make_room(600)
    assert (plain.exists(), made.exists(), used.exists()) == (False, True, True)


def test_several_processes_keep_one_dataset(small):
    folder = fetched(small, 1)
    first, second = (Cache(small.root, max_bytes=1000) for _ in range(2))
    assert first.keep(folder) == second.keep(folder) == folder
