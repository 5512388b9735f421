"""Which results a change makes new: exactly those that depend on what changed."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow.parquet import read_table
from video_files import write_video

from rotoscope.pipeline.files.identity import Identity
from rotoscope.pipeline.recipe import Recipe, StageEntry, load_recipe
from rotoscope.pipeline.run import keys as keys_module
from rotoscope.pipeline.run.keys import Keys, outcome_key, stage_tokens, video_keys
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.stage import ClipStage, FrameStage, StageConfig

VIDEO = "0" * 64
NAMES = ("shots", "hands", "hands.left", "body", "features", "features.state", "actions")
NEEDS = (*NAMES, "hands|body", "actions|features.state.x", "features|hands.left")


class Settings(StageConfig):
    value: int = 0


GIVES = st.sets(st.sampled_from(NAMES), max_size=2)
TAKES = st.sets(st.sampled_from(NEEDS), max_size=2)
SPECS = st.tuples(
    st.lists(st.tuples(GIVES, TAKES), max_size=3), st.lists(st.tuples(GIVES, TAKES), max_size=6)
)
"""What frame stages and then clip stages give and take: anything."""


def recipe_of(specs) -> Recipe:
    """A recipe of such stages."""
    frame_stages, clip_stages = specs
    entries = []
    for number, (gives, takes) in enumerate([*frame_stages, *clip_stages]):
        base = FrameStage if number < len(frame_stages) else ClipStage
        # A video is cut once, by the first stage.
        provides = gives - ({"shots"} if number else set())
        facts = {"provides": tuple(sorted(provides)), "requires": tuple(sorted(takes))}
        facts |= {"kind": f"kind{number % 3}", "version": "1", "source": "video"}
        made = type("Made", (base,), facts)
        entries.append(StageEntry(f"stage{number}", "made", made, Settings()))
    return Recipe("r", "", "task", tuple(entries), "")


def keys_of(recipe: Recipe, tokens: dict[str, str] | None = None) -> Keys:
    names = [entry.name for entry in recipe.stages]
    return video_keys(recipe, VIDEO, tokens or dict.fromkeys(names, ""))


def dependents(recipe: Recipe, changed: int) -> set[str]:
    """Stages downstream of one, and itself, by walking the graph edge by edge."""
    reached = {changed}
    for number, entry in enumerate(recipe.stages):
        for before in sorted(reached):
            if before < number and _has_edge(recipe.stages[before], entry):
                reached.add(number)
    return {recipe.stages[number].name for number in reached}


def _has_edge(one: StageEntry, other: StageEntry) -> bool:
    if "shots" in one.stage_class.provides and issubclass(other.stage_class, ClipStage):
        return True
    return any(
        all(a == b for a, b in zip(gives.split("."), way.split("."), strict=False))
        for gives in one.stage_class.provides
        for need in other.stage_class.requires + other.stage_class.uses
        for way in need.split("|")
    )


def changed(before: Keys, after: Keys) -> set[str]:
    return {name for name, key in before.stages.items() if after.stages[name] != key}


def with_stage(recipe: Recipe, number: int, **changes: object) -> Recipe:
    entries = list(recipe.stages)
    entries[number] = replace(entries[number], **changes)
    return replace(recipe, stages=tuple(entries))


@given(SPECS, st.data())
@settings(max_examples=150)
def test_a_changed_stage_makes_new_what_depends_on_it_and_nothing_else(specs, data):
    recipe = recipe_of(specs)
    if not recipe.stages:
        return
    number = data.draw(st.integers(0, len(recipe.stages) - 1))
    entry, before = recipe.stages[number], keys_of(recipe)
    newer = type("Newer", (entry.stage_class,), {"version": "2"})
    tokens = {e.name: "other file" if e is entry else "" for e in recipe.stages}
    others = {
        "setting": keys_of(with_stage(recipe, number, config=Settings(value=1))),
        "version": keys_of(with_stage(recipe, number, stage_class=newer)),
        "code": keys_of(with_stage(recipe, number, source_checksum="edited")),
        "token": keys_of(recipe, tokens),
    }
    for what, after in others.items():
        assert changed(before, after) == dependents(recipe, number), what
        assert after.clock == before.clock, what
        assert after.episodes != before.episodes, what


@given(SPECS, st.data())
@settings(max_examples=50)
def test_other_files_beside_a_video_make_new_what_depends_on_their_reader(specs, data):
    recipe = recipe_of(specs)
    if not recipe.stages:
        return
    number = data.draw(st.integers(0, len(recipe.stages) - 1))
    tokens = dict.fromkeys((e.name for e in recipe.stages), "")

    def keys_with(content: str) -> Keys:
        beside = ((f"stage{number}", content),)
        found = Identity("2" * 64 + content, own_sha256=VIDEO, beside=beside)
        return video_keys(recipe, found.sha256, tokens, found)

    before, after = keys_with("a"), keys_with("b")
    assert changed(before, after) == dependents(recipe, number)
    assert after.clock == before.clock == keys_of(recipe).clock
    assert after.episodes != before.episodes


@given(SPECS)
@settings(max_examples=50)
def test_another_video_or_decoder_makes_everything_new(specs):
    recipe = recipe_of(specs)
    before, tokens = keys_of(recipe), dict.fromkeys((e.name for e in recipe.stages), "")
    decoder = recipe.video.model_copy(update={"backend": "decord"})
    others = (
        video_keys(recipe, "1" * 64, tokens),
        video_keys(replace(recipe, video=decoder), VIDEO, tokens),
    )
    for after in others:
        assert changed(before, after) == set(before.stages)
        assert after.clock != before.clock
        assert after.episodes != before.episodes


@pytest.mark.parametrize(
    "change",
    [
        {"task": "pour the milk"},
        {"action": "stage0"},
        {"export": {"fps": 12}},
    ],
)
def test_what_only_episodes_depend_on_makes_only_them_new(change):
    recipe = replace(load_recipe("hand-gripper"), action="")
    before = keys_of(recipe)
    if "export" in change:
        change = {"export": recipe.export.model_copy(update=change["export"])}
    after = keys_of(replace(recipe, **change))
    assert after.episodes != before.episodes
    assert (after.clock, after.stages) == (before.clock, before.stages)


@given(SPECS, st.data())
@settings(max_examples=50)
def test_an_outcome_is_new_where_a_part_of_it_is_and_not_for_a_new_name(specs, data):
    recipe = recipe_of(specs)
    tokens = dict.fromkeys((entry.name for entry in recipe.stages), "")
    before = outcome_key(recipe, VIDEO, tokens)
    assert outcome_key(replace(recipe, name="other", description="x"), VIDEO, tokens) == before
    assert outcome_key(replace(recipe, task="other"), VIDEO, tokens) != before
    assert outcome_key(recipe, VIDEO, tokens, until="stage0") != before
    if recipe.stages:
        number = data.draw(st.integers(0, len(recipe.stages) - 1))
        after = with_stage(recipe, number, config=Settings(value=1))
        assert outcome_key(after, VIDEO, tokens) != before


@pytest.mark.parametrize("version", ["FRAMES_VERSION", "EPISODES_VERSION"])
def test_versions_of_what_is_no_stage_are_part_of_the_keys(version, monkeypatch):
    recipe = load_recipe("hand-gripper")
    before = keys_of(recipe)
    monkeypatch.setattr(keys_module, version, "next")
    after = keys_of(recipe)
    assert after.episodes != before.episodes
    new = set(before.stages) if version == "FRAMES_VERSION" else set()
    assert changed(before, after) == new


def test_release_of_a_package_and_bytes_of_an_asset_are_part_of_the_token(monkeypatch, tmp_path):
    weights = tmp_path / "weights"
    weights.write_bytes(b"one")
    monkeypatch.setattr("rotoscope.pipeline.assets.cache.asset_path", lambda name: weights)
    facts = {"kind": "k", "version": "1", "assets": ("hand_landmarker.task",)}
    made = type("Made", (ClipStage,), facts | {"packages": ("numpy",), "run": lambda *_: {}})
    recipe = Recipe("r", "", "", (StageEntry("s", "made", made, Settings()),), "")
    before = stage_tokens(recipe)
    weights.write_bytes(b"two")
    between = stage_tokens(recipe)
    monkeypatch.setattr(keys_module, "version_of", lambda package: "99")
    assert len({before["s"], between["s"], stage_tokens(recipe)["s"]}) == 3


def test_another_task_is_in_the_dataset_although_all_else_was_stored(tmp_path):
    tiny = Path(__file__).parent / "tiny_stages.py"
    stages = [f"{tiny}:Brightness as bright", f"{tiny}:BrightnessLabeler as lamp", "curate"]
    (tmp_path / "lamp.yaml").write_text(f"name: lamp\nstages: {stages}\n")
    video = write_video(tmp_path / "a.mp4", frames=45, size=(64, 48))
    small = ["export.width=64", "export.height=48"]
    for task in ("dim the lamp", "light the lamp"):
        recipe = load_recipe(str(tmp_path / "lamp.yaml"), [*small, f"task={task}"])
        out = tmp_path / task
        request = LabelRequest(inputs=(video,), recipe=recipe, out=out, store=tmp_path / "store")
        result = label(request)
        assert result.exit_code == 0, result
        assert read_table(out / "meta" / "tasks.parquet").column("task").to_pylist() == [task]


def test_mirrored_videos_have_keys_of_their_own():
    plain = load_recipe("hand-gripper")
    turned = load_recipe("hand-gripper", ["video.mirrored=true"])
    assert (plain.is_mirrored, turned.is_mirrored) == (False, True)
    assert load_recipe("hand-gripper", ["hands.mirrored=true"]).is_mirrored
    assert video_keys(plain, "0" * 64, {s.name: "" for s in plain.stages}).clock != (
        video_keys(turned, "0" * 64, {s.name: "" for s in turned.stages}).clock
    )
