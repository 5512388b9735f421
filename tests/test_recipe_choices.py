"""Every choice of every setting of every stage, by one table: taken or refused before any data.

The table is made of the registry, so a new stage or setting stands in it by itself. A setting that
must be refused together with others names itself in the sentence; nothing may wait for a video.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from rotoscope.pipeline import registry
from rotoscope.pipeline.errors import RecipeError
from rotoscope.pipeline.recipe import (
    Recipe,
    build_recipe,
    load_recipe,
    recipe_names,
)
from rotoscope.pipeline.recipe_sections import ExportSection, LimitsSection, VideoSection

BY_THEMSELVES = {
    "anonymise": ["anonymise"],
    "depth.network": ["hands", "camera", "lift", {"depth.network": {"model": "DEPTH"}}],
    "objects.network": ["hands", {"objects.network": {"model": "SEGMENTER"}}],
    "fit_smplx": ["body", "camera", "lift_body", {"fit_smplx": {"model_path": "SMPLX"}}],
    "points": ["points"],
    "points.network": [{"points.network": {"model": "tracker.pt"}}],
    "track.colour": [{"track.colour": {"things": {"disc": {"rgb": [200, 30, 30]}}}}],
    "track.state": ["hands", {"track.state": {"model": "labeler.states"}}],
}
"""Recipes for the stages that no shipped recipe has."""
SECTIONS = {"video": VideoSection, "export": ExportSection, "limits": LimitsSection}


def choices(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Settings with finitely many values: their key and all of these values."""
    for name, field in model.model_fields.items():
        key = f"{before}{name}"
        inner = _section(field.annotation)
        if inner is not None:
            yield from choices(inner, f"{key}.")
        elif values := _values(field.annotation):
            yield key, values


def _section(annotation: Any) -> type[BaseModel] | None:
    # Sections under names of the user's own have no fixed key.
    kinds = (annotation, *get_args(annotation)) if get_origin(annotation) is not dict else ()
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)


def _values(annotation: Any) -> list[Any]:
    origin, inside = get_origin(annotation), get_args(annotation)
    if annotation is bool:
        return [True, False]
    if origin is Literal:
        return list(inside)
    if origin in (Union, UnionType):
        found = [v for part in inside if part is not type(None) for v in _values(part)]
        return [*found, None] if found and type(None) in inside else found
    if origin is tuple and len(inside) == 2 and inside[1] is Ellipsis:
        return [[value] for value in _values(inside[0])]
    return []


def owners() -> dict[str, type[BaseModel]]:
    """Settings by the name of the stage or section that has them."""
    stages = {kind: registry.stage_class(kind).Config for kind in registry.BUILT_IN}
    return stages | dict(SECTIONS)


TABLE = [
    (owner, key, value)
    for owner, model in owners().items()
    for key, values in choices(model)
    for value in values
]
REFUSED: list[tuple[str, str, Any]] = [("check.physics", "roots", ["bolted"])]
"""Choices that no recipe can mean, although their type has them."""
SETTINGS = sorted({(owner, key) for owner, key, _ in TABLE})
SHIPPED = {s.name: n for n in recipe_names() for s in load_recipe(n).stages}


def recipe_with(owner: str, key: str, value: Any) -> Recipe:
    override = [f"{owner}.{key}={'null' if value is None else str(value)}"]
    if owner in BY_THEMSELVES:
        return build_recipe({"stages": BY_THEMSELVES[owner]}, override)
    return load_recipe(SHIPPED.get(owner, "hand-gripper"), override)


def config_of(recipe: Recipe, owner: str) -> BaseModel:
    if owner in SECTIONS:
        found: BaseModel = getattr(recipe, owner)
        return found
    return next(s.config for s in recipe.stages if s.name == owner)


def test_every_stage_stands_in_a_recipe_of_the_table() -> None:
    assert {*SHIPPED, *BY_THEMSELVES} == set(registry.BUILT_IN)
    assert len(TABLE) > 35


@pytest.mark.parametrize(("owner", "key", "value"), TABLE)
def test_choice_is_taken_or_refused_when_the_recipe_is_read(
    owner: str, key: str, value: Any
) -> None:
    if (owner, key, value) in REFUSED:
        with pytest.raises(RecipeError, match=re.escape(repr(value))):
            recipe_with(owner, key, value)
        return
    recipe = recipe_with(owner, key, value)
    found: Any = config_of(recipe, owner)
    for part in key.split("."):
        found = getattr(found, part)
    assert (list(found) if isinstance(value, list) else found) == value
    for entry in recipe.stages:
        entry.build()


@pytest.mark.parametrize(("owner", "key"), SETTINGS)
def test_value_that_is_no_choice_is_refused_with_those_that_are(owner: str, key: str) -> None:
    values = next(v for k, v in choices(owners()[owner]) if k == key)
    wrong = "[nothing]" if isinstance(values[0], list) else "nothing"
    with pytest.raises(RecipeError) as caught:
        recipe_with(owner, key, wrong)
    said = str(caught.value)
    assert f"{owner}.{key}" in said
    assert "got 'nothing'" in said
    if isinstance(values[0], bool):
        assert "valid boolean" in said
    for value in values:
        text = value[0] if isinstance(value, list) else value
        assert not isinstance(text, str) or repr(text) in said


@pytest.mark.parametrize("owner", sorted(owners()))
def test_setting_that_there_is_not_is_refused_with_those_that_are(owner: str) -> None:
    with pytest.raises(RecipeError, match=r"unknown key 'sped'; valid keys are") as caught:
        recipe_with(owner, "sped", 1)
    for key in owners()[owner].model_fields:
        assert repr(key) in str(caught.value)
