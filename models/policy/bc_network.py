"""The built-in policy's network: a perceptron, with a small image network in front where asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jaxtyping import Float, UInt8

from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.shares import num_in_all
from rotoscope.models.training.sizes import SCALES, NetworkSize, grid_network
from rotoscope.models.training.views import squares_of

if TYPE_CHECKING:
    import torch

_EMBEDDING_SIZE = 128
_SMALLEST_PX = 16


def build_policy(
    *,
    num_inputs: int,
    encoder: torch.nn.Module | None,
    hidden: Sequence[int],
    num_outputs: int,
    size: NetworkSize = "small",
    ends_in_tanh: bool = False,
    num_views: int = 1,
) -> torch.nn.Module:
    """`head` (perceptron) and, for pictures, `encoder` (3 channels, -.5 to .5, to numbers).

    Pictures of `num_views` cameras stand below each other.
    """
    import torch
    from torch import nn

    scale = SCALES[size]
    parts: dict[str, nn.Module] = {}
    if encoder is not None:
        parts["encoder"] = encoder
        with torch.no_grad():
            shown = encoder.eval()(torch.zeros(1, 3, num_views * _SMALLEST_PX, _SMALLEST_PX))
        encoder.train()
        num_inputs += shown.shape[1]
    layers: list[nn.Module] = []
    for width in (scale.width * one for one in hidden):
        layers += [nn.Linear(num_inputs, width), nn.ReLU()]
        num_inputs = width
    layers.append(nn.Linear(num_inputs, num_outputs))
    if ends_in_tanh:
        layers.append(nn.Tanh())
    parts["head"] = nn.Sequential(*layers)
    return nn.ModuleDict(parts)


def image_network(size: NetworkSize = "small") -> torch.nn.Module:
    """One to be learned with the policy: where things are, in 128 numbers, or more."""
    from torch import nn

    return grid_network(
        (32, 48, 64), nn.ReLU, num_inputs=3, num_outputs=_EMBEDDING_SIZE, scale=SCALES[size]
    )


def run_policy(
    module: Any, inputs: torch.Tensor, images: torch.Tensor | None, *, chunk: int
) -> Float[torch.Tensor, "row chunk encoded"]:
    """Standardized encoded actions; logits for choices. `images`: (row, height, size, 3), uint8."""
    import torch

    if images is not None:
        inputs = torch.cat([inputs, seen_in(module, images)], dim=1)
    out: torch.Tensor = module["head"](inputs)
    return out.reshape(len(out), chunk, -1)


def seen_in(
    module: Any, images: UInt8[torch.Tensor, "row height size 3"]
) -> Float[torch.Tensor, "row number"]:
    """What the image network says about pictures."""
    found: torch.Tensor = module["encoder"](images.float().movedim(-1, -3) / 255 - 0.5)
    return found


def shifted(
    images: UInt8[torch.Tensor, "row height size 3"], shift_px: int
) -> UInt8[torch.Tensor, "row height size 3"]:
    """Pictures moved at random by up to `shift_px`, edges repeated (DrQ, 2004.13649).

    Those of several cameras are moved alike.
    """
    import torch

    if shift_px == 0:
        return images
    rows, size = len(images), images.shape[2]
    moves = torch.randint(-shift_px, shift_px + 1, (2, rows, 1)).to(images.device)
    places = torch.arange(size, device=images.device)
    down, across = (places + moves).clamp(0, size - 1)
    row = torch.arange(rows, device=images.device)[:, None, None]
    squares = squares_of(images, dim=1)
    return torch.cat([s[row, down[:, :, None], across[:, None, :]] for s in squares], dim=1)


def policy_loss(
    out: Float[torch.Tensor, "row chunk encoded"],
    target: Float[torch.Tensor, "row chunk encoded"],
    weights: Float[torch.Tensor, "row chunk"],
    space: ActionSpace,
) -> torch.Tensor:
    """Weighted squared error, cross-entropy for choices; weights that are 1 give a plain mean."""
    import torch

    is_number = torch.ones(space.num_encoded, device=out.device)
    error = torch.zeros_like(weights)
    for block in space.blocks:
        if block.kind == "discrete":
            is_number[block.encoded] = 0
            log_share = torch.log_softmax(out[..., block.encoded], dim=-1)
            error = error - (log_share * target[..., block.encoded]).sum(-1)
    squared = ((out - target) ** 2 * is_number).sum(-1) / is_number.sum().clamp(min=1)
    return ((error + squared) * weights).sum() / num_in_all((weights > 0).sum())
