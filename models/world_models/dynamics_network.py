"""A forward model: how what is seen changes, from what is seen and what is done until then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rotoscope.models.training.rows import Batch
from rotoscope.models.training.sizes import NetworkSize
from rotoscope.models.world_models.members import perceptron
from rotoscope.models.world_models.together import together

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Dynamics:
    """A network for each moment ahead, all together; none is shown an action that comes after."""

    seen: int
    """Numbers of what is seen."""
    offsets: Sequence[int]
    """Moments ahead [rows]."""
    encoded: int
    """Numbers of an encoded action."""

    def build(self, size: NetworkSize) -> torch.nn.Module:
        """The networks."""
        num = self.seen + self.offsets[-1] * self.encoded
        return together([perceptron(num, self.seen, size) for _ in self.offsets])

    def ask(self, module: Any, seen: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Standardized changes (row, offset, seen).

        Where several networks are asked together, an axis of them stands before all of these.

        Args:
            module: The networks.
            seen: What is seen (row, seen), standardized.
            actions: What is done from there on (row, chunk, encoded), standardized.
        """
        import torch

        rows = torch.arange(self.offsets[-1], device=seen.device)
        until = torch.tensor(self.offsets, device=seen.device)[:, None]
        is_shown = (rows < until).to(seen)[:, None, :, None]
        done = (actions.unsqueeze(-4) * is_shown).flatten(-2)
        also = seen.unsqueeze(-3).expand(*done.shape[:-1], self.seen)
        asked = torch.cat([also, done], dim=-1)
        found: torch.Tensor = module(asked.flatten(0, -3)).unflatten(0, asked.shape[:-2])
        return found.movedim(-3, -2)

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
