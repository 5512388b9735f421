"""Smoothing of synthetic reaches: error, honesty of the stated sigma, and CPU time.

Seeds 1000 to 1039 are for this measurement alone; development used others.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from benchmarks import _reaches as reaches
from benchmarks.figure import Bar, Figure
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.run.isolation import Limits, Progress, run_isolated
from rotoscope.pipeline.smoothing import smooth_multivariate, smooth_rotations, smooth_vectors
from rotoscope.pipeline.stages.smooth import SmoothConfig, smooth_hand
from rotoscope.pipeline.tracks import HandTrack

SEEDS = range(1000, 1040)
MAX_GAP_S = 0.5
"""Longer than every gap of the synthetic tracks: all frames but cut-off ends are answered."""
LIMIT_S = 3600.0
"""A measurement that takes longer has hung."""
TIME_S = np.arange(reaches.NUM_FRAMES) / reaches.RATE_HZ

Measured = dict[str, list[float]]


def run() -> list[Figure]:
    """All figures, in a child with one numeric thread as every worker has."""
    limits = Limits(memory_bytes=2**62, stall_s=LIMIT_S, base_s=LIMIT_S, per_item_s=0.0)
    answer = run_isolated(f"{__name__}:_measure", None, limits=limits)
    if answer.error is not None:
        raise SystemExit(answer.error.traceback or answer.error.message)
    figures: list[Figure] = answer.value
    return figures


def _measure(_: None, tell: Progress) -> list[Figure]:
    """Means over the seeds."""
    smooth_vectors(
        TIME_S[:30], np.zeros((30, 3)), np.ones(30, bool), max_gap_s=MAX_GAP_S
    )  # imports
    found: Measured = defaultdict(list)
    for seed in SEEDS:
        _positions(np.random.default_rng(seed), found)
        _rotations(np.random.default_rng(seed), found)
        _shapes(np.random.default_rng(seed), found)
        _stage(np.random.default_rng(seed), found)
    units = {
        "rmse": ("mm", Bar("<=", 10.0)),
        "cpu_per_frame": ("ms", Bar("<=", 0.3)),
        "stage_cpu_per_frame": ("ms", Bar("<=", 0.5)),
    }
    return [
        Figure(f"smoothing.{name}", float(np.mean(values)), *units.get(name, (_unit(name), None)))
        for name, values in found.items()
    ]


def _unit(name: str) -> str:
    if "coverage" in name or "share" in name:
        return "1"
    if "jerk" in name:
        return "m/s3"
    if "cpu" in name:
        return "ms"
    return "deg" if "rotation" in name else "mm"


def _positions(rng: np.random.Generator, found: Measured) -> None:
    truth, moves = reaches.wrist_track(rng)
    noisy, seen, is_outlier = reaches.observed(rng, truth)
    smooth, cpu_s = _timed(lambda: smooth_vectors(TIME_S, noisy, seen, max_gap_s=MAX_GAP_S))
    known = np.isfinite(smooth.mean[:, 0])
    answer, raw = _held(smooth.mean, known), _held(noisy, seen)
    error_m = np.linalg.norm(answer - truth, axis=1)
    inside = np.abs(smooth.mean - truth) <= 2.0 * smooth.sigma
    found["rmse"].append(_rms_mm(answer, truth))
    found["cpu_per_frame"].append(cpu_s / len(truth) * 1e3)
    found["p95"].append(float(np.quantile(error_m, 0.95)) * 1e3)
    found["rmse_seen"].append(_rms_mm(answer[seen], truth[seen]))
    found["raw_rmse"].append(_rms_mm(raw, truth))
    found["savitzky_golay_rmse"].append(_rms_mm(_savitzky_golay(raw), truth))
    good = seen & ~is_outlier
    found["floor_known_moves_rmse"].append(
        _rms_mm(reaches.known_moves_fit(noisy, good, moves), truth)
    )
    found["coverage_2_sigma"].append(float(inside[known & seen].mean()))
    if (known & ~seen).any():  # a track in a dozen has no gap
        found["rmse_gaps"].append(_rms_mm(answer[~seen], truth[~seen]))
        found["coverage_2_sigma_gaps"].append(float(inside[known & ~seen].mean()))
    found["outliers_found_share"].append(float(smooth.is_outlier[is_outlier & seen].mean()))
    found["false_outliers_share"].append(float(smooth.is_outlier[good].mean()))
    found["jerk"].append(_jerk(answer))
    found["true_jerk"].append(_jerk(truth))
    found["savitzky_golay_jerk"].append(_jerk(_savitzky_golay(raw)))


def _rotations(rng: np.random.Generator, found: Measured) -> None:
    truth = reaches.wrist_turns(rng)
    noisy, seen = reaches.turned_noisily(rng, truth), reaches.seen(rng, len(truth))
    smooth, cpu_s = _timed(lambda: smooth_rotations(TIME_S, noisy, seen, max_gap_s=MAX_GAP_S))
    known = np.isfinite(smooth.mean[:, 0, 0])
    off = se3.log_so3(np.swapaxes(smooth.mean[known], 1, 2) @ truth[known])
    sigma = np.sqrt(np.einsum("tii->ti", smooth.covariance[known]))
    found["rotation_rmse"].append(_rms_deg(off))
    raw = _held(noisy.reshape(-1, 9), seen).reshape(-1, 3, 3)
    found["raw_rotation_rmse"].append(_rms_deg(se3.log_so3(np.swapaxes(raw, 1, 2) @ truth)))
    found["rotation_coverage_2_sigma"].append(float((np.abs(off) <= 2.0 * sigma).mean()))
    found["rotation_cpu_per_frame"].append(cpu_s / len(truth) * 1e3)


def _shapes(rng: np.random.Generator, found: Measured) -> None:
    truth = reaches.hand_shapes(rng)
    noisy = truth + rng.normal(0.0, reaches.NOISE_JOINT_M, truth.shape)
    seen = reaches.seen(rng, len(truth))
    smooth, cpu_s = _timed(lambda: smooth_multivariate(TIME_S, noisy, seen, max_gap_s=MAX_GAP_S))
    answer, raw = _held(smooth.mean, np.isfinite(smooth.mean[:, 0])), _held(noisy, seen)
    per_joint = (-1, 3)
    found["joints_rmse"].append(_rms_mm(answer.reshape(per_joint), truth.reshape(per_joint)))
    found["joints_raw_rmse"].append(_rms_mm(raw.reshape(per_joint), truth.reshape(per_joint)))
    found["joints_savitzky_golay_rmse"].append(
        _rms_mm(_savitzky_golay(raw).reshape(per_joint), truth.reshape(per_joint))
    )
    found["joints_cpu_per_frame"].append(cpu_s / len(truth) * 1e3)


def _stage(rng: np.random.Generator, found: Measured) -> None:
    """CPU time of the whole stage for two hands."""
    hands = [_noisy_hand(rng, side) for side in ("left", "right")]
    config = SmoothConfig()
    _, cpu_s = _timed(lambda: [smooth_hand(TIME_S, hand, config) for hand in hands])
    found["stage_cpu_per_frame"].append(cpu_s / len(TIME_S) * 1e3)


def _noisy_hand(rng: np.random.Generator, side: str) -> HandTrack:
    num_frames = len(TIME_S)
    noisy, seen, _ = reaches.observed(rng, reaches.wrist_track(rng)[0])
    turned = reaches.turned_noisily(rng, reaches.wrist_turns(rng))
    pose = se3.make(turned, noisy)
    shape = reaches.hand_shapes(rng) + rng.normal(0.0, reaches.NOISE_JOINT_M, (num_frames, 63))
    ones = np.ones(num_frames)
    return HandTrack(
        side="left" if side == "left" else "right",
        landmarks_px=np.zeros((num_frames, 21, 2)),
        hand_m=np.zeros((num_frames, 21, 3)),
        score=ones,
        handedness=ones,
        valid=seen,
        T_camera_wrist=pose,
        joints_m=se3.apply(pose, shape.reshape(num_frames, 21, 3)),
        sigma_position_m=np.tile(reaches.NOISE_M, (num_frames, 1)),
        sigma_rotation_rad=0.1 * ones,
    )


def _timed[T](work: Callable[[], T]) -> tuple[T, float]:
    start_s = time.process_time()
    result = work()
    return result, time.process_time() - start_s


def _held(
    values: Float[np.ndarray, "time signal"], known: Bool[np.ndarray, " time"]
) -> Float[np.ndarray, "time signal"]:
    """Unknown frames hold the last known value; those before the first take the first."""
    last = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    return values[np.where(last < 0, np.argmax(known), last)]


def _savitzky_golay(values: Float[np.ndarray, "time signal"]) -> Float[np.ndarray, "time signal"]:
    from scipy.signal import savgol_filter

    return np.asarray(savgol_filter(values, 11, 3, axis=0))


def _rms_mm(values: Float[np.ndarray, "row 3"], truth: Float[np.ndarray, "row 3"]) -> float:
    return float(np.sqrt(((values - truth) ** 2).sum(axis=1).mean())) * 1e3


def _rms_deg(offset: Float[np.ndarray, "row 3"]) -> float:
    return float(np.degrees(np.sqrt((offset**2).sum(axis=1).mean())))


def _jerk(values: Float[np.ndarray, "time 3"]) -> float:
    third = np.diff(values, 3, axis=0) * reaches.RATE_HZ**3
    return float(np.linalg.norm(third, axis=1).mean())
