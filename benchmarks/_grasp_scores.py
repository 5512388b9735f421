"""A lifted hand and its gripper against true joints: errors, and each over its stated sigma."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float

from benchmarks._rendered_lift import aligned_error
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.geometry import hand_frame, se3
from rotoscope.pipeline.tracks import GripperTrack, HandTrack
from rotoscope.retarget.gripper.hand_shape import aperture
from rotoscope.retarget.gripper.pose import gripper_pose

_PA, _ROOT_RELATIVE, _GRIPPER = Bar("<=", 9), Bar("<=", 15), Bar("<=", 20)
_INSIDE = Bar(">=", 0.9)


@dataclass(frozen=True, eq=False)
class GraspScore:
    """Errors of the rows in which a hand is valid; each `..._sigmas` over its 1-sigma."""

    wrist_m: Float[np.ndarray, "row 3"]
    """Wrist minus truth along the camera's axes."""
    wrist_sigmas: Float[np.ndarray, "row 3"]
    rotation_rad: Float[np.ndarray, " row"]
    """Angle between the wrist frames."""
    rotation_sigmas: Float[np.ndarray, " row"]
    aligned_m: Float[np.ndarray, " row"]
    """Mean joint distance after the best rigid motion of each frame (PA-MPJPE)."""
    root_relative_m: Float[np.ndarray, " row"]
    """Mean joint distance with both wrists in one place."""
    gripper_m: Float[np.ndarray, "row 3"]
    """End effector minus the middle between the true tips."""
    gripper_sigmas: Float[np.ndarray, "row 3"]
    gripper_rad: Float[np.ndarray, " row"]
    """Angle to the frame that the true joints' fingertips span (`gripper_pose`)."""
    gripper_rad_sigmas: Float[np.ndarray, " row"]
    aperture_m: Float[np.ndarray, " row"]
    """Distance of thumb tip and index tip, minus the true one."""
    aperture_sigmas: Float[np.ndarray, " row"]

    @property
    def num_rows(self) -> int:
        """How many rows were valid."""
        return len(self.wrist_m)


def score(
    hand: HandTrack,
    gripper: GripperTrack,
    true_joints_m: Float[np.ndarray, "time 21 3"],
    rows: Bool[np.ndarray, " time"],
) -> GraspScore:
    """Scores the rows named, which must be valid in both tracks."""
    assert hand.joints_m is not None
    assert hand.T_camera_wrist is not None
    assert hand.sigma_position_m is not None
    assert hand.sigma_rotation_rad is not None
    assert gripper.sigma_aperture_m is not None
    joints, true = hand.joints_m[rows], true_joints_m[rows]
    wrist, true_wrist = hand.T_camera_wrist[rows], hand_frame.wrist_pose(true, hand.side)
    ee, true_ee = gripper.T_camera_ee[rows], gripper_pose(true, hand.side)
    off_m, ee_off_m = wrist[:, :3, 3] - true_wrist[:, :3, 3], ee[:, :3, 3] - true_ee[:, :3, 3]
    turn = se3.angle_between(wrist[:, :3, :3], true_wrist[:, :3, :3])
    ee_turn = se3.angle_between(ee[:, :3, :3], true_ee[:, :3, :3])
    apart = aperture(joints) - aperture(true)
    relative = (joints - joints[:, :1]) - (true - true[:, :1])
    return GraspScore(
        wrist_m=off_m,
        wrist_sigmas=np.abs(off_m) / hand.sigma_position_m[rows],
        rotation_rad=turn,
        rotation_sigmas=turn / hand.sigma_rotation_rad[rows],
        aligned_m=aligned_error(joints, true),
        root_relative_m=np.linalg.norm(relative, axis=2).mean(axis=1),
        gripper_m=ee_off_m,
        gripper_sigmas=np.abs(ee_off_m) / gripper.sigma_position_m[rows],
        gripper_rad=ee_turn,
        gripper_rad_sigmas=ee_turn / gripper.sigma_rotation_rad[rows],
        aperture_m=apart,
        aperture_sigmas=np.abs(apart) / gripper.sigma_aperture_m[rows],
    )


def together(scores: Sequence[GraspScore]) -> GraspScore:
    """The rows of several clips."""
    names = [field.name for field in fields(GraspScore)]
    return GraspScore(**{n: np.concatenate([getattr(s, n) for s in scores]) for n in names})


def figures(name: str, found: GraspScore, *, wrist_bar_mm: float | None = None) -> list[Figure]:
    """Medians, and the share of rows inside 2 sigma: of each axis, and of each angle.

    Held against bars where one is given for the wrist; reported otherwise.
    """
    lines = [
        (
            "wrist",
            _median_mm(np.linalg.norm(found.wrist_m, axis=1)),
            "mm",
            Bar("<=", wrist_bar_mm or 0),
        ),
        *(
            (f"wrist_{axis}_inside", _inside(column), "1", _INSIDE)
            for axis, column in zip("xyz", found.wrist_sigmas.T, strict=True)
        ),
        ("rotation", _median_deg(found.rotation_rad), "deg", None),
        ("rotation_inside", _inside(found.rotation_sigmas), "1", _INSIDE),
        (
            "rotation_over_30_deg",
            float(np.mean(found.rotation_rad > np.radians(30.0))),
            "1",
            Bar("<=", 0.02),
        ),
        ("pa", _median_mm(found.aligned_m), "mm", _PA),
        ("root_relative", _median_mm(found.root_relative_m), "mm", _ROOT_RELATIVE),
        ("gripper", _median_mm(np.linalg.norm(found.gripper_m, axis=1)), "mm", None),
        *(
            (f"gripper_{axis}_inside", _inside(column), "1", _INSIDE)
            for axis, column in zip("xyz", found.gripper_sigmas.T, strict=True)
        ),
        ("gripper_rotation", _median_deg(found.gripper_rad), "deg", _GRIPPER),
        ("gripper_rotation_inside", _inside(found.gripper_rad_sigmas), "1", _INSIDE),
        ("aperture_bias", _median_mm(found.aperture_m), "mm", None),
        ("aperture_bias_size", abs(_median_mm(found.aperture_m)), "mm", Bar("<=", 8)),
        ("aperture", _median_mm(np.abs(found.aperture_m)), "mm", Bar("<=", 12)),
        ("aperture_inside", _inside(found.aperture_sigmas), "1", _INSIDE),
    ]
    has_bars = wrist_bar_mm is not None
    return [Figure(f"{name}.{n}", v, unit, bar if has_bars else None) for n, v, unit, bar in lines]


def _median_mm(values_m: np.ndarray) -> float:
    return float(1e3 * np.median(values_m)) if len(values_m) else float("nan")


def _median_deg(values_rad: np.ndarray) -> float:
    return float(np.degrees(np.median(values_rad))) if len(values_rad) else float("nan")


def _inside(sigmas: np.ndarray) -> float:
    return float((sigmas <= 2.0).mean()) if len(sigmas) else float("nan")
