"""Networks by size: small ones as they always were, large ones as large as those of the papers."""

import moving_squares
import numpy as np
import pytest
import tiny_data

from rotoscope.models.inverse_dynamics.networks import build_network
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.model import load_latent
from rotoscope.models.latent_actions.networks import build_latent_network
from rotoscope.models.latent_actions.train import train_latent_action
from rotoscope.models.policy.bc_network import build_policy, image_network
from rotoscope.models.policy.bc_policy import load_bc_policy
from rotoscope.models.policy.command import train_policy
from rotoscope.models.training.sizes import SCALES, residual_blocks


def labeler(size):
    return build_network(
        num_inputs=0, num_taps=3, num_encoded=7, num_actions=7, hidden=128, size=size
    )


def policy(size):
    return build_policy(
        num_inputs=7, encoder=image_network(size), hidden=(256, 256), num_outputs=7, size=size
    )


def latent(size, objective="laom"):
    config = LatentActionConfig(size=size, objective=objective)
    return build_latent_network(config, num_features=0, num_embodiments=1, num_targets=0)


@pytest.mark.parametrize("build", [labeler, policy, latent, lambda s: latent(s, "lapo")])
def test_large_networks_have_a_hundred_million_weights(build):
    import torch

    with torch.device("meta"):
        found = {
            size: sum(p.numel() for p in build(size).parameters() if p.requires_grad)
            for size in SCALES
        }
    assert found["large"] >= 100e6
    assert found["large"] > 10 * found["base"] > 20 * found["small"]


def test_residual_blocks_add_nothing_at_first_and_learn():
    import torch

    torch.manual_seed(0)
    network = torch.nn.Sequential(*residual_blocks(8, 3))
    maps = torch.randn(2, 8, 5, 5)
    torch.testing.assert_close(network(maps), maps)
    network(maps).square().sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_policy_of_another_size_is_read_from_its_folder(tmp_path):
    made = [tiny_data.rows_of(n) for n in range(3)]
    data = tiny_data.publish(tmp_path / "data", made, camera="front")
    settings = ["camera=observation.images.front", "image_size=16", "size=base", "hidden=[8]"]
    train_policy(data, tmp_path / "policy", "bc", [*settings, "loop.num_steps=2"])
    said = load_bc_policy(tmp_path / "policy", "cpu").predict(
        np.zeros((2, 2)), np.zeros((2, 16, 16, 3), np.uint8)
    )
    assert np.isfinite(said).all()


def test_latent_model_of_another_size_is_read_from_its_folder(tmp_path):
    loop = {"num_steps": 2, "batch_size": 2}
    settings = {"image_size": moving_squares.SIZE, "size": "base", "hidden": 8, "loop": loop}
    config = LatentActionConfig.model_validate(settings)
    made = train_latent_action(moving_squares.dataset(4), config, tmp_path / "model")
    images = moving_squares.video(77).images
    found = load_latent(tmp_path / "model").features(images)
    assert found.shape[1] == 3 * 32 * SCALES["base"].width
    np.testing.assert_array_equal(found, made.features(images))


def test_size_of_folders_of_before_is_that_of_the_latent():
    config = LatentActionConfig.model_validate({"size": 12})
    assert (config.latent_size, config.size) == (12, "small")
