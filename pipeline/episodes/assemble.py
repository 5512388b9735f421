"""Episodes out of tracks: everything a dataset row says is put together here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.episodes.body_columns import body_scene
from rotoscope.pipeline.episodes.effector_columns import (
    ee_dimensions,
    ee_names,
    ee_values,
    error_features,
    in_space,
)
from rotoscope.pipeline.episodes.episode import Episode, Feature, StateColumns
from rotoscope.pipeline.episodes.group_columns import group_features
from rotoscope.pipeline.episodes.hand_columns import hand_quality
from rotoscope.pipeline.episodes.labeler_rows import on_rows, shift_of
from rotoscope.pipeline.episodes.resample import Resampler, row_times
from rotoscope.pipeline.episodes.stages_columns import other_labelers, stage_quality
from rotoscope.pipeline.episodes.state_columns import seen_state
from rotoscope.pipeline.episodes.tracks_columns import track_features
from rotoscope.pipeline.episodes.window import ActionWindow
from rotoscope.pipeline.recipe_sections import ExportSection
from rotoscope.pipeline.tracks import (
    REASONS,
    ActionSpace,
    ActionTrack,
    Camera,
    CameraMotion,
    RowCount,
    SegmentTrack,
    Track,
    blaming_camera,
    count_rows,
)
from rotoscope.pipeline.types import Clip

Stretch = tuple[str, int, int]
"""A subject, and frames `[start, end)` of its clip."""


def build_episodes(
    clip: Clip,
    tracks: Mapping[str, Track],
    *,
    labeler: str,
    export: ExportSection,
    task: str,
    too_few_valid: list[Stretch] | None = None,
) -> list[Episode]:
    """The episodes of one clip, in order of subject and time.

    Args:
        clip: The clip that the tracks belong to.
        tracks: Everything the stages made, `segments.*` included.
        labeler: Stage name whose actions become `action`.
        export: Clock, action form, state and shift.
        task: What is being done, in words.
        too_few_valid: Is given the stretches of which too small a share of rows is valid.

    Stretches in which nothing of `export.state` is known become no episodes.

    Raises:
        ContractError: Steps or commands of another rate than the dataset's.
        TrackError: `export.state` names what no stage gives.
    """
    episodes = []
    for segments in _segments_for(export.action, tracks):
        actions = tracks[segments.actions]
        if not isinstance(actions, ActionTrack) or actions.labeler != labeler:
            continue
        actions = blaming_camera(actions.judged_for(export.action), tracks)
        actions = _without_doubted(actions, segments)
        for number, (start, end) in enumerate(zip(segments.start, segments.end, strict=True)):
            where = f"{clip.video.sha256[:12]}-{clip.start:07d}-{actions.subject}-{number:03d}"
            builder = _EpisodeBuilder(clip, tracks, actions, start, end, export)
            made = builder.build(where, task) if builder.num_rows > 1 else None
            if made is None:
                continue
            if max(made.row_count.valid_share, builder.share_of_use) >= segments.min_valid_share:
                episodes.append(made)
            elif too_few_valid is not None:
                too_few_valid.append((actions.subject, start, end))
    return episodes


class _EpisodeBuilder:
    """Makes one episode; holds what its parts share."""

    def __init__(
        self,
        clip: Clip,
        tracks: Mapping[str, Track],
        actions: ActionTrack,
        start: int,
        end: int,
        export: ExportSection,
    ) -> None:
        self.clip, self.export = clip, export
        self.actions = actions.slice(start, end)
        time_s = clip.time_s[start:end]
        rows = row_times(time_s, export.fps)
        self.reaches_states = actions.contract.reaches_states
        self.shift_frames = shift_of(actions, export)
        self.num_rows = len(rows) - self.shift_frames
        self.row_time_s = rows
        self.resampler = Resampler.between(time_s, rows)
        subject = self.actions.subject
        self.window = ActionWindow(tracks, subject, start, end, self.resampler, self.actions)

    @property
    def share_of_use(self) -> float:
        """Share of rows that are worth keeping for one hand at least, 0..1."""
        use = self.resampler.both(self.actions.of_use(self.export.action))
        return float((use[: self.num_rows] & use[self.shift_frames :]).mean())

    def build(self, episode_id: str, task: str) -> Episode | None:
        now, later = slice(0, self.num_rows), slice(self.shift_frames, None)
        joints = on_rows(self.actions, self.resampler)
        ee = ee_values(self.window)
        chosen = joints if self.export.action == "joints" else in_space(ee, self.export.action)
        valid = self.resampler.both(self.actions.valid)
        reason = self._reason(valid)
        confidence = np.where(valid, self.resampler.linear(self.actions.confidence), 0.0)
        row_valid = valid[now] & valid[later]
        reason = np.where(valid[now], reason[later], reason[now])
        features = self._features(joints, ee)
        state: np.ndarray | None = chosen[now] if self.reaches_states else None
        columns: StateColumns | None = None
        if self.export.state:
            seen = seen_state(features, self.export.state)
            if seen is None:
                return None
            state, columns = seen.values, seen.columns
            reason = np.where(row_valid & ~seen.is_known, REASONS.index("not_seen"), reason)
            row_valid = row_valid & seen.is_known
        return Episode(
            episode_id=episode_id,
            task=task,
            fps=self.export.fps,
            source_frame=self.clip.start + self.window.start + self.resampler.nearest[now],
            source_time_s=self.row_time_s[now],
            state=state,
            action=chosen[later],
            valid=row_valid,
            confidence=np.where(row_valid, np.minimum(confidence[now], confidence[later]), 0.0),
            reason=reason.astype(np.uint8),
            contract=self._contract(),
            state_columns=columns,
            features=features,
            source=self._source(),
            quality=self._quality(count_rows(row_valid, reason)),
            scene=self._scene(),
        )

    def _reason(self, valid: Bool[np.ndarray, " row"]) -> np.ndarray:
        left = self.actions.reason[self.resampler.left]
        right = self.actions.reason[self.resampler.right]
        why = np.maximum(left, right)
        between = REASONS.index("gap_filled")
        return np.where(valid, 0, np.where((why == 0) & ~self.resampler.is_near, between, why))

    def _contract(self) -> ActionContract:
        clock: dict[str, Any] = {
            "rate_hz": float(self.export.fps),
            "shift_s": self.shift_frames / self.export.fps,
        }
        contract = self.actions.contract
        if self.export.action != "joints":
            ee = self.actions.ee_values
            num = 7 if ee is None else ee.shape[1]
            clock["dimensions"] = ee_dimensions(self.export.action, num=num)
            clock["rotation"] = (
                "rotation vector (axis times angle, rad), continuous in an episode: may exceed pi"
                if self.export.action == "ee"
                else "none"
            )
        return contract.model_copy(update=clock)

    def _features(
        self, joints: Float[np.ndarray, "row action"], ee: Float[np.ndarray, "row ee"] | None
    ) -> dict[str, Feature]:
        window = self.window
        features: dict[str, Feature] = {}
        if self.export.action != "ee" and ee is not None:
            features["label.ee"] = Feature(
                ee,
                ee_names(ee.shape[1]),
                "m, rad, percent",
                "End effector that the joints reach, robot base.",
            )
        if self.export.action != "joints":
            features["label.joints"] = Feature(
                joints, tuple(self.actions.contract.names), "rad, percent", "Joints of the arm."
            )
        features |= error_features(window) | other_labelers(window, self.export)
        features |= track_features(window)
        features |= group_features(window, self.shift_frames)
        return {
            name: replace(f, values=_stored(f.values[: self.num_rows]))
            for name, f in features.items()
        }

    def _source(self) -> dict[str, Any]:
        clip, window = self.clip, self.window
        return {
            # Named after videos for whatever kind of file it was: `name` says which.
            "video_sha256": clip.video.sha256,
            "clip_first_frame": clip.start,
            "clip_end_frame": clip.end,
            "first_frame": clip.start + window.start,
            "end_frame": clip.start + window.end,
            "start_s": round(float(clip.time_s[window.start]), 6),
            # Which hand or body of the clip; who that is, nobody knows unless it was stated.
            "subject": self.actions.subject,
            "person": self.export.person,
            "labeler": self.actions.labeler,
            "source_rate_hz": round(clip.video.rate_hz, 4),
        }

    def _quality(self, count: RowCount) -> dict[str, Any]:
        actions = self.actions
        quality: dict[str, Any] = {
            **count.as_facts(),
            "mean_confidence": _rounded(actions.confidence[actions.valid].mean())
            if actions.valid.any()
            else 0.0,
        }
        if actions.target_error_m is not None and actions.valid.any():
            quality["target_error_mm_median"] = _rounded(
                1e3 * np.median(actions.target_error_m[actions.valid])
            )
        return quality | stage_quality(self.window) | hand_quality(self.window)

    def _scene(self) -> dict[str, Any]:
        video = self.clip.video
        scene: dict[str, Any] = {
            "robot": self.actions.contract.robot,
            "side": self.actions.subject,
        }
        if video.has_pictures:
            scene |= {"video_width": video.width, "video_height": video.height}
        if video.is_mirrored:
            scene["mirrored"] = True
        if video.time_scale != 1.0:
            scene["time_scale"] = video.time_scale
        if video.num_tracks > 1:
            scene |= {"video_tracks": video.num_tracks, "video_track": video.track}
        if video.is_interlaced:
            scene["interlaced"] = True
        if video.bytes_left:
            scene["bytes_left"] = video.bytes_left
        if self.actions.T_camera_base is not None:
            scene["T_camera_base"] = np.round(self.actions.T_camera_base, 9).tolist()
        camera = self.window.tracks.get("camera")
        if isinstance(camera, Camera):
            scene["K"] = camera.K.tolist()
            scene["K_source"] = camera.source
            scene["sigma_focal_rel"] = camera.sigma_focal_rel
        motion = self.window.tracks.get("camera_motion")
        if isinstance(motion, CameraMotion):
            scene["camera_motion"] = motion.kind
        return scene | body_scene(self.window)


def _segments_for(space: ActionSpace, tracks: Mapping[str, Track]) -> list[SegmentTrack]:
    """For each action track the stretches that are for an action space, or for all of them."""
    found: dict[str, SegmentTrack] = {}
    for name in sorted(tracks):
        track = tracks[name]
        if isinstance(track, SegmentTrack) and track.space in (None, space):
            is_better = track.space == space or track.actions not in found
            found[track.actions] = track if is_better else found[track.actions]
    return list(found.values())


def _without_doubted(actions: ActionTrack, segments: SegmentTrack) -> ActionTrack:
    """The actions with those marked not valid that curation does not trust."""
    if segments.doubted is None:
        return actions
    code = REASONS.index("low_confidence")
    return actions.replace(
        valid=actions.valid & ~segments.doubted,
        reason=np.where(segments.doubted, code, actions.reason).astype(np.uint8),
    )


def _stored(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32) if values.dtype.kind == "f" else values


def _short(fact: Any) -> Any:
    """A number with as many digits as anyone reads; all else as it is."""
    return round(fact, 6) if isinstance(fact, float) else fact


def _rounded(value: Any) -> float:
    return round(float(value), 4)
