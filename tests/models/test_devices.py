"""Every network runs where its setting says, and a device that is not there is refused by name."""

import shutil
from dataclasses import replace

import moving_squares
import numpy as np
import pytest
import tiny_data

from rotoscope.models.encoders.pretrained import open_pretrained
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.labeler import load_labeler
from rotoscope.models.inverse_dynamics.pixels_stage import Pixels, PixelsConfig
from rotoscope.models.inverse_dynamics.stage import InverseDynamics, InverseDynamicsStageConfig
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.labelers.relabel import relabel_dataset
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.model import load_latent
from rotoscope.models.latent_actions.stage import LatentAction, LatentActionStageConfig
from rotoscope.models.latent_actions.train import train_latent_action
from rotoscope.models.points.network_stage import PointsNetwork, PointsNetworkConfig
from rotoscope.models.policy.bc_policy import load_bc_policy
from rotoscope.models.policy.command import train_policy
from rotoscope.models.rewards.seen import describer
from rotoscope.models.training.read import read_labeled
from rotoscope.pipeline.errors import UsageError

CAMERA = "observation.images.front"
LOOP = {"num_steps": 2, "batch_size": 4, "device": "cpu"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders of a tiny model of each kind, and the data that they saw."""
    root = tmp_path_factory.mktemp("devices")
    data = tiny_data.publish(
        root / "data", [tiny_data.rows_of(n) for n in range(4)], camera="front"
    )
    vit(root / "vit")
    settings = {"camera": CAMERA, "image_size": 16, "members": 2, "hidden": 8, "loop": LOOP}
    labeled = read_labeled(data, camera=CAMERA, image_size=16)
    config = InverseDynamicsConfig.model_validate(settings)
    train_inverse_dynamics(labeled, config, root / "labeler")
    frozen = InverseDynamicsConfig.model_validate(
        settings | {"encoder": f"transformers:{root / 'vit'}", "image_size": 32, "kind": "ridge"}
    )
    train_inverse_dynamics(
        read_labeled(data, camera=CAMERA, image_size=32), frozen, root / "frozen"
    )
    settings = {"image_size": moving_squares.SIZE, "hidden": 8, "loop": LOOP}
    train_latent_action(
        moving_squares.dataset(4), LatentActionConfig.model_validate(settings), root / "latent"
    )
    seen = [f"camera={CAMERA}", "image_size=16", "hidden=[8]", "loop.num_steps=2"]
    train_policy(data, root / "policy", "bc", seen)
    return root


def vit(folder):
    from transformers import ViTConfig, ViTModel

    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    ViTModel(ViTConfig(**size, intermediate_size=16, image_size=32, patch_size=16)).save_pretrained(
        folder
    )


def torchscript(folder):
    import torch

    torch.jit.save(torch.jit.script(torch.nn.Identity()), folder / "points.pt")
    return folder / "points.pt"


PICTURES = np.zeros((2, 32, 32, 3), np.uint8)
OPENED = {
    "pretrained encoder": lambda at, d: open_pretrained(f"transformers:{at / 'vit'}", d),
    "labeler": lambda at, d: load_labeler(at / "labeler", d).embed(PICTURES, PICTURES),
    "labeler's encoder": lambda at, d: load_labeler(at / "frozen", d).encoder,
    "latent model": lambda at, d: load_latent(at / "latent", d).features(PICTURES),
    "policy": lambda at, d: load_bc_policy(at / "policy", d).predict(
        np.zeros((2, 2)), PICTURES[:, :16, :16]
    ),
    "rewards": lambda at, d: describer(f"transformers:{at / 'vit'}", iter([]), d),
    "relabel": lambda at, d: relabel_dataset(at / "data", at / "labeler", at / "out", device=d),
    "label.pixels": lambda at, d: _looked(Pixels(PixelsConfig(model=at / "frozen", device=d))),
    "label.inverse_dynamics": lambda at, d: _networks(
        InverseDynamics(InverseDynamicsStageConfig(model=at / "labeler", device=d))
    ),
    "label.latent": lambda at, d: _model(
        LatentAction(LatentActionStageConfig(model=at / "latent", device=d))
    ),
    "points.network": lambda at, d: PointsNetwork(
        PointsNetworkConfig(model=torchscript(at), device=d)
    ).setup(),
}
"""What opens a network, or first asks it, on a device."""


def _looked(stage):
    stage.setup()
    return stage.encoder


def _networks(stage):
    stage.setup()
    return stage.labeler.networks


def _model(stage):
    stage.setup()
    return stage.model.features(PICTURES)


@pytest.mark.parametrize("what", OPENED)
def test_device_that_is_not_there_is_refused(made, what, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UsageError, match="device=cuda, but no CUDA device is free"):
        OPENED[what](made, "cuda")


@pytest.mark.parametrize("what", sorted(set(OPENED) - {"relabel"}))
def test_cpu_is_taken_where_it_is_named(made, what, monkeypatch):
    # A machine whose CUDA answers nothing: whoever went there would fail.
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    OPENED[what](made, "cpu")


def test_labels_of_a_named_device_are_those_of_the_labeler(made, tmp_path):
    data = shutil.copytree(made / "data", tmp_path / "data")
    done = relabel_dataset(data, made / "labeler", tmp_path / "out", device="cpu")
    assert done.exit_code == 0
    asked = load_labeler(made / "labeler")
    there = replace(asked, device="cpu")
    np.testing.assert_array_equal(there.embed(PICTURES, PICTURES), asked.embed(PICTURES, PICTURES))
