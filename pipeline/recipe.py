"""A recipe: a list of stages with their settings, and nothing else decides what runs."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from rotoscope.pipeline import registry
from rotoscope.pipeline.config_paths import with_absolute_paths, without_folders
from rotoscope.pipeline.configs import config_path
from rotoscope.pipeline.errors import RecipeError, quoted
from rotoscope.pipeline.files.paths import StrPath
from rotoscope.pipeline.files.plain import mapping, read_yaml
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.recipe_sections import ExportSection, LimitsSection, VideoSection
from rotoscope.pipeline.recipe_text import (
    KEYS,
    SECTIONS,
    TEXTS,
    Entry,
    apply_override,
    parse_entry,
    settings_of,
    text_of,
)
from rotoscope.pipeline.settings import checked
from rotoscope.pipeline.stage import FrameStage, Stage, feeds
from rotoscope.pipeline.tracks import ActionSpace
from rotoscope.pipeline.types import SourceKind


@dataclass(frozen=True)
class StageEntry:
    """One stage of a recipe, its class found and its settings checked."""

    name: str
    """Name in overrides and messages: the stage's kind, or the name after ` as `."""
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
    """Clock, actions and images of the dataset."""
    limits: LimitsSection = field(default_factory=LimitsSection)
    """Memory and time that a video's child process may use."""
    folder: Path | None = None
    """Folder that relative stage files are relative to."""

    @property
    def source(self) -> SourceKind:
        """Kind of file that it takes: what its stages look into, videos where none says."""
        kinds = (s.stage_class.source for s in self.stages)
        return next((kind for kind in kinds if kind is not None), "video")

    @property
    def is_mirrored(self) -> bool:
        """Whether videos are turned back from mirror images, by `video` or by a stage's setting."""
        said = (getattr(entry.config, "mirrored", False) for entry in self.stages)
        return self.video.mirrored or any(said)

    @property
    def stage_classes(self) -> dict[str, type[Stage]]:
        """The classes of its stages, by their names."""
        return {entry.name: entry.stage_class for entry in self.stages}

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


def load_recipe(name_or_path: StrPath, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a recipe by name or path and applies `-o` overrides.

    Args:
        name_or_path: A name from `recipe_names()` or the path of a YAML file.
        overrides: `stage.key=value` or `export.key=value`; values are read as YAML. `+stage` adds
            a stage.

    Raises:
        RecipeError: No such recipe, malformed YAML, an unknown stage or key, a value out of range,
            or a stage whose input no stage before it provides.
    """
    path = _find(os.fspath(name_or_path))
    raw = read_yaml(path, error=RecipeError)
    # Whoever names a recipe means what stands in it, the programs that it names included.
    return build_recipe(raw, overrides, folder=path.parent, source=str(path), allow_code=True)


def build_recipe(
    raw: object,
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
    given = mapping(raw, source=source, error=RecipeError)
    unknown = sorted(set(given) - KEYS)
    if unknown:
        raise RecipeError(f"{source}: unknown keys {shown(unknown)}; valid ones are {quoted(KEYS)}")
    items = given.get("stages")
    if not isinstance(items, list | tuple) or not items:
        raise RecipeError(
            f"{source}: 'stages' must be a list with at least one stage, got {shown(items)}"
        )
    entries = [parse_entry(item, source) for item in items]
    sections = {s: settings_of(given.get(s), f"{source}: {s!r}") for s in SECTIONS}
    top: dict[str, Any] = {k: given[k] for k in TEXTS if k in given}
    for text in overrides:
        if text.startswith("+"):
            _add(text[1:], entries, lambda ref: _class_of(ref, folder, allow_code))
    for text in overrides:
        if not text.startswith("+"):
            apply_override(text, entries, sections, top)
    classes = [_class_of(ref, folder, allow_code) for _, ref, _ in entries]
    gave = _share(entries, classes)
    # A shared setting that is wrong is said of the stage that it was written for.
    order = sorted(range(len(entries)), key=lambda number: entries[number][0] not in gave)
    read = {number: _check_entry(entries[number], classes[number], folder) for number in order}
    stages = tuple(read[number] for number in range(len(entries)))
    _check_order(stages)
    export = checked(ExportSection, sections["export"], owner="export", error=RecipeError)
    action = _action_stage(stages, top.get("action"))
    _check_space(stages, action, export.action)
    return Recipe(
        name=text_of(top, "name", "unnamed", source),
        description=" ".join(text_of(top, "description", "", source).split()),
        task=text_of(top, "task", "manipulate the object", source),
        stages=stages,
        action=action,
        video=checked(VideoSection, sections["video"], owner="video", error=RecipeError),
        export=export,
        limits=checked(LimitsSection, sections["limits"], owner="limits", error=RecipeError),
        folder=folder,
    )


def _add(name: str, entries: list[Entry], class_of: Callable[[str], type[Stage]]) -> None:
    """Adds a stage with its defaults: one that looks at frames first, another last."""
    entry = parse_entry(name, f"override {shown('+' + name)}")
    is_first = issubclass(class_of(entry[1]), FrameStage)
    entries.insert(0 if is_first else len(entries), entry)


def _find(name_or_path: str) -> Path:
    path = Path(os.path.expanduser(name_or_path))
    is_file = path.suffix in (".yaml", ".yml")
    if is_file and os.path.lexists(path):
        return path
    if is_file or name_or_path not in recipe_names():
        raise RecipeError(
            f"there is no recipe {name_or_path!r}; valid ones are {quoted(recipe_names())}, "
            "or the path of a .yaml file"
        )
    return config_path("recipes", f"{name_or_path}.yaml")


def _share(entries: Sequence[Entry], classes: Sequence[type[Stage]]) -> set[str]:
    """Gives stages the settings that they share with others and that are given there alone.

    Returns:
        The names of stages that had some to give.
    """
    sharing = [
        (f"{name}.{key}", key, config)
        for (name, _, config), found in zip(entries, classes, strict=True)
        for key in found.shares
    ]
    given = {key: (owner, config[key]) for owner, key, config in sharing if key in config}
    gave = {owner.removesuffix(f".{key}") for owner, key, config in sharing if key in config}
    for owner, key, config in sharing:
        other, value = given.get(key, (owner, None))
        if key in given and _written(config.setdefault(key, value)) != _written(value):
            raise RecipeError(
                f"{owner} is {shown(config[key])}, {other} is {shown(value)}: both must be the "
                f"same; give {other} alone"
            )
    return gave


def _written(value: object) -> object:
    """A value, `./a` and `a` being one."""
    return os.path.normpath(value) if isinstance(value, str | Path) else value


def _check_entry(entry: Entry, found: type[Stage], folder: Path | None) -> StageEntry:
    name, reference, config = entry
    file = registry.source_file(reference, folder=folder)
    return StageEntry(
        name=name,
        reference=reference,
        stage_class=found,
        config=with_absolute_paths(checked(found.Config, config, owner=name, error=RecipeError)),
        source_file=file,
        source_checksum=hashlib.sha256(file.read_bytes()).hexdigest() if file else "",
    )


def _class_of(reference: str, folder: Path | None, allow_code: bool) -> type[Stage]:
    """A stage's class, with what a class must say of itself; a user's own may lack it."""
    found = registry.stage_class(reference, folder=folder, allow_code=allow_code)
    facts = {key: getattr(found, key, None) for key in ("kind", "version")}
    for key, value in facts.items():
        if not isinstance(value, str):
            raise RecipeError(f"{reference!r} must have a text {key!r}, got {shown(value)}")
    for key in ("requires", "uses", "provides", "assets", "preload", "shares", "action_spaces"):
        value = getattr(found, key)
        if not isinstance(value, tuple) or not all(isinstance(v, str) for v in value):
            raise RecipeError(
                f"{reference!r}: {key} must be a tuple of texts such as ('hands',), got "
                f"{shown(value)}"
            )
    if not (isinstance(found.Config, type) and issubclass(found.Config, BaseModel)):
        raise RecipeError(
            f"{reference!r}: Config must be a subclass of StageConfig, got {shown(found.Config)}"
        )
    return found


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
                    f"(provided so far: {quoted(provided)}); add one before it"
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


def _check_space(stages: tuple[StageEntry, ...], action: str, space: ActionSpace) -> None:
    """Refuses an action space that the labeler has no values for, before any data are read."""
    labeler = next((s.stage_class for s in stages if s.name == action), None)
    if labeler is not None and space not in labeler.action_spaces:
        raise RecipeError(
            f"export.action={space}, but {action!r} gives actions as "
            f"{quoted(labeler.action_spaces)} alone: it knows no end effector. Leave export.action "
            "out; a stage of your own that sets `ee_values` says so in its `action_spaces`"
        )


def _action_stage(stages: tuple[StageEntry, ...], wanted: object) -> str:
    labelers = [s.name for s in stages if "actions" in s.stage_class.provides]
    if wanted is None:
        return labelers[-1] if labelers else ""
    if wanted not in labelers:
        raise RecipeError(
            f"'action' names stage {shown(wanted)}, which gives no actions; labelers here are "
            f"{quoted(labelers)}"
        )
    return str(wanted)
