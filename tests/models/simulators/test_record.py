"""Demonstrations become datasets and videos; policies are tried; hidden actions stay hidden."""

import json

import av
import numpy as np
import pytest

from rotoscope.models.labelers.relabel import relabel_dataset
from rotoscope.models.labelers.train_command import train_labeler
from rotoscope.models.policy.command import train_policy
from rotoscope.models.policy.evaluate import evaluate, summarize
from rotoscope.models.policy.evaluate_folder import evaluate_folder, load_policy
from rotoscope.models.policy.scores import wilson
from rotoscope.models.simulators.record import record_dataset, record_videos
from rotoscope.models.simulators.rollout import rollout, scripted_expert
from rotoscope.models.simulators.simulator import Views, open_simulator
from rotoscope.pipeline.datasets.read import open_dataset, read_images
from rotoscope.pipeline.errors import UsageError

pytest.importorskip("gymnasium")
ROBOT = "gymnasium:MountainCar-v0"
SETTINGS = ["loop.num_steps=250", "loop.batch_size=64", "loop.learning_rate=0.004", "hidden=[32]"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    out = tmp_path_factory.mktemp("recorded") / "data"
    simulator = open_simulator(ROBOT, Views(("front",), 48, 32))
    record_dataset(
        simulator, scripted_expert(simulator), range(4), out, hide=lambda number: number == 3
    )
    return out


@pytest.fixture(scope="module")
def policy(recorded, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "policy"
    train_policy(recorded, out, "bc", SETTINGS)
    return out


def test_rows_hold_what_was_seen_and_then_done(recorded):
    dataset = open_dataset(recorded)
    simulator = open_simulator(ROBOT)
    steps = list(rollout(simulator, scripted_expert(simulator), seed=1, steps_after_success=10))
    rows = dataset.episode(1)
    assert rows.num_rows == len(steps)
    assert dataset.names("observation.state") == ["car.position", "car.velocity"]
    np.testing.assert_allclose(
        rows.columns["observation.state"], [t.observation["observation.state"] for t in steps]
    )
    actions = np.array([t.action for t in steps])
    np.testing.assert_array_equal(np.ravel(rows.columns["action"]), actions[:, 0])
    assert dataset.rotoscope("contract.json")["is_state"] is False


def test_rows_say_whether_the_task_was_solved_and_failures_are_kept(tmp_path):
    simulator = open_simulator("gymnasium:CartPole-v1")
    teach, done = scripted_expert(simulator), []

    def act(seen):
        # The teacher holds the pole once; then nobody does.
        done.append(seen)
        return teach(seen) if len(done) <= 500 else np.zeros(1, np.float32)

    record_dataset(simulator, act, [1, 2], tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    held, fallen = (np.ravel(dataset.episode(n).columns["next.success"]) for n in (0, 1))
    assert held[-1]
    assert not held[:-1].any()
    assert 5 < len(fallen) < 20
    assert not fallen.any()
    lines = (tmp_path / "out" / "meta" / "rotoscope" / "episodes.jsonl").read_text().splitlines()
    assert [json.loads(line)["quality"]["success"] for line in lines] == [True, False]


def test_hidden_actions_are_nowhere(recorded):
    rows = open_dataset(recorded).episode(3)
    assert not np.any(rows.columns["action"])
    assert not np.any(rows.columns["label.valid"])
    assert not np.any(rows.columns["label.confidence"])


def test_several_cameras_and_rewards_are_recorded_and_a_labeler_sees_both_cameras(tmp_path):
    from rotoscope.models.training.read import read_labeled

    metaworld = pytest.importorskip("metaworld")
    assert metaworld
    cameras = ("corner2", "topview")
    simulator = open_simulator("metaworld:push-v3", Views(cameras, 48, 48))
    seen = []

    def act(observation):
        seen.append([observation[f"observation.images.{name}"] for name in cameras])
        return simulator.expert()

    record_dataset(simulator, act, [4, 5], tmp_path / "data")
    simulator.close()
    dataset = open_dataset(tmp_path / "data")
    keys = [f"observation.images.{name}" for name in cameras]
    assert [k for k, f in dataset.info["features"].items() if f["dtype"] == "video"] == keys
    num = sum(dataset.episode(k).num_rows for k in range(2))
    assert len(seen) == num
    second = dataset.episode(1)
    for at, key in enumerate(keys):
        stored = next(read_images(dataset.episode(1, camera=key), [30], dataset.fps)).astype(int)
        drawn = seen[dataset.episode(0).num_rows + 30]
        assert np.abs(stored - drawn[at]).mean() < 6
        assert np.abs(stored - drawn[1 - at]).mean() > 15
    reward = np.ravel(second.columns["next.reward"])
    assert reward.max() > 5 > reward[0]
    episodes = read_labeled(tmp_path / "data", camera=tuple(keys), image_size=16).episodes
    assert episodes[0].images.shape[1:] == (32, 16, 3)


def test_videos_alone_can_be_recorded(tmp_path):
    simulator = open_simulator(ROBOT, Views(("front",), 48, 32))
    path = record_videos(simulator, scripted_expert(simulator), [2], tmp_path / "videos")[0]
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == simulator.facts.fps
        assert sum(1 for _ in container.decode(video=0)) > 80
    with pytest.raises(UsageError, match="videos need one camera, got none"):
        record_videos(open_simulator(ROBOT), lambda seen: np.zeros(1), [0], tmp_path)


def test_cloned_teacher_returns_what_the_teacher_does(policy, tmp_path):
    found = evaluate_folder(policy, ROBOT, tmp_path / "eval", episodes=6, num_filmed=1)
    assert found["mean_return"] > -140
    assert {p.name for p in (tmp_path / "eval").iterdir()} == {
        "results.json", "results.png", "episodes.mp4"
    }  # fmt: skip
    written = json.loads((tmp_path / "eval" / "results.json").read_text())
    assert written == found
    assert len(written["per_episode"]) == 6
    assert written["success_low"] <= written["success"] <= written["success_high"]
    with av.open(str(tmp_path / "eval" / "episodes.mp4")) as container:
        frames = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    assert frames[0].shape == (320, 320, 3)
    steps = written["per_episode"][0]["steps"]
    assert len(frames) == steps + 15
    assert np.abs(frames[0].astype(int) - frames[steps - 1]).max() > 50


def test_policy_that_needs_other_numbers_is_refused(policy, tmp_path):
    with pytest.raises(
        UsageError, match=r"state has no 'car.position', 'car.velocity'; it has cart"
    ):
        evaluate(load_policy(policy), "gymnasium:CartPole-v1", tmp_path / "eval")
    assert not (tmp_path / "eval").exists()


@pytest.mark.slow
def test_labeler_from_a_few_episodes_gives_the_hidden_actions_back(recorded, tmp_path):
    simulator = open_simulator(ROBOT)
    record_dataset(simulator, scripted_expert(simulator), range(50, 54), tmp_path / "few")
    train_labeler(
        "inverse-dynamics",
        tmp_path / "few",
        tmp_path / "labeler",
        ["inputs=[observation.state]", "kind=ridge", "window.before_s=0.04", "window.after_s=0.07"],
    )
    relabel_dataset(recorded, tmp_path / "labeler", tmp_path / "labeled")
    old, new = (open_dataset(path) for path in (recorded, tmp_path / "labeled"))
    for index in range(3):
        before, after = (d.episode(index).columns["action"] for d in (old, new))
        np.testing.assert_array_equal(before, after)
    rows = new.episode(3)
    known = np.ravel(rows.columns["label.valid"]).astype(bool)
    assert known.mean() > 0.9
    truth = np.where(np.array(rows.columns["observation.state"])[:, 1] >= 0, 2, 0)
    assert (np.ravel(rows.columns["action"]) == truth)[known].mean() > 0.9
    images = [next(read_images(d.episode(3), [5], d.fps)).astype(int) for d in (old, new)]
    assert np.abs(images[0] - images[1]).mean() < 3


def test_wilson_interval_is_the_published_one():
    # Newcombe 1998, table I: 81 of 263.
    low, high = wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == 1.0


def test_single_episode_has_no_standard_error():
    from rotoscope.models.policy.policy import EpisodeResult

    found = summarize([EpisodeResult(0, True, 3.0, 7)])
    assert found["return_standard_error"] == 0.0
    assert found["success_high"] == 1.0
