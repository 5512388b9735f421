"""Tables and sentences that the commands print."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rotoscope.cli.terminal import Terminal
from rotoscope.pipeline import registry
from rotoscope.pipeline.export.trainers import RELATIVE_ROTATIONS
from rotoscope.pipeline.recipe import load_recipe, recipe_names
from rotoscope.pipeline.recipe_explained import explained
from rotoscope.pipeline.run.describe import Plan
from rotoscope.pipeline.run.label import LabelResult
from rotoscope.pipeline.run.ledger import Row
from rotoscope.pipeline.run.losses import SHORT, gate_name
from rotoscope.pipeline.run.request import LabelRequest, RunRecord
from rotoscope.pipeline.sources import NOUNS
from rotoscope.pipeline.types import SourceKind

MOST_NAMED = 8
"""Videos without an episode that the last lines of a run name."""


def show_result(console: Terminal, request: LabelRequest, result: LabelResult) -> None:
    """What a run did and where to look."""
    console.say(_counts(request.recipe.source, result.rows))
    if any(r.status == "empty" for r in result.rows):
        console.say(_empties(request, result.rows), style="yellow")
    for sentence in _warnings(request, result.rows):
        console.say(sentence, style="yellow")
    if result.publish_error:
        console.say(f"the dataset could not be written: {result.publish_error}", style="red")
    elif result.dataset is None:
        why = f"stopped after {request.until}" if request.until else "no episodes to publish"
        console.say(f"no dataset written: {why}")
    else:
        verb = "written" if result.is_new else "already complete"
        console.say(f"dataset {verb}: {request.shown_out}")
        console.say(f"look at it: rotoscope report {shlex.quote(request.shown_out)}")
    if any(r.status == "failed" for r in result.rows):
        console.say(f"try the failed ones again: {retry_command(request)}")


def _empties(request: LabelRequest, rows: Sequence[Row]) -> str:
    """Which videos gave no episode, each with what took most of its frames."""
    empty = [row for row in rows if row.status == "empty"]
    parts = [f"{row.name} ({_most(row)})" for row in empty[:MOST_NAMED]]
    if len(empty) > MOST_NAMED:
        status = shlex.join(["rotoscope", "status", request.shown_out])
        parts.append(f"and {len(empty) - MOST_NAMED} more, see {status}")
    noun = NOUNS[request.recipe.source]
    return f"{len(empty)} of {len(rows)} {noun} gave no episode: {', '.join(parts)}"


def _warnings(request: LabelRequest, rows: Sequence[Row]) -> list[str]:
    """What whoever trains on the dataset must know."""
    export, name = request.recipe.export, gate_name(SHORT)
    short = sum(int(row.detail.get("dropped", {}).get(name, 0)) for row in rows)
    out = []
    if short:
        out.append(
            f"{short} frames are valid, but in stretches of fewer rows than a policy's chunk of "
            f"{export.chunk_rows}: left out; set export.chunk_rows to your policy's"
        )
    if export.action == "ee":
        out.append(RELATIVE_ROTATIONS)
    return [*out, *_said_by_stages(rows)]


def _most(row: Row) -> str:
    dropped: dict[str, int] = row.detail.get("dropped", {})
    if not dropped:
        return row.message
    name = _gate(row)
    return f"{name} in {dropped[name]} of {sum(dropped.values())} frames"


def _gate(row: Row) -> str:
    """What took most of a video's frames."""
    dropped: dict[str, int] = row.detail.get("dropped", {})
    return max(sorted(dropped), key=lambda gate: dropped[gate], default="nothing to follow")


def retry_command(request: LabelRequest) -> str:
    """The command that runs again what failed, with consent to programs where it needs that."""
    words = ["rotoscope", "retry", request.shown_out]
    return shlex.join([*words, "--allow-code"] if request.recipe.has_code else words)


def show_status(
    console: Terminal,
    out: Path,
    record: RunRecord,
    rows: Sequence[Row],
    *,
    only_failed: bool = False,
) -> None:
    """One line per video, tracebacks of stages that nobody foresaw, and what it comes to."""
    listed = [row for row in rows if row.status == "failed"] if only_failed else rows
    if listed:
        console.table(
            ("file", "status", "frames", "rows", "valid", "stage", "message"),
            [(r.name, r.status, r.frames, *_row_counts(r), r.stage, _error(r)) for r in listed],
        )
    for row in listed:
        if "traceback" in row.detail:
            console.say(f"{row.name}, {row.stage}:\n{row.detail['traceback']}")
    for sentence in summary(record.source, rows):
        console.say(sentence)
    console.say(f"dataset: {out} ({'there' if out.exists() else 'not written'})")


def summary(source: SourceKind, rows: Sequence[Row]) -> Iterator[str]:
    """What all rows of a run come to: counts, what was lost to what, CPU by stage."""
    yield _counts(source, rows)
    count = sum(row.detail.get("rows", 0) for row in rows)
    valid = sum(row.detail.get("valid_rows", 0) for row in rows)
    if count:
        yield f"{count} rows, {valid} of them valid ({100 * valid / count:.1f} %)"
    failures = Counter(f"{r.error} in {r.stage or 'start'}" for r in rows if r.status == "failed")
    if failures:
        yield f"failed: {_most_common(failures)}"
    empties = Counter(_gate(row) for row in rows if row.status == "empty")
    if empties:
        yield f"no episode: {_most_common(empties)}"
    for text in _said_by_stages(rows):
        yield f"warning: {text}"
    cpu_s: Counter[str] = Counter()
    for row in rows:
        cpu_s.update(row.detail.get("cpu_s", {}))
    total = sum(row.cpu_s for row in rows)
    if total:
        parts = ", ".join(f"{name} {100 * s / total:.0f} %" for name, s in cpu_s.most_common(4))
        yield f"CPU: {total:.1f} s" + (f" ({parts})" if parts else "")


def _said_by_stages(rows: Sequence[Row]) -> list[str]:
    """What stages warned of, each sentence once, with the file where it is about one alone."""
    names: dict[str, list[str]] = {}
    for row in rows:
        for text in row.detail.get("warnings", ()):
            names.setdefault(text, []).append(row.name)
    return [
        f"{who[0]}: {text}" if len(who) == 1 else f"{len(who)} files (first {who[0]}): {text}"
        for text, who in names.items()
    ]


def _row_counts(row: Row) -> tuple[str, str]:
    """Rows that a video gave, and how many of them are valid; nothing where it gave none."""
    if not row.detail.get("rows"):
        return "", ""
    return str(row.detail["rows"]), str(row.detail["valid_rows"])


def _most_common(counts: Counter[str]) -> str:
    parts = [f"{num} {what}" for what, num in counts.most_common(MOST_NAMED)]
    return ", ".join([*parts, "..."] if len(counts) > MOST_NAMED else parts)


def show_plan(console: Terminal, request: LabelRequest, plan: Plan) -> None:
    """The dry run."""
    console.say(f"recipe {request.recipe.name}: {request.recipe.description}")
    console.table(
        ("stage", "kind", "version", "stored"),
        [(s.name, s.kind, s.version, s.num_stored) for s in plan.stages],
    )
    console.say(
        f"{plan.num_videos} {NOUNS[request.recipe.source]}: "
        f"{plan.num_finished} finished and stored, "
        f"{plan.num_videos - plan.num_finished - len(plan.problems)} to do "
        f"({plan.num_frames} frames), {len(plan.problems)} with a problem"
    )
    source = "a guess before any run"
    if plan.num_measured:
        source = f"learned from {plan.num_measured} {NOUNS[request.recipe.source]} of this store"
    console.say(
        f"estimated: {plan.cpu_s:.0f} s of CPU time ({source}), dataset "
        f"{plan.disk_bytes / 1e6:.0f} MB"
    )
    for text in plan.left_out:
        console.say(text)
    for row in plan.problems:
        console.say(f"{row.status}: {row.name}: {row.message}")


def show_recipes(console: Terminal) -> None:
    """Recipes and stages that can be named."""
    recipes = [(name, load_recipe(name)) for name in recipe_names()]
    console.table(
        ("recipe", "stages", "what it does"),
        [(n, " > ".join(s.name for s in r.stages), r.description) for n, r in recipes],
    )
    console.table(
        ("stage", "version", "requires", "provides", "what it does"),
        [_stage_line(kind) for kind in registry.kinds()],
    )


def _stage_line(kind: str) -> tuple[str, ...]:
    found = registry.stage_class(kind)
    text = (found.__doc__ or "").strip().partition("\n")[0]
    return kind, found.version, ", ".join(found.requires), ", ".join(found.provides), text


def show_recipe(console: Terminal, name: str) -> None:
    """A recipe as YAML that can be run again, every setting explained and filled in."""
    console.say(explained(load_recipe(name)).rstrip())


def _error(row: Row) -> str:
    return f"{row.error}: {row.message}" if row.error else row.message


def _counts(source: SourceKind, rows: Sequence[Row]) -> str:
    counts = Counter(row.status for row in rows)
    parts = [f"{counts[s]} {s}" for s in ("done", "empty", "duplicate", "failed") if counts[s]]
    return f"{len(rows)} {NOUNS[source]}: {', '.join(parts) or 'none'}"
