"""Trainings called from Python do what the commands do."""

import json

import pytest

from benchmarks._small_dataset import publish_small
from rotoscope import api, train
from rotoscope.pipeline.errors import DatasetError, UsageError


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp("small") / "data"
    publish_small(out, episodes=4, rows=40)
    return str(out)


def written(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_labeler_is_the_one_that_the_command_trains(data, tmp_path):
    settings = ["inputs=[observation.state]", "kind=ridge"]
    metrics = train.inverse_dynamics(data, out=tmp_path / "model", overrides=settings)
    assert metrics == written(tmp_path / "model")


def test_latent_model_is_the_one_that_the_command_trains(data, tmp_path):
    settings = ["image_size=32", "size=4", "hidden=16", "loop.num_steps=4", "loop.batch_size=4"]
    metrics = train.latent_action([data], out=tmp_path / "model", overrides=settings)
    assert metrics == written(tmp_path / "model")
    assert "effective_rank" in metrics


def test_policy_is_the_one_that_the_command_trains_and_is_tried(data, tmp_path):
    pytest.importorskip("gymnasium.envs.classic_control", reason="needs the extra `bench`")
    settings = ["loop.num_steps=5", "hidden=[8]"]
    metrics = train.policy(data, out=tmp_path / "policy", overrides=settings)
    assert metrics == written(tmp_path / "policy")
    with pytest.raises(UsageError, match=r"the policy's actions are arm_joint1.pos.*takes choice"):
        api.evaluate(
            tmp_path / "policy", env="gymnasium:CartPole-v1", out=tmp_path / "eval", episodes=1
        )


def test_bco_refuses_what_the_command_refuses(tmp_path):
    pytest.importorskip("gymnasium.envs.classic_control", reason="needs the extra `bench`")
    with pytest.raises(DatasetError, match=r"nothing is not a LeRobot dataset"):
        train.bco(tmp_path / "nothing", env="gymnasium:CartPole-v1", out=tmp_path / "out")


@pytest.mark.slow
def test_bco_gives_the_facts_of_its_last_round(tmp_path):
    pytest.importorskip("gymnasium.envs.classic_control", reason="needs the extra `bench`")
    from rotoscope.models.simulators.record import record_dataset
    from rotoscope.models.simulators.rollout import scripted_expert
    from rotoscope.models.simulators.simulator import open_simulator

    task, out = "gymnasium:CartPole-v1", tmp_path / "out"
    simulator = open_simulator(task)
    record_dataset(simulator, scripted_expert(simulator), range(1), tmp_path / "data")
    last = train.bco(tmp_path / "data", env=task, out=out, rounds=1)
    assert [last] == json.loads((out / "rounds.json").read_text())
