"""What a run has to do: every file of a request, known already or still to be worked on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rotoscope.pipeline.errors import MotionError, UsageError, VideoError
from rotoscope.pipeline.files.identity import Identity
from rotoscope.pipeline.recipe import Recipe
from rotoscope.pipeline.run.before import check_assets, check_one_size, check_store
from rotoscope.pipeline.run.keys import outcome_key, stage_tokens
from rotoscope.pipeline.run.ledger import Ledger, Row
from rotoscope.pipeline.run.outcome import VideoAnswer, stored_outcome
from rotoscope.pipeline.run.places import recall_run
from rotoscope.pipeline.run.process import Part
from rotoscope.pipeline.run.request import LabelRequest, check_out, save_request
from rotoscope.pipeline.run.rows import failed_row, finished_row, without_duplicates
from rotoscope.pipeline.sources import (
    files_of,
    nothing_found,
    say_left_out,
    say_silent_images,
    scan,
)
from rotoscope.pipeline.store.store import Store
from rotoscope.pipeline.video.scan import Found


@dataclass(frozen=True)
class Work:
    """One video that is still to be worked on."""

    found: Found
    """The file."""
    part: Part | None = None
    """The frames of it that the work is about; all where `None`."""


@dataclass(frozen=True)
class Prepared:
    """A run before its first video."""

    rows: dict[str, Row]
    """Rows that are final already, by name."""
    todo: list[Work]
    """What is left to do, in order of name."""
    left_out: tuple[str, ...]
    """Sentences about folders and files that were not looked into."""


@dataclass(frozen=True)
class Looked:
    """What lies at the places of a request, no file of it read."""

    files: list[tuple[Found, Row | None]]
    """Every file, in order of name, with its row where that is final already."""
    left_out: tuple[str, ...]
    """Sentences about folders and files that were not looked into."""


def prepare(request: LabelRequest, ledger: Ledger) -> Prepared:
    """What is known and what is to be done; request and known rows go on record.

    Raises:
        UsageError: There is no file of the recipe's kind, `out` holds something else, or nothing
            can be stored.
        AssetError: A weight or a robot was not fetched.
    """
    if request.out_url is not None:
        recall_run(request.out, request.out_url)
    check_out(request)
    looked = look(request)
    check_store(request.store)
    if request.recipe.source == "video":
        check_one_size(request.recipe, [f for f, _ in looked.files if not f.problem])
    save_request(request)
    before = {row.name: row for row in ledger.rows()}
    known = without_duplicates(row for _, row in looked.files if row is not None)
    rows = {row.name: row for row in known}
    for row in known:
        old = before.get(row.name)
        if old is None or _gist(old) != _gist(row):
            ledger.append(row)
    todo = [Work(found) for found, row in looked.files if row is None]
    return Prepared(rows, todo, looked.left_out)


def _gist(row: Row) -> tuple[str, str, str]:
    """What a row says of the video, not what an attempt needed."""
    return row.status, row.sha256, row.message


def look(request: LabelRequest) -> Looked:
    """Every file of a request, and what is known of it.

    No file is read: what the ledger knows of a file counts as long as the system says that its
    bytes are the same (`Identity.holds`); every other file is hashed by its own child.

    Raises:
        UsageError: There is no file of the recipe's kind.
        AssetError: A weight or a robot was not fetched.
    """
    recipe = request.recipe
    found = scan(
        list(request.inputs),
        recipe.source,
        only=request.only,
        never=request.written_folders,
        image_rate_hz=recipe.video.image_rate_hz,
    )
    left_out = [f"left out: {f.display_name}, {f.left_out}" for f in found if f.left_out]
    files = [f for f in found if not f.left_out][: request.limit]
    if not files:
        text = nothing_found(request.inputs, recipe.source, recipe=recipe.name, only=request.only)
        raise UsageError("; ".join([*left_out, text]))
    others = say_left_out(request.inputs, recipe.source)
    rate_hz = recipe.video.image_rate_hz
    silent = say_silent_images(request.inputs) if recipe.source == "video" and not rate_hz else ""
    check_assets(recipe)
    tokens = stage_tokens(recipe)
    before = {row.name: row for row in Ledger(request.work / "ledger.jsonl").rows()}
    rows = [_known_row(request, f, before.get(f.display_name), tokens) for f in files]
    notices = tuple(filter(None, [*left_out, others, silent and f"left out: {silent}"]))
    return Looked(list(zip(files, rows, strict=True)), notices)


def _known_row(
    request: LabelRequest, item: Found, before: Row | None, tokens: Mapping[str, str]
) -> Row | None:
    kind = request.recipe.source
    if item.problem:
        error = VideoError if kind == "video" else MotionError
        return failed_row(request, item, "scan", error(f"{item.display_name}: {item.problem}"))
    identity = before.identity if before is not None else None
    if identity is None or not _holds(identity, item, request.recipe):
        return None
    key = outcome_key(request.recipe, identity.sha256, dict(tokens), request.until, identity)
    outcome = stored_outcome(Store(request.store), key)
    if outcome is None:
        return None
    return finished_row(item, VideoAnswer(outcome, identity, True, {}), None)


def _holds(identity: Identity, found: Found, recipe: Recipe) -> bool:
    if found.remote is not None:
        return identity.states == found.remote.states
    try:
        return identity.holds(files_of(found.path, recipe.source, recipe.stage_classes))
    except (MotionError, VideoError):
        return False  # what lies beside it is no file of it: its child says so
