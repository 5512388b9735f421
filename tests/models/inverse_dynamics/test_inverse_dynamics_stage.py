"""From a labeled dataset to labeled video: pixels, tracks, and what does not fit."""

import dataclasses
import json

import numpy as np
import point_mass
import pytest
import yaml

from benchmarks._small_dataset import publish_small
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.encoders import open_encoder
from rotoscope.models.inverse_dynamics.labeler import load_labeler
from rotoscope.models.inverse_dynamics.stage import InverseDynamics, InverseDynamicsStageConfig
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.labelers.train_command import train_labeler
from rotoscope.pipeline.errors import ContractError, TrackError, UsageError
from rotoscope.pipeline.recipe import load_recipe
from rotoscope.pipeline.run.label import label
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.settings import read_settings
from rotoscope.pipeline.testing import a_clip, a_video
from rotoscope.pipeline.tracks import REASONS, FeatureTrack

CAMERA = "observation.images.front"
PIXELS = [f"camera={CAMERA}", "image_size=32", "members=2", "hidden=32", "loop.batch_size=64"]
PIXELS += ["loop.num_steps=120", "loop.eval_every=40", "loop.learning_rate=0.003"]
FEW = ["window.before_s=0.04", "window.after_s=0.07", "loop.batch_size=32"]
"""Four pictures to a row instead of seven."""


@pytest.fixture(scope="module")
def point_labeler(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelers") / "point"
    config = InverseDynamicsConfig.model_validate(
        {"kind": "ridge", "inputs": ("track.point",), "window": {"at_ends": "drop"}}
    )
    train_inverse_dynamics(point_mass.dataset(8), config, folder)
    return folder


def clip_of(time_s, *, start=0, num_frames=None):
    video = a_video(num_frames or len(time_s), rate_hz=20.0)
    return a_clip(time_s, start=start, video=video)


def point_track(values, feature="track.point"):
    names = tuple(f"n{i}" for i in range(values.shape[1]))
    return FeatureTrack(feature, "scene", values, names, "m", "A point.")


def stage_of(folder, **settings):
    stage = InverseDynamics(InverseDynamicsStageConfig(model=folder, **settings))
    stage.setup()
    return stage


def test_tracks_become_actions_with_intervals(point_labeler):
    truth = point_mass.episode(77)
    made = stage_of(point_labeler).run(
        clip_of(truth.time_s), {"features.point": point_track(truth.features)}
    )
    actions = made["actions.label.inverse_dynamics.scene"]
    assert actions.valid.sum() == len(truth.time_s) - 4
    error = np.abs(actions.values - truth.actions)[actions.valid]
    assert error.max() < 0.05
    assert ((actions.confidence >= 0) & (actions.confidence <= 1)).all()
    interval = made["features.interval.scene"]
    assert interval.feature == "label.interval"
    assert (interval.values[actions.valid] > 0).all()
    familiar = made["features.familiarity.scene"]
    assert familiar.feature == "label.familiarity"
    assert (familiar.values[actions.valid] > 0.5).mean() > 0.9
    assert np.isnan(familiar.values[~actions.valid]).all()


def test_what_is_strange_is_neither_familiar_nor_sure_nor_valid(point_labeler):
    truth = point_mass.episode(77)
    away = truth.features + np.array([300.0, -300.0, 0.0])
    stage = stage_of(point_labeler)
    near, far = (
        stage.run(clip_of(truth.time_s), {"features.point": point_track(seen)})
        for seen in (truth.features, away)
    )
    name = "actions.label.inverse_dynamics.scene"
    valid = near[name].valid
    assert (far["features.familiarity.scene"].values[valid] < 0.5).all()
    assert far[name].confidence.mean() < 0.1 * near[name].confidence.mean()
    assert not far[name].valid.any()
    assert set(far[name].reason[valid]) == {REASONS.index("low_confidence")}
    wide, narrow = (m["features.interval.scene"].values[valid].mean() for m in (far, near))
    assert wide > 3 * narrow


def test_ends_of_the_video_are_held_and_those_of_a_cut_are_not(tmp_path):
    folder = tmp_path / "point"
    config = InverseDynamicsConfig.model_validate(
        {"kind": "ridge", "inputs": ("track.point",), "window": {"at_ends": "hold"}}
    )
    train_inverse_dynamics(point_mass.dataset(8), config, folder)
    truth = point_mass.episode(77)
    stage, num = stage_of(folder), len(truth.time_s)

    def valid(part):
        tracks = {"features.point": point_track(truth.features[part])}
        clip = clip_of(truth.time_s[part], start=part.start, num_frames=num)
        return stage.run(clip, tracks)["actions.label.inverse_dynamics.scene"].valid

    assert valid(slice(0, num)).all()
    first, second = valid(slice(0, 60)), valid(slice(60, num))
    assert np.flatnonzero(~first).tolist() == [58, 59]
    assert np.flatnonzero(~second).tolist() == [0, 1]


def test_what_was_not_seen_has_no_action(point_labeler):
    truth = point_mass.episode(77)
    features = truth.features.copy()
    features[50] = np.nan
    made = stage_of(point_labeler).run(
        clip_of(truth.time_s), {"features.point": point_track(features)}
    )
    actions = made["actions.label.inverse_dynamics.scene"]
    np.testing.assert_array_equal(np.flatnonzero(~actions.valid[10:-10]) + 10, range(48, 53))
    assert np.isnan(actions.values[50]).all()


def test_recipe_that_gives_other_tracks_is_refused(point_labeler):
    truth = point_mass.episode(77)
    track = point_track(truth.features, "track.nose")
    with pytest.raises(
        TrackError, match=r"sees 'track\.point'; the stages before it give 'track\.nose'"
    ):
        stage_of(point_labeler).run(clip_of(truth.time_s), {"features.nose": track})


def test_track_of_another_size_is_refused(point_labeler):
    truth = point_mass.episode(77)
    track = point_track(truth.features[:, :2])
    with pytest.raises(TrackError, match=r"with \(3,\) numbers, this recipe gives \(2,\)"):
        stage_of(point_labeler).run(clip_of(truth.time_s), {"features.point": track})


def test_labeler_of_another_robot_is_refused(point_labeler):
    with pytest.raises(ContractError, match=r"robot 'panda', the labeler .* those of 'point'"):
        stage_of(point_labeler, robot="panda")


def test_folder_without_a_labeler_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is no trained labeler"):
        stage_of(tmp_path)


def test_labeler_that_sees_states_cannot_label_video(tmp_path):
    data = dataclasses.replace(point_mass.dataset(4), inputs=("observation.state",))
    config = InverseDynamicsConfig(kind="ridge", inputs=("observation.state",))
    train_inverse_dynamics(data, config, tmp_path / "model")
    with pytest.raises(UsageError, match=r"observation\.state, which no video holds"):
        stage_of(tmp_path / "model")


@pytest.mark.parametrize(
    ("setting", "message"),
    [("depth=3", "depth"), ("members=1", "members"), ("members", "write KEY=VALUE")],
)
def test_settings_out_of_range_are_named(setting, message):
    with pytest.raises(UsageError, match=message):
        read_settings([setting], InverseDynamicsConfig)


def test_pretrained_encoder_is_read_from_a_folder(tmp_path):
    from transformers import ViTConfig, ViTModel

    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = ViTConfig(**size, intermediate_size=16, image_size=32, patch_size=16)
    ViTModel(config).save_pretrained(tmp_path / "vit")
    embed = open_encoder(f"transformers:{tmp_path / 'vit'}")
    pictures = np.zeros((3, 32, 32, 3), np.uint8)
    assert embed(pictures, pictures).shape == (3, 16)


@pytest.mark.timeout(280)
def test_pixels_are_learned_and_label_a_video(tmp_path):
    data, model = tmp_path / "data", tmp_path / "model"
    publish_small(data, episodes=6, rows=60)
    labeler = train_labeler("inverse-dynamics", data, model, [*PIXELS, *FEW])
    assert labeler.metrics["r2"]["arm_joint1.pos"] > 0.5
    assert load_labeler(model).facts.camera == CAMERA
    video = next((data / "videos").rglob("*.mp4"))
    sizes = ["shots.min_shot_s=0.5", "curate.max_invalid_s=0.2", "export.width=96"]
    sizes += ["export.height=64", f"label.inverse_dynamics.model={model}"]
    recipe = load_recipe("inverse-dynamics-pixels", sizes)
    out = tmp_path / "out"
    request = LabelRequest(inputs=(video,), recipe=recipe, out=out, store=tmp_path / "store")
    result = label(request)
    assert [row.status for row in result.rows] == ["done"], result.rows[0].message
    contract = json.loads((out / "meta" / "rotoscope" / "contract.json").read_text())
    assert contract["robot"] == "two_link"
    info = json.loads((out / "meta" / "info.json").read_text())
    assert {"label.interval", "label.confidence"} <= set(info["features"])
    assert yaml.safe_load((model / "labeler.yaml").read_text())["config"]["camera"] == CAMERA
