"""What a rendered video shows: whose hands, how they move, from where they are seen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rotoscope.models.rendered_hands.arm import Body
from rotoscope.models.rendered_hands.postures import Grip
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.tracks import Side

RATE_HZ = 30.0
WIDTH, HEIGHT = 640, 480

_FACING = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
"""Wrist frame in the camera frame when the palm faces the camera and the fingers point up."""
_SWAY_M = np.array([0.055, 0.045, 0.06])
_SWAY_RAD = np.radians([20.0, 20.0, 20.0])
_SWAY_HZ = (0.35, 0.8)
_WRIST_BEND_RAD = np.radians(15.0)
_GRASP_CENTER_M = np.array([0.0, 0.0, 0.08])
"""Middle of the hand in the wrist frame; it sways about the scene's center."""


@dataclass(frozen=True)
class Scene:
    """One clip. Angles turn a hand whose palm faces the camera with the fingers up."""

    name: str
    """Short name, also of the benchmark's per-scene lines."""
    yaw_deg: float = 0.0
    """Turn about the camera's vertical: 0 shows the palm, 90 the thumb, 180 the back."""
    pitch_deg: float = 0.0
    """Tilt about the camera's x after that: negative tips the fingers away from the camera."""
    roll_deg: float = 0.0
    """Turn within the image first of all, positive clockwise on a right hand."""
    sides: tuple[Side, ...] = ("right",)
    """Hands in view; a left one is a mirrored right one."""
    center_m: tuple[float, float, float] = (0.0, 0.0, 0.5)
    """Where the (right) hand's middle sways about, camera frame; x is mirrored for the left."""
    grip: Grip = "pinch"
    """How the hand closes."""
    closing_period_s: float = 1.6
    """Time from one closing to the next."""
    speed: float = 1.0
    """Multiplies the frequencies of the sway."""
    body: Body = field(default_factory=Body)
    """Whose hand."""
    focal_px: float = 600.0
    """Focal length of the camera; 600 px is 56 degrees across."""
    skin_rgb: tuple[int, int, int] = (224, 172, 140)
    """Color of the skin in full light."""
    textured: bool = True
    """Whether the background has patches and grain, or is plain."""
    seed: int = 0
    """Seed of the sway, the background and the sensor noise."""
    num_frames: int = 48
    """Length at `RATE_HZ`."""

    @property
    def K(self) -> Float[np.ndarray, "3 3"]:  # noqa: N802 - named as the matrix is
        """Intrinsics [px]; pixel i covers [i, i + 1)."""
        f = self.focal_px
        return np.array([[f, 0.0, WIDTH / 2], [0.0, f, HEIGHT / 2], [0.0, 0.0, 1.0]])

    @property
    def time_s(self) -> Float[np.ndarray, " time"]:
        """Time of each frame [s]."""
        return np.arange(self.num_frames) / RATE_HZ


def hand_poses(scene: Scene, side: Side) -> Float[np.ndarray, "time 4 4"]:
    """Pose of the wrist of a right hand in the camera frame; mirror the result for a left one."""
    rng = _rng(scene, side)
    yaw, pitch, roll = np.radians([scene.yaw_deg, scene.pitch_deg, scene.roll_deg])
    base = (
        se3.exp_so3(np.array([pitch, 0.0, 0.0]))
        @ se3.exp_so3(np.array([0.0, yaw, 0.0]))
        @ se3.exp_so3(np.array([0.0, 0.0, roll]))
        @ _FACING
    )
    R = se3.exp_so3(_sway(scene, rng) * _SWAY_RAD) @ base
    depth_scale = scene.center_m[2] / 0.5
    center = np.array(scene.center_m) + _sway(scene, rng) * _SWAY_M * depth_scale
    return se3.make(R, center - R @ _GRASP_CENTER_M)


def wrist_bends(scene: Scene, side: Side) -> Float[np.ndarray, "time 3"]:
    """Rotation of the hand against the forearm [rad, rotation vector in rest axes]."""
    rng = np.random.default_rng([scene.seed, 7, int(side == "left")])
    return _sway(scene, rng) * _WRIST_BEND_RAD


def _rng(scene: Scene, side: Side) -> np.random.Generator:
    return np.random.default_rng([scene.seed, int(side == "left")])


def _sway(scene: Scene, rng: np.random.Generator) -> Float[np.ndarray, "time 3"]:
    """Smooth motion within [-1, 1] on each axis: a slow and a fast sine of random phase."""
    out = np.zeros((scene.num_frames, 3))
    for frequency_hz, share in zip(_SWAY_HZ, (0.65, 0.35), strict=True):
        phase = rng.uniform(0.0, 2.0 * np.pi, 3)
        jitter = rng.uniform(0.8, 1.25, 3)
        turns = scene.time_s[:, None] * frequency_hz * scene.speed * jitter
        out += share * np.sin(2.0 * np.pi * turns + phase)
    return out
