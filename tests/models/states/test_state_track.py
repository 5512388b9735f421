"""Actions inferred through states: the map's folder, the stage, and the labeler behind it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import point_mass
import pytest

from benchmarks._small_dataset import publish_small
from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.inverse_dynamics.stage import InverseDynamics, InverseDynamicsStageConfig
from rotoscope.models.inverse_dynamics.train import train_inverse_dynamics
from rotoscope.models.states.folder import load_states
from rotoscope.models.states.stage import StateTrack, StateTrackConfig, unseen_too_long
from rotoscope.models.states.two_stage import learn_map, train_two_stage
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.pipeline.errors import DatasetError, TrackError, UsageError
from rotoscope.pipeline.testing import a_clip
from rotoscope.pipeline.tracks import FeatureTrack
from rotoscope.pipeline.types import Clip

SEEN, STATE = "track.colour.point", "observation.state"


def _bent(places: np.ndarray) -> np.ndarray:
    """How a wide lens would show them."""
    return np.tanh(0.4 * places) + 0.05 * places[:, ::-1]


def _seen_and_states(episode: LabeledEpisode) -> LabeledEpisode:
    return replace(episode, features=np.hstack([_bent(episode.features), episode.features]))


def _both(num: int = 5) -> LabeledSet:
    data = point_mass.dataset(num)
    size = data.episodes[0].features.shape[1]
    return replace(
        data,
        episodes=tuple(_seen_and_states(e) for e in data.episodes),
        inputs=(SEEN, STATE),
        input_sizes=(size, size),
    )


def _clip(time_s: np.ndarray) -> Clip:
    return a_clip(time_s, rate_hz=20.0)


def _track(values: np.ndarray, feature: str = SEEN) -> FeatureTrack:
    names = tuple(f"n{i}" for i in range(values.shape[1]))
    return FeatureTrack(feature, "scene", values, names, "1", "A point.")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("through")
    data, facts = learn_map(_both(), root / "labeler.states")
    assert max(facts.error) < 0.1
    config = InverseDynamicsConfig(kind="ridge", inputs=data.inputs)
    train_inverse_dynamics(data, config, root / "labeler")
    return root / "labeler", root / "labeler.states"


def test_states_and_then_actions_come_out_of_tracks(folders: tuple[Path, Path]) -> None:
    truth = point_mass.episode(77)
    stage = StateTrack(StateTrackConfig(model=folders[1]))
    stage.setup()
    clip = _clip(truth.time_s)
    made = stage.run(clip, {"features.colour.point": _track(_bent(truth.features))})
    states = made["features.state.scene"]
    assert isinstance(states, FeatureTrack)
    assert np.sqrt(((states.values - truth.features) ** 2).mean()) < 0.1
    labeler = InverseDynamics(InverseDynamicsStageConfig(model=folders[0]))
    labeler.setup()
    actions = labeler.run(clip, made)["actions.label.inverse_dynamics.scene"]
    off = (actions.values - truth.actions)[actions.valid]  # type: ignore[attr-defined]
    # Actions are accelerations here: second differences, which enlarge every error of a state.
    assert np.abs(off).mean() < 0.5 * np.abs(truth.actions).mean()


def test_frames_in_a_long_gap_have_no_state(folders: tuple[Path, Path]) -> None:
    truth = point_mass.episode(77)
    seen = _bent(truth.features)
    seen[10:12], seen[40:70] = np.nan, np.nan
    stage = StateTrack(StateTrackConfig(model=folders[1], max_gap_s=0.25))
    stage.setup()
    made = stage.run(_clip(truth.time_s), {"features.colour.point": _track(seen)})
    values = made["features.state.scene"].values  # type: ignore[attr-defined]
    assert np.flatnonzero(np.isnan(values).any(axis=1)).tolist() == list(range(40, 70))


def test_a_recipe_without_the_features_is_told_what_is_missing(folders: tuple[Path, Path]) -> None:
    stage = StateTrack(StateTrackConfig(model=folders[1]))
    stage.setup()
    track = _track(np.zeros((20, 2)), "track.colour.other")
    with pytest.raises(TrackError, match=r"'track\.colour\.point'; the stages before it give"):
        stage.run(_clip(np.arange(20) / 20), {"features.other": track})


def test_gaps_at_the_ends_are_never_bridged() -> None:
    values = np.ones((6, 1))
    values[[0, 3, 5]] = np.nan
    lost = unseen_too_long(np.arange(6) / 10, values, 0.25)
    assert lost.tolist() == [True, False, False, False, False, True]


def test_a_folder_without_a_map_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"states\.yaml is not there; name the folder ending"):
        load_states(tmp_path)


def test_episode_in_which_nothing_was_seen_teaches_the_map_nothing(tmp_path: Path) -> None:
    both = _both(6)
    size = both.input_sizes[-1]
    both.episodes[2].features[:, :-size] = np.nan
    data, facts = learn_map(both, tmp_path / "map.states")
    assert max(facts.error) < 0.1
    assert np.isnan(data.episodes[2].features).all()
    assert np.isfinite(data.episodes[3].features).any()
    for episode in both.episodes:
        episode.features[:, :-size] = np.nan
    with pytest.raises(DatasetError, match="known together in no row of the 6 episodes"):
        learn_map(both, tmp_path / "map.states")


def test_states_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    both = _both(3)
    both.episodes[1].features[4, -1] = np.nan
    with pytest.raises(DatasetError, match="row 4 is not finite"):
        learn_map(both, tmp_path / "map.states")


def test_a_labeled_dataset_becomes_labeler_and_map(tmp_path: Path) -> None:
    publish_small(tmp_path / "data", episodes=3, rows=24)
    settings = ["inputs=[track.point]", "kind=ridge", "members=2"]
    made = train_two_stage("inverse-dynamics", tmp_path / "data", tmp_path / "labeler", settings)
    assert made.labeler.facts.inputs == ("track.state",)
    assert load_states(made.states)[1].target == STATE


def test_states_are_not_read_off_pictures(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="states are read off features"):
        train_two_stage(
            "inverse-dynamics", tmp_path, tmp_path / "out", ["camera=observation.images.front"]
        )
