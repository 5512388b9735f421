"""Imports mediapipe without what only its drawing and audio helpers need.

`import mediapipe` (1.2.2) pulls in all of its tasks, and with them matplotlib's pyplot and OpenCV
for drawing and sounddevice for recording: together three quarters of the 1.3 s of CPU time that
the import costs, in every child process that looks at hands.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

_DRAWING_AND_AUDIO = ("matplotlib", "matplotlib.pyplot", "cv2", "sounddevice")


def import_mediapipe() -> ModuleType:
    """The package `mediapipe`. What it draws and records with is imported when first used."""
    with deferred(*_DRAWING_AND_AUDIO):
        return importlib.import_module("mediapipe")


@contextlib.contextmanager
def deferred(*names: str) -> Iterator[None]:
    """Inside the block, importing one of `names` gives a stand-in that imports it when used.

    Modules that are already imported stay as they are, and no stand-in stays behind in
    `sys.modules`, so that importing them before or afterwards gives the real ones.
    """
    stand_ins = {name: _Deferred(name) for name in names if name not in sys.modules}
    for name, module in stand_ins.items():
        parent, _, child = name.rpartition(".")
        if parent in stand_ins:
            setattr(stand_ins[parent], child, module)
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            _remove(name, module)


class _Deferred(ModuleType):
    """A module that is imported when one of its attributes is asked for."""

    def __getattr__(self, attribute: str) -> Any:
        # Asked for while the block above is still open: the stand-ins must make room, of a parent
        # first, or the import would find them instead of the module.
        parent = self.__name__.partition(".")[0]
        for name in (parent, self.__name__):
            _remove(name, sys.modules.get(name))
        return getattr(importlib.import_module(self.__name__), attribute)


def _remove(name: str, module: ModuleType | None) -> None:
    if isinstance(module, _Deferred) and sys.modules.get(name) is module:
        del sys.modules[name]
