"""What stages warn of inside a child reaches whoever started the run, once, stored or not."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from lamp_runs import run_lamp, write_clip, write_recipe

from rotoscope.pipeline.run.heard import heard

LOUD = """
import warnings
from two_lamps import Turning

class Loud(Turning):
    kind = "loud"

    def run(self, clip, tracks):
        for _ in range(3):
            warnings.warn("the lamp flickers")
        warnings.warn("written for another version", DeprecationWarning)
        return super().run(clip, tracks)
"""


def test_each_sentence_is_kept_once_and_programmers_words_are_not():
    with heard() as said:
        for _ in range(2):
            warnings.warn("too\n dark", stacklevel=1)
        warnings.warn("old call", DeprecationWarning, stacklevel=1)
        np.float64(1) / np.float64(0)
    assert said[0] == "too dark"
    assert len(said) == 2
    assert "divide by zero" in said[1]


def fail_loudly():
    warnings.warn("soon", stacklevel=1)
    raise ValueError("broken")


def test_what_was_said_before_an_error_is_kept_and_the_error_goes_on():
    with pytest.raises(ValueError, match="broken"), heard() as said:
        fail_loudly()
    assert said == ["soon"]


def test_a_stages_warning_is_in_the_row_also_when_all_was_stored(tmp_path):
    write_clip(tmp_path / "videos" / "one.mp4", frames=61)
    tests = Path(__file__).parents[1]
    own = tmp_path / "loud.py"
    own.write_text(f"import sys\nsys.path.insert(0, {str(tests)!r})\n{LOUD}")
    write_recipe(tmp_path / "lamp.yaml", stages=[{f"{own}:Loud as lamp": {}}, "curate"])
    for _ in range(2):
        (row,) = run_lamp(tmp_path).rows
        assert row.detail["warnings"] == ["the lamp flickers"]
