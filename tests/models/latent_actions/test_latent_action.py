"""A walking square shows what latents tell, when they collapse, and what is refused."""

import json
import shutil
from dataclasses import replace

import moving_squares
import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.numpy import load_file, save_file

from rotoscope.models.inverse_dynamics.encoders import open_encoder
from rotoscope.models.latent_actions.clips import Clips
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.data import UnlabelledSet
from rotoscope.models.latent_actions.model import load_latent, usable_latent
from rotoscope.models.latent_actions.train import train_latent_action
from rotoscope.models.latent_actions.train_command import train_latent_from
from rotoscope.pipeline.errors import DatasetError, UsageError

LOOP = {"num_steps": 40, "batch_size": 8, "eval_every": 20, "learning_rate": 3e-3}
SMALL = {"image_size": moving_squares.SIZE, "latent_size": 8, "hidden": 32, "loop": LOOP}
SMALL |= {"held_out_share": 0.25, "shift_px": 1}
TAUGHT = SMALL | {"tracks": {"targets": [moving_squares.TARGET], "points": ["track.square"]}}


def config(**settings):
    return LatentActionConfig.model_validate(SMALL | settings)


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    folder = tmp_path_factory.mktemp("latent") / "model"
    settings = LatentActionConfig.model_validate(TAUGHT | {"loop": LOOP | {"num_steps": 120}})
    return train_latent_action(moving_squares.dataset(), settings, folder), folder


def test_latents_taught_by_tracks_tell_the_motion_of_what_is_tracked(taught):
    model, _ = taught
    unseen = [moving_squares.video(seed) for seed in range(50, 58)]
    assert moving_squares.told_share(model, unseen) > 0.7
    assert model.metrics["latent_use"] > 0.05
    assert not model.metrics["collapsed"]


def test_folder_gives_the_same_latents_again(taught):
    model, folder = taught
    images = moving_squares.video(77).images
    wanted = model.embed(images[1:], images[:-1])
    np.testing.assert_array_equal(usable_latent(folder).embed(images[1:], images[:-1]), wanted)
    np.testing.assert_array_equal(open_encoder(f"latent:{folder}")(images[1:], images[:-1]), wanted)
    assert json.loads((folder / "metrics.json").read_text()) == model.metrics
    assert not folder.with_name("model.training").exists()


def test_pairs_in_any_order_give_the_same_latents_as_a_video(taught):
    model, _ = taught
    images = moving_squares.video(77).images
    order = np.random.default_rng(0).permutation(len(images) - 1)
    mixed = model.embed(images[1:][order], images[:-1][order])
    np.testing.assert_allclose(mixed, model.embed(images[1:], images[:-1])[order], atol=1e-5)


@pytest.mark.parametrize(
    ("objective", "latent"), [("lapo", "vq"), ("laom", "continuous"), ("dynamo", "continuous")]
)
def test_every_objective_trains_without_tracks(objective, latent, tmp_path):
    settings = config(objective=objective, latent=latent, loop=LOOP | {"num_steps": 8})
    videos = moving_squares.dataset(4).videos
    bare = tuple(replace(v, targets=v.targets[:, :0], points=v.points[:, :0]) for v in videos)
    data = UnlabelledSet(bare, ("squares",), (moving_squares.SIZE, moving_squares.SIZE))
    model = train_latent_action(data, settings, tmp_path / "model")
    found = model.embed(bare[0].images[1:], bare[0].images[:-1])
    assert np.isfinite(found).all()
    assert found.std(0).max() > 1e-3
    assert ("perplexity" in model.metrics) == (latent == "vq")


def test_videos_without_tracks_stand_beside_those_with(tmp_path):
    videos = (*moving_squares.dataset(4).videos, moving_squares.video(9, tracked=False))
    videos += (moving_squares.video(10, tracked=False, embodiment=1),)
    data = UnlabelledSet(videos, ("a", "b"), (32, 32), (moving_squares.TARGET,) * 2)
    settings = LatentActionConfig.model_validate(TAUGHT | {"loop": LOOP | {"num_steps": 8}})
    model = train_latent_action(data, settings, tmp_path / "model")
    assert np.isfinite(model.metrics["forward_error"])
    assert model.facts.embodiments == ("a", "b")


def test_latents_of_a_still_video_are_reported_and_refused(tmp_path):
    data = moving_squares.dataset(4, still=True)
    model = train_latent_action(data, config(objective="lapo"), tmp_path / "model")
    assert model.metrics["collapsed"]
    assert any("gap_s" in text for text in model.metrics["advice"])
    with pytest.raises(UsageError, match=r"collapsed: .*Train again"):
        usable_latent(tmp_path / "model")


def test_killed_training_goes_on_to_the_same_weights(tmp_path):
    data = moving_squares.dataset(5)
    loop = LOOP | {"num_steps": 12, "eval_every": 6, "checkpoint_every": 6}
    settings = config(latent="vq", loop=loop)
    whole = train_latent_action(data, settings, tmp_path / "whole")

    class KilledError(Exception):
        pass

    def kill(event):
        if event.step == 6:
            raise KilledError

    with pytest.raises(KilledError):
        train_latent_action(data, settings, tmp_path / "model", listener=kill)
    again = train_latent_action(data, settings, tmp_path / "model")
    assert whole.weights.keys() == again.weights.keys()
    for name, value in whole.weights.items():
        np.testing.assert_array_equal(value, again.weights[name], err_msg=name)


def test_clips_stay_inside_their_video():
    videos = [moving_squares.video(seed, rows=20) for seed in (1, 2)]
    clips = Clips(videos, 2 / moving_squares.RATE_HZ, 4)
    rows = clips.frames(np.arange(len(clips)))
    assert rows.shape == (28, 4)
    assert (np.diff(rows, axis=1) == 2).all()
    assert (rows // 20 == rows[:, :1] // 20).all()


def test_too_few_videos_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="2 videos are too few: at least 3"):
        train_latent_action(moving_squares.dataset(2), config(), tmp_path / "model")


def test_videos_too_short_are_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"no video is .* s long"):
        train_latent_action(moving_squares.dataset(4, rows=5), config(), tmp_path / "model")


def test_tracks_that_are_never_known_are_refused(tmp_path):
    data = moving_squares.dataset(4, tracked=False)
    with pytest.raises(DatasetError, match=r"'track\.square' is known in 0 rows"):
        train_latent_action(data, config(), tmp_path / "model")


def test_rates_that_differ_are_refused(tmp_path):
    videos = moving_squares.dataset(4).videos
    fast = replace(videos[0], time_s=videos[0].time_s / 2)
    data = replace(moving_squares.dataset(4), videos=(fast, *videos[1:]))
    with pytest.raises(DatasetError, match=r"20 to 40 frames a second.*set gap_s"):
        train_latent_action(data, config(), tmp_path / "model")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"latent": "vq", "latent_size": 6}, "num_groups=4 does not divide latent_size=6"),
        ({"objective": "dynamo", "encoder": "torchvision:resnet18"}, "encoder must be cnn"),
        (
            {"encoder": "torchvision:resnet18", "tracks": {"points": ["track.square"]}},
            "use tracks.targets",
        ),
    ],
)
def test_settings_that_contradict_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        config(**settings)


@pytest.mark.parametrize("encoder", ["resnet", "latent:.", "pca", "torchvision:", ""])
def test_encoders_no_model_can_stand_on_are_refused_before_a_video_is_read(encoder, tmp_path):
    with pytest.raises(UsageError, match=rf"{encoder!r}.*stand on; valid ones are 'cnn', 'torch"):
        train_latent_from([tmp_path / "nothing"], tmp_path / "model", [f"encoder={encoder!r}"])


def test_model_of_another_version_is_refused(taught, tmp_path):
    folder = shutil.copytree(taught[1], tmp_path / "model")
    file = folder / "latent.yaml"
    file.write_text(file.read_text().replace("version: 1", "version: 99", 1))
    with pytest.raises(UsageError, match="version 99, this program reads version 1"):
        load_latent(folder)


def test_weights_under_their_first_names_are_read(taught, tmp_path):
    folder = shutil.copytree(taught[1], tmp_path / "model")
    first = {"backbone": "tower", "track_delta": "tell", "position": "place"}
    arrays = load_file(folder / "model.safetensors")
    parts = {name: name.partition(".") for name in arrays}
    old = {first.get(p, p) + dot + rest: arrays[name] for name, (p, dot, rest) in parts.items()}
    assert {k.split(".")[0] for k in old} >= set(first.values())
    save_file(old, folder / "model.safetensors")
    images = moving_squares.video(77).images
    found = load_latent(folder).embed(images[1:], images[:-1])
    np.testing.assert_array_equal(found, taught[0].embed(images[1:], images[:-1]))


def test_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is no trained latent action model"):
        load_latent(tmp_path)


def test_frozen_encoder_is_read_from_a_folder(tmp_path):
    from transformers import ViTConfig, ViTModel

    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vit = ViTConfig(**size, intermediate_size=16, image_size=32, patch_size=16)
    ViTModel(vit).save_pretrained(tmp_path / "vit")
    settings = config(encoder=f"transformers:{tmp_path / 'vit'}", loop=LOOP | {"num_steps": 8})
    made = train_latent_action(moving_squares.dataset(4), settings, tmp_path / "model")
    images = moving_squares.video(77).images
    found = load_latent(tmp_path / "model").embed(images[1:], images[:-1])
    np.testing.assert_allclose(found, made.embed(images[1:], images[:-1]), atol=1e-6)
    assert made.facts.num_features == 16
