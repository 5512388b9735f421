"""The report shows what a hand holds: strips under the curves, and the thing's way in space."""

import dataclasses
import json

import numpy as np
import pytest

from benchmarks._small_dataset import publish_small
from rotoscope.pipeline.converters.object_frame import OBJECT_FRAME
from rotoscope.pipeline.datasets.read import Dataset, EpisodeRows, open_dataset
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.report.objects import held_strips, in_base, phase_strip, thing_way
from rotoscope.pipeline.report.page import write_report
from rotoscope.pipeline.report.scrub import way

ROWS = 60
MOTION = ("x", "y", "z", "sigma_x", "sigma_y", "sigma_z", "u", "v")


@pytest.fixture
def dataset(tmp_path):
    publish_small(tmp_path / "small", episodes=1, rows=ROWS)
    return open_dataset(tmp_path / "small")


@pytest.fixture
def plain(dataset):
    return dataset.episode(0)


def with_columns(dataset: Dataset, plain: EpisodeRows, **columns: np.ndarray) -> EpisodeRows:
    """The episode with columns `label__name`; the dataset then knows their names."""
    named = {}
    for key, values in columns.items():
        name = key.replace("__", ".")
        named[name] = values
        names = MOTION if name == "label.object_motion" else tuple("abcdefg"[: values.shape[1]])
        dataset.info["features"][name] = {
            "dtype": "float32",
            "names": list(names),
            "shape": [values.shape[1]],
        }
    return dataclasses.replace(plain, columns=dict(plain.columns) | named)


def a_path() -> np.ndarray:
    """A thing that rests 40 cm ahead and is lifted by 10 cm; nothing is known of its first rows."""
    path = np.zeros((ROWS, 8))
    path[:, 0] = 0.4
    path[:, 2] = np.linspace(0, 0.1, ROWS)
    path[:5] = np.nan
    return path


def held() -> np.ndarray:
    out = np.zeros((ROWS, 1))
    out[20:40] = 1
    return out


def test_strips_say_when_a_thing_is_seen_to_be_held_and_when_the_gripper_holds(dataset, plain):
    grasp = np.roll(held(), 3, axis=0)
    both = held_strips(
        dataset, with_columns(dataset, plain, label__object_held=held(), track__grasp=grasp)
    )
    assert len(both) == 2
    assert "thing seen to move with the hand 0.67-1.33 s" in both[0]
    assert "gripper holds 0.77-1.43 s" in both[1]
    assert "20 of 60 rows" in both[0]
    assert len(held_strips(dataset, with_columns(dataset, plain, track__grasp=grasp))) == 1
    assert held_strips(dataset, plain) == []


def test_the_things_way_stands_beside_the_end_effectors(dataset, plain):
    ee = np.tile([0.3, 0.0, 0.1, 0, 0, 0, 0], (ROWS, 1))
    ee[:, 0] += np.linspace(0, 0.1, ROWS)
    episode = with_columns(dataset, plain, label__object_motion=a_path(), label__ee=ee)
    found = way(dataset, episode)
    data = json.loads(found.data)
    assert len(data["o"]) == len(data["p"]) == ROWS
    assert data["o"][:5] == [None] * 5
    assert data["o"][5][0] == 400
    assert data["o"][-1] == [400, 0, 100]
    assert "orange" in found.what


def test_no_way_of_a_thing_where_it_is_nowhere_known_or_in_another_frame(dataset, plain):
    nothing = np.full((ROWS, 8), np.nan)
    ee, wrist = np.zeros((ROWS, 7)), np.zeros((ROWS, 7))
    assert thing_way(dataset, plain) is None
    unknown = with_columns(dataset, plain, label__object_motion=nothing, label__ee=ee)
    assert thing_way(dataset, unknown) is None
    assert "o" not in json.loads(way(dataset, unknown).data)
    seen = with_columns(dataset, plain, label__object_motion=a_path(), track__hand__wrist=wrist)
    assert "o" not in json.loads(way(dataset, seen).data)


def test_actions_in_a_things_frame_are_drawn_in_the_base(dataset, plain):
    rng = np.random.default_rng(0)
    T, true = (
        se3.make(se3.exp_so3(rng.normal(size=(ROWS, 3))), rng.normal(size=(ROWS, 3)))
        for _ in range(2)
    )
    seen = se3.inverse(T) @ true
    pose = np.concatenate([T[:, :3, 3], se3.log_so3(T[:, :3, :3])], axis=1)
    episode = with_columns(dataset, plain, label__object_frame=pose)
    np.testing.assert_array_equal(in_base(dataset, episode, seen), seen)  # a base frame's action
    contract = dataset.root / "meta" / "rotoscope" / "contract.json"
    stored = json.loads(contract.read_text()) | {"frame": OBJECT_FRAME}
    contract.write_text(json.dumps(stored))
    opened = open_dataset(dataset.root)
    np.testing.assert_allclose(in_base(opened, episode, seen), true, atol=1e-9)
    assert np.isnan(in_base(opened, plain, seen)).all()


def test_phases_are_a_strip_with_a_key(dataset, plain):
    grasp = np.zeros((ROWS, 1))
    grasp[20:50] = 1
    drawn = phase_strip(dataset, with_columns(dataset, plain, track__grasp=grasp))
    rows = "20 rows reach, 8 rows grasp, 22 rows move, 9 rows release, 1 rows withdraw"
    assert f"phases: {rows}" in drawn
    assert "withdraw</span>" in drawn
    assert "unknown" not in drawn
    assert phase_strip(dataset, plain) == ""


def test_the_wrist_is_drawn_with_up_upward_and_thick_where_it_holds(dataset, plain):
    wrist = np.zeros((ROWS, 7))
    wrist[:, 1], wrist[:, 2] = np.linspace(0.1, -0.2, ROWS), 0.5
    episode = with_columns(dataset, plain, track__hand__wrist=wrist, label__object_held=held())
    found = way(dataset, episode)
    data = json.loads(found.data)
    assert data["a"] == ["right", "away", "up"]
    assert data["p"][0] == [0, 500, -100]
    assert data["p"][-1] == [0, 500, 200]
    assert sum(data["h"]) == 20
    assert "along right, away, up" in found.said


def test_a_page_of_a_dataset_without_things_has_no_strip_of_them(dataset, tmp_path):
    write_report(dataset.root, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "thing seen to move" not in page
    assert "gripper holds" not in page
