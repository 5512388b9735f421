"""`rotoscope train` on a small dataset: once, again after a kill, and refused."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from benchmarks._small_dataset import publish_small
from rotoscope.cli.main import app
from rotoscope.pipeline.errors import ContractError, DatasetError, RotoscopeError, UsageError

SETTINGS = ["-o", "inputs=[observation.state]", "-o", "kind=ridge"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp("labeled") / "dataset"
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
    assert "unknown key 'knd'; valid keys are 'camera', " in str(done.exception)
    assert not (tmp_path / "model").exists()


def _without_camera(root):
    info = json.loads((root / "meta" / "info.json").read_text())
    del info["features"]["observation.images.front"]
    (root / "meta" / "info.json").write_text(json.dumps(info))


def _with_other_fps(root):
    info = json.loads((root / "meta" / "info.json").read_text())
    (root / "meta" / "info.json").write_text(json.dumps(info | {"fps": 3 * info["fps"]}))


@pytest.mark.parametrize(
    ("settings", "spoil", "message"),
    [
        (["-o", "inputs=[observation.state]", "-o", "encoder=resnet"], None, "unknown encoder"),
        (["-o", "inputs=[observation.state]", "-o", "loop.device=cuda"], None, "no CUDA device"),
        (["-o", "kind=kernel", "-o", "camera=observation.images.front"], _without_camera, "camera"),
        (SETTINGS, _with_other_fps, "fps"),
        ([], None, "must see something"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_training(
    data, tmp_path, settings, spoil, message, monkeypatch
):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    root = shutil.copytree(data, tmp_path / "data")
    if spoil is not None:
        spoil(root)
    done = train(root, tmp_path / "model", *settings)
    assert isinstance(done.exception, RotoscopeError)
    assert message in str(done.exception)
    assert [p.name for p in tmp_path.iterdir()] == ["data"]


def test_contract_that_differs_is_refused_by_name(data, tmp_path):
    stored = json.loads((data / "meta" / "rotoscope" / "contract.json").read_text())
    file = tmp_path / "contract.json"
    file.write_text(json.dumps(stored | {"robot": "panda"}))
    done = train(data, tmp_path / "model", *SETTINGS, "--contract", str(file))
    assert isinstance(done.exception, ContractError)
    assert "differs from the one asked for in 'robot'" in str(done.exception)


def test_too_few_episodes_are_refused(tmp_path):
    publish_small(tmp_path / "two", episodes=2, rows=30)
    done = train(tmp_path / "two", tmp_path / "model", *SETTINGS)
    assert isinstance(done.exception, DatasetError)
    assert "2 labeled episodes are too few" in str(done.exception)


def test_labeler_through_states_comes_with_their_map(data, tmp_path):
    seen = ["-o", "inputs=[track.point]", "-o", "kind=ridge", "-o", "members=2"]
    done = train(data, tmp_path / "model", "--through", "observation.state", *seen)
    assert done.exit_code == 0, done.exception
    assert (tmp_path / "model.states").is_dir()
    assert "inputs:\n- track.state" in (tmp_path / "model" / "labeler.yaml").read_text()


def test_through_states_takes_no_contract(data, tmp_path):
    contract = data / "meta" / "rotoscope" / "contract.json"
    arguments = ["--through", "observation.state", "--contract", str(contract)]
    done = train(data, tmp_path / "model", *arguments, *SETTINGS)
    assert isinstance(done.exception, UsageError)
    assert "--through does not go with --contract" in str(done.exception)
