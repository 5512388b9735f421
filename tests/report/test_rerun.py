"""A Rerun recording holds what a dataset knows, where it is and when: read back from its file."""

import dataclasses
from collections import defaultdict

import numpy as np
import pytest

from benchmarks._small_dataset import HEIGHT, WIDTH, publish_small
from rotoscope.models.motion_tracks.future import motion_track_contract
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.report.rerun import write_recording

ROWS, SEEN = 30, slice(5, 25)
MOTION = ("x", "y", "z", "sigma_x", "sigma_y", "sigma_z", "u", "v")
T_CAMERA_BASE = se3.make(se3.exp_so3(np.array([0.3, -1.2, 0.5])), np.array([0.1, 0.2, 1.0]))


def read_back(path):
    """Values of every component by entity, with their times [s]; None for what holds always."""
    from rerun.chunk import RrdReader

    found = defaultdict(list)
    for chunk in iter(RrdReader(str(path)).stream()):
        table = chunk.to_record_batch()
        names = table.schema.names
        times = [None] * table.num_rows
        if "time" in names:
            times = [t.total_seconds() for t in table["time"].to_pylist()]
        for name in names:
            if ":" in name and not name.startswith("rerun.controls"):
                values = zip(times, table[name].to_pylist(), strict=True)
                found[chunk.entity_path, name] += [v for v in values if v[1] is not None]
    return {key: sorted(v, key=lambda one: one[0] or 0) for key, v in found.items()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An episode in which a hand moves a thing before a camera that moves, and its recording."""
    pytest.importorskip("rerun.chunk")
    root = tmp_path_factory.mktemp("rerun")
    publish_small(root / "small", episodes=1, rows=ROWS)
    dataset = open_dataset(root / "small")
    plain = dataset.episode(0)
    tracks = motion_track_contract(("wrist",), horizon_s=1, steps=3, with_grasp=False, rate_hz=30)
    thing = np.full((ROWS, 8), np.nan)
    thing[SEEN] = [0.4, 0.1, 0.2, 0.01, 0.01, 0.01, 0.5, 0.25]
    grasp = np.zeros((ROWS, 1))
    grasp[10:20] = 1
    joints = np.tile(np.linspace(0, 0.2, 63), (ROWS, 1)) + np.arange(ROWS)[:, None]
    joints[25:] = np.nan
    camera = np.zeros((ROWS, 6))
    camera[:, 0] = np.arange(ROWS)
    outline = np.tile([0.0, 0.0, 0.5, 0.0, 0.5, 0.5, 0.0, 0.5], (ROWS, 1))
    outline[20:] = np.nan
    columns = {
        "action": (np.tile(np.linspace(0.1, 0.6, 6), (ROWS, 1)), tracks.names),
        "track.points": (np.zeros((ROWS, 2)), ("wrist.x", "wrist.y")),
        "label.object_motion": (thing, MOTION),
        "label.object_outline": (outline, [f"p{i}.{a}" for i in range(4) for a in "xy"]),
        "label.object_frame": (
            np.tile([0.1, 0, 0, 0, 0, 0.5], (ROWS, 1)), ("x", "y", "z", "wx", "wy", "wz"),
        ),
        "label.object_held": (grasp, ("held",)),
        "track.grasp": (grasp, ("grasping",)),
        "track.hand.joints": (joints, [f"j{i}" for i in range(63)]),
        "track.camera.pose": (camera, ("x", "y", "z", "wx", "wy", "wz")),
    }  # fmt: skip
    for name, (values, names) in columns.items():
        shape = [values.shape[1]]
        dataset.info["features"][name] = {"dtype": "float32", "names": list(names), "shape": shape}
    plain.meta["scene"] |= {
        "K": [[80.0, 0, WIDTH / 2], [0, 80.0, HEIGHT / 2], [0, 0, 1]],
        "T_camera_base": T_CAMERA_BASE.tolist(),
    }
    episode = dataclasses.replace(
        plain, columns=dict(plain.columns) | {name: v for name, (v, _) in columns.items()}
    )
    write_recording(dataset, episode, root / "episode.rrd")
    return dataset, episode, read_back(root / "episode.rrd")


def test_every_row_stands_at_its_time(made):
    dataset, _, found = made
    times = [time for time, _ in found["/camera/image", "EncodedImage:blob"]]
    np.testing.assert_allclose(times, np.arange(ROWS) / dataset.fps, atol=1e-6)


def test_camera_moves_in_the_scene_and_has_its_lens(made):
    _, _, found = made
    places = np.array([v[0] for _, v in found["/camera", "Transform3D:translation"]])
    np.testing.assert_allclose(places[:, 0], np.arange(ROWS))
    ((always, lens),) = found["/camera/image", "Pinhole:image_from_camera"]
    assert always is None
    assert lens[0][0] == pytest.approx(80)


def test_hand_is_where_it_is_and_nowhere_when_unknown(made):
    _, episode, found = made
    points = [v for _, v in found["/hand/points", "Points3D:positions"]]
    seen = np.asarray(episode.columns["track.hand.joints"][3]).reshape(21, 3)
    np.testing.assert_allclose(points[3], seen, atol=1e-5)
    assert len(points[27]) == 0
    bones = [v for _, v in found["/hand", "LineStrips3D:strips"]]
    assert (len(bones[3]), len(bones[27])) == (21, 0)


def test_thing_has_its_place_way_frame_and_segment(made):
    _, _, found = made
    wanted = se3.apply(T_CAMERA_BASE, np.array([[0.4, 0.1, 0.2]]))[0]
    places = [v for _, v in found["/thing/place", "Points3D:positions"]]
    np.testing.assert_allclose(places[10], [wanted], atol=1e-5)
    assert (len(places[0]), len(places[29])) == (0, 0)
    ((_, way),) = found["/thing/way", "LineStrips3D:strips"]
    assert [len(strip) for strip in way] == [20]
    frames = [v[0] for _, v in found["/thing/frame", "Transform3D:translation"]]
    np.testing.assert_allclose(
        frames[0], se3.apply(T_CAMERA_BASE, np.array([[0.1, 0, 0]]))[0], atol=1e-5
    )
    segments = [v for _, v in found["/camera/image/segment", "SegmentationImage:buffer"]]
    first = np.array(segments[0][0], np.uint8).reshape(HEIGHT, WIDTH)
    assert first[5, 5] == 1
    assert first[: HEIGHT // 2 - 1, : WIDTH // 2 - 1].all()
    assert not first[HEIGHT // 2 + 2 :].any()
    assert len(segments) == 20  # none where nothing is seen


def test_motion_tracks_and_points_are_over_the_frame_where_rows_are_valid(made):
    _, episode, found = made
    valid = np.asarray(episode.columns["label.valid"], bool).ravel()
    strips = [v for _, v in found["/camera/image/motion_tracks", "LineStrips2D:strips"]]
    assert [len(v) for v in strips] == valid.astype(int).tolist()
    np.testing.assert_allclose(strips[0][0][0], [0, 0], atol=1e-4)
    np.testing.assert_allclose(strips[0][0][-1], [0.5 * WIDTH, 0.6 * HEIGHT], atol=1e-3)
    points = [v for _, v in found["/camera/image/points", "Points2D:positions"]]
    assert [len(v) for v in points] == valid.astype(int).tolist()


def test_contacts_are_curves_and_phases_words(made):
    dataset, _, found = made
    held = [v[0] for _, v in found["/label/object_held", "Scalars:scalars"]]
    assert np.flatnonzero(held).tolist() == list(range(10, 20))
    words = [(round(t * dataset.fps), v[0]) for t, v in found["/phase", "TextLog:text"]]
    assert words[0] == (0, "reach: the right hand reaches for a thing")
    assert (10, "grasp: the right hand grasps a thing") in words
