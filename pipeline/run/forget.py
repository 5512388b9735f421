"""Takes a video out of everything that was made of it: dataset, versions, store, ledger, pages."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rotoscope.pipeline.datasets.layout import meta_file
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.datasets.said import episode_facts
from rotoscope.pipeline.datasets.sidecars import read_sidecar_lines
from rotoscope.pipeline.errors import DatasetError, RotoscopeError, UsageError, quoted
from rotoscope.pipeline.export.combine import write_selection
from rotoscope.pipeline.export.standing import look_at
from rotoscope.pipeline.export.versions import share_files, versions_in
from rotoscope.pipeline.files.atomic import remove, remove_leftovers, write_bytes_atomic
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.run.entries import entries_of
from rotoscope.pipeline.run.keys import stage_tokens, video_keys
from rotoscope.pipeline.run.ledger import Ledger, Row
from rotoscope.pipeline.run.publish import dataset_key_of
from rotoscope.pipeline.run.request import (
    LabelRequest,
    load_request,
    read_provenance,
    read_record,
    versions_of,
    work_of,
)
from rotoscope.pipeline.store.store import content_key, default_store

_MADE = (".html", ".webp", ".gif", ".rrd", ".mp4", ".png", ".jpg")
"""Endings of what is written about a dataset beside it."""


@dataclass(frozen=True)
class Trace:
    """A video as it is known: by names and by hashes of its bytes."""

    names: frozenset[str]
    """Names in ledgers and datasets; several where the same bytes lie in several places."""
    digests: frozenset[str]
    """Hex SHA-256 of the video, and of it with what is read beside it."""

    def is_in(self, line: Mapping[str, Any]) -> bool:
        """Whether a line of a ledger, or of `episodes.jsonl`, is about it."""
        source = line.get("source") or {}
        hashes = {str(line.get("sha256", "")), str(source.get("video_sha256", ""))}
        return str(line.get("name", "")) in self.names or bool(hashes & self.digests)


@dataclass(frozen=True)
class Gone:
    """One dataset, and what goes from it."""

    root: Path
    """The dataset."""
    episodes: tuple[int, ...]
    """Episodes that go."""
    kept: tuple[int, ...]
    """Episodes that stay."""


@dataclass(frozen=True)
class Forgetting:
    """All that is to go."""

    out: Path
    """The dataset."""
    trace: Trace
    """The video."""
    datasets: tuple[Gone, ...]
    """The dataset and its versions, those that speak of the video."""
    rows: int
    """Lines of the run's ledger."""
    entries: tuple[Path, ...]
    """Files and folders of the store."""
    pages: tuple[Path, ...]
    """Reports and pictures beside the dataset."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to go."""
        return not (self.datasets or self.rows or self.entries or self.pages)


def plan_forgetting(video: str, out: Path, *, store: Path | None = None) -> Forgetting:
    """What would go with a video.

    Args:
        video: Its name, as `rotoscope status` shows it, or a part of its path, or its SHA-256.
        out: The dataset.
        store: Where its entries are; the run's own, as recorded, where `None`.

    Raises:
        UsageError: No dataset, version or ledger speaks of such a video.
        DatasetError: A dataset is damaged.
    """
    roots = [root for root in (out, *(v.path for v in versions_in(versions_of(out)))) if
             (root / "meta" / "info.json").is_file()]  # fmt: skip
    rows = Ledger(work_of(out) / "ledger.jsonl").rows()
    lines = [line for root in roots for line in _lines(root)]
    trace = _trace(video, rows, lines, out)
    datasets = tuple(gone for root in roots if (gone := _gone(root, trace)) is not None)
    where = store or _store_of(out)
    keys = _keys(out, trace, rows)
    pages = tuple(p for p in _pages(out) if datasets and _shows(p, trace))
    return Forgetting(
        out,
        trace,
        datasets,
        len(_other_lines(out, trace)[1]),
        tuple(entries_of(where, trace.digests, keys)) if where.is_dir() else (),
        pages,
    )


def forget(plan: Forgetting) -> None:
    """Removes all that the plan names; each dataset is replaced whole, or is gone.

    Entries of the store go last: where this is stopped, the same command goes on.

    Raises:
        DatasetError: A dataset was edited since it was published.
        DiskFullError: No space is left.
    """
    out = plan.out
    for gone in plan.datasets:
        _rewrite(gone, plan)
    share_files(versions_of(out))
    for page in plan.pages:
        remove(page)
    kept, dropped = _other_lines(out, plan.trace)
    if dropped:
        write_bytes_atomic(work_of(out) / "ledger.jsonl", b"".join(kept))
    _forget_inputs(out, plan.trace)
    for folder in (out.parent, work_of(out), versions_of(out)):
        if folder.is_dir():
            remove_leftovers(folder)
    for path in plan.entries:
        remove(path)


def _lines(root: Path) -> list[dict[str, Any]]:
    """All that a dataset says of videos: its ledger and its episodes."""
    dataset = open_dataset(root)
    facts = episode_facts(dataset)
    return [*dataset.ledger(), *(dict(f.line) for f in facts.values())]


def _trace(video: str, rows: Iterable[Row], lines: Iterable[Mapping[str, Any]], out: Path) -> Trace:
    known: list[tuple[str, set[str]]] = []
    for row in rows:
        hashes = {row.sha256} | (
            {row.identity.sha256, row.identity.own_sha256} if row.identity else set()
        )
        known.append((row.name, hashes - {""}))
    for line in lines:
        source = line.get("source") or {}
        hashes = {str(line.get("sha256", "")), str(source.get("video_sha256", ""))}
        known.append((str(line.get("name", "")), hashes - {""}))
    shown = display_name(video)
    names = {n for n, hashes in known if n and (n == shown or video in hashes)}
    # A path ends with the name that a run gave the video.
    names = names or {n for n, _ in known if n and shown.endswith("/" + n)}
    if not names:
        there = sorted({n for n, _ in known if n})
        raise UsageError(
            f"{out} and its versions speak of no video {video!r}; they speak of {quoted(there)}"
        )
    digests: set[str] = set()
    for _ in range(2):  # what holds the same bytes under another name goes too
        digests |= {h for n, hashes in known if n in names for h in hashes}
        names |= {n for n, hashes in known if n and hashes & digests}
    return Trace(frozenset(names), frozenset(digests))


def _gone(root: Path, trace: Trace) -> Gone | None:
    dataset = open_dataset(root)
    facts = episode_facts(dataset)
    every = [int(row["episode_index"]) for row in dataset.table]
    going = [i for i in every if i in facts and trace.is_in(facts[i].line)]
    is_named = any(trace.is_in(line) for line in dataset.ledger())
    if not going and not is_named:
        return None
    return Gone(root, tuple(going), tuple(i for i in every if i not in set(going)))


def _rewrite(gone: Gone, plan: Forgetting) -> None:
    root = gone.root
    if not gone.kept:
        standing = look_at(root)
        for name in (*standing.own, *standing.changed):
            remove(root / name)
        for folder in sorted((p for p in root.rglob("*") if p.is_dir()), reverse=True):
            with contextlib.suppress(OSError):  # what is the user's stays
                folder.rmdir()
        with contextlib.suppress(OSError):
            root.rmdir()
        return
    lines = read_sidecar_lines(meta_file(root, "rotoscope/ledger.jsonl"))
    ledger = [line for line in lines if not plan.trace.is_in(line)]
    before = read_provenance(root)
    provenance = None
    if before is not None:
        key = _key_after(plan) if root == plan.out else ""
        facts = {"kind": "forgotten", "kept": gone.kept, "of": before.get("dataset_key", "")}
        provenance = before | {"dataset_key": key or content_key(facts)}
    write_selection(
        [(root, gone.kept)], root, made_by="forget", provenance=provenance, ledger=ledger
    )


def _key_after(plan: Forgetting) -> str:
    """Key that the next run would give the dataset; empty where only a run can tell."""
    rows = Ledger(work_of(plan.out) / "ledger.jsonl").rows()
    left = tuple(r for r in rows if not _is_about(r, plan.trace))
    try:
        return dataset_key_of(load_request(plan.out), left)
    except RotoscopeError:
        return ""


def _is_about(row: Row, trace: Trace) -> bool:
    return row.name in trace.names or row.sha256 in trace.digests


def _keys(out: Path, trace: Trace, rows: Iterable[Row]) -> set[str]:
    """Keys of what the run made of the video, for stores that do not say."""
    about = [row for row in rows if _is_about(row, trace)]
    keys = {episode.rpartition("-")[0] for row in about for episode in row.episodes}
    request = _request(out)
    if request is None:
        return keys
    try:
        tokens = stage_tokens(request.recipe)
    except RotoscopeError:
        return keys
    for row in about:
        if row.sha256:
            found = video_keys(request.recipe, row.sha256, tokens, row.identity)
            keys |= {found.clock, found.episodes, *found.stages.values()}
    return keys


def _request(out: Path) -> LabelRequest | None:
    """The run's request; `None` where there is none, or it names programs, which are not run."""
    try:
        return load_request(out)
    except RotoscopeError:
        return None


def _store_of(out: Path) -> Path:
    try:
        return Path(read_record(out).store)
    except UsageError:
        return default_store()


def _other_lines(out: Path, trace: Trace) -> tuple[list[bytes], list[bytes]]:
    """Lines of the run's ledger: those that stay, and those that go."""
    path = work_of(out) / "ledger.jsonl"
    kept: list[bytes] = []
    gone: list[bytes] = []
    for line in path.read_bytes().splitlines(keepends=True) if path.is_file() else ():
        try:
            is_about = trace.is_in(json.loads(line))
        except (ValueError, AttributeError):  # a torn line, in which nothing is sure
            is_about = any(d.encode() in line for d in trace.digests | trace.names)
        (gone if is_about else kept).append(line)
    return kept, gone


def _forget_inputs(out: Path, trace: Trace) -> None:
    """Takes the video out of the run's inputs, where it was named itself."""
    path = work_of(out) / "run.json"
    if not path.is_file():
        return
    facts = json.loads(path.read_text())
    inputs = [p for p in facts["inputs"] if display_name(Path(p).name) not in trace.names]
    if len(inputs) == len(facts["inputs"]):
        return
    if not inputs:
        remove(path)
        return
    write_bytes_atomic(path, json.dumps(facts | {"inputs": inputs}, indent=1).encode())


def _pages(out: Path) -> list[Path]:
    if not out.parent.is_dir():
        return []
    found = [p for p in out.parent.iterdir() if p.name.startswith(out.name + ".") and p.is_file()]
    return sorted(p for p in found if p.suffix.lower() in _MADE)


def _shows(page: Path, trace: Trace) -> bool:
    """Whether a page speaks of the video; of pictures nobody knows, so that they go as well."""
    if page.suffix.lower() != ".html":
        return True
    text = page.read_text(encoding="utf-8", errors="replace")
    return any(word in text for word in trace.names | trace.digests)


def check_writable(plan: Forgetting) -> None:
    """Checks that no dataset was edited, before anything is removed.

    Raises:
        DatasetError: One was.
    """
    for gone in plan.datasets:
        if changed := look_at(gone.root).changed:
            raise DatasetError(
                f"{gone.root} was edited since it was published ({quoted(changed)}): the edits "
                "would be lost. Take the episodes out with rotoscope filter, and remove it"
            )
