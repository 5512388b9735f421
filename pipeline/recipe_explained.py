"""A recipe as a file to read and to change: every setting with its meaning, unit and range."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel

from rotoscope.pipeline.recipe import Recipe, StageEntry
from rotoscope.pipeline.setting_facts import (
    Setting,
    field_docs,
    range_text,
    section_of,
    settings_of_model,
    type_text,
    unit_of,
)

WIDTH = 96


def explained(recipe: Recipe) -> str:
    """The recipe as YAML that `--recipe FILE.yaml` takes, every setting explained above it."""
    lines = [f"{key}: {_value(getattr(recipe, key))}" for key in ("name", "description", "task")]
    lines += [f"# The stage whose actions become `action`.\naction: {recipe.action}", "stages:"]
    for entry in recipe.stages:
        lines += _stage(entry)
    for name in ("video", "export", "limits"):
        section: BaseModel = getattr(recipe, name)
        lines += ["", *_comment(_first(type(section)), ""), f"{name}:"]
        lines += _settings(section, "  ")
    return "\n".join(lines) + "\n"


def _stage(entry: StageEntry) -> Iterator[str]:
    found = entry.stage_class
    yield from _comment(f"{_first(found)} (version {found.version})", "  ")
    kind = f"{entry.reference} as {entry.name}" if entry.name != found.kind else entry.reference
    settings = list(_settings(entry.config, "      "))
    yield f"  - {kind}:" if settings else f"  - {kind}"
    yield from settings


def _settings(config: BaseModel, indent: str) -> Iterator[str]:
    """A line for every setting below its explanation; sections are indented further."""
    facts = {setting.key: setting for setting in settings_of_model(type(config))}
    dumped = config.model_dump(mode="json")
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            yield f"{indent}{name}:"
            yield from _settings(value, indent + "  ")
            continue
        text = field_docs(type(config)).get(name, "")
        fact = facts.get(name) or Setting(name, field, unit_of(name, text), range_text(field), text)
        yield from _comment(_explanation(fact), indent)
        yield f"{indent}{name}: {_value(dumped[name])}"


def _explanation(setting: Setting) -> str:
    kind = type_text(setting.field.annotation)
    parts = [kind, f"[{setting.unit}]" if setting.unit else "", setting.range]
    section, _ = section_of(setting.field.annotation, setting.key)
    if section is not None:
        parts = ["settings by a name of your own"]
    return f"{' '.join(setting.text.split())} {{{' '.join(filter(None, parts))}}}"


def _first(thing: type) -> str:
    return (thing.__doc__ or "").strip().partition("\n")[0]


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _value(value: Any) -> str:
    """A value on one line, as YAML writes it."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")
