"""From the stored tracks of episodes to columns of the dataset that they belong to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from rotoscope.pipeline.add_tracks.frames import EpisodeFrames
from rotoscope.pipeline.episodes.episode import Feature
from rotoscope.pipeline.episodes.resample import Resampler
from rotoscope.pipeline.episodes.tracks_columns import track_features
from rotoscope.pipeline.episodes.window import Window
from rotoscope.pipeline.errors import DatasetError, TrackError, UsageError, quoted
from rotoscope.pipeline.export.added_columns import AddedColumn
from rotoscope.pipeline.export.schema import ABSENT
from rotoscope.pipeline.export.stored_episode import FeatureFacts, stored_dtype
from rotoscope.pipeline.recipe import Recipe
from rotoscope.pipeline.run.keys import video_keys
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.store.store import Store
from rotoscope.pipeline.tracks import SCENE, BodyTrack, ClockTrack, FeatureTrack, HandTrack

EACH = "each"
"""Asked for as a subject: in every episode the one who is seen most there."""


def stored_tracks(
    store: Store, recipe: Recipe, tokens: dict[str, str], episode: EpisodeFrames
) -> Tracks:
    """Everything the stages made of an episode.

    Raises:
        TrackError: Something is not stored, or other frames were seen than those of the rows.
    """
    keys = video_keys(recipe, episode.sha256, tokens)
    made = [
        store.load_tracks(key)
        for key in (keys.clock, *(keys.stages[entry.name] for entry in recipe.stages))
    ]
    tracks = {name: track for units in made if units for name, track in units[0].items()}
    clock = tracks.pop("clock", None)
    if not all(made) or not isinstance(clock, ClockTrack):
        raise TrackError(f"{episode.name} is not in the store {store.root}; run it again")
    if clock.time_s.shape != episode.time_s.shape or not np.allclose(clock.time_s, episode.time_s):
        raise TrackError(
            f"{episode.name}: decoding gave {len(clock.time_s)} frames at other times than the "
            f"{len(episode.time_s)} that {episode.file} names; write the dataset again"
        )
    return tracks


def seen_frames(tracks: Tracks) -> Counter[str]:
    """In how many frames each of those was seen whom tracks are about."""
    seen: Counter[str] = Counter()
    for track in tracks.values():
        if isinstance(track, HandTrack):
            seen[track.side] += int(track.valid.sum())
        elif isinstance(track, BodyTrack):
            seen[track.subject] += int(track.valid.sum())
        elif isinstance(track, FeatureTrack) and track.subject != SCENE:
            seen[track.subject] += 0
    return seen


def choose_subjects(seen: Mapping[int, Counter[str]], wanted: str = "") -> dict[int, str]:
    """Whom the columns of every episode are about.

    Args:
        seen: In how many frames of an episode each was seen, by episode index.
        wanted: The one to choose; `EACH` for who is seen most in the episode, empty for who is seen
            most in all of them.

    Raises:
        UsageError: No track is about the one that is asked for.
    """
    if wanted == EACH:
        return {index: _most_seen(counts) for index, counts in seen.items()}
    total: Counter[str] = Counter()
    for counts in seen.values():
        total.update(counts)  # A sum would forget who was seen in no frame.
    names = {name for counts in seen.values() for name in counts}
    if wanted and wanted not in names:
        raise UsageError(f"no track is about {wanted!r}; there are tracks about {quoted(names)}")
    return dict.fromkeys(seen, wanted or _most_seen(total))


def _most_seen(seen: Counter[str]) -> str:
    return min(seen, key=lambda name: (-seen[name], name), default=SCENE)


def columns_of(
    episodes: Sequence[EpisodeFrames],
    tracked: Iterable[tuple[EpisodeFrames, Tracks]],
    subjects: Mapping[int, str],
) -> dict[str, AddedColumn]:
    """The `track.*` columns of a dataset, by name.

    An episode without tracks, or without one that others have, holds NaN there (False, -1).

    Args:
        episodes: All episodes of the dataset.
        tracked: Those that the stages made something of, and what; looked at once, in order.
        subjects: Whom the columns are about, by episode index.

    Raises:
        DatasetError: The stages gave no such column, or not the same numbers in every episode.
    """
    facts: dict[str, FeatureFacts] = {}
    values: dict[str, dict[int, np.ndarray]] = {}
    for episode, tracks in tracked:
        for name, feature in _features(episode, tracks, subjects[episode.index]).items():
            dtype = stored_dtype(name, feature.values)
            given = FeatureFacts(feature.names, dtype, feature.unit, feature.description)
            if facts.setdefault(name, given) != given:
                raise DatasetError(
                    f"{name} is {facts[name]} in one episode and {given} in {episode.name}; a "
                    "stage must give the same numbers for every video"
                )
            values.setdefault(name, {})[episode.index] = feature.values.astype(dtype)
    if not facts:
        raise DatasetError(
            "the stages gave no track.* column; hands and bodies need lifting (camera, lift or "
            "lift_body), track.colour needs things to look for"
        )
    for name, fact in facts.items():
        for episode in episodes:
            values[name].setdefault(episode.index, _absent(episode, fact))
    return {name: AddedColumn(fact, values[name]) for name, fact in sorted(facts.items())}


def _features(episode: EpisodeFrames, tracks: Tracks, subject: str) -> dict[str, Feature]:
    """An episode's columns; every row is one frame, so that nothing lies between two."""
    time_s, num = episode.time_s, len(episode.time_s)
    same = Resampler.between(time_s, time_s)
    window = Window(tracks, subject, 0, num, same)
    return {n: f for n, f in track_features(window).items() if n.startswith("track.")}


def _absent(episode: EpisodeFrames, facts: FeatureFacts) -> np.ndarray:
    shape = (len(episode.time_s), len(facts.names))
    return np.full(shape, ABSENT[facts.dtype]).astype(facts.dtype)
