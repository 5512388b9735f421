"""Training and trying a policy as Prefect flows; the work itself is `rotoscope`'s.

Run them with `rotoscope train policy ... --prefect` and `rotoscope eval ... --prefect`. A run that
was killed is simply run again: checkpoints lie beside the policy's folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact

from pipeline import registry


@task(task_run_name="train {out}", log_prints=False)
def train_policy(data: str, out: str, policy: str, overrides: list[str]) -> dict[str, Any]:
    """Trains in this process; only paths and scores cross the task's border."""
    train = registry.helper("train_policy")
    metrics: dict[str, Any] = train(Path(data), Path(out), policy, overrides)
    return metrics


@task(task_run_name="try {policy} in {environment}", log_prints=False)
def try_policy(
    policy: str, environment: str, out: str, episodes: int, seed: int, videos: int
) -> dict[str, Any]:
    """Tries a policy in this process."""
    evaluate = registry.helper("evaluate_policy")
    found: dict[str, Any] = evaluate(
        Path(policy), environment, Path(out), episodes=episodes, seed=seed, num_filmed=videos
    )
    return found


@flow(name="rotoscope-train-policy", validate_parameters=True, persist_result=False)
def training_flow(
    data: str, out: str, policy: str = "bc", overrides: list[str] | None = None
) -> dict[str, Any]:
    """Trains a policy; see `rotoscope train policy --help`."""
    metrics = train_policy(data, out, policy, overrides or [])
    _publish("policy-summary", out, metrics)
    return metrics


@flow(name="rotoscope-eval", validate_parameters=True, persist_result=False)
def evaluation_flow(
    policy: str, environment: str, out: str, episodes: int = 50, seed: int = 0, videos: int = 3
) -> dict[str, Any]:
    """Tries a policy in a simulator; see `rotoscope eval --help`."""
    found = try_policy(policy, environment, out, episodes, seed, videos)
    _publish("eval-summary", f"{policy} in {environment}", found)
    return found


def run_training(data: str, out: str, policy: str, overrides: list[str]) -> dict[str, Any]:
    """Runs the flow here; arguments as `training_flow`."""
    metrics: dict[str, Any] = training_flow(data, out, policy, overrides)
    return metrics


def run_evaluation(
    policy: str, environment: str, out: str, episodes: int, seed: int, videos: int
) -> dict[str, Any]:
    """Runs the flow here; arguments as `evaluation_flow`."""
    found: dict[str, Any] = evaluation_flow(policy, environment, out, episodes, seed, videos)
    return found


def _publish(key: str, title: str, facts: dict[str, Any]) -> None:
    rows = [f"| {k} | {v} |" for k, v in facts.items() if isinstance(v, int | float | str)]
    text = "\n".join([f"# {title}", "", "| | |", "|---|---|", *rows])
    create_markdown_artifact(markdown=text, key=key)
