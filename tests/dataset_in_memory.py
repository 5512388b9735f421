"""A written dataset that stands in memory alone: what checks of numbers look at."""

from pathlib import Path

import numpy as np

from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.datasets.read_damaged import RawDataset

FPS = 10


def contract_of(*max_rates, **changes):
    dimensions = tuple(
        Dimension(name=f"j{i}", quantity="joint", unit="rad", max_rate=rate)
        for i, rate in enumerate(max_rates)
    )
    settings = {"robot": "arm", "rate_hz": FPS, "shift_s": 0.0, **changes}
    return ActionContract(dimensions=dimensions, **settings)


def raw_dataset(columns, *, lengths=None, valid=None, contract=None, stats=None, episodes=None):
    """Episodes of `lengths` rows that follow each other in `columns`, at 10 rows a second."""
    num_rows = len(next(iter(columns.values())))
    lengths = lengths or [num_rows]
    clock = {
        "episode_index": np.repeat(np.arange(len(lengths)), lengths)[:, None],
        "frame_index": np.concatenate([np.arange(n) for n in lengths])[:, None],
        "index": np.arange(num_rows)[:, None],
    }
    if valid is not None:
        clock["label.valid"] = np.asarray(valid, bool)[:, None]
    features = {
        name: {
            "dtype": "float32",
            "shape": [values.shape[1]],
            "names": [f"j{i}" for i in range(values.shape[1])],
        }
        for name, values in columns.items()
    }
    return RawDataset(
        root=Path("nowhere"),
        info={"fps": FPS, "features": features},
        stats=stats or {},
        table=episodes or {},
        columns={**columns, **clock},
        num_tasks=1,
        contract=contract,
        described={},
        held={},
        problems=(),
    )
