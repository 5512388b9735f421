"""Content keys of everything a video gives under a recipe, before anything runs."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.recipe import Recipe, StageEntry
from pipeline.run.store import content_key
from pipeline.stage import FrameStage, matches


@dataclass(frozen=True)
class Keys:
    """Store keys of one video under one recipe."""

    clock: str
    """Frame times."""
    stages: dict[str, str]
    """Tracks of each stage, by stage name."""
    episodes: str
    """Index of the episodes."""


def outcome_key(recipe: Recipe, sha256: str, tokens: dict[str, str], until: str) -> str:
    """Store key of what a video gives as a whole."""
    facts = {
        "kind": "outcome",
        "video": sha256,
        "recipe": recipe.digest(),
        "inputs": list(video_keys(recipe, sha256, tokens).stages.values()),
        "until": until,
    }
    return content_key(facts)


def stage_tokens(recipe: Recipe) -> dict[str, str]:
    """Each stage's cache token: what changes its output beyond config and version."""
    return {entry.name: entry.build().cache_token() for entry in recipe.stages}


def video_keys(recipe: Recipe, sha256: str, tokens: dict[str, str]) -> Keys:
    """The keys of a video: change one setting, and only what depends on it gets another key."""
    clock = content_key({"kind": "clock", "video": sha256, "backend": recipe.video.backend})
    stages: dict[str, str] = {}
    split = clock
    for entry in recipe.stages:
        is_frame_stage = issubclass(entry.stage_class, FrameStage)
        inputs = [
            stages[earlier.name]
            for earlier in recipe.stages
            if earlier.name in stages and _feeds(earlier, entry)
        ]
        stages[entry.name] = content_key(
            {
                "kind": entry.stage_class.kind,
                "video": sha256,
                "name": entry.name,
                "version": entry.stage_class.version,
                "config": entry.config.model_dump(mode="json"),
                "token": tokens[entry.name],
                "source": entry.source_checksum,
                # Frame stages see the whole video; clip stages depend on where it is cut.
                "inputs": [clock if is_frame_stage else split, *inputs],
            }
        )
        if "shots" in entry.stage_class.provides:
            split = stages[entry.name]
    episodes = content_key(
        {
            "kind": "episodes",
            "video": sha256,
            "inputs": list(stages.values()),
            "export": recipe.export.model_dump(mode="json"),
            "labeler": recipe.action,
        }
    )
    return Keys(clock=clock, stages=stages, episodes=episodes)


def _feeds(earlier: StageEntry, entry: StageEntry) -> bool:
    return any(
        matches(given, need) or matches(need, given)
        for given in earlier.stage_class.provides
        for need in entry.stage_class.requires
    )
