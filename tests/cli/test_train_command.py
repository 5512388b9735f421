"""`rotoscope train` on a small dataset: once, again after a kill, as a flow's task, and refused."""

import json

import pytest
from typer.testing import CliRunner

from benchmarks._small_dataset import publish_small
from pipeline.cli.main import app
from pipeline.errors import UsageError

SETTINGS = ["-o", "inputs=[observation.state]", "-o", "kind=ridge"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp("labelled") / "dataset"
    publish_small(out, episodes=5, rows=60)
    return out


def train(data, out, *settings):
    arguments = ["train", "inverse-dynamics", "--data", str(data), "--out", str(out), *settings]
    return CliRunner().invoke(app, arguments)


def test_labeler_is_written_and_its_scores_are_shown(data, tmp_path):
    done = train(data, tmp_path / "model", *SETTINGS)
    assert done.exit_code == 0, done.exception
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert names == {"model.safetensors", "labeler.yaml", "metrics.json"}
    assert "mean R2" in done.output
    assert "labels fit best 0 rows away" in done.output


def test_same_command_gives_the_same_bytes(data, tmp_path):
    for name in ("a", "b"):
        assert train(data, tmp_path / name, *SETTINGS).exit_code == 0
    for file in ("model.safetensors", "labeler.yaml", "metrics.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_unknown_setting_is_refused(data, tmp_path):
    done = train(data, tmp_path / "model", "-o", "knd=ridge")
    assert isinstance(done.exception, UsageError)
    assert "settings are kind, inputs, camera" in str(done.exception)
    assert not (tmp_path / "model").exists()


def test_flow_task_trains_the_same_labeler(data, tmp_path):
    from flows.train import train_labeler

    metrics = train_labeler.fn(
        str(data), str(tmp_path / "model"), ["inputs=[observation.state]", "kind=ridge"], None
    )
    assert metrics == json.loads((tmp_path / "model" / "metrics.json").read_text())
