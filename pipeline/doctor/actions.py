"""Do the numbers obey what the dataset says about them: contract, limits, shift."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.datasets.read_damaged import RawDataset
from rotoscope.pipeline.doctor.check import Check, Findings
from rotoscope.pipeline.doctor.labels import ACTION, CONFIDENCE, STATE

ROUNDING = 1e-5
"""Relative error of storing as float32, with a margin."""


def check_contract(raw: RawDataset) -> Check:
    """The contract says of `action` and `observation.state` what `info.json` says."""
    findings = Findings(
        "contract", advice="without a contract nobody knows what the numbers mean; state one"
    )
    contract = raw.contract
    if contract is None:
        findings.warn("no contract (meta/rotoscope/contract.json)")
        return findings.check("")
    findings.advice = "the contract and the data come from different runs: write them again"
    about = [ACTION] + ([STATE] if _holds_own_state(raw, contract) else [])
    for feature in about:
        if feature not in raw.info["features"]:
            findings.fail(f"the contract is about {feature}, which the dataset does not have")
        elif raw.names(feature) != contract.names:
            findings.fail(_other_names(feature, raw.names(feature), contract.names))
    if contract.robot != raw.info.get("robot_type"):
        findings.fail(
            f"info.json says robot {raw.info.get('robot_type')!r}, the contract {contract.robot!r}"
        )
    shift = contract.shift_s * contract.rate_hz
    if abs(shift - round(shift)) > 1e-6:
        findings.fail(f"shift_s {contract.shift_s:g} is {shift:g} rows, not a whole number")
    if contract.mode != "absolute" and contract.is_state:
        findings.fail(
            f"stored actions are {contract.mode} forms of states; a dataset holds absolute ones"
        )
    meaning = f"action {round(shift)} rows ahead" if contract.is_state else "commands or steps"
    return findings.check(f"{len(contract.names)} dimensions for {contract.robot}, {meaning}")


def _holds_own_state(raw: RawDataset, contract: ActionContract) -> bool:
    """Whether `observation.state` should be the robot's own: nothing else is said of it."""
    if not contract.reaches_states:
        return False
    stated = raw.described.get(STATE, {})
    return bool(stated.get("names", contract.names) == contract.names)


def _other_names(feature: str, stated: list[str], wanted: list[str]) -> str:
    if len(stated) != len(wanted):
        return f"{feature} has {len(stated)} numbers, the contract {len(wanted)}"
    at = next(i for i, (a, b) in enumerate(zip(stated, wanted, strict=True)) if a != b)
    return f"{feature}[{at}] is named {stated[at]!r}, the contract says {wanted[at]!r}"


def check_finite(raw: RawDataset) -> Check:
    """No NaN or infinity where a policy looks; NaN elsewhere means missing."""
    findings = Findings("finite", advice="cut the episode where nothing is known")
    missing: dict[str, float] = {}
    for name, values in raw.columns.items():
        if values.dtype.kind != "f":
            continue
        for kind, bad in (("NaN", np.isnan(values)), ("infinite", np.isinf(values))):
            rows = np.flatnonzero(bad.any(axis=1))
            if len(rows) == 0:
                continue
            if kind == "NaN" and name.startswith(("track.", "label.")) and name != CONFIDENCE:
                missing[name] = round(float(bad.mean()), 4)
                continue
            which = raw.names(name)[int(np.argmax(bad[rows[0]]))]
            findings.fail(f"{raw.where(int(rows[0]))}: {name} {which} is {kind} ({len(rows)} rows)")
    passed = "state, action and clock are finite in every row"
    if missing:
        passed += "; missing in " + ", ".join(f"{100 * v:.3g} % of {k}" for k, v in missing.items())
    return findings.check(passed, missing_share=missing)


def check_limits(raw: RawDataset) -> Check:
    """State and action lie inside the contract's limits."""
    findings = Findings("limits", advice="such rows must be label.valid False, or the limits wrong")
    contract = raw.contract
    if contract is None:
        return findings.untested("no limits are known")
    low, high = contract.bounds()
    slack = ROUNDING * (1 + np.maximum(_finite(np.abs(low)), _finite(np.abs(high))))
    vectors = _vectors(raw, contract)
    for name, values in vectors:
        outside = (values < low - slack) | (values > high + slack)
        bad = outside.any(axis=1)
        if bad.any():
            row, say = _worst_row(bad, raw.valid, findings)
            k = int(np.argmax(outside[row]))
            dimension = contract.dimensions[k]
            say(
                f"{raw.where(row)}: {name} {dimension.name} is {values[row, k]:.6g} "
                f"{dimension.unit}, allowed {low[k]:.6g} to {high[k]:.6g} ({int(bad.sum())} rows)"
            )
    if not vectors:
        return findings.untested("nothing in the data is what the contract is about")
    if not (np.isfinite(low) | np.isfinite(high)).any():
        return findings.untested("the contract knows no limits")
    return findings.check("every row is inside the contract's limits")


def check_shift(raw: RawDataset) -> Check:
    """`action[t]` is `observation.state[t + shift]`, as the contract says."""
    findings = Findings(
        "action against state", advice="one of the two was shifted or mixed up after writing"
    )
    contract = raw.contract
    is_known = contract is not None and _holds_own_state(raw, contract)
    if contract is None or not is_known or not {STATE, ACTION} <= raw.columns.keys():
        return _check_no_leak(raw, findings)
    state, action = raw.columns[STATE], raw.columns[ACTION]
    shift = round(contract.shift_s * contract.rate_hz)
    if state.shape != action.shape:
        findings.fail(f"state has {state.shape[1]} numbers, action {action.shape[1]}")
        return findings.check("")
    compared = 0
    for span in raw.spans:
        now = action[span.start : max(span.end - shift, span.start)]
        later = state[span.start + shift : span.end]
        compared += len(now)
        differs = ~np.isclose(now, later, rtol=ROUNDING, atol=ROUNDING, equal_nan=True)
        rows = np.flatnonzero(differs.any(axis=1))
        if len(rows):
            k, column = int(rows[0]), int(np.argmax(differs[rows[0]]))
            findings.fail(
                f"{raw.where(span.start + k)}: action {contract.names[column]} is "
                f"{now[k, column]:.6g}, the state {shift} rows later is {later[k, column]:.6g} "
                f"({len(rows)} of {len(now)} rows)"
            )
    if not compared:
        return findings.untested(f"no episode is longer than the shift of {shift} rows")
    return findings.check(f"action is the state {shift} rows later, in {compared} rows")


def _check_no_leak(raw: RawDataset, findings: Findings) -> Check:
    """Where the state is not what the action reaches, it must not be the action itself."""
    if not {STATE, ACTION} <= raw.columns.keys():
        return findings.untested("there are not both state and action")
    state, action = raw.vector(STATE), raw.vector(ACTION)
    is_same = state.shape == action.shape and np.allclose(state, action, ROUNDING, ROUNDING)
    if is_same and np.ptp(action, axis=0).any():
        findings.fail("observation.state equals action: a policy would only learn to copy")
    return findings.check("observation.state is not the action")


def _vectors(
    raw: RawDataset, contract: ActionContract
) -> list[tuple[str, Float[np.ndarray, "row action"]]]:
    names = (STATE, ACTION) if contract.reaches_states else (ACTION,)
    width = len(contract.names)
    return [
        (n, raw.columns[n].astype(float))
        for n in names
        if n in raw.columns and raw.columns[n].shape[1] == width
    ]


def _worst_row(
    bad: Bool[np.ndarray, " row"], valid: Bool[np.ndarray, " row"], findings: Findings
) -> tuple[int, Callable[[str], None]]:
    """The first bad row that claims to be valid, which is a failure; else the first, a warning."""
    if (bad & valid).any():
        return int(np.argmax(bad & valid)), findings.fail
    return int(np.argmax(bad)), findings.warn


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, 0.0)
