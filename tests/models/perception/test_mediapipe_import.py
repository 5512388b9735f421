import importlib
import subprocess
import sys

import pytest

from rotoscope.models.perception.mediapipe_import import deferred


@pytest.fixture
def unimported(monkeypatch):
    """A standard module that counts as not imported."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    return "colorsys"


def test_inside_the_block_a_module_is_imported_only_when_used(unimported):
    with deferred(unimported):
        module = importlib.import_module(unimported)
    assert unimported not in sys.modules
    assert module.rgb_to_hsv(1.0, 0.0, 0.0) == (0.0, 1.0, 1.0)
    assert unimported in sys.modules


def test_a_module_used_inside_the_block_is_the_real_one(unimported):
    with deferred(unimported):
        module = importlib.import_module(unimported)
        assert module.rgb_to_hsv(0.0, 0.0, 0.0) == (0.0, 0.0, 0.0)
        real = sys.modules[unimported]
    assert sys.modules[unimported] is real
    assert real.__file__.endswith("colorsys.py")


def test_a_module_imported_before_stays_itself():
    import json

    with deferred("json"):
        assert sys.modules["json"] is json
    assert sys.modules["json"] is json


def test_a_module_imported_afterwards_is_the_real_one(unimported):
    with deferred(unimported):
        importlib.import_module(unimported)
    assert importlib.import_module(unimported).__file__.endswith("colorsys.py")


def test_a_module_that_is_not_there_fails_when_used():
    with deferred("a_module_that_is_not_there"):
        module = importlib.import_module("a_module_that_is_not_there")
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_there"):
        _ = module.anything


def test_mediapipe_comes_without_drawing_and_draws_when_asked():
    script = """
import sys
from rotoscope.models.perception.mediapipe_import import import_mediapipe
mediapipe = import_mediapipe()
early = sorted({"matplotlib", "cv2", "sounddevice"} & set(sys.modules))
import matplotlib
import matplotlib.pyplot
from mediapipe.tasks.python.vision import drawing_utils
same = drawing_utils.plt.figure is matplotlib.pyplot.figure
print(early, same, callable(drawing_utils.cv2.circle), mediapipe.__name__)
"""
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.split("\n")[-2] == "[] True True mediapipe"
