"""From the stored tracks of episodes to columns of the dataset that they belong to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.episode import Feature
from pipeline.errors import DatasetError, TrackError, UsageError, one_of
from pipeline.export.added_columns import AddedColumn
from pipeline.export.schema import ABSENT
from pipeline.export.stored_episode import FeatureFacts, stored_dtype
from pipeline.features.tracks import track_features
from pipeline.features.window import Window
from pipeline.recipe import Recipe
from pipeline.resample import Resampler
from pipeline.run.keys import video_keys
from pipeline.run.store import Store
from pipeline.run.track_frames import EpisodeFrames
from pipeline.stage import Tracks
from pipeline.tracks import BodyTrack, ClockTrack, FeatureTrack, HandTrack

SCENE = "scene"
"""Subject of what belongs to nobody."""


def stored_tracks(
    store: Store, recipe: Recipe, tokens: dict[str, str], episode: EpisodeFrames
) -> Tracks | None:
    """Everything the stages made of an episode, `None` where something is not stored.

    Raises:
        TrackError: Other frames were seen than those that show the rows.
    """
    keys = video_keys(recipe, episode.sha256, tokens)
    clock = store.load_tracks(keys.clock)
    made = [store.load_tracks(keys.stages[entry.name]) for entry in recipe.stages]
    if clock is None or any(units is None for units in made):
        return None
    seen = clock[0]["clock"]
    assert isinstance(seen, ClockTrack)
    if seen.time_s.shape != episode.time_s.shape or not np.allclose(seen.time_s, episode.time_s):
        raise TrackError(
            f"{episode.name}: decoding gave {len(seen.time_s)} frames at other times than the "
            f"{len(episode.time_s)} that {episode.file} names; write the dataset again"
        )
    return {name: track for units in made if units for name, track in units[0].items()}


def most_seen(episodes: Mapping[int, Tracks], wanted: str = "") -> str:
    """Whom the columns are about: who was seen in most frames, unless someone is asked for.

    Raises:
        UsageError: No track is about the one that is asked for.
    """
    seen: Counter[str] = Counter()
    for tracks in episodes.values():
        for track in tracks.values():
            if isinstance(track, HandTrack):
                seen[track.side] += int(track.valid.sum())
            elif isinstance(track, BodyTrack):
                seen[track.subject] += int(track.valid.sum())
            elif isinstance(track, FeatureTrack) and track.subject != SCENE:
                seen[track.subject] += 0
    if wanted and wanted not in seen:
        raise UsageError(f"no track is about {wanted!r}; there are tracks about {one_of(seen)}")
    return wanted or min(seen, key=lambda name: (-seen[name], name), default=SCENE)


def columns_of(
    episodes: Sequence[EpisodeFrames], tracks: Mapping[int, Tracks], subject: str
) -> dict[str, AddedColumn]:
    """The `track.*` columns of a dataset, by name.

    An episode without tracks, or without one that others have, holds NaN there (False, -1).

    Args:
        episodes: All episodes of the dataset.
        tracks: What the stages made, by episode index.
        subject: Whom the columns are about.

    Raises:
        DatasetError: The stages gave no such column.
    """
    made = {e.index: _features(e, tracks[e.index], subject) for e in episodes if e.index in tracks}
    facts: dict[str, FeatureFacts] = {}
    for features in made.values():
        for name, feature in features.items():
            dtype = stored_dtype(name, feature.values)
            given = FeatureFacts(feature.names, dtype, feature.unit, feature.description)
            if facts.setdefault(name, given) != given:
                raise DatasetError(
                    f"{name} is {facts[name]} in one episode and {given} in another; a stage must "
                    "give the same numbers for every video"
                )
    if not facts:
        raise DatasetError(
            "the stages gave no track.* column; hands and bodies need lifting (camera, lift or "
            "lift_body), track.colour needs things to look for"
        )
    return {
        name: AddedColumn(fact, {e.index: _rows(e, made, name, fact) for e in episodes})
        for name, fact in sorted(facts.items())
    }


def _features(episode: EpisodeFrames, tracks: Tracks, subject: str) -> dict[str, Feature]:
    """An episode's columns; every row is one frame, so that nothing lies between two."""
    time_s, num = episode.time_s, len(episode.time_s)
    same = Resampler.between(time_s, time_s)
    window = Window(tracks, subject, 0, num, same)
    return {n: f for n, f in track_features(window).items() if n.startswith("track.")}


def _rows(
    episode: EpisodeFrames, made: Mapping[int, Mapping[str, Feature]], name: str, fact: FeatureFacts
) -> np.ndarray:
    feature = made.get(episode.index, {}).get(name)
    if feature is None:
        shape = (len(episode.time_s), len(fact.names))
        return np.full(shape, ABSENT[fact.dtype]).astype(fact.dtype)
    return feature.values.astype(fact.dtype)
