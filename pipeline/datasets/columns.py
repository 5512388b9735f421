"""Do the columns of the data files have the types that `info.json` declares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

_ALIASES = {
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
    "large_string": "string",
}
"""Names of types: Arrow's to LeRobot's."""


def check_columns(
    file: Path, schema: pa.Schema, features: dict[str, Any], problems: list[str]
) -> None:
    """Adds what does not fit: LeRobot's reader casts every column, or refuses the file.

    Args:
        file: Data file, as it is named to people.
        schema: Its columns.
        features: `features` of `info.json`.
        problems: Taken further.
    """
    for name in schema.names:
        if name not in features:
            problems.append(f"{file}: info.json names no feature {name!r}, which this file holds")
    for name, facts in features.items():
        dtype = facts["dtype"]
        if dtype == "video":
            continue
        if name not in schema.names:
            problems.append(f"{file} has no column {name!r}, which info.json names")
        elif dtype not in ("image", "language"):
            found = _value_type(schema.field(name).type)
            if found != dtype:
                problems.append(f"{file}: column {name!r} holds {found}, info.json says {dtype!r}")


def _value_type(found: pa.DataType) -> str:
    if isinstance(found, pa.BaseExtensionType):
        return _value_type(found.storage_type)
    if pa.types.is_list(found) or pa.types.is_fixed_size_list(found):
        return _value_type(found.value_type)
    return _ALIASES.get(str(found), str(found))
