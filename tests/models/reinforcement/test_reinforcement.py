"""A point learns to follow one demonstration whose actions nobody tells."""

import json

import numpy as np
import pytest
from point_simulator import Point
from typer.testing import CliRunner

pytest.importorskip("stable_baselines3", reason="the extra `rl` is not installed")

from rotoscope import train
from rotoscope.cli.main import app
from rotoscope.models.policy.evaluate_folder import load_policy
from rotoscope.models.reinforcement.command import ReinforcementRequest, train_by_reinforcement
from rotoscope.models.simulators import simulator as simulators
from rotoscope.models.simulators.record import record_dataset, record_videos
from rotoscope.models.simulators.rollout import scripted_expert
from rotoscope.models.simulators.simulator import Views
from rotoscope.pipeline.errors import DatasetError, UsageError

ENV = "point:line"
QUICK = (
    "steps=1400", "random_steps=200", "try_every=300", "hidden=[32]", "batch_size=64", "start=3",
    "learning_rate=0.001",
)  # fmt: skip


class Drawn(Point):
    """The same with a camera that shows where the point is."""

    def __init__(self, task, views):
        super().__init__(task, views)
        self.facts = simulators.SimulatorFacts(**{**vars(self.facts), "cameras": ("side",)})

    def render(self, camera, *, width, height):
        image = np.zeros((height, width, 3), np.uint8)
        image[:, int((self.x + 3) / 6 * (width - 8)) :][:, :8] = 255
        return image

    def _seen(self):
        return simulators.observe(self, [self.x])


@pytest.fixture(autouse=True)
def _simulators(monkeypatch):
    monkeypatch.setitem(simulators.FAMILIES, "point", "point_simulator:Point")
    monkeypatch.setitem(simulators.FAMILIES, "drawn", f"{__name__}:Drawn")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "data"
    simulator = Point("line", Views())
    record_dataset(simulator, scripted_expert(simulator), [3], out, hide=lambda _: True)
    return out


def return_of(folder, env=ENV):
    """What a policy gets from start 3: -60 where it stands still, -16 where it does as shown."""
    policy, simulator = load_policy(folder), simulators.open_simulator(env)
    policy.reset(0)
    observation, total = simulator.reset(3), 0.0
    for _ in range(simulator.facts.horizon):
        step = simulator.step(policy.act(observation))
        observation, total = step.observation, total + step.reward
    return total


@pytest.mark.parametrize(
    "reward",
    ["orca", *(pytest.param(name, marks=pytest.mark.slow) for name in ("temporal_ot", "gaifo"))],
)
def test_one_demonstration_without_actions_becomes_a_policy(reward, data, tmp_path):
    kept = train.rl(data, env=ENV, out=tmp_path / "out", reward=reward, overrides=QUICK)
    assert return_of(tmp_path / "out/policy") == pytest.approx(kept["mean_return"], abs=1e-4)
    assert kept["mean_return"] > -48
    curves = json.loads((tmp_path / "out/curves.json").read_text())
    assert (curves["reward"], curves["start"]) == (reward, 3)
    assert len(curves["trials"]) >= 4
    assert (tmp_path / "out/curves.png").stat().st_size > 1000


def test_the_policy_of_the_folder_is_the_one_that_was_tried(data, tmp_path):
    quick = ("steps=1000", *QUICK[1:])
    request = ReinforcementRequest(ENV, tmp_path / "out", data, overrides=quick)
    learned = train_by_reinforcement(request)
    got = return_of(request.out / "policy")
    assert got == pytest.approx(learned.kept.mean_return, abs=1e-4)
    assert learned.kept.mean_reward == max(one.mean_reward for one in learned.tried)


def test_the_same_seed_gives_the_same_policy_and_another_another(data, tmp_path):
    def weights(name, seed):
        quick = ("steps=400", *QUICK[1:], f"seed={seed}")
        request = ReinforcementRequest(ENV, tmp_path / name, data, overrides=quick)
        return train_by_reinforcement(request).actor["head.0.weight"]

    first = weights("a", 1)
    np.testing.assert_array_equal(weights("b", 1), first)
    assert not np.allclose(weights("c", 2), first)


def test_the_tasks_own_reward_needs_no_demonstration(tmp_path):
    train.rl(env=ENV, out=tmp_path / "out", reward="true", overrides=QUICK)
    assert return_of(tmp_path / "out/policy") > -48


def test_a_video_alone_is_enough(tmp_path):
    simulator = Drawn("line", Views(("side",), 64, 64))
    (video,) = record_videos(simulator, scripted_expert(simulator), [3], tmp_path / "videos")
    given = {"env": "drawn:line", "camera": "observation.images.side"}
    overrides = (*QUICK, "look_every=2", "schedule=ads")
    kept = train.rl(video, out=tmp_path / "out", overrides=overrides, **given)
    assert return_of(tmp_path / "out/policy", "drawn:line") > -50
    assert kept["progress"] > 0.3
    with pytest.raises(UsageError, match="which camera of the simulator"):
        train.rl(video, out=tmp_path / "other", env="drawn:line")
    with pytest.raises(UsageError, match="has no camera 'side'"):
        train.rl(video, out=tmp_path / "other", env=ENV, camera="observation.images.side")


def test_what_cannot_be_learned_says_why(data, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="unknown reward 'or'"):
        train.rl(data, env=ENV, out=out, reward="or")
    with pytest.raises(UsageError, match="need a demonstration"):
        train.rl(env=ENV, out=out)
    with pytest.raises(UsageError, match="is not empty"):
        train.rl(data, env=ENV, out=data)
    with pytest.raises(UsageError, match="asks for choice"):
        train.rl(data, env="gymnasium:CartPole-v1", out=out)
    with pytest.raises(UsageError, match="has 40 steps at most"):
        train.rl(data, env=ENV, out=out, overrides=["horizon=41"])
    with pytest.raises(UsageError, match="nothing is left to learn in"):
        train.rl(data, env=ENV, out=out, overrides=["steps=900"])
    with pytest.raises(UsageError, match=r"a simulator gives observation\.state and pictures"):
        train.rl(data, env=ENV, out=out, see=["track.hand"])
    with pytest.raises(DatasetError, match="has no number 'y'"):
        train.rl(data, env=ENV, out=out, see=["observation.state:y"])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"rotoscope\[rl\]"):
        train.rl(data, env=ENV, out=out)
    assert not out.exists()


def test_the_command_says_how_the_policy_does(data, tmp_path):
    words = ["train", "rl", "--env", ENV, "--data", data, "--out", tmp_path / "out"]
    settings = [word for one in ("steps=600", *QUICK[1:]) for word in ("-o", one)]
    said = CliRunner().invoke(app, [str(word) for word in [*words, *settings]])
    assert said.exit_code == 0, said.output
    *trials, kept, policy, curves = said.output.splitlines()
    assert all(line.startswith("step ") and "mean return" in line for line in trials)
    assert kept.startswith("kept: that of step ")
    assert policy == f"policy: {tmp_path / 'out/policy'}"
    assert curves == f"curves: {tmp_path / 'out/curves.png'}"
