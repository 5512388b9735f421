"""Object stores by the URLs that lie in them, each opened once."""

from __future__ import annotations

import threading
from functools import lru_cache

from rotoscope.pipeline.remote.generic import GenericObjects
from rotoscope.pipeline.remote.objects import Objects
from rotoscope.pipeline.remote.s3 import S3Objects
from rotoscope.pipeline.remote.urls import Url


def open_objects(url: Url) -> Objects:
    """The store that a URL lies in.

    Raises:
        UsageError: A package that speaks to it is not installed, or none does.
        RemoteAccessError: There are no credentials.
    """
    with _lock:
        return _opened(url.scheme, url.root)


@lru_cache(maxsize=32)
def _opened(scheme: str, root: str) -> Objects:
    return S3Objects(root) if scheme == "s3" else GenericObjects(scheme, root)


_lock = threading.Lock()


def forget_opened() -> None:
    """Opens every store anew from here on, as after other credentials were set."""
    _opened.cache_clear()
