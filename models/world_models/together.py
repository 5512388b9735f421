"""Networks of one shape that are asked at once: what costs a few calls each costs them once."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import nn


def together(networks: Sequence[nn.Module]) -> nn.Module:
    """One network of (network, row, number) to (network, row, number).

    Weights are copied, and have no gradients. Made of linear maps, norms of layers and what has no
    weights, as `rotoscope.models.world_models.members.perceptron` is.

    Args:
        networks: At least one, all of the same shape.
    """
    return _joined(networks, deepcopy(networks[0])).requires_grad_(False).eval()


def _joined(parts: Sequence[nn.Module], like: nn.Module) -> nn.Module:
    """`like`, which is a copy of the first part, with the weights of all in its layers."""
    from torch import nn

    if isinstance(like, nn.Linear):
        return _linear(parts)
    if isinstance(like, nn.LayerNorm):
        return _layer_norm(parts)
    for name, child in like.named_children():
        setattr(like, name, _joined([getattr(part, name) for part in parts], child))
    return like


def _stacked(parts: Sequence[nn.Module], name: str) -> nn.Parameter:
    """Weights of all parts (part, ...); a row's axis before that of a vector's numbers."""
    import torch
    from torch import nn

    found = torch.stack([getattr(part, name).detach() for part in parts])
    return nn.Parameter(found.mT.contiguous() if found.ndim == 3 else found[:, None])


def _linear(parts: Sequence[nn.Module]) -> nn.Module:
    import torch
    from torch import nn

    class Linears(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.bias = _stacked(parts, "weight"), _stacked(parts, "bias")

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return torch.baddbmm(self.bias, rows, self.weight)

    return Linears()


def _layer_norm(parts: Sequence[nn.Module]) -> nn.Module:
    import torch
    from torch import nn

    class Norms(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.bias = _stacked(parts, "weight"), _stacked(parts, "bias")

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return nn.functional.layer_norm(rows, rows.shape[-1:]) * self.weight + self.bias

    return Norms()
