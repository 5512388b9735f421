"""The user's cache of assets: where they lie, fetching, checking, listing.

An asset appears whole or not at all, and only with the right checksum. One process fetches at a
time; nothing here touches the network except `fetch`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rotoscope.pipeline.assets.archives import Downloads
from rotoscope.pipeline.assets.digest import sha256_of
from rotoscope.pipeline.assets.manifest import Asset, find_asset, manifest
from rotoscope.pipeline.assets.sources import make
from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.files.atomic import atomic_path, remove, write_text_atomic

Progress = Callable[[str], None]


@dataclass(frozen=True)
class AssetStatus:
    """What is known about one asset on this machine."""

    name: str
    """As in `configs/assets.yaml`."""
    state: Literal["absent", "present", "verified", "damaged"]
    """`present` is there but was not read; `verified` was read and has the right checksum."""
    path: Path
    """Where it lies or would lie."""
    description: str
    """What it is, in one sentence."""
    license: str
    """SPDX identifier, and whose it is."""
    size_bytes: int
    """Size on disk; 0 where absent."""
    sources: tuple[str, ...]
    """Where it comes from, in the order tried."""


def assets_root() -> Path:
    """`$ROTOSCOPE_ASSETS`, or `assets` under the user's cache folder."""
    named = os.environ.get("ROTOSCOPE_ASSETS")
    if named:
        return Path(named).expanduser().resolve()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("rotoscope")) / "assets"


def asset_path(name: str) -> Path:
    """Path of an asset that was fetched before. Does not read it, does not fetch.

    Raises:
        AssetError: There is no such asset, or it was not fetched; the message has the command.
    """
    asset = find_asset(name)
    path = assets_root() / name
    if not _is_there(asset, path):
        raise AssetError(
            f"{name} ({asset.description.rstrip('.')}) is not at {path}; "
            f"get it with: rotoscope assets fetch {name}"
        )
    return path


def asset_digest(name: str) -> str:
    """Checksum of an asset's bytes as they lie here, for keys of what was made with it.

    Raises:
        AssetError: As `asset_path`.
    """
    return sha256_of(asset_path(name))


def fetch(
    names: Sequence[str] | None = None, *, progress: Progress = lambda line: None
) -> list[AssetStatus]:
    """Fetches what is not there or damaged, and returns the verified statuses.

    What is there with the right checksum is left alone, so this works offline then. Every asset is
    tried, and every source in the manifest's order, before an error is raised.

    Args:
        names: Assets to fetch; all of the manifest where none are named.
        progress: Called with one line of text at each step.

    Raises:
        AssetError: Some asset could not be had; the message gives the reason for each source.
        DiskFullError: No space is left for it.
    """
    wanted = _chosen(names)
    if not _missing(wanted):
        return verify(list(wanted))
    with _locked(progress) as scratch:
        downloads = Downloads(scratch, progress)
        problems = []
        for name, asset in _missing(wanted).items():
            problems += _fetch_one(name, asset, downloads, progress)
    if problems:
        raise AssetError("\n".join(problems))
    return verify(list(wanted))


def verify(names: Sequence[str] | None = None) -> list[AssetStatus]:
    """Statuses after reading every byte: `absent`, `verified` or `damaged`.

    Raises:
        UsageError: There is no asset of that name.
    """
    return [_status(name, asset, read=True) for name, asset in _chosen(names).items()]


def list_assets() -> list[AssetStatus]:
    """Statuses of all assets of the manifest without reading them: `absent` or `present`."""
    return [_status(name, asset, read=False) for name, asset in manifest().items()]


def _chosen(names: Sequence[str] | None) -> dict[str, Asset]:
    return {name: find_asset(name) for name in (manifest() if names is None else names)}


def _missing(assets: dict[str, Asset]) -> dict[str, Asset]:
    return {n: a for n, a in assets.items() if _status(n, a, read=True).state != "verified"}


def _is_there(asset: Asset, path: Path) -> bool:
    return path.is_dir() if asset.kind == "folder" else path.is_file()


def _fetch_one(name: str, asset: Asset, downloads: Downloads, progress: Progress) -> list[str]:
    """Tries the sources in order; returns the reasons if none worked."""
    reasons = []
    for source in asset.sources:
        progress(f"{name}: from {source}")
        path = assets_root() / name
        try:
            with atomic_path(path) as temporary:
                make(source, name, temporary, downloads)
                found = sha256_of(temporary)
                if asset.sha256 not in (None, found):
                    raise AssetError(f"its sha256 is {found}, expected {asset.sha256}")
        except AssetError as error:
            reasons.append(f"{name} from {source}: {error}")
            continue
        if asset.sha256 is None:
            write_text_atomic(_note(path), found + "\n")
        progress(f"{name} is at {path}")
        return []
    return reasons


def _note(path: Path) -> Path:
    """Where the checksum of a rendered file is kept."""
    return path.with_name(f".{path.name}.sha256")


def _status(name: str, asset: Asset, *, read: bool) -> AssetStatus:
    path = assets_root() / name
    state: Literal["absent", "present", "verified", "damaged"] = "absent"
    size_bytes = 0
    if _is_there(asset, path):
        state = "present"
        files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
        size_bytes = sum(f.stat().st_size for f in files)
        if read:
            state = "verified" if sha256_of(path) == _expected(asset, path) else "damaged"
    return AssetStatus(
        name=name,
        state=state,
        path=path,
        description=asset.description,
        license=asset.license,
        size_bytes=size_bytes,
        sources=tuple(str(source) for source in asset.sources),
    )


def _expected(asset: Asset, path: Path) -> str:
    if asset.sha256 is not None:
        return asset.sha256
    note = _note(path)
    return note.read_text().strip() if note.is_file() else ""


@contextlib.contextmanager
def _locked(progress: Progress) -> Iterator[Path]:
    """Lets one process in at a time; yields an empty scratch folder that is removed afterwards."""
    root = assets_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / ".lock").open("w")
    except OSError as error:
        raise AssetError(
            f"assets cannot be kept in {root}: {error.strerror}; set ROTOSCOPE_ASSETS to a folder "
            "that can be written"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another process that is fetching assets")
            fcntl.flock(lock, fcntl.LOCK_EX)
        scratch = root / ".downloads"
        # Whatever a killed process left: nobody else can be using it while we hold the lock.
        remove(scratch)
        scratch.mkdir()
        try:
            yield scratch
        finally:
            remove(scratch)
