"""Clicks beside a video: what they say, and what is refused with which words."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rotoscope.models.objects.clicks import clicks_file, prompts_of, read_clicks
from rotoscope.models.objects.network_stage import ObjectsNetwork
from rotoscope.pipeline.errors import UnreasonableVideoError
from rotoscope.pipeline.testing import a_video
from rotoscope.pipeline.types import Clip

ON = {"frame": 3, "x": 10.0, "y": 20.0}


def write(folder: Path, said: Any) -> Path:
    file = folder / "clip.clicks.json"
    file.write_text(said if isinstance(said, str) else json.dumps(said))
    return file


def one(*clicks: dict[str, Any], name: str = "cup") -> dict[str, Any]:
    return {"objects": [{"name": name, "clicks": list(clicks)}]}


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("{", "not valid JSON"),
        ([], "Input should be an object"),
        ({"objects": []}, "at least 1 item"),
        ({"things": []}, r"objects: Field required"),
        (one(), "at least 1 item"),
        (one({"x": 1, "y": 2}), "either frame or time_s"),
        (one(ON | {"time_s": 0.1}), "either frame or time_s"),
        (one(ON | {"frame": -1}), "greater than or equal to 0"),
        (one(ON | {"frame": "3"}), "valid integer"),
        (one(ON | {"label": 1}), "Extra inputs"),
        (one(ON, name=""), "at least 1 character"),
        (one(ON | {"positive": False}), "no click on it"),
        (one(ON | {"x": 640}), r"\(640, 20\); the upright frame has 640 x 480"),
        (one(ON | {"y": -0.5}), "the upright frame has"),
        (one(ON | {"frame": 12}), "frame 12; the video has 12"),
        (one({"time_s": 9.0, "x": 1, "y": 1}), "at 9 s; the video ends at"),
        ({"objects": one(ON)["objects"] * 2}, "2 things are called 'cup'"),
    ],
)
def test_clicks_that_cannot_be_meant_are_refused(said: Any, says: str, tmp_path: Path) -> None:
    video = a_video(12, path=tmp_path / "clip.mp4")
    with pytest.raises(UnreasonableVideoError, match=says):
        read_clicks(write(tmp_path, said), video)


def test_clicks_belong_to_the_clip_that_their_frame_or_time_is_in(tmp_path: Path) -> None:
    video = a_video(12, path=tmp_path / "clip.mp4")
    said = {
        "objects": [
            {
                "name": "cup",
                "clicks": [
                    {"frame": 1, "x": 64, "y": 48},
                    {"frame": 7, "x": 320, "y": 240},
                    {"time_s": 7.2 / 30, "x": 0, "y": 0, "positive": False},
                ],
            },
            {"name": "lid", "clicks": [{"time_s": 8 / 30, "x": 160, "y": 120}]},
        ]
    }
    things = read_clicks(write(tmp_path, said), video)
    found = prompts_of(things, Clip(video, 5, np.arange(5, 12) / 30))
    assert [(one.name, one.frame) for one in found] == [("cup", 2), ("lid", 3)]
    np.testing.assert_allclose(found[0].prompt.points, [[0.5, 0.5], [0, 0]])
    np.testing.assert_array_equal(found[0].prompt.is_on, [True, False])
    assert [(p.name, p.frame) for p in prompts_of(things, Clip(video, 0, np.arange(5) / 30))] == [
        ("cup", 1)
    ]


def test_clicks_are_part_of_what_the_video_is(tmp_path: Path) -> None:
    video = tmp_path / "clip.mp4"
    assert clicks_file(video) is None
    assert ObjectsNetwork.files_beside(video) == ()
    file = write(tmp_path, one(ON))
    assert ObjectsNetwork.files_beside(video) == (file,)


def test_clicks_that_lead_elsewhere_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    file = write(tmp_path / "other", one(ON))
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "clip.clicks.json").symlink_to(file)
    with pytest.raises(UnreasonableVideoError, match=r"clip\.clicks\.json"):
        clicks_file(tmp_path / "videos" / "clip.mp4")
