"""What Rotoscope wrote beside a dataset's tables, in `meta/rotoscope`, checked when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.files.plain import mapping, parse_json, read_json, read_text
from rotoscope.pipeline.quoting import problems_of

Row3 = tuple[float, float, float]
Row4 = tuple[float, float, float, float]
Transform = tuple[Row4, Row4, Row4, Row4]


class _Lenient(BaseModel):
    """Only what is read is checked; a later version may write more."""

    model_config = ConfigDict(allow_inf_nan=False)


class _Stage(_Lenient):
    name: str
    version: str = ""
    config: dict[str, Any] = Field(default_factory=dict)


class _Resolved(_Lenient):
    action: str | None = None
    stages: list[_Stage] = Field(default_factory=list)


class _Provenance(_Lenient):
    recipe: str = ""
    rotoscope: str = ""
    dataset_key: str = ""
    packages: dict[str, str] = Field(default_factory=dict)
    recipe_resolved: _Resolved = _Resolved()


class _Source(_Lenient):
    subject: str = ""
    video_sha256: str = ""
    license: str = ""
    credit: str = ""
    url: str = ""
    start_s: float | None = None
    first_frame: NonNegativeInt | None = None
    end_frame: NonNegativeInt | None = None


class _Scene(_Lenient):
    video_width: PositiveInt | None = None
    video_height: PositiveInt | None = None
    K: tuple[Row3, Row3, Row3] | None = None
    K_source: str = ""
    sigma_focal_rel: float = 0.0
    T_camera_base: Transform | None = None
    T_world_source: Transform | None = None
    body_frame: str = ""


class _Quality(_Lenient):
    valid_rows: NonNegativeInt | None = None
    mean_confidence: float | None = None
    wrist_sigma_mm_median: float | None = None
    target_error_mm_median: float | None = None
    tip_error_mm_mean: float | None = None
    limb_deg_mean: float | None = None


class _EpisodeLine(_Lenient):
    episode_index: NonNegativeInt
    episode_id: str = ""
    name: str = ""
    task: str = ""
    source: _Source = _Source()
    scene: _Scene = _Scene()
    quality: _Quality = _Quality()


class _LedgerLine(_Lenient):
    name: str
    status: str
    stage: str = ""
    error: str = ""
    message: str = ""
    retry: str = ""
    added: PositiveInt = 1


class _ReplayLine(_Lenient):
    episode: NonNegativeInt
    digest: str = ""


class _Described(_Lenient):
    names: list[str] = Field(default_factory=list)
    unit: str = ""
    description: str = ""
    contract: ActionContract | None = None


_FILES: dict[str, type[BaseModel]] = {
    "provenance.json": _Provenance,
    "contract.json": ActionContract,
    "episodes.jsonl": _EpisodeLine,
    "ledger.jsonl": _LedgerLine,
    "replay.jsonl": _ReplayLine,
}
_MAPPINGS: dict[str, type[BaseModel]] = {"features.json": _Described}
"""Files that hold one such thing under each name."""


def read_sidecar(path: Path) -> dict[str, Any]:
    """A JSON file, an empty mapping where there is none.

    Raises:
        DatasetError: It is damaged.
    """
    if not path.is_file():
        return {}
    found = mapping(read_json(path, error=DatasetError), source=str(path), error=DatasetError)
    if path.name in _MAPPINGS:
        for name, value in found.items():
            _check(value, _MAPPINGS[path.name], f"{path}: {name!r}")
    elif path.name in _FILES:
        _check(found, _FILES[path.name], str(path))
    return found


def read_sidecar_lines(path: Path) -> list[dict[str, Any]]:
    """The mappings of a file of JSON lines; none where there is no file.

    Raises:
        DatasetError: A line is damaged.
    """
    if not path.is_file():
        return []
    out = []
    for number, line in enumerate(read_text(path, error=DatasetError).split("\n"), start=1):
        if line.strip():
            source = f"{path}, line {number}"
            value = parse_json(line, source=source, error=DatasetError)
            _check(value, _FILES[path.name], source)
            out.append(dict(value))
    return out


def check_line(value: Any, source: str) -> None:
    """Checks what `episodes.jsonl` may say of an episode.

    Raises:
        DatasetError: It is damaged.
    """
    _check(value, _EpisodeLine, source)


def check_described(value: Any, source: str) -> None:
    """Checks what `features.json` may say of a feature.

    Raises:
        DatasetError: It is damaged.
    """
    _check(value, _Described, source)


def _check(value: Any, model: type[BaseModel], source: str) -> None:
    try:
        model.model_validate(value)
    except ValidationError as error:
        raise DatasetError(
            f"{source} is damaged ({problems_of(error)}); write the dataset again"
        ) from error
