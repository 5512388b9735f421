"""A recipe: a list of stages with their settings, and nothing else decides what runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline import registry
from pipeline.config_paths import with_absolute_paths, without_folders
from pipeline.configs import config_path
from pipeline.errors import RecipeError, one_of
from pipeline.stage import FrameStage, Stage, feeds
from pipeline.types import SourceKind


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VideoSection(_Section):
    """How videos are read."""

    backend: Literal["auto", "pyav", "decord"] = "auto"
    """Decoder; `auto` takes the better one for the codec."""


class ExportSection(_Section):
    """What the dataset looks like."""

    fps: int = Field(default=30, ge=1, le=240)
    """Rows per second; every video is put on this clock by its presentation times."""
    action: Literal["joints", "ee"] = "joints"
    """Absolute joint actions, or absolute end-effector actions in the robot's base frame."""
    shift_frames: int = Field(default=1, ge=0)
    """`action[t]` is the state this many rows later; the tail that has none is dropped. Does not
    count where a labeler gives commands or steps."""
    state: tuple[str, ...] = ()
    """Features that become `observation.state`, such as `track.hand.wrist`; where empty it is the
    robot's state, and there is none where a labeler gives commands or steps."""
    width: int = Field(default=640, ge=32, multiple_of=2)
    """Width of the dataset's images [px]."""
    height: int = Field(default=480, ge=32, multiple_of=2)
    """Height of the dataset's images [px]; videos of another shape get bars, never a stretch."""
    camera: str = Field(default="front", pattern=r"^[a-z][a-z0-9_]*$")
    """Name of the camera: `observation.images.<camera>`."""
    crf: int = Field(default=23, ge=0, le=51)
    """H.264 quality of the dataset's video; lower is better and larger."""


class LimitsSection(_Section):
    """What one video's child process may use before it is killed."""

    memory_gib: float = Field(default=2.0, gt=0)
    """Resident memory [GiB]."""
    stall_s: float = Field(default=120.0, gt=0)
    """Longest time without progress [s]."""
    base_s: float = Field(default=300.0, gt=0)
    """Time that any video may take [s]."""
    per_frame_s: float = Field(default=0.5, ge=0)
    """Further time per frame [s]."""
    network: bool = False
    """Whether it may reach other machines, as a stage must that downloads something itself."""


@dataclass(frozen=True)
class StageEntry:
    """One stage of a recipe, its class found and its settings checked."""

    name: str
    """How overrides and messages call it: its kind, or the name after ` as `."""
    reference: str
    """Kind, entry point or `./file.py:Class`."""
    stage_class: type[Stage]
    """The class."""
    config: Any
    """Instance of the class's `Config`."""
    source_file: Path | None = None
    """A user's own file that the class is in; `None` for installed stages."""
    source_checksum: str = ""
    """Checksum of that file, empty for installed stages."""

    def build(self) -> Stage:
        """A new stage with these settings."""
        return self.stage_class(self.config)


@dataclass(frozen=True)
class Recipe:
    """A checked recipe."""

    name: str
    """Its name, such as `hand-gripper`."""
    description: str
    """One paragraph for people."""
    task: str
    """What the dataset's episodes show, in words, unless a video brings its own text."""
    stages: tuple[StageEntry, ...]
    """Stages in the order they run."""
    action: str
    """Name of the stage whose actions become `action`."""
    video: VideoSection = field(default_factory=VideoSection)
    """How videos are read."""
    export: ExportSection = field(default_factory=ExportSection)
    """What the dataset looks like."""
    limits: LimitsSection = field(default_factory=LimitsSection)
    """What a video may use."""
    folder: Path | None = None
    """Folder that relative stage files are relative to."""

    @property
    def source(self) -> SourceKind:
        """Kind of file that it takes: what its stages look into, videos where none says."""
        kinds = (s.stage_class.source for s in self.stages)
        return next((kind for kind in kinds if kind is not None), "video")

    @property
    def has_code(self) -> bool:
        """Whether a stage of it is a file of the user's, which is a program."""
        return any(s.source_file is not None for s in self.stages)

    def as_dict(self) -> dict[str, Any]:
        """Everything that was decided, defaults included, as JSON values.

        Published with every dataset, so of files and folders only the names: where they lay on
        this machine is nobody's business and changes no number.
        """
        return {
            "name": self.name,
            "description": self.description,
            "task": self.task,
            "action": self.action,
            "stages": [
                {
                    "name": s.name,
                    "kind": s.stage_class.kind,
                    "version": s.stage_class.version,
                    "reference": Path(s.reference).name if s.source_file else s.reference,
                    "config": without_folders(s.config),
                }
                for s in self.stages
            ],
            "video": self.video.model_dump(mode="json"),
            "export": self.export.model_dump(mode="json"),
            "limits": self.limits.model_dump(mode="json"),
        }

    def as_raw(self) -> dict[str, Any]:
        """A mapping that `build_recipe` turns into this recipe again; files become absolute."""
        stages = []
        for entry in self.stages:
            reference = entry.reference
            if entry.source_file:
                reference = f"{entry.source_file}:{reference.rpartition(':')[2]}"
            stages.append({f"{reference} as {entry.name}": entry.config.model_dump(mode="json")})
        return {k: v for k, v in self.as_dict().items() if v != ""} | {"stages": stages}

    def digest(self) -> str:
        """Hash of everything that can change the dataset; limits cannot."""
        facts = {k: v for k, v in self.as_dict().items() if k not in ("limits", "description")}
        facts["sources"] = [s.source_checksum for s in self.stages]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def recipe_names() -> list[str]:
    """Recipes that come with Rotoscope."""
    return sorted(p.stem for p in config_path("recipes").glob("*.yaml"))


def load_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a recipe by name or path and applies `-o` overrides.

    Args:
        name_or_path: A name from `recipe_names()` or the path of a YAML file.
        overrides: `stage.key=value` or `export.key=value`; values are read as YAML.

    Raises:
        RecipeError: No such recipe, malformed YAML, an unknown stage or key, a value out of range,
            or a stage whose input no stage before it provides.
    """
    path = _find(name_or_path)
    try:
        raw = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(raw, dict):
        raise RecipeError(f"{path} must hold a mapping with a key 'stages', got {type(raw)}")
    # Whoever names a recipe means what stands in it, the programs that it names included.
    return build_recipe(raw, overrides, folder=path.parent, source=str(path), allow_code=True)


def build_recipe(
    raw: dict[str, Any],
    overrides: Sequence[str] = (),
    *,
    folder: Path | None = None,
    source: str = "recipe",
    allow_code: bool = False,
) -> Recipe:
    """Checks a recipe given as a mapping; see `load_recipe`.

    Args:
        raw: The mapping.
        overrides: As for `load_recipe`.
        folder: Folder that relative stage files are relative to.
        source: What messages call it.
        allow_code: Whether the user means the stage files that it names, which are programs, to
            run; data that came from elsewhere may name any.
    """
    allowed = {"name", "description", "task", "stages", "action", "video", "export", "limits"}
    unknown = sorted(set(raw) - allowed)
    if unknown:
        raise RecipeError(f"{source}: unknown keys {unknown}; valid ones are {one_of(allowed)}")
    entries = [_parse_entry(item, source) for item in raw.get("stages") or []]
    if not entries:
        raise RecipeError(f"{source}: 'stages' must be a list with at least one stage")
    sections = {s: dict(raw.get(s) or {}) for s in ("video", "export", "limits")}
    top: dict[str, Any] = {k: raw[k] for k in ("name", "description", "task", "action") if k in raw}
    for text in overrides:
        _apply_override(text, entries, sections, top)
    stages = tuple(
        _check_entry(name, ref, config, folder, allow_code) for name, ref, config in entries
    )
    _check_order(stages)
    return Recipe(
        name=str(top.get("name", "unnamed")),
        description=" ".join(str(top.get("description", "")).split()),
        task=str(top.get("task", "manipulate the object")),
        stages=stages,
        action=_action_stage(stages, top.get("action")),
        video=_checked(VideoSection, sections["video"], "video"),
        export=_checked(ExportSection, sections["export"], "export"),
        limits=_checked(LimitsSection, sections["limits"], "limits"),
        folder=folder,
    )


def _find(name_or_path: str) -> Path:
    path = Path(name_or_path).expanduser()
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise RecipeError(f"recipe file {path} is not there")
        return path
    if name_or_path not in recipe_names():
        raise RecipeError(
            f"there is no recipe {name_or_path!r}; valid ones are {one_of(recipe_names())}, "
            "or the path of a .yaml file"
        )
    return config_path("recipes", f"{name_or_path}.yaml")


def _parse_entry(item: object, source: str) -> tuple[str, str, dict[str, Any]]:
    config: dict[str, Any] = {}
    if isinstance(item, str):
        key = item
    elif isinstance(item, dict) and len(item) == 1:
        key, given = next(iter(item.items()))
        config = dict(given or {})
    else:
        raise RecipeError(
            f"{source}: a stage is a name or one 'name: {{settings}}' mapping, got {item!r}"
        )
    reference, _, name = str(key).partition(" as ")
    # A stage of the user's own is called after its file, wherever that lies.
    own = reference.rpartition("/")[2] if ".py:" in reference else reference
    return name or own, reference, config


def _apply_override(
    text: str,
    entries: list[tuple[str, str, dict[str, Any]]],
    sections: dict[str, dict[str, Any]],
    top: dict[str, Any],
) -> None:
    key, equals, value_text = text.partition("=")
    targets = {name: config for name, _, config in entries} | sections
    owner = max((n for n in targets if key.startswith(n + ".")), key=len, default=None)
    if not equals or (owner is None and key not in ("task", "action", "name")):
        raise RecipeError(
            f"cannot read override {text!r}: write STAGE.KEY=VALUE with a stage or section of "
            f"{one_of(targets)}, or task=TEXT"
        )
    value = yaml.safe_load(value_text) if value_text else ""
    if owner is None:
        top[key] = value
        return
    config = targets[owner]
    *parents, last = key[len(owner) + 1 :].split(".")
    for parent in parents:
        config = config.setdefault(parent, {})
    config[last] = value


def _check_entry(
    name: str, reference: str, config: dict[str, Any], folder: Path | None, allow_code: bool
) -> StageEntry:
    found = registry.stage_class(reference, folder=folder, allow_code=allow_code)
    file = registry.source_file(reference, folder=folder)
    return StageEntry(
        name=name,
        reference=reference,
        stage_class=found,
        config=with_absolute_paths(_checked(found.Config, config, name)),
        source_file=file,
        source_checksum=hashlib.sha256(file.read_bytes()).hexdigest() if file else "",
    )


def _checked[M: BaseModel](model: type[M], values: dict[str, Any], owner: str) -> M:
    try:
        return model(**values)
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            key = ".".join(str(p) for p in problem["loc"])
            if problem["type"] == "extra_forbidden":
                fields = _section_at(model, problem["loc"][:-1]).model_fields
                valid = one_of(fields) if fields else "none: it has no keys"
                lines.append(f"{owner}: unknown key {key!r}; valid keys are {valid}")
            else:
                lines.append(f"{owner}.{key}: {problem['msg']}, got {problem['input']!r}")
        raise RecipeError("; ".join(lines)) from error


def _section_at(model: type[BaseModel], keys: Sequence[str | int]) -> type[BaseModel]:
    """The settings that some keys lead to, one inside the other."""
    for key in keys:
        if str(key) in model.model_fields:
            annotation = model.model_fields[str(key)].annotation
            kinds = (annotation, *get_args(annotation))
            inside = (k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel))
            model = next(inside, model)
    return model


def _check_order(stages: tuple[StageEntry, ...]) -> None:
    names = [s.name for s in stages]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise RecipeError(f"stage names must differ, {twice} stand twice; write 'kind as name'")
    _check_source(stages)
    provided: list[str] = []
    has_clip_stage = False
    for entry in stages:
        for need in entry.stage_class.requires:
            if not any(feeds(p, need) for p in provided):
                raise RecipeError(
                    f"stage {entry.name!r} requires {need!r}, which no stage before it provides "
                    f"(provided so far: {one_of(provided)}); add one before it"
                )
        is_frame_stage = issubclass(entry.stage_class, FrameStage)
        if is_frame_stage and has_clip_stage:
            raise RecipeError(
                f"stage {entry.name!r} looks at frames; such stages share one decoding pass and "
                "must stand before all others"
            )
        has_clip_stage |= not is_frame_stage
        provided.extend(entry.stage_class.provides)


def _check_source(stages: tuple[StageEntry, ...]) -> None:
    reading = {s.stage_class.source: s.name for s in stages if s.stage_class.source is not None}
    if len(reading) > 1:
        raise RecipeError(
            f"stage {reading['video']!r} looks at the pictures of a video, stage "
            f"{reading['motion']!r} reads a motion file: a recipe takes one kind of file; remove "
            "one of the two"
        )


def _action_stage(stages: tuple[StageEntry, ...], wanted: object) -> str:
    labelers = [s.name for s in stages if "actions" in s.stage_class.provides]
    if wanted is None:
        return labelers[-1] if labelers else ""
    if wanted not in labelers:
        raise RecipeError(
            f"'action' names stage {wanted!r}, which gives no actions; labelers here are "
            f"{one_of(labelers)}"
        )
    return str(wanted)
