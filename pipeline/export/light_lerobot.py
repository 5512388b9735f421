"""LeRobot's dataset writer without the networks that come with it.

`import lerobot.datasets` loads torch, torchvision, transformers and the processors of every policy,
four times what the writer itself needs; writing a dataset touches none of them. In a process that
only writes, they are replaced by placeholders that can be named, subclassed and compared against,
and that raise when they are used for anything else.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types
from collections.abc import Sequence
from typing import Any

PLACEHOLDERS = ("torch", "torchvision", "lerobot.optim", "lerobot.processor", "lerobot.transforms")
"""Packages that the writer's modules import and do not use while writing."""
ABSENT = ("transformers",)
"""Packages that LeRobot looks for when it starts, and does without."""


class LightImportError(Exception):
    """LeRobot's writer needs what was left out; it has to be imported whole."""


class _Placeholder(type):
    """Class of the classes that stand for everything in a placeholder module."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = _placeholder(f"{cls.__qualname__}.{name}")
        setattr(cls, name, value)
        return value

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.__dict__.get("is_placeholder"):
            raise LightImportError(f"{cls.__qualname__} was called")
        return super().__call__(*args, **kwargs)


def _placeholder(name: str) -> Any:
    return _Placeholder(name, (), {"is_placeholder": True})


class _PlaceholderModule(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = _placeholder(f"{self.__name__}.{name}")
        setattr(self, name, value)
        return value


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds placeholders for the named packages and everything below them."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """A placeholder's spec, or `None` for a package that is really imported."""
        if any(fullname == name or fullname.startswith(name + ".") for name in PLACEHOLDERS):
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """An empty placeholder module."""
        return _PlaceholderModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing: attributes are made when they are asked for."""


def import_light_writer() -> Any:
    """The class `LeRobotDataset`, able to write and to do nothing else.

    Only for a process that writes a dataset and ends: torch cannot be used in it afterwards.

    Raises:
        LightImportError: Something of it was imported before, or LeRobot needs more than this
            version of it did; import it whole, in another process.
    """
    before = [
        n for n in ("lerobot.datasets", "datasets", *PLACEHOLDERS, *ABSENT) if n in sys.modules
    ]
    if before:
        raise LightImportError(f"{', '.join(before)} imported before")
    # `datasets` looks at this before it looks for torch.
    os.environ["USE_TORCH"] = "0"
    sys.meta_path.insert(0, _Finder())
    try:
        _look_for_what_is_absent()
        package = _package_without_its_init("lerobot.datasets")
        dataset = importlib.import_module("lerobot.datasets.lerobot_dataset").LeRobotDataset
        # Encoder settings ask the package for these two.
        checks = importlib.import_module("lerobot.datasets.pyav_utils")
        for name in ("detect_available_encoders_pyav", "check_video_encoder_parameters_pyav"):
            setattr(package, name, getattr(checks, name))
    except (ImportError, AttributeError, TypeError) as error:
        raise LightImportError(str(error)) from error
    return dataset


def _look_for_what_is_absent() -> None:
    """Runs LeRobot's search for optional packages while some of them cannot be found."""
    sys.modules.update(dict.fromkeys(ABSENT))  # type: ignore[arg-type]
    importlib.import_module("lerobot.utils.import_utils")
    for name in ABSENT:
        del sys.modules[name]


def _package_without_its_init(name: str) -> types.ModuleType:
    """A package whose submodules can be imported while its `__init__` has not run."""
    parent, _, last = name.rpartition(".")
    spec = importlib.util.find_spec(parent)
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError(f"{parent} is not installed")
    module = types.ModuleType(name)
    module.__path__ = [os.path.join(p, last) for p in spec.submodule_search_locations]
    sys.modules[name] = module
    return module
