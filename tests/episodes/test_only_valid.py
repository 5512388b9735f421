"""Episodes cut wherever a row is not valid: what those rows held is nowhere in the dataset."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from lamp_runs import run_lamp, write_clip, write_recipe

from benchmarks._small_dataset import episode
from rotoscope.cli.show import show_result
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.episodes.only_valid import cut_at_invalid
from rotoscope.pipeline.export.card import dataset_card
from rotoscope.pipeline.export.schema import Schema
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.recipe_sections import ExportSection
from rotoscope.pipeline.run.label import LabelResult
from rotoscope.pipeline.run.request import LabelRequest

SHAKY = Path(__file__).with_name("shaky_stage.py")
FIELDS = ("source_frame", "source_time_s", "state", "action", "valid", "confidence", "reason")


def with_gaps(*gaps, rows=60, nonsense=0.0):
    made = episode(1, rows)
    valid = np.ones(rows, bool)
    for start, end in gaps:
        valid[start:end] = False
    action, state = made.action.copy(), made.state.copy()
    action[~valid], state[~valid] = nonsense, -nonsense
    features = {
        n: replace(f, values=np.where(valid[:, None], f.values, f.values.dtype.type(nonsense)))
        for n, f in made.features.items()
    }
    return replace(made, valid=valid, action=action, state=state, features=features)


def cut(made, chunk_rows=5):
    return cut_at_invalid([made], ExportSection(only_valid=True, chunk_rows=chunk_rows))


def test_every_unbroken_stretch_of_valid_rows_is_an_episode():
    made = with_gaps((0, 3), (20, 21), (40, 60))
    first, second = cut(made).episodes
    assert (first.num_rows, second.num_rows) == (17, 19)
    assert first.valid.all()
    assert second.valid.all()
    np.testing.assert_array_equal(second.action, made.action[21:40])
    np.testing.assert_array_equal(second.source_frame, np.arange(21, 40))
    assert second.source["first_frame"] == 21
    assert second.source["end_frame"] == 40
    assert second.source["start_s"] == 0.7
    assert second.quality["valid_share"] == 1.0
    assert first.episode_id != second.episode_id


def test_stretches_shorter_than_a_chunk_are_left_out_and_counted():
    found = cut(with_gaps((10, 11), (30, 31)), chunk_rows=20)
    assert [e.num_rows for e in found.episodes] == [29]
    assert found.short_frames == 10 + 19


def test_what_invalid_rows_hold_is_nowhere_to_the_last_bit():
    parts = [cut(with_gaps((7, 9), (30, 33), nonsense=n)).episodes for n in (999.0, -12345.0)]
    assert len(parts[0]) == 3
    for one, other in zip(*parts, strict=True):
        for name in FIELDS:
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
        for name, feature in one.features.items():
            assert feature.values.tobytes() == other.features[name].values.tobytes(), name
        assert (one.source, one.quality) == (other.source, other.quality)


def test_nothing_is_cut_unless_asked():
    made = with_gaps((20, 30))
    assert cut_at_invalid([made], ExportSection()).episodes == (made,)


class Told:
    """A console that remembers."""

    def __init__(self):
        self.lines = []

    def say(self, text, style=None):
        self.lines.append(str(text))


def shaky_run(folder, *overrides):
    write_clip(folder / "videos" / "one.mp4", frames=91)
    stages = [str(f"{SHAKY}:Shaky as lamp"), {"curate": {"max_invalid_s": 5.0}}]
    write_recipe(folder / "lamp.yaml", stages=stages)
    result = run_lamp(folder, "export.only_valid=true", *overrides)
    recipe, console = load_recipe(str(folder / "lamp.yaml"), list(overrides)), Told()
    request = LabelRequest(inputs=(folder,), recipe=recipe, out=folder / "out")
    show_result(console, request, result)
    return result, "\n".join(console.lines)


def test_run_writes_valid_rows_alone_and_says_what_was_too_short(tmp_path):
    # The stage sees all but frames 20 and 60.
    result, told = shaky_run(tmp_path, "export.chunk_rows=25")
    dataset = open_dataset(result.dataset)
    assert [len(dataset[i].columns["index"]) for i in range(len(dataset))] == [38, 29]
    assert all(np.all(dataset[i].columns["label.valid"]) for i in range(len(dataset)))
    assert "19 frames are valid, but in stretches of fewer rows than a policy's chunk of 25" in told


def test_run_of_which_all_stretches_are_too_short_names_the_setting(tmp_path):
    result, _ = shaky_run(tmp_path)
    (row,) = result.rows
    assert row.status == "empty"
    assert "export valid, but shorter than a chunk" in row.message
    assert "a lower export.chunk_rows (now 50) would give most back" in row.message


def card_of(made):
    names = tuple(d.name for d in made.contract.dimensions)
    schema = Schema("front", 30, made.contract, None, None, {})
    assert names
    quality = {"episodes": 1, "rows": 60, "seconds": 2.0, "valid_share": 0.9}
    return dataset_card(schema, quality, {}, "rotoscope/small")


def test_card_names_the_three_ways_to_train():
    card = card_of(episode(1))
    for word in ("--only-valid", "ValidRows", "rotoscope sample-weights", "do_mask_loss_for_pad"):
        assert word in card
    assert "rotation vectors" not in card


def test_card_and_run_warn_of_relative_actions_where_rotation_vectors_would_be_subtracted():
    made = episode(1)
    turned = made.contract.dimensions[0].model_copy(
        update={"name": "ee.wx", "quantity": "rotation_vector"}
    )
    contract = made.contract.model_copy(update={"dimensions": (turned,)})
    assert "relative_exclude_joints='[ee.w, gripper]'" in card_of(replace(made, contract=contract))


def test_run_with_end_effector_actions_warns_on_the_terminal(tmp_path):
    for space, is_said in (("ee", True), ("ee_position", False), ("joints", False)):
        recipe, console = load_recipe("hand-gripper", [f"export.action={space}"]), Told()
        request = LabelRequest(inputs=(tmp_path,), recipe=recipe, out=tmp_path / "out")
        show_result(console, request, LabelResult((), None, False))
        assert ("rotation vectors" in "\n".join(console.lines)) == is_said
