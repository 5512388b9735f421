"""Where recipes, robots and the asset manifest lie."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rotoscope.pipeline.errors import UsageError


def config_path(*parts: str) -> Path:
    """Path of a file or folder under `configs/`.

    `ROTOSCOPE_CONFIGS` names another folder; otherwise it lies beside the `pipeline` package in a
    checkout, or under `share/rotoscope` where the package was installed.

    Raises:
        UsageError: There is no such folder.
    """
    named = os.environ.get("ROTOSCOPE_CONFIGS")
    checkout = Path(__file__).resolve().parents[1] / "configs"
    installed = Path(sys.prefix) / "share" / "rotoscope" / "configs"
    folder = Path(named) if named else checkout if checkout.is_dir() else installed
    if not folder.is_dir():
        raise UsageError(
            f"the folder of recipes and robots, {folder}, is not there; run from a checkout or "
            "set ROTOSCOPE_CONFIGS to it"
        )
    return folder.joinpath(*parts)
