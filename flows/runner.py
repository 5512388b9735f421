"""The process that registers the forms and starts what is asked for; `serve` starts this one.

Prefect's own runner ends when three polls in a row fail. This one goes on asking, so that what runs
goes on, too; whatever else ends it, `serve` starts another.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.runner import Runner
from prefect.schedules import Interval
from prefect.states import Scheduled
from prefect.types.entrypoint import EntrypointType

from rotoscope.flows import deployments, deployments_train, deployments_watch, gpu
from rotoscope.flows.calm import make_calm
from rotoscope.flows.place import Place
from rotoscope.flows.served_run import marks_of
from rotoscope.pipeline import lifeline

log = logging.getLogger("rotoscope.flows.runner")  # not `__main__`, which it is run as
POLL_S = 3.0
"""Between two questions for runs to start [s]."""
FORMS: tuple[Flow[..., Any], ...] = (
    deployments.label,
    deployments.retry,
    deployments_watch.watch,
    deployments_train.inverse_dynamics,
    deployments_train.latent_action,
    deployments_train.bco,
    deployments_train.policy,
    deployments.relabel,
    deployments.evaluate,
    deployments.report,
    deployments.doctor,
)
"""All that can be started from the page."""


async def offered(plan: dict[str, Any]) -> AsyncIterator[RunnerDeployment]:
    """Deployments of all forms, and of every watched folder with its schedule."""
    kind = EntrypointType.MODULE_PATH
    for made in FORMS:
        fields = {"workers": plan["workers"]} if "workers" in made.parameters.properties else {}
        yield await made.ato_deployment(
            made.name, parameters=fields, tags=["rotoscope"], entrypoint_type=kind
        )
    for watched in plan["watched"]:
        name = Path(watched["folder"]).name or "folder"
        yield await deployments_watch.watch.ato_deployment(
            f"watch {name}",
            schedule=Interval(plan["every_s"]),
            parameters=watched,
            tags=["rotoscope"],
            entrypoint_type=kind,
        )


class _Patient(Runner):
    """A runner that outlives a server that goes away and comes back."""

    async def __aenter__(self) -> _Patient:
        await super().__aenter__()
        poller: Any = self._scheduled_run_poller
        poller._get_and_submit_flow_runs = _patient(poller._get_and_submit_flow_runs)
        return self


def _patient(ask: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    away = False

    async def call(*args: Any, **kwargs: Any) -> None:
        nonlocal away
        try:
            await ask(*args, **kwargs)
        except (httpx.TransportError, httpx.HTTPStatusError) as error:
            refused = isinstance(error, httpx.HTTPStatusError) and error.response.status_code < 500
            if refused:
                raise
            if not away:
                log.warning("the Prefect server does not answer; what runs goes on")
            away = True
        else:
            if away:
                log.warning("the Prefect server answers again")
            away = False

    return call


async def _run(plan: dict[str, Any], place: Place) -> None:
    runner = _Patient(
        "rotoscope", query_seconds=POLL_S, limit=plan["runs"], pause_on_shutdown=False
    )
    watching = []
    async for deployment in offered(plan):
        made = await runner.aadd_deployment(deployment)
        watching += [made] if deployment.schedules else []
    async with get_client() as client:
        await forgo(client, watching)
        await _make_limit(client, plan["gpus"])
        await _resume(client, place)
    log.warning("ready: %d forms", len(FORMS))
    await runner.start()


async def forgo(client: Any, deployments: list[UUID]) -> None:
    """Takes back the looks that were missed while nobody served: the next one sees all."""
    if not deployments:
        return
    now: Any = datetime.now(UTC)
    missed = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=deployments),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        expected_start_time=FlowRunFilterExpectedStartTime(before_=now),
    )
    for run in await client.read_flow_runs(flow_run_filter=missed):
        if run.auto_scheduled:
            await client.delete_flow_run(run.id)


async def _make_limit(client: Any, gpus: int) -> None:
    """The limit of the GPU, unless a person made one."""
    try:
        await client.read_global_concurrency_limit_by_name(gpu.LIMIT)
    except ObjectNotFound:
        limit = GlobalConcurrencyLimitCreate(name=gpu.LIMIT, limit=gpus)
        await client.create_global_concurrency_limit(limit)


async def _resume(client: Any, place: Place) -> None:
    """Starts again the runs that ended with the runner before this one."""
    for mark in sorted(marks_of(place).glob("*")):
        mark.unlink(missing_ok=True)
        try:
            run = await client.read_flow_run(UUID(mark.name))
        except (ValueError, ObjectNotFound):
            continue
        if run.state is not None and run.state.type in (StateType.RUNNING, StateType.PENDING):
            state: Any = Scheduled(name="Resumed", message="its process had ended")
            await client.set_flow_run_state(run.id, state, force=True)
            log.warning("started again: %s", run.name)


if __name__ == "__main__":
    told = json.loads(lifeline.hold())
    make_calm()
    # `-m` would put the folder where a run stands in front of all modules.
    os.environ["PYTHONSAFEPATH"] = "1"
    asyncio.run(_run(told, Place.current()))
