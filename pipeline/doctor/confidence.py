"""How much the labels trust themselves."""

from __future__ import annotations

import numpy as np

from rotoscope.pipeline.datasets.read_damaged import RawDataset
from rotoscope.pipeline.doctor.check import Check, Findings
from rotoscope.pipeline.doctor.labels import CONFIDENCE

MIN_MEAN = 0.5
"""Below this mean, valid rows are more likely outside their tolerances than inside."""
ROUNDING = 1e-5
"""Error of storing a number near 1 as float32, with a margin."""


def check_confidence(raw: RawDataset) -> Check:
    """`label.confidence` is a chance, 0 where a row is not valid, and not low where it is."""
    findings = Findings("confidence", advice="weigh rows by label.confidence; see scale, camera")
    confidence, valid = raw.flag(CONFIDENCE), raw.valid
    if confidence is None:
        return findings.untested("no label.confidence: nothing says how sure a row is")
    outside = np.flatnonzero(~((confidence >= 0) & (confidence <= 1 + ROUNDING)))
    if len(outside):
        row = int(outside[0])
        findings.fail(f"{raw.where(row)}: label.confidence is {confidence[row]:g}, allowed 0 to 1")
    odd = np.flatnonzero(~valid & (confidence > ROUNDING))
    if len(odd):
        row = int(odd[0])
        findings.warn(
            f"{raw.where(row)}: label.confidence is {confidence[row]:.2g} where label.valid is "
            f"False ({len(odd)} rows)"
        )
    if not valid.any() or findings.failures:
        return findings.untested("no row is valid")
    known = confidence[valid].astype(float)
    mean = float(known.mean())
    if mean < MIN_MEAN:
        findings.warn(f"valid rows are right with a chance of {mean:.2f} (mean)")
    low, high = np.quantile(known, [0.1, 0.9])
    passed = f"valid rows are right with a chance of {mean:.2f} (mean; {low:.2f} to {high:.2f})"
    if high - low < ROUNDING:
        passed = f"{mean:.2f} in nearly every valid row: it does not tell rows apart"
    return findings.check(passed, mean=round(mean, 4))
