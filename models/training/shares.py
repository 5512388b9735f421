"""A batch in shares, one for each process: losses whose gradients are those of the whole batch.

Gradients are averaged over the processes. The loss of a share therefore counts as often as it has
rows, and what a loss divides by, such as the number of known values, is counted in all shares.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.training.processes import accelerator, num_processes, process_index
from rotoscope.models.training.rows import Batch

if TYPE_CHECKING:
    import torch

Loss = Callable[["torch.nn.Module", Batch], "torch.Tensor"]
_share: ContextVar[float | None] = ContextVar("share", default=None)
"""Which part of the batch the loss is asked about; `None` for all of it."""


def own_share(rows: Int[np.ndarray, " row"]) -> Int[np.ndarray, " own"]:
    """Rows of a batch that are this process's: all processes' make it up."""
    return rows[process_index() :: num_processes()]


def shared_loss(
    loss: Loss, module: torch.nn.Module
) -> Callable[[Batch, float], Float[torch.Tensor, ""]]:
    """A loss that is asked of a share, and which share that is (0..1).

    Its gradients, and its mean over the processes, are those of the loss of the whole batch: where
    the loss is a mean over rows, or divides by what `num_in_all` counts.

    Args:
        loss: Of a batch.
        module: What it is asked of; its parameters are those of the first process from here on.
    """
    if num_processes() == 1:
        return lambda batch, share: loss(module, batch)
    import torch

    class OfBatch(torch.nn.Module):
        """The loss as a network, which is what gradients are averaged over processes by."""

        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, batch: Batch) -> torch.Tensor:
            return loss(self.module, batch)

    shared: Any = accelerator().prepare_model(OfBatch())

    def ask(batch: Batch, share: float) -> torch.Tensor:
        token = _share.set(share)
        try:
            found: torch.Tensor = shared(batch) * (share * num_processes())
        finally:
            _share.reset(token)
        return found

    return ask


def with_joint_statistics(module: torch.nn.Module) -> torch.nn.Module:
    """The network; means that it takes over a batch are taken over all shares, on GPUs alone.

    PyTorch has no such layer for CPUs: there they are those of the first process's share.
    """
    import torch

    if num_processes() == 1 or accelerator().device.type == "cpu":
        return module
    layer: Any = torch.nn.SyncBatchNorm
    found: torch.nn.Module = layer.convert_sync_batchnorm(module)
    return found


def num_in_all(count: torch.Tensor) -> torch.Tensor:
    """What a loss divides by: so many known values, 1 at least.

    Of a share, the number in all shares, as many of them as is its part.
    """
    share = _share.get()
    return count.clamp(min=1) if share is None else sum_in_all(count).clamp(min=1) * share


def sum_in_all(values: torch.Tensor) -> torch.Tensor:
    """The sum over all shares of the batch; no gradient goes through it."""
    if _share.get() is None:
        return values
    found: torch.Tensor = accelerator().reduce(values.detach(), reduction="sum")
    return found


def mean_in_all(values: torch.Tensor) -> torch.Tensor:
    """The mean over the processes."""
    if num_processes() == 1:
        return values
    found: torch.Tensor = accelerator().reduce(values, reduction="mean")
    return found


def seed_of_step(seed: int, step: int) -> int:
    """Where this process's random numbers of a step come from: each draws for its own rows."""
    words = [seed & 0xFFFFFFFFFFFFFFFF, step, process_index()]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))
