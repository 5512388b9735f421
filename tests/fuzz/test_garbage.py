"""Whatever lies in a file or stands on a command line gives values, or an error of our own."""

import pytest
from hypothesis import strategies as st

from benchmarks._garbage import Kind, num_examples, raw_errors
from benchmarks._garbage_kinds import kinds
from rotoscope.pipeline.errors import UsageError

SLOW_TO_MAKE = {"labeler", "policy", "info_json", "sidecars", "dataset_files"}


@pytest.mark.parametrize("name", kinds())
def test_garbage_gives_values_or_errors_of_our_own(name, tmp_path):
    few = 25 if name in SLOW_TO_MAKE else 60
    assert raw_errors(kinds()[name](tmp_path), num_examples(few)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", kinds())
def test_much_garbage_gives_values_or_errors_of_our_own(name, tmp_path):
    assert raw_errors(kinds()[name](tmp_path), 500) == []


def test_errors_of_python_itself_are_counted_and_our_own_are_not():
    def read(value):
        if value == 1:
            raise KeyError(value)
        if value == 2:
            raise UsageError("on purpose")

    found = raw_errors(Kind(st.integers(0, 3), read), 40)
    assert found
    assert all(text.startswith("KeyError: 1 from test_garbage.py") for text in found)
