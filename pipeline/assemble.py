"""Episodes out of tracks: everything a dataset row says is put together here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from pipeline.contract import ActionContract, Dimension
from pipeline.episode import Episode, Feature
from pipeline.geometry import se3
from pipeline.recipe import ExportSection
from pipeline.resample import Resampler, continuous_rotation_vectors, row_times
from pipeline.tracks import (
    REASONS,
    ActionTrack,
    Camera,
    FeatureTrack,
    GripperTrack,
    HandTrack,
    QualityTrack,
    SegmentTrack,
    Track,
)
from pipeline.types import Clip

EE_NAMES = ("ee.x", "ee.y", "ee.z", "ee.wx", "ee.wy", "ee.wz", "ee.gripper_pos")
HAND_JOINT_NAMES = tuple(f"joint{j}.{axis}" for j in range(21) for axis in "xyz")


def build_episodes(
    clip: Clip,
    tracks: Mapping[str, Track],
    *,
    labeler: str,
    export: ExportSection,
    task: str,
) -> list[Episode]:
    """The episodes of one clip, in order of subject and time.

    Args:
        clip: The clip that the tracks belong to.
        tracks: Everything the stages made, `segments.*` included.
        labeler: Stage name whose actions become `action`.
        export: Clock, action form and shift.
        task: What is being done, in words.
    """
    episodes = []
    for name in sorted(tracks):
        segments = tracks[name]
        if not isinstance(segments, SegmentTrack):
            continue
        actions = tracks[segments.actions]
        if not isinstance(actions, ActionTrack) or actions.labeler != labeler:
            continue
        for number, (start, end) in enumerate(zip(segments.start, segments.end, strict=True)):
            where = f"{clip.video.sha256[:12]}-{clip.start:07d}-{actions.subject}-{number:03d}"
            builder = _EpisodeBuilder(clip, tracks, actions, start, end, export)
            if builder.num_rows > 1:
                episodes.append(builder.build(where, task))
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
        self.clip, self.tracks, self.export = clip, tracks, export
        self.actions = actions.slice(start, end)
        self.start, self.end = start, end
        time_s = clip.time_s[start:end]
        rows = row_times(time_s, export.fps)
        self.num_rows = len(rows) - export.shift_frames
        self.row_time_s = rows
        self.resampler = Resampler.between(time_s, rows)

    def build(self, episode_id: str, task: str) -> Episode:
        now, later = slice(0, self.num_rows), slice(self.export.shift_frames, None)
        joints = self.resampler.linear(self.actions.values)
        ee = self._ee_values()
        chosen = joints if self.export.action == "joints" or ee is None else ee
        valid = self.resampler.both(self.actions.valid)
        reason = self._reason(valid)
        confidence = np.where(valid, self.resampler.linear(self.actions.confidence), 0.0)
        row_valid = valid[now] & valid[later]
        return Episode(
            episode_id=episode_id,
            task=task,
            fps=self.export.fps,
            source_frame=self.clip.start + self.start + self.resampler.nearest[now],
            source_time_s=self.row_time_s[now],
            state=chosen[now],
            action=chosen[later],
            valid=row_valid,
            confidence=np.where(row_valid, np.minimum(confidence[now], confidence[later]), 0.0),
            reason=np.where(valid[now], reason[later], reason[now]).astype(np.uint8),
            contract=self._contract(ee is not None),
            features=self._features(joints, ee),
            source=self._source(),
            quality=self._quality(row_valid),
            scene=self._scene(),
        )

    def _reason(self, valid: np.ndarray) -> np.ndarray:
        left = self.actions.reason[self.resampler.left]
        right = self.actions.reason[self.resampler.right]
        return np.where(valid, 0, np.maximum(left, right))

    def _ee_values(self) -> Float[np.ndarray, "row 7"] | None:
        values = self.actions.ee_values
        if values is None:
            return None
        R = self.resampler.rotation(se3.exp_so3(values[:, 3:6]))
        linear = self.resampler.linear(values)
        return np.concatenate(
            [linear[:, :3], continuous_rotation_vectors(R), linear[:, 6:]], axis=1
        )

    def _contract(self, has_ee: bool) -> ActionContract:
        clock: dict[str, Any] = {
            "rate_hz": float(self.export.fps),
            "shift_s": self.export.shift_frames / self.export.fps,
        }
        contract = self.actions.contract
        if self.export.action == "ee" and has_ee:
            clock["dimensions"] = ee_dimensions()
            clock["rotation"] = (
                "rotation vector (axis times angle, rad), continuous in an episode: may exceed pi"
            )
        return contract.model_copy(update=clock)

    def _features(
        self, joints: Float[np.ndarray, "row action"], ee: Float[np.ndarray, "row 7"] | None
    ) -> dict[str, Feature]:
        features: dict[str, Feature] = {}
        if self.export.action == "joints" and ee is not None:
            features["label.ee"] = Feature(
                ee, EE_NAMES, "m, rad, percent", "End effector that the joints reach, robot base."
            )
        if self.export.action == "ee":
            features["label.joints"] = Feature(
                joints, tuple(self.actions.contract.names), "rad, percent", "Joints of the arm."
            )
        features |= self._error_features() | self._hand_features() | self._gripper_features()
        features |= self._other_labelers() | self._stage_features()
        return {
            name: Feature(_stored(f.values[: self.num_rows]), f.names, f.unit, f.description)
            for name, f in features.items()
        }

    def _error_features(self) -> dict[str, Feature]:
        position, rotation = self.actions.target_error_m, self.actions.target_error_rad
        if position is None or rotation is None:
            return {}
        values = self.resampler.linear(np.stack([position, rotation], axis=1))
        names = ("position_m", "rotation_rad")
        text = "Distance between the wanted and the reached end-effector pose."
        return {"label.target_error": Feature(values, names, "m, rad", text)}

    def _hand_features(self) -> dict[str, Feature]:
        hand = self.tracks.get(f"hands.{self.actions.subject}")
        if not isinstance(hand, HandTrack) or hand.joints_m is None or hand.T_camera_wrist is None:
            return {}
        part = hand.slice(self.start, self.end)
        assert part.joints_m is not None
        assert part.T_camera_wrist is not None
        joints = self.resampler.linear(part.joints_m.reshape(-1, 63))
        R = self.resampler.rotation(part.T_camera_wrist[:, :3, :3])
        wrist = np.concatenate(
            [
                self.resampler.linear(part.T_camera_wrist[:, :3, 3]),
                se3.unwrap_quat(se3.quat_from_matrix(R)),
            ],
            axis=1,
        )
        seen = self.resampler.both(part.valid)[:, None]
        out = {
            "track.hand.joints": Feature(
                joints, HAND_JOINT_NAMES, "m", "21 hand joints in the camera frame."
            ),
            "track.hand.wrist": Feature(
                wrist,
                ("x", "y", "z", "qw", "qx", "qy", "qz"),
                "m, quaternion wxyz",
                "Wrist pose in the camera frame.",
            ),
            "track.hand.seen": Feature(
                seen, ("seen",), "1", "The hand was observed, not filled in by the smoother."
            ),
        }
        if part.sigma_position_m is not None and part.sigma_rotation_rad is not None:
            sigma = np.concatenate([part.sigma_position_m, part.sigma_rotation_rad[:, None]], 1)
            out["track.hand.sigma"] = Feature(
                self.resampler.linear(sigma),
                ("x", "y", "z", "rotation"),
                "m, rad",
                "1-sigma of the wrist pose along camera axes.",
            )
        return out

    def _gripper_features(self) -> dict[str, Feature]:
        gripper = self.tracks.get(f"gripper.{self.actions.subject}")
        if not isinstance(gripper, GripperTrack):
            return {}
        part = gripper.slice(self.start, self.end)
        grasping = self.resampler.either(part.grasping)[:, None]
        aperture = self.resampler.linear(part.aperture_m)[:, None]
        return {
            "track.grasp": Feature(grasping, ("grasping",), "1", "A grasp is held."),
            "track.aperture": Feature(
                aperture, ("aperture",), "m", "Distance between thumb tip and index tip."
            ),
        }

    def _other_labelers(self) -> dict[str, Feature]:
        out = {}
        for track in self.tracks.values():
            if not isinstance(track, ActionTrack) or track.labeler == self.actions.labeler:
                continue
            if self._is_about_me(track.subject):
                values = self.resampler.linear(track.slice(self.start, self.end).values)
                out[f"label.{track.labeler}"] = Feature(
                    values,
                    tuple(track.contract.names),
                    ", ".join(sorted({d.unit for d in track.contract.dimensions})),
                    f"What the labeler {track.labeler} says, beside the chosen one.",
                )
        return out

    def _stage_features(self) -> dict[str, Feature]:
        out = {}
        for track in self.tracks.values():
            if isinstance(track, FeatureTrack) and self._is_about_me(track.subject):
                part = track.slice(self.start, self.end).values
                is_number = part.dtype.kind == "f"
                values = self.resampler.linear(part) if is_number else part[self.resampler.nearest]
                out[track.feature] = Feature(values, track.names, track.unit, track.description)
        return out

    def _is_about_me(self, subject: str) -> bool:
        return subject in (self.actions.subject, "scene")

    def _source(self) -> dict[str, Any]:
        return {
            "video_sha256": self.clip.video.sha256,
            "clip_first_frame": self.clip.start,
            "clip_end_frame": self.clip.end,
            "first_frame": self.clip.start + self.start,
            "end_frame": self.clip.start + self.end,
            "start_s": round(float(self.clip.time_s[self.start]), 6),
            "subject": self.actions.subject,
            "labeler": self.actions.labeler,
            "source_rate_hz": round(self.clip.video.rate_hz, 4),
        }

    def _quality(self, row_valid: np.ndarray) -> dict[str, Any]:
        actions = self.actions
        counts = np.bincount(actions.reason, minlength=len(REASONS))
        quality: dict[str, Any] = {
            "rows": self.num_rows,
            "valid_share": round(float(row_valid.mean()), 4),
            "frames_by_reason": {
                name: int(count) for name, count in zip(REASONS, counts, strict=True) if count
            },
            "mean_confidence": _rounded(actions.confidence[actions.valid].mean())
            if actions.valid.any()
            else 0.0,
        }
        if actions.target_error_m is not None and actions.valid.any():
            quality["target_error_mm_median"] = _rounded(
                1e3 * np.median(actions.target_error_m[actions.valid])
            )
        for track in self.tracks.values():
            if isinstance(track, QualityTrack) and self._is_about_me(track.subject):
                quality |= track.facts
        hand = self.tracks.get(f"hands.{actions.subject}")
        if isinstance(hand, HandTrack):
            part = hand.slice(self.start, self.end)
            if part.sigma_position_m is not None and part.valid.any():
                sigma = np.linalg.norm(part.sigma_position_m[part.valid], axis=1)
                quality["wrist_sigma_mm_median"] = _rounded(1e3 * np.median(sigma))
            if part.reprojection_px is not None and part.valid.any():
                quality["reprojection_px_median"] = _rounded(
                    np.median(part.reprojection_px[part.valid])
                )
        return quality

    def _scene(self) -> dict[str, Any]:
        scene: dict[str, Any] = {
            "robot": self.actions.contract.robot,
            "side": self.actions.subject,
            "video_width": self.clip.video.width,
            "video_height": self.clip.video.height,
        }
        if self.actions.T_camera_base is not None:
            scene["T_camera_base"] = np.round(self.actions.T_camera_base, 9).tolist()
        camera = self.tracks.get("camera")
        if isinstance(camera, Camera):
            scene["K"] = camera.K.tolist()
            scene["K_source"] = camera.source
            scene["sigma_focal_rel"] = camera.sigma_focal_rel
        return scene


def ee_dimensions() -> tuple[Dimension, ...]:
    """Dimensions of an end-effector action in the robot's base frame."""
    position = [Dimension(name=n, quantity="position", unit="m") for n in EE_NAMES[:3]]
    rotation = [Dimension(name=n, quantity="rotation_vector", unit="rad") for n in EE_NAMES[3:6]]
    gripper = Dimension(
        name=EE_NAMES[6], quantity="gripper", unit="percent", lower=0.0, upper=100.0
    )
    return (*position, *rotation, gripper)


def _stored(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32) if values.dtype.kind == "f" else values


def _rounded(value: Any) -> float:
    return round(float(value), 4)
