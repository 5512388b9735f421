"""People's motion tracks become a robot's actions by a labeler that saw the robot's own."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks._small_dataset import publish_small
from rotoscope.models.labelers.relabel import relabel_dataset
from rotoscope.models.labelers.train_command import train_labeler
from rotoscope.pipeline.datasets.read import open_dataset

SEEN = "track.points"
SETTINGS = [
    f"inputs=[{SEEN}]",
    "kind=kernel",
    "window.before_s=0.1",
    "window.after_s=0.1",
    "window.has_levels=false",
]
ROBOT_EPISODES = 5


@pytest.fixture(autouse=True)
def _own_store(monkeypatch, tmp_path):
    monkeypatch.setenv("ROTOSCOPE_STORE", str(tmp_path / "default_store"))


def filmed(root, *, elsewhere, is_person):
    """The hand's way as points of the picture; actions are velocities that only robots know.

    A person does the mirror image of what a robot did, so that no motion is known by heart.
    """
    info = json.loads((root / "meta" / "info.json").read_text())
    info["features"][SEEN] = info["features"]["observation.state"]
    (root / "meta" / "info.json").write_text(json.dumps(info))
    for file in (root / "data").rglob("*.parquet"):
        table = pq.read_table(file)
        state = np.array(table["observation.state"].to_pylist(), np.float32)
        kind = table.schema.field("observation.state").type
        if is_person:
            state = 2 * state.mean(axis=0) - state
        seen = 0.5 + state * [0.1, 0.1, 0.002] + elsewhere
        table = table.append_column(SEEN, pa.array(list(seen.astype(np.float32)), kind))
        way = np.zeros_like(state)
        first = np.flatnonzero(np.diff(table["episode_index"].to_numpy())) + 1
        for start, end in zip([0, *first], [*first, len(state)], strict=True):
            way[start:end] = np.gradient(state[start:end], axis=0)
        truth = (30 * way).astype(np.float32)
        truth[:, 2] = 50.0  # the gripper's command is no velocity: it stays half open
        action = np.zeros_like(truth) if is_person else truth
        at = table.column_names.index("action")
        table = table.set_column(at, "action", pa.array(list(action), kind))
        if is_person:
            at = table.column_names.index("label.valid")
            field = table.schema.field("label.valid")
            unknown = [[False]] * len(table) if field.type.num_fields else [False] * len(table)
            table = table.set_column(at, field, pa.array(unknown, field.type))
        pq.write_table(table, file)
    return truth


def test_peoples_tracks_become_the_robots_actions_with_confidence(tmp_path):
    publish_small(tmp_path / "robot", episodes=ROBOT_EPISODES, rows=60)
    filmed(tmp_path / "robot", elsewhere=0.0, is_person=False)
    train_labeler("inverse-dynamics", tmp_path / "robot", tmp_path / "labeler", SETTINGS)
    publish_small(tmp_path / "people", episodes=3, rows=50)
    truth = filmed(tmp_path / "people", elsewhere=0.01, is_person=True)
    relabel_dataset(tmp_path / "people", tmp_path / "labeler", tmp_path / "out")
    out = open_dataset(tmp_path / "out")
    rows = [out.episode(row) for row in range(len(out.table))]

    def column(name):
        return np.concatenate([np.stack(one.columns[name]) for one in rows])

    valid = column("label.valid").ravel().astype(bool)
    error = np.abs(column("action") - truth)[valid][:, :2]
    spread = truth.std(axis=0)[:2]
    assert valid.mean() > 0.8
    assert (np.median(error, axis=0) < 0.15 * spread).all()
    confidence = column("label.confidence").ravel()[valid]
    assert ((confidence > 0) & (confidence < 1)).all()
    inside = error <= column("label.interval")[valid][:, :2]
    assert inside.mean() > 0.8
