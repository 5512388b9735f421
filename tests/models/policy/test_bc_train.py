"""The built-in policy: learns what is trusted, the same bytes after a kill, acts by name."""

import json

import numpy as np
import pytest
import tiny_data

from rotoscope.models.policy.bc_policy import load_bc_policy
from rotoscope.models.policy.command import train_policy
from rotoscope.models.policy.evaluate_folder import load_policy
from rotoscope.models.training.events import TrainEvent
from rotoscope.pipeline.errors import DatasetError, UsageError

FAST = [
    "loop.num_steps=200",
    "loop.learning_rate=0.004",
    "loop.batch_size=48",
    "hidden=[32,32]",
    "loop.eval_every=50",
]


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    """A tenth of the rows hold nonsense and say so; the first episode is surer than the rest."""
    sure = [np.full(40, 0.9 if n else 1.0) for n in range(10)]
    made = [tiny_data.rows_of(n, bad=[(5, 9)], confidence=c) for n, c in enumerate(sure)]
    return tiny_data.publish(tmp_path_factory.mktemp("spoilt") / "data", made)


def act(policy, x, y):
    policy.reset(0)
    return policy.act({"observation.state": np.array([x, y], np.float32)})


def test_nonsense_that_is_not_valid_does_not_reach_the_policy(spoilt, tmp_path):
    metrics = train_policy(spoilt, tmp_path / "policy", "bc", FAST)
    assert metrics["mean_r2"] > 0.98
    policy = load_bc_policy(tmp_path / "policy")
    assert act(policy, 0.5, -0.5)[0] == pytest.approx(1.5, abs=0.15)


def test_killed_training_ends_with_the_same_bytes(spoilt, tmp_path):
    class KilledError(Exception):
        pass

    def kill(event: TrainEvent) -> None:
        if event.step >= 150:
            raise KilledError

    settings = [*FAST, "loop.checkpoint_every=50"]
    train_policy(spoilt, tmp_path / "whole", "bc", settings)
    with pytest.raises(KilledError):
        train_policy(spoilt, tmp_path / "killed", "bc", settings, listener=kill)
    assert (tmp_path / "killed.training" / "policy.pt").is_file()
    train_policy(spoilt, tmp_path / "killed", "bc", settings)
    for name in ("model.safetensors", "policy.yaml", "metrics.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()
    assert not (tmp_path / "killed.training").exists()


def test_confidence_weighs_contradicting_labels(tmp_path):
    right, wrong = ([tiny_data.rows_of(n, confidence=np.full(40, c)) for n in range(12)]
                    for c in (1.0, 0.05))  # fmt: skip
    wrong = [w.__class__(**{**vars(w), "name": w.name + "w", "actions": -w.actions}) for w in wrong]
    data = tiny_data.publish(tmp_path / "data", [*right, *wrong])
    errors = {}
    for weighting in ("none", "confidence"):
        out = tmp_path / weighting
        train_policy(data, out, "bc", [*FAST, f"weighting={weighting}"])
        errors[weighting] = abs(act(load_bc_policy(out), 1.0, 0.0)[0] - 2.0)
    assert errors["confidence"] < 0.4
    assert errors["none"] > 1.0


def test_chunks_end_with_the_episode_and_are_executed_in_part(spoilt, tmp_path):
    train_policy(spoilt, tmp_path / "policy", "bc", [*FAST, "chunk=4", "execute=2"])
    policy = load_bc_policy(tmp_path / "policy")
    seen = {"observation.state": np.array([1.0, 0.0], np.float32)}
    planned = policy.plan(seen)
    assert planned.shape == (4, 1)
    policy.reset(0)
    assert policy.act(seen) == pytest.approx(planned[0])
    other = {"observation.state": np.array([-1.0, 0.0], np.float32)}
    assert policy.act(other) == pytest.approx(planned[1])
    assert policy.act(other) == pytest.approx(policy.plan(other)[0])


def test_choices_and_pictures_are_learned(tmp_path):
    made = [tiny_data.rows_of(n, rows=50, discrete=True) for n in range(8)]
    data = tiny_data.publish(tmp_path / "data", made, discrete=True, camera="front")
    settings = ["inputs=[]", "camera=observation.images.front", "image_size=16", "shift_px=0"]
    metrics = train_policy(data, tmp_path / "policy", "bc", [*FAST, *settings])
    assert metrics["accuracy"]["side"] > 0.9
    policy = load_policy(tmp_path / "policy")
    assert policy.image_sizes == {"observation.images.front": (32, 32)}
    for x, side in ((-1.5, 0), (1.5, 1)):
        action = policy.act({"observation.images.front": tiny_data.picture([x])})
        assert action[1] == side


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (["inputs=[label.confidence]"], UsageError, "nobody knows them where a policy acts"),
        (["inputs=[track.hand]"], DatasetError, "no feature 'track.hand'"),
        (["chunk=2", "execute=3"], UsageError, "execute is 3, but only chunk=2"),
        (["wieghting=none"], UsageError, "unknown key 'wieghting'; valid keys are 'camera'"),
        (["loop.seed=x"], UsageError, "loop.seed: .*got 'x'"),
        (["inputs=[]"], UsageError, "must see something"),
    ],
)
def test_what_cannot_be_learned_is_refused(spoilt, tmp_path, settings, error, message):
    with pytest.raises(error, match=message):
        train_policy(spoilt, tmp_path / "policy", "bc", settings)
    assert not (tmp_path / "policy").exists()


def test_one_usable_episode_is_too_few(spoilt, tmp_path):
    with pytest.raises(DatasetError, match="1 of 10 episodes have rows to learn from"):
        train_policy(spoilt, tmp_path / "policy", "bc", [*FAST, "min_confidence=0.95"])


def test_unknown_policy_and_damaged_folders_are_named(spoilt, tmp_path):
    with pytest.raises(UsageError, match="unknown policy 'pi0'; valid ones are 'bc'"):
        train_policy(spoilt, tmp_path / "policy", "pi0")
    with pytest.raises(UsageError, match="holds no policy"):
        load_policy(tmp_path)
    train_policy(spoilt, tmp_path / "policy", "bc", [*FAST[1:], "loop.num_steps=1"])
    facts = tmp_path / "policy" / "policy.yaml"
    facts.write_text(facts.read_text().replace("version: 1", "version: 99", 1))
    with pytest.raises(UsageError, match="is of version 99, this program reads version 1"):
        load_policy(tmp_path / "policy")
    assert json.loads((tmp_path / "policy" / "metrics.json").read_text())["steps"] == 1


@pytest.mark.parametrize(
    "config",
    ["{}", "[]", "x", '{"type": 5}', '{"type": "act"}', '{"type": "act", "n_obs_steps": "x"}'],
)
def test_folder_that_lerobot_does_not_read_is_one_sentence(tmp_path, config):
    (tmp_path / "config.json").write_text(config)
    (tmp_path / "model.safetensors").write_text("no weights")
    with pytest.raises(UsageError, match="holds no policy that LeRobot reads"):
        load_policy(tmp_path)


@pytest.mark.parametrize("chunk", [1, 5])
def test_what_invalid_rows_hold_changes_no_weight(chunk, tmp_path):
    weights = []
    for number, nonsense in enumerate((999.0, -12345.0)):
        made = [tiny_data.rows_of(n, bad=[(5, 9), (39, 40)]) for n in range(4)]
        for rows in made:
            rows.actions[~rows.valid] = nonsense
            rows.state[~rows.valid] = -nonsense
        data = tiny_data.publish(tmp_path / f"data{number}", made)
        settings = ["loop.num_steps=20", "hidden=[8]", f"chunk={chunk}"]
        train_policy(data, tmp_path / f"policy{number}", "bc", settings)
        weights.append((tmp_path / f"policy{number}" / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_stretches_shorter_than_a_chunk_are_told(spoilt, tmp_path):
    told = []
    settings = ["loop.num_steps=1", "chunk=32"]
    train_policy(spoilt, tmp_path / "policy", "bc", settings, say=told.append)
    assert told[1].startswith(
        "20 of 20 stretches of trusted rows are shorter (5, 5, 5, 5, ... rows) than the policy's "
        "chunk of 32"
    )
