"""Any trained labeler as a stage of a recipe, by the labeler's own name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, UInt8

from rotoscope.models.labelers.label_tracks import label_tracks
from rotoscope.models.labelers.labeler import Labeler
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.data import UnlabelledEpisode
from rotoscope.models.training.focus import focused
from rotoscope.models.training.focus_clips import points_in_clip
from rotoscope.models.training.pictures import shrink
from rotoscope.models.training.track_inputs import Columns, features_by_subject, seen_by_subject
from rotoscope.models.training.views import check_one_camera
from rotoscope.models.training.windows import nearest_frames, sample_windows
from rotoscope.pipeline.errors import ContractError
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import SCENE, Track, median_rate_hz
from rotoscope.pipeline.types import Clip
from rotoscope.pipeline.video.read import read_frames

_SAME_RATE = 1e-3


class LabelerStageConfig(StageConfig):
    """Which trained labeler, and for which robot."""

    model: Path
    """Folder that `rotoscope train LABELER --out` wrote."""
    robot: str = ""
    """Robot that the labels must be for; empty takes the labeler's."""


class LabelerStage(ClipStage):
    """A trained labeler's actions, with interval and familiarity where it says them.

    The labeler is shown rows as far apart as its actions, whatever the rate of the video is:
    features between two frames are on the line between them, and a picture is the nearest frame's.
    Pictures are decoded once more.
    """

    labeler_class: ClassVar[type[Labeler]]
    uses = ("hands", "body", "gripper", "features")
    provides = ("actions", "features")
    source = "video"
    Config: ClassVar[type[StageConfig]] = LabelerStageConfig
    config: LabelerStageConfig

    def cache_token(self) -> str:
        """What decides the labeler's answers."""
        self._open()
        return self.labeler_class.digest(self.config.model)

    def setup(self) -> None:
        """Opens the labeler."""
        self.labeler = self._open()
        self.labeler.setup()

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """Actions of every subject about whom all is known that the labeler sees.

        Raises:
            TrackError: Nothing in the recipe gives what the labeler sees.
        """
        facts = self.labeler.trained
        images = self._pictures(clip, tracks) if facts.camera else None
        if not facts.inputs:
            seen = Columns(np.zeros((clip.num_frames, 0)), np.ones(clip.num_frames, bool))
            return self._label(clip, SCENE, seen, images)
        subjects = seen_by_subject(
            features_by_subject(tracks),
            facts.inputs,
            facts.input_sizes,
            labeler=self.config.model,
        )
        out: Tracks = {}
        for subject, columns in subjects.items():
            out |= self._label(clip, subject, columns, images)
        return out

    def _open(self) -> Labeler:
        labeler = self.labeler_class.open(self.config.model)
        check_one_camera(labeler.trained.camera, self.config.model)
        robot, there = self.config.robot, labeler.contract.robot
        if robot and robot != there:
            raise ContractError(
                f"the recipe asks for actions of robot {robot!r}, the labeler {self.config.model} "
                f"gives those of {there!r}; name another labeler or robot"
            )
        return labeler

    def _pictures(
        self, clip: Clip, tracks: Mapping[str, Track]
    ) -> UInt8[np.ndarray, "time size size 3"]:
        config, shape = self.labeler.config, self.labeler.trained.image_size
        frames = read_frames(clip.video, start=clip.start, end=clip.end, kept=clip.kept)
        images = np.stack([shrink(f.rgb, config.image_size, shape=shape) for f in frames])
        if not config.focus.tracks:
            return images
        return focused(images, points_in_clip(clip, tracks, config.focus, shape), config.focus)

    def _label(self, clip: Clip, subject: str, seen: Columns, images: np.ndarray | None) -> Tracks:
        contract, time_s = self.labeler.contract, clip.time_s
        rows_s = rows_of_clip(time_s, contract.rate_hz)
        features, known = sample_windows(time_s, seen.values, rows_s, np.zeros(1))
        episode = UnlabelledEpisode(
            name=f"{subject} in {clip.video.path}",
            time_s=rows_s,
            features=np.where(known[:, None], features[:, 0], np.nan),
            images=None if images is None else images[nearest_frames(time_s, rows_s)],
        )
        # Absolute actions stand at the time that they speak of.
        at_s = time_s - (contract.shift_s if contract.mode == "absolute" else 0.0)
        labels = at_times(self.labeler.labels_of(episode), rows_s, at_s)
        observed = seen.valid[nearest_frames(time_s, at_s)]
        kind = self.kind
        action, interval, familiar = label_tracks(
            labels, contract, kind=kind, subject=subject, observed=observed
        )
        return {
            f"actions.{kind}.{subject}": action,
            f"features.interval.{subject}": interval,
            f"features.familiarity.{subject}": familiar,
        }


def rows_of_clip(time_s: Float[np.ndarray, " time"], rate_hz: float) -> Float[np.ndarray, " row"]:
    """Times at which a labeler is shown a clip: those of its frames where the rate is the same."""
    if len(time_s) < 2 or abs(median_rate_hz(time_s) / rate_hz - 1) < _SAME_RATE:
        return time_s
    num = int(np.floor((time_s[-1] - time_s[0]) * rate_hz + 1e-6)) + 1
    return time_s[0] + np.arange(num) / rate_hz


def at_times(
    labels: Labels, rows_s: Float[np.ndarray, " row"], at_s: Float[np.ndarray, " moment"]
) -> Labels:
    """The labels of the rows nearest to some moments; unknown further than half a row away."""
    nearest = nearest_frames(rows_s, at_s) if len(rows_s) > 1 else np.zeros(len(at_s), int)
    step_s = float(np.median(np.diff(rows_s))) if len(rows_s) > 1 else np.inf
    is_near: Bool[np.ndarray, " moment"] = np.abs(rows_s[nearest] - at_s) <= 0.51 * step_s
    return Labels(*(array[nearest[is_near]] for array in vars(labels).values())).spread_over(
        is_near
    )


@cache
def stage_of(labeler: type[Labeler]) -> type[LabelerStage]:
    """The stage that opens folders of a labeler."""
    text = (labeler.__doc__ or "").strip()
    body = {
        "__doc__": text or LabelerStage.__doc__,
        "__module__": __name__,
        "labeler_class": labeler,
        "kind": f"label.{labeler.family()}",
        "version": f"1.{labeler.version}",
    }
    return type(f"{labeler.__name__}Stage", (LabelerStage,), body)
