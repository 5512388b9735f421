"""Over frames: motion tracks of valid rows, the edge of a thing, and where it was."""

import dataclasses

import numpy as np
import pytest

from benchmarks._small_dataset import HEIGHT, WIDTH, publish_small
from rotoscope.models.motion_tracks.future import motion_track_contract
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.report.marks import HAND, THING, Line, Marks, draw_marks, marks_of
from rotoscope.pipeline.report.pictures import overlay_of

ROWS = 60
POINTS = ("wrist", "thumb_tip", "pinky_tip")
STEPS = 4


@pytest.fixture
def dataset(tmp_path):
    publish_small(tmp_path / "small", episodes=1, rows=ROWS)
    return open_dataset(tmp_path / "small")


def with_columns(dataset, **columns):
    """The first episode with columns `label__name` of names that the dataset then knows."""
    plain, named = dataset.episode(0), {}
    for key, (values, names) in columns.items():
        name = key.replace("__", ".")
        named[name] = values
        dataset.info["features"][name] = {
            "dtype": "float32", "names": list(names), "shape": [len(names)],
        }  # fmt: skip
    return dataclasses.replace(plain, columns=dict(plain.columns) | named)


def of_tracks(dataset):
    contract = motion_track_contract(POINTS, horizon_s=1, steps=STEPS, with_grasp=True, rate_hz=30)
    action = np.zeros((ROWS, len(contract.names)))
    for at, name in enumerate(contract.names):
        if not name.endswith("grasp"):
            step, point, axis = name.split(".")
            action[:, at] = 0.1 * int(step[1:]) + 0.01 * POINTS.index(point) + 0.5 * (axis == "y")
    now = np.tile([0.0, 0.5, 0.01, 0.51, 0.02, 0.52], (ROWS, 1))
    names = [f"{point}.{axis}" for point in POINTS for axis in "xy"]
    return with_columns(dataset, action=(action, contract.names), track__points=(now, names))


def test_motion_tracks_go_from_where_the_points_are_through_every_step(dataset):
    lines = marks_of(dataset, of_tracks(dataset), 3).lines
    assert len(lines) == len(POINTS)
    assert all(line.is_future for line in lines)
    shares = lines[1].points_px / [WIDTH, HEIGHT]
    np.testing.assert_allclose(shares[:, 0], 0.01 + 0.1 * np.arange(STEPS + 1), atol=1e-6)
    np.testing.assert_allclose(shares[:, 1], 0.51 + 0.1 * np.arange(STEPS + 1), atol=1e-6)
    assert len({line.color for line in lines}) == 3


def test_motion_tracks_are_of_the_rows_own_picture_whatever_the_camera_did(dataset):
    episode = of_tracks(dataset)
    episode.meta["scene"] |= {"K": np.eye(3).tolist(), "camera_motion": "moving"}
    assert len(overlay_of(dataset, episode, 3).marks.lines) == len(POINTS)


def test_rows_that_are_not_valid_show_no_motion_track(dataset):
    episode = of_tracks(dataset)
    invalid = np.flatnonzero(~np.asarray(episode.columns["label.valid"], bool).ravel())
    assert len(invalid)
    assert marks_of(dataset, episode, int(invalid[0])).lines == ()


def test_a_thing_has_its_edge_and_the_way_of_its_last_second(dataset):
    motion = np.full((ROWS, 8), np.nan)
    motion[:, 6], motion[:, 7] = np.linspace(0, 1, ROWS), 0.25
    edge = np.tile([0.2, 0.2, 0.4, 0.2, 0.4, 0.6], (ROWS, 1))
    edge[50:] = np.nan
    names = ("x", "y", "z", "sigma_x", "sigma_y", "sigma_z", "u", "v")
    episode = with_columns(
        dataset,
        label__object_motion=(motion, names),
        label__object_outline=(edge, [f"p{i}.{a}" for i in range(3) for a in "xy"]),
    )
    marks = marks_of(dataset, episode, 45)
    np.testing.assert_allclose(marks.outline_px[2], [0.4 * WIDTH, 0.6 * HEIGHT], atol=1e-4)
    (trail,) = marks.lines
    assert len(trail.points_px) == round(dataset.fps) + 1
    assert trail.points_px[-1][0] == pytest.approx(45 / 59 * WIDTH, abs=1e-4)
    assert marks_of(dataset, episode, 55).outline_px is None
    # Before a camera that moves, where a thing was in other pictures is no way in this one.
    episode.meta["scene"]["camera_motion"] = "moving"
    assert marks_of(dataset, episode, 45).lines == ()


def test_nothing_is_drawn_where_nothing_is_known(dataset):
    marks = marks_of(dataset, dataset.episode(0), 5)
    assert (marks.lines, marks.outline_px) == ((), None)
    image = np.full((40, 60, 3), 90, np.uint8)
    np.testing.assert_array_equal(draw_marks(image, marks, thick=2), image)


def test_marks_are_seen_where_they_are_and_gaps_stay_open():
    image = np.full((100, 100, 3), 90, np.uint8)
    gap = np.array([[10, 20], [30, 20], [np.nan, np.nan], [70, 20], [90, 20.0]])
    square = np.array([[20, 50], [60, 50], [60, 90], [20, 90.0]])
    drawn = draw_marks(image, Marks((Line(gap, HAND, is_future=False),), square), thick=2)
    blue, orange = drawn[20, 20].astype(int), drawn[70, 40].astype(int)
    assert blue[2] > blue[0] + 40
    assert (drawn[20, 50] == 90).all()
    assert orange[0] > 90 > orange[2]
    assert np.abs(drawn[70, 40].astype(int) - THING).max() > 40  # the thing shines through
    assert (drawn[95, 90] == 90).all()
