"""Trainings as Prefect flows; the work itself is `rotoscope.train`'s.

Run them with `rotoscope train ... --prefect`. A run that was killed is simply run again: where a
training keeps checkpoints, they lie beside its folder. Every task trains in this process; only
paths and scores cross its border.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Failed

from rotoscope import train
from rotoscope.pipeline.errors import RotoscopeError


@flow(name="rotoscope-train", validate_parameters=True, persist_result=False)
def labeler_flow(
    name: str,
    data: str,
    *,
    out: str,
    overrides: list[str] | None = None,
    contract: str | None = None,
    through: str = "",
) -> dict[str, Any]:
    """Trains a labeler; see `rotoscope train inverse-dynamics --help`."""
    given = {"out": out, "overrides": overrides or [], "contract": contract, "through": through}
    metrics = as_task(f"train {out}", train.labeler, name, data, **given)
    return published("train-summary", out, metrics)


@flow(name="rotoscope-train-latent", validate_parameters=True, persist_result=False)
def latent_flow(data: list[str], *, out: str, overrides: list[str] | None = None) -> dict[str, Any]:
    """Trains a latent action model; see `rotoscope train latent-action --help`."""
    given = {"out": out, "overrides": overrides or []}
    found = as_task(f"train {out}", train.latent_action, data, **given)
    return published("latent-summary", out, found)


@flow(name="rotoscope-train-bco", validate_parameters=True, persist_result=False)
def bco_flow(data: str, *, env: str, out: str, rounds: int = 8, seed: int = 0) -> dict[str, Any]:
    """Trains by asking a simulator; see `rotoscope train bco --help`."""
    given = {"env": env, "out": out, "rounds": rounds, "seed": seed}
    last = as_task(f"train {out}", train.bco, data, **given)
    return published("bco-summary", out, last)


@flow(name="rotoscope-train-policy", validate_parameters=True, persist_result=False)
def policy_flow(
    data: str, *, out: str, policy: str = "bc", overrides: list[str] | None = None
) -> dict[str, Any]:
    """Trains a policy; see `rotoscope train policy --help`."""
    given = {"out": out, "policy": policy, "overrides": overrides or []}
    metrics = as_task(f"train {out}", train.policy, data, **given)
    return published("policy-summary", out, metrics)


def as_task(title: str, work: Callable[..., Any], *told: Any, **given: Any) -> Any:
    """What some work returns that is done as a task.

    What it refuses is raised here, where it becomes one sentence: out of a task Prefect would log
    it with its traceback.
    """
    refused: list[RotoscopeError] = []

    def call() -> Any:
        try:
            return work(*told, **given)
        except RotoscopeError as error:
            refused.append(error)
            return Failed(name="Refused", message=str(error))

    made: Any = task(name=work.__name__, task_run_name=title, log_prints=False)(call)
    state: State[Any] = made(return_state=True)
    if refused:
        raise refused[0]
    return state.result()


def published(key: str, title: str, facts: dict[str, Any]) -> dict[str, Any]:
    """The same facts, shown in Prefect as a table of what is a number or a text."""
    rows = [f"| {k} | {v} |" for k, v in facts.items() if isinstance(v, int | float | str)]
    text = "\n".join([f"# {title}", "", "| | |", "|---|---|", *rows])
    create_markdown_artifact(markdown=text, key=key)
    return facts
