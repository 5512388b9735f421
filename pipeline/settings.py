"""Settings as people write them, `KEY=VALUE` or a mapping, read into a checked model.

The one place that says what is wrong with them: recipes, robots, trainings and the files of trained
models tell the same mistake in the same words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from rotoscope.pipeline.errors import RotoscopeError, UsageError, quoted
from rotoscope.pipeline.files.plain import mapping, parse_yaml
from rotoscope.pipeline.quoting import key_of, several, shown


def read_settings[S: BaseModel](overrides: Sequence[str], model: type[S]) -> S:
    """Settings out of texts `KEY=VALUE`; a dot leads into a section.

    Raises:
        UsageError: Not of that form, an unknown key, or a value out of range.
    """
    raw: dict[str, Any] = {}
    for text in overrides:
        key, value = parse_override(text, error=UsageError)
        put(raw, key, value, source=f"override {shown(text)}", error=UsageError)
    return checked(model, raw, error=UsageError)


def parse_override(text: str, *, error: type[RotoscopeError]) -> tuple[str, Any]:
    """Key and value of `KEY=VALUE`; the value is read as YAML, nothing at all as an empty text."""
    key, equals, value = text.partition("=")
    if not equals:
        raise error(f"cannot read {shown(text)}: write KEY=VALUE, such as loop.seed=1")
    if not value:
        return key, ""
    return key, parse_yaml(value, source=f"override {shown(text)}", error=error)


def put(
    settings: dict[str, Any], key: str, value: Any, *, source: str, error: type[RotoscopeError]
) -> None:
    """Writes a value at a key such as `loop.seed`; sections on the way are copied.

    Raises:
        RotoscopeError: Of the class `error`: a value stands where a section would have to.
    """
    *parents, last = key.split(".")
    for parent in parents:
        found = settings.get(parent)
        inner = {} if found is None else mapping(found, source=f"{source}: {parent!r}", error=error)
        settings[parent] = settings = inner
    settings[last] = value


def checked[M: BaseModel](
    model: type[M],
    values: object,
    *,
    owner: str = "",
    error: type[RotoscopeError],
    is_file: bool = False,
) -> M:
    """A model out of a mapping, or one sentence about what is wrong with it.

    Args:
        model: What the mapping should be.
        values: The mapping.
        owner: Whose settings they are: the name of a stage, or what a file is called.
        error: What to raise.
        is_file: Whether the owner is a file, not the first part of a setting's own name.

    Raises:
        RotoscopeError: Of the class `error`: unknown keys, keys that must be given, values out of
            range; the sentence holds the valid keys.
    """
    try:
        return model.model_validate(values)
    except ValidationError as found:
        # A key that is misspelt is missing under its right name too: say first how it is spelt.
        problems = sorted(found.errors(include_url=False), key=lambda p: p["type"] != _UNKNOWN)
        joint = ": " if is_file else "."
        raise error(several([_sentence(p, model, owner, joint) for p in problems])) from found


def _sentence(problem: Mapping[str, Any], model: type[BaseModel], owner: str, joint: str) -> str:
    key = key_of(problem)
    name = f"{owner}{joint if owner and key else ''}{key}" or "settings"
    if problem["type"] == _UNKNOWN:
        fields = _section_at(model, problem["loc"][:-1]).model_fields
        valid = quoted(fields) if fields else "none: it has no keys"
        return f"{owner}{': ' if owner else ''}unknown key {key!r}; valid keys are {valid}"
    if problem["type"] == "missing":
        places = "in the recipe, or as" if owner else "as"
        return f"{name} must be given" + ("" if joint == ": " else f": {places} -o {name}=...")
    return f"{name}: {problem['msg']}, got {shown(problem['input'])}"


_UNKNOWN = "extra_forbidden"


def _section_at(model: type[BaseModel], keys: Sequence[str | int]) -> type[BaseModel]:
    """The settings that some keys lead to, one inside the other, names of the user's own between.

    A section may be optional, or stand under names that the user chooses.
    """
    for key in keys:
        field = model.model_fields.get(str(key))
        kinds = () if field is None else (field.annotation, *get_args(field.annotation))
        inside = (k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel))
        model = next(inside, model)
    return model
