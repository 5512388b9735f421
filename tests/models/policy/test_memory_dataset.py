"""LeRobot's training fed from memory: the same samples as its own loader, trusted rows alone."""

import json
import shutil

import numpy as np
import pytest
import tiny_data

from rotoscope.models.policy.lerobot_training import check_packages, train_lerobot
from rotoscope.models.policy.memory_dataset import memory_datasets
from rotoscope.models.policy.row_weights import row_weights_of
from rotoscope.models.policy.valid_rows import ValidRows
from rotoscope.models.training.frames import open_frames
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError, UsageError

CAMERA = "observation.images.front"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    made = [tiny_data.rows_of(0, 30), tiny_data.rows_of(1, 25, bad=[(10, 13)])]
    return tiny_data.publish(tmp_path_factory.mktemp("memory") / "data", made, camera="front")


def config(data, **policy):
    from lerobot.configs.default import DatasetConfig
    from lerobot.configs.train import TrainPipelineConfig
    from lerobot.policies.act.configuration_act import ACTConfig

    policy = {"chunk_size": 6, "n_action_steps": 6, "pretrained_backbone_weights": None} | policy
    return TrainPipelineConfig(
        dataset=DatasetConfig(repo_id="a/b", root=str(data), video_backend="pyav"),
        policy=ACTConfig(device="cpu", push_to_hub=False, **policy),
    )


@pytest.fixture(scope="module")
def both(data, tmp_path_factory):
    from lerobot.datasets.factory import make_train_eval_datasets

    dataset = open_dataset(data)
    ours = memory_datasets(config(data), dataset, row_weights_of(dataset), side_px=None)[0]
    return ours, make_train_eval_datasets(config(data))[0]


def test_samples_of_trusted_rows_are_those_of_lerobots_own_loader(both):
    ours, theirs = both
    for row in (0, 12, 29):
        mine, own = ours[row], theirs[row]
        for name in ("observation.state", "action", "action_is_pad", CAMERA, "index"):
            assert mine[name].dtype == own[name].dtype, name
            np.testing.assert_array_equal(mine[name].reshape(own[name].shape), own[name], name)
        assert mine["task"] == own["task"]


def test_samples_and_their_padding_are_those_of_the_wrapper(both):
    ours, theirs = both
    wrapped = ValidRows(theirs)
    assert list(ours.meta.episodes["dataset_from_index"]) == [0, 30]
    assert list(ours.meta.episodes["dataset_to_index"]) == [30, 52]
    assert ours.meta.episodes == wrapped.meta.episodes
    assert len(ours) == len(wrapped) == 52
    assert ours[38]["action_is_pad"].tolist() == [False, False, True, True, True, False]
    for sample in range(len(ours)):
        mine, own = ours[sample], wrapped[sample]
        assert (mine["action"] < 900).all()
        for name in ("observation.state", "action", "action_is_pad", CAMERA, "index"):
            np.testing.assert_array_equal(mine[name].reshape(own[name].shape), own[name], name)


def test_statistics_are_those_of_trusted_rows(both):
    ours, theirs = both
    assert float(theirs.meta.stats["action"]["max"][0]) == 999
    assert float(ours.meta.stats["action"]["max"][0]) < 10


def test_pictures_are_decoded_once_and_shrunk_where_asked(data, tmp_path):
    dataset = open_dataset(data)
    frames = open_frames(dataset, CAMERA, side_px=16, folder=tmp_path)
    assert frames.images.shape == (55, 16, 16, 3)
    assert frames.starts == (0, 30, 55)
    (kept,) = (path for path in tmp_path.rglob("*") if path.suffix == ".u8")
    written = kept.stat().st_mtime_ns
    again = open_frames(dataset, CAMERA, side_px=16, folder=tmp_path)
    assert kept.stat().st_mtime_ns == written
    np.testing.assert_array_equal(frames.images, again.images)


def test_missing_package_names_the_extra_that_has_it(monkeypatch):
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "diffusers" else object()
    )
    with pytest.raises(UsageError, match=r"needs the package diffusers.*rotoscope\[diffusion\]"):
        check_packages("diffusion")


def test_vqbet_without_steps_for_the_policy_itself_is_refused(data, tmp_path):
    with pytest.raises(UsageError, match="first 20000 steps on its codebook and has only 100"):
        train_lerobot(data, tmp_path / "policy", "vqbet", ["steps=100"])


def test_pictures_of_which_nothing_would_be_left_are_refused(data, tmp_path):
    with pytest.raises(UsageError, match=r"images.front 32 pixels wide and needs more than 32"):
        train_lerobot(data, tmp_path / "policy", "vqbet", ["steps=20001"])


def test_dataset_without_pictures_is_refused(data, tmp_path):
    blind = shutil.copytree(data, tmp_path / "data")
    info = json.loads((blind / "meta" / "info.json").read_text())
    del info["features"][CAMERA]
    (blind / "meta" / "info.json").write_text(json.dumps(info))
    with pytest.raises(DatasetError, match="has no pictures, and act needs some"):
        train_lerobot(blind, tmp_path / "policy", "act", ["steps=1"])


def test_single_numbers_are_refused_where_lerobots_loader_would_flatten_them(data, tmp_path):
    with pytest.raises(DatasetError, match=r"action has one number.*use loader=memory"):
        train_lerobot(data, tmp_path / "policy", "act", ["loader=lerobot"])
