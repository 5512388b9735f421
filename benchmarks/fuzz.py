"""Errors that were not raised on purpose, over garbage of every kind that comes from outside."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from benchmarks._garbage import raw_errors
from benchmarks._garbage_kinds import kinds
from benchmarks.figure import Bar, Figure

NUM = 500


def run() -> list[Figure]:
    """Raw exceptions over 500 inputs of each kind."""
    logging.disable(logging.CRITICAL)  # readers warn of what they leave out
    out = []
    for name, make in kinds().items():
        with tempfile.TemporaryDirectory() as folder:
            found = raw_errors(make(Path(folder)), NUM)
        for text in found[:5]:
            print(f"fuzz.{name}: {text}")
        out.append(Figure(f"fuzz.{name}.raw_errors", len(found), f"of {NUM}", Bar("==", 0)))
    logging.disable(logging.NOTSET)
    return out
