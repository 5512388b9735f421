"""Weights that somebody trained for a policy's image network: from this machine or not at all."""

from __future__ import annotations

from pathlib import Path

from rotoscope.pipeline.errors import UsageError
from rotoscope.pipeline.quoting import shown


def check_weights(name: str | None) -> None:
    """Checks that pretrained weights are on this machine: nothing is downloaded.

    Args:
        name: As torchvision calls them; `None` for a network that learns from the beginning.

    Raises:
        UsageError: torchvision knows no such weights, or they are not here.
    """
    if name is None:
        return
    import torch
    import torchvision

    try:
        url = torchvision.models.get_weight(name).url
    except (ValueError, KeyError, AttributeError) as error:
        raise UsageError(
            f"torchvision knows no weights {shown(name)}; write them as "
            "policy.pretrained_backbone_weights=ResNet18_Weights.IMAGENET1K_V1"
        ) from error
    file = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not file.is_file():
        raise UsageError(
            f"the weights {name} are not on this machine: put torchvision's file {file.name} into "
            f"{file.parent} (TORCH_HOME names another folder), or leave "
            "policy.pretrained_backbone_weights out: the network then learns from the beginning"
        )
