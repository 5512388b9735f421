import os
import re
from pathlib import Path

import pytest

from rotoscope.pipeline import registry
from rotoscope.pipeline.errors import RecipeError
from rotoscope.pipeline.recipe import build_recipe, load_recipe, recipe_names

TINY = Path(__file__).parent / "run" / "tiny_stages.py"
BRIGHT, LAMP = f"{TINY}:Brightness", f"{TINY}:BrightnessLabeler"


def tiny(overrides=(), **extra):
    raw = {"name": "tiny", "stages": [f"{BRIGHT} as bright", f"{LAMP} as lamp", "curate"]}
    return build_recipe(raw | extra, overrides, allow_code=True)


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_is_valid_and_survives_a_round_trip(name):
    recipe = load_recipe(name)
    again = build_recipe(recipe.as_raw(), allow_code=True)
    assert again.digest() == recipe.digest()


def test_override_changes_one_setting_and_the_digest():
    plain, brighter = tiny(), tiny(["lamp.gain=0.02"])
    assert brighter.stages[1].config.gain == 0.02
    assert plain.stages[1].config.gain == 0.01
    assert plain.digest() != brighter.digest()


def test_limits_do_not_change_the_digest():
    assert tiny().digest() == tiny(["limits.memory_gib=8"]).digest()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["lamp.gian=1"], r"unknown key 'gian'; valid keys are 'gain', 'nothing'"),
        (["lamp.gain=much"], r"lamp.gain: .*number.*got 'much'"),
        (["lump.gain=1"], r"cannot read override 'lump.gain=1'.*'bright'"),
        (["lamp.gain"], r"write STAGE.KEY=VALUE"),
        (["export.fps=0"], r"export.fps: .*greater than or equal to 1, got 0"),
        (["export.camera=My Camera"], r"export.camera"),
    ],
)
def test_bad_override_names_what_is_valid(overrides, message):
    with pytest.raises(RecipeError, match=message):
        tiny(overrides)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"stages": ["hend"]}, r"no stage 'hend'; valid ones are .*'camera'.*my_labeler.py"),
        ({"stages": []}, r"at least one stage"),
        ({"stages": [{"shots": {}, "hands": {}}]}, r"one 'name: \{settings\}' mapping"),
        ({"stages": ["lift"]}, r"'lift' requires 'hands', which no stage before it provides"),
        ({"stages": ["shots", "shots"]}, r"\['shots'\] stand twice; write 'kind as name'"),
        ({"stages": ["camera", "hands"]}, r"'hands' looks at frames.*before all others"),
        ({"stages": ["shots"], "color": 1}, r"unknown keys \['color'\]"),
        ({"stages": ["./nowhere.py:Stage"]}, r"nowhere.py is not there"),
        ({"stages": [f"{TINY}:Nothing"]}, r"has no class 'Nothing'; it has .*'Brightness'"),
        (
            {"stages": [f"{TINY}:ActionContract"]},
            r"not a subclass of ClipStage, Fra",
        ),
        ({"stages": ["shots"], "action": "shots"}, r"'shots', which gives no actions"),
    ],
)
def test_bad_recipe_says_what_is_wrong(raw, message):
    with pytest.raises(RecipeError, match=message):
        build_recipe(raw, allow_code=True)


@pytest.mark.parametrize(
    ("recipe", "override", "message"),
    [
        (
            "body-humanoid",
            "retarget.humanoid.weights.limb=1",
            r"unknown key 'weights.limb'; valid keys are 'acceleration', .*'limb_rad'",
        ),
        ("body-humanoid", "retarget.humanoid.weights.contact_m=-1", r"contact_m: .*than 0, got -1"),
        ("motion-humanoid", "retarget.humanoid.weights.rest=soft", r"weights.rest: .*got 'soft'"),
        ("hand-dexterous", "retarget.hand.weights.tip_m=1", r"'weights.tip_m'.*'vector_m'"),
        ("hand-dexterous", "retarget.hand.pinch.width=1", r"'pinch.width'.*'touch_m'"),
        ("hand-dexterous", "retarget.hand.pinch.touch_m=0.1", r"touch_m=0.1 must be below apart_m"),
        ("hand-dexterous", "retarget.hand.weights=soft", r"retarget.hand.weights: .*got 'soft'"),
    ],
)
def test_bad_weight_is_refused_before_any_video_is_touched(recipe, override, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe(recipe, [override])


def test_one_weight_leaves_the_others_at_their_defaults():
    plain = load_recipe("body-humanoid").stages
    softer = load_recipe("body-humanoid", ["retarget.humanoid.weights.contact_m=0.005"]).stages
    default, weights = (
        next(s for s in found if s.name == "retarget.humanoid").config.weights
        for found in (plain, softer)
    )
    assert weights == default.model_copy(update={"contact_m": 0.005})


def test_unknown_recipe_name_lists_the_valid_ones():
    with pytest.raises(RecipeError, match=r"no recipe 'hand'; valid ones are .*'hand-gripper'"):
        load_recipe("hand")


def test_malformed_yaml_is_named(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("stages: [shots")
    with pytest.raises(RecipeError, match=r"broken.yaml is not valid YAML"):
        load_recipe(str(path))


def test_stage_file_is_relative_to_the_recipe(tmp_path):
    (tmp_path / "mine.py").write_text(TINY.read_text())
    path = tmp_path / "mine.yaml"
    path.write_text("stages: ['./mine.py:Brightness']")
    assert load_recipe(str(path)).stages[0].stage_class.kind == "brightness"


def test_editing_a_stage_file_changes_the_digest(tmp_path):
    file, path = tmp_path / "mine.py", tmp_path / "mine.yaml"
    file.write_text(TINY.read_text())
    path.write_text("stages: ['./mine.py:Brightness']")
    before = load_recipe(str(path)).digest()
    file.write_text(TINY.read_text() + "\n# edited\n")
    assert load_recipe(str(path)).digest() != before


def test_stage_file_that_fails_on_import_is_named(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("import sys\n\nimport a_package_that_is_not_there")
    with pytest.raises(RecipeError, match=r"broken.py fails on import in line 3: ModuleNotFound"):
        registry.stage_class(f"{file}:Stage", allow_code=True)
    file.write_text("\ndef f(:")
    with pytest.raises(RecipeError, match=r"broken.py fails on import: SyntaxError: .*line 2"):
        registry.stage_class(f"{file}:Stage", allow_code=True)


def test_recipe_file_that_is_not_there_says_what_there_is(tmp_path):
    with pytest.raises(RecipeError, match=r"no recipe '.*mine.yaml'; valid ones are 'body-huma"):
        load_recipe(str(tmp_path / "mine.yaml"))


def test_setting_without_a_default_is_asked_for():
    words = r"^track\.colour\.things must be given: in the recipe, or as -o track\.colour\.things="
    with pytest.raises(RecipeError, match=words):
        build_recipe({"stages": ["track.colour"]})


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (5, "recipe must be a mapping of names to values, got 5"),
        ({"stages": 5}, "'stages' must be a list with at least one stage, got 5"),
        ({"stages": [{"shots": 3}]}, "stage 'shots' must be a mapping of names to values, got 3"),
        ({"stages": ["shots"], "export": []}, "'export' must be a mapping of names to values"),
        ({"stages": ["shots"], "video": 7}, "'video' must be a mapping of names to values, got 7"),
        ({"stages": [["shots"]]}, "a stage is a name or one 'name: {settings}' mapping"),
        ({"stages": [{5: {}}]}, "a stage is a name or one 'name: {settings}' mapping"),
        ({"stages": ["shots"], 5: 6}, "recipe: keys must be texts, got 5"),
        ({"stages": ["shots"], "name": ["a"]}, "'name' must be a text, got ['a']"),
        ({"stages": ["shots"], "task": "\ud800"}, "'task' is no text that can be written"),
        ({"stages": ["shots"], "limits": {"memory_gib": float("inf")}}, "a finite number, got inf"),
        ({"stages": ["shots"], "export": {"fps": float("nan")}}, "a finite number, got nan"),
        ({"stages": ["shots"], "export": {"width": 10**9}}, "less than or equal to 16384"),
        ({"stages": ["shots"], "action": {"a": "b"}}, "names stage {'a': 'b'}, which gives no"),
        ({"stages": ["~nobody-at-all/x.py:X"]}, "x.py is not there or not readable"),
        ({"stages": [f"./{'n' * 300}.py:X"]}, "File name too long"),
    ],
)
def test_mapping_that_is_no_recipe_is_one_sentence(raw, words):
    with pytest.raises(RecipeError, match=re.escape(words)):
        build_recipe(raw, allow_code=True)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("=", "cannot read override '='"),
        ("shots", "cannot read override 'shots'"),
        ("a.b.c.d=1", "cannot read override 'a.b.c.d=1'"),
        ("shots.min_shot_s=[[", "override 'shots.min_shot_s=[[' is not valid YAML"),
        ("shots.min_shot_s.y=1", "'min_shot_s' must be a mapping of names to values, got 2"),
        ("export.=5", "unknown key ''"),
        ("task=[1]", "'task' must be a text, got [1]"),
    ],
)
def test_override_that_cannot_be_meant_is_one_sentence(override, words):
    raw = {"stages": [{"shots": {"min_shot_s": 2}}]}
    with pytest.raises(RecipeError, match=re.escape(words)):
        build_recipe(raw, [override])
    assert raw == {"stages": [{"shots": {"min_shot_s": 2}}]}


def test_override_leaves_the_mapping_it_was_applied_to_alone():
    raw = {"stages": ["shots"], "export": {"fps": 10}}
    assert build_recipe(raw, ["export.fps=20"]).export.fps == 20
    assert raw["export"] == {"fps": 10}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("version = 1", "must have a text 'version', got 1"),
        ("requires = 'hands'", "requires must be a tuple of texts such as ('hands',), got 'hands'"),
        ("Config = dict", "Config must be a subclass of StageConfig"),
    ],
)
def test_class_that_says_too_little_of_itself_is_refused(tmp_path, line, words):
    (tmp_path / "mine.py").write_text(
        "from rotoscope.pipeline.stage import ClipStage\n\n\nclass Mine(ClipStage):\n"
        f"    kind, version = 'mine', '1'\n    {line}\n"
    )
    with pytest.raises(RecipeError, match=re.escape(words)):
        build_recipe({"stages": ["./mine.py:Mine"]}, folder=tmp_path, allow_code=True)


def test_stage_changed_to_another_of_its_length_within_a_second_is_the_new_one(tmp_path):
    file = tmp_path / "mine.py"
    for version in ("'1'", "'2'"):
        file.write_text(
            "from rotoscope.pipeline.stage import ClipStage\n\n\nclass Mine(ClipStage):\n"
            f"    kind, version = 'mine', {version}\n"
        )
        os.utime(file, (1e9, 1e9))
        recipe = build_recipe({"stages": ["./mine.py:Mine"]}, folder=tmp_path, allow_code=True)
        assert repr(recipe.stages[0].stage_class.version) == version
    assert list(tmp_path.iterdir()) == [file]


def test_actions_come_from_the_last_labeler_unless_another_is_named():
    stages = [f"{BRIGHT} as bright", f"{LAMP} as first", f"{LAMP} as last", "curate"]
    assert tiny(stages=stages).action == "last"
    assert tiny(stages=stages, action="first").action == "first"
    assert build_recipe({"stages": ["shots"]}).action == ""


@pytest.mark.parametrize("space", ["ee", "ee_position"])
def test_an_action_space_that_the_labeler_does_not_have_is_refused(space):
    for name in recipe_names():
        override = [f"export.action={space}"]
        if name.startswith("hand-gripper"):
            assert load_recipe(name, override).export.action == space
            continue
        with pytest.raises(RecipeError, match=f"export.action={space}, but .* knows no end eff"):
            load_recipe(name, override)


def test_a_stage_of_ones_own_says_in_which_spaces_its_actions_can_be_had(tmp_path):
    text = Path(TINY).read_text() + "\n\nclass Arm(BrightnessLabeler):\n    action_spaces = "
    for spaces in ('("joints", "ee")', '"ee"'):
        own = tmp_path / "own.py"
        own.write_text(f"{text}{spaces}\n")
        raw = {"stages": [f"{own}:Brightness as bright", f"{own}:Arm as arm", "curate"]}
        if spaces == '"ee"':
            with pytest.raises(RecipeError, match="action_spaces must be a tuple of texts"):
                build_recipe(raw, ["export.action=ee"], allow_code=True)
            continue
        assert build_recipe(raw, ["export.action=ee"], allow_code=True).export.action == "ee"
        with pytest.raises(RecipeError, match="'arm' gives actions as 'ee', 'joints' alone"):
            build_recipe(raw, ["export.action=ee_position"], allow_code=True)


@pytest.mark.parametrize("name", [n for n in recipe_names() if n.startswith(("hand-", "body-"))])
def test_recipe_that_retargets_from_video_watches_the_camera(name):
    """A camera that moves must not pass for a person who does."""
    order = [entry.stage_class.kind for entry in load_recipe(name).stages]
    lift = next(i for i, kind in enumerate(order) if kind in ("lift", "lift_body", "hands.file"))
    assert lift < order.index("camera_motion") < order.index("smooth")
