"""Tables and sentences that the commands print."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from pipeline import registry
from pipeline.recipe import load_recipe, recipe_names
from pipeline.run.describe import Plan
from pipeline.run.label import LabelResult
from pipeline.run.ledger import Row
from pipeline.run.request import LabelRequest
from pipeline.sources import NOUNS


def show_result(console: Console, request: LabelRequest, result: LabelResult) -> None:
    """What a run did and where to look."""
    console.print(_counts(request.recipe.source, result.rows))
    if result.publish_error:
        console.print(f"the dataset could not be written: {result.publish_error}", style="red")
    elif result.dataset is None:
        why = f"stopped after {request.until}" if request.until else "no episodes to publish"
        console.print(f"no dataset written: {why}")
    else:
        verb = "written" if result.is_new else "already complete"
        console.print(f"dataset {verb}: {result.dataset}")
        console.print(f"look at it: rotoscope report {result.dataset}")
    if any(r.status == "failed" for r in result.rows):
        words = ["rotoscope", "retry", str(request.out)]
        words += ["--allow-code"] if request.recipe.has_code else []
        console.print(f"try the failed ones again: {shlex.join(words)}", markup=False)


def show_status(
    console: Console, out: Path, record: Mapping[str, Any], rows: Sequence[Row]
) -> None:
    """One line per video, and the tracebacks of stages that failed in a way nobody foresaw."""
    table = Table("file", "status", "frames", "stage", "message", box=None)
    for row in rows:
        error = f"{row.error}: {row.message}" if row.error else row.message
        table.add_row(row.name, row.status, str(row.frames), row.stage, error)
    console.print(table)
    for row in rows:
        if "traceback" in row.detail:
            console.print(f"{row.name}, {row.stage}:\n{row.detail['traceback']}", markup=False)
    console.print(_counts(record.get("source", "video"), rows))
    console.print(f"dataset: {out} ({'there' if out.exists() else 'not written'})", markup=False)


def show_plan(console: Console, request: LabelRequest, plan: Plan) -> None:
    """The dry run."""
    console.print(f"recipe {request.recipe.name}: {request.recipe.description}")
    table = Table("stage", "kind", "version", "stored", box=None)
    for stage in plan.stages:
        table.add_row(stage.name, stage.kind, stage.version, f"{stage.num_stored}")
    console.print(table)
    console.print(
        f"{plan.num_videos} {NOUNS[request.recipe.source]}: "
        f"{plan.num_finished} finished and stored, "
        f"{plan.num_videos - plan.num_finished - len(plan.problems)} to do "
        f"({plan.num_frames} frames), {len(plan.problems)} with a problem"
    )
    source = "measured in this run" if plan.is_estimate_measured else "a guess before any run"
    console.print(
        f"estimated: {plan.cpu_s:.0f} s of CPU time ({source}), dataset "
        f"{plan.disk_bytes / 1e6:.0f} MB"
    )
    for text in plan.left_out:
        console.print(text, markup=False)
    for row in plan.problems:
        console.print(f"{row.status}: {row.name}: {row.message}", markup=False)


def show_recipes(console: Console) -> None:
    """Recipes and stages that can be named."""
    table = Table("recipe", "stages", "what it does", box=None)
    for name in recipe_names():
        recipe = load_recipe(name)
        table.add_row(name, " > ".join(s.name for s in recipe.stages), recipe.description)
    console.print(table)
    stages = Table("stage", "version", "requires", "provides", "what it does", box=None)
    for kind in registry.kinds():
        found = registry.stage_class(kind)
        text = (found.__doc__ or "").strip().partition("\n")[0]
        requires, provides = ", ".join(found.requires), ", ".join(found.provides)
        stages.add_row(kind, found.version, requires, provides, text)
    console.print(stages)


def show_recipe(console: Console, name: str) -> None:
    """A recipe as YAML, every default filled in."""
    text = yaml.safe_dump(load_recipe(name).as_dict(), sort_keys=False, width=100)
    console.print(text, markup=False)


def _counts(source: str, rows: Sequence[Row]) -> str:
    counts = Counter(row.status for row in rows)
    parts = [f"{counts[s]} {s}" for s in ("done", "empty", "duplicate", "failed") if counts[s]]
    noun = NOUNS["motion" if source == "motion" else "video"]
    return f"{len(rows)} {noun}: {', '.join(parts) or 'none'}"
