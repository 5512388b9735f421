"""S3, and what speaks its language, through obstore: streamed listings, conditional writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rotoscope.pipeline.errors import RemoteAccessError, RemoteError
from rotoscope.pipeline.files.atomic import disk_errors
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.quoting import redacted
from rotoscope.pipeline.remote.objects import MOST_IN_MEMORY, ObjectFacts, changed
from rotoscope.pipeline.remote.patience import (
    DEFAULT,
    SEND_SILENCE_S,
    SILENCE_S,
    AwayError,
    Outage,
    Patience,
    Waiting,
    patiently,
)
from rotoscope.pipeline.remote.s3_access import LOGIN_ADVICE, list_slowly, open_client

PART_BYTES = 8 << 20
"""Larger objects are sent in parts of this size, each a request of its own."""
PAGE = 1000
"""Keys that one request lists; the most that S3 gives."""
CHUNK_BYTES = 1 << 20
_STATUS = re.compile(r"status code: (\d{3})")
_PASSES = ("408", "409", "425", "429")
"""Refusals that say 'not now', beside all of 500 and more; S3 says 409 to two writers at once."""
_NOT_NOW = ("RequestTimeout", "SlowDown")
_DENIED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken")
_CODE = re.compile(r"<Code>(\w+)</Code>")


class S3Objects:
    """One bucket."""

    def __init__(self, bucket: str, patience: Patience = DEFAULT) -> None:
        """Opens it; no request is made.

        Raises:
            UsageError: obstore is not installed.
            RemoteAccessError: There are no credentials.
        """
        self.bucket, self.patience, self.outage = bucket, patience, Outage()
        self._reader = open_client(bucket, silence_s=SILENCE_S)
        self._writer = open_client(bucket, silence_s=SEND_SILENCE_S)

    def listed(self, prefix: str, *, after: str = "") -> Iterator[ObjectFacts]:
        """Everything below `prefix/`, in pages of a thousand, none of them kept."""
        import obstore
        from obstore.exceptions import InvalidPathError

        waiting, last = Waiting(self._shown(prefix), self.patience, self.outage), after
        while True:
            where = {"offset": last} if last else {}
            try:
                with self._said(prefix):
                    pages = obstore.list(self._reader, prefix or None, chunk_size=PAGE, **where)
                    for page in pages:
                        yield from map(_facts, page)
                        last = page[-1]["path"] if page else last
                        waiting.moved()
                return
            except AwayError as error:
                waiting.failed(error)
            except InvalidPathError:
                # One key that is no path ends obstore's listing of all others.
                yield from list_slowly(self.bucket, prefix, last, self.patience)
                return

    def head(self, key: str) -> ObjectFacts | None:
        """Facts about an object, `None` where there is none."""
        import obstore

        try:
            return _facts(self._ask(key, lambda: obstore.head(self._reader, key)))
        except FileNotFoundError:
            return None

    def read(self, key: str) -> bytes | None:
        """The bytes of a small object, `None` where there is none."""
        import obstore

        def get() -> bytes:
            answer = obstore.get(self._reader, key)
            if answer.meta["size"] > MOST_IN_MEMORY:
                raise RemoteError(
                    f"{self._shown(key)} holds {answer.meta['size']:,} bytes, more than "
                    f"{MOST_IN_MEMORY:,}: no such record is"
                )
            return bytes(answer.bytes())

        try:
            return self._ask(key, get)
        except FileNotFoundError:
            return None

    def fetch(self, facts: ObjectFacts, target: Path) -> None:
        """Writes the bytes of an object to a file; what breaks off goes on where it was."""
        import obstore
        from obstore.exceptions import PreconditionError

        shown, done = self._shown(facts.key), 0
        waiting = Waiting(shown, self.patience, self.outage)
        same: dict[str, Any] = {"if_match": facts.tag} if facts.tag else {}
        with disk_errors(target), target.open("xb") as file:
            while done < facts.size:
                options = same | ({"range": {"offset": done}} if done else {})
                try:
                    with self._said(facts.key):
                        answer = obstore.get(self._reader, facts.key, options=options)  # type: ignore[arg-type]
                        pieces = iter(answer.stream(min_chunk_size=CHUNK_BYTES))
                    while piece := self._next(facts.key, pieces):
                        file.write(piece)
                        done += len(piece)
                        waiting.moved()
                    if done < facts.size:
                        waiting.failed(AwayError(f"{done:,} of {facts.size:,} bytes came"))
                except AwayError as error:
                    waiting.failed(error)
                except (PreconditionError, FileNotFoundError) as error:
                    raise changed(shown) from error
        if done != facts.size:
            raise changed(shown)

    def put(self, key: str, data: bytes | Path, *, is_new: bool = False) -> bool:
        """Writes an object whole; with `is_new` only where there is none: `False` if there is.

        Of several writers at once exactly one is told `True`, up to `PART_BYTES`; larger ones are
        looked for before.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError

        size = data.stat().st_size if isinstance(data, Path) else len(data)
        is_large = size > PART_BYTES
        if is_large and is_new and self.head(key) is not None:
            return False
        mode = "create" if is_new and not is_large else "overwrite"

        def send() -> None:
            obstore.put(
                self._writer,
                key,
                data,
                mode=mode,  # type: ignore[arg-type]
                use_multipart=is_large,
                chunk_size=PART_BYTES,
                max_concurrency=2,
            )

        try:
            self._ask(key, send)
        except AlreadyExistsError:
            return False
        return True

    def copy(self, source: str, target: str) -> None:
        """Copies an object within the bucket; no byte of it comes here."""
        import obstore

        self._ask(source, lambda: obstore.copy(self._writer, source, target))

    def delete(self, keys: Sequence[str]) -> None:
        """Removes objects, a thousand with one request."""
        import obstore

        for start in range(0, len(keys), PAGE):
            some = list(keys[start : start + PAGE])
            self._ask(some[0], lambda some=some: obstore.delete(self._reader, some))

    def _ask(self, key: str, call: Any) -> Any:
        def once() -> Any:
            with self._said(key):
                return call()

        return patiently(once, what=self._shown(key), patience=self.patience, outage=self.outage)

    def _next(self, key: str, pieces: Iterator[Any]) -> Any:
        with self._said(key):
            return next(pieces, None)

    def _shown(self, key: str) -> str:
        return display_name(f"s3://{self.bucket}/{key}")

    @contextmanager
    def _said(self, key: str) -> Iterator[None]:
        """Sorts what obstore raises: what passes, what does not, and what the caller asked for."""
        from obstore import exceptions

        try:
            yield
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise RemoteError(self._no_bucket()) from error
            raise
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            raise self._denied(key, str(error)) from error
        except exceptions.GenericError as error:
            raise self._of(key, str(error)) from error

    def _of(self, key: str, text: str) -> Exception:
        status, code = _STATUS.search(text), _CODE.search(text)
        name = code[1] if code else ""
        if name == "NoSuchBucket":
            return RemoteError(self._no_bucket())
        if name in _DENIED or (status and status[1] in ("401", "403")):
            return self._denied(key, text)
        why = _first_line(text)
        passes = status is None or status[1] in _PASSES or status[1] >= "500" or name in _NOT_NOW
        if passes and "without LOCATION" not in text:
            return AwayError(" ".join(filter(None, [name, why])))
        return RemoteError(
            f"{self._shown(key)}: the store refused ({name or why}); is the bucket in another "
            "region (AWS_REGION), or the endpoint another one (AWS_ENDPOINT_URL)?"
        )

    def _denied(self, key: str, text: str) -> RemoteAccessError:
        code = _CODE.search(text)
        why = code[1] if code else _first_line(text)
        return RemoteAccessError(f"{self._shown(key)}: no access ({why}); {LOGIN_ADVICE}")

    def _no_bucket(self) -> str:
        return f"there is no bucket {self.bucket!r}; make it, or correct its name"


def _facts(meta: Any) -> ObjectFacts:
    modified = meta["last_modified"]
    return ObjectFacts(
        meta["path"], meta["size"], meta["e_tag"] or "", int(modified.timestamp() * 1e9)
    )


def _first_line(text: str) -> str:
    """The gist of what obstore says: its last cause, without the answer's body."""
    return redacted(text.partition("\n")[0].rpartition(" - ")[2].partition(": <?xml")[0])[:160]
