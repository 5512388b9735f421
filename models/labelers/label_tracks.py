"""What a labeler says, as tracks: the action, its interval, how familiar it is."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from rotoscope.models.labelers.labels import STRANGE, UNFAMILIAR, Labels
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.tracks import REASONS, ActionTrack, FeatureTrack


def label_tracks(
    labels: Labels,
    contract: ActionContract,
    *,
    kind: str,
    subject: str,
    observed: Bool[np.ndarray, " time"],
) -> tuple[ActionTrack, FeatureTrack, FeatureTrack]:
    """Action, interval and familiarity of one subject.

    Rows are valid that have an action, were observed, and are not strange; confidence is 0 in the
    others, and 1 in valid ones of whose errors nobody says anything.

    Args:
        labels: Of every row.
        contract: What the numbers of an action mean.
        kind: What the labeler is called.
        subject: Whom the action is about.
        observed: Rows whose whole window was seen, nothing in it filled in.
    """
    is_known, is_strange = labels.known, labels.familiarity < STRANGE
    valid = is_known & observed & ~is_strange
    why = np.where(is_known, REASONS.index("gap_filled"), REASONS.index("not_seen"))
    why = np.where(is_known & is_strange, REASONS.index("low_confidence"), why)
    action = ActionTrack(
        labeler=kind,
        subject=subject,
        contract=contract,
        values=np.where(is_known[:, None], labels.values, np.nan),
        valid=valid,
        confidence=np.where(valid, np.nan_to_num(labels.confidence, nan=1.0), 0.0),
        reason=np.where(valid, 0, why).astype(np.uint8),
    )
    interval = FeatureTrack(
        feature="label.interval",
        subject=subject,
        values=np.where(is_known[:, None], labels.half_width, np.nan),
        names=tuple(contract.names),
        unit=", ".join(sorted({d.unit for d in contract.dimensions})),
        description="Half width of the 90 % interval of each number of the action.",
    )
    familiar = FeatureTrack(
        feature="label.familiarity",
        subject=subject,
        values=np.where(is_known, labels.familiarity, np.nan)[:, None],
        names=("familiarity",),
        unit="1",
        description="How much what was seen is like the labeler's training episodes, 0 to 1; "
        f"below {UNFAMILIAR:g} it is not.",
    )
    return action, interval, familiar
