"""Arm: limits, tracking error, reach and cost of following hands, made up and real."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import numpy as np

from benchmarks._arm_clips import HandClip, real_clips, synthetic_clips
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.episodes.resample import Resampler, row_times
from rotoscope.pipeline.testing import a_clip
from rotoscope.pipeline.tracks import ActionTrack
from rotoscope.retarget.arm.stage import RetargetArm
from rotoscope.retarget.optimize.violations import position_violations, velocity_violations

DATASET_RATES_HZ = (30, 50)
"""Limits are counted on the frames, and again on float32 rows of datasets at these rates."""


def run() -> list[Figure]:
    """The stage `retarget.arm` with its default settings on every clip.

    A pose is reached where the arm comes within the stage's tolerances (5 mm and 3 degrees);
    tracking errors are medians over reached poses of all clips together. CPU time holds placing
    the base, solving and everything else, but not the imports of the first call.
    """
    stage = RetargetArm(RetargetArm.Config())
    clips = list(synthetic_clips())
    first_s, _ = _timed(stage, clips[0])
    clips += real_clips()
    broken: Counter[str] = Counter()
    errors, shares, cpu_s = [], {}, 0.0
    for hand in clips:
        seconds, actions = _timed(stage, hand)
        cpu_s += seconds
        broken += _violations(stage, actions, hand.time_s)
        error_m, error_rad = actions.target_error_m, actions.target_error_rad
        assert error_m is not None
        assert error_rad is not None
        is_reached = error_m <= stage.config.tolerance_position_m
        is_reached &= error_rad <= stage.config.tolerance_rotation_rad
        shares[hand.name] = is_reached.sum() / np.isfinite(error_m).sum()
        errors.append(np.stack([error_m[is_reached], error_rad[is_reached]]))
    error_m, error_rad = np.median(np.concatenate(errors, axis=1), axis=1)
    frames = sum(len(hand.time_s) for hand in clips)
    zero = Bar("<=", 0)
    return [
        Figure("arm.position_limit_violations", broken["position"], "frames", zero),
        Figure("arm.velocity_limit_violations", broken["velocity"], "frames", zero),
        Figure("arm.contract_violations", broken["contract"], "rows", zero),
        Figure("arm.tracking_position", 1e3 * error_m, "mm", Bar("<=", 2)),
        Figure("arm.tracking_rotation", np.rad2deg(error_rad), "deg", Bar("<=", 1)),
        *(Figure(f"arm.reachable_share.{name}", share, "1") for name, share in shares.items()),
        Figure("arm.cpu_per_frame", 1e3 * cpu_s / frames, "ms", Bar("<=", 1)),
        Figure("arm.cpu_of_first_call", 1e3 * (first_s - cpu_s / len(clips)), "ms"),
    ]


def _timed(stage: RetargetArm, hand: HandClip) -> tuple[float, ActionTrack]:
    clip = a_clip(hand.time_s)
    start = time.process_time()
    made = stage.run(clip, {"gripper": hand.gripper})
    seconds = time.process_time() - start
    (actions,) = (track for track in made.values() if isinstance(track, ActionTrack))
    return seconds, actions


def _violations(stage: RetargetArm, actions: ActionTrack, time_s: np.ndarray) -> Counter[str]:
    """Frames that break a limit of the arm, and dataset rows that break one of the contract."""
    arm = stage.robot
    broken: Counter[str] = Counter()
    joints = actions.values[:, : len(arm.joint_names)]
    broken["position"] += int(position_violations(joints, arm.lower, arm.upper).sum())
    broken["velocity"] += int(velocity_violations(joints, time_s, arm.max_velocity).sum())
    for rate_hz in DATASET_RATES_HZ:
        contract = actions.contract.model_copy(update={"rate_hz": float(rate_hz)})
        for rows in _rows(actions.values, time_s, rate_hz):
            broken["contract"] += int(contract.violations(rows).sum())
            broken["contract"] += int(contract.rate_violations(rows).sum())
    return broken


def _rows(values: np.ndarray, time_s: np.ndarray, rate_hz: int) -> Iterator[np.ndarray]:
    """Each stretch of known values as the rows of a dataset."""
    known = np.isfinite(values).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
    for start, end in edges.reshape(-1, 2):
        at_s = row_times(time_s[start:end], rate_hz)
        rows = Resampler.between(time_s[start:end], at_s).linear(values[start:end])
        yield rows.astype(np.float32).astype(float)
