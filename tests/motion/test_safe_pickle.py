import builtins
import bz2
import gzip
import io
import lzma
import os
import pickle
import subprocess
import sys
import types
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from rotoscope.pipeline.errors import MotionError
from rotoscope.pipeline.motion import read_motion
from rotoscope.pipeline.motion.safe_pickle import ALLOWED, load_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Calls:
    """Pickles to a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


class Opens:
    """Pickles to itself by name, and then has its state set."""

    def __init__(self) -> None:
        self.x = 1


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and a.dtype != object:
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, np.ndarray | list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_data_come_back_as_they_were(protocol: int) -> None:
    data = {
        "matrix": np.arange(6.0).reshape(2, 3).T,
        "scalar": np.float32(3),
        "zero axes": np.array(2.5),
        "none": np.zeros((0, 3)),
        "big endian": np.arange(3, dtype=">i4"),
        "text": np.array(["ab", "c"]),
        "objects": np.array([None, "s", {1: np.ones(2)}], dtype=object),
        "bytes": [b"x", b""],
        7: [(1, 2.5), True, None, "word"],
    }
    assert same(data, load_pickle(pickle.dumps(data, protocol=protocol), name="a"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", [sparse.csc_matrix, sparse.csr_matrix])
def test_sparse_matrices_become_dense(protocol: int, kind: Any) -> None:
    dense = np.random.default_rng(0).random((5, 8)).round()
    assert same(dense, load_pickle(pickle.dumps(kind(dense), protocol=protocol), name="a"))


def test_chumpy_arrays_are_read_without_chumpy() -> None:
    dtype = b"cnumpy\ndtype\nX\x02\x00\x00\x00f8K\x00K\x01\x87R"
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
        b"(K\x01K\x02\x85" + dtype + b"\x89C\x10" + np.array([1.5, -2.0]).tobytes() + b"tb"
    )
    ch = b"\x80\x03cchumpy.ch\nCh\n)\x81}X\x01\x00\x00\x00x" + array + b"sb."
    np.testing.assert_array_equal(load_pickle(ch, name="a"), [1.5, -2.0])


@pytest.mark.parametrize(
    "evil",
    [
        (os.system, "touch {marker}"),
        (builtins.eval, "open({marker!r}, 'w')"),
        (builtins.exec, "open({marker!r}, 'w')"),
        (builtins.open, "{marker}", "w"),
        (builtins.getattr, os, "system"),
        (subprocess.run, ["touch", "{marker}"]),
        (np.load, "{marker}", None, True),
        (np.savetxt, "{marker}", [1.0]),
        (np.ndarray.tofile, np.ones(1), "{marker}"),
        (pickle.loads, b"cos\nsystem\n(Vtouch {marker}\ntR."),
        (__import__, "os"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_nothing_that_a_pickle_asks_for_runs(tmp_path: Path, protocol: int, evil: Any) -> None:
    marker = tmp_path / "ran"
    function, *arguments = evil
    filled = [a.format(marker=marker) if isinstance(a, str) else a for a in arguments]
    if isinstance(filled[0], list):
        filled[0] = [part.format(marker=marker) for part in filled[0]]
    if function is builtins.getattr:
        filled[0] = 1
    data = pickle.dumps({"poses": Calls(function, *filled)}, protocol=protocol)
    with pytest.raises(MotionError, match="refused because it may run code"):
        load_pickle(data, name="evil.pkl")
    path = tmp_path / "evil.pkl"
    path.write_bytes(data)
    with pytest.raises(MotionError, match=r"evil\.pkl was not read: it asks for"):
        read_motion(path)
    assert not marker.exists()


def test_refused_name_is_not_even_imported() -> None:
    module = "wave"
    assert module not in sys.modules
    with pytest.raises(MotionError, match=r"wave\.open"):
        load_pickle(b"cwave\nopen\n.", name="a")
    assert module not in sys.modules


@pytest.mark.parametrize(
    "asked",
    [
        ("numpy.f2py.crackfortran", "myeval"),
        ("numpy.f2py.diagnose", "run_command"),
        ("numpy.core.multiarray", "fromfile"),
        ("numpy", "ndarray.tofile"),
        ("numpy.testing._private.utils", "runstring"),
        ("scipy.sparse", "load_npz"),
        ("chumpy.ch", "os.system"),
        ("chumpy.utils", "anything"),
        ("builtins", "type"),
        ("copyreg", "add_extension"),
    ],
)
def test_names_beside_the_allowed_ones_are_refused(asked: tuple[str, str]) -> None:
    assert asked not in ALLOWED
    module, name = (f"X{chr(len(w))}\0\0\0{w}".encode() for w in asked)
    with pytest.raises(MotionError, match="refused"):
        load_pickle(b"\x80\x04" + module + name + b"\x93.", name="a")


def test_classes_of_the_reader_cannot_be_changed_by_what_it_reads() -> None:
    # Sets attributes on the class that stands for numpy.dtype, then on what rebuilds arrays.
    spoil = (
        b"\x80\x02cnumpy\ndtype\nN}U\x05plainK\x01s\x86b0cnumpy\nndarray\nN}U\x05plainK\x01s\x86b."
    )
    with pytest.raises(MotionError):
        load_pickle(spoil, name="a")
    array = np.arange(3.0)
    assert same(array, load_pickle(pickle.dumps(array), name="a"))


def test_arrays_of_records_are_refused() -> None:
    # Their dtype's flags can make numpy take the file's bytes for addresses of objects.
    records = np.zeros(2, dtype=[("a", "f8"), ("b", "O")])
    with pytest.raises(MotionError, match="dtype 'V16' are not read"):
        load_pickle(pickle.dumps(records), name="a")


def test_numbers_for_objects_are_not_taken_for_addresses() -> None:
    good = pickle.dumps(np.array([1.0, 2.0]), protocol=2)
    with pytest.raises(MotionError, match=r"damaged|refused|not bytes"):
        load_pickle(good.replace(b"f8", b"O8"), name="a")


@pytest.mark.parametrize("length", [0, 1, 20, 60, -1])
def test_cut_off_pickle_is_an_error(length: int) -> None:
    data = pickle.dumps({"poses": np.ones((4, 72))})
    with pytest.raises(MotionError, match="damaged or no pickle"):
        load_pickle(data[:length], name="a")


def test_other_objects_and_outside_references_are_refused() -> None:
    with pytest.raises(MotionError, match="Opens, which is refused"):
        load_pickle(pickle.dumps(Opens()), name="a")
    with pytest.raises(MotionError, match="outside of itself"):
        load_pickle(b"Pfile\n.", name="a")


def test_nesting_without_end_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(MotionError, match="nests deeper"):
        load_pickle(pickle.dumps(endless), name="a")


class Wrapper:
    """Pickles as joblib's `NumpyArrayWrapper` does."""

    def __init__(self, array: np.ndarray) -> None:
        self.subclass = np.ndarray
        self.shape = array.shape
        self.order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        self.dtype = array.dtype
        self.allow_mmap = not array.dtype.hasobject
        self.numpy_array_alignment_bytes = 16


Wrapper.__module__, Wrapper.__qualname__ = "joblib.numpy_pickle", "NumpyArrayWrapper"


class JoblibPickler(pickle._Pickler):
    """Writes as joblib 1.4 does: each array's bytes right behind the object that stands for it.

    Bytes that joblib itself wrote, plain and packed by each of its packers, were read the same.
    """

    def __init__(self, file: io.BytesIO, protocol: int) -> None:
        self.out = file
        super().__init__(file, protocol)

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if not isinstance(obj, np.ndarray):
            super().save(obj, save_persistent_id)
            return
        wrapper = Wrapper(obj)
        if self.proto >= 4:
            self.framer.commit_frame(force=True)
        super().save(wrapper)
        if self.proto >= 4:
            self.framer.commit_frame(force=True)
        if obj.dtype.hasobject:
            pickle.dump(obj, self.out, protocol=2)
            return
        pad = 16 - (self.out.tell() + 1) % 16
        self.out.write(bytes([pad]) + b"\xff" * pad)
        self.out.write(obj.tobytes("F" if wrapper.order == "F" else "C"))


def as_joblib(data: Any, protocol: int, monkeypatch: pytest.MonkeyPatch) -> bytes:
    module = types.ModuleType("joblib.numpy_pickle")
    module.NumpyArrayWrapper = Wrapper
    monkeypatch.setitem(sys.modules, "joblib", types.ModuleType("joblib"))
    monkeypatch.setitem(sys.modules, "joblib.numpy_pickle", module)
    Wrapper.__name__ = "NumpyArrayWrapper"
    file = io.BytesIO()
    JoblibPickler(file, protocol).dump(data)
    return file.getvalue()


JOBLIB = {
    "dance": {
        "pose_aa": np.random.default_rng(0).normal(size=(5, 72)),
        "columns": np.asfortranarray(np.arange(12.0, dtype=np.float32).reshape(3, 4)),
        "none": np.zeros((0, 3)),
        "fps": 30,
    },
    "people": [np.eye(3), np.array([None, {"x": np.ones(2)}], dtype=object)],
}
PACKERS = {
    "plain": bytes,
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
}


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_joblibs_files_are_read_packed_or_not(protocol, packer, monkeypatch) -> None:
    data = PACKERS[packer](as_joblib(JOBLIB, protocol, monkeypatch))
    found = load_pickle(data, name="a")
    assert same(JOBLIB["dance"], found["dance"])
    np.testing.assert_array_equal(found["people"][0], np.eye(3))
    np.testing.assert_array_equal(found["people"][1][1]["x"], np.ones(2))


@pytest.mark.parametrize("packer", PACKERS)
def test_cut_off_files_of_joblib_are_an_error(packer, monkeypatch) -> None:
    data = PACKERS[packer](as_joblib(JOBLIB, 4, monkeypatch))
    for length in range(0, len(data) - 1, max(1, len(data) // 40)):
        with pytest.raises(MotionError):
            load_pickle(data[:length], name="a")


def test_array_that_is_said_to_be_larger_than_the_file_is_refused(monkeypatch) -> None:
    data = as_joblib(np.zeros(3), 4, monkeypatch).replace(b"K\x03\x85", b"K\xff\x85")
    with pytest.raises(MotionError, match=r"an array \(255,\) in it is larger than the file"):
        load_pickle(data, name="a")
