"""The reference says what the code has: every command, stage, setting, recipe, column and error."""

import re

import pytest
from pydantic import BaseModel, Field

from docs.generate import cli, columns, errors, settings, stages, training
from docs.generate.source import load
from rotoscope.pipeline import errors as all_errors
from rotoscope.pipeline import registry
from rotoscope.pipeline.recipe import recipe_names
from rotoscope.pipeline.setting_facts import field_docs, unit_of


class Inner(BaseModel):
    """A section."""

    angle_rad: float = Field(default=0.5, ge=0, lt=3)
    """How far it turns."""


class Model(BaseModel):
    """Settings of a test."""

    size: int = 3
    """How large | how long
    it is [px]."""
    inner: Inner = Inner()
    bare: bool = True


def test_a_setting_has_its_default_unit_and_range():
    text = settings.settings_table(Inner)
    assert "| `angle_rad` | number (>= 0, < 3) | `0.5` | rad |" in text


def test_sections_stand_with_a_dot_and_bars_are_escaped():
    text = settings.settings_table(Model)
    assert "| `inner.angle_rad` |" in text
    assert "How large \\| how long it is [px]." in text
    assert "| px |" in text


def test_a_setting_without_docstring_is_named():
    assert settings.undocumented(Model) == ["bare"]


@pytest.mark.parametrize(
    ("name", "text", "unit"),
    [
        ("speed", "Fastest motion [hand sizes / s]; so.", "hand sizes / s"),
        ("wait_s", "How long.", "s"),
        ("max_m_s", "How fast.", "m/s"),
        ("names", "One of (k1, k2[, k3]).", ""),
        ("side", "Which.", ""),
    ],
)
def test_the_unit_is_stated_or_in_the_name(name, text, unit):
    assert unit_of(name, text) == unit


def test_every_command_has_a_section_with_its_options():
    page = cli.make()
    for name, command in cli.commands(cli.root_command()):
        assert f"## {name} {{" in page
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name != "help":
                assert f"`{parameter.opts[0]}" in page, (name, parameter.opts)


def test_every_stage_and_each_of_its_settings_is_there():
    page = stages.make_stages()
    for kind in registry.BUILT_IN:
        assert f"## {kind} {{" in page
        for field in registry.stage_class(kind).Config.model_fields:
            assert re.search(rf"^\| `{field}[`.]", page, re.MULTILINE), (kind, field)


def test_every_setting_says_what_it_is():
    models = {kind: registry.stage_class(kind).Config for kind in registry.BUILT_IN}
    models |= stages.SECTIONS | {k: load(r) for k, r in training.TRAINED.items()}
    missing = {name: settings.undocumented(model) for name, model in models.items()}
    assert {name: keys for name, keys in missing.items() if keys} == {}


def test_every_recipe_is_there_with_links_to_its_stages():
    page = stages.make_recipes()
    assert [name for name in recipe_names() if f"## {name}\n" not in page] == []
    assert "[`hands`](stages.md#hands)" in page


def test_columns_of_every_part_are_found():
    found = {column.name: column for column in columns.columns()}
    wanted = {
        "label.ee",
        "label.interval",
        "label.latent",
        "label.physics",
        "label.root_pose",
        "label.solver",
        "track.aperture",
        "track.aperture_sigma",
        "track.body.contact",
        "track.hand.sigma",
        "track.smplx.pose",
    }
    assert wanted - set(found) == set()
    assert found["track.hand.joints"].unit == "m"
    assert all(column.description for column in found.values())


def test_every_error_is_there():
    page = errors.make()
    kinds = [v for v in vars(all_errors).values() if isinstance(v, type)]
    names = [kind.__name__ for kind in kinds if issubclass(kind, Exception)]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_docstrings_of_bases_count():
    fields = field_docs(registry.stage_class("hands").Config)
    assert fields["min_hand_px"].startswith("Least size")
