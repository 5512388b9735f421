"""Do state and action move without leaps."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.datasets.read_damaged import RawDataset, Span
from rotoscope.pipeline.doctor.check import Check, Findings
from rotoscope.pipeline.doctor.labels import ACTION, STATE

JUMP_RATIO = 12.0
"""A step this many times the steps around it is a jump where no limit is known."""
JUMP_WINDOW = 4
"""Steps before and after that it is compared with."""
JUMP_SHARE = 0.15
"""Smaller steps, as a share of the dimension's range, are never called jumps."""
RATE_SLACK = 1e-3


def check_jumps(raw: RawDataset) -> Check:
    """No step faster than the contract allows, or, without limits, than the steps around it."""
    findings = Findings(
        "jumps", advice="such rows must be label.valid False; look for lost or swapped hands"
    )
    contract = raw.contract
    names = [n for n in (STATE, ACTION) if n in raw.columns]
    fastest = 0.0
    is_limited = False
    for name in names:
        vectors = raw.vector(name)
        width = vectors.shape[1]
        limits = np.full(width, np.inf)
        if contract is not None and len(contract.dimensions) == width:
            limits = np.array([d.max_rate or np.inf for d in contract.dimensions])
        if name == STATE and raw.names(STATE) != raw.names(ACTION):
            limits = np.full(width, np.inf)  # nothing is known of what else was seen
        is_limited |= bool(np.isfinite(limits).any())
        for span in raw.spans:
            values = vectors[span.rows]
            rates = np.abs(np.diff(values, axis=0)) * raw.fps
            if len(rates):
                fastest = max(fastest, float((rates / limits).max()))
                _check_rates(raw, span, name, rates, limits, findings)
    are_states = contract is None or contract.reaches_states
    if ACTION in raw.columns and are_states:  # commands may leap
        _check_isolated(raw, findings)
    if not names:
        return findings.untested("there are neither states nor actions")
    if max(span.length for span in raw.spans) < 2:
        return findings.untested("no episode has two rows")
    if not is_limited and are_states:
        return findings.check("no step stands out from those around it")
    if not is_limited:
        return findings.untested("the contract limits no speed, and commands may leap")
    return findings.check(
        f"no step is faster than allowed, the fastest takes {100 * fastest:.0f} % of its limit",
        fastest_share_of_limit=round(fastest, 4),
    )


def _check_rates(
    raw: RawDataset,
    span: Span,
    name: str,
    rates: Float[np.ndarray, "step n"],
    limits: Float[np.ndarray, " n"],
    findings: Findings,
) -> None:
    """Fails where both ends of a step that is too fast claim to be valid, else warns."""
    values = raw.vector(name)[span.rows]
    # Both ends were rounded to float32.
    rounding = 2 * np.spacing(np.abs(values).max(axis=0).astype(np.float32)) * raw.fps
    too_fast = rates > limits * (1 + RATE_SLACK) + rounding
    valid = raw.valid[span.rows]
    both = valid[1:] & valid[:-1]
    for bad, say in (
        (too_fast & both[:, None], findings.fail),
        (too_fast & ~both[:, None], findings.warn),
    ):
        if bad.any():
            step, k = np.argwhere(bad)[0].tolist()
            say(
                f"{raw.where(span.start + step + 1)}: {name} {raw.names(name)[k]} moves at "
                f"{rates[step, k]:.4g} per second, allowed {limits[k]:.4g} "
                f"({int(bad.any(axis=1).sum())} steps)"
            )
            return


def _check_isolated(raw: RawDataset, findings: Findings) -> None:
    """Warns of single steps that dwarf those around them, in every dimension of the action."""
    action = raw.vector(ACTION)
    contract = raw.contract
    limited = np.zeros(action.shape[1], bool)
    if contract is not None and len(contract.dimensions) == action.shape[1]:
        limited = np.array([d.max_rate is not None for d in contract.dimensions])
    spread = np.ptp(action, axis=0)
    # Something that is only ever on or off does nothing but jump.
    switches = np.array([len(np.unique(column)) <= 3 for column in action.T])
    for span in raw.spans:
        steps = np.abs(np.diff(action[span.rows], axis=0))
        if len(steps) <= 2 * JUMP_WINDOW:
            continue
        jumps = (steps > JUMP_RATIO * _local_median(steps)) & (steps > JUMP_SHARE * spread)
        jumps &= ~switches & ~limited
        if jumps.any():
            step, k = np.argwhere(jumps)[0].tolist()
            findings.warn(
                f"{raw.where(span.start + step + 1)}: action {raw.names(ACTION)[k]} jumps "
                f"by {steps[step, k]:.4g} ({int(jumps.any(axis=1).sum())} steps)"
            )


def _local_median(steps: Float[np.ndarray, "step n"]) -> Float[np.ndarray, "step n"]:
    width = 2 * JUMP_WINDOW + 1
    padded = np.pad(steps, ((JUMP_WINDOW, JUMP_WINDOW), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)
    return np.asarray(np.median(windows, axis=-1))
