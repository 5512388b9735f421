"""What identifies a robot for keys of what was made with it: contents of its files, not places."""

from __future__ import annotations

import hashlib
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from rotoscope.pipeline.assets.manifest import find_asset
from rotoscope.retarget.description.locate import NamedSection, RobotFileSection
from rotoscope.retarget.description.xml import parse_xml
from rotoscope.retarget.robots.read_config import file_configs, load_config, robot_names

_WHERE = ("asset", "folder", "robot_descriptions", "file", "attached")
"""Keys of a YAML file that say where the robot's file lies, not what it is."""
_FOLDERS = ("meshdir", "texturedir", "assetdir")
"""Attributes of MJCF's `compiler` that name folders of files."""
_DRIVEN = ("max_effort", "carries_weight")
"""Keys that say how strong a robot is and how it is driven: they move no motion that is labeled,
and what simulates counts them by itself."""


def robot_digest(config: RobotFileSection, path: Path, *, is_driven: bool = False) -> str:
    """Hash of a robot's settings, of its URDF or MJCF file, and of every file that this names.

    Meshes and included files count: what links weigh and where they touch comes from them.

    Args:
        config: What its YAML file says.
        path: Its URDF or MJCF file.
        is_driven: Whether torque limits of the YAML file count too.

    Raises:
        RobotError: The file is not there or no XML.
    """
    found = hashlib.sha256(_settings(config, is_driven=is_driven))
    for name, data in _contents(path, parse_xml(path), {path.resolve()}):
        found.update(f"\0{name}\0{len(data)}\0".encode() + data)
    return found.hexdigest()


def shipped_digest() -> str:
    """Hash of all robots of `configs/robots`, fetched or not, by what their assets must hold.

    Torque limits count.
    """
    found = hashlib.sha256()
    for name in robot_names():
        config, config_file = load_config(name)
        found.update(_settings(config, is_driven=True))
        for part, _ in file_configs(config, config_file):
            found.update(str(find_asset(part.asset).sha256 if part.asset else "").encode())
    return found.hexdigest()


def _settings(config: NamedSection, *, is_driven: bool) -> bytes:
    facts: object = config.model_dump(mode="json", exclude=set(_WHERE))
    if not is_driven:
        facts = _without(facts, _DRIVEN)
    return json.dumps(facts, sort_keys=True).encode()


def _without(facts: object, keys: tuple[str, ...]) -> object:
    """Nested mappings without some keys."""
    if isinstance(facts, dict):
        return {key: _without(value, keys) for key, value in facts.items() if key not in keys}
    return [_without(value, keys) for value in facts] if isinstance(facts, list) else facts


def _contents(path: Path, root: ET.Element, seen: set[Path]) -> Iterator[tuple[str, bytes]]:
    """A file, then what it names, each by the name that the file gives it."""
    yield path.suffix, path.read_bytes()
    for name in sorted(set(_named(root))):
        file = _find(name, path, root)
        if file is None or file.resolve() in seen:
            yield name, b""
            continue
        seen.add(file.resolve())
        if file.suffix.lower() == ".xml":
            yield name, b""
            yield from _contents(file, parse_xml(file, is_included=True), seen)
        else:
            yield name, file.read_bytes()


def _named(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        for key in ("filename", "file"):
            if name := element.get(key):
                yield name


def _find(name: str, path: Path, root: ET.Element) -> Path | None:
    """Where a file that another one names lies, or `None`."""
    # Imported here because that module checks robots, which are identified through this one.
    from rotoscope.retarget.description.mujoco import find_mesh

    folders = [c.get(key, "") for c in root.iter("compiler") for key in _FOLDERS]
    places = (path.parent / folder / name for folder in ("", *folders))
    return next((place for place in places if place.is_file()), None) or find_mesh(name, path)
