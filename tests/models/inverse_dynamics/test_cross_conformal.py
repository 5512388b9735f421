"""What held-out parts teach: the factor of intervals, a temperature, and labels cut again."""

from types import SimpleNamespace

import jaxtyping
import numpy as np
import pytest

from rotoscope.models.inverse_dynamics import cross_conformal
from rotoscope.models.inverse_dynamics.calibration import TEMPERATURES, conformal_factor
from rotoscope.models.inverse_dynamics.cross_conformal import _FoldPredictions
from rotoscope.models.inverse_dynamics.error_model import ErrorModel
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.pipeline.contract import ActionContract, Dimension


@pytest.fixture
def shapes_unchecked():
    """Stands for a whole labeler by what is asked of it."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def space_of(*quantities):
    bounds = {"lower": 0, "upper": 1}
    dimensions = tuple(
        Dimension(name=f"d{i}", quantity=q, unit="1", **(bounds if q == "discrete" else {}))
        for i, q in enumerate(quantities)
    )
    return ActionSpace.of(ActionContract(robot="r", dimensions=dimensions, rate_hz=10, shift_s=0))


def part_of(seed, *, members=1, num_rows=50, variance=0.0):
    rng = np.random.default_rng(seed)
    nothing = np.zeros((num_rows, 2))
    return _FoldPredictions(
        values=nothing,
        encoded=np.zeros((members, num_rows, 2)),
        features=rng.normal(size=(num_rows, 2, 3)),
        error=rng.normal(size=(num_rows, 2)),
        variance=np.full((num_rows, 2), variance),
        truth=nothing,
        lengths=(num_rows,),
    )


def factor_of(parts, num_members=1):
    return cross_conformal._calibration(parts, num_members, 1.0)


def scores_by_rows(parts):
    features = np.concatenate([p.features for p in parts])
    error = np.concatenate([p.error for p in parts])
    return np.abs(error) / ErrorModel.of(features, error)(features)


def test_an_episode_counts_the_same_however_long_it_is():
    # Nine short episodes of small errors, a long one of large errors: by rows it decides alone.
    def erring(part, size):
        part.error[:] = size * np.sign(part.error)
        part.features[:] = 0
        return part

    parts = [erring(part_of(k, num_rows=20), 1.0) for k in range(19)]
    parts.append(erring(part_of(19, num_rows=2000), 10.0))
    evidence = cross_conformal._evidence(parts)
    weights = evidence.weights
    assert weights[:-2000].sum() == pytest.approx(19)
    assert weights[-2000:].sum() == pytest.approx(1)
    small = np.max(evidence.scores[:-2000], axis=0)
    assert (evidence.quantile(weights) <= small).all()
    assert (conformal_factor(evidence.scores) > small).all()


def test_scores_are_those_of_error_models_that_had_not_seen_the_part():
    parts = [part_of(k, num_rows=30) for k in range(3)]
    others = np.concatenate([parts[0].features, parts[2].features])
    errors = np.concatenate([parts[0].error, parts[2].error])
    blind = ErrorModel.of(others, errors)(parts[1].features)
    found = cross_conformal._evidence(parts).scores[30:60]
    np.testing.assert_allclose(found, np.abs(parts[1].error) / blind)


def test_the_factor_lies_between_that_of_rows_and_half_more():
    for seed in range(6):
        parts = [part_of(10 * seed + k, num_rows=12 + 9 * k) for k in range(5)]
        by_rows = conformal_factor(scores_by_rows(parts))
        found = factor_of(parts)
        assert (found.factor >= by_rows * (1 - 1e-9)).all()
        assert (found.factor <= 1.5 * by_rows * (1 + 1e-9)).all()
        np.testing.assert_allclose(found.ceiling, 1.5 * by_rows)


@pytest.mark.parametrize(
    ("variance", "left"),
    [
        (0.3, 1 - 0.3 * (1 / 2 - 1 / 5)),
        (0.6, 1 - 0.6 * (1 / 2 - 1 / 5)),
    ],
)
def test_more_members_than_were_asked_err_less(variance, left):
    # Two of five members saw none of a part: the mean of five has lost (1/2 - 1/5) of the members'
    # variance, here given as a share of the squared error.
    part = part_of(3, members=2)
    squared = (part.error**2).mean(axis=0)
    part.variance[:] = variance * squared
    plain = factor_of([part_of(3, members=2)], 5).factor
    fewer = factor_of([part], 5).factor
    np.testing.assert_allclose(fewer, plain * np.sqrt(left))


def test_what_members_gain_takes_a_tenth_of_the_width_at_most():
    part = part_of(3, members=2)
    part.variance[:] = 1.5 * (part.error**2).mean(axis=0)
    evidence = cross_conformal._evidence([part])
    found = factor_of([part], 5).factor
    np.testing.assert_allclose(found, 0.9 * evidence.quantile(evidence.weights))


def test_fewer_members_than_were_asked_err_more_but_at_most_twice():
    part = part_of(3, members=5)
    part.variance[:] = (part.error**2).mean(axis=0)
    plain = factor_of([part_of(3, members=5)]).factor
    np.testing.assert_allclose(factor_of([part]).factor, plain * np.sqrt(1 + (1 - 1 / 5)))
    part.variance[:] *= 100
    np.testing.assert_allclose(factor_of([part]).factor, 2 * plain)


def test_the_temperature_is_the_geometric_mean_over_choices(shapes_unchecked):
    # Always right with 0.8 calls for the sharpest, always wrong for the flattest probabilities.
    space = space_of("discrete", "position", "discrete")
    encoded = np.tile([0.8, 0.2, 5.0, 0.2, 0.8], (2, 40, 1))
    truth = np.zeros((40, 3))
    found = SimpleNamespace(encoded=encoded, truth=truth)
    found = cross_conformal._temperature([found], SimpleNamespace(space=space))
    assert found == pytest.approx(np.sqrt(TEMPERATURES[0] * TEMPERATURES[-1]))
    sure = SimpleNamespace(encoded=encoded[:, :, :3], truth=truth[:, :2])
    both = SimpleNamespace(space=space_of("discrete", "position"))
    assert cross_conformal._temperature([sure], both) == pytest.approx(0.2)


def test_without_choices_there_is_no_temperature(shapes_unchecked):
    whole = SimpleNamespace(space=space_of("position"))
    assert cross_conformal._temperature([part_of(0)], whole) == 1.0


def test_labels_are_cut_where_episodes_end():
    values = np.arange(12.0).reshape(6, 2)
    labels = Labels(values, values + 100, np.linspace(0, 1, 6), np.linspace(1, 0, 6))
    one, two, three = cross_conformal._cut(labels, (1, 3, 2))
    np.testing.assert_array_equal(one.values, values[:1])
    np.testing.assert_array_equal(two.half_width, values[1:4] + 100)
    np.testing.assert_allclose(three.confidence, [0.8, 1.0])
    np.testing.assert_allclose(three.familiarity, [0.2, 0.0], atol=1e-9)


class Voters:
    """Members that say 0, 1 and 2 of an action whose truth is 1.5, in spreads of 2."""

    space = space_of("position")

    def __init__(self, votes=(0.0, 1.0, 2.0)):
        self.votes = votes

    def embeddings_of(self, rows):
        return None

    def predict(self, inputs, pictures):
        return np.array([[[v]] * 3 for v in self.votes]), np.zeros((len(self.votes), 3, 1))

    def summarize(self, encoded, log_variance):
        return encoded.mean(axis=0), np.ones((3, 1))

    def uncertainty_features(self, values, own, inputs, pictures):
        return np.stack([values, own], axis=2)


def test_golden_answers_of_a_part(shapes_unchecked, monkeypatch):
    episodes = [
        SimpleNamespace(actions=np.full((n, 1), 1.5), inputs=np.zeros((n, 1))) for n in (1, 2)
    ]
    joined = SimpleNamespace(actions=np.full((3, 1), 1.5), inputs=np.zeros((3, 1)))
    monkeypatch.setattr(cross_conformal.LabeledWindows, "join", lambda parts: joined)
    part = SimpleNamespace(labeler=Voters(), episodes=episodes)
    whole = SimpleNamespace(scaling=SimpleNamespace(spread=np.array([2.0])))
    found = cross_conformal._predict_fold(part, whole)
    np.testing.assert_array_equal(found.values, 1.0)
    np.testing.assert_array_equal(found.error, (1.0 - 1.5) / 2.0)
    # Two votes 1 off and one at the mean: 2 / (3 - 1) is the sample's variance, over the spread
    # squared. One member alone has none.
    np.testing.assert_array_equal(found.variance, 0.25)
    assert found.lengths == (1, 2)
    assert found.num_members == 3
    alone = SimpleNamespace(labeler=Voters((1.0,)), episodes=episodes)
    np.testing.assert_array_equal(cross_conformal._predict_fold(alone, whole).variance, 0.0)
