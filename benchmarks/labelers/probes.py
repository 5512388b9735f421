"""True actions made wrong in one known way: what each kind of error costs a policy.

Bias ruins a policy and noise does not, though both look the same in R2 and MAE.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.labelers.episodes import Demonstration, Labels
from benchmarks.labelers.labeler import Labeled

PROBES = ("true", "noise", "bias", "late")
"""Names that `probe` knows."""
_NOISE, _BIAS = 0.3, 0.2


def probe(name: str, hidden: Sequence[Demonstration], *, seed: int) -> Labeled:
    """Labels from the true actions.

    Args:
        name: `true`; `noise` of 0.3 on every dimension; `bias` of 0.2 on the first; `late`, each
            action one step after its own.
        hidden: Episodes with their actions.
        seed: Of the noise.

    Raises:
        ValueError: An unknown name.
    """
    if name not in PROBES:
        raise ValueError(f"unknown probe {name!r}; there are {', '.join(PROBES)}")
    generator = np.random.default_rng(seed)
    labels = []
    for demonstration in hidden:
        actions = demonstration.actions.astype(float)
        if name == "noise":
            actions = actions + generator.normal(0, _NOISE, actions.shape)
        elif name == "bias":
            actions = actions + _BIAS * np.eye(actions.shape[1])[0]
        elif name == "late":
            actions = np.concatenate([actions[:1], actions[:-1]])
        labels.append(Labels(np.clip(actions, -1, 1)))
    return Labeled(tuple(labels), 0)
