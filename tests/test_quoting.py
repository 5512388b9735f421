"""Messages never hold what they are about."""

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from pipeline.quoting import reason, short

SECRET = "root:x:0:0:root"


class Facts(BaseModel, extra="forbid"):
    number: int = 0


def test_values_are_never_quoted_at_length():
    assert short("a\n") == r"'a\n'"
    assert len(short(f"{SECRET}\n" * 10_000)) < 100


@pytest.mark.parametrize("head", ["- a\n", "a: [", "a: {b\n", "a: *b ", "a: !b "])
def test_what_is_no_yaml_is_not_shown(head):
    with pytest.raises(yaml.YAMLError) as caught:
        yaml.safe_load(f"{head}{SECRET}\n" * 3)
    assert "in line" in reason(caught.value)
    assert SECRET not in reason(caught.value)


def test_wrong_values_are_named_by_their_keys_alone():
    wrong = {"number": SECRET, "x" * 1000: SECRET, "y": SECRET}
    with pytest.raises(ValidationError) as caught:
        Facts.model_validate(wrong)
    assert reason(caught.value).startswith("number: Input should be a valid integer")
    assert reason(caught.value).endswith("(and 2 more)")
    with pytest.raises(ValidationError) as caught:
        Facts.model_validate({"x" * 1000: SECRET})
    assert len(reason(caught.value)) < 200
    assert SECRET not in reason(caught.value)


def test_other_errors_are_one_short_line():
    assert reason(ValueError("a\n  b")) == "a b"
    assert len(reason(ValueError("a" * 1000))) < 100
