"""What every machine that works on a run must see as the one that started it does.

Tasks carry paths, so the videos, the store and the folder beside the dataset must lie at the same
paths everywhere, on a file system that all share, and the same versions must be installed: a node
where one of them is missing would fail each of its videos, or keep results where nobody looks.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

import httpx
from prefect.settings import PREFECT_API_URL

from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.files.identity import sha256_file
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.run.before import missing_assets
from rotoscope.pipeline.run.publish import provenance_of
from rotoscope.pipeline.run.request import LabelRequest, load_request

_SERVER_S = 20.0
ID_FILE = "shared.id"
"""In a store, beside its entries: tells it from another folder of the same path."""


@dataclass(frozen=True)
class Common:
    """What is the same on every node of a run."""

    out: str
    """Where the dataset will lie; absolute."""
    record: str
    """Hash of the run's record beside it."""
    store: str
    """Root of the store; absolute."""
    store_id: str
    """What is written in it."""
    inputs: tuple[str, ...]
    """Folders and files that hold the videos; absolute. Object storage is seen from everywhere."""
    versions: tuple[tuple[str, str], ...]
    """Of Rotoscope and of the packages that can change what a dataset says."""
    server: str
    """Address of the Prefect server."""

    @classmethod
    def of(cls, request: LabelRequest) -> Common:
        """As this machine sees it; the request is on record."""
        out = request.out.absolute()
        return cls(
            out=str(out),
            record=sha256_file(_record(out)),
            store=str(request.store.absolute()),
            store_id=_store_id(request.store),
            inputs=tuple(str(p.absolute()) for p in request.inputs if isinstance(p, Path)),
            versions=_versions(request),
            server=PREFECT_API_URL.value() or "",
        )

    def problem(self, *, allow_code: bool) -> str:
        """What is not so on the machine that this is called on; empty where all is well."""
        record = _record(Path(self.out))
        try:
            if sha256_file(record) != self.record:
                return f"{display_name(record)} holds something else there"
            if _id_in(Path(self.store)) != self.store_id:
                return f"{display_name(self.store)} is another folder there, not the run's store"
            for path in self.inputs:
                os.stat(path)
            request = load_request(Path(self.out), allow_code=allow_code)
            missing = missing_assets(request.recipe)
        except OSError as error:
            return f"{display_name(str(error.filename))} is not there ({error.strerror})"
        except RotoscopeError as error:
            return str(error)
        if missing:
            return f"{', '.join(missing)} not fetched there; rotoscope assets fetch gets them"
        for (name, here), (_, wanted) in zip(_versions(request), self.versions, strict=True):
            if here != wanted:
                return f"{name} is {here} there, and {wanted} where the run was started"
        return _server_problem(self.server)


def _server_problem(url: str) -> str:
    try:
        httpx.get(f"{url}/health", timeout=_SERVER_S)
    except httpx.HTTPError as error:
        return (
            f"the Prefect server at {url} is not reached from there ({type(error).__name__}); "
            "start one that all nodes reach and name it with PREFECT_API_URL"
        )
    return ""


def _record(out: Path) -> Path:
    return out.with_name(out.name + ".rotoscope") / "run.json"


def _versions(request: LabelRequest) -> tuple[tuple[str, str], ...]:
    facts = provenance_of(request)
    packages: dict[str, str] = facts["packages"]
    return (("rotoscope", facts["rotoscope"]), *sorted(packages.items()))


def _store_id(store: Path) -> str:
    """What is written in a store, by whoever came first."""
    file = store / ID_FILE
    if not file.exists():
        with tempfile.NamedTemporaryFile("w", dir=store, prefix=".tmp-") as mine:
            mine.write(uuid.uuid4().hex)
            mine.flush()
            with contextlib.suppress(FileExistsError):
                os.link(mine.name, file)  # whole, and one winner
    return _id_in(store)


def _id_in(store: Path) -> str:
    return (store / ID_FILE).read_text()
