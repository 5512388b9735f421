"""Folders of trained models, read so that a damaged or foreign one gives one sentence.

Each holds `model.safetensors` (every number), a YAML file of facts, and `metrics.json` where it was
scored. Nothing in them is run, and nothing that they state makes more memory than their numbers
take.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict

from rotoscope.models.training.processes import is_first
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.atomic import atomic_path
from rotoscope.pipeline.files.paths import inside
from rotoscope.pipeline.files.plain import mapping, read_json, read_yaml
from rotoscope.pipeline.packages import version_of
from rotoscope.pipeline.quoting import shown
from rotoscope.pipeline.settings import checked

WEIGHTS, METRICS = "model.safetensors", "metrics.json"
Shape = tuple[int | str, ...]
"""Sizes; a text stands for one that may be any, the same wherever the text stands."""


class ModelFacts(BaseModel):
    """The YAML file of a folder, whatever was trained."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: int
    """Version of the folder's layout; the default is the one that this program writes and reads."""


@dataclass(frozen=True)
class ModelFolder[Facts: ModelFacts]:
    """Layout of the folders of one kind of model."""

    facts: type[Facts]
    """What the YAML file holds."""
    facts_file: str
    """Its name, such as `labeler.yaml`."""
    missing: str
    """What a folder without a file is not, and which to name: `"is no trained X: {}; ..."`."""
    has_metrics: bool = True
    """Whether scores lie beside the numbers."""

    def save(
        self,
        folder: Path,
        facts: Facts,
        arrays: Mapping[str, np.ndarray],
        metrics: Mapping[str, Any] | None = None,
    ) -> None:
        """Writes a folder, whole or not at all; of processes that train together the first does."""
        from safetensors.numpy import save_file

        if not is_first():
            return
        with atomic_path(folder) as temporary:
            temporary.mkdir()
            contiguous = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
            save_file(contiguous, temporary / WEIGHTS)
            text = yaml.safe_dump(facts.model_dump(mode="json"), sort_keys=False)
            (temporary / self.facts_file).write_text(text)
            if self.has_metrics:
                (temporary / METRICS).write_text(json.dumps(metrics, indent=2) + "\n")

    def load(self, folder: Path) -> tuple[Facts, dict[str, np.ndarray], dict[str, Any]]:
        """Facts, numbers and scores of a folder.

        Raises:
            UsageError: It is incomplete, damaged, or of another version.
        """
        facts = self.read_facts(folder)
        metrics: dict[str, Any] = {}
        if self.has_metrics:
            path = folder / METRICS
            metrics = mapping(read_json(path, error=UsageError), source=str(path), error=UsageError)
        return facts, read_arrays(folder / WEIGHTS), metrics

    def read_facts(self, folder: Path) -> Facts:
        """The facts of a folder that holds all files.

        Raises:
            UsageError: A file is missing or a link that leads out of the folder, or the facts are
                malformed or of another version.
        """
        self._check_files(folder)
        path, version = folder / self.facts_file, self.facts.model_fields["version"].default
        raw = read_yaml(path, error=UsageError)
        found = raw.get("version") if isinstance(raw, dict) else None
        if found != version:
            raise UsageError(
                f"{folder} is of version {shown(found)}, this program reads version {version}; "
                "train it again with the same data"
            )
        return checked(self.facts, raw, owner=str(path), error=UsageError, is_file=True)

    def digest(self, folder: Path) -> str:
        """Hash of what decides a model's answers; scores beside it do not.

        Raises:
            UsageError: A file is missing or a link that leads out of the folder.
        """
        self._check_files(folder)
        found = hashlib.sha256()
        for name in sorted((self.facts_file, WEIGHTS)):
            found.update(name.encode() + b"\0" + (folder / name).read_bytes())
        return found.hexdigest()

    def _check_files(self, folder: Path) -> None:
        for name in (self.facts_file, WEIGHTS, *([METRICS] if self.has_metrics else [])):
            if not inside(folder, name, what="the file", error=UsageError).is_file():
                raise UsageError(f"{folder} {self.missing.format(f'{name} is not there')}")


def package_versions(*others: str) -> dict[str, str]:
    """Installed versions of what trains models, for the record."""
    return {name: version_of(name) for name in (*others, "torch", "numpy", "rotoscope")}


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
