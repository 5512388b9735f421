"""Stage `label.inverse_dynamics`: actions that a trained model infers from what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.checkpoints.device import Device
from rotoscope.models.inverse_dynamics.encoders import encoder_token
from rotoscope.models.inverse_dynamics.infer import Inferred, infer
from rotoscope.models.inverse_dynamics.labeler import Labeler, load_labeler
from rotoscope.models.inverse_dynamics.labeler_facts import LABELER_FOLDER
from rotoscope.models.inverse_dynamics.pixels_stage import look_at
from rotoscope.models.inverse_dynamics.rows import seen_columns
from rotoscope.models.labelers.familiar_marks import NUM_MARKS
from rotoscope.models.labelers.familiarity import LAG_S
from rotoscope.models.labelers.label_tracks import label_tracks
from rotoscope.models.labelers.labels import Labels
from rotoscope.models.training.track_inputs import Columns, features_by_subject, seen_by_subject
from rotoscope.models.training.views import check_one_camera
from rotoscope.models.training.windows import inside_windows, sample_windows
from rotoscope.pipeline.errors import ContractError, TrackError, UsageError
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import SCENE, EmbeddingTrack, Track
from rotoscope.pipeline.types import Clip

_CHUNK_ROWS = 512
"""Windows that are cut at a time: more would take memory, not less time."""


class InverseDynamicsStageConfig(StageConfig):
    """Which labeler, for which robot, and where."""

    model: Path
    """Folder that `rotoscope train inverse-dynamics --out` wrote."""
    robot: str = ""
    """Robot that the labels must be for; empty takes the labeler's."""
    device: Device = "auto"
    """Where its networks run."""


class InverseDynamics(ClipStage):
    """A trained labeler's actions, with a 90 % interval for every number.

    Provides `actions.label.inverse_dynamics.<subject>`, whose confidence is calibrated, and the
    columns `label.interval` and `label.familiarity`. Where the labeler was trained on absolute
    actions, which say where the robot will be `shift_s` later, values are put at the time they
    speak of, as in all action tracks. Frames whose window touches what was not seen, or reaches
    beyond the clip, have none; where the labeler holds ends (`window.at_ends`), only the video's
    own ends are held.
    """

    kind = "label.inverse_dynamics"
    version = "7"
    requires = ("hands|body|gripper|features|pixels",)
    provides = ("actions", "features")
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    shares = ("model", "device")
    Config: ClassVar[type[StageConfig]] = InverseDynamicsStageConfig

    @property
    def folder(self) -> Path:
        """The labeler's folder."""
        assert isinstance(self.config, InverseDynamicsStageConfig)
        return self.config.model

    def cache_token(self) -> str:
        """The labeler's weights."""
        config = self._load().facts.config
        digest = LABELER_FOLDER.digest(self.folder)
        # Otherwise the stage that looks, label.pixels, tells of its encoder.
        return f"{digest} {encoder_token(config.image_network)}" if config.focus.tracks else digest

    def setup(self) -> None:
        """Loads the labeler; one thread, so that videos side by side do not fight."""
        import torch

        torch.set_num_threads(1)
        self.labeler = self._load()

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """Actions of every subject about whom all is known that the labeler sees.

        Raises:
            TrackError: Nothing in the recipe gives what the labeler sees.
            UsageError: `label.pixels` looked through another labeler.
        """
        facts = self.labeler.facts
        embedding = self._embedding(clip, tracks)
        if not facts.inputs:
            nothing = Columns(np.zeros((clip.num_frames, 0)), np.ones(clip.num_frames, bool))
            return self._label(clip, SCENE, nothing, embedding)
        found = features_by_subject(tracks)
        out: Tracks = {}
        if found:  # of a clip in which nobody was found, nothing is said
            subjects = seen_by_subject(found, facts.inputs, facts.input_sizes, labeler=self.folder)
            for subject, columns in subjects.items():
                out |= self._label(clip, subject, columns, embedding)
        return out

    def _load(self) -> Labeler:
        assert isinstance(self.config, InverseDynamicsStageConfig)
        labeler = load_labeler(self.folder, self.config.device)
        check_one_camera(labeler.facts.camera, self.folder)
        robot = self.config.robot
        if robot and robot != labeler.facts.contract.robot:
            raise ContractError(
                f"the recipe asks for actions of robot {robot!r}, the labeler {self.folder} gives "
                f"those of {labeler.facts.contract.robot!r}; name another labeler or robot"
            )
        if "observation.state" in labeler.facts.inputs:
            raise UsageError(
                f"the labeler {self.folder} sees observation.state, which no video holds; train on "
                "features that tracks give, such as track.hand.joints, or on a camera"
            )
        return labeler

    def _embedding(self, clip: Clip, tracks: Mapping[str, Track]) -> EmbeddingTrack | None:
        if not self.labeler.facts.camera:
            return None
        if self.labeler.facts.config.focus.tracks:
            track: Track | None = look_at(clip, tracks, self.labeler, self.folder)
        else:
            track = tracks.get("pixels")
        if not isinstance(track, EmbeddingTrack):
            raise TrackError(
                f"the labeler {self.folder} sees pictures; put the stage label.pixels at the "
                "start of the recipe"
            )
        if track.model_sha256 != LABELER_FOLDER.digest(self.folder):
            raise UsageError(
                "label.pixels and label.inverse_dynamics name different labelers; give both the "
                "same model"
            )
        return track

    def _label(
        self, clip: Clip, subject: str, seen: Columns, embedding: EmbeddingTrack | None
    ) -> Tracks:
        contract = self.labeler.facts.contract
        at_s = clip.time_s - (contract.shift_s if contract.mode == "absolute" else 0.0)
        num, size = clip.num_frames, len(contract.dimensions)
        values, width = np.full((num, size), np.nan), np.full((num, size), np.nan)
        confidence, familiarity = np.zeros(num), np.full(num, np.nan)
        known, observed = np.zeros(num, bool), np.zeros(num, bool)
        parts = []
        for start in range(0, num, _CHUNK_ROWS):
            part = slice(start, min(start + _CHUNK_ROWS, num))
            # Copies are made of the frames around these rows alone, however long the clip is.
            near = self._frames_around(clip.time_s, at_s[part])
            frames_s = clip.time_s[near]
            found, known[part] = self._infer(
                frames_s, at_s[part], seen.values[near], embedding, near
            )
            parts.append(found)
            observed[part] = self._observed(frames_s, at_s[part], seen.valid[near])
        labels = Inferred.join(parts).labels(self.labeler)
        values[known], width[known] = labels.values, labels.half_width
        confidence[known], familiarity[known] = labels.confidence, labels.familiarity
        cut = self._beyond_a_cut(clip, at_s)
        values[cut], width[cut], familiarity[cut], confidence[cut] = np.nan, np.nan, np.nan, 0
        action, interval, familiar = label_tracks(
            Labels(values, width, confidence, familiarity),
            contract,
            kind=self.kind,
            subject=subject,
            observed=observed,
        )
        return {
            f"actions.{self.kind}.{subject}": action,
            f"features.interval.{subject}": interval,
            f"features.familiarity.{subject}": familiar,
        }

    def _beyond_a_cut(
        self, clip: Clip, at_s: Float[np.ndarray, " row"]
    ) -> Bool[np.ndarray, " row"]:
        """Rows whose window leaves the clip where the video goes on.

        What is held at the end of a video may have come to rest; at a cut everything moves.
        """
        offsets_s = self._offsets_s
        before = ~inside_windows(clip.time_s, at_s, np.minimum(offsets_s[:1], 0))
        after = ~inside_windows(clip.time_s, at_s, np.maximum(offsets_s[-1:], 0))
        goes_on = clip.end < clip.video.num_frames
        return (before & (clip.start > 0)) | (after & goes_on)

    def _frames_around(
        self, time_s: Float[np.ndarray, " time"], at_s: Float[np.ndarray, " row"]
    ) -> slice:
        """The frames that windows around some moments reach, and two more on either side."""
        offsets_s = self._offsets_s
        # Where the window is shorter, familiarity still looks that far.
        first = int(np.searchsorted(time_s, at_s[0] + min(offsets_s[0], -LAG_S)))
        last = int(np.searchsorted(time_s, at_s[-1] + max(offsets_s[-1], LAG_S)))
        start = min(max(0, first - 2), max(0, len(time_s) - 3))
        return slice(start, max(last + 3, start + 3))

    def _infer(
        self,
        time_s: Float[np.ndarray, " time"],
        at_s: Float[np.ndarray, " row"],
        features: Float[np.ndarray, "time number"],
        embedding: EmbeddingTrack | None,
        near: slice,
    ) -> tuple[Inferred, Bool[np.ndarray, " row"]]:
        """A guess about the rows whose window is known, and which these are."""
        if embedding is None:
            return infer(self.labeler, time_s, features, at_s)
        looks = self.labeler.familiarity.looks
        assert looks is not None
        size = looks.directions.shape[1] + NUM_MARKS
        numbers = embedding.values[near]
        glances = numbers[:, -size:].astype(float)
        numbers = numbers[:, :-size]
        if self.labeler.facts.config.learns_images:
            return infer(self.labeler, time_s, features, at_s, glances, numbers)
        said = seen_columns(numbers.astype(float), self.labeler.facts.config)
        columns = np.concatenate([features, said], axis=1)
        return infer(self.labeler, time_s, columns, at_s, glances)

    def _observed(
        self,
        time_s: Float[np.ndarray, " time"],
        at_s: Float[np.ndarray, " row"],
        valid: Bool[np.ndarray, " time"],
    ) -> Bool[np.ndarray, " row"]:
        """Rows whose whole window was observed, nothing in it filled in."""
        offsets_s, at_ends = self._offsets_s, self.labeler.facts.config.window.at_ends
        numbers = valid[:, None].astype(float)
        believed, _ = sample_windows(time_s, numbers, at_s, offsets_s, at_ends=at_ends)
        inside = inside_windows(time_s, at_s, offsets_s, at_ends=at_ends)
        return inside & (believed[..., 0] > 1 - 1e-6).all(axis=1)

    @property
    def _offsets_s(self) -> Float[np.ndarray, " tap"]:
        facts = self.labeler.facts
        return facts.config.window.offsets_s(facts.contract.rate_hz)
