"""Smooths orientations on an irregular clock, through full turns and without a preferred one.

Unrolling (Jupp and Kent 1987): a reference motion is laid flat by summing its own small rotations,
each sample is set off from it by its rotation vector against the reference, the flat curve is
smoothed as vectors are, and the result is rolled back along the reference. The smoothed motion then
serves as the next reference, so that in the end offsets are as small as the noise and neither the
place of the origin nor the wrap at pi matters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.geometry import se3
from rotoscope.pipeline.smoothing.em import em_steps, posterior_of, start
from rotoscope.pipeline.smoothing.layout import Layout, check_signals
from rotoscope.pipeline.smoothing.segments import neighbors
from rotoscope.pipeline.smoothing.vectors import Smoothed

ITERATIONS = (3, 4)
"""Rounds of estimation against each of the successive references."""
MEDOID_NEIGHBORS = 2
"""Samples on each side that the first reference is chosen from: two outliers in a row pass."""


@dataclass(frozen=True, eq=False)
class SmoothedRotations:
    """Orientations after smoothing, on the clock they came on."""

    mean: Float[np.ndarray, "time 3 3"]
    """Smoothed rotation matrices; NaN where nothing is known."""
    covariance: Float[np.ndarray, "time 3 3"]
    """Covariance [rad^2] of the rotation vector from `mean` to the truth, in the turning frame's
    own axes; NaN where nothing is known."""
    is_outlier: Bool[np.ndarray, " time"]
    """Samples that lie grossly off the motion; they had no influence."""
    filled: Bool[np.ndarray, " time"]
    """Frames without a good sample in a gap that is short enough to be bridged."""
    noise_sigma: Float[np.ndarray, " 3"]
    """Estimated 1-sigma of a sample about the turning frame's axes [rad]."""


def smooth_rotations(
    time_s: Float[np.ndarray, " time"],
    rotations: Float[np.ndarray, "time 3 3"],
    valid: Bool[np.ndarray, " time"],
    *,
    max_gap_s: float,
    sigma_rad: Float[np.ndarray, " time"] | None = None,
) -> SmoothedRotations:
    """The most likely turning motion behind noisy orientations with gaps and outliers.

    Args:
        time_s: Frame times [s], increasing; intervals may vary.
        rotations: Rotation matrices of a moving frame in a fixed one.
        valid: Frames that have a sample.
        max_gap_s: Samples further apart than this [s] are not connected; see `smooth_vectors`.
        sigma_rad: Stated root mean square angle by which samples are off [rad]; only its course
            over the clip counts, except where there are too few samples to estimate the noise.

    Raises:
        TrackError: Lengths differ, times do not increase, or a valid sample is not a rotation.
    """
    check_signals("smooth_rotations", time_s, rotations, valid, max_gap_s)
    samples = rotations[valid]
    if not np.allclose(samples @ np.swapaxes(samples, 1, 2), np.eye(3), atol=1e-4):
        raise TrackError("smooth_rotations: every valid frame must hold a rotation matrix")
    if not valid.any():
        return _unknown(len(time_s))
    layout = Layout.of(time_s, valid, max_gap_s)
    sigma = None if sigma_rad is None else np.repeat(sigma_rad[valid, None], 3, axis=1) / 3**0.5
    reference = _interpolate(time_s, valid, _medoids(samples, layout.run_of_sample))
    flat = _lay_flat(reference)
    offsets = _unroll(reference[valid], flat[valid], samples)
    units, estimate = start(layout, offsets, sigma)
    for num_iterations in ITERATIONS:
        normalized = units.normalize(offsets)
        estimate = posterior_of(layout, normalized, estimate.measurement, estimate.process)
        estimate = em_steps(layout, normalized, estimate, num_iterations)
        smooth = Smoothed.of(layout, units, estimate)
        # Rolling back: R = R_ref exp(x - x_ref), the inverse of `_unroll`.
        rolled = reference @ se3.exp_so3(smooth.mean - flat)
        reference = np.where(np.isfinite(rolled), rolled, reference)
        flat = _lay_flat(reference)
        offsets = _unroll(reference[valid], flat[valid], samples)
    return SmoothedRotations(
        mean=rolled,
        covariance=smooth.covariance,
        is_outlier=smooth.is_outlier,
        filled=smooth.filled,
        noise_sigma=smooth.noise_sigma,
    )


def _medoids(
    rotations: Float[np.ndarray, "sample 3 3"], run: Int[np.ndarray, " sample"]
) -> Float[np.ndarray, "sample 3 3"]:
    """For each sample the one among its neighbors that lies nearest to all of them."""
    index, _ = neighbors(run, MEDOID_NEIGHBORS)
    quats = se3.quat_from_matrix(rotations)[index]
    cosine = np.clip(np.abs(np.einsum("iaq,ibq->iab", quats, quats)), 0.0, 1.0)
    best = np.argmin(np.arccos(cosine).sum(axis=2), axis=1)
    return rotations[index[np.arange(len(rotations)), best]]


def _interpolate(
    time_s: Float[np.ndarray, " time"],
    valid: Bool[np.ndarray, " time"],
    samples: Float[np.ndarray, "sample 3 3"],
) -> Float[np.ndarray, "time 3 3"]:
    """Rotations on every frame: constant speed between samples, at rest outside them."""
    nodes_s = time_s[valid]
    before = np.clip(np.searchsorted(nodes_s, time_s, side="right") - 1, 0, len(nodes_s) - 1)
    after = np.minimum(before + 1, len(nodes_s) - 1)
    span_s = np.where(after > before, nodes_s[after] - nodes_s[before], 1.0)
    share = np.clip((time_s - nodes_s[before]) / span_s, 0.0, 1.0)
    step = se3.log_so3(np.swapaxes(samples[before], 1, 2) @ samples[after])
    return np.asarray(samples[before] @ se3.exp_so3(share[:, None] * step))


def _lay_flat(reference: Float[np.ndarray, "time 3 3"]) -> Float[np.ndarray, "time 3"]:
    """The reference as a curve in space: the running sum of its small rotations [rad]."""
    steps = se3.log_so3(np.swapaxes(reference[:-1], 1, 2) @ reference[1:])
    return np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])


def _unroll(
    reference: Float[np.ndarray, "sample 3 3"],
    flat: Float[np.ndarray, "sample 3"],
    rotations: Float[np.ndarray, "sample 3 3"],
) -> Float[np.ndarray, "sample 3"]:
    """The rotations in the plane of the flat reference [rad]."""
    return np.asarray(flat + se3.log_so3(np.swapaxes(reference, 1, 2) @ rotations))


def _unknown(num_frames: int) -> SmoothedRotations:
    """The answer where there is no sample."""
    nothing, no = np.full((num_frames, 3, 3), np.nan), np.zeros(num_frames, bool)
    return SmoothedRotations(nothing, nothing, no, no, np.full(3, np.nan))
