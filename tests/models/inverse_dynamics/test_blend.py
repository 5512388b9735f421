"""A kernel beside networks: what it sees, that it counts half, and that its errors are honest."""

import shutil
from dataclasses import replace

import numpy as np
import point_mass
import pytest
from safetensors.numpy import load_file, save_file

from rotoscope.models.inverse_dynamics import train as training
from rotoscope.models.inverse_dynamics.blend import fit_beside, said_beside, seen_beside
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.labeler import load_labeler
from rotoscope.models.inverse_dynamics.rows import LEVEL_WEIGHT, rows_of
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.config import LoopConfig
from rotoscope.pipeline.errors import UsageError

CONFIG = InverseDynamicsConfig(
    inputs=("track.point",),
    window={"before_s": 0.1, "after_s": 0.2},
    members=3,
    hidden=16,
    loop=LoopConfig(num_steps=60, learning_rate=1e-3, eval_every=20),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("blend") / "model"
    train_inverse_dynamics(point_mass.dataset(6), CONFIG, folder)
    return folder


def test_it_is_what_is_trained_where_nothing_is_said():
    made = InverseDynamicsConfig(inputs=("track.point",))
    assert (made.kind, made.is_blend, made.window.after_s) == ("blend", True, 0.2)


@pytest.mark.parametrize(
    ("told", "ahead_s"),
    [
        ({"kind": "mlp"}, 0.1),
        ({"kind": "ridge"}, 0.1),
        ({"window": {"after_s": 0.05}}, 0.05),
        ({"window": {"spacing_s": 0.1}}, 0.2),
        ({"camera": "observation.images.front"}, 0.1),
        ({"camera": "observation.images.front", "encoder": "pca"}, 0.2),
    ],
)
def test_how_far_it_looks_ahead_hangs_on_what_looks(told, ahead_s):
    assert InverseDynamicsConfig(inputs=("track.point",), **told).window.after_s == ahead_s


def test_a_network_that_sees_pictures_has_no_kernel_beside_it():
    made = InverseDynamicsConfig(camera="observation.images.front")
    assert made.kind == "blend"
    assert made.learns_images
    assert not made.is_blend


def test_the_kernel_sees_the_ends_of_a_window_a_sample_halfway_ahead_and_the_moment():
    # Two features, -.2 to .4 s at 10 Hz: changes at -.2, -.1, .1, .2, .3, .4 s, then the moment.
    config = InverseDynamicsConfig(
        inputs=("track.point",), window={"before_s": 0.2, "after_s": 0.4}
    )
    inputs = np.arange(14.0)[None]
    wanted = [0, 1, 6, 7, 10, 11, LEVEL_WEIGHT * 12, LEVEL_WEIGHT * 13]
    np.testing.assert_allclose(seen_beside(inputs, config, 10.0)[0], wanted)
    short = InverseDynamicsConfig(
        inputs=("track.point",), window={"before_s": 0, "after_s": 0.1, "has_levels": False}
    )
    np.testing.assert_allclose(seen_beside(np.array([[3.0, 4.0]]), short, 10.0)[0], [3, 4])


def test_labels_are_the_mean_of_networks_and_kernel(folder):
    whole = load_labeler(folder)
    rows = rows_of(point_mass.episode(99), point_mass.dataset(1), CONFIG)
    both, _ = whole.predict(rows.inputs, None)
    networks, _ = replace(whole, beside={}).predict(rows.inputs, None)
    seen = seen_beside(whole.scaling.inputs(rows.inputs), CONFIG, whole.facts.contract.rate_hz)
    kernel = whole.scaling.raw(said_beside(whole.beside, seen))
    np.testing.assert_allclose(both, (networks + kernel) / 2, atol=1e-6)
    assert np.abs(networks - kernel).max() > 1e-3


def test_a_kernel_alone_learns_what_was_done():
    rng = np.random.default_rng(0)
    space = ActionSpace.of(point_mass.contract())
    inputs = [rng.normal(size=(60, 3)) for _ in range(5)]
    parts = [(x, np.stack([x[:, 0], x[:, 1] * x[:, 2]], axis=1)) for x in inputs]
    found = fit_beside(parts[:4], [[0], [1], [2], [3]], np.eye(2), space)
    off = said_beside(found, parts[4][0]) - parts[4][1]
    assert (off**2).mean(axis=0)[0] < 0.02
    assert (off**2).mean(axis=0)[1] < 0.3


def test_errors_are_those_of_kernels_that_did_not_see_the_episode(tmp_path, monkeypatch):
    fitted = []

    def remembered(parts, *others):
        fitted.append([inputs.tobytes() for inputs, _ in parts])
        return fit_beside(parts, *others)

    monkeypatch.setattr(training, "fit_beside", remembered)
    asked = {}
    predict = training.Labeler.predict

    def predicts(self, inputs, embeddings):
        seen = seen_beside(self.scaling.inputs(inputs), CONFIG, self.facts.contract.rate_hz)
        asked.setdefault(self.beside["weight"].tobytes(), []).append(seen)
        return predict(self, inputs, embeddings)

    monkeypatch.setattr(training.Labeler, "predict", predicts)
    train_inverse_dynamics(point_mass.dataset(6), CONFIG, tmp_path / "model")
    every, *blind = fitted
    assert len(every) == 6
    assert [len(some) for some in blind] == [4, 4, 4]
    kernels = iter(asked.values())
    for some, held in zip(blind, kernels, strict=False):
        for seen in held:
            for episode in np.split(seen, 2):
                assert episode.tobytes() in every
                assert episode.tobytes() not in some


def test_a_folder_without_its_kernel_is_damaged(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "model")
    path = tmp_path / "model" / "model.safetensors"
    arrays = {n: v for n, v in load_file(path).items() if n != "beside.weight"}
    save_file(arrays, path)
    with pytest.raises(UsageError, match=r"beside\.weight"):
        load_labeler(tmp_path / "model")
