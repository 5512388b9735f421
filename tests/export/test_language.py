"""Phases and traces in LeRobot's language columns: read back by LeRobot, all else as it was."""

import dataclasses
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from typer.testing import CliRunner

from benchmarks._small_dataset import episode, job_for, store
from rotoscope.cli.main import app
from rotoscope.pipeline.datasets.phases import phases
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.doctor.run import diagnose
from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.export.language import write_with_language
from rotoscope.pipeline.export.publish import publish_in_child
from rotoscope.pipeline.export.stored_episode import save_episode

HELD = np.zeros(60, bool)
HELD[20:45] = True


def made(number, rows=60):
    one = episode(number, rows)
    held = HELD[:rows, None]
    way = np.linspace(0, 0.4, rows)[:, None] * [1.0, 0.0, 0.0]
    wrist = np.concatenate([way, np.tile([1.0, 0, 0, 0], (rows, 1))], axis=1).astype(np.float32)
    points = np.linspace(0, 1, rows * 4).reshape(rows, 4).astype(np.float32)
    features = one.features | {
        "track.grasp": Feature(held, ("grasping",), "1", "A grasp is held."),
        "track.hand.wrist": Feature(
            wrist, ("x", "y", "z", "qw", "qx", "qy", "qz"), "m", "Wrist pose."
        ),
        "track.points": Feature(
            points, ("wrist.x", "wrist.y", "index_tip.x", "index_tip.y"), "1", "Points."
        ),
    }
    return dataclasses.replace(one, features=features)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("episodes")
    stored = [store(folder / str(n), n, made(n)) for n in range(2)]
    out = tmp_path_factory.mktemp("published") / "dataset"
    publish_in_child(job_for(stored, out))
    return out


@pytest.fixture(scope="module")
def annotated(plain, tmp_path_factory):
    out = tmp_path_factory.mktemp("annotated") / "dataset"
    shown = CliRunner().invoke(app, ["annotate", str(plain), "--out", str(out)])
    assert shown.exit_code == 0, shown.output
    assert "2 episodes: 2 reach, 2 grasp, 2 move, 2 release, 2 withdraw" in shown.output
    return out


@pytest.fixture(scope="module")
def loaded(annotated):
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset("rotoscope/small", root=annotated, video_backend="pyav")


def test_lerobot_reads_the_phases_in_every_row(loaded):
    from lerobot.datasets.language import validate_camera_field

    fps = loaded.meta.fps
    for index in (0, 70):
        rows = loaded[index]["language_persistent"]
        assert [row["style"] for row in rows] == ["subtask"] * 5
        assert rows[1]["timestamp"] == pytest.approx(20 / fps)
        assert rows[3]["timestamp"] == pytest.approx(45 / fps)
        for row in rows:
            validate_camera_field(row["style"], row["camera"])


def test_trace_stands_at_the_row_at_which_its_phase_begins(loaded):
    from lerobot.datasets.language import validate_camera_field

    (row,) = loaded[20]["language_events"]
    assert row["style"] == "trace"
    validate_camera_field(row["style"], row["camera"])
    assert row["camera"] in loaded.meta.camera_keys
    wrist, index = json.loads(row["content"])["traces"]
    assert (wrist["label"], index["label"]) == ("wrist", "index_tip")
    assert wrist["points"][0] == pytest.approx([80 / 239, 81 / 239], abs=1e-3)
    assert loaded[21]["language_events"] == []


def test_everything_else_is_as_it_was(plain, annotated):
    before, after = open_dataset(plain), open_dataset(annotated)
    for index in range(2):
        for name, values in before[index].columns.items():
            np.testing.assert_array_equal(values, after[index].columns[name], err_msg=name)
    for video in plain.rglob("*.mp4"):
        assert (annotated / video.relative_to(plain)).read_bytes() == video.read_bytes()


def test_doctor_finds_no_fault(annotated):
    assert [check for check in diagnose(annotated) if check.verdict == "FAIL"] == []


def test_policies_see_no_language(loaded):
    from lerobot.utils.feature_utils import dataset_to_policy_features

    seen = dataset_to_policy_features(loaded.meta.features)
    assert not [name for name in seen if name.startswith("language")]


def test_a_loader_that_leaves_the_columns_out_makes_batches(loaded):
    def collate(items):
        plain = [{k: v for k, v in x.items() if not k.startswith("language")} for x in items]
        return torch.utils.data.default_collate(plain)

    batch = next(iter(torch.utils.data.DataLoader(loaded, 4, collate_fn=collate)))
    assert batch["action"].shape[0] == 4


def test_dataset_without_grasps_is_refused(tmp_path_factory, tmp_path):
    stored = [save_episode(tmp_path / "0", episode(0, 30))]
    publish_in_child(job_for(stored, tmp_path / "dataset"))
    with pytest.raises(DatasetError, match=r"no column track\.grasp"):
        write_with_language(open_dataset(tmp_path / "dataset"), tmp_path / "out")


def names_of(held, wrist_m=None):
    return [(p.start, p.name) for p in phases(np.array(held, bool), wrist_m, fps=10, who="x")]


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ([0] * 5, [(0, "reach")]),
        ([1] * 6, [(0, "grasp"), (2, "move")]),
        ([0, 1], [(0, "reach"), (1, "grasp")]),
        (
            [0] * 5 + [1] * 5 + [0] * 2 + [1] * 5 + [0] * 9,
            [
                *[(0, "reach"), (5, "grasp"), (7, "move"), (10, "release"), (12, "grasp")],
                *[(14, "move"), (17, "release"), (20, "withdraw")],
            ],
        ),
    ],
)
def test_phases_follow_what_is_held(held, wanted):
    assert names_of(held) == wanted


def test_way_is_told_in_centimeters_where_it_is_known():
    held = np.array([0] * 3 + [1] * 10)
    wrist = np.linspace(0, 0.26, 13)[:, None] * [0.0, 0.0, 1.0]
    texts = [p.text for p in phases(held > 0, wrist, fps=10, who="the left hand")]
    assert texts[2] == "the left hand moves what it holds by 15 cm"
    assert [p.text for p in phases(held > 0, None, fps=10, who="it")][2] == "it moves what it holds"


U = -1  # a row that is not valid


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ([U] * 6, [(0, "unknown")]),
        # At 10 rows a second five rows are bridged where both sides say the same, six are not.
        ([0] * 4 + [U] * 5 + [0] * 4, [(0, "reach")]),
        ([0] * 4 + [U] * 6 + [0] * 4, [(0, "reach"), (4, "unknown"), (10, "reach")]),
        ([1] * 4 + [U] * 5 + [1] * 4, [(0, "grasp"), (2, "move")]),
        # When it let go, or took, was not seen: nobody says that it did.
        ([1] * 4 + [U] * 2 + [0] * 4, [(0, "grasp"), (2, "move"), (4, "unknown"), (6, "withdraw")]),
        ([0] * 4 + [U] * 2 + [1] * 4, [(0, "reach"), (4, "unknown"), (6, "move")]),
        (
            [U] * 3 + [1] * 3 + [0] * 6,
            [(0, "unknown"), (3, "move"), (6, "release"), (9, "withdraw")],
        ),
        ([0] * 3 + [1] * 4 + [U] * 3, [(0, "reach"), (3, "grasp"), (5, "move"), (7, "unknown")]),
    ],
)
def test_rows_that_are_not_valid_make_no_phase(held, wanted):
    values = np.array(held)
    for said in (values > 0, values != 0):  # whatever those rows hold
        found = phases(said, None, fps=10, who="x", valid=values != U)
        assert [(p.start, p.name) for p in found] == wanted


def test_neither_phases_nor_traces_come_from_rows_that_are_not_valid(tmp_path):
    one = made(0)
    valid = np.ones(60, bool)
    valid[15:25] = False  # in which the grasp begins
    reason = np.where(valid, 0, 2).astype(np.uint8)
    one = dataclasses.replace(one, valid=valid, reason=reason)
    publish_in_child(job_for([store(tmp_path / "0", 0, one)], tmp_path / "dataset"))
    dataset = open_dataset(tmp_path / "dataset")
    found = write_with_language(dataset, tmp_path / "out")
    names = [(p.start, p.name) for p in found[0]]
    assert names[:3] == [(0, "reach"), (15, "unknown"), (25, "move")]
    (file,) = (tmp_path / "out" / "data").rglob("*.parquet")
    begun = pq.read_table(file)["language_events"].to_pylist()
    traces = {row: json.loads(e[0]["content"])["traces"] for row, e in enumerate(begun) if e}
    assert [len(t["points"]) for t in traces[15]] == [0, 0]
    assert [len(t["points"]) for t in traces[0]] == [15, 15]
