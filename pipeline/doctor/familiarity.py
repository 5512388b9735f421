"""Did the labeler know what it saw?"""

from __future__ import annotations

import numpy as np

from rotoscope.pipeline.datasets.read_damaged import RawDataset
from rotoscope.pipeline.doctor.check import Check, Findings

COLUMN = "label.familiarity"
UNFAMILIAR = 0.5
"""Familiarity below which a row is not like what its labeler was trained on: nine of ten rows of
other episodes of the same robot lie above."""
MAX_STRANGE = 0.2
"""Share of an episode's rows that may be strange: twice what other episodes of the same robot
have."""


def check_familiarity(raw: RawDataset) -> Check:
    """Episodes whose rows are not like what their labeler was trained on."""
    findings = Findings(
        "familiarity",
        advice="their labels are guesses: look at these episodes, label some like them for "
        "training, or keep rows by label.confidence (rotoscope check LABELER --data FEW_LABELED "
        "measures)",
    )
    familiarity = raw.flag(COLUMN)
    if familiarity is None:
        return findings.untested(f"no {COLUMN}: no learned labeler said how well it knows this")
    if not np.isfinite(familiarity).any():
        return findings.untested("the labeler does not say how well it knows what it saw")
    strange = {}
    for span in raw.spans:
        known = familiarity[span.rows][np.isfinite(familiarity[span.rows])]
        if len(known) and (share := float((known < UNFAMILIAR).mean())) > MAX_STRANGE:
            strange[span.episode] = share
    for episode, share in sorted(strange.items(), key=lambda item: -item[1]):
        findings.warn(
            f"episode {episode}: {100 * share:.0f} % of its rows are not like what this labeler "
            "was trained on"
        )
    known = familiarity[np.isfinite(familiarity)]
    familiar = float((known >= UNFAMILIAR).mean())
    return findings.check(
        f"{100 * familiar:.1f} % of labeled rows are like what the labeler was trained on",
        familiar_share=round(familiar, 4),
        strange_episodes=sorted(strange),
    )
