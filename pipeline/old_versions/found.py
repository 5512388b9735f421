"""What a folder of LeRobot v2.0 or v2.1 holds: which episodes are there, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rotoscope.pipeline.datasets.layout import meta_file
from rotoscope.pipeline.errors import DatasetError, quoted
from rotoscope.pipeline.files.paths import fill, inside
from rotoscope.pipeline.files.plain import parse_json, read_json, read_text
from rotoscope.pipeline.quoting import problems_of

VERSIONS = ("v2.0", "v2.1")
_SHOWN = 5


class _Feature(BaseModel):
    model_config = ConfigDict(extra="allow")
    dtype: str
    shape: list[int]


class _Info(BaseModel):
    model_config = ConfigDict(extra="allow")
    codebase_version: str
    fps: float = Field(gt=0)
    chunks_size: int = Field(default=1000, ge=1)
    data_path: str
    video_path: str | None = None
    features: dict[str, _Feature]


class _Episode(BaseModel):
    model_config = ConfigDict(extra="allow")
    episode_index: int = Field(ge=0)
    tasks: list[str] = Field(default_factory=list)


class _Task(BaseModel):
    task_index: int = Field(ge=0)
    task: str


@dataclass(frozen=True, eq=False)
class OldEpisode:
    """One episode whose files are all there."""

    number: int
    """Its number in the folder, which may leave numbers out."""
    tasks: tuple[str, ...]
    """What `meta/episodes.jsonl` says that is done in it."""
    data: Path
    """File of its rows."""
    videos: Mapping[str, Path]
    """File of each camera."""
    stats: Mapping[str, Any] | None
    """Its line of `meta/episodes_stats.jsonl`; v2.0 has none."""


@dataclass(frozen=True, eq=False)
class OldDataset:
    """A folder of LeRobot v2.0 or v2.1."""

    root: Path
    """The folder."""
    info: dict[str, Any]
    """`meta/info.json`, without features whose files are not there."""
    episodes: tuple[OldEpisode, ...]
    """Those that are whole, in order of their numbers."""
    tasks: Mapping[int, str]
    """Texts by `task_index`."""
    left_out: tuple[str, ...]
    """Sentences about what the folder names and does not hold."""

    @property
    def cameras(self) -> list[str]:
        """Names of the features that are videos."""
        return [k for k, f in self.info["features"].items() if f["dtype"] == "video"]


def open_old(root: Path) -> OldDataset:
    """Looks for every file that a dataset of v2.0 or v2.1 names.

    Raises:
        DatasetError: It is of another version, its metadata are damaged, or no episode is whole.
    """
    info = _read_info(root)
    checked = _Info.model_validate(info)
    lines = _lines(root, "episodes.jsonl", _Episode)
    if not lines:
        raise DatasetError(f"{root / 'meta' / 'episodes.jsonl'} names no episodes")
    lines.sort(key=lambda line: line.episode_index)
    numbers = [line.episode_index for line in lines]
    twice = [n for n, times in Counter(numbers).items() if times > 1]
    if twice:
        raise DatasetError(f"{root / 'meta' / 'episodes.jsonl'} names episode {twice[0]} twice")
    cameras = [name for name, facts in checked.features.items() if facts.dtype == "video"]
    if cameras and checked.video_path is None:
        raise DatasetError(f"{root / 'meta' / 'info.json'} names videos but no video_path")
    there = {n: _files_of(root, checked, n, cameras) for n in numbers}
    seen = [c for c in cameras if any(c in files for files in there.values())]
    gone = [c for c in cameras if c not in seen]
    said = [f"no video of the camera {name!r} is there: the camera is left out" for name in gone]
    whole = [n for n in numbers if {"", *seen} <= there[n].keys()]
    missing = [n for n in numbers if n not in whole]
    if missing:
        said.append(f"{len(missing)} of {len(numbers)} episodes lack files: {_some(missing)}")
    if not whole:
        raise DatasetError(
            f"{root}: no episode has all of its files (rows, and the cameras {quoted(seen)}); "
            f"episode {numbers[0]} should lie at {checked.data_path!r}: copy the dataset whole"
        )
    stats = {
        line["episode_index"]: line["stats"] for line in _raw_lines(root, "episodes_stats.jsonl")
    }
    info["features"] = {k: v for k, v in info["features"].items() if k not in gone}
    by_number = {line.episode_index: tuple(line.tasks) for line in lines}
    episodes = tuple(
        OldEpisode(
            n, by_number[n], there[n][""], {c: there[n][c] for c in seen}, stats.get(n)
        )
        for n in whole
    )  # fmt: skip
    tasks = {line.task_index: line.task for line in _lines(root, "tasks.jsonl", _Task)}
    return OldDataset(root, info, episodes, tasks, tuple(said))


def _read_info(root: Path) -> dict[str, Any]:
    path = meta_file(root, "info.json")
    if not path.is_file():
        raise DatasetError(f"{root} is no LeRobot dataset: it has no meta/info.json")
    raw = read_json(path, error=DatasetError)
    version = raw.get("codebase_version") if isinstance(raw, dict) else None
    if version not in VERSIONS:
        raise DatasetError(
            f"{root} is LeRobot {version or 'of no stated version'}; {quoted(VERSIONS)} are "
            "imported, and v3 needs no import"
        )
    try:
        _Info.model_validate(raw)
    except ValidationError as error:
        raise DatasetError(f"{path} is damaged ({problems_of(error)})") from error
    return dict(raw)


def _files_of(root: Path, info: _Info, number: int, cameras: list[str]) -> dict[str, Path]:
    """The files of an episode that are there: of its rows under "", of a camera under its name."""
    fields = {"episode_index": number, "episode_chunk": number // info.chunks_size}
    wanted = {"": fill(info.data_path, fields, what="data_path of meta/info.json")}
    for name in cameras:
        named = fields | {"video_key": name}
        wanted[name] = fill(info.video_path, named, what="video_path of meta/info.json")
    found = {n: inside(root, path, what="the file") for n, path in wanted.items()}
    return {name: path for name, path in found.items() if path.is_file()}


def _raw_lines(root: Path, name: str) -> list[dict[str, Any]]:
    path = meta_file(root, name)
    if not path.is_file():
        return []
    text = read_text(path, error=DatasetError)
    source = [(f"{path}, line {n}", line) for n, line in enumerate(text.splitlines(), 1)]
    parsed = [parse_json(line, source=at, error=DatasetError) for at, line in source if line]
    if not all(isinstance(one, dict) for one in parsed):
        raise DatasetError(f"{path}: every line must be a JSON object")
    if name == "episodes_stats.jsonl":
        parsed = [one for one in parsed if {"episode_index", "stats"} <= one.keys()]
    return parsed


def _lines[M: BaseModel](root: Path, name: str, model: type[M]) -> list[M]:
    try:
        return [model.model_validate(line) for line in _raw_lines(root, name)]
    except ValidationError as error:
        raise DatasetError(f"{meta_file(root, name)} is damaged ({problems_of(error)})") from error


def _some(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:_SHOWN]))
    return shown if len(numbers) <= _SHOWN else f"{shown} and {len(numbers) - _SHOWN} more"
