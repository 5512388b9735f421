"""States read off Meta-World's videos: from colored things, or from the colors of 64 px pictures.

`tracks2` and `tracks1` follow both fingers, the object and the arm through video files of 192 px,
by two cameras or one; `pixels64` and `pixels64x2` are told nothing and see pictures of 64 px.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks._color_moments import ColorMoments
from benchmarks.labelers.cells import bench_folder
from benchmarks.labelers.code import code_hash
from benchmarks.labelers.episodes import Demonstration
from benchmarks.labelers.labeler import NUM_TRACKED, OPENING
from benchmarks.labelers.tasks.metaworld import MetaWorldSimulator
from benchmarks.labelers.tasks.rendered import RATE_HZ, Footage, footage
from rotoscope.models.colors.stage import ColorTracks, ColorTracksConfig
from rotoscope.models.states.state_map import bridged, learn_states, smoothed_states
from rotoscope.pipeline.files.atomic import atomic_path

INPUTS = {
    "tracks2": (("left", "right"),),
    "tracks1": (("left",), ("right",)),
    "pixels64": (("left",), ("right",)),
    "pixels64x2": (("left", "right"),),
}
"""Cameras of each kind of input, or several such choices: the one counts whose states are best on
labeled episodes that were left out."""
_THINGS = {
    "left_finger": {"rgb": (0, 255, 255)},
    "right_finger": {"rgb": (255, 0, 255)},
    "object": {"rgb": (255, 255, 0)},
    "arm": {"rgb": (128, 26, 26), "min_chroma": 0.12},
}
_NUM_ARM_COLUMNS = 6

_MOVED_TOGETHER = (slice(0, OPENING), slice(OPENING, OPENING + 1), slice(OPENING + 1, NUM_TRACKED))

Rows = tuple[Float[np.ndarray, "_ number"], ...]


@dataclass(frozen=True)
class ReadOff:
    """Two sets of episodes, and the states that were read off their videos."""

    known: tuple[Demonstration, ...]
    """Labeled episodes; true states and actions may be learned from."""
    hidden: tuple[Demonstration, ...]
    """Episodes to label."""
    known_states: Rows
    """Of the labeled episodes, each read off by a map that has not seen it."""
    hidden_states: Rows
    """Of the hidden episodes."""
    num_parameters: int
    """Of the map."""


def read_states(
    simulator: MetaWorldSimulator, labelled_set: str, inputs: str, *, has_distractors: bool
) -> ReadOff:
    """Smoothed states of a labeled set and of the hidden episodes, read off once and kept.

    The labeled set's true states are learned from, as any teleoperated recording holds them; the
    hidden episodes' are not seen.

    Raises:
        ValueError: Unknown inputs.
    """
    if inputs not in INPUTS:
        raise ValueError(f"unknown inputs {inputs!r}; there are {', '.join(INPUTS)}")
    folder = bench_folder() / "episodes"
    known, hidden = (
        footage(simulator, name, folder, has_distractors=has_distractors)
        for name in (labelled_set, "hidden")
    )
    place = known.files["left"][0].parent
    path = place.with_name(f"{place.name}-{inputs}-{code_hash((__name__,))}.npz")
    if not path.is_file():
        _write(path, *_read_off(known, hidden, inputs))
    with np.load(path, allow_pickle=False) as stored:
        return ReadOff(
            known.demonstrations,
            hidden.demonstrations,
            tuple(stored[f"known_{i}"] for i in range(len(known.demonstrations))),
            tuple(stored[f"hidden_{i}"] for i in range(len(hidden.demonstrations))),
            int(stored["num_parameters"]),
        )


def _read_off(known: Footage, hidden: Footage, inputs: str) -> tuple[Rows, Rows, int]:
    look = _moments if inputs.startswith("pixels") else _tracks
    true = [d.observations[:, :NUM_TRACKED] for d in known.demonstrations]
    best, least = None, np.inf
    for cameras in INPUTS[inputs]:
        seen, seen_hidden = look((known, hidden), cameras)
        learned = learn_states(seen, true)
        wrong = _wrong(learned.cross_fitted, true)
        if wrong < least:
            best, least = (learned, seen_hidden), wrong
    assert best is not None
    learned, seen_hidden = best
    known_states = tuple(_smooth(states) for states in learned.cross_fitted)
    hidden_states = tuple(_smooth(learned.model(rows)) for rows in seen_hidden)
    return known_states, hidden_states, learned.model.weights.size


def _wrong(found: Rows, true: Sequence[np.ndarray]) -> float:
    """Mean squared error in units of each number's variance."""
    found_all, true_all = np.concatenate(found), np.concatenate(true)
    return float((((found_all - true_all) / (true_all.std(0) + 1e-6)) ** 2).mean())


def _smooth(states: np.ndarray) -> np.ndarray:
    return smoothed_states(states, _MOVED_TOGETHER, rate_hz=RATE_HZ)


def _write(path: Path, known: Rows, hidden: Rows, num_parameters: int) -> None:
    arrays: dict[str, Any] = {"num_parameters": np.array(num_parameters)}
    arrays |= {f"known_{i}": rows for i, rows in enumerate(known)}
    arrays |= {f"hidden_{i}": rows for i, rows in enumerate(hidden)}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _moments(shots: Sequence[Footage], cameras: Sequence[str]) -> list[Rows]:
    """Colors are learned from both sets: the hidden videos may be looked at, too."""
    by_camera: list[list[list[np.ndarray]]] = []
    for camera in cameras:
        moments = ColorMoments.of([video for shot in shots for video in shot.pixels[camera]])
        by_camera.append([[moments(video) for video in shot.pixels[camera]] for shot in shots])
    return [_side_by_side([views[k] for views in by_camera]) for k in range(len(shots))]


def _tracks(shots: Sequence[Footage], cameras: Sequence[str]) -> list[Rows]:
    stage = ColorTracks(ColorTracksConfig.model_validate({"things": _THINGS}))
    stage.setup()
    # Two views of the fingers say where they are; one needs the arm for how far away they are.
    kept = slice(None) if len(cameras) == 1 else slice(-_NUM_ARM_COLUMNS)
    return [
        _side_by_side(
            [[_followed(stage, file)[:, kept] for file in shot.files[camera]] for camera in cameras]
        )
        for shot in shots
    ]


def _followed(stage: ColorTracks, path: Path) -> np.ndarray:
    from rotoscope.pipeline.tracks import FeatureTrack
    from rotoscope.pipeline.video.probe import probe
    from rotoscope.pipeline.video.read import read_frames

    video = probe(path)
    stage.begin(video)
    time_s = []
    for frame in read_frames(video):
        stage.observe(frame)
        time_s.append(frame.time_s)
    tracks = [t for t in stage.finish(np.array(time_s)).values() if isinstance(t, FeatureTrack)]
    return bridged(np.concatenate([track.values for track in tracks], axis=1))


def _side_by_side(views: Sequence[Sequence[np.ndarray]]) -> Rows:
    return tuple(np.concatenate(parts, axis=1) for parts in zip(*views, strict=True))
