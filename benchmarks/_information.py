"""Mutual information of states and actions by episode: a score of the literature, for comparison.

A. Kraskov, H. Stoegbauer and P. Grassberger, "Estimating mutual information", 2004, equation 8, one
row at a time, as "Robot data curation with mutual information estimators" (2025) takes it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rotoscope.pipeline.curation.forward_model import Moves

_NEIGHBORS = 5


def information(episodes: Sequence[Moves]) -> Float[np.ndarray, " episode"]:
    """Mean information of each episode's rows [nats]; more is said to be better."""
    from scipy.spatial import cKDTree
    from scipy.special import digamma

    states = _scaled(np.concatenate([e.state for e in episodes]))
    actions = _scaled(np.concatenate([e.action for e in episodes]))
    joint = np.column_stack([states, actions])
    far = cKDTree(joint).query(joint, k=_NEIGHBORS + 1, p=np.inf)[0][:, _NEIGHBORS]
    near = [
        cKDTree(part).query_ball_point(part, far, p=np.inf, return_length=True) - 1
        for part in (states, actions)
    ]
    rows = digamma(_NEIGHBORS) + digamma(len(joint))
    rows = rows - digamma(near[0] + 1) - digamma(near[1] + 1)
    ends = np.cumsum([len(e.action) for e in episodes])[:-1]
    return np.array([part.mean() for part in np.split(rows, ends)])


def _scaled(values: np.ndarray) -> np.ndarray:
    spread = values.std(axis=0)
    moves = spread > 1e-6
    scaled: np.ndarray = (values[:, moves] - values[:, moves].mean(axis=0)) / spread[moves]
    return scaled
