"""Where a served run may read and write, and where its reports are seen.

`rotoscope serve` says it once; the processes of its runs find it in their environment.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from rotoscope.flows.reports import path_of
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.paths import inside
from rotoscope.pipeline.remote.urls import Url, place_of

VARIABLE = "ROTOSCOPE_SERVED"
STATE = ".rotoscope"
"""Folder in the first root: what `serve` remembers."""


@dataclass(frozen=True)
class Place:
    """What `rotoscope serve` was told."""

    roots: tuple[Path, ...]
    """Folders that runs write below; the first one where none is named."""
    reports: str = ""
    """Address of the reports, such as `http://127.0.0.1:4201`."""
    workers: int = 1
    """Videos at the same time, where a run does not say."""

    @classmethod
    def current(cls) -> Self:
        """That of the `rotoscope serve` that this process belongs to.

        Raises:
            UsageError: It belongs to none.
        """
        text = os.environ.get(VARIABLE)
        if text is None:
            raise UsageError("this flow is run by rotoscope serve; start that")
        facts = json.loads(text)
        return cls(tuple(map(Path, facts["roots"])), facts["reports"], facts["workers"])

    def as_text(self) -> str:
        """What `current` reads."""
        roots = [str(root) for root in self.roots]
        return json.dumps({"roots": roots, "reports": self.reports, "workers": self.workers})

    @property
    def state(self) -> Path:
        """Folder of what `serve` remembers."""
        return self.roots[0] / STATE

    def writable(self, text: str, what: str = "dataset") -> Path:
        """A place below a root: a path that lies there, or a name below the first root.

        Raises:
            UsageError: It lies elsewhere.
        """
        name = _given(text, what)
        for root in self.roots:
            if os.path.isabs(name) and Path(name).is_relative_to(root):
                name = os.path.relpath(name, root)
                return self._checked(root, name, what)
        return self._checked(self.roots[0], name, what)

    def target(self, text: str, what: str = "dataset") -> Path | Url:
        """As `writable`, or an address in an object store.

        Raises:
            UsageError: It lies elsewhere on this machine.
        """
        return address_of(text, what) or self.writable(text, what)

    def readable(self, text: str, what: str = "dataset") -> Path:
        """A path as it is, or the name of what lies below a root.

        Raises:
            UsageError: It is not there.
        """
        name = _given(text, what)
        places = [Path(name)] if os.path.isabs(name) else [root / name for root in self.roots]
        for path in places:
            if path.exists():
                return path
        roots = ", ".join(map(str, self.roots))
        raise UsageError(f"{what} {name!r} is not there; give a whole path, or a name in {roots}")

    def url(self, report: Path) -> str:
        """Where a report is seen; empty where it is not served."""
        path = path_of(report, self.roots)
        return f"{self.reports}{path}" if path and self.reports else ""

    @staticmethod
    def _checked(root: Path, name: str, what: str) -> Path:
        inside(root, name, what=what, error=UsageError)
        parts = Path(os.path.normpath(name)).parts
        if not parts or any(part.startswith(".") for part in parts):
            raise UsageError(f"{what} {name!r} is hidden or has no name; give one below {root}")
        return root.joinpath(*parts)


def inputs_of(text: str) -> list[str]:
    """Folders, files and addresses, one a line.

    Raises:
        UsageError: There is none, a path is not whole, or an address holds a password.
    """
    found = lines_of(text)
    if not found:
        raise UsageError("name a folder, a file or an address of videos; one a line")
    for line in found:
        if "://" not in line and not os.path.isabs(line):
            raise UsageError(f"{line!r} is no whole path: give it from / on, or an address")
        if "://" in line:
            _refuse_password(line)
    return found


def address_of(text: str, what: str) -> Url | None:
    """The address of something in an object store; `None` for a name, a path or nothing.

    Raises:
        UsageError: It holds a password.
    """
    given = text.strip()
    if "://" not in given:
        if given and what == "store":
            raise UsageError(f"{given!r} is no address of a store, such as s3://bucket/store")
        return None
    _refuse_password(given)
    place = place_of(given)
    return place if isinstance(place, Url) else None


def _refuse_password(address: str) -> None:
    if "@" in urlsplit(address).netloc:
        # Parameters stand in Prefect's database and on its pages.
        raise UsageError("an address holds a password; set it in the environment of serve")


def lines_of(text: str) -> list[str]:
    """What stands in a field of several lines."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _given(text: str, what: str) -> str:
    if not text.strip():
        raise UsageError(f"no {what} is named; give the name of one")
    return text.strip()
