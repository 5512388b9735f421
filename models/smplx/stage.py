"""Stage `fit_smplx`: a person's joints become parameters of the body model SMPL-X."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from rotoscope.models.bodies.joints import joints_of
from rotoscope.models.smplx.fit import FitSettings, fit_smplx
from rotoscope.models.smplx.model import NUM_BODY_ANGLES, load_smplx
from rotoscope.pipeline.motion.body_model import body_models_digest, find_body_model
from rotoscope.pipeline.motion.smpl_joints import BODY
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import (
    BODY_JOINTS,
    SIDES,
    BodyTrack,
    FeatureTrack,
    QualityTrack,
    SmplxTrack,
    Track,
)
from rotoscope.pipeline.types import Clip

if TYPE_CHECKING:
    from rotoscope.models.smplx.model import SmplxModel

_TRUNK = [BODY_JOINTS.index(f"{side}_{joint}") for side in SIDES for joint in ("hip", "shoulder")]


class FitSmplxConfig(StageConfig):
    """The licensed model, and what is believed."""

    model_path: Path
    """SMPL-X model file that the user has a license for, or the folder that holds
    `SMPLX_NEUTRAL.npz` or `smplx/SMPLX_NEUTRAL.npz`."""
    gender: Literal["neutral", "female", "male"] = "neutral"
    """Which model of a folder."""
    num_betas: int = Field(default=10, ge=1, le=300)
    """Shape parameters, shared by all frames of a clip."""
    sigma_m: float = Field(default=0.01, gt=0, le=0.2)
    """1-sigma of a joint's position [m]: about 0.01 for motion capture, 0.03 for video."""
    max_joint_error_m: float = Field(default=0.06, gt=0)
    """Largest root mean square distance to the joints of a valid frame [m]."""
    max_iterations: int = Field(default=30, ge=1, le=200)
    """Most steps of Gauss-Newton."""


class FitSmplx(ClipStage):
    """Fits SMPL-X to every body: the tracks `smplx.*`, one per person.

    Joints in meters are fitted where there are any, else the landmarks relative to the hips, whose
    translation means nothing. Frames without both hips and both shoulders have no parameters.
    """

    kind: ClassVar[str] = "fit_smplx"
    version: ClassVar[str] = "2"
    requires: ClassVar[tuple[str, ...]] = ("body",)
    provides: ClassVar[tuple[str, ...]] = ("smplx", "features.smplx", "quality.smplx")
    Config: ClassVar[type[StageConfig]] = FitSmplxConfig
    config: FitSmplxConfig
    _model: SmplxModel | None = None

    def setup(self) -> None:
        """Reads the model file.

        Raises:
            MotionError: It is not there, damaged, unsafe, or no SMPL-X model.
        """
        config = self.config
        self._model = load_smplx(
            config.model_path.expanduser(), gender=config.gender, num_betas=config.num_betas
        )

    def close(self) -> None:
        """Lets the model go."""
        self._model = None

    def cache_token(self) -> str:
        """What the model file holds."""
        where = self.config.model_path.expanduser()
        if not where.exists():
            return ""
        return body_models_digest(find_body_model(where, "SMPL-X", self.config.gender))

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """A SMPL-X track for each body that has joints or landmarks, and it as columns."""
        if self._model is None:
            self.setup()
        out: Tracks = {}
        for name, track in tracks.items():
            joints_m = _joints(track) if isinstance(track, BodyTrack) else None
            if isinstance(track, BodyTrack) and joints_m is not None and self._model is not None:
                fitted = self._fit(self._model, track, joints_m, clip.time_s)
                out["smplx" + name.removeprefix("body")] = fitted
                out |= _columns(fitted)
        return out

    def _fit(
        self, model: SmplxModel, track: BodyTrack, joints_m: np.ndarray, time_s: np.ndarray
    ) -> SmplxTrack:
        rows = np.flatnonzero(track.known & np.isfinite(joints_m[:, _TRUNK]).all(axis=(1, 2)))
        num_frames = len(joints_m)
        orient, transl_m, error_m = (np.full((num_frames, n), np.nan) for n in (3, 3, 1))
        body_pose = np.full((num_frames, NUM_BODY_ANGLES), np.nan)
        betas = np.zeros(self.config.num_betas)
        if len(rows):
            settings = FitSettings(
                sigma_m=self.config.sigma_m, max_iterations=self.config.max_iterations
            )
            fit = fit_smplx(model, joints_m[rows], time_s[rows], settings=settings)
            orient[rows], transl_m[rows] = continuous(fit.pose[:, 0]), fit.transl_m
            betas = fit.betas
            body_pose[rows] = fit.pose[:, 1:].reshape(len(rows), -1)
            error_m[rows, 0] = fit.joint_error_m
        is_close = np.nan_to_num(error_m[:, 0], nan=np.inf) <= self.config.max_joint_error_m
        return SmplxTrack(
            subject=track.subject,
            model=model.name,
            betas=betas,
            global_orient=orient,
            transl_m=transl_m,
            body_pose=body_pose,
            valid=track.valid & is_close,
            joint_error_m=error_m[:, 0],
        )


def continuous(rotvec: Float[np.ndarray, "time 3"]) -> Float[np.ndarray, "time 3"]:
    """The same rotations by vectors that do not jump where the angle passes half a turn."""
    out = rotvec.copy()
    for t in range(1, len(out)):
        angle = np.linalg.norm(out[t])
        turns = 2 * np.pi * np.arange(-2, 3)[:, None] / max(float(angle), 1e-9)
        same = out[t] * (1 + turns) if angle > 1e-9 else out[t : t + 1]
        out[t] = same[np.argmin(np.linalg.norm(same - out[t - 1], axis=1))]
    return out


def _columns(track: SmplxTrack) -> Tracks:
    subject = track.subject
    pose = FeatureTrack(
        feature="track.smplx.pose",
        subject=subject,
        values=np.concatenate([track.global_orient, track.body_pose], axis=1),
        names=tuple(f"{joint}.{axis}" for joint in BODY for axis in "xyz"),
        unit="rad",
        description="SMPL-X rotation vectors of the pelvis, in the frame of the source, and of 21 "
        "joints relative to their parents.",
    )
    transl = FeatureTrack(
        feature="track.smplx.transl",
        subject=subject,
        values=track.transl_m,
        names=("x", "y", "z"),
        unit="m",
        description="SMPL-X translation in the frame of the source.",
    )
    error_m = track.joint_error_m[track.valid]
    facts = {
        "smplx_model": track.model,
        "smplx_betas": np.round(track.betas, 4).tolist(),
        "smplx_valid": float(track.valid.mean()),
        "smplx_joint_error_m": float(np.median(error_m)) if len(error_m) else None,
    }
    return {
        f"features.smplx.pose.{subject}": pose,
        f"features.smplx.transl.{subject}": transl,
        f"quality.smplx.{subject}": QualityTrack(subject, facts),
    }


def _joints(track: BodyTrack) -> np.ndarray | None:
    if track.joints_m is not None:
        return track.joints_m
    return None if track.landmarks_m is None else joints_of(track.landmarks_m)
