"""LeRobot's own file of progress, `sarm_progress.parquet`, and what its training makes of it.

LeRobot 0.6.1 looks for it in a dataset's folder when it trains with `--sample_weighting.type=rabc`
and weighs a sample by how much progress grows over the policy's chunk (2509.25358, equations 8 and
9): 1 where it grows by more than kappa, 0 where it falls, between where it hardly grows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

FILE = "sarm_progress.parquet"
"""Name in a dataset's folder."""
KAPPA = 0.01
"""LeRobot's default: growth over a chunk from which a sample counts whole."""
_DECIMALS = 3
"""Progress that falls by less than half of the last one does not fall."""


@dataclass(frozen=True)
class ChunkWeights:
    """What becomes of a dataset's samples in training with weights by progress."""

    whole: int
    """Samples over whose chunk progress grows by more than `KAPPA`: weight 1."""
    part: int
    """Samples over whose chunk it grows less, or stays: a weight between 0 and 1."""
    none: int
    """Samples over whose chunk it falls: weight 0."""
    unknown: int
    """Samples whose progress is not known: LeRobot gives them 1."""


def write_progress(
    path: Path, episodes: Sequence[tuple[int, int]], progress: Mapping[int, np.ndarray]
) -> None:
    """Writes the file: a line a row of the dataset, in order.

    Args:
        path: Where to.
        episodes: Index and length of each, in the dataset's order.
        progress: Of every row, by episode index; NaN where not known.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    lengths = [length for _, length in episodes]
    rows = [np.arange(length) for length in lengths]
    told = [progress[index].round(_DECIMALS) for index, _ in episodes]
    table = pa.table(
        {
            "index": np.arange(sum(lengths), dtype=np.int64),
            "episode_index": np.repeat([index for index, _ in episodes], lengths).astype(np.int64),
            "frame_index": np.concatenate(rows).astype(np.int64),
            "progress_sparse": np.concatenate(told).astype(np.float32),
        }
    )
    pq.write_table(table, path)


def chunk_weights(progress: Sequence[Float[np.ndarray, " _"]], chunk_rows: int) -> ChunkWeights:
    """How samples of a policy that plans so many rows will be weighed.

    Args:
        progress: Of each episode.
        chunk_rows: The policy's `chunk_size`.
    """
    growth = []
    for one in progress:
        told = one.round(_DECIMALS).astype(np.float32)
        later = np.minimum(np.arange(len(told)) + chunk_rows, len(told) - 1)
        growth.append(told[later] - told)
    every = np.concatenate(growth)
    whole, none = int((every > KAPPA).sum()), int((every < 0).sum())
    unknown = int(np.isnan(every).sum())
    return ChunkWeights(whole, len(every) - whole - none - unknown, none, unknown)
