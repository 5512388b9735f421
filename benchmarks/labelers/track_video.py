"""What labelers see of Meta-World's videos: coloured things, or the colours of 64 px pictures.

`tracks2` and `tracks1` follow both fingers, the object and the arm through video files of 192 px,
by two cameras or one; `pixels64` and `pixels64x2` are told nothing and see pictures of 64 px.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from benchmarks.labelers.cells import bench_folder
from benchmarks.labelers.code import code_hash
from benchmarks.labelers.tasks.metaworld import MetaWorldSimulator
from benchmarks.labelers.tasks.rendered import Footage, footage
from models.colour_moments import ColourMoments
from models.colour_tracks import ColourTracks, ColourTracksConfig
from models.seen_states import bridged
from pipeline.atomic import atomic_path

INPUTS = {
    "tracks2": ("left", "right"),
    "tracks1": ("left",),
    "pixels64": ("left",),
    "pixels64x2": ("left", "right"),
}
"""Cameras of each kind of input."""
_THINGS = {
    "left_finger": {"rgb": (0, 255, 255)},
    "right_finger": {"rgb": (255, 0, 255)},
    "object": {"rgb": (255, 255, 0)},
    "arm": {"rgb": (128, 26, 26), "min_chroma": 0.12},
}
_NUM_ARM_COLUMNS = 6

Seen = tuple[Float[np.ndarray, "step feature"], ...]


@dataclass(frozen=True)
class Watched:
    """Two sets of episodes as a labeler sees them."""

    labelled: Footage
    """Episodes whose actions and states may be learned from."""
    hidden: Footage
    """Episodes to label."""
    seen: Seen
    """Features of the labelled episodes, a row a picture."""
    seen_hidden: Seen
    """Features of the hidden episodes."""


def watch(
    simulator: MetaWorldSimulator, labelled_set: str, inputs: str, *, has_distractors: bool
) -> Watched:
    """What a labeler sees, looked at the first time and kept.

    Raises:
        ValueError: Unknown inputs.
    """
    if inputs not in INPUTS:
        raise ValueError(f"unknown inputs {inputs!r}; there are {', '.join(INPUTS)}")
    folder = bench_folder() / "episodes"
    shots = [
        footage(simulator, name, folder, has_distractors=has_distractors)
        for name in (labelled_set, "hidden")
    ]
    place = shots[0].files["left"][0].parent
    code = code_hash((__name__,))
    path = place.with_name(f"{place.name}-{inputs}-{code}.npz")
    if not path.is_file():
        made = _moments(shots, inputs) if inputs.startswith("pixels") else _tracks(shots, inputs)
        arrays = {f"{k}_{i}": v for k, one in enumerate(made) for i, v in enumerate(one)}
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # numpy's own stub
    with np.load(path, allow_pickle=False) as stored:
        seen, seen_hidden = (
            tuple(stored[f"{k}_{i}"] for i in range(len(shot.demonstrations)))
            for k, shot in enumerate(shots)
        )
    return Watched(shots[0], shots[1], seen, seen_hidden)


def _moments(shots: Sequence[Footage], inputs: str) -> list[Seen]:
    """Colours are learned from both sets: the hidden videos may be looked at, too."""
    by_camera: list[list[list[np.ndarray]]] = []
    for camera in INPUTS[inputs]:
        moments = ColourMoments.of([video for shot in shots for video in shot.pixels[camera]])
        by_camera.append([[moments(video) for video in shot.pixels[camera]] for shot in shots])
    return [_side_by_side([views[k] for views in by_camera]) for k in range(len(shots))]


def _tracks(shots: Sequence[Footage], inputs: str) -> list[Seen]:
    stage = ColourTracks(ColourTracksConfig.model_validate({"things": _THINGS}))
    stage.setup()
    cameras = INPUTS[inputs]
    # Two views of the fingers say where they are; one needs the arm for how far away they are.
    kept = slice(None) if len(cameras) == 1 else slice(-_NUM_ARM_COLUMNS)
    return [
        _side_by_side(
            [[_followed(stage, file)[:, kept] for file in shot.files[camera]] for camera in cameras]
        )
        for shot in shots
    ]


def _followed(stage: ColourTracks, path: Path) -> np.ndarray:
    from pipeline.tracks import FeatureTrack
    from pipeline.video.probe import probe
    from pipeline.video.read import read_frames

    video = probe(path)
    stage.begin(video)
    time_s = []
    for frame in read_frames(video):
        stage.observe(frame)
        time_s.append(frame.time_s)
    tracks = [t for t in stage.finish(np.array(time_s)).values() if isinstance(t, FeatureTrack)]
    return bridged(np.concatenate([track.values for track in tracks], axis=1))


def _side_by_side(views: Sequence[Sequence[np.ndarray]]) -> Seen:
    return tuple(np.concatenate(parts, axis=1) for parts in zip(*views, strict=True))
