"""A forward model: how what is seen changes, from what is seen and what is done until then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rotoscope.models.training.rows import Batch
from rotoscope.models.training.sizes import NetworkSize
from rotoscope.models.world_models.members import perceptron

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Dynamics:
    """One network for each moment ahead, which is shown no action that comes after it."""

    seen: int
    """Numbers of what is seen."""
    offsets: Sequence[int]
    """Moments ahead [rows]."""
    encoded: int
    """Numbers of an encoded action."""

    def build(self, size: NetworkSize) -> torch.nn.Module:
        """The networks."""
        from torch import nn

        sizes = [self.seen + rows * self.encoded for rows in self.offsets]
        return nn.ModuleList(perceptron(num, self.seen, size) for num in sizes)

    def ask(self, module: Any, seen: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Standardized changes (row, offset, seen).

        Where several networks are asked together, an axis of them stands before all of these.

        Args:
            module: The networks.
            seen: What is seen (row, seen), standardized.
            actions: What is done from there on (row, chunk, encoded), standardized.
        """
        import torch

        found = [
            network(torch.cat([seen, actions[..., :rows, :].flatten(-2)], dim=-1))
            for network, rows in zip(module, self.offsets, strict=True)
        ]
        return torch.stack(found, dim=-2)

    def errors(self, module: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Squared errors (row, offset, seen), and which of them count (row, offset, 1)."""
        import torch

        done = [batch["actions_known"][:, rows - 1] for rows in self.offsets]
        known = (batch["later_known"] * torch.stack(done, dim=1))[..., None]
        found = self.ask(module, batch["seen"], batch["actions"])
        return (found - batch["later"]) ** 2 * known, known

    def loss(self, module: Any, batch: Batch) -> torch.Tensor:
        """Mean squared error of what is known."""
        squared, known = self.errors(module, batch)
        return squared.sum() / (known.sum() * self.seen).clamp(min=1)
