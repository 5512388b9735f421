"""Trainings as Prefect flows; the work itself is `rotoscope train`'s.

Run them with `rotoscope train ... --prefect`. A run that was killed is simply run again: where a
training keeps checkpoints, they lie beside its folder. Every task trains in this process; only
paths and scores cross its border.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact

from rotoscope.pipeline import registry


@task(task_run_name="train {out}", log_prints=False)
def train_labeler(
    data: str, out: str, overrides: list[str] | None = None, contract: str | None = None
) -> dict[str, Any]:
    """Trains an inverse dynamics labeler and returns its scores."""
    train = registry.helper("train_inverse_dynamics")
    path = Path(contract) if contract else None
    metrics: dict[str, Any] = train(Path(data), Path(out), overrides or (), contract=path).metrics
    return metrics


@task(task_run_name="train {out}", log_prints=False)
def train_latent(data: list[str], out: str, overrides: list[str] | None = None) -> dict[str, Any]:
    """Trains a latent action model and returns its scores."""
    train = registry.helper("train_latent_action")
    metrics: dict[str, Any] = train([Path(d) for d in data], Path(out), overrides or ()).metrics
    return metrics


@task(task_run_name="train {out}", log_prints=False)
def train_bco(env: str, data: str, out: str, rounds: int = 8, seed: int = 0) -> dict[str, Any]:
    """Trains a policy and a labeler by asking a simulator; returns what the last round reached."""
    train = registry.helper("train_bco")
    told = train(env, Path(data), Path(out), num_rounds=rounds, seed=seed)
    return dict(vars(told[-1]))


@task(task_run_name="train {out}", log_prints=False)
def train_policy(
    data: str, out: str, policy: str = "bc", overrides: list[str] | None = None
) -> dict[str, Any]:
    """Trains a policy and returns what is known of it."""
    train = registry.helper("train_policy")
    metrics: dict[str, Any] = train(Path(data), Path(out), policy, overrides or ())
    return metrics


PLAIN = {
    "labeler_flow": train_labeler.fn,
    "latent_flow": train_latent.fn,
    "bco_flow": train_bco.fn,
    "policy_flow": train_policy.fn,
}
"""What each flow does, without Prefect."""


@flow(name="rotoscope-train", validate_parameters=True, persist_result=False)
def labeler_flow(
    data: str, out: str, overrides: list[str] | None = None, contract: str | None = None
) -> dict[str, Any]:
    """Trains an inverse dynamics labeler; see `rotoscope train inverse-dynamics --help`."""
    return published("train-summary", out, train_labeler(data, out, overrides, contract))


@flow(name="rotoscope-train-latent", validate_parameters=True, persist_result=False)
def latent_flow(data: list[str], out: str, overrides: list[str] | None = None) -> dict[str, Any]:
    """Trains a latent action model; see `rotoscope train latent-action --help`."""
    return published("latent-summary", out, train_latent(data, out, overrides))


@flow(name="rotoscope-train-bco", validate_parameters=True, persist_result=False)
def bco_flow(env: str, data: str, out: str, rounds: int = 8, seed: int = 0) -> dict[str, Any]:
    """Trains by asking a simulator; see `rotoscope train bco --help`."""
    return published("bco-summary", out, train_bco(env, data, out, rounds, seed))


@flow(name="rotoscope-train-policy", validate_parameters=True, persist_result=False)
def policy_flow(
    data: str, out: str, policy: str = "bc", overrides: list[str] | None = None
) -> dict[str, Any]:
    """Trains a policy; see `rotoscope train policy --help`."""
    return published("policy-summary", out, train_policy(data, out, policy, overrides))


def published(key: str, title: str, facts: dict[str, Any]) -> dict[str, Any]:
    """The same facts, shown in Prefect as a table of what is a number or a text."""
    rows = [f"| {k} | {v} |" for k, v in facts.items() if isinstance(v, int | float | str)]
    text = "\n".join([f"# {title}", "", "| | |", "|---|---|", *rows])
    create_markdown_artifact(markdown=text, key=key)
    return facts
