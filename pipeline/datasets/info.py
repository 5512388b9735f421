"""`meta/info.json` of a LeRobot v3 dataset, checked before anything rests on it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, field_validator

from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.files.paths import fill, inside
from rotoscope.pipeline.files.plain import mapping, read_json
from rotoscope.pipeline.quoting import problems_of

NO_ROWS = ("video", "image", "string", "language")
"""Types of features whose columns hold no numbers."""
MAX_FPS = 100_000.0
CHUNK, FILE, KEY = "chunk_index", "file_index", "video_key"


class _Feature(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    dtype: str
    shape: list[PositiveInt] = Field(max_length=8)
    names: Any = None

    @field_validator("names")
    @classmethod
    def _are_texts(cls, names: Any) -> Any:
        flat = names
        if isinstance(names, dict):
            flat = [n for group in names.values() if isinstance(group, list) for n in group]
            if not all(isinstance(group, list) for group in names.values()):
                flat = list(names)  # LeRobot's `{"motor": 0, ...}`
        if flat is not None and not (
            isinstance(flat, list) and all(isinstance(n, str) for n in flat)
        ):
            raise ValueError("must be a list of texts")
        return names


class _Info(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    codebase_version: str
    fps: float = Field(gt=0, le=MAX_FPS)
    features: dict[str, _Feature] = Field(min_length=1)
    data_path: str
    video_path: str | None = None

    @field_validator("data_path")
    @classmethod
    def _holds_places(cls, text: str) -> str:
        return _template(text, {CHUNK, FILE})

    @field_validator("video_path")
    @classmethod
    def _holds_video_places(cls, text: str | None) -> str | None:
        return None if text is None else _template(text, {CHUNK, FILE, KEY})


def read_info(root: Path) -> dict[str, Any]:
    """`meta/info.json`, as it is.

    Raises:
        DatasetError: There is none, or it is not what LeRobot v3 reads.
    """
    path = inside(root, "meta/info.json", what="the file")
    if not path.is_file():
        raise DatasetError(
            f"{root} is not a LeRobot dataset: {path} is not there; name the folder that "
            "rotoscope label wrote with --out"
        )
    raw = mapping(read_json(path, error=DatasetError), source=str(path), error=DatasetError)
    # Another version has other keys: what to do about it comes first.
    version = raw.get("codebase_version")
    if isinstance(version, str):
        check_version(root, version)
    try:
        found = _Info.model_validate(raw, strict=True)
    except ValidationError as error:
        raise DatasetError(
            f"{path} is damaged ({problems_of(error)}); write the dataset again"
        ) from error
    if found.video_path is None and any(f.dtype == "video" for f in found.features.values()):
        raise DatasetError(f"{path} names videos but no video_path; write the dataset again")
    return raw


def check_version(root: Path, version: str) -> None:
    """Checks that a dataset is of the version that is read here.

    Raises:
        DatasetError: It is not; the message holds the command that converts it.
    """
    if version.startswith("v3"):
        return
    what = f"{root} is LeRobot {version}, not v3; "
    if version not in ("v2.0", "v2.1"):
        raise DatasetError(what + "v2.0 and v2.1 can be imported: take a newer copy of the dataset")
    place = root.absolute()
    command = ["rotoscope", "import", str(place), "--out", f"{place}_v3"]
    raise DatasetError(what + f"this writes it as v3, beside it:\n  {shlex.join(command)}")


def names_of(info: dict[str, Any], feature: str) -> list[str]:
    """Names of a feature's numbers, made up where there are none; none without the feature."""
    facts = info["features"].get(feature)
    if facts is None:
        return []
    names = facts.get("names")
    if isinstance(names, dict):
        groups = list(names.values())
        are_lists = all(isinstance(group, list) for group in groups)
        names = [n for group in groups for n in group] if are_lists else list(names)
    width = 1
    for size in facts["shape"]:
        width *= size
    if names and len(names) == width:
        return list(names)
    # A shape of a picture would make a million names.
    return [f"[{i}]" for i in range(width if len(facts["shape"]) == 1 else 0)]


def _template(text: str, known: set[str]) -> str:
    """A path with places for numbers, and nothing else that `str.format` would do."""
    try:
        fill(text, {name: name if name == KEY else 0 for name in sorted(known)}, what="it")
    except DatasetError as error:
        raise ValueError(str(error)) from error
    return text
