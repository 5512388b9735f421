"""What latent action models of the bench learn from: one camera's videos, and colors in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from benchmarks.labelers.cells import bench_folder
from benchmarks.labelers.code import code_hash
from benchmarks.labelers.episodes import Demonstration
from benchmarks.labelers.product import metaworld_contract
from benchmarks.labelers.tasks.metaworld import MetaWorldSimulator
from benchmarks.labelers.tasks.rendered import RATE_HZ, footage
from benchmarks.labelers.tasks.rendered_scene import COLORS
from rotoscope.models.colors.stage import ColorTracks, ColorTracksConfig
from rotoscope.models.latent_actions.data import UnlabelledSet, UnlabelledVideo
from rotoscope.models.training.data import LabeledEpisode, LabeledSet
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.tracks import FeatureTrack
from rotoscope.pipeline.video.probe import probe
from rotoscope.pipeline.video.read import read_frames

CAMERA = "left"
"""The one view."""
_SIDE_PX = 192


@dataclass(frozen=True, eq=False)
class Filmed:
    """Episodes of one set as one camera sees them."""

    demonstrations: tuple[Demonstration, ...]
    """With the true actions."""
    pictures: tuple[np.ndarray, ...]
    """Small videos (step, 64, 64, 3), uint8."""
    files: tuple[Path, ...]
    """The same, larger."""

    def labeled(self) -> LabeledSet:
        """The episodes as the product's inverse dynamics reads them from a dataset."""
        episodes = []
        for demonstration, images in zip(self.demonstrations, self.pictures, strict=True):
            actions, num = demonstration.actions.astype(float), len(images)
            # The picture after the last action is a row whose own action nobody knows.
            last = np.full((1, actions.shape[1]), np.nan)
            episodes.append(
                LabeledEpisode(
                    name=f"episode {demonstration.seed}",
                    time_s=np.arange(num) / RATE_HZ,
                    features=np.zeros((num, 0)),
                    actions=np.concatenate([actions, last]),
                    valid=np.arange(num) < num - 1,
                    images=images,
                )
            )
        contract = metaworld_contract()
        camera = f"observation.images.{CAMERA}"
        return LabeledSet(tuple(episodes), contract, camera=camera, image_size=(_SIDE_PX, _SIDE_PX))


def filmed(simulator: MetaWorldSimulator, name: str, *, has_distractors: bool) -> Filmed:
    """A set of episodes (see `tasks.rendered`), rendered the first time."""
    shot = footage(simulator, name, bench_folder() / "episodes", has_distractors=has_distractors)
    return Filmed(shot.demonstrations, shot.pixels[CAMERA], shot.files[CAMERA])


def unlabelled(sets: Sequence[Filmed], *, has_tracks: bool) -> UnlabelledSet:
    """All videos, none of whose actions is looked at; with what a color tracker sees in them."""
    videos = []
    for one in sets:
        for images, file in zip(one.pictures, one.files, strict=True):
            num = len(images)
            tracks = color_tracks(file) if has_tracks else np.zeros((num, 0, 6))
            videos.append(
                UnlabelledVideo(
                    name=f"{file.parent.name}/{file.name}",
                    time_s=np.arange(num) / RATE_HZ,
                    images=images,
                    targets=tracks.reshape(num, -1),
                    points=tracks[:, :, :2],
                )
            )
    names = tuple(n for n in point_names() for _ in range(6)) if has_tracks else ()
    return UnlabelledSet(tuple(videos), ("metaworld",), (_SIDE_PX, _SIDE_PX), names)


def point_names() -> tuple[str, ...]:
    """Features that the color tracker gives."""
    return tuple(f"track.colour.{name}" for name in COLORS)


def color_tracks(file: Path) -> Float[np.ndarray, "time thing 6"]:
    """What the product's `track.colour` says about a video file, kept beside it."""
    key = code_hash(("rotoscope.models.colors.stage",))
    kept = bench_folder() / "colors" / f"{file.parent.name}-{file.stem}-{key}.npy"
    if not kept.is_file():
        things = {name: {"rgb": [round(255 * c) for c in rgb]} for name, rgb in COLORS.items()}
        stage = ColorTracks(ColorTracksConfig.model_validate({"things": things}))
        stage.setup()
        video = probe(file)
        stage.begin(video)
        times = []
        for frame in read_frames(video):
            stage.observe(frame)
            times.append(frame.time_s)
        found = stage.finish(np.array(times))
        values = [t.values for t in found.values() if isinstance(t, FeatureTrack)]
        with atomic_path(kept) as temporary, temporary.open("wb") as out:
            np.save(out, np.stack(values, axis=1))
    tracks: np.ndarray = np.load(kept, allow_pickle=False)
    return tracks
