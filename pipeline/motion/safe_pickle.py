"""Pickles from outside, read without running anything that they ask for.

A pickle is a program: it names functions and has them called. Here only the exact names of
`ALLOWED` are known, and each leads to a stand-in of our own that keeps the data: not even numpy's
code that rebuilds an array runs, because its dtypes can be made to read foreign memory as objects.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import math
import pickle
import re
import zlib
from typing import Any, Literal

import numpy as np

from rotoscope.pipeline.errors import MotionError

_PLAIN_DTYPE = re.compile(r"[biufcSU]\d{1,4}|O8|O|b1")
_LARGEST_DENSE = 2**28
_DEEPEST = 60
_LARGEST_BYTES = 2**31
_PACKED: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
    b"]\x00\x00": lzma.open,
}
"""First bytes of the packers that joblib offers, zlib apart, and what reads them."""

_BROKEN = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    AttributeError,
    OverflowError,
    ImportError,
    MemoryError,
    RecursionError,
    OSError,
    zlib.error,
    lzma.LZMAError,
)
"""What Python's unpickler raises on damaged data (its documentation names no closed list)."""


class _DType:
    """Stands for `numpy.dtype`: a name of a plain type, and its byte order."""

    def __init__(self, name: object, *rest: object) -> None:
        self.name = name.decode("ascii") if isinstance(name, bytes) else str(name)
        self.order = "="
        if not _PLAIN_DTYPE.fullmatch(self.name):
            raise MotionError(f"arrays of dtype {self.name[:40]!r} are not read; plain numbers are")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1].decode("latin1") if isinstance(state[1], bytes) else state[1]
        self.order = order if order in ("<", ">") else "="

    def plain(self) -> np.dtype[Any]:
        return np.dtype(f"{self.order}{self.name}")


class _Array:
    """Stands for `numpy.ndarray` and what rebuilds one."""

    def __init__(self, *ignored: object) -> None:
        self.state: tuple[Any, ...] = (1, (0,), _DType("f8"), False, b"")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def plain(self, convert: Any) -> np.ndarray:
        _, shape, dtype, is_fortran, data = self.state
        order: Literal["F", "C"] = "F" if is_fortran else "C"
        if dtype.name.startswith("O"):
            out = np.empty(len(data), dtype=object)
            out[:] = [convert(item) for item in data]
        else:
            out = np.frombuffer(_raw(data), dtype=dtype.plain())
        return np.array(out.reshape(tuple(shape), order=order), order="C")


class _FromBuffer(_Array):
    """Stands for numpy's `_frombuffer(data, dtype, shape, order)`."""

    def __init__(self, data: object, dtype: object, shape: object, order: object) -> None:
        self.state = (1, shape, dtype, order == "F", data)


class _JoblibArray(_Array):
    """Stands for joblib's `NumpyArrayWrapper`: the array's bytes follow it in the file itself."""

    file: io.BytesIO
    """The pickle being read; set on the class of each load."""

    def __setstate__(self, state: Any) -> None:
        dtype, shape = state["dtype"], tuple(int(n) for n in state["shape"])
        if dtype.name.startswith("O"):
            inner = _Unpickler(self.file).load()
            if not isinstance(inner, _Array):
                raise MotionError("an array of objects in it is no array")
            self.state = inner.state
            return
        if state.get("numpy_array_alignment_bytes") is not None:
            self.file.read(self.file.read(1)[0])
        wanted = math.prod(shape) * dtype.plain().itemsize
        if min(shape, default=0) < 0 or wanted > self.file.getbuffer().nbytes:
            raise MotionError(f"an array {shape} in it is larger than the file")
        self.state = (1, shape, dtype, state.get("order") == "F", self.file.read(wanted))


class _Scalar:
    """Stands for `numpy.core.multiarray.scalar(dtype, data)`."""

    def __init__(self, dtype: _DType, data: object = b"") -> None:
        self.dtype, self.data = dtype, data

    def plain(self, convert: Any) -> Any:
        if self.dtype.name.startswith("O"):
            return convert(self.data)
        return np.frombuffer(_raw(self.data), dtype=self.dtype.plain())[0]


class _Encoded:
    """Stands for `_codecs.encode(text, "latin1")`, which is how Python 2 reads bytes of 3."""

    def __new__(cls, text: str, codec: str = "latin1") -> Any:
        if codec not in ("latin1", "latin-1") or not isinstance(text, str):
            raise MotionError(f"bytes written with codec {codec!r} are not read; latin1 is")
        return text.encode("latin1")


class _NoBytes:
    """Stands for `bytes()`, which is how Python 2 reads empty bytes of 3."""

    def __new__(cls) -> Any:
        return b""


class _State:
    """Keeps an object's state and nothing else."""

    def __init__(self, *ignored: object) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        self.state = state if isinstance(state, dict) else {}


class _Sparse(_State):
    """Stands for a sparse matrix by columns or rows; becomes a dense array."""

    by_columns = True

    def plain(self, convert: Any) -> np.ndarray:
        state = {key: convert(value) for key, value in self.state.items()}
        rows, columns = (int(n) for n in state["_shape" if "_shape" in state else "shape"])
        if not 0 < rows * columns <= _LARGEST_DENSE:
            raise MotionError(f"a sparse matrix of {rows} x {columns} is too large to be read")
        out = np.zeros((columns, rows) if self.by_columns else (rows, columns))
        outer = np.repeat(np.arange(len(out)), np.diff(state["indptr"]))
        out[outer, state["indices"]] = state["data"]
        return out.T if self.by_columns else out


class _SparseRows(_Sparse):
    by_columns = False


class _Chumpy(_State):
    """Stands for an array of chumpy, which official SMPL and MANO files hold."""

    def plain(self, convert: Any) -> np.ndarray:
        state = {key: convert(self.state[key]) for key in ("x", "a", "idxs") if key in self.state}
        if "x" in state:
            return np.asarray(state["x"])
        shape = convert(self.state.get("preferred_shape", -1))
        return np.asarray(state["a"]).ravel()[np.asarray(state["idxs"]).ravel()].reshape(shape)


class _Object:
    """Stands for `object`, the base that Python 2 names when it rebuilds an instance."""


class _Rebuilt:
    """Stands for `copy_reg._reconstructor(class, object, None)`."""

    def __new__(cls, wanted: Any, base: Any, state: Any) -> Any:
        if not (isinstance(wanted, type) and issubclass(wanted, _State)):
            raise MotionError(f"an object of {wanted!r} cannot be rebuilt; only known arrays can")
        return wanted()


_NUMPY_CORES = ("numpy.core", "numpy._core")
_STANDINS: dict[tuple[str, str], type] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    **{(f"{core}.multiarray", "_reconstruct"): _Array for core in _NUMPY_CORES},
    **{(f"{core}.multiarray", "scalar"): _Scalar for core in _NUMPY_CORES},
    **{(f"{core}.numeric", "_frombuffer"): _FromBuffer for core in _NUMPY_CORES},
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): _JoblibArray,
    ("scipy.sparse.csc", "csc_matrix"): _Sparse,
    ("scipy.sparse._csc", "csc_matrix"): _Sparse,
    ("scipy.sparse.csr", "csr_matrix"): _SparseRows,
    ("scipy.sparse._csr", "csr_matrix"): _SparseRows,
    ("chumpy.ch", "Ch"): _Chumpy,
    ("chumpy.reordering", "Select"): _Chumpy,
    ("_codecs", "encode"): _Encoded,
    ("__builtin__", "bytes"): _NoBytes,
    ("builtins", "bytes"): _NoBytes,
    ("copy_reg", "_reconstructor"): _Rebuilt,
    ("copyreg", "_reconstructor"): _Rebuilt,
    ("__builtin__", "object"): _Object,
    ("builtins", "object"): _Object,
}
ALLOWED = frozenset(_STANDINS)
"""Every (module, name) that a pickle may ask for; all others are refused by name."""


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, encoding="latin1")
        # Classes of this load alone: a pickle can set attributes on what it is given.
        self.known: dict[tuple[str, str], Any]
        self.known = {key: type(cls.__name__, (cls,), {}) for key, cls in _STANDINS.items()}
        self.known["joblib.numpy_pickle", "NumpyArrayWrapper"].file = file

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.known:
            raise MotionError(
                f"it asks for {module}.{name}, which is refused because it may run code; only "
                "plain values and arrays of numpy, scipy.sparse and chumpy are read. Where you "
                "trust the file, load it yourself and save its arrays as .npz"
            )
        return self.known[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise MotionError("it refers to data outside of itself, which is refused")


def load_pickle(data: bytes, *, name: str) -> Any:
    """What a pickle holds: dicts, lists, numbers, text and arrays; sparse matrices become dense.

    Pickles of joblib, also packed ones, are read as well: arrays stand in them as bytes.

    Args:
        data: The pickle's bytes.
        name: What the file is called, for the message.

    Raises:
        MotionError: It asks for anything else, by name; or it is damaged.
    """
    try:
        return _plain(_Unpickler(io.BytesIO(_unpacked(data))).load())
    except MotionError as error:
        raise MotionError(f"pickle {name} was not read: {error}") from None
    except _BROKEN as error:
        raise MotionError(
            f"pickle {name} is damaged or no pickle: {type(error).__name__}: {error}"
        ) from error


def _unpacked(data: bytes) -> bytes:
    """The pickle itself, where joblib packed it with zlib, gzip, bz2 or xz."""
    for head, opened in _PACKED.items():
        if data.startswith(head):
            with opened(io.BytesIO(data)) as file:
                out: bytes = file.read(_LARGEST_BYTES + 1)
            if len(out) > _LARGEST_BYTES:
                raise MotionError(f"it unpacks to more than {_LARGEST_BYTES} bytes")
            return out
    if data[:1] == b"x" and len(data) > 1 and (data[0] * 256 + data[1]) % 31 == 0:
        unpacker = zlib.decompressobj()
        out = unpacker.decompress(data, _LARGEST_BYTES)
        if unpacker.unconsumed_tail:
            raise MotionError(f"it unpacks to more than {_LARGEST_BYTES} bytes")
        if not unpacker.eof:
            raise EOFError("packed data end too soon")
        return out
    return data


def _plain(value: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise MotionError(f"it nests deeper than {_DEEPEST} levels")

    def convert(inner: Any) -> Any:
        return _plain(inner, depth + 1)

    if isinstance(value, _Array | _Scalar | _Sparse | _Chumpy):
        return value.plain(convert)
    if isinstance(value, dict):
        return {convert(key): convert(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(convert(inner) for inner in value)
    if isinstance(value, str | bytes | bool | int | float | complex | None):
        return value
    raise MotionError(f"it holds a {type(value).__name__}, which is refused")


def _raw(data: object) -> bytes:
    if isinstance(data, str):
        return data.encode("latin1")
    if isinstance(data, bytes | bytearray):
        return bytes(data)
    raise MotionError(f"an array's data are a {type(data).__name__}, not bytes")
