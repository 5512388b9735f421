"""Do the actions move at all, and when the video does."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from pipeline.doctor.check import Check, Findings
from pipeline.doctor.dataset import Span, Written
from pipeline.doctor.labels import ACTION

STILL_RANGE = 1e-4
"""A dimension whose values spread less than this stands still."""
STILL_STEP = 1e-3
"""Steps below this share of a dimension's range count as standing still."""
MAX_STILL_SHARE = 0.5
MAX_LAG_FRAMES = 2
SEARCHED_S = 0.5
"""Lags up to this are looked at."""
MIN_CORRELATION, MIN_GAIN = 0.3, 0.03
"""Below these a lag found in the whole dataset says nothing."""
MIN_EPISODE_CORRELATION, MIN_EPISODE_GAIN = 0.7, 0.1
"""The same for a single episode, which has less to say."""
MIN_EPISODE_S = 2.0
PEAKS_ABOVE = 0.95
"""Share of a curve's frames above which its values are cut: a leap is no motion."""
SMOOTHING_FRAMES = 2.0
"""1-sigma of the blur of both curves: key frames make the video flicker."""

Energies = Mapping[int, Float[np.ndarray, " time"]]


def check_still(written: Written, energies: Energies) -> Check:
    """Every episode and every dimension moves, and so do the actions while the video does."""
    findings = Findings("still actions", advice="there is nothing to learn there; leave it out")
    if ACTION not in written.columns:
        return findings.check("no action")
    action = written.vector(ACTION)
    spread = np.ptp(action, axis=0)
    for name, width in zip(written.names(ACTION), spread, strict=True):
        if width <= STILL_RANGE:
            findings.warn(f"{name} never moves in the whole dataset")
    for span in written.spans:
        if (np.ptp(action[span.rows], axis=0) <= STILL_RANGE).all():
            findings.warn(f"episode {span.episode}: no dimension moves in {span.length} frames")
    moving, still = _video_against_action(written, energies)
    share = still / moving if moving else 0.0
    if share > MAX_STILL_SHARE and moving > written.fps:
        findings.warn(f"the action stands still in {100 * share:.0f} % of frames that move")
    return findings.check(
        f"all dimensions move; still in {100 * share:.0f} % of the frames where the video moves",
        still_share_of_moving_frames=round(share, 4),
    )


def _video_against_action(written: Written, energies: Energies) -> tuple[int, int]:
    """Frames in which the video moves, and those of them in which the action does not."""
    known = [e[np.isfinite(e)] for e in energies.values()]
    if not any(map(len, known)):
        return 0, 0
    # Noise and compression change every frame a little.
    floor = 2.0 * float(np.quantile(np.concatenate(known), 0.1)) + 0.5
    action = written.vector(ACTION)
    spread = _spread(action)
    moving = still = 0
    for span in written.spans:
        energy = energies.get(span.episode)
        if energy is None:
            continue
        steps = np.abs(np.diff(action[span.rows], axis=0, prepend=action[span.start][None]))
        is_still = ((steps / spread) < STILL_STEP).all(axis=1)
        is_moving: Bool[np.ndarray, " time"] = np.nan_to_num(energy) > floor
        moving += int(is_moving.sum())
        still += int((is_moving & is_still).sum())
    return moving, still


def check_lag(written: Written, energies: Energies) -> Check:
    """The actions move when the video does, give or take two frames.

    Motion in the video (mean change of luma) and speed of the action are correlated at every lag
    up to half a second. An action that is the state some rows later leads by as many.
    """
    findings = Findings(
        "lag", advice="video and actions are shifted against each other: check frame times and fps"
    )
    if ACTION not in written.columns or not energies:
        return findings.check("no video or no action to compare")
    contract = written.contract
    lead = round(contract.shift_s * contract.rate_hz) if contract is not None else 0
    most = max(MAX_LAG_FRAMES + 1, round(SEARCHED_S * written.fps))
    lags = np.arange(-most, most + 1)
    total, weight = np.zeros(len(lags)), 0
    for span in written.spans:
        energy = energies.get(span.episode)
        if energy is None or span.length < MIN_EPISODE_S * written.fps:
            continue
        curve = _correlation(energy, _speed(written, span), lags - lead)
        if curve is None:
            continue
        total, weight = total + span.length * curve, weight + span.length
        lag, peak, gain = _peak(curve, lags)
        is_sure = peak >= MIN_EPISODE_CORRELATION and gain >= MIN_EPISODE_GAIN
        if is_sure and abs(lag) > MAX_LAG_FRAMES:
            findings.warn(
                f"episode {span.episode}: the action comes {_late(lag)} (correlation {peak:.2f})"
            )
    if weight == 0:
        return findings.check("no episode is long enough or moves enough to tell")
    lag, peak, gain = _peak(total / weight, lags)
    detail = {"lag_frames": lag, "correlation": round(peak, 3), "gain_over_no_lag": round(gain, 3)}
    if peak < MIN_CORRELATION:
        return findings.check(
            f"video and action hardly move together (correlation {peak:.2f}): cannot tell", **detail
        )
    if abs(lag) > MAX_LAG_FRAMES and gain >= MIN_GAIN:
        findings.warnings.insert(
            0, f"over all episodes the action comes {_late(lag)} (correlation {peak:.2f})"
        )
    return findings.check(f"the action comes {_late(lag)} (correlation {peak:.2f})", **detail)


def _late(lag: int) -> str:
    if lag == 0:
        return "with the video"
    return f"{abs(lag)} frames {'after' if lag > 0 else 'before'} the video"


def _peak(curve: Float[np.ndarray, " lag"], lags: np.ndarray) -> tuple[int, float, float]:
    best = int(np.argmax(curve))
    return int(lags[best]), float(curve[best]), float(curve[best] - curve[lags == 0][0])


def _speed(written: Written, span: Span) -> Float[np.ndarray, " time"]:
    """How fast the action changes into each row, dimensions weighed by their range."""
    action = written.vector(ACTION)
    steps = np.diff(action[span.rows], axis=0) / _spread(action)
    return np.concatenate([[np.nan], np.linalg.norm(steps, axis=1)])


def _spread(values: Float[np.ndarray, "row n"]) -> Float[np.ndarray, " n"]:
    low, high = np.quantile(values, [0.01, 0.99], axis=0)
    return np.where(high - low > STILL_RANGE, high - low, np.inf)


def _correlation(
    video: Float[np.ndarray, " time"], speed: Float[np.ndarray, " time"], lags: np.ndarray
) -> Float[np.ndarray, " lag"] | None:
    """Correlation of `speed[t + lag]` with `video[t]` for every lag; `None` where nothing moves."""
    a, b = (_blurred(_tamed(np.nan_to_num(x))) for x in (video, speed))
    out = np.empty(len(lags))
    for k, lag in enumerate(lags.tolist()):
        x = a[max(0, -lag) : len(a) - max(0, lag)]
        y = b[max(0, lag) : len(b) - max(0, -lag)]
        if len(x) < 2 or x.std() < 1e-9 or y.std() < 1e-9:
            return None
        out[k] = np.corrcoef(x, y)[0, 1]
    return out


def _tamed(values: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """The curve with its peaks cut and its lows raised, so that no single change decides alone."""
    return np.sqrt(np.minimum(values, np.quantile(values, PEAKS_ABOVE)))


def _blurred(values: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    reach = np.arange(-round(3 * SMOOTHING_FRAMES), round(3 * SMOOTHING_FRAMES) + 1)
    kernel = np.exp(-0.5 * (reach / SMOOTHING_FRAMES) ** 2)
    padded = np.pad(values, len(reach) // 2, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")
