"""Whatever a stage of a user's own returns, says or stops costs one row, and the row is kept."""

import json

import numpy as np
import pytest
from lamp_runs import STAGES, TINY, run_lamp, statuses, write_clip, write_recipe

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.run.ledger import Ledger
from rotoscope.pipeline.tracks import ActionTrack

ODD = {
    "nothing": "None",
    "list": "[1]",
    "number": "{'brightness': 3}",
    "key": "{3: ClockTrack(time_s=time_s)}",
    "class": "{'brightness': ClockTrack}",
    "objects": "{**fine, 'x': feature(time_s[:, None].astype(object))}",
    "complex": "{**fine, 'x': feature(time_s[:, None].astype(complex))}",
    "texts": "{**fine, 'x': feature(time_s[:, None].astype(str))}",
    "scalar": "{**fine, 'x': feature(np.ones(()))}",
}
HEAD = f"""
import os, signal
import numpy as np
from rotoscope.pipeline.registry import stage_class
from rotoscope.pipeline.tracks import ClockTrack, FeatureTrack

def feature(values):
    return FeatureTrack("track.x", "scene", values, ("a",), "1", "Odd.")

class Odd(stage_class({STAGES[0].split()[0]!r}, allow_code=True)):
    def begin(self, video):
        super().begin(video)
        self.stem = video.path.stem

    def finish(self, time_s):
        fine = super().finish(time_s)
"""


def run_odd(folder, code):
    own = folder / "own.py"
    own.write_text(HEAD + "".join(f"        {line}\n" for line in (*code, "return fine")))
    stages = [f"{own}:Odd as bright", f"{TINY}:BrightnessLabeler as lamp", "curate"]
    write_recipe(folder / "lamp.yaml", stages)
    write_clip(folder / "videos" / "fine.mp4", seed=99)
    return run_lamp(folder)


def test_what_is_no_track_is_an_error_of_the_stage_and_the_others_are_published(tmp_path):
    for number, name in enumerate(ODD):
        write_clip(tmp_path / "videos" / f"{name}.mp4", seed=number)
    code = [f"if self.stem == {name!r}: return {made}" for name, made in ODD.items()]
    result = run_odd(tmp_path, code)
    assert statuses(result) == {**{f"{n}.mp4": "failed" for n in ODD}, "fine.mp4": "done"}
    assert {row.error for row in result.rows} == {"TrackError", ""}
    assert result.dataset is not None


def test_words_that_are_no_text_or_never_end_are_kept_as_a_row(tmp_path):
    write_clip(tmp_path / "videos" / "a.mp4")
    code = ["if self.stem == 'a': raise ValueError(chr(0xd800) + chr(0xdcff) + 'm' * 10**7)"]
    rows = run_odd(tmp_path, code).rows
    ledger = tmp_path / "out.rotoscope" / "ledger.jsonl"
    assert (
        [r.name for r in Ledger(ledger).rows()] == [r.name for r in rows] == ["a.mp4", "fine.mp4"]
    )
    assert ledger.stat().st_size < 100_000
    published = tmp_path / "out" / "meta" / "rotoscope" / "ledger.jsonl"
    for line in published.read_text().splitlines():
        json.dumps(json.loads(line), ensure_ascii=False).encode()


def test_a_stage_that_stops_its_parent_stops_nothing_else(tmp_path):
    for name in ("a", "b"):
        write_clip(tmp_path / "videos" / f"{name}.mp4", seed=ord(name))
    result = run_odd(tmp_path, ["if self.stem == 'a': os.kill(os.getppid(), signal.SIGSTOP)"])
    assert set(statuses(result).values()) == {"done"}


def actions(**change):
    n = 3
    contract = ActionContract(
        robot="lamp",
        dimensions=(Dimension(name="lamp.pos", quantity="joint", unit="rad"),),
        rate_hz=30,
        shift_s=0,
    )
    facts = {
        "labeler": "lamp",
        "subject": "scene",
        "contract": contract,
        "values": np.zeros((n, 1)),
        "valid": np.ones(n, bool),
        "confidence": np.ones(n),
        "reason": np.zeros(n, np.uint8),
    }
    return ActionTrack(**facts | {k: v(contract) if callable(v) else v for k, v in change.items()})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confidence": np.array([0.5, 1.5, 0.0])}, "confidence from 0 to 1"),
        ({"confidence": np.array([0.5, np.nan, 0.0])}, "confidence from 0 to 1"),
        ({"reason": np.array([0, 0, 200])}, "reason integers from 0 to 11"),
        ({"reason": np.zeros(3)}, "reason integers"),
        ({"reason": np.zeros(3, complex)}, "must be an array of real numbers"),
        ({"reason": np.zeros(())}, "with an axis of time"),
        ({"values": np.full((3, 1), 1e300)}, r"more than 1e\+09"),
        ({"values": np.full((3, 1), 2.0**62)}, r"more than 1e\+09"),
        ({"subject": "\udcff"}, "subject texts"),
        ({"labeler": "a\nb"}, "labeler and subject"),
        ({"contract": lambda c: c.model_copy(update={"rate_hz": 0.0})}, "a valid ActionContract"),
        ({"contract": lambda c: c.model_copy(update={"shift_s": -1.0})}, "a valid ActionContract"),
        ({"T_camera_base": np.full((4, 4), np.nan)}, "T_camera_base a finite"),
    ],
)
def test_actions_that_make_no_sense_are_refused_where_they_are_made(change, message):
    assert actions().num_frames == 3
    with pytest.raises(TrackError, match=message):
        actions(**change)
