"""Trying a policy as a Prefect flow; the work itself is `rotoscope eval`'s, run with --prefect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task

from rotoscope.flows.train import published
from rotoscope.pipeline import registry


@task(task_run_name="try {policy} in {environment}", log_prints=False)
def try_policy(
    policy: str, environment: str, out: str, episodes: int = 50, seed: int = 0, videos: int = 3
) -> dict[str, Any]:
    """Tries a policy in this process; only paths and scores cross the task's border."""
    evaluate = registry.helper("evaluate_policy")
    found: dict[str, Any] = evaluate(
        Path(policy), environment, Path(out), episodes=episodes, seed=seed, num_filmed=videos
    )
    return found


PLAIN = {"evaluation_flow": try_policy.fn}
"""What the flow does, without Prefect."""


@flow(name="rotoscope-eval", validate_parameters=True, persist_result=False)
def evaluation_flow(
    policy: str, environment: str, out: str, episodes: int = 50, seed: int = 0, videos: int = 3
) -> dict[str, Any]:
    """Tries a policy in a simulator; see `rotoscope eval --help`."""
    found = try_policy(policy, environment, out, episodes, seed, videos)
    return published("eval-summary", f"{policy} in {environment}", found)
