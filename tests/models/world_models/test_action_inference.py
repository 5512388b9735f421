"""Actions are latent variables: what makes a world model expect what was seen."""

import numpy as np
import point_mass
import pytest

from rotoscope.models.labelers.scores import r_squared
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.data import LabeledEpisode, LabeledSet, UnlabelledEpisode
from rotoscope.models.world_models.action_inference import ActionInference, ActionInferenceConfig
from rotoscope.pipeline.errors import DatasetError

RATE_HZ, NUM = 20.0, 60


def play(seed, gain=1.0):
    """Somebody pushes a point about; how fast it goes, and where it is, is seen."""
    rng = np.random.default_rng(seed)
    actions = gain * np.repeat(rng.normal(0, 1, (NUM // 4, 2)), 4, axis=0)
    speed, place_m, seen = np.zeros(2), rng.uniform(-1, 1, 2), []
    for action in actions:
        seen.append(np.concatenate([place_m, speed]))
        speed = 0.8 * speed + action / RATE_HZ
        place_m = place_m + speed / RATE_HZ
    return LabeledEpisode(
        name=f"episode {seed}",
        time_s=np.arange(NUM) / RATE_HZ,
        features=np.array(seen),
        actions=actions,
        valid=np.ones(NUM, bool),
    )


def config(**settings):
    told = {"inputs": ("observation.state",), "loop": {"num_steps": 200}}
    return ActionInferenceConfig.model_validate(told | settings)


def data_of(episodes):
    return LabeledSet(tuple(episodes), point_mass.contract(), ("observation.state",), (4,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("inferred") / "labeler"


@pytest.fixture(scope="module")
def learned(folder):
    return ActionInference.train(data_of(map(play, range(6))), config(), folder)


def r2(labeler, asked):
    said = np.concatenate([labeler.label(e).values for e in asked])
    truth = np.concatenate([e.actions for e in asked])
    known = np.isfinite(said).all(axis=1)
    return float(r_squared(said[known], truth[known], ActionSpace.of(labeler.contract)).mean())


def test_actions_of_episodes_that_it_has_not_seen_are_found(learned):
    assert r2(learned, [play(k) for k in range(50, 54)]) > 0.9


def test_last_row_has_no_label_because_nothing_tells(learned):
    known = learned.label(play(60)).known
    assert known[:-1].all()
    assert not known[-1]


def test_a_stronger_prior_draws_actions_to_usual_ones(learned):
    asked = play(61)
    usual = np.abs(learned.label(asked).values[:-1]).mean()
    made = ActionInference(config(prior=1e4), learned.contract)
    made.arrays = learned.arrays
    assert np.abs(made.label(asked).values[:-1]).mean() < 0.5 * usual


def test_intervals_hold_nine_of_ten(learned):
    asked = [play(k) for k in range(70, 76)]
    said = [learned.labels_of(e) for e in asked]
    error = np.concatenate([np.abs(s.values - e.actions) for s, e in zip(said, asked, strict=True)])
    width = np.concatenate([s.half_width for s in said])
    known = np.isfinite(error).all(axis=1)
    assert 0.8 < (error <= width)[known].mean() <= 1


def test_it_comes_back_from_its_folder(learned, folder):
    again = ActionInference.open(folder)
    np.testing.assert_array_equal(
        learned.labels_of(play(62)).values, again.labels_of(play(62)).values
    )


def test_gaps_take_the_rows_beside_them_alone(learned):
    asked = play(63)
    features = asked.features.copy()
    features[20:24] = np.nan
    blind = UnlabelledEpisode(name="gap", time_s=asked.time_s, features=features)
    known = learned.label(blind).known
    assert not known[19:24].any()
    assert known[:19].all()
    assert known[24:-1].all()


def test_no_network_is_shown_an_action_that_comes_after(learned):
    module, dynamics = learned._networks()[0], learned._dynamics(4)
    import torch

    seen, actions = torch.zeros(1, 4), torch.zeros(1, dynamics.offsets[-1], 2)
    for number, rows in enumerate(dynamics.offsets):
        other = actions.clone()
        other[:, rows:] = 5.0
        same = [dynamics.ask(module, seen, a)[:, number] for a in (actions, other)]
        assert torch.equal(*same)


def test_choices_are_found_more_often_than_by_chance():
    data = point_mass.mixed(6)
    made = ActionInference(config(inputs=("track.point",), ahead_s=0.2), data.contract)
    made.fit(data)
    said = np.concatenate([made.label(e).values[:, 1] for e in data.episodes])
    truth = np.concatenate([e.actions[:, 1] for e in data.episodes])
    known = np.isfinite(said)
    assert set(np.unique(said[known])) == {0.0, 1.0}
    assert (said == truth)[known].mean() > 0.6  # half by chance


def test_episodes_of_which_nothing_is_known_are_refused():
    nothing = [play(k) for k in range(3)]
    for one in nothing:
        one.features[:] = np.nan
    with pytest.raises(DatasetError, match="has a valid action and known features"):
        ActionInference(config(), point_mass.contract()).fit(data_of(nothing))
