"""Several cameras are one sample: read, learned from, labeled, and named in what is saved."""

import numpy as np
import pytest
from two_cameras import BOTH, FRONT, SIDE, publish_two

from rotoscope.models.inverse_dynamics.labeler import load_labeler
from rotoscope.models.inverse_dynamics.pixels_stage import Pixels, PixelsConfig
from rotoscope.models.labelers.relabel import relabel_dataset
from rotoscope.models.labelers.train_command import train_labeler
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.losses import _moved
from rotoscope.models.latent_actions.model import load_latent
from rotoscope.models.latent_actions.stage import LatentAction, LatentActionStageConfig
from rotoscope.models.latent_actions.train_command import train_latent_from
from rotoscope.models.policy.bc_network import shifted
from rotoscope.models.policy.bc_policy import load_bc_policy
from rotoscope.models.policy.command import train_policy
from rotoscope.models.training.read import read_labeled
from rotoscope.models.training.views import for_views
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError, UsageError
from rotoscope.pipeline.settings import read_settings


@pytest.fixture(autouse=True)
def _own_places(monkeypatch, tmp_path_factory):
    root = tmp_path_factory.getbasetemp() / "places"
    monkeypatch.setenv("ROTOSCOPE_STORE", str(root / "store"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(root / "cache"))


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    return publish_two(tmp_path_factory.mktemp("two") / "data", episodes=6, rows=60)


@pytest.fixture(scope="module")
def latent(filmed, tmp_path_factory):
    out = tmp_path_factory.mktemp("latent") / "latent"
    few = ["loop.num_steps=30", "loop.eval_every=15", "loop.learning_rate=0.005", "image_size=32"]
    train_latent_from([filmed], out, [BOTH, *few])
    return out


def test_pictures_of_a_row_stand_below_each_other_in_the_order_they_are_named(filmed):
    def images(camera):
        return read_labeled(filmed, camera=camera, image_size=24).episodes[1].images

    both = images((SIDE, FRONT))
    assert both.shape[1:] == (48, 24, 3)
    np.testing.assert_array_equal(both[:, :24], images(SIDE))
    np.testing.assert_array_equal(both[:, 24:], images(FRONT))


def test_camera_that_is_missing_is_named_beside_those_that_are_there(filmed):
    with pytest.raises(DatasetError, match=r"no camera 'no.such'; it has .*front.*side"):
        read_labeled(filmed, camera=(FRONT, "no.such"))
    with pytest.raises(DatasetError, match=r"2 cameras; .*camera=\[A,B\]"):
        train_latent_from([filmed], filmed / "out", [])


@pytest.mark.parametrize(
    ("setting", "found"),
    [("camera=[a, b]", ("a", "b")), ("camera=[a]", "a"), ("camera=a", "a"), ("camera=[]", "")],
)
def test_one_camera_is_a_name_and_several_are_a_list(setting, found):
    assert read_settings([setting], LatentActionConfig).camera == found


@pytest.mark.parametrize("wrong", ["[a, a]", "[a, 3]", "[a, '']"])
def test_cameras_that_are_no_names_or_the_same_are_refused(wrong):
    with pytest.raises(UsageError, match="camera"):
        read_settings([f"camera={wrong}"], LatentActionConfig)


SHORT = ["window.before_s=0.04", "window.after_s=0.07", "members=2"]
TRAINED = ["kind=mlp", "loop.num_steps=60", "loop.batch_size=32", "loop.eval_every=30"]


FEW = ["components=20", "kernel.width=0.7"]


@pytest.mark.parametrize(
    "kind", [["kind=kernel", *FEW, "image_size=24"], [*TRAINED, *SHORT, "image_size=32"]]
)
def test_two_cameras_tell_what_one_does_not(filmed, tmp_path, kind):
    r2 = {}
    for name, camera in {"front": f"camera={FRONT}", "both": BOTH}.items():
        train_labeler("inverse-dynamics", filmed, tmp_path / name, [camera, *kind])
        r2[name] = load_labeler(tmp_path / name).metrics["r2"]["arm_joint2.pos"]
    assert r2["both"] > r2["front"] + 0.3, r2
    assert load_labeler(tmp_path / "both").facts.camera == (FRONT, SIDE)
    relabel_dataset(filmed, tmp_path / "both", tmp_path / "out", keeps_known=False)
    rows = open_dataset(tmp_path / "out").episode(2)
    true = np.asarray(open_dataset(filmed).episode(2).columns["action"], float)[:, 1]
    valid = np.asarray(rows.columns["label.valid"], bool).reshape(-1)
    labels = np.asarray(rows.columns["action"], float)[:, 1]
    assert valid.mean() > 0.5
    assert np.corrcoef(labels[valid], true[valid])[0, 1] > 0.8


def test_labeler_of_two_cameras_refuses_a_video_and_a_dataset_of_one(filmed, tmp_path):
    settings = [BOTH, "image_size=16", "kind=ridge"]
    train_labeler("inverse-dynamics", filmed, tmp_path / "labeler", settings)
    stage = Pixels(PixelsConfig(model=tmp_path / "labeler"))
    with pytest.raises(UsageError, match=r"sees 2 cameras at once .*rotoscope relabel"):
        stage.cache_token()
    from benchmarks._small_dataset import publish_small

    publish_small(tmp_path / "one", episodes=3, rows=40)
    with pytest.raises(DatasetError, match=rf"has no '{SIDE}'"):
        relabel_dataset(tmp_path / "one", tmp_path / "labeler", tmp_path / "out")


def test_latents_of_two_cameras_teach_a_labeler_that_sees_both(filmed, latent, tmp_path):
    model = load_latent(latent)
    assert model.facts.config.camera == (FRONT, SIDE)
    images = read_labeled(filmed, camera=(FRONT, SIDE), image_size=32).episodes[0].images
    other = images.copy()
    other[:, 32:] = other[:, 32:][:, :, ::-1]
    assert not np.allclose(model.features(images), model.features(other))
    with pytest.raises(UsageError, match="sees 2 cameras at once"):
        LatentAction(LatentActionStageConfig(model=latent)).cache_token()
    if model.metrics["collapsed"]:
        pytest.fail(f"{model.metrics}")
    look = ["image_size=32", f"encoder=latent:{latent}", "kind=ridge"]
    train_labeler("inverse-dynamics", filmed, tmp_path / "both", [BOTH, *look])
    assert load_labeler(tmp_path / "both").metrics["mean_r2"] > 0.5
    with pytest.raises(UsageError, match=r"learned from 2 cameras.*names 1"):
        train_labeler("inverse-dynamics", filmed, tmp_path / "one", [f"camera={FRONT}", *look])


def test_policy_acts_on_what_both_cameras_show(filmed, tmp_path):
    settings = [BOTH, "inputs=[]", "image_size=16", "loop.num_steps=20", "loop.eval_every=10"]
    train_policy(filmed, tmp_path / "policy", "bc", settings)
    policy = load_bc_policy(tmp_path / "policy")
    assert policy.image_sizes == {FRONT: (96, 64), SIDE: (96, 64)}
    generator = np.random.default_rng(0)
    seen = {c: generator.integers(0, 255, (64, 96, 3), np.uint8) for c in (FRONT, SIDE)}
    first = policy.plan(seen)
    assert not np.allclose(first, policy.plan(seen | {SIDE: seen[SIDE][::-1].copy()}))
    assert not np.allclose(first, policy.plan(seen | {FRONT: seen[FRONT][::-1].copy()}))


def test_policy_that_goes_on_learning_from_latents_begins_with_both_networks(
    filmed, latent, tmp_path
):
    settings = [BOTH, "inputs=[]", "image_size=32", f"encoder=latent:{latent}",
                "freeze_encoder=false", "loop.num_steps=2", "loop.eval_every=1"]  # fmt: skip
    train_policy(filmed, tmp_path / "policy", "bc", settings)
    names = load_bc_policy(tmp_path / "policy").weights
    assert any(name.startswith("encoder.0.each.1.") for name in names)


def test_networks_of_two_cameras_are_two_and_that_of_one_is_as_it_was():
    import torch
    from torch import nn

    assert isinstance(for_views(lambda: nn.Conv2d(3, 4, 3), 1), nn.Conv2d)
    both = for_views(lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), 2)
    pictures = torch.rand(2, 3, 16, 8)
    found = both(pictures)
    pictures[:, :, 8:] = 0
    again = both(pictures)
    half = found.shape[1] // 2
    torch.testing.assert_close(found[:, :half], again[:, :half])
    assert not torch.allclose(found[:, half:], again[:, half:])


def test_moved_pictures_of_two_cameras_do_not_run_into_each_other():
    import torch

    torch.manual_seed(0)
    images = torch.zeros(30, 2, 3, 32, 16)
    images[..., :16, :] = 1
    moved, _ = _moved(images, 3)
    torch.testing.assert_close(moved, images)
    pictures = (images[:, 0] * 255).to(torch.uint8).movedim(1, -1)
    torch.testing.assert_close(shifted(pictures, 3), pictures)
