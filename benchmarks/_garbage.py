"""Garbage for readers: JSON-like values, mutations of values that are good, flipped bytes."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rotoscope.pipeline.errors import RotoscopeError

KEYS = st.sampled_from(["name", "stages", "fps", "shape", "", "a.b", "\x00", "ü", "x" * 300, "-1"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.integers(-2, 3),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=8),
    st.sampled_from(
        ["", "{", "[[", "{0.__class__}", "../../etc/passwd", "\ud800", "1e999", "9" * 9]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
"""What JSON or YAML can say."""


@st.composite
def mutated(draw: Any, good: Any) -> Any:
    """A good value with up to three places of it dropped, replaced, doubled or added to."""
    out = {"all": copy.deepcopy(good)}
    for _ in range(draw(st.integers(1, 3))):
        place: Any = out
        key: Any = "all"
        while isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 5)):
            place = place[key]
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw(st.sampled_from(keys))
        _change(draw, place, key)
        if "all" not in out:
            return None
    return out["all"]


def _change(draw: Any, place: Any, key: Any) -> None:
    how = draw(st.sampled_from(["replace", "replace", "drop", "wrap", "add"]))
    if how == "drop":
        del place[key]
    elif how == "wrap":
        place[key] = [place[key]]
    elif how == "add" and isinstance(place[key], dict):
        place[key][draw(KEYS)] = draw(VALUES)
    elif how == "add" and isinstance(place[key], list):
        place[key].append(draw(VALUES))
    else:
        place[key] = draw(VALUES)


@st.composite
def damaged(draw: Any, good: bytes) -> bytes:
    """Good bytes cut, flipped in some places, repeated, or replaced."""
    how = draw(st.sampled_from(["flip", "flip", "cut", "twice", "other"]))
    if how == "other":
        return draw(st.binary(max_size=64))
    if how == "cut":
        return good[: draw(st.integers(0, len(good)))]
    if how == "twice":
        return good + good
    data = bytearray(good)
    for _ in range(draw(st.integers(1, 8))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] ^= draw(st.integers(1, 255))
    return bytes(data)


@contextmanager
def replaced(path: Path, data: bytes) -> Iterator[None]:
    """A file with other content for a while."""
    before = path.read_bytes()
    path.write_bytes(data)
    try:
        yield
    finally:
        path.write_bytes(before)


@dataclass(frozen=True)
class Kind:
    """One kind of input: what is made up, and what reads it."""

    values: st.SearchStrategy[Any]
    """Garbage."""
    read: Callable[[Any], object]
    """Reads it."""


def raw_errors(kind: Kind, num: int) -> list[str]:
    """What came out of reading `num` pieces of garbage that was not raised on purpose."""
    found: list[str] = []

    @settings(
        max_examples=num,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(kind.values)
    def feed(value: Any) -> None:
        try:
            kind.read(value)
        except RotoscopeError:
            pass
        except Exception as error:  # counting these is what this is for
            found.append(
                f"{type(error).__name__}: {str(error)[:300]} from {_place(error)} {value!r:.200}"
            )

    feed()
    return found


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    places = []
    while trace is not None:
        places.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " < ".join(reversed(places[-6:]))


def num_examples(default: int) -> int:
    """How many pieces of each kind the tests try: `ROTOSCOPE_FUZZ`."""
    return int(os.environ.get("ROTOSCOPE_FUZZ", default))
