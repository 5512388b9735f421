"""What a killed training needs to go on as if nothing had happened."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from rotoscope.models.training.processes import is_first
from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.files.atomic import atomic_path

CHECKPOINT_VERSION = 2
"""Changes with the contents of a checkpoint."""


def work_folder(out: Path) -> Path:
    """Where checkpoints and curves of what will be `out` lie until it is done."""
    return out.with_name(out.name + ".training")


def remove_checkpoints(work: Path) -> None:
    """Removes them, and their folder where no curves lie in it; the first process alone."""
    if not is_first():
        return
    for path in work.glob("*.pt"):
        path.unlink()
    if work.is_dir() and not any(work.iterdir()):
        work.rmdir()


def save_checkpoint(path: Path, state: dict[str, Any], *, fingerprint: str) -> None:
    """Writes tensors and numbers, whole or not at all."""
    import torch

    whole = {"version": CHECKPOINT_VERSION, "fingerprint": fingerprint, "state": state}
    with atomic_path(path) as temporary:
        torch.save(whole, temporary)


def load_checkpoint(path: Path, *, fingerprint: str) -> dict[str, Any] | None:
    """The state of a checkpoint, `None` where there is none. Nothing in the file is executed.

    Raises:
        UsageError: It is of another version, or was made from other settings or data.
    """
    import torch

    if not path.is_file():
        return None
    try:
        whole = torch.load(path, map_location="cpu", weights_only=True)
        version, found, state = whole["version"], whole["fingerprint"], whole["state"]
    except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, TypeError) as error:
        raise UsageError(
            f"checkpoint {path} is damaged; remove it, and the training starts anew"
        ) from error
    if version != CHECKPOINT_VERSION:
        raise UsageError(
            f"checkpoint {path} is of version {version}, this program reads version "
            f"{CHECKPOINT_VERSION}; remove it, or train into another folder"
        )
    if found != fingerprint:
        raise UsageError(
            f"checkpoint {path} was made from other settings or other data; train into another "
            "folder, or remove it to start anew"
        )
    return dict(state)
