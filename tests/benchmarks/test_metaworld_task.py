import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("metaworld", reason="the extra `bench` is not installed")

from benchmarks.labelers.episodes import Labels
from benchmarks.labelers.policy import replay
from benchmarks.labelers.tasks.metaworld import MetaWorldSimulator, labeled, unseen_seeds


@pytest.fixture(scope="module")
def push() -> MetaWorldSimulator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MetaWorldSimulator("push-v3")


def test_expert_solves_unseen_layouts(push: MetaWorldSimulator) -> None:
    assert push.num_successes(push.expert, unseen_seeds(5)) == 5


def test_layouts_differ_and_come_back_with_their_seed(push: MetaWorldSimulator) -> None:
    one, other, again = (
        push.episode(push.expert, seed=seed, num_steps=1).demonstration.observations
        for seed in (1, 2, 1)
    )
    assert np.abs(one[0] - other[0]).max() > 0.01
    np.testing.assert_array_equal(one, again)


def test_replaying_true_actions_ends_where_the_demonstration_did(push: MetaWorldSimulator) -> None:
    shown = push.episode(push.expert, seed=5).demonstration
    success, error_m = replay(push, [shown], [Labels(shown.actions)])
    assert success == 1
    assert error_m == pytest.approx(0, abs=1e-9)


def test_executed_actions_are_within_limits(push: MetaWorldSimulator) -> None:
    shown = push.episode(push.expert, seed=5).demonstration
    assert np.abs(shown.actions).max() == 1  # the expert asks for more


def test_play_holds_actions_and_reaches_every_amplitude(
    push: MetaWorldSimulator, tmp_path: Path
) -> None:
    actions = np.concatenate([d.actions for d in labeled(push, "PLAY", tmp_path)])
    share, _ = np.histogram(np.abs(actions[:, :3]), bins=[0, 0.1, 0.3, 0.9, 1.01])
    assert (share / share.sum() > 0.05).all()
    assert (np.diff(actions[:, 3]) == 0).mean() > 0.9


def test_unknown_labelled_set_is_named(push: MetaWorldSimulator, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'GAMES'; there are K1, K5, K16"):
        labeled(push, "GAMES", tmp_path)
