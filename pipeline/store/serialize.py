"""Tracks to and from one `.npz` file, without pickle."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rotoscope.pipeline import tracks as track_types
from rotoscope.pipeline.contract import ActionContract
from rotoscope.pipeline.errors import TrackError
from rotoscope.pipeline.stage import Tracks
from rotoscope.pipeline.tracks import Track

_HEADER = "header"


def dump(units: Sequence[Mapping[str, Track]], file: io.RawIOBase | io.BufferedIOBase) -> None:
    """Writes an uncompressed `.npz` holding one mapping of tracks per clip."""
    arrays: dict[str, np.ndarray] = {}
    header: list[dict[str, Any]] = []
    for number, unit in enumerate(units):
        described = {}
        for name, track in unit.items():
            fields: dict[str, Any] = {}
            for field in dataclasses.fields(track):
                value = getattr(track, field.name)
                if isinstance(value, np.ndarray):
                    arrays[f"{number}|{name}|{field.name}"] = value
                elif isinstance(value, ActionContract):
                    fields[field.name] = value.model_dump(mode="json")
                else:
                    fields[field.name] = value
            described[name] = {"type": type(track).__name__, "fields": fields}
        header.append(described)
    arrays[_HEADER] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(file, allow_pickle=False, **arrays)


def load(data: bytes) -> list[Tracks]:
    """The tracks that `dump` wrote.

    Raises:
        TrackError: A track type that this version does not know.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(arrays.pop(_HEADER).tobytes())
    units: list[Tracks] = []
    for number, described in enumerate(header):
        unit: Tracks = {}
        for name, entry in described.items():
            prefix = f"{number}|{name}|"
            values = {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}
            unit[name] = _restore(entry["type"], entry["fields"] | values)
        units.append(unit)
    return units


def _restore(type_name: str, fields: dict[str, Any]) -> Track:
    found = getattr(track_types, type_name, None)
    if not (isinstance(found, type) and issubclass(found, Track)):
        raise TrackError(f"stored track type {type_name!r} is unknown to this version")
    if "contract" in fields:
        fields["contract"] = ActionContract.model_validate(fields["contract"])
    for field in dataclasses.fields(found):
        if isinstance(fields.get(field.name), list):
            fields[field.name] = tuple(fields[field.name])
    return found(**fields)
