"""A dataset labeled again, with an episode of which nothing is known."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks._small_dataset import publish_small
from rotoscope.models.inverse_dynamics.relabel import relabel_dataset
from rotoscope.models.inverse_dynamics.train_command import train_from_dataset
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError

SEEN = "track.point"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("relabel")
    publish_small(root / "data", episodes=4, rows=40)
    info = json.loads((root / "data" / "meta" / "info.json").read_text())
    info["features"][SEEN] = info["features"]["observation.state"]
    (root / "data" / "meta" / "info.json").write_text(json.dumps(info))
    with_seen(root / "data", lambda seen, _: seen)
    settings = [f"inputs=[{SEEN}]", "kind=ridge", "window.at_ends=drop"]
    train_from_dataset(root / "data", root / "labeler", settings)
    return root


def with_seen(root, change):
    """Writes what was seen as a column of its own: the state, changed."""
    for file in (root / "data").rglob("*.parquet"):
        table = pq.read_table(file)
        state = np.array(table["observation.state"].to_pylist(), np.float32)
        seen = change(state, table["episode_index"].to_numpy())
        kind = table.schema.field("observation.state").type
        if SEEN in table.column_names:
            table = table.drop_columns([SEEN])
        pq.write_table(table.append_column(SEEN, pa.array(list(seen), kind)), file)


def blinded(root, out, episodes):
    """The dataset with some episodes in which nothing was seen."""
    shutil.copytree(root / "data", out)
    with_seen(out, lambda seen, index: np.where(np.isin(index, episodes)[:, None], np.nan, seen))
    return out


def test_episode_of_which_nothing_is_known_stops_no_other(folders, tmp_path):
    told = []
    data = blinded(folders, tmp_path / "blinded", [2])
    relabel_dataset(data, folders / "labeler", tmp_path / "out", keeps_known=False, say=told.append)
    made, whole = open_dataset(tmp_path / "out"), open_dataset(folders / "data")
    valid = [np.ravel(made.episode(k).columns["label.valid"]).astype(bool) for k in range(4)]
    assert [v.any() for v in valid] == [True, True, False, True]
    assert not np.asarray(made.episode(2).columns["action"], float).any()
    off = np.abs(
        np.asarray(made.episode(1).columns["action"], float)
        - np.asarray(whole.episode(1).columns["action"], float)
    )[valid[1]]
    assert off.max() < 0.1
    assert told == ["episode 2: no window of its 41 rows is known: not labeled"]


def test_dataset_of_which_nothing_is_known_is_refused(folders, tmp_path):
    data = blinded(folders, tmp_path / "blinded", range(4))
    with pytest.raises(DatasetError, match="there is nothing to label"):
        relabel_dataset(data, folders / "labeler", tmp_path / "out", keeps_known=False)
    assert not (tmp_path / "out").exists()
