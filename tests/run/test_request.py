"""A run's record and its ledger, whatever became of the files."""

import json
import os
import re
from pathlib import Path

import pytest

from rotoscope.pipeline.errors import RecipeError, UsageError
from rotoscope.pipeline.recipe import build_recipe
from rotoscope.pipeline.run.ledger import Ledger, Row
from rotoscope.pipeline.run.request import (
    LabelRequest,
    check_out,
    load_request,
    read_provenance,
    save_request,
)


@pytest.fixture
def saved(tmp_path):
    recipe = build_recipe({"stages": ["shots"]})
    out = tmp_path / "out"
    save_request(LabelRequest(inputs=(Path("v"),), recipe=recipe, out=out, store=tmp_path / "s"))
    return out


def test_request_comes_back_as_it_was(saved):
    assert [s.name for s in load_request(saved).recipe.stages] == ["shots"]


def test_paths_whose_bytes_are_no_text_come_back(tmp_path):
    odd = tmp_path / os.fsdecode(b"\xff")
    recipe = build_recipe({"stages": ["shots"]}, folder=odd)
    request = LabelRequest(inputs=(odd,), recipe=recipe, out=odd / "out", store=odd)
    odd.mkdir()
    save_request(request)
    found = load_request(request.out)
    assert (found.inputs, found.store, found.recipe.folder) == ((odd,), odd, odd)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("{}", "run.json is no record of a run (inputs: Field required"),
        ("[]", "run.json is no record of a run"),
        ("", "run.json is not valid JSON"),
        ({"inputs": []}, "inputs: List should have at least 1 item"),
        ({"workers": "2"}, "workers: Input should be a valid integer, got '2'"),
        ({"store": 5}, "store: Input should be a valid string, got 5"),
        ({"store": ""}, "store: Value error, is no path"),
        ({"store": "a\0"}, "store: Value error, is no path"),
        ({"inputs": ["\ud800"]}, "inputs.0: Value error, 'utf-8' codec can't encode"),
        ({"folder": "\0"}, "folder: Value error, is no path"),
        ({"more": 5}, "more: Extra inputs are not permitted"),
        ({"until": "nothing"}, "there is no stage 'nothing' to stop after"),
    ],
)
def test_record_that_is_damaged_is_one_sentence(saved, change, words):
    path = saved.with_name("out.rotoscope") / "run.json"
    text = change if isinstance(change, str) else json.dumps(json.loads(path.read_text()) | change)
    path.write_text(text)
    with pytest.raises(UsageError, match=re.escape(words)):
        load_request(saved)


def test_record_of_a_recipe_that_is_none_says_which_file(saved):
    path = saved.with_name("out.rotoscope") / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"recipe": {"stages": 5}}))
    with pytest.raises(RecipeError, match=r"run\.json: 'stages' must be a list"):
        load_request(saved)


@pytest.mark.parametrize("out", [".", "/", "..", "a/.."])
def test_dataset_must_have_a_name_of_its_own(out):
    with pytest.raises(UsageError, match="is no name for a dataset"):
        load_request(Path(out))


def test_ledger_lines_that_are_no_rows_are_left_out(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(Row("a.mp4", "done", frames=3, episodes=("k",)))
    with ledger.path.open("ab") as file:
        for line in (
            b"{}", b"[]", b"5", b"\xff", b"[" * 5000, b'{"name": "b"}',
            b'{"name": "b", "status": "lost"}', b'{"name": 5, "status": "done"}',
            b'{"name": "b", "status": "done", "frames": "3"}',
            b'{"name": "b", "status": "done", "cpu_s": NaN}',
            b'{"name": "b", "status": "done", "more": 1}',
        ):  # fmt: skip
            file.write(line + b"\n")
    assert ledger.rows() == [Row("a.mp4", "done", frames=3, episodes=("k",))]


@pytest.mark.parametrize("there", [b"\xff\xfe{", b"", b"[" * 100_000])
def test_damaged_record_is_written_anew(saved, there):
    path = saved.with_name("out.rotoscope") / "run.json"
    request, whole = load_request(saved), path.read_bytes()
    path.write_bytes(there)
    save_request(request)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("there", [b"\xff\xfe{", b"", b"[" * 100_000, b"5"])
def test_dataset_whose_provenance_cannot_be_read_is_not_replaced(saved, there):
    path = saved / "meta" / "rotoscope" / "provenance.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(there)
    assert read_provenance(saved) is None
    with pytest.raises(UsageError, match="exists and was not written by rotoscope"):
        check_out(load_request(saved))


def test_other_recipe_of_a_dataset_is_not_quoted_at_length(saved):
    path = saved / "meta" / "rotoscope" / "provenance.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"recipe": "long " * 1000}))
    with pytest.raises(UsageError, match="was made by another recipe") as caught:
        check_out(load_request(saved))
    assert len(str(caught.value).replace(str(saved), "")) < 300
