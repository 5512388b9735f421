"""Networks by size: the same code, with more channels and with residual blocks between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

NetworkSize = Literal["small", "base", "large"]
"""`small` is what a few hours teach, and what a CPU trains in minutes; `large` has 110 to 400
million weights, as many as those of LAOM (211 million; Nikulin et al. 2025, 2502.00379) and VPT's
labeler (500 million; Baker et al. 2022, 2206.11795) in order of magnitude."""


@dataclass(frozen=True)
class Scale:
    """What a size does to a network."""

    width: int
    """Times the channels and the hidden widths of `small`."""
    blocks: int
    """Residual blocks behind every convolution of an image network."""


SCALES: dict[NetworkSize, Scale] = {
    "small": Scale(1, 0),
    "base": Scale(4, 2),
    "large": Scale(12, 16),
}


def grid_network(
    channels: Sequence[int],
    activation: type[torch.nn.Module],
    *,
    num_inputs: int,
    num_outputs: int,
    scale: Scale,
) -> torch.nn.Module:
    """Pictures (n, num_inputs, side, side) to `scale.width * num_outputs` numbers.

    Convolutions of stride 2, then an 8 x 8 grid instead of one mean: where something is counts.

    Args:
        channels: Of each convolution, for `size=small`.
        activation: Behind each.
        num_inputs: Channels of the pictures.
        num_outputs: Numbers for `size=small`.
        scale: Of the size.
    """
    from torch import nn

    layers: list[nn.Module] = []
    before, after, embedding = num_inputs, num_inputs, scale.width * num_outputs
    for one in channels:
        after = scale.width * one
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), activation()]
        layers += residual_blocks(after, scale.blocks)
        before = after
    layers += [nn.AdaptiveAvgPool2d(8), nn.Flatten(), nn.Linear(64 * after, embedding)]
    return nn.Sequential(*layers, nn.LayerNorm(embedding))


def residual_blocks(channels: int, num: int) -> list[torch.nn.Module]:
    """Blocks that keep shape: two convolutions beside a way past them (He et al. 2016)."""
    from torch import nn

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            last = nn.Conv2d(channels, channels, 3, padding=1)
            self.inner = nn.Sequential(
                nn.GroupNorm(4, channels),
                nn.SiLU(),
                nn.Conv2d(channels, channels, 3, padding=1),
                nn.GroupNorm(4, channels),
                nn.SiLU(),
                last,
            )
            # A block that adds nothing at first: however deep, training starts as a shallow one's.
            nn.init.zeros_(last.weight)
            assert last.bias is not None
            nn.init.zeros_(last.bias)

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = maps + self.inner(maps)
            return found

    return [Residual() for _ in range(num)]
