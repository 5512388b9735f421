"""From motion tracks back to what a robot does: poses of the gripper, step by step.

Two views, or one with depth, place the points of every step; the rigid motion that brings the
gripper's points of now there moves the gripper. That is MT-pi's way (Ren et al. 2025, arXiv
2501.06994): what is followed is how points move together, so that it is of no matter that people's
points lie elsewhere on the hand than a robot's on its gripper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.motion_tracks.fit_gripper import fit_gripper
from rotoscope.models.motion_tracks.points import DEFAULT_POINTS, gripper_points
from rotoscope.models.perception.multi_view import View, rigid_between, triangulate
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import ContractError, TrackError


@dataclass(frozen=True, eq=False)
class FutureTracks:
    """What rows of motion tracks say, in pixels."""

    points_px: Float[np.ndarray, "row step point 2"]
    """Where each point will be."""
    held: Bool[np.ndarray, "row step"] | None
    """Whether something is held by then; `None` where the rows do not say."""


@dataclass(frozen=True, eq=False)
class RecoveredActions:
    """Poses of a gripper that follows motion tracks."""

    T_world_ee: Float[np.ndarray, "row step 4 4"]
    """The end effector at each step [m]; NaN where the points could not be placed."""
    aperture_m: Float[np.ndarray, "row step"]
    """Distance of thumb tip and index tip."""
    sigma_m: Float[np.ndarray, "row step"]
    """1-sigma of the position along an axis [m], under the noise that was stated."""


def read_tracks(
    values: Float[np.ndarray, "row number"],
    contract: ActionContract,
    *,
    width: int,
    height: int,
    points: Sequence[str] = DEFAULT_POINTS,
) -> FutureTracks:
    """Numbers of `label.motion_track`, or of a policy that was trained on them, taken apart.

    Args:
        values: One row of numbers for each row of a dataset.
        contract: What they mean.
        width: Of the picture [px].
        height: Of the picture [px].
        points: The points that each step has, in order.

    Raises:
        ContractError: The numbers are no motion tracks of these points.
    """
    names = contract.names
    with_grasp = names[-1].endswith(".grasp")
    per_step = 2 * len(points) + with_grasp
    steps = len(names) // per_step
    wanted = [f"t{t}.{p}.{a}" for t in range(1, steps + 1) for p in points for a in "xy"]
    if [n for n in names if not n.endswith(".grasp")] != wanted or values.shape[-1] != len(names):
        raise ContractError(
            f"these are no motion tracks of {', '.join(points)}: {values.shape[-1]} numbers, "
            f"contract of {len(names)} that begin with {names[:3]}"
        )
    table = np.asarray(values, dtype=float).reshape(len(values), steps, per_step)
    shares = table[..., : 2 * len(points)].reshape(len(values), steps, len(points), 2)
    return FutureTracks(
        points_px=shares * np.array([width, height]),
        held=table[..., -1] > 0.5 if with_grasp else None,
    )


def recover_actions(
    views: Sequence[View],
    tracks: Sequence[FutureTracks],
    *,
    T_world_ee: Float[np.ndarray, "row 4 4"],
    aperture_m: Float[np.ndarray, " row"],
    sigma_px: float = 1.0,
) -> RecoveredActions:
    """Poses of the gripper that follow the tracks of two views or more.

    Args:
        views: The calibrated cameras.
        tracks: What each sees, of the same rows.
        T_world_ee: Where the gripper is at each row (`GripperTrack`'s end-effector frame).
        aperture_m: Distance of its fingers there.
        sigma_px: 1-sigma of a track's coordinate.

    Raises:
        TrackError: One view alone; or tracks of other points than a gripper has.
    """
    _check_points(tracks)
    placed_m, covariance = triangulate(
        views, [track.points_px for track in tracks], sigma_px=sigma_px
    )
    variance = np.trace(covariance, axis1=-2, axis2=-1) / 3
    found = _followed(placed_m, variance, T_world_ee, aperture_m)
    known = np.isfinite(found.T_world_ee).all(axis=(-2, -1))
    T, later_m, sigma_m = found.T_world_ee.copy(), found.aperture_m.copy(), found.sigma_m.copy()
    T[known], later_m[known], spread = fit_gripper(
        views,
        [track.points_px[known] for track in tracks],
        T[known],
        later_m[known],
        sigma_px=sigma_px,
    )
    sigma_m[known] = np.sqrt(np.trace(spread, axis1=1, axis2=2) / 3)
    return RecoveredActions(T, later_m, sigma_m)


def recover_with_depth(
    view: View,
    tracks: FutureTracks,
    depth_m: Float[np.ndarray, "row step point"],
    *,
    T_world_ee: Float[np.ndarray, "row 4 4"],
    aperture_m: Float[np.ndarray, " row"],
    sigma_px: float = 1.0,
    sigma_depth_m: float = 0.01,
) -> RecoveredActions:
    """The same from one view and the depth of every point at every step.

    Args:
        view: The calibrated camera.
        tracks: What it sees.
        depth_m: Distance of the points along its axis [m]; NaN where unknown.
        T_world_ee: Where the gripper is at each row.
        aperture_m: Distance of its fingers there.
        sigma_px: 1-sigma of a track's coordinate.
        sigma_depth_m: 1-sigma of a depth.

    Raises:
        TrackError: Tracks of other points than a gripper has, or depth of another shape.
    """
    _check_points([tracks])
    if depth_m.shape != tracks.points_px.shape[:-1]:
        raise TrackError(
            f"depth_m must be shaped {tracks.points_px.shape[:-1]}, one for each point of each "
            f"step, got {depth_m.shape}"
        )
    rays = view.rays(tracks.points_px)
    seen_m = np.concatenate([rays, np.ones((*rays.shape[:-1], 1))], axis=-1) * depth_m[..., None]
    R, t = view.T_camera_world[:3, :3], view.T_camera_world[:3, 3]
    placed_m = (seen_m - t) @ R
    across_m = sigma_px / view.K[0, 0] * depth_m
    variance = (2 * across_m**2 + sigma_depth_m**2) / 3
    return _followed(placed_m, variance, T_world_ee, aperture_m)


def _check_points(tracks: Sequence[FutureTracks]) -> None:
    num = {track.points_px.shape[2] for track in tracks}
    if num != {len(DEFAULT_POINTS)}:
        raise TrackError(
            f"a gripper follows tracks of its own points, {', '.join(DEFAULT_POINTS)}; got tracks "
            f"of {sorted(num)} points"
        )


def _followed(
    placed_m: Float[np.ndarray, "row step point 3"],
    variance: Float[np.ndarray, "row step point"],
    T_world_ee: Float[np.ndarray, "row 4 4"],
    aperture_m: Float[np.ndarray, " row"],
) -> RecoveredActions:
    thumb, index = DEFAULT_POINTS.index("thumb_tip"), DEFAULT_POINTS.index("index_tip")
    later_m = np.linalg.norm(placed_m[..., thumb, :] - placed_m[..., index, :], axis=-1)
    # The gripper's own points at the opening that it will have, where it is now: what is left
    # between them and the placed ones is rigid.
    apertures = np.where(np.isfinite(later_m), later_m, aperture_m[:, None])
    now_m = gripper_points(np.broadcast_to(T_world_ee[:, None], (*later_m.shape, 4, 4)), apertures)
    moved = rigid_between(now_m, placed_m)
    return RecoveredActions(
        T_world_ee=moved @ T_world_ee[:, None],
        aperture_m=later_m,
        sigma_m=np.sqrt(variance.mean(axis=-1) / placed_m.shape[2]),
    )
