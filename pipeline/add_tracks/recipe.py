"""The part of a recipe that says what is seen in a video, not what is made of it."""

from __future__ import annotations

from dataclasses import replace

from rotoscope.pipeline.errors import RecipeError, quoted
from rotoscope.pipeline.recipe import Recipe
from rotoscope.pipeline.stage import feeds

NO_TRACKS = ("shots", "actions", "segments", "pixels")
"""What stages give that are not run: an episode is one shot, has its actions and its length."""


def tracks_alone(recipe: Recipe) -> Recipe:
    """The stages of a recipe that say what is seen, and what they need.

    Left out are shots, all labelers, curation, and whatever needs one of these.

    Raises:
        RecipeError: A recipe for motion files, or nothing is left.
    """
    if recipe.source != "video":
        raise RecipeError(
            f"recipe {recipe.name!r} takes motion files; the pictures of a dataset need one for "
            "videos"
        )
    kept, provided = [], set[str]()
    for entry in recipe.stages:
        gives, needs = entry.stage_class.provides, entry.stage_class.requires
        has_needs = all(any(feeds(p, n) for p in provided) for n in needs)
        if has_needs and not any(name in NO_TRACKS for name in gives):
            kept.append(entry)
            provided |= set(gives)
    if not kept:
        names = quoted(entry.name for entry in recipe.stages)
        raise RecipeError(
            f"recipe {recipe.name!r} has no stage that gives tracks, only {names}; add hands, "
            "camera and lift, or track.colour, or a stage of your own"
        )
    return replace(recipe, stages=tuple(kept), action="")
