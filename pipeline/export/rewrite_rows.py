"""A file of rows written once more with columns changed; its row groups stay, empty ones aside."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def rewrite_rows(source: Path, target: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Writes every row group of a file as `change` makes it, one at a time in memory.

    Groups without rows are left out: LeRobot takes the size of its batches from the first one.

    Args:
        source: A Parquet file.
        target: Another file.
        change: Gives all groups the same schema.
    """
    file = pq.ParquetFile(source)
    groups = (file.read_row_group(number) for number in range(file.num_row_groups))
    first = change(next(groups, file.schema_arrow.empty_table()))
    with pq.ParquetWriter(target, first.schema, compression="snappy") as writer:
        for table in itertools.chain([first], map(change, groups)):
            if table.num_rows:
                writer.write_table(table)


def with_column(table: pa.Table, name: str, cells: pa.Array) -> pa.Table:
    """The table with a column in the place of the one of that name, or behind all others."""
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, cells)
    return table.append_column(name, cells)
