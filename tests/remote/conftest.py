"""Object stores in memory, and one on loopback."""

import itertools

import fsspec
import pytest

from benchmarks import _object_store as object_store
from rotoscope.pipeline.remote.opened import forget_opened
from rotoscope.pipeline.remote.urls import Url

_numbers = itertools.count()


@pytest.fixture
def bucket():
    """A fresh bucket in memory: its URL, and a function that writes objects."""
    url = Url("memory", f"bucket-{next(_numbers)}", "in")
    fs = fsspec.filesystem("memory")

    def put(name, data=b"x", *, root=url):
        fs.pipe_file(str(root.below(name)), data)

    put.url = url
    return put


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ROTOSCOPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def moto():
    with object_store.moto_server() as address:
        yield address


@pytest.fixture
def s3(moto, monkeypatch):
    """A proxy before a real server, with a fresh bucket; `s3.bucket` is its name."""
    with object_store.proxy_to(moto) as proxy:
        object_store.use_server(monkeypatch.setenv, proxy.address)
        proxy.bucket = f"bucket-{next(_numbers)}"
        object_store.make_bucket(moto, proxy.bucket)
        forget_opened()
        yield proxy
    forget_opened()
