"""What a curation recipe says: which scores are taken, and what each of them may leave out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rotoscope.pipeline.configs import config_path
from rotoscope.pipeline.errors import RecipeError, quoted
from rotoscope.pipeline.files.plain import mapping, parse_yaml, read_text
from rotoscope.pipeline.settings import checked, parse_override, put

Mode = Literal["off", "score-only", "filter"]


class ScoreConfig(BaseModel):
    """Whether a score is taken, and whether it leaves anything out."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mode: Mode = "score-only"
    """`off`; `score-only` writes the column and leaves nothing out; `filter` leaves out what is
    worse than the limit."""
    limit: float | None = None
    """Value beyond which an episode, or a row, is left out, in the score's own unit; look at the
    histogram first. None where there is no value that fits every dataset."""

    @field_validator("mode", mode="before")
    @classmethod
    def _yaml_reads_off_as_false(cls, value: Any) -> Any:
        return "off" if value is False else value

    @model_validator(mode="after")
    def _filters_by_a_limit(self) -> Self:
        if self.mode == "filter" and self.limit is None:
            raise ValueError(
                "mode=filter needs a limit; look at the histogram that rotoscope curate DATASET "
                "shows, then give one"
            )
        return self


class CurationConfig(BaseModel):
    """Which scores are taken, and what is left out because of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    motion: tuple[str, ...] = ()
    """Columns whose steps say what moved; `observation.state` where empty. A state that is the
    action some rows earlier cannot say whether the action is right: name tracks there, such as
    `[track.hand.wrist]`."""
    min_piece_s: float = Field(default=0.5, ge=0)
    """Shortest stretch of an episode that is kept where rows are cut out of it [s]."""
    motion_error: ScoreConfig = ScoreConfig(limit=1.5)
    """How far motion is from what the action explains, by episode [times the usual]."""
    lag: ScoreConfig = ScoreConfig(limit=0.03)
    """How much later than elsewhere motion follows the action, by episode [s]."""
    gain: ScoreConfig = ScoreConfig(limit=0.7)
    """How far the gain from action to motion is from what it is elsewhere, by episode; share."""
    divergence: ScoreConfig = ScoreConfig()
    """How far actions are from those of other episodes in like states, by episode [standard
    deviations]."""
    smoothness: ScoreConfig = ScoreConfig()
    """Spectral arc length of the speed, by episode: 0 at best, less is worse; without unit."""
    saturation: ScoreConfig = ScoreConfig()
    """Share of the action's numbers that stand at a limit, by episode, 0..1."""
    familiarity: ScoreConfig = ScoreConfig()
    """What a learned labeler says of how well it knew the rows, by episode, 0..1."""
    success: ScoreConfig = ScoreConfig(limit=0.5)
    """1 where the task was solved, 0 where not, by episode, 0..1."""
    disagreement: ScoreConfig = ScoreConfig()
    """How far other labelers' numbers are from the action, by episode [standard deviations]."""
    idle: ScoreConfig = ScoreConfig(limit=0.25)
    """How long nothing moves at the beginning or end that a row is in, by row [s]."""
    detour: ScoreConfig = ScoreConfig(limit=0.5)
    """How surely a row belongs to a stretch that no other episode of the task has a counterpart
    for, by row, 0..1."""

    @model_validator(mode="before")
    @classmethod
    def _keeps_limits(cls, values: Any) -> Any:
        """Where only a score's mode is given, its limit is its own."""
        if not isinstance(values, dict):
            return values
        out = dict(values)
        for name, field in cls.model_fields.items():
            if isinstance(field.default, ScoreConfig) and isinstance(out.get(name), dict):
                out[name] = {"limit": field.default.limit} | out[name]
        return out

    def of(self, score: str) -> ScoreConfig:
        """What is said of a score, by its name."""
        found: ScoreConfig = getattr(self, score)
        return found

    def wants(self, *scores: str) -> bool:
        """Whether any of these is taken."""
        return any(self.of(score).mode != "off" for score in scores)


def load_curation(recipe: str, overrides: tuple[str, ...] | list[str] = ()) -> CurationConfig:
    """The settings of a curation recipe, some of them changed.

    Args:
        recipe: Name of one that ships (see `curation_names`), or path of a .yaml file; the
            defaults, which score and leave nothing out, where empty.
        overrides: `KEY=VALUE`, such as `idle.mode=filter`.

    Raises:
        RecipeError: No such recipe, an unknown key, or a value out of range.
    """
    raw: dict[str, Any] = {}
    if recipe:
        path = _path_of(recipe)
        text = read_text(path, error=RecipeError)
        found = parse_yaml(text, source=str(path), error=RecipeError)
        raw = dict(mapping(found, source=str(path), error=RecipeError))
        checked(CurationConfig, raw, owner=str(path), error=RecipeError, is_file=True)
    for text in overrides:
        key, value = parse_override(text, error=RecipeError)
        put(raw, key, value, source=f"override {text!r}", error=RecipeError)
    return checked(CurationConfig, raw, error=RecipeError)


def curation_names() -> list[str]:
    """Names of the curation recipes that ship."""
    return sorted(path.stem for path in config_path("curation").glob("*.yaml"))


def _path_of(recipe: str) -> Path:
    if recipe.endswith((".yaml", ".yml")):
        return Path(recipe)
    if recipe not in curation_names():
        raise RecipeError(
            f"no curation recipe {recipe!r}; those that ship are {quoted(curation_names())}, and a "
            "path that ends in .yaml is one of your own"
        )
    return config_path("curation", f"{recipe}.yaml")
