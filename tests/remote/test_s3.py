"""S3 as a real server speaks it: names, conditional writes, and everything that goes wrong."""

import threading
import time

import pytest

from benchmarks import _object_store as object_store
from rotoscope.pipeline.errors import FileChangedError, RemoteAccessError, RemoteError
from rotoscope.pipeline.remote import s3 as s3_module
from rotoscope.pipeline.remote.patience import Patience
from rotoscope.pipeline.remote.s3 import S3Objects

BUSY = Patience(total_s=5.0, first_s=0.05, longest_s=0.2)


@pytest.fixture
def objects(s3):
    return S3Objects(s3.bucket, BUSY)


def facts_of(objects, key):
    (found,) = [facts for facts in objects.listed("") if facts.key == key]
    return found


def first_times(count, how, part=""):
    """Fails so many requests whose path holds a text."""
    left = [count]

    def fail(method, path, number):
        if part in path and left[0]:
            left[0] -= 1
            return how
        return ""

    return fail


@pytest.mark.parametrize("name", ["a b.mp4", "ü%20#?.mp4", "a*[x]~\\.mp4", "q'\"<>&.mp4", "\u200b"])
def test_odd_names_are_listed_read_and_written(objects, s3, moto, tmp_path, name):
    object_store.put(moto, s3.bucket, f"in/{name}", b"data")
    (facts,) = objects.listed("in")
    assert facts.key == f"in/{name}"
    objects.fetch(facts, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == objects.read(facts.key) == b"data"
    assert objects.put(f"out/{name}", b"more")
    assert object_store.read(moto, s3.bucket, f"out/{name}") == b"more"


def test_names_that_are_no_path_hide_no_others(objects, s3, moto):
    for key in ("in/a", "in/b//c", "in/d/../e", "in/f", "in/tab\tx"):
        object_store.put(moto, s3.bucket, key, b"x")
    found = {facts.key: facts.problem for facts in objects.listed("in")}
    assert set(found) == {"in/a", "in/b//c", "in/d/../e", "in/f", "in/tab\tx"}
    assert {key for key, problem in found.items() if not problem} == {"in/a", "in/f"}
    assert all("rename" in problem for problem in found.values() if problem)


def test_listing_is_of_folders_not_of_beginnings(objects):
    for key in ("in/a", "in-2/b", "inner"):
        objects.put(key, b"x")
    assert [facts.key for facts in objects.listed("in")] == ["in/a"]


def test_of_many_writers_of_a_new_object_exactly_one_wins(objects):
    won = []
    threads = [
        threading.Thread(
            target=lambda k=k: won.append(k) if objects.put("k", b"%d" % k, is_new=True) else None
        )
        for k in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert objects.read("k") == b"%d" % won[0]


@pytest.mark.parametrize("how", ["500", "503", "reset", "half"])
def test_what_passes_is_tried_again_until_the_bytes_are_right(objects, s3, tmp_path, how):
    data = bytes(range(256)) * 4096
    objects.put("k", data)
    facts = facts_of(objects, "k")
    s3.fail = first_times(3, how, "/k")
    objects.fetch(facts, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == data
    if how != "half":  # of an answer to a write nothing is read
        s3.fail = first_times(3, how, "/new")
        assert objects.put("new", data)
        assert objects.read("new") == data
        s3.fail = first_times(2, how, "list-type")
        assert len(list(objects.listed(""))) == 2


def test_silence_is_not_waited_for_long(s3, monkeypatch, tmp_path):
    monkeypatch.setattr(s3_module, "SILENCE_S", 0.5)
    objects = S3Objects(s3.bucket, BUSY)
    objects.put("k", b"data")
    facts = facts_of(objects, "k")
    s3.stall_s, s3.fail = 3.0, first_times(1, "stall", "/k")
    started = time.monotonic()
    objects.fetch(facts, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"data"
    assert time.monotonic() - started < 2.5


def test_store_that_stays_away_is_said_with_its_name(objects, s3):
    objects.patience = Patience(total_s=0.3, first_s=0.05)
    s3.fail = lambda method, path, number: "503"
    with pytest.raises(RemoteError, match=rf"s3://{s3.bucket}/k: no answer .*SlowDown"):
        objects.read("k")


def test_object_that_changed_since_it_was_listed_is_told(objects, tmp_path):
    objects.put("k", b"one")
    facts = facts_of(objects, "k")
    objects.put("k", b"two")
    with pytest.raises(FileChangedError, match="between listing and reading"):
        objects.fetch(facts, tmp_path / "x")
    objects.delete(["k"])
    with pytest.raises(FileChangedError):
        objects.fetch(facts, tmp_path / "y")


def test_no_access_is_said_at_once_and_without_the_secret(objects, s3):
    s3.fail = lambda method, path, number: "403"
    before = len(s3.requests)
    with pytest.raises(RemoteAccessError, match="AWS_PROFILE") as caught:
        objects.read("k")
    assert len(s3.requests) == before + 1
    assert object_store.SECRET not in str(caught.value)


def test_missing_bucket_and_missing_object_are_not_tried_again(objects, s3):
    assert objects.read("nothing") is None
    assert objects.head("nothing") is None
    with pytest.raises(RemoteError, match="there is no bucket 'no-such-bucket'"):
        list(S3Objects("no-such-bucket", BUSY).listed(""))
    assert s3.count() == 3


def test_no_credentials_are_said_before_any_request(s3, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(RemoteAccessError, match="AWS_SKIP_SIGNATURE"):
        S3Objects(s3.bucket)


def test_profile_is_honored(s3, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "c").write_text("[default]\naws_access_key_id = one\naws_secret_access_key = two\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "c"))
    assert S3Objects(s3.bucket, BUSY).put("k", b"x")
