"""Trainings as Prefect flows; the work itself is `rotoscope.train`'s.

Run them with `rotoscope train ... --prefect`. A run that was killed is simply run again: where a
training keeps checkpoints, they lie beside its folder. Every task trains in this process; only
paths and scores cross its border.
"""

from __future__ import annotations

from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact

from rotoscope import train


@flow(name="rotoscope-train", validate_parameters=True, persist_result=False)
def labeler_flow(
    data: str,
    *,
    out: str,
    overrides: list[str] | None = None,
    contract: str | None = None,
    through: str = "",
) -> dict[str, Any]:
    """Trains an inverse dynamics labeler; see `rotoscope train inverse-dynamics --help`."""
    training = task(task_run_name="train {out}", log_prints=False)(train.inverse_dynamics)
    metrics = training(data, out=out, overrides=overrides or [], contract=contract, through=through)
    return published("train-summary", out, metrics)


@flow(name="rotoscope-train-latent", validate_parameters=True, persist_result=False)
def latent_flow(data: list[str], *, out: str, overrides: list[str] | None = None) -> dict[str, Any]:
    """Trains a latent action model; see `rotoscope train latent-action --help`."""
    training = task(task_run_name="train {out}", log_prints=False)(train.latent_action)
    return published("latent-summary", out, training(data, out=out, overrides=overrides or []))


@flow(name="rotoscope-train-bco", validate_parameters=True, persist_result=False)
def bco_flow(data: str, *, env: str, out: str, rounds: int = 8, seed: int = 0) -> dict[str, Any]:
    """Trains by asking a simulator; see `rotoscope train bco --help`."""
    training = task(task_run_name="train {out}", log_prints=False)(train.bco)
    last = training(data, env=env, out=out, rounds=rounds, seed=seed)
    return published("bco-summary", out, last)


@flow(name="rotoscope-train-policy", validate_parameters=True, persist_result=False)
def policy_flow(
    data: str, *, out: str, policy: str = "bc", overrides: list[str] | None = None
) -> dict[str, Any]:
    """Trains a policy; see `rotoscope train policy --help`."""
    training = task(task_run_name="train {out}", log_prints=False)(train.policy)
    metrics = training(data, out=out, policy=policy, overrides=overrides or [])
    return published("policy-summary", out, metrics)


def published(key: str, title: str, facts: dict[str, Any]) -> dict[str, Any]:
    """The same facts, shown in Prefect as a table of what is a number or a text."""
    rows = [f"| {k} | {v} |" for k, v in facts.items() if isinstance(v, int | float | str)]
    text = "\n".join([f"# {title}", "", "| | |", "|---|---|", *rows])
    create_markdown_artifact(markdown=text, key=key)
    return facts
