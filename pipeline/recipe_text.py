"""What the text of a recipe and its overrides say, before any stage is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rotoscope.pipeline.errors import RecipeError, quoted
from rotoscope.pipeline.files.plain import mapping
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.settings import parse_override, put

Entry = tuple[str, str, dict[str, Any]]
"""A stage's name, its reference and its settings."""
SECTIONS = ("video", "export", "limits")
TEXTS = ("name", "description", "task", "action")
KEYS = {"stages", *SECTIONS, *TEXTS}


def parse_entry(item: object, source: str) -> Entry:
    """One item of `stages`."""
    key, given = item, None
    if isinstance(item, dict) and len(item) == 1:
        key, given = next(iter(item.items()))
    if not isinstance(key, str):
        raise RecipeError(
            f"{source}: a stage is a name or one 'name: {{settings}}' mapping, got {shown(item)}"
        )
    reference, _, name = key.partition(" as ")
    # A stage of the user's own is called after its file, wherever that lies.
    own = reference.rpartition("/")[2] if ".py:" in reference else reference
    return name or own, reference, settings_of(given, f"{source}: stage {key!r}")


def apply_override(
    text: str,
    entries: list[Entry],
    sections: dict[str, dict[str, Any]],
    top: dict[str, Any],
) -> None:
    """Writes one `STAGE.KEY=VALUE` into the settings that it is about."""
    key = text.partition("=")[0]
    targets = {name: config for name, _, config in entries} | sections
    owner = max((n for n in targets if key.startswith(n + ".")), key=len, default=None)
    if "=" not in text or (owner is None and key not in ("task", "action", "name")):
        raise RecipeError(
            f"cannot read override {shown(text)}: write STAGE.KEY=VALUE with a stage or section of "
            f"{quoted(targets)}, task=TEXT, or +STAGE to add one"
        )
    _, value = parse_override(text, error=RecipeError)
    settings, inner = (top, key) if owner is None else (targets[owner], key[len(owner) + 1 :])
    put(settings, inner, value, source=f"override {shown(text)}", error=RecipeError)


def text_of(given: Mapping[str, Any], key: str, default: str, source: str) -> str:
    """One of the recipe's own texts."""
    value = given.get(key, default)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RecipeError(f"{source}: {key!r} must be a text, got {shown(value)}")
    try:
        text = str(value)
        text.encode()
    except ValueError as error:  # half a character, or digits without end
        raise RecipeError(f"{source}: {key!r} is no text that can be written: {error}") from error
    return text


def settings_of(value: object, source: str) -> dict[str, Any]:
    """A stage's or section's settings; nothing at all stands for none."""
    return {} if value is None else mapping(value, source=source, error=RecipeError)
