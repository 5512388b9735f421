"""Weights of 0 and 1 for LeRobot's own `--sample_weighting`, in the form that its `rabc` reads.

LeRobot weighs a sample by how much a "progress" grows over the policy's chunk: 1 where it grows by
more than kappa, 0 where it falls. The progress written here grows over exactly those chunks that
hold no row that is not valid. LeRobot compares with the last row of what the file calls an episode;
the file calls all rows one, with a chunk of further rows at the end, so that this never happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.policy.row_weights import RowWeights, row_weights_of
from rotoscope.pipeline.datasets.read import open_dataset
from rotoscope.pipeline.errors import DatasetError
from rotoscope.pipeline.files.atomic import atomic_path

POLICIES = ("smolvla", "pi0", "pi05", "evo1", "molmoact2")
"""Those of LeRobot 0.6.1 whose `forward` gives a loss per sample, which weights need."""


@dataclass(frozen=True)
class SampleWeights:
    """What a file of weights holds."""

    samples: int
    """Rows of the dataset, each the start of one."""
    counted: int
    """Samples of weight 1."""
    invalid_rows: int
    """Rows that are not trusted."""
    command: str
    """Options of `lerobot-train` that name the file."""
    limits: tuple[str, ...]
    """What such weights cannot do, a sentence each."""


def write_sample_weights(
    data: Path, out: Path, *, chunk: int, min_confidence: float = 0.0
) -> SampleWeights:
    """Writes the weights of a dataset's samples for policies of one chunk.

    Args:
        data: Folder of a LeRobot v3 dataset.
        out: Parquet file to write.
        chunk: Actions that the policy plans at once: its `chunk_size`.
        min_confidence: Rows of less `label.confidence` are not trusted.

    Raises:
        DatasetError: No sample of this chunk is free of rows that are not trusted.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    row_weights = row_weights_of(open_dataset(data), min_confidence=min_confidence)
    counts = np.concatenate([whole_chunks(one, chunk) for one in row_weights])
    invalid = sum(int((~one.mask).sum()) for one in row_weights)
    if not counts.any():
        raise DatasetError(
            f"{data}: {invalid} of {len(counts)} rows are not trusted, and every chunk of {chunk} "
            "rows holds one: all weights would be 0; plan fewer actions at once, or use "
            "rotoscope.models.policy.valid_rows.ValidRows, which leaves out single rows"
        )
    progress = progress_of(counts, chunk)
    rows = np.arange(len(progress))
    table = pa.table({"index": rows, "episode_index": 0 * rows, "progress_sparse": progress})
    with atomic_path(out) as temporary:
        pq.write_table(table, temporary)
    return SampleWeights(
        samples=len(counts),
        counted=int(counts.sum()),
        invalid_rows=invalid,
        command=f"--sample_weighting.type=rabc --sample_weighting.progress_path={out.absolute()} "
        f"--policy.chunk_size={chunk}",
        limits=(
            f"only for {', '.join(POLICIES)}: other policies have no loss per sample and fail",
            f"only for a chunk of {chunk}: with another, other samples get these weights",
            "a sample counts whole or not at all; confidence is no weight",
            "normalization (meta/stats.json) and what a policy looks back on stay as they are",
            "write it again after episodes were added, deleted or merged",
        ),
    )


def whole_chunks(one: RowWeights, chunk: int) -> Bool[np.ndarray, " time"]:
    """Rows of an episode from which a chunk holds no row that is not trusted.

    Beyond the episode's end LeRobot repeats its last row, which is looked at in any case.
    """
    bad = np.concatenate([[0], np.cumsum(~one.mask)])
    starts = np.arange(len(one.mask))
    clean: np.ndarray = bad[np.minimum(starts + chunk, len(one.mask))] == bad[starts]
    return clean


def progress_of(counts: Bool[np.ndarray, " sample"], chunk: int) -> Float[np.ndarray, " row"]:
    """Progress that grows by 1 over the chunks that count and falls by 1 over the others."""
    out = np.zeros(len(counts) + chunk)
    for row in range(len(counts) - 1, -1, -1):
        out[row] = out[row + chunk] + (-1.0 if counts[row] else 1.0)
    return out
