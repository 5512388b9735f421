"""Wrist pose of rendered hands against exact truth: position, direction, stated sigma, sides.

Eight held-out scenes (`_rendered_scenes.HELD_OUT`) through the stages hands, camera and lift. The
bars hold with the true camera and the true palm length given; without either the same figures are
reported. A hand that is not found counts in `found` alone. Rendering takes a few minutes the first
time and is kept in the user's cache.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from benchmarks._rendered_lift import Errors, Perceived, errors, lift, perceive, smooth, wrong_sides
from benchmarks._rendered_scenes import DEVELOPMENT, HELD_OUT
from benchmarks.figure import Bar, Figure
from rotoscope.models.rendered_hands import Scene

_POSITION, _DIRECTION = Bar("<=", 20), Bar("<=", 10)
_INSIDE, _SIDES = Bar(">=", 0.9), Bar("<=", 0.02)


def run() -> list[Figure]:
    """The held-out scenes; about a minute of CPU once they are rendered."""
    return measure(HELD_OUT)


def measure(scenes: Sequence[Scene]) -> list[Figure]:
    """All figures over some scenes; medians are over valid frames of all hands together."""
    seen = [perceive(scene) for scene in scenes]
    calibrated = [lift(one, is_calibrated=True) for one in seen]
    tracks = [lifted for lifted, _ in calibrated]
    lifted = _collect(seen, tracks)
    uncalibrated = _collect(seen, [lift(one, is_calibrated=False)[0] for one in seen])
    smoothed = _collect(seen, [smooth(*pair) for pair in zip(seen, tracks, strict=True)])
    wrong, total = np.sum([wrong_sides(one) for one in seen], axis=0)
    num_valid = sum(len(one.position_m) for one in lifted)
    cpu_s = sum(cpu for _, cpu in calibrated)
    return [
        *_pose_figures("rendered_hands", lifted, has_bars=True),
        Figure("rendered_hands.wrong_side", wrong / max(total, 1), "1", _SIDES),
        *_more_figures("rendered_hands", lifted),
        Figure("rendered_hands.lift_cpu", 1e3 * cpu_s / max(num_valid, 1), "ms/hand"),
        *_pose_figures("rendered_hands.smoothed", smoothed, has_bars=False),
        *_pose_figures("rendered_hands.uncalibrated", uncalibrated, has_bars=False),
        *(figure for one in lifted for figure in _scene_figures(one)),
    ]


def _collect(seen: Sequence[Perceived], tracks: Sequence[dict]) -> list[Errors]:
    return [one for pair in zip(seen, tracks, strict=True) for one in errors(*pair)]


def _pose_figures(name: str, found: Sequence[Errors], *, has_bars: bool) -> list[Figure]:
    position = 1e3 * np.linalg.norm(_all(found, "position_m"), axis=1)
    direction = np.degrees(_all(found, "direction_rad"))
    inside = _all(found, "sigmas") <= 2.0
    bars = (_POSITION, _DIRECTION, _INSIDE) if has_bars else (None, None, None)
    return [
        Figure(f"{name}.position", float(np.median(position)), "mm", bars[0]),
        Figure(f"{name}.position_p90", float(np.quantile(position, 0.9)), "mm"),
        Figure(f"{name}.direction", float(np.median(direction)), "deg", bars[1]),
        Figure(f"{name}.direction_p90", float(np.quantile(direction, 0.9)), "deg"),
        Figure(f"{name}.inside_2sigma", float(inside.mean()), "1", bars[2]),
    ]


def _more_figures(name: str, found: Sequence[Errors]) -> list[Figure]:
    rotation = np.degrees(_all(found, "rotation_rad"))
    num_frames = sum(one.num_frames for one in found)
    return [
        Figure(f"{name}.found", len(rotation) / num_frames, "1"),
        Figure(f"{name}.rotation", float(np.median(rotation)), "deg"),
        Figure(f"{name}.aperture", 1e3 * float(np.abs(_all(found, "aperture_m")).mean()), "mm"),
        Figure(f"{name}.pa_mpjpe", 1e3 * float(_all(found, "aligned_m").mean()), "mm"),
        Figure(f"{name}.to_rig_wrist", 1e3 * float(np.median(_all(found, "rig_m"))), "mm"),
    ]


def _scene_figures(one: Errors) -> list[Figure]:
    name = f"rendered_hands.{one.scene}.{one.side}"
    position = 1e3 * np.linalg.norm(one.position_m, axis=1)
    depth = 1e3 * one.position_m[:, 2]
    return [
        Figure(f"{name}.found", len(position) / one.num_frames, "1"),
        Figure(f"{name}.position", float(np.median(position)), "mm"),
        Figure(f"{name}.depth_bias", float(np.median(depth)), "mm"),
        Figure(f"{name}.direction", float(np.degrees(np.median(one.direction_rad))), "deg"),
        Figure(f"{name}.inside_2sigma", float((one.sigmas <= 2.0).mean()), "1"),
    ]


def _all(found: Sequence[Errors], field: str) -> np.ndarray:
    return np.concatenate([getattr(one, field) for one in found])


if __name__ == "__main__":
    scenes = DEVELOPMENT if "--development" in sys.argv else HELD_OUT
    print("\n".join(figure.line() for figure in measure(scenes)))
