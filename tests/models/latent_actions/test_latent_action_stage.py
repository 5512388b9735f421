"""From unlabelled video to a dataset of latents, and to actions by a decoder from few labels."""

import json

import numpy as np
import pytest

from benchmarks._small_dataset import publish_small
from rotoscope.models.labelers.train_command import train_labeler
from rotoscope.models.latent_actions.stage import frames_after
from rotoscope.models.latent_actions.train_command import train_latent_from
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError, UsageError
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.request import LabelRequest

CAMERA = "observation.images.front"
SMALL = ["image_size=32", "size=8", "hidden=32", "held_out_share=0.3", "codebook.num_groups=2"]
SMALL += ["loop.num_steps=40", "loop.batch_size=8", "loop.eval_every=20"]
SMALL += ["loop.learning_rate=0.003"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp("latent") / "data"
    publish_small(out, episodes=4, rows=45)
    return out


@pytest.fixture(scope="module")
def model(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("latent") / "model"
    taught = ["latent=vq", "tracks.targets=[track.point]"]
    train_latent_from([data], folder, [*SMALL, *taught])
    return folder


@pytest.mark.timeout(280)
def test_recipe_makes_a_dataset_whose_actions_are_latents(data, model, tmp_path):
    video = next((data / "videos").rglob("*.mp4"))
    settings = [f"label.latent.model={model}", "shots.min_shot_s=0.5"]
    recipe = load_recipe("latent-action", [*settings, "export.width=96", "export.height=64"])
    out = tmp_path / "out"
    request = LabelRequest(inputs=(video,), recipe=recipe, out=out, store=tmp_path / "store")
    result = label(request)
    assert [row.status for row in result.rows] == ["done"], result.rows[0].message
    made = open_dataset(out)
    contract = made.rotoscope("contract.json")
    assert (contract["robot"], contract["mode"]) == ("latent", "delta")
    columns = made.episode(0).columns
    np.testing.assert_allclose(columns["label.latent"], columns["action"], atol=1e-6)
    codes = np.asarray(columns["label.latent_codes"])
    assert codes.shape[1] == 2
    assert codes.min() >= 0


def test_decoder_from_few_labels_sees_latents(data, model, tmp_path):
    settings = [f"camera={CAMERA}", "image_size=32", "kind=ridge", f"encoder=latent:{model}"]
    labeler = train_labeler("inverse-dynamics", data, tmp_path / "decoder", settings)
    assert labeler.facts.encoder_sha256
    assert "arm_joint1.pos" in labeler.metrics["r2"]


def test_folder_of_videos_is_learned_from(data, tmp_path):
    folder = next((data / "videos").rglob("*.mp4")).parent
    with pytest.raises(DatasetError, match="1 videos are too few"):
        train_latent_from([folder], tmp_path / "model", SMALL)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["tracks.targets=[track.nose]"], r"no source has the feature 'track\.nose'"),
        (["camera=observation.images.wrist"], r"no camera 'observation\.images\.wrist'"),
        (["tracks.points=[track.seen]"], r"needs points, x and y first; 'track\.seen' has 1"),
    ],
)
def test_tracks_and_cameras_that_are_not_there_are_named(data, settings, message, tmp_path):
    with pytest.raises(DatasetError, match=message):
        train_latent_from([data], tmp_path / "model", [*SMALL, *settings])


def test_source_without_videos_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text(json.dumps({}))
    with pytest.raises(UsageError, match="holds no video"):
        train_latent_from([tmp_path], tmp_path / "model", SMALL)


def test_unknown_setting_is_named(data, tmp_path):
    with pytest.raises(UsageError, match="objectiv"):
        train_latent_from([data], tmp_path / "model", ["objectiv=lapo"])


def test_frames_at_the_end_have_no_later_one():
    later, known = frames_after(np.arange(6) / 10, 0.2)
    np.testing.assert_array_equal(known, [True, True, True, True, False, False])
    np.testing.assert_array_equal(later[known], [2, 3, 4, 5])
