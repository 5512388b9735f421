"""Places that people name: a path on this machine, or a URL of an object store."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.files.paths import StrPath
from rotoscope.pipeline.quoting import redacted

_URL = re.compile(r"([a-z][a-z0-9+.-]+)://(.*)", re.DOTALL)
_FOLDED = re.compile(r"(s3|gs|gcs|az|abfs|hf|http|https|memory):/(?!/)(.+)", re.DOTALL)
"""A URL that went through `pathlib`, which folds two slashes into one."""
HTTP = ("http", "https")
CREDENTIALS_BELONG = (
    "credentials belong into the environment (AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY): a URL ends up in records and logs"
)


@dataclass(frozen=True)
class Url:
    """A place in an object store: `s3://bucket/folder/file.mp4`. Holds no secret."""

    scheme: str
    """Such as `s3`."""
    root: str
    """Bucket, or host."""
    key: str
    """Name below it, without a slash at either end; empty for all of it."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.root}/{self.key}".removesuffix("/")

    @property
    def name(self) -> str:
        """The last part: what a file or folder is called."""
        return (self.key or self.root).rpartition("/")[2]

    def below(self, relative: str) -> Url:
        """A place below this one."""
        return Url(self.scheme, self.root, f"{self.key}/{relative}".lstrip("/"))

    def beside(self, name: str) -> Url:
        """A place of another name in the same folder."""
        return Url(self.scheme, self.root, f"{self.key.rpartition('/')[0]}/{name}".lstrip("/"))

    def relative(self, key: str) -> str:
        """The part of a key that lies below this place."""
        return key[len(self.key) + 1 :] if self.key else key


Place = Path | Url
"""Where something lies."""


def place_of(given: StrPath | Url) -> Place:
    """The place that somebody named; `file://` is a path.

    Raises:
        UsageError: A URL that holds a secret, a query, or steps out of its folder.
    """
    if isinstance(given, Url):
        return given
    text = os.fspath(given)
    folded = _FOLDED.fullmatch(text)
    if folded and not os.path.lexists(text):
        text = f"{folded[1]}://{folded[2]}"
    found = _URL.fullmatch(text)
    if found is None:
        return Path(given)
    scheme, rest = found[1], found[2]
    if scheme == "file":
        return Path(unquote(rest))
    return _checked(scheme, rest, text)


def _checked(scheme: str, rest: str, text: str) -> Url:
    shown = display_name(redacted(text))
    root, _, key = rest.partition("/")
    if "@" in root:
        raise UsageError(f"{shown} holds a name or a password; {CREDENTIALS_BELONG}")
    if redacted(text) != text or (scheme in HTTP and "?" in key):
        raise UsageError(
            f"{shown} has a query, which may hold a secret; {CREDENTIALS_BELONG}. Fetch what it "
            "leads to and give the file"
        )
    if not root:
        raise UsageError(f"{shown} names no bucket; give {scheme}://BUCKET/FOLDER")
    parts = key.strip("/").split("/") if key.strip("/") else []
    if any(part in ("", ".", "..") for part in parts):
        raise UsageError(f"{shown} has an empty part, '.' or '..' in it; write the whole name")
    return Url(scheme, root, "/".join(parts))
