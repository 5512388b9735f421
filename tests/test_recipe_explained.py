"""Every setting says what it means, its unit and its range; what is shown can be run."""

import pytest
from pydantic import BaseModel, Field

from rotoscope.pipeline import registry
from rotoscope.pipeline.recipe import load_recipe, recipe_names
from rotoscope.pipeline.recipe_explained import explained
from rotoscope.pipeline.recipe_sections import ExportSection, LimitsSection, VideoSection
from rotoscope.pipeline.setting_facts import settings_of_model

SECTIONS = {"video": VideoSection, "export": ExportSection, "limits": LimitsSection}
MODELS = {kind: registry.stage_class(kind).Config for kind in registry.BUILT_IN} | SECTIONS


class Bad(BaseModel):
    """Settings of which nothing is said."""

    bare: int = 3
    vague: float = 1.0
    """Something to turn."""
    speed_m_s: float = 1.0
    """How fast it goes."""
    good_s: float | None = Field(default=None, gt=0)
    """How long it takes."""
    text: str = ""
    """Words."""


def test_settings_of_which_nothing_is_said_are_found():
    lacking = {s.key: s.lacking for s in settings_of_model(Bad) if s.lacking}
    assert lacking == {
        "bare": ("meaning", "unit", "range"),
        "vague": ("unit", "range"),
        "speed_m_s": ("range",),
    }


@pytest.mark.parametrize("name", MODELS)
def test_every_setting_has_meaning_unit_and_range(name):
    assert {s.key: s.lacking for s in settings_of_model(MODELS[name]) if s.lacking} == {}


@pytest.mark.parametrize("name", recipe_names())
def test_what_is_shown_is_the_recipe_again(name, tmp_path):
    recipe = load_recipe(name)
    (tmp_path / "mine.yaml").write_text(explained(recipe))
    assert load_recipe(tmp_path / "mine.yaml").digest() == recipe.digest()


def test_a_setting_is_explained_above_its_value():
    text = explained(load_recipe("hand-gripper", ["hands.num_hands=1"]))
    above, _, _ = text.partition("      num_hands: 1\n")
    assert above.endswith("# Hands that can be in view at a time. {whole number [1] >= 1, <= 2}\n")
    assert "# Shortest episode [s]" in text
