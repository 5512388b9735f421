"""What a run was asked to do, and where it keeps that so that `retry` can repeat it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypedDict, Unpack

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from rotoscope.pipeline.errors import UsageError, quoted
from rotoscope.pipeline.files.atomic import write_bytes_atomic
from rotoscope.pipeline.files.names import display_name
from rotoscope.pipeline.files.paths import StrPath
from rotoscope.pipeline.files.plain import read_json
from rotoscope.pipeline.quoting import problems_of, shown
from rotoscope.pipeline.recipe import Recipe, build_recipe, load_recipe
from rotoscope.pipeline.remote.cache import DATASETS, STORES, cache
from rotoscope.pipeline.remote.urls import Place, Url, place_of
from rotoscope.pipeline.store.store import content_key, default_store
from rotoscope.pipeline.types import SourceKind


class OtherFields(TypedDict, total=False):
    """Fields of a request that are given as they are."""

    workers: int
    only: str | None
    limit: int | None
    until: str
    replace: bool


@dataclass(frozen=True)
class LabelRequest:
    """Everything a run needs to know; kept beside the dataset so that `retry` can repeat it."""

    inputs: tuple[Place, ...]
    """Folders and files of the recipe's kind, here or in an object store: videos, or motion."""
    recipe: Recipe
    """Recipe of the run."""
    out: Path
    """Where the dataset is published."""
    store: Path = field(default_factory=default_store)
    """Root of the content-addressed store."""
    workers: int = 1
    """Videos processed at the same time."""
    only: str | None = None
    """Glob on names; other videos are not part of this run."""
    limit: int | None = None
    """Take only so many videos."""
    until: str = ""
    """Stop after this stage; no dataset is written then."""
    replace: bool = False
    """Replace a dataset at `out` that was made by another recipe."""
    out_url: Url | None = None
    """Where the dataset goes when it stands at `out`; `None` where it stays there."""
    store_url: Url | None = None
    """The store that `store` is the local side of; `None` where it is all there is."""

    def __post_init__(self) -> None:
        work_of(self.out)
        if self.workers < 1:
            raise UsageError(f"workers must be at least 1, got {self.workers}")
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"limit must be at least 1, got {self.limit}")
        names = [s.name for s in self.recipe.stages]
        if self.until and self.until not in names:
            raise UsageError(f"there is no stage {self.until!r} to stop after; {quoted(names)}")

    @classmethod
    def of(
        cls,
        inputs: StrPath | Url | Sequence[StrPath | Url],
        *,
        out: StrPath | Url,
        recipe: StrPath | Recipe = "hand-gripper",
        overrides: Sequence[str] = (),
        store: StrPath | Url | None = None,
        **others: Unpack[OtherFields],
    ) -> LabelRequest:
        """The request in terms of what people give: names, paths and URLs, one or several.

        Raises:
            UsageError: An input that is not there, or no such recipe, setting or stage.
        """
        is_one = isinstance(inputs, str | os.PathLike | Url)
        places = tuple(map(place_of, [inputs] if is_one else inputs))  # type: ignore[arg-type]
        paths = [p for p in places if isinstance(p, Path)]
        missing = [str(p) for p in paths if not p.exists() and not p.is_symlink()]
        if missing:
            raise UsageError(f"not there: {', '.join(missing)}; give folders or files")
        if isinstance(recipe, Recipe) and overrides:
            raise UsageError("overrides are for a recipe by name or path; build_recipe takes them")
        found = recipe if isinstance(recipe, Recipe) else load_recipe(recipe, overrides)
        local, url = local_dataset(place_of(out))
        kept, kept_url = local_store(place_of(_named_store() if store is None else store))
        return cls(
            inputs=places,
            recipe=found,
            out=local,
            store=kept,
            out_url=url,
            store_url=kept_url,
            **others,
        )

    @property
    def work(self) -> Path:
        """Folder beside the dataset that holds the ledger and the request."""
        return work_of(self.out)

    @property
    def written_folders(self) -> tuple[Place, ...]:
        """Folders that this run writes to: never its input."""
        beside = None if self.out_url is None else self.out_url.beside(self.work.name)
        urls = [url for url in (self.out_url, beside, self.store_url) if url is not None]
        return (self.out, self.work, self.store, *urls)

    @property
    def shown_out(self) -> str:
        """What a person calls the dataset: its path, or its URL."""
        return str(self.out if self.out_url is None else self.out_url)


def local_dataset(place: Place) -> tuple[Path, Url | None]:
    """Where a dataset is written, or read from, on this machine; and its URL where it has one.

    Raises:
        UsageError: The URL is a whole bucket.
    """
    if isinstance(place, Path):
        return place, None
    if not place.key:
        raise UsageError(f"{place} is a whole bucket; give a name in it, such as {place}/dataset")
    digest = content_key({"dataset": str(place)})
    return cache().keep(cache().entry(DATASETS, digest)) / place.name, place


def local_store(place: Place) -> tuple[Path, Url | None]:
    """The local side of a store.

    Raises:
        UsageError: A store can lie on a disk and on S3 alone.
    """
    if isinstance(place, Path):
        return place, None
    if place.scheme != "s3":
        raise UsageError(
            f"a store can be a folder, or lie on s3://, which writes what is not there yet for one "
            f"of several alone; got {place}"
        )
    return cache().entry(STORES, content_key({"store": str(place)})), place


def _named_store() -> StrPath:
    """`$ROTOSCOPE_STORE` may be a URL too."""
    named = os.environ.get("ROTOSCOPE_STORE", "")
    return named if isinstance(place_of(named or "."), Url) else default_store()


def work_of(out: Path) -> Path:
    """The folder beside a dataset that holds the ledger and the request of its run.

    Raises:
        UsageError: The path has no name of its own, such as `.` or `/`.
    """
    if out.name in ("", ".."):
        raise UsageError(f"{str(out)!r} is no name for a dataset; give its folder by name")
    return out.with_name(out.name + ".rotoscope")


def versions_of(out: Path) -> Path:
    """The folder beside a dataset that holds its older versions."""
    return work_of(out) / "versions"


def check_out(request: LabelRequest) -> None:
    """Raises `UsageError` where `out` holds something that must not be replaced."""
    out = request.out
    if request.until or not out.exists():
        return
    provenance = read_provenance(out)
    if provenance is None:
        if out.is_dir() and not any(out.iterdir()):
            return
        raise UsageError(
            f"{out} exists and was not written by rotoscope; name another --out or move it away"
        )
    made_by = provenance.get("recipe_digest")
    if made_by != request.recipe.digest() and not request.replace:
        raise UsageError(
            f"{out} was made by another recipe or other settings "
            f"({shown(provenance.get('recipe'))}); "
            "name another --out, or say --replace to replace it"
        )


def read_provenance(dataset: Path) -> dict[str, Any] | None:
    """`meta/rotoscope/provenance.json` of a dataset, or `None` where there is none to be read."""
    try:
        found = read_json(dataset / "meta" / "rotoscope" / "provenance.json", error=UsageError)
    except UsageError:
        return None
    return found if isinstance(found, dict) else None


def published_key(dataset: Path) -> str:
    """Key of the dataset that stands there, empty where none does."""
    provenance = read_provenance(dataset)
    is_whole = (dataset / "meta" / "info.json").is_file()
    return str(provenance.get("dataset_key", "")) if provenance and is_whole else ""


def save_request(request: LabelRequest) -> None:
    """Writes the request beside the dataset, so that `retry` and `status` find it."""
    facts = {
        "inputs": [str(p.absolute() if isinstance(p, Path) else p) for p in request.inputs],
        "recipe": request.recipe.as_raw(),
        "source": request.recipe.source,
        "folder": str(request.recipe.folder.absolute()) if request.recipe.folder else None,
        "store": str(request.store_url or request.store.absolute()),
        "workers": request.workers,
        "only": request.only,
        "limit": request.limit,
        "until": request.until,
    }
    if request.out_url is not None:
        facts["out_url"] = str(request.out_url)
    data = json.dumps(facts, indent=1, sort_keys=True).encode()
    path = request.work / "run.json"
    if not path.is_file() or path.read_bytes() != data:
        write_bytes_atomic(path, data)


def load_request(out: Path, *, allow_code: bool = False) -> LabelRequest:
    """The request that made, or was to make, the dataset at `out`.

    Args:
        out: The dataset.
        allow_code: Whether the user agreed that stage files run which the record names: whoever
            sent the dataset may have written it.

    Raises:
        UsageError: No run was ever started for this path.
        CodeConsentError: The record names a program.
    """
    facts, path = read_record(out), work_of(out) / "run.json"
    store, store_url = local_store(place_of(facts.store))
    return LabelRequest(
        inputs=tuple(map(place_of, facts.inputs)),
        recipe=build_recipe(
            facts.recipe,
            folder=Path(facts.folder) if facts.folder else None,
            source=display_name(path),
            allow_code=allow_code,
        ),
        out=out,
        store=store,
        workers=facts.workers,
        only=facts.only,
        limit=facts.limit,
        until=facts.until,
        out_url=None if facts.out_url is None else _url(facts.out_url),
        store_url=store_url,
    )


def _url(text: str) -> Url | None:
    place = place_of(text)
    return place if isinstance(place, Url) else None


def read_record(out: Path) -> RunRecord:
    """What a run was asked for; nothing that it names is loaded.

    Raises:
        UsageError: No run was ever started for this path, or its record is damaged.
    """
    path = work_of(out) / "run.json"
    if not os.path.lexists(path):
        raise UsageError(
            f"no run is recorded for {out} ({path} is not there); start one with rotoscope label "
            "VIDEOS --out DATASET"
        )
    found = read_json(path, error=UsageError)
    try:
        return RunRecord.model_validate(found, strict=True)
    except ValidationError as error:
        raise UsageError(
            f"{path} is no record of a run ({problems_of(error)}); run the same rotoscope label "
            "command again: it writes another"
        ) from error


def _place(text: str) -> str:
    """A path that the system takes; not all of its bytes need be UTF-8."""
    raw = os.fsencode(text)
    if not raw or b"\0" in raw:
        raise ValueError("is no path")
    return text


_Place = Annotated[str, AfterValidator(_place)]


class RunRecord(BaseModel):
    """`run.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: list[_Place] = Field(min_length=1)
    recipe: dict[str, Any]
    source: SourceKind
    folder: _Place | None
    store: _Place
    workers: int = Field(ge=1)
    only: str | None
    limit: int | None = Field(ge=1)
    until: str
    out_url: str | None = None
