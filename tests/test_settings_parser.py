"""The same mistake in settings is the same sentence, wherever the settings are given."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field

from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.pipeline.configs import config_path
from rotoscope.pipeline.errors import RecipeError, RobotError, RotoscopeError, UsageError
from rotoscope.pipeline.recipe import build_recipe, load_recipe
from rotoscope.pipeline.settings import checked, put, read_settings
from rotoscope.retarget.robots.read_config import load_config


class Bulb(BaseModel):
    model_config = ConfigDict(extra="forbid")

    watts: float = Field(gt=0)
    """Power [W]."""


class Lamp(BaseModel):
    model_config = ConfigDict(extra="forbid")

    gain: float = 1.0
    """Factor."""
    bulb: Bulb | None = None
    """The one that is always there."""
    others: dict[str, Bulb] = Field(default_factory=dict)
    """By names of the user's own."""


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["gian=1"], r"^unknown key 'gian'; valid keys are 'bulb', 'gain', 'others'$"),
        (["bulb.what=1", "bulb.watts=2"], r"^unknown key 'bulb.what'; valid keys are 'watts'$"),
        (["others.left.what=1", "others.left.watts=2"], r"key 'others.left.what'; .* are 'watts'$"),
        (["bulb={}"], r"^bulb.watts must be given: as -o bulb.watts=\.\.\.$"),
        (["bulb.watts=-1"], r"^bulb.watts: Input should be greater than 0, got -1$"),
        (["gain=bright"], r"^gain: .*valid number.*got 'bright'$"),
        (["gain"], r"^cannot read 'gain': write KEY=VALUE"),
        (["gain=[["], r"^override 'gain=\[\[' is not valid YAML"),
        (["gain=2", "gain.x=1"], r"'gain' must be a mapping of names to values, got 2"),
    ],
)
def test_wrong_setting_is_a_sentence_with_what_is_valid(texts: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_settings(texts, Lamp)


def test_misspelt_key_comes_before_the_one_that_it_should_have_been() -> None:
    with pytest.raises(UsageError, match=r"^unknown key 'bulb.wats'; .*; bulb.watts must be given"):
        read_settings(["bulb.wats=1"], Lamp)


def test_no_more_than_four_faults_are_spelt_out() -> None:
    with pytest.raises(UsageError, match=r"'d'; valid keys .*; and 2 more$"):
        read_settings([f"{letter}=1" for letter in "abcdef"], Lamp)


def test_settings_are_read_as_yaml_and_nothing_as_an_empty_text() -> None:
    found = read_settings(["gain=2.5", "others.left={watts: 3}", "others.right.watts=4"], Lamp)
    assert found.gain == 2.5
    assert {name: bulb.watts for name, bulb in found.others.items()} == {"left": 3, "right": 4}
    assert read_settings(["camera="], LatentActionConfig).camera == ""


def test_sections_are_copied_before_they_are_changed() -> None:
    given = {"bulb": {"watts": 1}}
    settings = dict(given)
    put(settings, "bulb.watts", 2, source="override", error=UsageError)
    assert settings == {"bulb": {"watts": 2}}
    assert given == {"bulb": {"watts": 1}}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"owner": "lamp"}, r"^lamp.bulb.watts must be given: in the recipe, or as -o lamp.bulb"),
        ({"owner": "lamp.yaml", "is_file": True}, r"^lamp.yaml: bulb.watts must be given$"),
    ],
)
def test_message_says_whose_setting_it_is(options: dict[str, object], says: str) -> None:
    with pytest.raises(RobotError, match=says):
        checked(Lamp, {"bulb": {}}, error=RobotError, **options)  # type: ignore[arg-type]


def _recipe(_: Path) -> object:
    return load_recipe("hand-gripper", ["export.sped=1"])


def _training(_: Path) -> object:
    return read_settings(["loop.sped=1"], InverseDynamicsConfig)


def _robot(folder: Path) -> object:
    raw = yaml.safe_load(config_path("robots", "panda.yaml").read_text())
    (folder / "mine.yaml").write_text(yaml.safe_dump(raw | {"sped": 1}))
    return load_config(str(folder / "mine.yaml"))


@pytest.mark.parametrize(
    ("read", "error"), [(_recipe, RecipeError), (_training, UsageError), (_robot, RobotError)]
)
def test_same_mistake_is_the_same_sentence_everywhere(
    read, error: type[RotoscopeError], tmp_path: Path
) -> None:
    with pytest.raises(error, match=r"unknown key '(loop\.)?sped'; valid keys are '"):
        read(tmp_path)


TWO = ["label.pixels", "label.inverse_dynamics"]


def _models(*overrides: str, stages: list[object] = TWO) -> list[str]:  # type: ignore[assignment]
    made = build_recipe({"stages": stages}, overrides)
    return [entry.config.model.name for entry in made.stages if "label" in entry.name]


@pytest.mark.parametrize("named", TWO)
def test_labeler_that_two_stages_share_is_named_once(named: str) -> None:
    assert _models(f"{named}.model=mine") == ["mine", "mine"]


def test_labeler_may_be_named_twice_as_before() -> None:
    assert _models("label.pixels.model=./a", "label.inverse_dynamics.model=a") == ["a", "a"]
    override = "label.inverse_dynamics.model=here/mine"
    shipped = load_recipe("inverse-dynamics-pixels", [override])
    assert [e.config.model.name for e in shipped.stages if "label" in e.name] == ["mine", "mine"]


def test_two_labelers_where_one_is_meant_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"pixels.model is 'a', label.inverse.* is 'b'.*the same"):
        _models("label.pixels.model=a", "label.inverse_dynamics.model=b")


def test_labeler_that_nobody_names_must_be_given() -> None:
    with pytest.raises(RecipeError, match=r"label.pixels.model must be given"):
        _models()


def test_models_of_other_stages_are_not_shared() -> None:
    with pytest.raises(RecipeError, match=r"track.state.model must be given"):
        _models("label.inverse_dynamics.model=a", stages=["hands", "track.state", TWO[1]])


def test_shared_setting_leaves_the_mapping_it_was_given_in_alone() -> None:
    raw = {"stages": [{"label.pixels": {}}, {"label.inverse_dynamics": {"model": "a"}}]}
    build_recipe(raw)
    assert raw["stages"][0] == {"label.pixels": {}}
