"""How a trajectory is put under gravity: gains, friction, what holds the root, what a fall is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Root = Literal["free", "assisted", "fixed", "bolted"]
"""How the root is held: not at all; by a spring with a limited wrench; moved along the wanted path
whatever happens; or bolted to the world where the file has it (arms)."""


class PhysicsSettings(BaseModel):
    """How the trajectory is tracked, and when the robot has fallen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timestep_s: float = Field(default=0.002, gt=0, le=0.01)
    """MuJoCo's integration timestep [s]."""
    stiff_rad: float = Field(default=0.1, gt=0)
    """Position error at which a joint without gains of its own uses its full torque [rad or m]:
    kp is torque limit over this."""
    damping_s: float = Field(default=0.05, ge=0)
    """kd over kp of such joints [s]."""
    frequency_hz: float = Field(default=5.0, gt=0)
    """Stiffness of joints without gains and without a torque limit: that of a mass on a spring
    of this frequency [Hz], by the joint's own inertia."""
    rotor_inertia_s2: float = Field(default=1e-4, ge=0)
    """Inertia of a joint's motor per torque limit [kg m^2 per N m], where the file states none.
    Without it, feet of some hundred grams crawl under stiff ankles, and how fast depends on the
    timestep; the motors of real legs have about this much."""
    friction: float = Field(default=1.0, ge=0)
    """Sliding friction of the floor [1]; 1 is rubber on concrete, 0.5 a smooth floor."""
    self_collision: bool = False
    """Whether parts of the robot push each other; only the floor does otherwise."""
    fall_tilt_rad: float = Field(default=1.0, gt=0)
    """The robot has fallen when its root is tilted this much against the wanted one [rad]."""
    fall_drop: float = Field(default=0.35, gt=0, lt=1)
    """Or when its root is this share of the wanted height too low."""
    assist_hz: float = Field(default=1.5, gt=0)
    """Stiffness of the assisting spring, as the frequency of the robot's mass on it [Hz]."""
    touch_m: float = Field(default=0.015, ge=0)
    """What is at most this high over the floor can be carried by it [m]."""
    assist_limit: float = Field(default=1.0, gt=0)
    """Largest assisting force in body weights; largest torque in body weights times the root's
    height at the start."""


@dataclass(frozen=True)
class Step:
    """A plate that a foot stands on, higher than the floor: a stair, a box."""

    x_m: float
    """Its middle in the world [m]."""
    y_m: float
    """Its middle in the world [m]."""
    height_m: float
    """Height of its top over the floor [m]."""
    half_size_m: float = 0.15
    """Half the length of its sides [m]: a foot fits on it, whatever way it points."""
