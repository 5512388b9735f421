"""Settings given as `key=value` on a command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.plain import parse_yaml
from rotoscope.pipeline.quoting import problems_of, shown


def read_settings[S: BaseModel](overrides: Sequence[str], model: type[S]) -> S:
    """Settings out of `key=value`, values read as YAML; a dot leads into a section.

    Raises:
        UsageError: Not of that form, an unknown key, or a value out of range.
    """
    try:
        return model.model_validate(nested(overrides))
    except ValidationError as error:
        keys = ", ".join(model.model_fields)
        raise UsageError(f"{problems_of(error)}; settings are {keys}") from error


def nested(overrides: Sequence[str]) -> dict[str, Any]:
    """The values by key, sections within sections.

    Raises:
        UsageError: Not of the form `key=value`, or a key that is both a value and a section.
    """
    raw: dict[str, Any] = {}
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"cannot read {text!r}: write KEY=VALUE, such as loop.seed=1")
        *parents, last = key.split(".")
        section = raw
        for parent in parents:
            section = section.setdefault(parent, {})
            if not isinstance(section, dict):
                raise UsageError(f"{text!r}: {parent} is given a value as well; give one of both")
        section[last] = parse_yaml(value, source=f"setting {shown(text)}", error=UsageError)
    return raw
