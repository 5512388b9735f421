"""Folders of what was trained, read so that a damaged or foreign one gives one sentence.

Each holds `model.safetensors` (every number) and a YAML file of facts. Nothing in them is run, and
nothing that they state makes more memory than their numbers take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.paths import inside
from rotoscope.pipeline.files.plain import mapping, read_json, read_yaml
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.settings import checked

WEIGHTS = "model.safetensors"
Shape = tuple[int | str, ...]
"""Sizes; a text stands for one that may be any, the same wherever the text stands."""


def check_files(folder: Path, names: Sequence[str], *, what: str) -> None:
    """Checks that the files of a folder are there.

    Args:
        folder: The folder.
        names: Files that it must hold.
        what: What to say it is not, and which folder to name instead: `"no trained X: {}; ..."`.

    Raises:
        UsageError: One is missing, or a link that leads out of the folder.
    """
    for name in names:
        if not inside(folder, name, what="the file", error=UsageError).is_file():
            raise UsageError(f"{folder} {what.format(f'{name} is not there')}")


def read_facts[M: BaseModel](path: Path, model: type[M], *, version: int) -> M:
    """A folder's YAML file.

    Raises:
        UsageError: It is malformed, or of another version.
    """
    raw = read_yaml(path, error=UsageError)
    found = raw.get("version") if isinstance(raw, dict) else None
    if found != version:
        raise UsageError(
            f"{path.parent} is of version {shown(found)}, this program reads version {version}; "
            "train it again with the same data"
        )
    return checked(model, raw, owner=str(path), error=UsageError, is_file=True)


def read_metrics(path: Path) -> dict[str, Any]:
    """A folder's scores.

    Raises:
        UsageError: It is no mapping in JSON.
    """
    return mapping(read_json(path, error=UsageError), source=str(path), error=UsageError)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The numbers of a folder, all of them finite.

    Raises:
        UsageError: The file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays: dict[str, np.ndarray] = load_file(path)
    # Types of numbers that NumPy does not have are a KeyError or a TypeError there.
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise damaged(path, shown(str(error))) from error
    for name, values in arrays.items():
        if values.dtype.kind not in "fiub" or not np.isfinite(values).all():
            raise damaged(path, f"{shown(name)} does not hold finite numbers alone")
    return arrays


def damaged(path: object, why: str) -> UsageError:
    """What to say of a file whose content cannot be what was written."""
    return UsageError(f"{path} is damaged ({why}); train again")


def below(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """The arrays whose names begin so, without it."""
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def check_shapes(
    arrays: Mapping[str, np.ndarray],
    wanted: Mapping[str, Shape],
    path: object,
    sizes: dict[str, int] | None = None,
) -> dict[str, int]:
    """Checks that exactly the wanted arrays are there, and fit together.

    Args:
        arrays: What was read.
        wanted: Name to shape.
        path: File or what else it is, for the message.
        sizes: What texts in shapes stand for already.

    Returns:
        What each text in a shape stands for.

    Raises:
        UsageError: They are not.
    """
    different = sorted(set(arrays) ^ set(wanted))
    if different:
        what = "is missing" if different[0] in wanted else "is one too many"
        raise damaged(path, f"{shown(different[0])} {what}")
    sizes = dict(sizes or {})
    for name, shape in wanted.items():
        found = arrays[name].shape
        needed = tuple(
            sizes.setdefault(size, found[k] if k < len(found) else -1)
            if isinstance(size, str)
            else size
            for k, size in enumerate(shape)
        )
        if found != needed:
            raise damaged(path, f"{shown(name)} has shape {found}, its settings ask for {needed}")
    return sizes


def filled(
    build: Callable[[], Any],
    arrays: Mapping[str, np.ndarray],
    source: object,
    *,
    without: str = "\0",
) -> Any:
    """A network in evaluation mode, its weights in it.

    Sizes are compared before anything is built: settings may state any.

    Args:
        build: Makes the network.
        arrays: Its weights by name.
        source: Folder or file they come from, for the message.
        without: Beginning of names that are not kept with the rest.

    Raises:
        UsageError: Settings and weights do not fit together.
    """
    import torch

    try:
        with torch.device("meta"):
            wanted = {k: tuple(v.shape) for k, v in build().state_dict().items()}
    except (RuntimeError, ValueError, OverflowError, TypeError, ZeroDivisionError) as error:
        raise damaged(source, f"no network has such settings: {shown(str(error))}") from error
    # A single number is written as a list of one.
    kept = {k: shape or (1,) for k, shape in wanted.items() if not k.startswith(without)}
    arrays = {k: np.atleast_1d(v) for k, v in arrays.items() if not k.startswith(without)}
    check_shapes(arrays, kept, source)
    module = build()
    state = {k: torch.from_numpy(v).reshape(wanted[k]) for k, v in arrays.items()}
    module.load_state_dict(state, strict=False)
    return module.eval()


def package_versions(names: Sequence[str] = ("torch", "numpy", "rotoscope")) -> dict[str, str]:
    """Installed versions, for the record."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
