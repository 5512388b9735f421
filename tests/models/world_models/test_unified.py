"""One network of what is seen, what will be seen and what is done; any part may be hidden."""

import numpy as np
import point_mass
import pytest
import torch

from rotoscope.models.labelers.acting import open_acting
from rotoscope.models.labelers.scores import r_squared
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.data import LabeledEpisode, LabeledSet, UnlabelledEpisode
from rotoscope.models.world_models.joint_rows import JointRows, changes, chunks, offsets_of
from rotoscope.models.world_models.members import perceptron, split
from rotoscope.models.world_models.unified import UnifiedConfig, UnifiedWorldModel
from rotoscope.pipeline.errors import DatasetError, UsageError

RATE_HZ, NUM = 20.0, 50
STATE = "observation.state"


def episode(seed, *, is_valid=True):
    """A point is led to a goal, and a gust pushes it about: only the future tells which."""
    rng = np.random.default_rng(seed)
    place_m, goal_m = rng.uniform(-1, 1, (2, 2))
    seen, done = [], []
    for _ in range(NUM):
        action = np.clip(2 * (goal_m - place_m), -1, 1) + rng.normal(0, 0.3, 2)
        seen.append(np.concatenate([place_m, goal_m]))
        done.append(action)
        place_m = place_m + action / RATE_HZ
    return LabeledEpisode(
        name=f"episode {seed}",
        time_s=np.arange(NUM) / RATE_HZ,
        features=np.array(seen),
        actions=np.array(done) if is_valid else np.full((NUM, 2), np.nan),
        valid=np.full(NUM, is_valid),
    )


def config(**settings):
    loop = {"num_steps": 300} | settings.pop("loop", {})
    return UnifiedConfig.model_validate({"inputs": (STATE,), "rounds": 1, "loop": loop} | settings)


def data_of(episodes):
    names = (("x", "y", "goal.x", "goal.y"),)
    return LabeledSet(tuple(episodes), point_mass.contract(), (STATE,), (4,), input_names=names)


def r2(labeler, asked):
    said = np.concatenate([labeler.label(e).values for e in asked])
    truth = np.concatenate([e.actions for e in asked])
    known = np.isfinite(said).all(axis=1)
    return float(r_squared(said[known], truth[known], ActionSpace.of(labeler.contract)).mean())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("unified") / "labeler"


@pytest.fixture(scope="module")
def learned(folder):
    return UnifiedWorldModel.train(data_of(map(episode, range(8))), config(), folder)


def test_where_the_future_is_seen_it_says_what_was_done_else_what_would_be(learned):
    asked = [episode(k) for k in range(50, 55)]
    assert r2(learned, asked) > 0.9
    alone = [
        [
            learned.label(
                UnlabelledEpisode(name="row", time_s=np.zeros(1), features=e.features[[i]])
            ).values[0]
            for i in range(0, NUM, 5)
        ]
        for e in asked
    ]
    usual = [np.clip(2 * (e.features[::5, 2:] - e.features[::5, :2]), -1, 1) for e in asked]
    said, wanted = np.concatenate(alone), np.concatenate(usual)
    assert r_squared(said, wanted, ActionSpace.of(learned.contract)).mean() > 0.8


def test_what_is_foreseen_is_nearer_where_the_action_is_known(learned):
    errors = []
    for asked in map(episode, range(60, 64)):
        later = asked.features[1:]
        foreseen = [learned.foresee(asked, actions)[:-1, 0] for actions in (asked.actions, None)]
        errors.append([np.abs(found - later)[:, :2].mean() for found in foreseen])
    with_action, without = np.mean(errors, axis=0)
    assert with_action < 0.95 * without


def test_what_is_seen_and_done_comes_back_from_its_folder_and_acts(learned, folder):
    again = UnifiedWorldModel.open(folder)
    asked = episode(61)
    np.testing.assert_array_equal(learned.label(asked).values, again.label(asked).values)
    acting = open_acting(folder)
    acting.reset(0)
    done = acting.act({STATE: asked.features[0]})
    last = UnlabelledEpisode(name="row", time_s=np.zeros(1), features=asked.features[[0]])
    np.testing.assert_allclose(done, learned.label(last).values[0], atol=1e-6)


def test_intervals_hold_nine_of_ten_and_are_wider_where_the_future_is_not_seen(learned):
    asked = [episode(k) for k in range(70, 76)]
    said = [learned.labels_of(e) for e in asked]
    error = np.concatenate([np.abs(s.values - e.actions) for s, e in zip(said, asked, strict=True)])
    width = np.concatenate([s.half_width for s in said])
    assert 0.8 < (error <= width).mean() <= 1
    assert np.mean([s.half_width[-1] / np.median(s.half_width[:-5], 0) for s in said]) > 1.5


def test_actions_that_nobody_knows_are_inferred_for_the_next_round(monkeypatch):
    few = [episode(k) for k in range(3)]
    unlabeled = [episode(k, is_valid=False) for k in range(10, 30)]
    made = UnifiedWorldModel(config(rounds=2), point_mass.contract())
    inferred = []
    own = made._inferred
    monkeypatch.setattr(
        made, "_inferred", lambda e: inferred.append((e, own(e))) or inferred[-1][1]
    )
    made.fit(data_of([*few, *unlabeled]))
    truth = np.concatenate([episode(k).actions for k in range(10, 30)])
    found = np.concatenate([rows for e, rows in inferred if not e.valid.any()])
    known = np.isfinite(found).all(axis=1)
    assert known.reshape(20, NUM)[:, :-1].all()
    assert not known.reshape(20, NUM)[:, -1].any()  # nothing follows the last row
    space = ActionSpace.of(made.contract)
    assert r_squared(found[known], truth[known], space).mean() > 0.8


def test_rows_that_are_not_seen_get_nothing_and_take_nothing_else(learned):
    asked = episode(62)
    features = asked.features.copy()
    features[10:14, 1] = np.nan
    blind = UnlabelledEpisode(name="gap", time_s=asked.time_s, features=features)
    known = learned.label(blind).known
    assert not known[10:14].any()
    assert known.sum() == NUM - 4


def test_moments_ahead_halve_down_to_the_next_row():
    assert offsets_of(0.1, 80) == (1, 2, 4, 8)
    assert offsets_of(0.1, 20) == (1, 2)
    assert offsets_of(0.01, 20) == (1,)
    seen = np.arange(6.0)[:, None] ** 2
    found = changes(seen, (1, 2))[:, :, 0]
    np.testing.assert_array_equal(found[0], [1, 3])
    np.testing.assert_array_equal(found[4], [9, np.nan])
    np.testing.assert_array_equal(found[5], [np.nan, np.nan])


def test_what_lies_behind_a_gap_is_not_known():
    seen, actions = np.zeros((4, 1)), np.array([[0.0], [np.nan], [2.0], [3.0]])
    later = np.full((4, 1, 1), np.nan)
    rows = JointRows.of(seen, later, later, chunks(actions, 3))
    np.testing.assert_array_equal(rows.actions_known, [[1, 0, 0], [0, 0, 0], [1, 1, 0], [1, 0, 0]])
    assert np.isfinite(rows.actions).all()


def test_a_policy_is_not_shown_what_it_did_before():
    sizes = UnifiedWorldModel(config(), point_mass.contract())
    sizes._num_seen = 4
    made = sizes._sizes
    torch.manual_seed(0)
    module, num = made.build("small").eval(), made.offsets
    rows = JointRows.of(
        np.zeros((1, 4)), np.ones((1, num, 4)), np.ones((1, num, 4)), np.zeros((1, 1, 2))
    )
    nothing, something = torch.zeros(1, num), torch.ones(1, num)
    batch = dict(rows.batch())
    other = batch | {"before": -batch["before"]}
    for shown, differs in ((nothing, False), (something, True)):
        told = [made.ask(module, b, shown, torch.zeros(1, 1))[1] for b in (batch, other)]
        assert bool((told[0] != told[1]).any()) == differs


def test_both_parts_hold_labeled_episodes():
    episodes = tuple(episode(k, is_valid=k < 5) for k in range(25))
    learned, held = split(episodes, 0)
    assert sum(k < 5 for k in held) == 1
    assert sum(k >= 5 for k in held) == 2
    assert sorted(learned + held) == list(range(25))
    with pytest.raises(DatasetError, match="1 of 21 episodes have valid actions"):
        split(episodes[4:], 0)


def test_larger_sizes_have_more_weights_and_start_as_shallow_ones():
    numbers = [sum(p.numel() for p in perceptron(8, 4, s).parameters()) for s in ("small", "base")]
    assert numbers[1] > 10 * numbers[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"camera": "front"}, "sees no pictures"), ({"loop": {"device": "cuda"}}, "no CUDA device")],
)
def test_what_it_cannot_do_is_refused(settings, message, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UsageError, match=message):
        UnifiedWorldModel.check_settings(config(**settings))


def test_episodes_of_which_nothing_is_known_are_refused():
    nothing = [episode(k) for k in range(3)]
    for one in nothing:
        one.features[:] = np.nan
    with pytest.raises(DatasetError, match="has a valid action and known features"):
        UnifiedWorldModel(config(), point_mass.contract()).fit(data_of(nothing))
