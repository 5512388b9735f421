"""Tasks of the policy flows do what the commands do."""

import json

import pytest

from benchmarks._small_dataset import publish_small
from flows.policy import train_policy, try_policy
from pipeline.errors import UsageError


def test_task_trains_the_policy_that_the_command_trains(tmp_path):
    publish_small(tmp_path / "data", episodes=3, rows=30)
    settings = ["loop.num_steps=5", "hidden=[8]"]
    metrics = train_policy.fn(str(tmp_path / "data"), str(tmp_path / "policy"), "bc", settings)
    assert metrics == json.loads((tmp_path / "policy" / "metrics.json").read_text())
    with pytest.raises(UsageError, match=r"the policy's actions are arm_joint1.pos.*takes choice"):
        try_policy.fn(
            str(tmp_path / "policy"), "gymnasium:CartPole-v1", str(tmp_path / "eval"), 1, 0, 0
        )
