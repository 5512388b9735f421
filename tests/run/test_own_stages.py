"""What a stage of somebody's own does wrong is said of that stage, in its row."""

import pytest
from lamp_runs import run_lamp, write_clip, write_recipe

STAGE = """
from rotoscope.pipeline.stage import {base}

class Mine({base}):
    kind, version = "mine", "1"
    provides = ("mine",)

    def begin(self, video): pass
    def observe(self, frame): pass
    def finish(self, time_s):
        return {returned}
    def run(self, clip, tracks):
        return {returned}
"""


@pytest.mark.parametrize("base", ["FrameStage", "ClipStage"])
@pytest.mark.parametrize("returned", ["5", "None", "[]", "{'mine': 5}", "{'mine': [1.0]}"])
def test_what_is_no_track_is_the_stages_fault_not_a_defect(tmp_path, base, returned):
    write_clip(tmp_path / "videos" / "a.mp4", frames=15)
    (tmp_path / "mine.py").write_text(STAGE.format(base=base, returned=returned))
    write_recipe(tmp_path / "lamp.yaml", ["./mine.py:Mine as mine"])
    (row,) = run_lamp(tmp_path).rows
    assert (row.status, row.error) == ("failed", "TrackError")
    assert f"stage 'mine' returned {returned}; a mapping of names to tracks" in row.message


@pytest.mark.parametrize("method", ["__init__(self, config)", "cache_token(self)"])
def test_error_before_the_first_video_names_the_stage(tmp_path, method):
    write_clip(tmp_path / "videos" / "a.mp4", frames=15)
    own = STAGE.format(base="ClipStage", returned="{}") + f"    def {method}: return 1 / 0\n"
    (tmp_path / "mine.py").write_text(own)
    write_recipe(tmp_path / "lamp.yaml", ["./mine.py:Mine as my own"])
    with pytest.raises(ZeroDivisionError) as caught:
        run_lamp(tmp_path)
    assert caught.value.__notes__ == ["in stage 'my own' of the recipe, before the first video"]
