"""Tables of settings: name, type, default, range, unit and meaning of every field of a model."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from docs.generate.markdown import code, sentence, table
from rotoscope.pipeline.setting_facts import (
    field_docs,
    range_text,
    section_of,
    type_text,
    unit_of,
)

HEADER = ("setting", "type", "default", "unit", "what it is")


def settings_table(model: type[BaseModel], prefix: str = "") -> str:
    """All settings of a model; those of a section within it stand as `section.key`."""
    rows = list(_rows(model, prefix))
    return table(HEADER, rows) if rows else "It has no settings.\n"


def undocumented(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Settings without a docstring."""
    missing = []
    for name, field in model.model_fields.items():
        section, inside = section_of(field.annotation, name)
        if section is not None:
            missing += undocumented(section, f"{prefix}{inside}.")
        elif name not in field_docs(model):
            missing.append(prefix + name)
    return missing


def _rows(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, ...]]:
    docs = field_docs(model)
    for name, field in model.model_fields.items():
        text = docs.get(name, "")
        section, inside = section_of(field.annotation, name)
        if section is not None:
            yield from _rows(section, f"{prefix}{inside}.")
            continue
        yield (
            code(prefix + name),
            type_text(field.annotation, code) + _range_text(field),
            _default_text(field),
            unit_of(name, text),
            sentence(text),
        )


def _range_text(field: FieldInfo) -> str:
    text = range_text(field)
    return f" ({text})" if text else ""


def _default_text(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return ""
    if value in ("", (), {}, None, []):
        return "none"
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, tuple | list):
        return code("[" + ", ".join(map(str, value)) + "]")
    return code(f"{value:g}" if isinstance(value, float) else value)
