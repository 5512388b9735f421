"""Datasets in object storage: whole or not at all, and never over what is not ours."""

import fsspec
import pytest

from rotoscope.pipeline.errors import DatasetError, FileChangedError, UsageError
from rotoscope.pipeline.remote import datasets
from rotoscope.pipeline.remote.datasets import fetch_dataset, send_dataset, work_beside
from rotoscope.pipeline.remote.generic import GenericObjects


class KilledError(BaseException):
    """The process ends here."""


@pytest.fixture
def dataset(tmp_path):
    def make(name="ds", **files):
        root = tmp_path / name
        content = {"meta/info.json": "{}", "data/a.parquet": "a", "videos/v.mp4": "v"}
        for file, text in (content | files).items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_text(text)
        return root

    return make


@pytest.fixture
def url(bucket):
    return bucket.url.below("ds")


def there(url):
    fs = fsspec.filesystem("memory")
    root = f"/{url.root}/{url.key}/"
    found = fs.find(root) if fs.exists(root) else []
    return {name.removeprefix(root): fs.cat_file(name).decode() for name in found}


def same(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()
    }


def test_dataset_comes_back_as_it_was_sent(dataset, url, tmp_path):
    root = dataset()
    assert send_dataset(root, url).sent == 3
    assert there(url) == same(root)
    assert same(fetch_dataset(url, tmp_path / "copy")) == same(root)


def test_what_is_there_already_is_not_sent_again(dataset, url):
    root = dataset()
    send_dataset(root, url)
    assert send_dataset(root, url).sent == 0
    (root / "data/a.parquet").write_text("b")
    assert send_dataset(root, url).sent == 2  # and meta/info.json, as ever last
    assert there(url) == same(root)


def test_files_that_the_new_one_has_not_go(dataset, url):
    send_dataset(dataset(**{"data/b.parquet": "b"}), url)
    new = dataset("new")
    assert send_dataset(new, url).removed == 1
    assert there(url) == same(new)


def test_files_of_others_stay_and_are_never_replaced(dataset, url, bucket):
    bucket("ds/notes.txt", b"mine")
    with pytest.raises(UsageError, match=r"not sent from here, such as notes.txt"):
        send_dataset(dataset(), url)
    assert there(url) == {"notes.txt": "mine"}
    send_dataset(dataset(), url, replaces=True)
    assert there(url) == same(dataset())
    bucket("ds/notes.txt", b"mine")
    send_dataset(dataset("new", **{"data/a.parquet": "b"}), url)
    assert there(url)["notes.txt"] == "mine"


@pytest.mark.parametrize("is_replaced", [False, True])
def test_killed_at_any_request_there_is_the_old_dataset_the_new_one_or_none(
    dataset, url, tmp_path, monkeypatch, is_replaced
):
    old = dataset("old", **{"data/a.parquet": "x", "data/b.parquet": "b"})
    new = dataset("new", **{"data/a.parquet": "y"})  # of the same size
    monkeypatch.setattr(datasets, "AT_ONCE", 1)
    for number in range(60):
        fs = fsspec.filesystem("memory")
        fs.rm(f"/{url.root}", recursive=True) if fs.exists(f"/{url.root}") else None
        if is_replaced:
            send_dataset(old, url)
        left = [number]
        with monkeypatch.context() as patch:
            for name in ("put", "copy", "delete"):
                real = getattr(GenericObjects, name)

                def call(self, *args, real=real, left=left, **kwargs):
                    if left[0] == 0:
                        raise KilledError
                    left[0] -= 1
                    return real(self, *args, **kwargs)

                patch.setattr(GenericObjects, name, call)
            try:
                send_dataset(new, url)
                is_done = True
            except KilledError:
                is_done = False
        if "meta/info.json" in there(url):
            assert there(url) in (same(old), same(new))
        else:
            with pytest.raises(DatasetError, match=r"half a dataset|nothing"):
                fetch_dataset(url, tmp_path / "copy")
        # Whichever comes next is there whole.
        after = old if number % 2 else new
        send_dataset(after, url)
        assert there(url) == same(after)
        if is_done:
            break
    else:
        pytest.fail("it never ended")
    assert not there(work_beside(url).below("sending"))


def test_only_what_changed_is_fetched_again(dataset, url, tmp_path, monkeypatch):
    send_dataset(dataset(), url)
    copy = fetch_dataset(url, tmp_path / "copy")
    fetched, real = [], GenericObjects.fetch

    def fetch(self, facts, target):
        fetched.append(facts.key)
        real(self, facts, target)

    monkeypatch.setattr(GenericObjects, "fetch", fetch)
    fetch_dataset(url, copy)
    assert fetched == []
    send_dataset(dataset(**{"data/a.parquet": "b"}), url)
    fetch_dataset(url, copy)
    assert sorted(key.rpartition("/")[2] for key in fetched) == ["a.parquet", "info.json"]
    assert same(copy) == same(dataset(**{"data/a.parquet": "b"}))


def test_dataset_that_is_replaced_while_it_is_fetched_is_told(dataset, url, tmp_path, monkeypatch):
    send_dataset(dataset(), url)
    real = GenericObjects.listed

    def listed(self, prefix, *, after=""):
        found = list(real(self, prefix, after=after))
        self.put(url.below("data/a.parquet").key, b"other")
        return iter(found)

    monkeypatch.setattr(GenericObjects, "listed", listed)
    with pytest.raises(FileChangedError):
        fetch_dataset(url, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_folder_without_a_dataset_is_not_sent(tmp_path, url):
    with pytest.raises(DatasetError, match="holds no dataset"):
        send_dataset(tmp_path, url)
