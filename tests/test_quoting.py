"""Messages never hold what they are about."""

import pytest
from pydantic import BaseModel, ValidationError

from rotoscope.pipeline.errors import RecipeError
from rotoscope.pipeline.files.plain import parse_yaml
from rotoscope.pipeline.quoting import problems_of, shown

SECRET = "root:x:0:0:root"


class Facts(BaseModel, extra="forbid"):
    number: int = 0


def problems(wrong: object, **options: bool) -> str:
    with pytest.raises(ValidationError) as caught:
        Facts.model_validate(wrong)
    return problems_of(caught.value, **options)


def test_values_are_never_quoted_at_length():
    itself = []
    itself.append(itself)
    assert shown("a\n") == r"'a\n'"
    assert shown("a" * 1000) == "'" + "a" * 79 + "..."
    assert shown(10**5000) == "a int"
    assert shown(itself) == "[[...]]"


@pytest.mark.parametrize("head", ["- a\n", "a: [", "a: {b\n", "a: *b ", "a: !b "])
def test_what_is_no_yaml_is_not_shown(head):
    with pytest.raises(RecipeError) as caught:
        parse_yaml(f"{head}{SECRET}\n" * 3, source="x", error=RecipeError)
    assert "in line" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_names_in_what_is_no_yaml_are_cut():
    with pytest.raises(RecipeError) as caught:
        parse_yaml(f"a: *{'b' * 10_000}", source="x", error=RecipeError)
    assert len(str(caught.value)) < 200


def test_wrong_values_are_named_by_their_keys_and_quoted_only_where_they_may_be():
    assert problems({"number": "x"}).startswith("number: Input should be a valid integer")
    assert problems({"number": "x"}).endswith(", got 'x'")
    assert problems(5) == (
        "all of it: Input should be a valid dictionary or instance of Facts, got 5"
    )
    for wrong in ({"number": SECRET}, {"x" * 1000: SECRET}, SECRET):
        assert SECRET not in problems(wrong, with_values=False)
        assert len(problems(wrong)) < 300


def test_many_problems_are_counted_not_listed():
    said = problems({letter: 0 for letter in "abcdef"})
    assert said.startswith("a: Extra inputs are not permitted, got 0; b: ")
    assert said.endswith("; and 2 more")
