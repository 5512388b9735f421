"""`ground`: where up is, where the ground is, and which foot stands on something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.stage import ClipStage, StageConfig, Tracks
from rotoscope.pipeline.tracks import (
    BODY_JOINTS,
    SIDES,
    BodyTrack,
    FeatureTrack,
    QualityTrack,
    Track,
)
from rotoscope.pipeline.types import Clip
from rotoscope.retarget.common.level_frame import level_camera
from rotoscope.retarget.ground.body_weight import center_of_mass
from rotoscope.retarget.ground.contact_detection import (
    Contacts,
    ContactSettings,
    contact_spans,
    find_contacts,
)
from rotoscope.retarget.ground.gravity_direction import find_up
from rotoscope.retarget.ground.possible_motion import (
    floating,
    impossible_steps,
    impossible_travel,
)
from rotoscope.retarget.ground.sole_heights import (
    feet_of,
    ground_height,
    resting_heights,
    sole_heights,
)

_HEADING_FRAMES = 5
"""Known frames that the first heading is the mean of."""


class GroundConfig(StageConfig):
    """Settings of `ground`."""

    up: Literal["auto", "z", "camera"] = "auto"
    """Which way is up: `z` of the source frame, or found in the camera's picture. `auto` takes
    `camera` for tracks that have image landmarks."""
    camera_pitch_rad: float | None = Field(default=None, ge=-np.pi / 2, le=np.pi / 2)
    """How far the camera looks down below the horizon [rad]; it is taken not to be rolled. Found
    from how the person stands and where the feet rest when absent."""
    contact: ContactSettings = Field(default_factory=ContactSettings)
    """When a foot counts as resting."""
    contacts: Literal["keep", "find"] = "keep"
    """Contacts that the source states are kept, or found anew."""


@dataclass(frozen=True, eq=False)
class GroundFit:
    """Where the ground is, and what rests on it."""

    T_world_source: Float[np.ndarray, "4 4"]
    """Source frame in the world frame [m]: z up, ground at z = 0, x horizontal and facing where
    the person first faces, origin below the pelvis of the first known frame."""
    contacts: Contacts
    """Foot contacts in the world frame; `ground_m` is 0."""
    sigma_up_rad: float
    """1-sigma of the upward direction about either horizontal axis [rad]; 0 where it is given."""


class Ground(ClipStage):
    """Finds the ground under each person and says when which foot rests on something.

    Frames in which the body does what none can (`rotoscope.retarget.ground.possible_motion`) are
    no longer known. Tracks without metric joints pass unchanged. In frames where a foot is not
    seen it is not in contact; where no foot ever rests the ground lies at the lowest point of the
    feet that was seen, and the quality record says so.
    """

    kind = "ground"
    version = "5"
    requires = ("body",)
    provides = ("body", "features.support", "quality.ground")
    Config = GroundConfig
    config: GroundConfig

    def run(self, clip: Clip, tracks: Mapping[str, Track]) -> Tracks:
        """The same bodies, standing in the world, each with its supports as a column."""
        out: Tracks = {}
        for name, track in tracks.items():
            if isinstance(track, BodyTrack) and track.joints_m is not None:
                out |= self._one(name, track, clip.time_s)
        return out

    def _one(self, name: str, track: BodyTrack, time_s: Float[np.ndarray, " time"]) -> Tracks:
        if not (track.known & np.isfinite(_joint(track, "pelvis")).all(axis=1)).any():
            return {name: track}
        assert track.joints_m is not None
        known = np.where(track.known[:, None, None], track.joints_m, np.nan)
        steps = impossible_steps(known, time_s)
        possible = _without(track, steps.frames)
        if not (possible.known & np.isfinite(_joint(track, "pelvis")).all(axis=1)).any():
            possible = track
        ground = ground_of(possible, time_s, self.config)
        contacts, subject = ground.contacts, track.subject
        T = ground.T_world_source
        known[steps.frames] = np.nan
        joints = known @ T[:3, :3].T + T[:3, 3]
        floats = floating(joints, steps.jumps)
        joints[floats.frames] = np.nan
        travel = impossible_travel(joints, time_s)
        body = _without(track, steps.frames | floats.frames | travel.frames)
        return {
            name: body.replace(T_world_source=T, contact=contacts.contact & body.known[:, None]),
            f"features.support.{subject}": FeatureTrack(
                feature="label.support",
                subject=subject,
                values=contacts.support_height_m,
                names=SIDES,
                unit="m",
                description="Height of what each foot rests on over the ground; NaN where it "
                "rests on nothing.",
            ),
            f"quality.ground.{subject}": QualityTrack(
                subject, {**_facts(ground), **steps.facts, **floats.facts, **travel.facts}
            ),
        }


def ground_of(
    track: BodyTrack, time_s: Float[np.ndarray, " time"], config: GroundConfig | None = None
) -> GroundFit:
    """The ground under one person.

    Raises:
        TrackError: The track has no metric joints, or no frame with a pelvis.
    """
    config = config or GroundConfig()
    if track.joints_m is None:
        raise TrackError("the ground needs metric joints; put `lift_body` before `ground`")
    joints = np.where(track.known[:, None, None], track.joints_m, np.nan)
    is_camera = config.up == "camera" or (config.up == "auto" and track.landmarks_px is not None)
    up, sigma_up = np.array([0.0, 0.0, 1.0]), 0.0
    if is_camera and config.camera_pitch_rad is not None:
        up = level_camera(config.camera_pitch_rad)[:, 2]
    elif is_camera:
        up, sigma_up = find_up(joints, time_s, settings=config.contact)
    given = track.contact if config.contacts == "keep" else None
    return fit_ground(
        joints, time_s, up, sigma_up_rad=sigma_up, given=given, settings=config.contact
    )


def fit_ground(
    joints_m: Float[np.ndarray, "time body_joint 3"],
    time_s: Float[np.ndarray, " time"],
    up: Float[np.ndarray, " 3"],
    *,
    sigma_up_rad: float = 0.0,
    given: Bool[np.ndarray, "time 2"] | None = None,
    settings: ContactSettings | None = None,
) -> GroundFit:
    """World frame, ground height and contacts of a person, upward direction known.

    Args:
        joints_m: `BODY_JOINTS` in the source frame [m]; NaN where unknown.
        time_s: Time of each frame [s].
        up: Unit vector that points up, in the source frame.
        sigma_up_rad: How sure that is [rad]; only passed on.
        given: Contacts that are known already; found when absent.
        settings: When a foot counts as resting.

    Raises:
        TrackError: No frame has a pelvis.
    """
    settings = settings or ContactSettings()
    T = _level_frame(joints_m, up)
    joints = joints_m @ T[:3, :3].T + T[:3, 3]
    feet = feet_of(joints)
    contacts = find_contacts(feet, time_s, settings, com_m=center_of_mass(joints))
    if given is not None:
        given = given & np.isfinite(feet).all(axis=3).any(axis=2)
        heights = sole_heights(feet, still=given)
        ground = ground_height(given, heights)
        resting = resting_heights(given, heights - ground)
        spans = contact_spans(given, resting, level_m=settings.level_m)
        contacts = Contacts(given, spans, contacts.speed_m_s, ground)
    ground_m = contacts.ground_m
    if not np.isfinite(ground_m):
        ground_m = _lowest(sole_heights(feet, still=contacts.contact))
    T[2, 3] -= ground_m
    return GroundFit(
        T, Contacts(contacts.contact, contacts.spans, contacts.speed_m_s, 0.0), sigma_up_rad
    )


def _level_frame(
    joints_m: Float[np.ndarray, "time body_joint 3"], up: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "4 4"]:
    """Source frame in a frame with z up, x where the person first faces, origin at the pelvis."""
    pelvis = joints_m[:, BODY_JOINTS.index("pelvis")]
    known = np.flatnonzero(np.isfinite(pelvis).all(axis=1))
    if len(known) == 0:
        raise TrackError("no frame has a pelvis; the ground needs one to put the origin below it")
    forward = _first_heading(joints_m[known], up)
    R = np.stack([forward, np.cross(up, forward), up])
    return se3.make(R, -R @ pelvis[known[0]])


def _first_heading(
    joints_m: Float[np.ndarray, "known body_joint 3"], up: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, " 3"]:
    """Horizontal unit vector that the person first faces: across hips and shoulders, turned.

    Where neither is known it is the source's x axis, or its z axis if x is upright.
    """
    across = sum(
        np.nan_to_num(
            joints_m[:, BODY_JOINTS.index(f"left_{part}")]
            - joints_m[:, BODY_JOINTS.index(f"right_{part}")]
        )
        for part in ("hip", "shoulder")
    )
    facing = np.cross(across, up)
    seen = np.flatnonzero(np.linalg.norm(facing, axis=1) > 0.05)[:_HEADING_FRAMES]
    if len(seen):
        mean = facing[seen].mean(axis=0)
        if np.linalg.norm(mean) > 1e-6:
            return np.asarray(mean / np.linalg.norm(mean))
    axis = np.eye(3)[0] if abs(up[0]) < 0.9 else np.eye(3)[2]
    level = axis - (axis @ up) * up
    return np.asarray(level / np.linalg.norm(level))


def _without(track: BodyTrack, frames: Bool[np.ndarray, " time"]) -> BodyTrack:
    """The body without frames that cannot be: neither seen nor filled."""
    if not frames.any():
        return track
    return track.replace(
        valid=track.valid & ~frames,
        filled=None if track.filled is None else track.filled & ~frames,
        implausible=frames,
    )


def _lowest(heights_m: Float[np.ndarray, "time 2 foot_point"]) -> float:
    seen = heights_m[np.isfinite(heights_m)]
    return float(np.quantile(seen, 0.02)) if len(seen) else 0.0


def _joint(track: BodyTrack, name: str) -> Float[np.ndarray, "time 3"]:
    assert track.joints_m is not None
    return np.asarray(track.joints_m[:, BODY_JOINTS.index(name)])


def _facts(ground: GroundFit) -> dict[str, object]:
    contact = ground.contacts.contact
    raised = [s.support_height_m for s in ground.contacts.spans if s.support_height_m != 0.0]
    return {
        "ground_is_found": bool(contact.any()),
        "up_sigma_deg": float(np.degrees(ground.sigma_up_rad)),
        "contact_share_left": float(contact[:, 0].mean()),
        "contact_share_right": float(contact[:, 1].mean()),
        "highest_support_m": max(raised, default=0.0),
    }
