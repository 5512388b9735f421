"""Pictures against sentences, by a tiny random network of the true kind, and by plain vectors."""

import carried_datasets
import carried_paths
import numpy as np
import pytest

from rotoscope.models.rewards.label import ProgressRequest, label_progress
from rotoscope.models.rewards.seen import Seen
from rotoscope.models.rewards.vision_language import open_vision_language, rewards_of
from rotoscope.pipeline.errors import UsageError

GOAL, ALWAYS = "a red cup up", "a cup"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import tiny_networks

    return tiny_networks.clip(tmp_path_factory.mktemp("clip"))


def units(*rows):
    vectors = np.array(rows, float)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_goal_itself_is_worth_one_and_what_always_holds_less():
    goal, always = units([1, 1, 0], [1, 0, 0])
    found = rewards_of(np.stack([goal, always]), goal, always)
    assert found[0] == pytest.approx(1)
    assert found[1] == pytest.approx(1 - 0.5 * ((always - goal) ** 2).sum())


def test_what_has_nothing_to_do_with_the_sentences_counts_less_than_plain_likeness():
    goal, always = units([1, 1, 0], [1, 0, 0])
    picture = units([1, 1, 1])
    plain = 1 - 0.5 * ((picture[0] - goal) ** 2).sum()
    assert rewards_of(picture, goal, always)[0] > plain
    # Twice the same sentence leaves plain likeness.
    assert rewards_of(picture, goal, goal)[0] == pytest.approx(plain)


def test_network_of_a_folder_is_asked(folder):
    asked = open_vision_language(folder, GOAL, ALWAYS)
    images = np.random.default_rng(0).integers(0, 255, (40, 64, 64, 3)).astype(np.uint8)
    found = asked.reward(images)
    assert found.shape == (40,)
    assert np.isfinite(found).all()
    assert found.max() <= 1
    assert found.std() > 0
    np.testing.assert_allclose(asked.reward(images[33:]), found[33:], atol=1e-5)
    other = open_vision_language(folder, ALWAYS, GOAL)
    assert not np.allclose(other.goal, asked.goal)
    np.testing.assert_allclose(np.linalg.norm(asked.goal), 1)


def test_folder_without_such_a_network_is_refused(tmp_path):
    with pytest.raises(
        UsageError, match=r"--network=.*gone is not there; name a folder with a net"
    ):
        open_vision_language(tmp_path / "gone", GOAL, ALWAYS)


def test_dataset_gains_the_reward(folder, tmp_path):
    data = carried_datasets.publish(
        tmp_path / "data", [carried_paths.carried(12), carried_paths.carried(9)], camera="front"
    )
    request = ProgressRequest(
        data,
        ("0",),
        tmp_path / "out",
        seen=Seen(("observation.state",), carried_datasets.CAMERA),
        methods=("vision_language", "orca"),
        network=folder,
        goal=GOAL,
        always=ALWAYS,
    )
    result = label_progress(request)
    found = result.judgments[1].rewards["vision_language"]
    assert found.shape == (9,)
    assert np.isfinite(found).all()
