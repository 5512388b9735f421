"""JSON and YAML from outside, read so that whatever lies there gives values or one sentence.

Nothing in such a file is run, and nothing makes reading it long: the file must be a plain one of
bounded size, and what its YAML aliases stand for must be bounded too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from rotoscope.pipeline.errors import RotoscopeError
from rotoscope.pipeline.quoting import cut, shown

MAX_BYTES = 64 * 2**20
"""Largest file of settings or facts; those of a hundred thousand episodes are smaller."""
MAX_NODES = 1_000_000
"""Values that a YAML text may stand for, its aliases written out."""


def read_text(path: Path, *, error: type[RotoscopeError]) -> str:
    """The text of a UTF-8 file.

    Raises:
        RotoscopeError: Of the class `error`; it cannot be read, is no plain file, is too large or
            is no UTF-8.
    """
    try:
        if not path.is_file():
            there = "is a folder" if path.is_dir() else "is not there, or no plain file"
            raise error(f"{path} {there}")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise error(f"{path} is larger than {MAX_BYTES >> 20} MiB: no such file is")
        return data.decode("utf-8")
    except OSError as problem:
        raise error(f"{path} cannot be read: {problem.strerror or problem}") from problem
    except UnicodeDecodeError as problem:
        raise error(f"{path} is not UTF-8 text (byte {problem.start})") from problem


def read_json(path: Path, *, error: type[RotoscopeError]) -> Any:
    """The value of a JSON file; raises as `read_text`, and where it is no JSON."""
    return parse_json(read_text(path, error=error), source=str(path), error=error)


def read_yaml(path: Path, *, error: type[RotoscopeError]) -> Any:
    """The value of a YAML file; raises as `read_text` and `parse_yaml`."""
    return parse_yaml(read_text(path, error=error), source=str(path), error=error)


def parse_json(text: str, *, source: str, error: type[RotoscopeError]) -> Any:
    """The value of a JSON text.

    Raises:
        RotoscopeError: Of the class `error`; it is none.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno} column {problem.colno}"
        raise error(f"{source} is not valid JSON: {problem.msg} in {where}") from problem
    except (ValueError, RecursionError) as problem:  # digits without end, brackets without end
        raise error(f"{source} is not JSON that is meant to be read: {problem}") from problem


def parse_yaml(text: str, *, source: str, error: type[RotoscopeError]) -> Any:
    """The value of a YAML text: what JSON can hold, no dates, no objects.

    Raises:
        RotoscopeError: Of the class `error`; it is none, or its aliases stand for themselves or
            for more than a million values.
    """
    loader = None
    try:
        loader = _PlainLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _num_nodes(node, {}, ()) > MAX_NODES:
            raise error(f"{source}: its aliases stand for more than {MAX_NODES} values")
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        where = f" in line {mark.line + 1} column {mark.column + 1}" if mark else ""
        raise error(f"{source} is not valid YAML: {cut(str(problem.problem))}{where}") from problem
    except yaml.reader.ReaderError as problem:
        raise error(
            f"{source} is not valid YAML: character {problem.position} is not printable"
        ) from problem
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise error(
            f"{source} is not YAML that is meant to be read: {cut(str(problem))}"
        ) from problem
    finally:
        if loader is not None:
            loader.dispose()


def mapping(value: Any, *, source: str, error: type[RotoscopeError]) -> dict[str, Any]:
    """The value, where it is a mapping of names.

    Raises:
        RotoscopeError: Of the class `error`; it is something else.
    """
    if not isinstance(value, dict):
        raise error(f"{source} must be a mapping of names to values, got {shown(value)}")
    strange = [key for key in value if not isinstance(key, str)]
    if strange:
        raise error(f"{source}: keys must be texts, got {shown(strange[0])}")
    return dict(value)


class _PlainLoader(yaml.SafeLoader):
    """Safe, and a date stays a text: nothing here is about days."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own name and kind
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def fetch_tag(self) -> None:
        """Refuses tags, the plain ones too: each is one more way in, and none is needed."""
        raise yaml.scanner.ScannerError(None, None, "found a tag ('!')", self.get_mark())


def _num_nodes(node: yaml.Node, known: dict[int, int], above: tuple[int, ...]) -> int:
    """How many values a node stands for, aliases written out."""
    if id(node) in above:
        raise ValueError("an alias stands for what it is part of")
    if id(node) not in known:
        if isinstance(node, yaml.MappingNode):
            inside = [child for pair in node.value for child in pair]
        else:
            inside = node.value if isinstance(node, yaml.SequenceNode) else []
        here = (*above, id(node))
        known[id(node)] = 1 + sum(_num_nodes(child, known, here) for child in inside)
    return known[id(node)]
