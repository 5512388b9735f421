"""Packages that others come with: which version is installed here, and how one is imported."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import sys
from functools import cache
from typing import Any

ABSENT = "absent"


@cache
def version_of(package: str) -> str:
    """Version of an installed package by its distribution name, or `absent`."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ABSENT


def import_mujoco() -> Any:
    """The `mujoco` module, told on Linux, where it must know before, to draw without a display.

    Where EGL is absent drawing is turned off: with it on, even importing MuJoCo fails there.
    """
    if sys.platform == "linux" and "MUJOCO_GL" not in os.environ:
        try:
            ctypes.CDLL("libEGL.so.1")
        except OSError:
            os.environ["MUJOCO_GL"] = "disable"
        else:
            os.environ["MUJOCO_GL"] = "egl"
    import mujoco

    return mujoco
