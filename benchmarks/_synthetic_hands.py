"""Hands made of bones and a script: several grasps, taps and waves with known times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

FINGER_ROOTS_M = np.array(
    [[0.0, 0.022, 0.095], [0.0, 0.0, 0.098], [0.0, -0.020, 0.092], [0.0, -0.038, 0.082]]
)
"""Index to little finger MCP in the wrist frame of a right hand (x palmar, y thumb, z distal)."""
FINGER_BONES_M = np.array(
    [[0.045, 0.026, 0.022], [0.050, 0.030, 0.023], [0.047, 0.028, 0.023], [0.037, 0.020, 0.020]]
)
FINGER_BENDS_RAD = np.array([1.15, 1.05, 0.55])
"""Flexion of MCP, PIP, DIP at closure 1."""
THUMB_ROOT_M = np.array([0.015, 0.028, 0.028])
THUMB_BONES_M = np.array([0.042, 0.034, 0.028])
THUMB_OPEN = np.array([[0.30, 0.75, 0.60], [0.20, 0.80, 0.56], [0.15, 0.80, 0.58]])
THUMB_CLOSED = np.array([[0.72, 0.15, 0.68], [0.62, -0.05, 0.78], [0.45, -0.30, 0.84]])
"""Directions of the thumb's bones at closure 0 and 1."""
RELAXED = 0.55
"""Closure of a hand that does nothing."""


def hand_joints(
    closure: Float[np.ndarray, " time"], others: Float[np.ndarray, " time"]
) -> Float[np.ndarray, "time 21 3"]:
    """Joints of a right hand in its wrist frame [m].

    Args:
        closure: Thumb and index finger, 0 open to 1 touching.
        others: Middle, ring and little finger, 0 straight to 1 bent.
    """
    joints = np.zeros((len(closure), 21, 3))
    bones = (1.0 - closure)[:, None, None] * THUMB_OPEN + closure[:, None, None] * THUMB_CLOSED
    bones *= THUMB_BONES_M[:, None] / np.linalg.norm(bones, axis=-1, keepdims=True)
    joints[:, 1] = THUMB_ROOT_M
    joints[:, 2:5] = THUMB_ROOT_M + np.cumsum(bones, axis=1)
    for finger in range(4):
        bend = closure if finger == 0 else others
        angle = np.cumsum(bend[:, None] * FINGER_BENDS_RAD, axis=1)
        bones = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=-1)
        first = 5 + 4 * finger
        joints[:, first] = FINGER_ROOTS_M[finger]
        joints[:, first + 1 : first + 4] = FINGER_ROOTS_M[finger] + np.cumsum(
            bones * FINGER_BONES_M[finger][:, None], axis=1
        )
    return joints


@dataclass(frozen=True, eq=False)
class Performance:
    """What a synthetic hand did and what was seen of it."""

    time_s: Float[np.ndarray, " time"]
    """Frame times [s]."""
    joints_m: Float[np.ndarray, "time 21 3"]
    """Joints in the camera frame [m], with noise; NaN in gaps."""
    known: Bool[np.ndarray, " time"]
    """Frames outside gaps."""
    holds: list[tuple[int, int, str]]
    """True grasps: first frame, one past the last, `pinch` or `power`."""


@dataclass
class Script:
    """Key poses of a hand; between them it moves with minimum jerk."""

    time_s: list[float]
    """Times of the key poses [s]."""
    closure: list[float]
    """Closure of thumb and index at them."""
    others: list[float]
    """Closure of the other fingers at them."""
    wrist_m: list[np.ndarray]
    """Wrist position at them [m]."""
    holds: list[tuple[float, float, str]]
    """Contact and release times with the kind of grasp."""

    def then(
        self,
        duration_s: float,
        *,
        closure: float | None = None,
        others: float | None = None,
        move_m: np.ndarray | None = None,
    ) -> None:
        """Adds a key pose `duration_s` after the last one; what is not named stays."""
        self.time_s.append(self.time_s[-1] + duration_s)
        self.closure.append(self.closure[-1] if closure is None else closure)
        self.others.append(self.others[-1] if others is None else others)
        self.wrist_m.append(self.wrist_m[-1] if move_m is None else self.wrist_m[-1] + move_m)


def perform(
    seed: int,
    *,
    rate_hz: float = 30.0,
    noise_m: float = 0.002,
    drift_m: float = 0.004,
    gap_share: float = 0.03,
) -> Performance:
    """Two to four grasps with reaches, carries, taps and waves between them.

    Args:
        seed: Everything follows from it.
        rate_hz: Frames per second.
        noise_m: 1-sigma of white noise on every joint coordinate [m].
        drift_m: 1-sigma of noise on it that lasts 0.3 s [m], as landmark models make.
        gap_share: Share of frames hidden, in gaps of up to 0.3 s.
    """
    rng = np.random.default_rng(seed)
    script = write_script(rng)
    time_s = np.arange(0.0, script.time_s[-1], 1.0 / rate_hz)
    joints = play(script, time_s)
    joints += rng.normal(0.0, noise_m, joints.shape) + _slow_noise(joints.shape, rate_hz, rng) * (
        drift_m
    )
    known = np.ones(len(time_s), dtype=bool)
    while known.mean() > 1.0 - gap_share:
        start = int(rng.integers(len(time_s)))
        known[start : start + int(rng.integers(1, round(0.3 * rate_hz) + 1))] = False
    joints[~known] = np.nan
    holds = [
        (int(np.searchsorted(time_s, a)), int(np.searchsorted(time_s, b)), kind)
        for a, b, kind in script.holds
    ]
    return Performance(time_s, joints, known, holds)


def write_script(rng: np.random.Generator) -> Script:
    """A random day in the life of a hand."""
    script = Script([0.0], [RELAXED], [RELAXED], [np.array([0.0, 0.0, 0.6])], [])
    for _ in range(int(rng.integers(2, 5))):
        _grasp(script, rng)
        distraction = rng.choice(["none", "tap", "wave"])
        if distraction == "tap":
            tap(script)
        elif distraction == "wave":
            script.then(0.5, closure=0.05, others=0.05)
            for sign in (1.0, -1.0, 1.0):
                script.then(0.4, move_m=sign * np.array([0.2, 0.0, 0.0]))
            script.then(0.6, closure=RELAXED, others=RELAXED, move_m=np.array([0.1, 0.05, 0.0]))
    return script


def tap(script: Script) -> None:
    """Thumb and index touch for 60 ms and part again, hand at rest; then it withdraws."""
    script.then(0.4, closure=0.4)
    script.then(0.1, closure=0.85)
    script.then(0.06)
    script.then(0.1, closure=0.4)
    script.then(0.6, closure=RELAXED, move_m=np.array([0.0, -0.15, 0.05]))


def grasp(
    script: Script,
    *,
    width_m: float,
    kind: str,
    reach_m: np.ndarray,
    carry_m: np.ndarray,
    close_s: float = 0.4,
    hold_s: float = 1.5,
    clearance_m: float = 0.04,
) -> None:
    """Reach with an opening hand, close on a thing at rest, carry it, let go, go back relaxed."""
    held, ready = closure_at(width_m), closure_at(width_m + clearance_m)
    wrap = kind == "power"
    script.then(0.6, closure=ready, others=ready if wrap else 0.3, move_m=0.8 * reach_m)
    script.then(0.4, move_m=0.2 * reach_m)
    script.then(close_s, closure=held, others=held if wrap else None)
    contact_s = script.time_s[-1]
    script.then(0.15)
    script.then(hold_s - 0.3, move_m=carry_m)
    script.then(0.15)
    script.holds.append((contact_s, script.time_s[-1], kind))
    script.then(0.4, closure=ready, others=ready if wrap else None)
    script.then(0.8, closure=RELAXED, others=RELAXED, move_m=-0.5 * reach_m)


def _grasp(script: Script, rng: np.random.Generator) -> None:
    is_power = bool(rng.random() < 0.5)
    direction = rng.normal(size=(2, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    grasp(
        script,
        width_m=rng.uniform(0.040, 0.075) if is_power else rng.uniform(0.021, 0.035),
        kind="power" if is_power else "pinch",
        reach_m=rng.uniform(0.2, 0.4) * direction[0],
        carry_m=rng.uniform(0.0, 0.4) * direction[1],
        close_s=1.5 if rng.random() < 0.2 else rng.uniform(0.25, 0.6),
        hold_s=rng.uniform(0.8, 3.0),
        clearance_m=rng.uniform(0.025, 0.05),
    )


def closure_at(width_m: float) -> float:
    """Closure at which thumb tip and index tip are `width_m` apart."""
    closure = np.linspace(0.85, 0.0, 200)
    joints = hand_joints(closure, closure)
    return float(np.interp(width_m, np.linalg.norm(joints[:, 4] - joints[:, 8], axis=1), closure))


def play(script: Script, time_s: Float[np.ndarray, " time"]) -> Float[np.ndarray, "time 21 3"]:
    """Joints of a right hand in the camera frame [m] at the given times."""
    keys = np.array(script.time_s)
    index = np.clip(np.searchsorted(keys, time_s, side="right") - 1, 0, len(keys) - 2)
    u = np.clip((time_s - keys[index]) / (keys[index + 1] - keys[index]), 0.0, 1.0)
    u = u**3 * (10.0 - 15.0 * u + 6.0 * u**2)

    def between(values: np.ndarray) -> np.ndarray:
        weight = u.reshape(-1, *[1] * (values.ndim - 1))
        return values[index] * (1.0 - weight) + values[index + 1] * weight

    closure, others = between(np.array(script.closure)), between(np.array(script.others))
    return hand_joints(closure, others) + between(np.array(script.wrist_m))[:, None]


def _slow_noise(
    shape: tuple[int, ...], rate_hz: float, rng: np.random.Generator
) -> Float[np.ndarray, "time 21 3"]:
    """Unit-variance noise with a correlation time of 0.3 s (first-order autoregressive)."""
    keep = np.exp(-1.0 / (0.3 * rate_hz))
    fresh = rng.normal(size=shape)
    noise = np.empty(shape)
    noise[0] = fresh[0]
    for t in range(1, shape[0]):
        noise[t] = keep * noise[t - 1] + np.sqrt(1.0 - keep**2) * fresh[t]
    return noise
