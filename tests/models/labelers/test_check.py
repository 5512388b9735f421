"""`rotoscope check` says whether to trust a labeler on data of one's own."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from benchmarks._small_dataset import publish_small
from rotoscope.cli.main import app
from rotoscope.models.labelers.check import _faults, check_labeler
from rotoscope.models.labelers.train_command import train_labeler
from rotoscope.pipeline.errors import UsageError

SEEN = "track.point"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A labeler of six episodes, and two more that it has not seen."""
    root = tmp_path_factory.mktemp("check")
    publish_small(root / "all", episodes=8, rows=40)
    for name, kept in {"trained": range(6), "few": range(6, 8)}.items():
        shutil.copytree(root / "all", root / name)
        cut(root / name, list(kept))
    train_labeler(
        "inverse-dynamics", root / "trained", root / "labeler", [f"inputs=[{SEEN}]", "kind=ridge"]
    )
    return root


def cut(root, kept, change=lambda state: state):
    """Only some episodes, their state once more as something that was tracked."""
    info = json.loads((root / "meta" / "info.json").read_text())
    info["features"][SEEN] = info["features"]["observation.state"]
    info["total_episodes"] = len(kept)
    (root / "meta" / "info.json").write_text(json.dumps(info))
    for file in (root / "data").rglob("*.parquet"):
        table = pq.read_table(file)
        state = change(np.array(table["observation.state"].to_pylist(), np.float32))
        kind = table.schema.field("observation.state").type
        if SEEN in table.column_names:
            table = table.drop_columns([SEEN])
        table = table.append_column(SEEN, pa.array(list(state), kind))
        pq.write_table(table, file)
    for file in (root / "meta" / "episodes").rglob("*.parquet"):
        table = pq.read_table(file)
        rows = np.isin(table["episode_index"].to_numpy(), kept)
        pq.write_table(table.filter(pa.array(rows)), file)


def ask(folders, data):
    command = ["check", str(folders / "labeler"), "--data", str(data)]
    return CliRunner().invoke(app, command)


def test_episodes_like_those_of_training_are_measured(folders):
    found = check_labeler(folders / "labeler", folders / "few")
    assert found.metrics["episodes"] == 2
    assert {"mean_r2", "mean_coverage_90", "familiar", "trivial_r2"} <= set(found.metrics)
    done = ask(folders, folders / "few")
    assert f"mean R2: {found.metrics['mean_r2']}" in done.output
    assert done.exit_code == int(bool(found.faults))


def test_data_unlike_those_of_training_are_not_to_be_trusted(folders, tmp_path):
    shutil.copytree(folders / "few", tmp_path / "odd")
    cut(tmp_path / "odd", [6, 7], lambda state: 40 - 3 * state)
    done = ask(folders, tmp_path / "odd")
    assert done.exit_code == 1
    assert "not to be trusted" in done.output
    assert "not like what this labeler" in " ".join(done.output.split())


def test_the_training_data_say_nothing(folders):
    with pytest.raises(UsageError, match=r"was trained on .*: that says nothing"):
        check_labeler(folders / "labeler", folders / "trained")


GOOD = {"familiar": 0.95, "mean_coverage_90": 0.9, "mean_r2": 0.8, "trivial_r2": {"mean": 0.0}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"familiar": 0.8}, None),
        ({"familiar": 0.79}, "21 % of the rows are not like"),
        ({"mean_coverage_90": 0.85}, None),
        ({"mean_coverage_90": 0.84}, "intervals hold 84 %"),
        ({"mean_r2": 0.69}, "R2 is 0.69, training said 0.90"),
        ({"mean_r2": -0.1}, "the mean action would do as well"),
        ({"lag": 2}, "fit best 2 rows away"),
    ],
)
def test_every_bound_is_said_in_words(change, words):
    found = _faults(GOOD | change, {"mean_r2": 0.9})
    if words is None:
        assert not found
    else:
        assert any(words in fault for fault in found)
