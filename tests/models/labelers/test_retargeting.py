"""Retargeted numbers become actions by the simplest map that does well."""

import numpy as np
import point_mass
import pytest

from rotoscope.models.labelers.labels import Labels
from rotoscope.models.labelers.retargeting import Retargeting, RetargetingConfig
from rotoscope.models.labelers.scores import r_squared
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.data import LabeledEpisode, LabeledSet, UnlabelledEpisode
from rotoscope.models.training.read import input_of
from rotoscope.pipeline.datasets.read import EpisodeRows
from rotoscope.pipeline.errors import UsageError

COLUMN = "label.retarget.arm"
RATE_HZ, NUM = 20.0, 90
TURN = np.array([[0.8, 0.6], [-0.6, 0.8]])


def retargeted(seed):
    """Where a retargeted robot is [m], smooth."""
    rng = np.random.default_rng(seed)
    kernel = np.hanning(15) / np.hanning(15).sum()
    white = rng.normal(size=(NUM + 30, 2))
    return np.stack([np.convolve(white[:, i], kernel, "same") for i in (0, 1)], 1)[15:-15]


def labeled_set(act, num=5, columns=2):
    episodes = []
    for seed in range(num):
        place_m = retargeted(seed)
        noise = np.random.default_rng(seed + 100).normal(size=place_m.shape)
        episodes.append(
            LabeledEpisode(
                name=f"episode {seed}",
                time_s=np.arange(NUM) / RATE_HZ,
                features=np.tile(place_m, (1, columns // 2)),
                actions=act(place_m) + 0.01 * noise,
                valid=np.ones(NUM, bool),
            )
        )
    return LabeledSet(tuple(episodes), point_mass.contract(), (COLUMN,), (columns,))


def later(place_m, rows):
    return place_m[np.minimum(np.arange(NUM) + rows, NUM - 1)]


def fitted(act, **settings):
    data = labeled_set(act)
    made = Retargeting(RetargetingConfig(**settings), data.contract)
    made.fit(data)
    return made


def r2(labeler, act):
    place_m = retargeted(50)
    asked = UnlabelledEpisode(name="x", time_s=np.arange(NUM) / RATE_HZ, features=place_m)
    found = labeler.label(asked)
    assert isinstance(found, Labels)
    return r_squared(found.values, act(place_m), ActionSpace.of(point_mass.contract()))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda p: p, "identity of places, 0 rows ahead"),
        (lambda p: later(p, 2), "identity of places, 2 rows ahead"),
        (lambda p: later(p, 3) - p, "identity of motions, 3 rows ahead"),
        (lambda p: 100 * p + 7, "gain of places, 0 rows ahead"),
        (lambda p: 20 * (later(p, 1) - p), "gain of motions, 1 rows ahead"),
        (lambda p: later(p, 1)[:, ::-1], "gain of places, 1 rows ahead"),
        (lambda p: later(p, 2) @ TURN - 3, "linear of places, 2 rows ahead"),
    ],
    ids=["same", "later", "steps", "unit", "velocity", "exchanged", "turned"],
)
def test_the_simplest_map_that_does_well_is_taken(act, words):
    made = fitted(act)
    assert set(made.learned().values()) == {words}
    assert (r2(made, act) > 0.98).all()


def test_every_number_has_a_map_of_its_own():
    made = fitted(lambda p: np.stack([p[:, 0], 50 * (later(p, 1) - p)[:, 1]], axis=1))
    said = list(made.learned().values())
    assert said == ["identity of places, 0 rows ahead", "gain of motions, 1 rows ahead"]


def test_a_form_that_is_asked_for_is_taken_though_another_does_better():
    act = lambda p: p @ TURN  # noqa: E731 - it has no name
    made = fitted(act, form="identity")
    assert {text.split()[0] for text in made.learned().values()} == {"identity"}
    assert (r2(made, act) < r2(fitted(act), act)).all()


def test_identity_of_another_number_of_numbers_is_refused():
    data = labeled_set(lambda p: p, columns=4)
    made = Retargeting(RetargetingConfig(form="identity"), data.contract)
    with pytest.raises(UsageError, match=r"2 \(a0, a1\); label\.retarget\.arm have 4"):
        made.fit(data)
    Retargeting(RetargetingConfig(), data.contract).fit(data)


def test_pictures_are_refused():
    with pytest.raises(UsageError, match="sees no pictures"):
        Retargeting.check_settings(RetargetingConfig(camera="observation.images.front"))


def test_training_says_which_maps_were_chosen(tmp_path):
    data = labeled_set(lambda p: 100 * p)
    made = Retargeting.train(data, RetargetingConfig(), tmp_path / "labeler")
    assert made.metrics["learned"] == dict.fromkeys(("a0", "a1"), "gain of places, 0 rows ahead")
    assert Retargeting.open(tmp_path / "labeler").metrics["mean_r2"] > 0.98


def test_rows_that_retargeting_called_not_valid_are_not_seen():
    columns = {
        "frame_index": np.arange(3),
        COLUMN: np.ones((3, 2)),
        f"{COLUMN}.valid": np.array([True, False, True]),
        "label.valid": np.array([False, True, True]),
        "action": np.ones((3, 2)),
    }
    rows = EpisodeRows(0, columns, None, 0.0, {})
    np.testing.assert_array_equal(np.isnan(input_of(rows, COLUMN)[:, 0]), [False, True, False])
    np.testing.assert_array_equal(np.isnan(input_of(rows, "action")[:, 0]), [True, False, False])
