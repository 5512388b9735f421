"""Human hand to parallel gripper: pose, opening and grasps, hand by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks, select
from rotoscope.pipeline.tracks import CameraMotion, GripperTrack, HandTrack, Track
from rotoscope.pipeline.types import Clip
from rotoscope.retarget.gripper import hand_shape
from rotoscope.retarget.gripper.contact import knows_contacts, seen_grasps, width_where_hidden
from rotoscope.retarget.gripper.grasp_prior import likely_pose
from rotoscope.retarget.gripper.grasps import Grasp, GraspConfig, find_grasps, grasping_frames
from rotoscope.retarget.gripper.hidden_tips import hidden_tips
from rotoscope.retarget.gripper.pose import aperture_sigma, position_sigma


class GripperConfig(StageConfig):
    """Configuration of `retarget.gripper`."""

    max_opening_m: float = Field(default=0.08, gt=0)
    """Distance between the gripper's fingers at full opening [m]; 0.08 for the Franka Panda."""
    during_grasp: Literal["hold", "measured", "close"] = "hold"
    """The opening while something is held. `hold`: one width for each grasp, the median of what was
    measured, since things do not change their size in the hand and an occluded hand's measured
    width wanders by centimeters. `measured`: the distance of the fingertips in every frame.
    `close`: closed, what a force-limited gripper needs to hold on to things."""
    grasps: GraspConfig = GraspConfig()
    """When a movement of the hand is a grasp."""


class RetargetGripper(ClipStage):
    """The gripper that does what each hand does: one `GripperTrack` per lifted `HandTrack`.

    The opening is the distance of thumb tip and index tip over the gripper's full opening,
    clipped to 0..1: meters to meters, so that a 50 mm grasp is a 50 mm grasp, and nothing is
    stretched to fill the range of a clip. Landmarks lie inside the fingertips: at touch they are
    still 10 to 30 mm apart, and the opening says so. Taking a constant off would call hands that
    are nearly closed closed; that something is held is decided from the hand's motion instead
    (`rotoscope.retarget.gripper.grasps`), stands in `grasping`, and sets the opening as
    `during_grasp` asks.

    Where the stage `objects` stands before it in the recipe, contact decides instead: the gripper
    holds from where a thing begins to move with the hand to where it is let go, and a hand that
    closes on nothing holds nothing. A grasp that is hidden by the hand itself is then missed.

    The gripper turns with the palm as grasping people's do, and with the fingertips as far as they
    are seen (`rotoscope.retarget.gripper.grasp_prior`).

    Frames without a hand are NaN, neither valid nor filled; `grasping` bridges short gaps inside
    a grasp. Uncertainties are NaN where the hand track carries none.
    """

    kind = "retarget.gripper"
    version = "5"
    requires = ("hands",)
    uses = ("camera", "camera_motion", "objects", "quality.objects")
    provides = ("gripper",)
    Config = GripperConfig
    config: GripperConfig

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """`gripper.<side>` for every hand; none where no hand was found.

        Raises:
            TrackError: The hands have no metric joints, or another length than the clip.
        """
        hands = [t for t in select(tracks, self.requires).values() if isinstance(t, HandTrack)]
        camera_m = _camera_position(tracks.get("camera_motion"), len(clip.time_s))
        return {
            f"gripper.{hand.side}": self._follow(clip, hand, camera_m, tracks) for hand in hands
        }

    def _follow(
        self,
        clip: Clip,
        hand: HandTrack,
        camera_m: Float[np.ndarray, "time 3"],
        tracks: Mapping[str, Track],
    ) -> GripperTrack:
        joints_m = hand.joints_m
        if joints_m is None:
            raise TrackError(
                f"hands.{hand.side} has no metric joints; put the stage 'lift' before "
                "'retarget.gripper' in the recipe"
            )
        seen_m = joints_m - camera_m[:, None]
        pose, spread_rad = likely_pose(seen_m, hand.side)
        pose[:, :3, 3] += camera_m
        hidden = hidden_tips(seen_m)
        known = hand.known & np.isfinite(pose).all(axis=(1, 2))
        aperture_m = np.where(known, hand_shape.aperture(joints_m), np.nan)
        if knows_contacts(tracks):
            grasps = seen_grasps(tracks, hand.side, clip.time_s, joints_m, known)
        else:
            grasps = find_grasps(
                clip.time_s, joints_m, known, shape_m=hand.hand_m, config=self.config.grasps
            )
        grasping = grasping_frames(grasps, len(known))
        opening = np.clip(aperture_m / self.config.max_opening_m, 0.0, 1.0)
        widths = [width_where_hidden(tracks, hand.side, g, seen_m, hidden) for g in grasps]
        opening = self._while_held(opening, grasps, widths, hand.valid & known)
        wrist_sigma_rad = _or_nan(hand.sigma_rotation_rad, (len(known),))
        wrist_sigma_m = _or_nan(hand.sigma_position_m, (len(known), 3))
        sigma_m = position_sigma(joints_m, wrist_sigma_m, wrist_sigma_rad, hidden)
        # Where a hand is and how large it is are known from each other.
        size_rel = np.linalg.norm(wrist_sigma_m, axis=1) / np.linalg.norm(seen_m[:, 0], axis=1)
        return GripperTrack(
            side=hand.side,
            T_camera_ee=np.where(known[:, None, None], pose, np.nan),
            aperture_m=aperture_m,
            opening=opening,
            grasping=grasping,
            valid=hand.valid & known,
            filled=known & ~hand.valid,
            sigma_position_m=np.where(known[:, None], sigma_m, np.nan),
            sigma_rotation_rad=np.where(known, np.hypot(wrist_sigma_rad, spread_rad), np.nan),
            sigma_aperture_m=np.where(known, aperture_sigma(seen_m, size_rel, hidden), np.nan),
            max_opening_m=self.config.max_opening_m,
        )

    def _while_held(
        self,
        opening: Float[np.ndarray, " time"],
        grasps: Sequence[Grasp],
        widths_m: Sequence[float | None],
        seen: Bool[np.ndarray, " time"],
    ) -> Float[np.ndarray, " time"]:
        """The opening with each grasp's own width where the configuration wants that.

        `widths_m` are those of the things, where fingers hide each other and do not tell.
        """
        if self.config.during_grasp == "measured":
            return opening
        out = opening.copy()
        for grasp, width_m in zip(grasps, widths_m, strict=True):
            span = slice(grasp.start, grasp.end)
            measured = opening[span][seen[span]]
            if len(measured):
                held = float(np.median(measured))
                if width_m is not None:
                    held = min(width_m / self.config.max_opening_m, 1.0)
                held = 0.0 if self.config.during_grasp == "close" else held
                out[span] = np.where(np.isfinite(opening[span]), held, np.nan)
        return out


def _camera_position(motion: Track | None, num: int) -> Float[np.ndarray, "time 3"]:
    """Where the camera is in the hands' frame [m]; its origin where that is not known."""
    if not isinstance(motion, CameraMotion):
        return np.zeros((num, 3))
    placed = motion.is_placed[:, None]
    return np.where(placed, np.nan_to_num(motion.T_reference_camera[:, :3, 3]), 0.0)


def _or_nan(values: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    return np.full(shape, np.nan) if values is None else values
