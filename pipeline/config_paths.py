"""Files and folders in a stage's settings: absolute while it runs, by name when published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

_FILE_SUFFIXES = frozenset({".yaml", ".yml", ".urdf", ".xml", ".mjcf", ".json", ".npz", ".pt"})


def with_absolute_paths[M: BaseModel](config: M) -> M:
    """The settings with paths that lead to the same place whatever the current folder is.

    A path is what is typed as one, and text that names a file by its ending and its folder, as
    `robot: ./my_arm.yaml`.
    """
    values = {name: getattr(config, name) for name in type(config).model_fields}
    changed = {name: _absolute(value) for name, value in values.items() if _is_path(value)}
    return config.model_copy(update=changed) if changed else config


def without_folders(config: BaseModel) -> dict[str, Any]:
    """The settings as JSON values, of paths the last component alone."""
    named: dict[str, Any] = _named(config.model_dump(), config.model_dump(mode="json"))
    return named


def _is_path(value: object) -> bool:
    if isinstance(value, Path):
        return True
    return isinstance(value, str) and "/" in value and Path(value).suffix in _FILE_SUFFIXES


def _absolute(value: Any) -> Any:
    return type(value)(Path(value).expanduser().absolute())


def _named(value: Any, as_json: Any) -> Any:
    if _is_path(value) or (isinstance(value, str) and value.startswith(("/", "~/"))):
        return Path(value).name
    if isinstance(value, dict):
        return {key: _named(item, as_json[str(key)]) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_named(one, other) for one, other in zip(value, as_json, strict=True)]
    return as_json
