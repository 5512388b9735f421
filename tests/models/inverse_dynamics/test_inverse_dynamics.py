"""A point mass shows whether labels are right, stand where they belong, and know their errors."""

import json
from dataclasses import replace

import numpy as np
import point_mass
import pytest

from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.infer import infer_episode
from rotoscope.models.inverse_dynamics.labeler import load_labeler
from rotoscope.models.inverse_dynamics.rows import LabeledWindows, rows_of
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.labelers.scores import lag_scan
from rotoscope.models.training.config import LoopConfig
from rotoscope.models.training.windows import WindowConfig
from rotoscope.pipeline.errors import DatasetError, UsageError

# A point that still moves at the ends of its episodes: held windows there are wrong windows.
INNER = WindowConfig(at_ends="drop")
RIDGE = InverseDynamicsConfig(kind="ridge", inputs=("track.point",), window=INNER)
NETWORK = InverseDynamicsConfig(
    inputs=("track.point",),
    window=INNER,
    members=2,
    hidden=64,
    loop=LoopConfig(num_steps=200, learning_rate=1e-3, eval_every=50),
)


@pytest.mark.parametrize("config", [RIDGE, NETWORK], ids=["ridge", "network"])
def test_acceleration_is_read_from_positions(config, tmp_path):
    labeler = train_inverse_dynamics(point_mass.dataset(16), config, tmp_path / "model")
    assert min(labeler.metrics["r2"].values()) > 0.95
    scan = labeler.metrics["lag_scan"]
    assert max(scan, key=scan.get) == "0"


def test_lag_scan_finds_actions_that_stand_one_row_late(tmp_path):
    labeler = train_inverse_dynamics(point_mass.dataset(8), RIDGE, tmp_path / "model")
    late = point_mass.dataset(4, first=50, shift=1)
    rows = [rows_of(episode, late, RIDGE) for episode in late.episodes]
    labels = [labeler.label(r.inputs).values for r in rows]
    scan = lag_scan(labels, [r.actions for r in rows], labeler.space, np.array([True, True]))
    assert max(scan, key=scan.get) == "1"
    assert scan["1"] > 0.99
    assert scan["-5"] < 0.2


def test_intervals_hold_ninety_percent_of_unseen_errors(tmp_path):
    data = point_mass.dataset(40, noise_m=1e-4)
    labeler = train_inverse_dynamics(data, RIDGE, tmp_path / "model")
    unseen = point_mass.dataset(40, first=100, noise_m=1e-4)
    rows = LabeledWindows.join([rows_of(e, unseen, RIDGE) for e in unseen.episodes])
    labels = labeler.label(rows.inputs)
    error = np.abs(labels.values - rows.actions)
    assert 0.87 <= (error <= labels.half_width).mean() <= 0.93
    sure = labels.confidence >= np.quantile(labels.confidence, 0.2)
    assert error[sure].mean() < 0.85 * error.mean()


def test_folder_gives_the_same_labels_again(tmp_path):
    labeler = train_inverse_dynamics(point_mass.dataset(6), NETWORK, tmp_path / "model")
    again = load_labeler(tmp_path / "model")
    inputs = rows_of(point_mass.episode(99), point_mass.dataset(6), NETWORK).inputs
    np.testing.assert_array_equal(labeler.label(inputs).values, again.label(inputs).values)
    assert json.loads((tmp_path / "model" / "metrics.json").read_text()) == labeler.metrics
    assert not (tmp_path / "model.training").exists()


def test_dimension_that_never_moves_has_no_r2(tmp_path):
    labeler = train_inverse_dynamics(point_mass.dataset(6, still=True), RIDGE, tmp_path / "model")
    assert set(labeler.metrics["r2"]) == {"a0", "a1"}
    assert labeler.metrics["constant"]["a2"] < 1e-6


def test_too_few_episodes_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="2 labeled episodes are too few"):
        train_inverse_dynamics(point_mass.dataset(2), RIDGE, tmp_path / "model")


def test_labeler_of_another_version_is_refused(tmp_path):
    train_inverse_dynamics(point_mass.dataset(4), RIDGE, tmp_path / "model")
    file = tmp_path / "model" / "labeler.yaml"
    file.write_text(file.read_text().replace("version: 5", "version: 99", 1))
    with pytest.raises(UsageError, match="version 99, this program reads version 5"):
        load_labeler(tmp_path / "model")


def blind(episode):
    return replace(episode, features=np.full_like(episode.features, np.nan))


def flickering(episode):
    """Every other row is not seen: none of its windows is known."""
    is_lost = np.arange(len(episode.time_s))[:, None] % 2 == 0
    return replace(episode, features=np.where(is_lost, np.nan, episode.features))


def test_episode_of_which_nothing_is_known_is_left_out_and_named(tmp_path):
    data = point_mass.dataset(6)
    some = replace(data, episodes=(*data.episodes[:5], blind(data.episodes[5])))
    labeler = train_inverse_dynamics(some, RIDGE, tmp_path / "model")
    assert labeler.metrics["left_out"] == [data.episodes[5].name]
    assert data.episodes[5].name not in labeler.metrics["held_out"]


@pytest.mark.parametrize("settings", [{}, {"members": 2}, {"kind": "kernel"}])
def test_episode_that_flickers_is_left_out_by_every_kind(settings, tmp_path):
    data = point_mass.dataset(6)
    some = replace(data, episodes=(*data.episodes[:5], flickering(data.episodes[5])))
    config = RIDGE.model_copy(update=settings)
    labeler = train_inverse_dynamics(some, config, tmp_path / "model")
    assert labeler.metrics["left_out"] == [data.episodes[5].name]


@pytest.mark.parametrize("spoil", [blind, flickering])
def test_data_without_a_known_window_are_refused(spoil, tmp_path):
    data = point_mass.dataset(4)
    unknown = replace(data, episodes=tuple(map(spoil, data.episodes)))
    with pytest.raises(DatasetError, match="none of the 4 episodes has a row with a valid action"):
        train_inverse_dynamics(unknown, RIDGE, tmp_path / "model")


@pytest.mark.parametrize("kind", ["ridge", "mlp"])
def test_mixed_action_is_learned_each_part_as_what_it_is(kind, tmp_path):
    labeler = train_inverse_dynamics(
        point_mass.mixed(12), NETWORK.model_copy(update={"kind": kind}), tmp_path / "model"
    )
    assert labeler.metrics["accuracy"]["choice"] > 0.9
    assert labeler.metrics["r2"]["a0"] > 0.95
    labels = labeler.label(rows_of(point_mass.episode(99), point_mass.mixed(1), NETWORK).inputs)
    assert set(np.unique(labels.values[:, 1])) <= {0.0, 1.0}
    assert np.isnan(labels.half_width[:, 1]).all()


def test_every_row_has_a_label_where_nothing_else_is_said(tmp_path):
    data = point_mass.dataset(5)
    config = InverseDynamicsConfig(kind="ridge", inputs=("track.point",))
    labeler = train_inverse_dynamics(data, config, tmp_path / "model")
    assert infer_episode(labeler, point_mass.episode(99))[1].all()
    assert labeler.metrics["rows_without_window"] == 0
    inner = train_inverse_dynamics(data, RIDGE, tmp_path / "inner")
    assert inner.metrics["rows_without_window"] == 5 * 4


def test_metrics_hold_other_seeds_and_what_needs_no_labeler(tmp_path):
    labeler = train_inverse_dynamics(point_mass.dataset(6), RIDGE, tmp_path / "model")
    seeds = labeler.metrics["seeds"]
    assert seeds["num"] == len(seeds["mean_r2"]) == 3
    assert seeds["mean_r2"][0] == labeler.metrics["mean_r2"]
    trivial = labeler.metrics["trivial_r2"]
    assert trivial["mean"] < 0.1 < trivial["previous_action"] < 1
    assert "state_ahead" not in trivial
