"""Which version of a package is installed here, asked without importing it."""

from __future__ import annotations

import importlib.metadata
from functools import cache

ABSENT = "absent"


@cache
def version_of(package: str) -> str:
    """Version of an installed package by its distribution name, or `absent`."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ABSENT
