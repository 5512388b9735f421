"""Networks of one shape that are asked at once: what costs a few calls each costs them once."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn


def together(networks: Sequence[nn.Module]) -> nn.Module:
    """One network of (network, row, number) to (network, row, number).

    Weights are copied. Made of linear maps, norms of layers and what has no weights, as
    `rotoscope.models.world_models.members.perceptron` is; networks may be some together already,
    whose first axes then follow each other.

    Args:
        networks: At least one, all of the same shape.
    """
    return _joined(networks, deepcopy(networks[0]))


def _joined(parts: Sequence[nn.Module], like: nn.Module) -> nn.Module:
    """`like`, which is a copy of the first part, with the weights of all in its layers."""
    from torch import nn

    linears, norms = _layers()
    if isinstance(like, nn.Linear | linears):
        return linears(parts)
    if isinstance(like, nn.LayerNorm | norms):
        return norms(parts)
    for name, child in like.named_children():
        setattr(like, name, _joined([getattr(part, name) for part in parts], child))
    return like


def _stacked(parts: Sequence[nn.Module], name: str) -> nn.Parameter:
    """Weights of all parts (part, ...); an axis of rows before that of a vector's numbers."""
    import torch
    from torch import nn

    found = [getattr(part, name).detach() for part in parts]
    if found[0].ndim == 3:  # of parts that are several themselves
        return nn.Parameter(torch.cat(found))
    one = torch.stack(found)
    return nn.Parameter(one.mT.contiguous() if one.ndim == 3 else one[:, None])


@cache
def _layers() -> tuple[Any, Any]:
    """Linear maps and norms of layers, several of each."""
    import torch
    from torch import nn

    class Several(nn.Module):
        def __init__(self, parts: Sequence[nn.Module]) -> None:
            super().__init__()
            self.weight, self.bias = _stacked(parts, "weight"), _stacked(parts, "bias")

    class Linears(Several):
        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return torch.baddbmm(self.bias, rows, self.weight)

    class Norms(Several):
        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return nn.functional.layer_norm(rows, rows.shape[-1:]) * self.weight + self.bias

    return Linears, Norms
