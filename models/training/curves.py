"""Curves of a training, for TensorBoard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rotoscope.models.training.config import LoopConfig
from rotoscope.models.training.events import TrainEvent, TrainListener
from rotoscope.models.training.processes import is_first
from rotoscope.pipeline.errors import UsageError


@contextmanager
def curves(config: LoopConfig, checkpoint: Path, name: str) -> Iterator[TrainListener]:
    """A listener that writes curves for TensorBoard; to nothing where they are not asked for."""
    if not (config.tensorboard and is_first()):
        yield lambda event: None
        return
    folder = checkpoint.parent / "tensorboard" / name.replace(" ", "_")
    writer: Any = tensorboard_writer()(str(folder))

    def write(event: TrainEvent) -> None:
        writer.add_scalar("loss", event.loss, event.step)
        writer.add_scalar("validation", event.validation, event.step)

    try:
        yield write
    finally:
        writer.close()


def tensorboard_writer() -> Any:
    """TensorBoard's class of writers.

    Raises:
        UsageError: It is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError(
            "tensorboard=true needs the package tensorboard, which is not installed: "
            "'pip install tensorboard' (or rotoscope[train]), or leave tensorboard=false"
        ) from error
    return SummaryWriter
