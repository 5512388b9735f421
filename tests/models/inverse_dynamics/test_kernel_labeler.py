"""Kernel labelers: pictures without a network, settings chosen on the training episodes."""

import numpy as np
import pytest

from rotoscope.models.encoders.pca import PictureComponents
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.error_model import ErrorModel
from rotoscope.models.inverse_dynamics.infer import infer_episode
from rotoscope.models.inverse_dynamics.kernel_ridge import (
    exponent_of,
    fit_kernel,
    gaussian,
    predict_kernel,
)
from rotoscope.models.inverse_dynamics.labeler import load_labeler
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import UsageError

RATE_HZ, CAMERA = 20.0, "observation.images.front"
KERNEL = InverseDynamicsConfig.model_validate({"kind": "kernel", "camera": CAMERA})


def pushed_square(seed, rows=50):
    """A square of the picture moves by the action; a second number is pure noise."""
    generator = np.random.default_rng(seed)
    white = generator.normal(size=rows + 20)
    action = 3 * np.convolve(white, np.hanning(11) / np.hanning(11).sum(), "same")[10:-10]
    place = 14 + np.concatenate([[0], np.cumsum(action)[:-1]])
    place = 14 + 9 * np.sin((place - 14) / 9)  # stays inside the picture
    action = np.append(np.diff(place), 0.0)
    across = np.arange(32)
    bright = 255 * np.exp(-(((across - place[:, None]) / 3) ** 2))
    images = np.zeros((rows, 32, 32, 3), np.uint8)
    images[:, 8:20] = bright[:, None, :, None]
    valid = np.arange(rows) < rows - 1
    actions = np.stack([action, generator.normal(size=rows)], axis=1)
    return LabeledEpisode(
        name=f"episode {seed}", time_s=np.arange(rows) / RATE_HZ, features=np.zeros((rows, 0)),
        actions=actions, valid=valid, images=images,
    )  # fmt: skip


def dataset(seeds):
    names = ("x", "noise")
    contract = ActionContract(
        robot="square",
        dimensions=tuple(Dimension(name=n, quantity="position", unit="px") for n in names),
        mode="delta",
        rate_hz=RATE_HZ,
        shift_s=0,
    )
    return LabeledSet(tuple(pushed_square(s) for s in seeds), contract, (), (), CAMERA, (32, 32))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernel") / "labeler"
    return train_inverse_dynamics(dataset(range(8)), KERNEL, folder), folder


def labels_of(labeler, episode):
    """Labels of the rows that have an action, and these actions."""
    labels, known = infer_episode(labeler, episode)
    counts = episode.valid[known]
    labels = Labels(*(v[counts] for v in vars(labels).values()))
    return labels, episode.actions[known & episode.valid]


def test_motion_of_a_square_is_read_from_few_pictures(trained):
    labeler, _ = trained
    unseen = dataset(range(100, 104))
    errors, truths = [], []
    for episode in unseen.episodes:
        labels, actions = labels_of(labeler, episode)
        errors.append(labels.values - actions)
        truths.append(actions)
    error, truth = np.concatenate(errors), np.concatenate(truths)
    assert 1 - (error**2).mean(0)[0] / truth.var(0)[0] > 0.8


def test_number_that_is_not_seen_is_left_at_its_mean(trained):
    labeler, _ = trained
    penalties = labeler.facts.config.kernel.penalties
    assert penalties[1] > penalties[0]
    unseen = dataset([200])
    labels, _ = labels_of(labeler, unseen.episodes[0])
    assert np.abs(labels.values[:, 1]).mean() < 0.3


def test_intervals_hold_unseen_errors_of_few_episodes(trained):
    labeler, _ = trained
    unseen = dataset(range(300, 312))
    inside = []
    for episode in unseen.episodes:
        labels, actions = labels_of(labeler, episode)
        inside.append(np.abs(labels.values - actions) <= labels.half_width)
    assert 0.84 <= np.concatenate(inside).mean() <= 0.96


def test_kernel_labeler_is_read_from_its_folder(trained):
    labeler, folder = trained
    again, data = load_labeler(folder), dataset([7])
    assert again.facts.config.kernel.width is not None
    for one, other in zip(
        labels_of(labeler, data.episodes[0])[:1],
        labels_of(again, data.episodes[0])[:1],
        strict=True,
    ):
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.half_width, other.half_width)


def test_given_settings_are_kept(tmp_path):
    given = {
        "components": 7,
        "kernel": {"width": 0.9, "penalties": [0.5]},
        "window": {"before_s": 0.05, "after_s": 0.1},
    }
    config = InverseDynamicsConfig.model_validate(KERNEL.model_dump(exclude_unset=True) | given)
    labeler = train_inverse_dynamics(dataset(range(3)), config, tmp_path / "labeler")
    kept = labeler.facts.config
    assert (kept.components, kept.kernel.width, kept.window.after_s) == (7, 0.9, 0.1)
    assert labeler.components is not None
    assert labeler.components.directions.shape[1] == 7


def test_penalties_for_other_parts_than_the_action_has_are_refused(tmp_path):
    raw = KERNEL.model_dump(exclude_unset=True) | {"kernel": {"penalties": [1, 2, 3]}}
    config = InverseDynamicsConfig.model_validate(raw)
    with pytest.raises(UsageError, match="penalties has 3 numbers"):
        train_inverse_dynamics(dataset(range(3)), config, tmp_path / "labeler")


def test_components_span_what_pictures_differ_in():
    generator = np.random.default_rng(0)
    patterns = generator.integers(0, 100, (2, 32, 32, 3))
    images = (generator.uniform(size=(40, 2)) @ patterns.reshape(2, -1)).astype(np.uint8)
    images = images.reshape(40, 32, 32, 3)
    found = PictureComponents.of(images, 2)
    np.testing.assert_allclose(found.directions.T @ found.directions, np.eye(2), atol=1e-4)
    back = found(images, images) @ found.directions.T + found.mean
    # Pictures are whole numbers: half a level is lost.
    assert np.abs(back - images.reshape(40, -1) / 255).max() < 1.5 / 255


def test_kernel_ridge_solves_its_normal_equations():
    generator = np.random.default_rng(1)
    inputs, encoded = generator.normal(size=(60, 4)), generator.normal(size=(60, 2))
    found = fit_kernel(inputs, encoded, width=0.8, penalties=np.array([0.5, 5.0]))
    exponent = exponent_of(inputs, 0.8)
    kernel = gaussian(inputs, inputs, exponent).astype(float)
    for column, penalty in enumerate((0.5, 5.0)):
        wanted = np.linalg.solve(kernel + 0.06 * penalty * np.eye(60), encoded[:, column])
        np.testing.assert_allclose(found["weight"][:, column], wanted, rtol=1e-3, atol=1e-3)
    values, doubt = predict_kernel(found, inputs)
    np.testing.assert_allclose(values, kernel @ found["weight"], rtol=1e-3, atol=1e-3)
    far = predict_kernel(found, inputs[:1] + 9)[1]
    assert far > doubt.max()


def test_doubt_grows_with_what_errors_grow_with():
    generator = np.random.default_rng(2)
    sign = generator.normal(size=(4000, 1, 1))
    error = np.exp(0.8 * sign[:, 0]) * generator.normal(size=(4000, 1))
    doubt = ErrorModel.of(sign, error)(sign)
    truth = np.exp(0.8 * sign[:, 0]) * np.sqrt(2 / np.pi)
    assert np.corrcoef(np.log(doubt[:, 0]), np.log(truth[:, 0]))[0, 1] > 0.99
    assert 0.8 < np.median(doubt / truth) < 1.25
