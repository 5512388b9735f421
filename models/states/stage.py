"""Stage `track.state`: the robot's state read off what was seen of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from rotoscope.models.states.folder import STATES_FOLDER, load_states
from rotoscope.models.states.state_map import bridged, smoothed_states
from rotoscope.models.training.track_inputs import Columns, features_by_subject, joined
from rotoscope.pipeline.errors import TrackError, quoted
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import FeatureTrack, Track, median_rate_hz, runs
from rotoscope.pipeline.types import Clip

STATE_TRACK = "track.state"
"""Feature that the stage gives, and that a labeler trained through states sees."""


class StateTrackConfig(StageConfig):
    """Which map, and how long it may do without seeing."""

    model: Path
    """Folder that training through states wrote beside the labeler; its name ends in `.states`."""
    max_gap_s: float = Field(default=0.25, ge=0)
    """What was not seen for longer than this gives no state [s]; shorter gaps are bridged."""


class StateTrack(ClipStage):
    """Reads states off tracks with a learned map and smooths them over time.

    Provides `features.state.<subject>`, feature `track.state`: an estimate of the column that the
    map was trained on, such as `observation.state`, in its units. NaN where an input was unseen for
    longer than `max_gap_s`.
    """

    kind = "track.state"
    version = "2"
    requires = ("hands|body|gripper|features",)
    provides = ("features",)
    Config: ClassVar[type[StageConfig]] = StateTrackConfig
    config: StateTrackConfig

    def cache_token(self) -> str:
        """The map's numbers."""
        load_states(self.config.model)
        return STATES_FOLDER.digest(self.config.model)

    def setup(self) -> None:
        """Loads the map."""
        self._model, self._facts = load_states(self.config.model)

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """States of every subject about whom all is known that the map sees.

        Raises:
            TrackError: No stage before it gives what the map sees.
        """
        found = features_by_subject(tracks)
        out: Tracks = {}
        for subject, features in found.items():
            if all(name in features for name in self._facts.inputs):
                values = self._states(clip, joined(features, self._facts.inputs))
                out[f"features.state.{subject}"] = FeatureTrack(
                    feature=STATE_TRACK,
                    subject=subject,
                    values=values,
                    names=tuple(f"state{i}" for i in range(values.shape[1])),
                    unit="that of the labeled dataset",
                    description=f"Estimate of {self._facts.target} from what was seen.",
                )
        if not out:
            there = sorted({name for features in found.values() for name in features})
            raise TrackError(
                f"the map {self.config.model} reads states off {quoted(self._facts.inputs)}; the "
                f"stages before it give {quoted(there)}: add what makes the rest"
            )
        return out

    def _states(self, clip: Clip, seen: Columns) -> Float[np.ndarray, "time state"]:
        size = sum(self._facts.input_sizes)
        if seen.values.shape[1] != size:
            raise TrackError(
                f"the map {self.config.model} learned from {size} numbers, this recipe gives "
                f"{seen.values.shape[1]}; train it again with these stages"
            )
        lost = unseen_too_long(clip.time_s, seen.values, self.config.max_gap_s)
        states = read_off(self._model(bridged(seen.values)), clip.time_s)
        return np.where(lost[:, None], np.nan, states)


def read_off(
    states: Float[np.ndarray, "time state"], time_s: Float[np.ndarray, " time"]
) -> Float[np.ndarray, "time state"]:
    """States of single frames as one smooth motion, each number by itself."""
    if len(time_s) < 3:
        return states
    groups = [slice(i, i + 1) for i in range(states.shape[1])]
    return smoothed_states(states, groups, rate_hz=median_rate_hz(time_s))


def unseen_too_long(
    time_s: Float[np.ndarray, " time"], values: Float[np.ndarray, "time number"], max_gap_s: float
) -> Bool[np.ndarray, " time"]:
    """Frames inside a gap of some column that is longer than `max_gap_s`, or open at an end."""
    lost = np.zeros(len(time_s), bool)
    for column in values.T:
        for start, end in runs(~np.isfinite(column)):
            is_open = start == 0 or end == len(time_s)
            if is_open or time_s[end] - time_s[start - 1] > max_gap_s:
                lost[start:end] = True
    return lost
