"""Policies that see through an encoder: a latent action model's, frozen or learning, or another."""

import shutil

import moving_squares
import numpy as np
import pytest
import tiny_data

from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.model import load_latent
from rotoscope.models.latent_actions.train import train_latent_action
from rotoscope.models.policy.bc_policy import load_bc_policy
from rotoscope.models.policy.command import train_policy
from rotoscope.models.policy.evaluate_folder import load_policy
from rotoscope.models.policy.pretraining import latents_ahead
from rotoscope.pipeline.errors import UsageError

CAMERA = "observation.images.front"
FAST = ["inputs=[]", f"camera={CAMERA}", "image_size=32", "shift_px=0", "loop.num_steps=200",
        "loop.learning_rate=0.004", "loop.batch_size=48", "hidden=[32,32]",
        "loop.eval_every=50"]  # fmt: skip


@pytest.fixture(scope="module")
def latent(tmp_path_factory):
    folder = tmp_path_factory.mktemp("latent") / "model"
    loop = {"num_steps": 60, "batch_size": 8, "eval_every": 20, "learning_rate": 3e-3}
    settings = {
        "image_size": 32,
        "latent_size": 8,
        "hidden": 32,
        "held_out_share": 0.25,
        "shift_px": 1,
    }
    tracks = {"targets": [moving_squares.TARGET], "points": ["track.square"]}
    config = LatentActionConfig.model_validate(settings | {"loop": loop, "tracks": tracks})
    train_latent_action(moving_squares.dataset(), config, folder)
    return folder


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    made = [tiny_data.rows_of(n, rows=50, discrete=True) for n in range(8)]
    folder = tmp_path_factory.mktemp("seen") / "data"
    return tiny_data.publish(folder, made, discrete=True, camera="front")


def sides(folder):
    policy = load_policy(folder)
    return [int(policy.act({CAMERA: tiny_data.picture([x])})[1]) for x in (-1.5, 1.5)]


def test_a_frozen_encoder_is_seen_through_and_kept_with_the_policy(seen, latent, tmp_path):
    own = tmp_path / "latent"
    shutil.copytree(latent, own)
    metrics = train_policy(seen, tmp_path / "policy", "bc", [*FAST, f"encoder=latent:{own}"])
    assert metrics["accuracy"]["side"] > 0.85
    shutil.rmtree(own)
    assert sides(tmp_path / "policy") == [0, 1]
    policy = load_bc_policy(tmp_path / "policy")
    assert "encoder.0.0.weight" not in policy.weights
    kept, model = policy.latent_weights, load_latent(latent)
    np.testing.assert_array_equal(kept["backbone.0.weight"], model.weights["backbone.0.weight"])
    pictures = tiny_data.picture([0.3])[None]
    np.testing.assert_array_equal(policy.look(pictures), model.seen(pictures))


def test_an_encoder_that_learns_begins_as_the_model_and_ends_elsewhere(seen, latent, tmp_path):
    settings = [*FAST, f"encoder=latent:{latent}", "freeze_encoder=false"]
    train_policy(seen, tmp_path / "one", "bc", [*settings, "loop.num_steps=1"])
    begun = load_latent(latent).weights["backbone.0.weight"]
    moved = load_bc_policy(tmp_path / "one").weights["encoder.0.0.weight"] - begun
    assert 0 < np.abs(moved).max() < 0.01
    metrics = train_policy(seen, tmp_path / "policy", "bc", settings)
    assert metrics["accuracy"]["side"] > 0.85
    assert sides(tmp_path / "policy") == [0, 1]
    far = load_bc_policy(tmp_path / "policy").weights["encoder.0.0.weight"] - begun
    assert np.abs(far).max() > np.abs(moved).max()


@pytest.mark.parametrize("freeze", ["true", "false"])
def test_latent_actions_of_rows_without_actions_come_first(seen, latent, tmp_path, freeze):
    settings = [*FAST, f"encoder=latent:{latent}", f"freeze_encoder={freeze}", "pretrain=true"]
    said = []
    metrics = train_policy(seen, tmp_path / "policy", "bc", settings, listener=said.append)
    assert list(dict.fromkeys(event.name for event in said)) == ["latent actions", "policy"]
    first = [event.validation for event in said if event.name == "latent actions"]
    assert first[-1] < first[0]
    assert metrics["accuracy"]["side"] > 0.85
    assert sides(tmp_path / "policy") == [0, 1]


def test_latents_lead_to_the_picture_a_gap_later_and_none_beyond_the_end(latent):
    model = load_latent(latent)
    images = moving_squares.video(77).images[:20]
    found = latents_ahead(model, images, np.arange(20) / moving_squares.RATE_HZ)
    frames = round(model.facts.gap_s * moving_squares.RATE_HZ)
    features = model.features(images)
    wanted = model.latents(features[:-frames], features[frames:])
    np.testing.assert_allclose(found[:-frames], wanted, atol=1e-5)
    assert np.isnan(found[-frames:]).all()


def test_a_pretrained_encoder_from_a_folder(seen, tmp_path):
    transformers = pytest.importorskip("transformers")
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.ViTConfig(**size, intermediate_size=16, image_size=32, patch_size=16)
    transformers.ViTModel(config).save_pretrained(tmp_path / "vit")
    settings = [*FAST, f"encoder=transformers:{tmp_path / 'vit'}"]
    train_policy(seen, tmp_path / "policy", "bc", settings)
    policy = load_bc_policy(tmp_path / "policy")
    assert policy.facts.num_seen == 16
    assert policy.act({CAMERA: tiny_data.picture([0.3])}).shape == (2,)


def test_only_a_latent_models_own_network_goes_on_learning(seen, tmp_path):
    settings = [*FAST, "encoder=torchvision:resnet18", "freeze_encoder=false"]
    with pytest.raises(UsageError, match="stays as it is"):
        train_policy(seen, tmp_path / "policy", "bc", settings)
