"""What is kept of a stage's output to know it again: few numbers, told apart by a tolerance.

A hash of the output would break from one processor to the next, whose linear algebra rounds
otherwise. So of every array are kept its kind and shape, a hash of where it is finite (or of all
of it, where it holds no floating point numbers), and of its numbers the extremes, the mean, the
norm and their products with a few fixed random vectors: whichever number changes, these do.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel

NUM_PRODUCTS = 3
SEED = 720_911
"""No test draws with it: a product with the very numbers that made an input says less."""
FLOOR = 1e-6
"""Numbers that are all smaller are rounding: zero, in every unit used here."""

Digest = dict[str, Any]


def digest_of(output: Mapping[str, Any]) -> Digest:
    """The digest of named tracks, arrays and facts, flat: one entry for each value."""
    return {path: _entry(value) for path, value in _leaves("", output)}


def differences(golden: Digest, found: Digest, *, rtol: float) -> list[str]:
    """What of a digest is not as it was, a line each."""
    lines = [f"{path} is gone" for path in golden if path not in found]
    lines += [f"{path} is new" for path in found if path not in golden]
    for path in golden.keys() & found.keys():
        old, new = golden[path], found[path]
        if isinstance(old, float) and isinstance(new, float):
            if not abs(old - new) <= rtol * max(abs(old), FLOOR):
                lines.append(f"{path} was {old:.9g}, is {new:.9g}")
        elif _exact(old) != _exact(new):
            lines.append(f"{path} was {_shown(_exact(old))}, is {_shown(_exact(new))}")
        elif isinstance(old, dict) and "numbers" in old:
            lines += _changed(path, old["numbers"], new["numbers"], rtol)
    return sorted(lines)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", exclude_defaults=True)
    if dataclasses.is_dataclass(value):
        kept = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        value = {"": type(value).__name__} | {k: v for k, v in kept.items() if v is not None}
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(f"{path}|{name}".strip("|"), part)
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from _leaves(f"{path}|{number}", part)
    else:
        yield path, value


def _entry(value: Any) -> Any:
    """An array as a few numbers or as a hash, all else as it is."""
    if isinstance(value, float):
        return float(value)
    if not isinstance(value, np.ndarray):
        return value
    entry = {"kind": value.dtype.kind, "shape": list(value.shape)}
    if value.dtype.kind != "f":
        return entry | {"hash": _hash(value.astype(np.int64)), "sum": int(value.sum())}
    finite = np.isfinite(value)
    if not finite.all():
        entry |= {"hash": _hash(finite), "sum": int(finite.sum())}
    return entry | {"numbers": [float(f"{x:.12g}") for x in _numbers(value, finite)]}


def _numbers(value: np.ndarray, finite: np.ndarray) -> list[float]:
    known = value[finite].astype(float)
    if not known.size:
        return []
    flat = np.where(finite, value, 0.0).astype(float).ravel()
    vectors = np.random.default_rng(SEED).standard_normal((NUM_PRODUCTS, flat.size))
    facts = [known.min(), known.max(), known.mean(), np.linalg.norm(known)]
    return [float(x) for x in (*facts, *(vectors @ flat))]


def _changed(path: str, old: list[float], new: list[float], rtol: float) -> list[str]:
    names = ["least", "largest", "mean", "norm", *(f"product {k}" for k in range(NUM_PRODUCTS))]
    if not old:
        return []
    largest, norm = max(abs(old[0]), abs(old[1]), FLOOR), max(old[3], FLOOR)
    scales = [largest] * 3 + [norm] * (1 + NUM_PRODUCTS)
    return [
        f"{path}: {name} was {a:.9g}, is {b:.9g}, off by {abs(a - b) / scale:.1e} of {scale:.3g}"
        for name, a, b, scale in zip(names, old, new, scales, strict=True)
        if not abs(a - b) <= rtol * scale
    ]


def _exact(entry: Any) -> Any:
    return {k: v for k, v in entry.items() if k != "numbers"} if isinstance(entry, dict) else entry


def _shown(entry: Any) -> str:
    return repr(entry) if len(repr(entry)) < 120 else repr(entry)[:117] + "..."


def _hash(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
