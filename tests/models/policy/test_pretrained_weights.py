"""Pretrained weights come from this machine or not at all."""

import pytest

from rotoscope.models.policy.lerobot_training import DEFAULTS
from rotoscope.models.policy.pretrained_weights import check_weights
from rotoscope.pipeline.errors import UsageError

NAME = "ResNet18_Weights.IMAGENET1K_V1"


def test_policies_learn_without_them_by_default():
    assert DEFAULTS["policy.pretrained_backbone_weights"] == "null"
    check_weights(None)


def test_weights_that_are_absent_are_named_with_the_place_for_them(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UsageError, match=r"resnet18-f37072fd.pth into .*hub/checkpoints"):
        check_weights(NAME)


def test_weights_that_are_there_will_do(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    file.parent.mkdir(parents=True)
    file.touch()
    check_weights(NAME)


def test_unknown_weights_are_refused():
    with pytest.raises(UsageError, match="knows no weights"):
        check_weights("ResNet18_Weights.MINE")
