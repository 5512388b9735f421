"""Any other kind of place that fsspec reads: gs, az, http, hf; memory for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rotoscope.pipeline.errors import RemoteAccessError, RemoteError, UsageError
from rotoscope.pipeline.files.atomic import disk_errors
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.quoting import cut, redacted, shown
from rotoscope.pipeline.remote.objects import MOST_IN_MEMORY, ObjectFacts, changed
from rotoscope.pipeline.remote.patience import (
    DEFAULT,
    AwayError,
    Outage,
    Patience,
    patiently,
)
from rotoscope.pipeline.remote.s3_access import problem_of

_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "crc32c", "sha", "blob_id", "generation")
_TIMES = ("created", "mtime", "LastModified", "last_modified", "updated", "modified")


class GenericObjects:
    """One bucket or host, through fsspec."""

    def __init__(self, scheme: str, root: str, patience: Patience = DEFAULT) -> None:
        """Opens it.

        Raises:
            UsageError: fsspec knows no such scheme, or its package is not installed.
        """
        import fsspec

        self.base, self.patience, self.outage = f"{scheme}://{root}", patience, Outage()
        try:
            self.fs: Any = fsspec.filesystem(scheme)
        except (ValueError, ImportError) as error:
            raise UsageError(
                f"nothing is known of {shown(scheme)}:// here ({cut(str(error))}); give a path, "
                "s3://BUCKET/FOLDER, or install what fsspec needs for it"
            ) from error
        self._stem = str(self.fs._strip_protocol(self.base)).rstrip("/")

    def listed(self, prefix: str, *, after: str = "") -> Iterator[ObjectFacts]:
        """Everything below `prefix/`; fsspec holds all of it at once."""
        where = f"{self.base}/{prefix}".rstrip("/")
        try:
            found = self._ask(prefix, lambda: self.fs.find(where, detail=True))
        except FileNotFoundError:
            return
        for name in sorted(found):
            facts = self._facts(found[name])
            if facts.key > after and facts.key != prefix and not facts.key.endswith("/"):
                yield facts

    def head(self, key: str) -> ObjectFacts | None:
        """Facts about an object, `None` where there is none."""
        try:
            found = self._ask(key, lambda: self.fs.info(f"{self.base}/{key}"))
        except FileNotFoundError:
            return None
        return self._facts(found) if found.get("type") == "file" else None

    def read(self, key: str) -> bytes | None:
        """The bytes of a small object, `None` where there is none."""
        facts = self.head(key)
        if facts is None:
            return None
        if facts.size > MOST_IN_MEMORY:
            raise RemoteError(
                f"{self._shown(key)} holds {facts.size:,} bytes, more than {MOST_IN_MEMORY:,}: no "
                "such record is"
            )
        return bytes(self._ask(key, lambda: self.fs.cat_file(f"{self.base}/{key}")))

    def fetch(self, facts: ObjectFacts, target: Path) -> None:
        """Writes the bytes of an object to a file; facts are compared before and after."""
        where = f"{self.base}/{facts.key}"
        try:
            with disk_errors(target):
                self._ask(facts.key, lambda: self.fs.get_file(where, str(target)))
        except FileNotFoundError as error:
            raise changed(self._shown(facts.key)) from error
        self.fs.invalidate_cache()
        after = self.head(facts.key)
        size = target.stat().st_size
        if after is None or after.tag != facts.tag or (facts.size and size != facts.size):
            raise changed(self._shown(facts.key))

    def put(self, key: str, data: bytes | Path, *, is_new: bool = False) -> bool:
        """Writes an object; `is_new` looks before, which two writers at once may both do."""
        if is_new and self.head(key) is not None:
            return False
        where = f"{self.base}/{key}"
        if isinstance(data, Path):
            self._ask(key, lambda: self.fs.put_file(str(data), where))
        else:
            self._ask(key, lambda: self.fs.pipe_file(where, data))
        return True

    def copy(self, source: str, target: str) -> None:
        """Copies an object within the store."""
        one, other = f"{self.base}/{source}", f"{self.base}/{target}"
        self._ask(source, lambda: self.fs.cp_file(one, other))

    def delete(self, keys: Sequence[str]) -> None:
        """Removes objects, those that are there."""
        for key in keys:
            try:
                self._ask(key, lambda key=key: self.fs.rm_file(f"{self.base}/{key}"))
            except FileNotFoundError:
                continue

    def _ask(self, key: str, call: Any) -> Any:
        def once() -> Any:
            with self._said(key):
                return call()

        return patiently(once, what=self._shown(key), patience=self.patience, outage=self.outage)

    @contextmanager
    def _said(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise RemoteAccessError(
                f"{self._shown(key)}: no access ({redacted(cut(str(error)))}); check the "
                "credentials that its package reads from the environment"
            ) from error
        except (RuntimeError, ValueError, TypeError) as error:  # what a place cannot do
            raise RemoteError(
                f"{self._shown(key)} cannot be used so ({redacted(cut(str(error)))}); it may be a "
                "place to read from alone"
            ) from error
        except OSError as error:
            raise AwayError(redacted(cut(str(error) or type(error).__name__))) from error
        except Exception as error:  # each package behind fsspec has errors of its own
            raise AwayError(f"{type(error).__name__}: {redacted(cut(str(error)))}") from error

    def _facts(self, found: dict[str, Any]) -> ObjectFacts:
        key = str(found["name"]).removeprefix(self.base).removeprefix(self._stem).lstrip("/")
        tag = next((str(found[name]) for name in _TAGS if found.get(name)), "")
        at = next((found[name] for name in _TIMES if found.get(name)), None)
        seconds: Any = at.timestamp() if at is not None and hasattr(at, "timestamp") else at
        modified_ns = int(seconds * 1e9) if isinstance(seconds, int | float) else 0
        size = int(found.get("size") or 0)
        return ObjectFacts(key, size, tag or f"{size}-{modified_ns}", modified_ns, problem_of(key))

    def _shown(self, key: str) -> str:
        return display_name(f"{self.base}/{key}")
