"""A dry run, shown in Prefect: what `rotoscope describe` says."""

from __future__ import annotations

from typing import Any

from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from rotoscope.flows.artifacts import key_of, only_shown
from rotoscope.pipeline.run.describe import Plan, describe
from rotoscope.pipeline.run.request import LabelRequest
from rotoscope.pipeline.sources import NOUNS


def show_plan(request: LabelRequest) -> State[Any]:
    """Shows what a run would do; nothing is computed or written."""
    plan = describe(request)
    said = _said(request, plan)
    with only_shown():
        create_markdown_artifact(
            markdown=_page(request, plan, said),
            key=key_of(request.out, "plan"),
            description=request.recipe.description,
        )
    return Completed(name="Dry run", message=said)


def _said(request: LabelRequest, plan: Plan) -> str:
    left = plan.num_videos - plan.num_finished - len(plan.problems)
    return (
        f"{plan.num_videos} {NOUNS[request.recipe.source]}, {plan.num_finished} stored, {left} to "
        f"do ({plan.num_frames} frames, about {plan.cpu_s:.0f} s of CPU time, "
        f"{plan.disk_bytes / 1e6:.0f} MB), {len(plan.problems)} with a problem"
    )


def _page(request: LabelRequest, plan: Plan, said: str) -> str:
    rows = [f"| {s.name} | {s.kind} | {s.version} | {s.num_stored} |" for s in plan.stages]
    notes = [*plan.left_out, *(f"{r.status}: {r.name}: {r.message}" for r in plan.problems)]
    head = [f"# {request.recipe.name}: a dry run", "", said, ""]
    table = ["| stage | kind | version | stored |", "|---|---|---|---|", *rows, ""]
    return "\n".join([*head, *table, *(f"- {note}" for note in notes)])
