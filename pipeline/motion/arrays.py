"""Arrays out of `.npz`, `.npy`, `.pkl` and `.pt` files, none of which may run anything."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.motion.safe_pickle import load_pickle

_LARGEST_BYTES = 2**32
_SHOWN = 12


def load_arrays(path: Path, *, only: Collection[str] | None = None) -> dict[str, Any]:
    """What a file holds by name; a file of one array gives it under the empty name.

    Args:
        path: The file; its ending says what it is.
        only: Names to read; all where `None`.

    Raises:
        MotionError: It is not there, empty, cut off, too large, or a pickle in it asks for
            anything but arrays.
    """
    if not path.is_file() or path.stat().st_size == 0:
        raise MotionError(f"{path} is not there, empty, or not a file")
    if path.stat().st_size > _LARGEST_BYTES:
        raise MotionError(f"{path.name} is larger than {_LARGEST_BYTES} bytes, which is not read")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return _load_npz(path, only)
    if suffix == ".npy":
        found = _read_npy(path.read_bytes(), path.name)
    elif suffix == ".pt":
        found = _load_tensors(path)
    else:
        found = load_pickle(path.read_bytes(), name=path.name)
    if not isinstance(found, dict):
        return {"": found}
    return {str(k): v for k, v in found.items() if only is None or str(k) in only}


def describe(arrays: dict[str, Any]) -> str:
    """Names and shapes, for a message."""
    shown = [f"{name or 'array'} {np.shape(a)}" for name, a in list(arrays.items())[:_SHOWN]]
    return ", ".join(shown) + (" ..." if len(arrays) > _SHOWN else "")


def _load_npz(path: Path, only: Collection[str] | None) -> dict[str, Any]:
    out: dict[str, Any] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                name = member.filename.removesuffix(".npy")
                if only is None or name in only:
                    if member.file_size > _LARGEST_BYTES:
                        raise MotionError(
                            f"{path.name}/{name} unpacks to {member.file_size} bytes; "
                            f"{_LARGEST_BYTES} are allowed"
                        )
                    out[name] = _read_npy(archive.read(member), f"{path.name}/{name}")
    except (zipfile.BadZipFile, EOFError, OSError, zlib.error) as error:
        raise MotionError(f"{path.name} is damaged or no npz file: {error}") from error
    return out


def _read_npy(content: bytes, name: str) -> Any:
    file = io.BytesIO(content)
    head: Any = np.lib.format  # numpy has no types for it
    try:
        version = head.read_magic(file)
        read = head.read_array_header_1_0 if version == (1, 0) else head.read_array_header_2_0
        shape, is_fortran, dtype = read(file)
        data = file.read()
    except (ValueError, EOFError, SyntaxError, TokenError) as error:
        raise MotionError(f"{name} is damaged or no npy file: {error}") from error
    if dtype.hasobject:
        found = np.asarray(load_pickle(data, name=name), dtype=object)
        return found[()] if found.shape == () else found
    wanted = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if len(data) != wanted:
        raise MotionError(
            f"{name} holds {len(data)} bytes for an array {shape} of {dtype}, which needs "
            f"{wanted}; the file was cut off"
        )
    return np.frombuffer(data, dtype=dtype).reshape(shape, order="F" if is_fortran else "C")


def _load_tensors(path: Path) -> Any:
    import pickle

    import torch

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise MotionError(
            f"{path.name} is damaged, or holds more than tensors, which is refused: "
            f"{str(error).splitlines()[0]}"
        ) from error
    return _numpy_of(found)


def _numpy_of(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _numpy_of(value) for key, value in found.items()}
    return found.detach().numpy() if hasattr(found, "detach") else found
