"""The stage `objects.network` from masks on, with a segmenter whose masks are right."""

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from color_segmenter import ByColor, ColorSegmenter, by_color
from moved_things import (
    HEIGHT,
    LEAVE,
    NUM,
    SKIN,
    TAKE,
    THING,
    WIDTH,
    clip,
    pictures,
    thing_way,
    track,
    true_mask,
)
from pydantic import ValidationError

from rotoscope.models.objects import events, network_stage
from rotoscope.models.objects.network_stage import ObjectsNetworkConfig
from rotoscope.models.objects.prompts import Prompt
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import ObjectTrack, QualityTrack

_LOOKED: dict[tuple[int, int, int, int], events.Window] = {}


def found(
    folder: Path, frames: list[np.ndarray], stage: ByColor | None = None, hand: Any = None
) -> Tracks:
    stage = stage or by_color()
    return stage.run(clip(folder, frames), {"hands.right": hand or track()})


@pytest.fixture(autouse=True)
def _looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What moves in the same pictures is the same: most of the time goes into that."""
    look = events.look

    def remembered(pictures: Any, hands: Any, first: int, *camera: Any) -> events.Window:
        key = (len(pictures), first, zlib.crc32(np.stack(pictures).tobytes()), len(hands))
        if key not in _LOOKED:
            _LOOKED[key] = look(pictures, hands, first, *camera)
        return _LOOKED[key]

    monkeypatch.setattr(events, "look", remembered)


def things(made: Tracks) -> list[ObjectTrack]:
    return [track for track in made.values() if isinstance(track, ObjectTrack)]


def facts(made: Tracks) -> dict[str, Any]:
    quality = made["quality.objects"]
    assert isinstance(quality, QualityTrack)
    return quality.facts


def clicked(folder: Path, *objects: dict[str, Any]) -> None:
    (folder / "act.clicks.json").write_text(json.dumps({"objects": list(objects)}))


def on_thing(frame: int, **more: Any) -> dict[str, Any]:
    """A click on the lower part of the thing, which no finger hides."""
    x, y = thing_way()[frame]
    return {"frame": frame, "x": float(x) - 15, "y": float(y) - 12} | more


def overlaps(thing: ObjectTrack) -> np.ndarray:
    step = WIDTH // thing.mask_width
    both = [(thing.mask(t), true_mask(t)[::step, ::step]) for t in range(NUM)]
    return np.array([(a & b).sum() / max((a | b).sum(), 1) for a, b in both])


def test_what_moves_with_the_hand_is_pointed_at_and_its_contact_and_path_are_told(
    tmp_path: Path,
) -> None:
    made = found(tmp_path, pictures(), by_color(max_side_px=320))
    (thing,) = things(made)
    assert np.median(overlaps(thing)) > 0.9
    held = np.flatnonzero(thing.held[:, 1])
    assert abs(int(held[0]) - TAKE) <= 3
    assert abs(int(held[-1]) - LEAVE) <= 4
    assert not thing.held[:, 0].any()
    assert np.median(np.linalg.norm(thing.center_px - thing_way(), axis=1)) < 5
    assert facts(made)["objects_prompt"] == "contact"


def test_contact_prompt_says_that_the_palm_is_not_meant(tmp_path: Path) -> None:
    stage = by_color()
    found(tmp_path, pictures(), stage)
    (prompt,) = stage.segmenter.asked[0][0]
    size = np.array([WIDTH, HEIGHT])
    assert prompt.is_on.any()
    assert not prompt.is_on.all()
    off = prompt.points[~prompt.is_on][0] * size
    assert np.linalg.norm(off - track().landmarks_px[prompt.frame, [0, 5, 9, 13, 17]].mean(0)) < 3
    for x, y in prompt.points[prompt.is_on] * size:
        assert true_mask(prompt.frame)[int(y), int(x)]


@pytest.mark.parametrize(("window", "overlap"), [(24, 8)])
def test_windows_are_joined_and_a_thing_keeps_its_number(
    window: int, overlap: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_stage, "WINDOW_FRAMES", window)
    monkeypatch.setattr(network_stage, "OVERLAP_FRAMES", overlap)
    stage = by_color()
    (thing,) = things(found(tmp_path, pictures(), stage))
    assert np.median(overlaps(thing)) > 0.9
    assert thing.valid.sum() >= NUM - window
    held = np.flatnonzero(thing.held[:, 1])
    assert abs(int(held[0]) - TAKE) <= 5  # of pictures half as large
    assert abs(int(held[-1]) - LEAVE) <= 5
    carried = [p for call in stage.segmenter.asked for (p, *_) in call if p.mask is not None]
    assert carried, "what is known goes on by its mask"


def test_clicks_beside_the_video_say_what_is_meant_and_what_it_is_called(tmp_path: Path) -> None:
    clicked(
        tmp_path,
        {
            "name": "blue box",
            "clicks": [on_thing(30), {"time_s": 1.0, "x": 5, "y": 5, "positive": False}],
        },
    )
    stage = by_color()
    made = found(tmp_path, pictures(), stage)
    (thing,) = things(made)
    assert np.median(overlaps(thing)) > 0.9
    assert facts(made)["objects_1_name"] == "blue box"
    assert facts(made)["objects_prompt"] == "clicks"
    ((prompt,),) = stage.segmenter.asked[0]
    assert prompt.frame == 30  # 1.0 s is that frame too: both clicks are one prompt
    np.testing.assert_array_equal(prompt.is_on, [True, False])
    np.testing.assert_allclose(prompt.points[1], [5 / WIDTH, 5 / HEIGHT])


def test_clicked_thing_that_nobody_takes_is_none(tmp_path: Path) -> None:
    clicked(tmp_path, {"name": "ground", "clicks": [{"frame": 3, "x": 6, "y": 6}]})
    assert things(found(tmp_path, pictures())) == []


def test_named_thing_is_looked_for_by_the_detector(tmp_path: Path) -> None:
    stage = by_color(text="blue box, cup", colors={"blue box": THING, "cup": (1, 254, 1)})
    made = found(tmp_path, pictures(), stage)
    (thing,) = things(made)
    assert np.median(overlaps(thing)) > 0.9
    assert facts(made)["objects_1_name"] == "blue box"
    assert facts(made)["objects_prompt"] == "text"
    assert len(stage.segmenter.asked) == 1, "what is known is not asked for again"


@pytest.mark.slow
def test_named_thing_that_was_away_for_long_is_the_same_when_it_is_seen_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_stage, "WINDOW_FRAMES", 24)
    monkeypatch.setattr(network_stage, "OVERLAP_FRAMES", 8)
    frames, without = pictures(), pictures(with_thing=False)
    frames[32:46] = without[32:46]
    made = found(tmp_path, frames, by_color(text="blue box", colors={"blue box": THING}))
    (thing,) = things(made)
    assert thing.valid[20:32].all()
    assert not thing.valid[33:45].any()
    assert thing.valid[50:].all()


class _Says(ColorSegmenter):
    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def _one(self, pictures: Any, prompts: list[Prompt], shape: Any) -> list[np.ndarray]:
        mask = np.zeros(shape, bool)
        mask[: round(self.share * shape[0])] = True
        return [mask] * len(pictures)


@pytest.mark.parametrize(
    ("share", "why"), [(1.0, "over most of the picture"), (0.0, "nothing is seen to move")]
)
def test_masks_over_everything_and_over_nothing_hold_nothing(
    share: float, why: str, tmp_path: Path
) -> None:
    stage = by_color()
    stage._segmenter = _Says(share)
    made = found(tmp_path, pictures(), stage)
    assert things(made) == []
    assert why in facts(made)["objects_why"]


def test_mask_of_the_hand_is_no_thing(tmp_path: Path) -> None:
    class Hand(ColorSegmenter):
        def _one(self, pictures: Any, prompts: list[Prompt], shape: Any) -> list[np.ndarray]:
            return [(np.abs(p[::2, ::2].astype(int) - SKIN) < 12).all(axis=2) for p in pictures]

    stage = by_color()
    stage._segmenter = Hand()
    made = found(tmp_path, pictures(), stage)
    assert things(made) == []
    assert "of the hand itself" in facts(made)["objects_why"]


@pytest.mark.parametrize("level", [0, pytest.param(128, marks=pytest.mark.slow)])
def test_pictures_of_one_color_hold_nothing_though_clicked(level: int, tmp_path: Path) -> None:
    clicked(tmp_path, {"name": "cup", "clicks": [on_thing(20)]})
    made = found(tmp_path, [np.full((HEIGHT, WIDTH, 3), level, np.uint8)] * NUM)
    assert things(made) == []


def test_camera_covered_half_way_shows_nothing_after(tmp_path: Path) -> None:
    class Sticks(ColorSegmenter):
        def _one(self, pictures: Any, prompts: list[Prompt], shape: Any) -> list[np.ndarray]:
            out = super()._one(pictures, prompts, shape)
            return [mask if t < 30 else out[29] for t, mask in enumerate(out)]

    stage = by_color()
    stage._segmenter = Sticks()
    frames = pictures()[:30] + [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 30
    (thing,) = things(found(tmp_path, frames, stage, track(valid=np.arange(NUM) < 30)))
    assert not thing.valid[30:].any()
    assert not thing.held[30:].any()


@pytest.mark.parametrize(
    "how", [{"light": 0.02}, pytest.param({"with_thing": False}, marks=pytest.mark.slow)]
)
def test_darkness_and_mimed_grasps_hold_nothing(how: dict[str, Any], tmp_path: Path) -> None:
    assert things(found(tmp_path, pictures(**how))) == []


def test_no_hand_no_thing(tmp_path: Path) -> None:
    nobody = track(valid=np.zeros(NUM, bool)).slice(0, 20)
    made = found(tmp_path, pictures()[:20], hand=nobody)
    assert things(made) == []
    assert "no hand is seen" in facts(made)["objects_why"]


@pytest.mark.slow
def test_second_thing_that_rests_is_not_held(tmp_path: Path) -> None:
    frames = [frame.copy() for frame in pictures()]
    for frame in frames:
        frame[20:60, 240:290] = (200, 30, 30)
    clicked(
        tmp_path,
        {"name": "box", "clicks": [on_thing(20)]},
        {"name": "red", "clicks": [{"frame": 0, "x": 260, "y": 40}]},
    )
    made = found(tmp_path, frames)
    (thing,) = things(made)
    assert facts(made)["objects_1_name"] == "box"
    assert thing.held[:, 1].any()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"text": " , "}, "names nothing"),
        ({"detector": "d"}, "there is no text"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, str], says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        ObjectsNetworkConfig(model=Path("m"), **settings)
