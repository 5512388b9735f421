"""JSON and YAML from outside: values, or one sentence of the error that was asked for."""

import json
import os

import pytest

from rotoscope.pipeline.errors import RecipeError
from rotoscope.pipeline.files.plain import (
    MAX_BYTES,
    mapping,
    parse_yaml,
    read_json,
    read_text,
    read_yaml,
)

BOMB = "\n".join(
    [f"a0: &a0 [{', '.join('x' * 10)}]"]
    + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x [*x]", "stands for what it is part of"),
        (BOMB, "stand for more than 1000000 values"),
        ("a:\t- b\n\t- c", "found character"),
        ("!!python/object/apply:os.system [id]", "found a tag"),
        ("!!int x", "found a tag"),
        ("? {a: b}\n: c", "unhashable key"),
        ("9" * 5000, "Exceeds the limit"),
        ("[" * 5000, "recursion"),
        ("a\x00b", "not printable"),
        ("a: [", "line 1 column 5"),
        ("a: 1\n---\nb: 2", "another document"),
        ("<<: 5", "merging"),
        ("=", "value"),
    ],
)
def test_text_that_is_no_plain_yaml_is_one_sentence(text, words):
    with pytest.raises(RecipeError, match=words) as found:
        parse_yaml(text, source="mine", error=RecipeError)
    assert str(found.value).startswith("mine")
    assert len(str(found.value)) < 300


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("2024-13-45", "2024-13-45"),
        ("day: 2024-01-02", {"day": "2024-01-02"}),
        ("a: &x {b: 1}\nc: {<<: *x, d: 2}", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
        ("0b", "0b"),
    ],
)
def test_plain_yaml_is_its_value(text, value):
    assert parse_yaml(text, source="mine", error=RecipeError) == value


def test_file_that_cannot_be_a_settings_file_is_one_sentence(tmp_path):
    path = tmp_path / "x.yaml"
    with pytest.raises(RecipeError, match="is not there, or no plain file"):
        read_yaml(path, error=RecipeError)
    path.mkdir()
    with pytest.raises(RecipeError, match="is a folder"):
        read_yaml(path, error=RecipeError)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(RecipeError, match="no plain file"):
        read_yaml(path, error=RecipeError)
    path.unlink()
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match=r"is not UTF-8 text \(byte 0\)"):
        read_yaml(path, error=RecipeError)
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(RecipeError, match="is larger than 64 MiB"):
        read_text(path, error=RecipeError)
    long = tmp_path / ("n" * 300)
    with pytest.raises(RecipeError, match="File name too long"):
        read_text(long, error=RecipeError)


def test_json_that_is_none_says_where(tmp_path):
    path = tmp_path / "x.json"
    for text, words in (
        ('{"a": }', "line 1 column 7"),
        ("[" * 100_000, "not JSON that is meant to be read"),
        ("1" * 5000, "not JSON that is meant to be read"),
    ):
        path.write_text(text)
        with pytest.raises(RecipeError, match=words):
            read_json(path, error=RecipeError)
    path.write_text(json.dumps({"é": [1, None]}, ensure_ascii=False), encoding="utf-8")
    assert read_json(path, error=RecipeError) == {"é": [1, None]}


def test_mapping_must_be_one_and_have_texts_for_keys():
    assert mapping({"a": 1}, source="x", error=RecipeError) == {"a": 1}
    with pytest.raises(RecipeError, match="x: keys must be texts, got 5"):
        mapping({5: 1}, source="x", error=RecipeError)
    with pytest.raises(RecipeError, match=r"x must be a mapping of names to values, got \[1\]"):
        mapping([1], source="x", error=RecipeError)
