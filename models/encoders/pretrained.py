"""Pretrained image networks: what they say about a picture, one row of numbers each.

They stay as they are and see a picture alone; other encoders also see the one before it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.checkpoints.device import Device, torch_device
from rotoscope.pipeline.assets.digest import sha256_of
from rotoscope.pipeline.errors import AssetError, UsageError
from rotoscope.pipeline.packages import version_of

if TYPE_CHECKING:
    import torch

Embed = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""RGB pictures (frame, size, size, 3), uint8, and for each the one before it, to (frame, n)."""
SMALL_NETWORK = "cnn"
"""Name of the image network that is trained together with the rest."""
COMPONENTS = "pca"
"""Name of the encoder that holds principal components of the training pictures."""
PRETRAINED = ("torchvision:NAME", "torchvision:NAME@WEIGHTS.pth", "transformers:NAME_OR_FOLDER")
"""How a pretrained network is named."""
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet mean and standard deviation, which pretrained networks expect to be taken out."""
_BATCH = 32
_SOURCES = ("torchvision", "transformers")


def is_pretrained(name: str) -> bool:
    """Whether a name is that of a pretrained network; not whether there is such a one."""
    source, _, network = name.partition(":")
    return source in _SOURCES and bool(network)


def require_pretrained(name: str) -> None:
    """Refuses networks that are known not to be there; a hub's are not asked for.

    Raises:
        UsageError: torchvision has no such network.
        AssetError: Named weights are not there.
    """
    pretrained_token(name)
    source, _, network = name.partition(":")
    if source == "torchvision":
        from torchvision import models as networks

        network = network.partition("@")[0]
        if network not in networks.list_models(module=networks):
            raise UsageError(f"unknown encoder 'torchvision:{network}'; see torchvision.models")


def pretrained_token(name: str) -> str:
    """What decides what a network says: its weights, wherever they lie, and who runs them.

    A network of the hub stands for itself by its name.

    Raises:
        AssetError: Named weights are not there.
    """
    source, _, network = name.partition(":")
    if source == "torchvision" and "@" in network:
        network, _, weights = network.partition("@")
        if not Path(weights).is_file():
            raise AssetError(f"the weights {weights} of encoder {name!r} are not there")
        network += "@" + sha256_of(Path(weights))
    elif source == "transformers" and Path(network).is_dir():
        network = sha256_of(Path(network))
    return f"{source}=={version_of(source)} {network}"


def open_pretrained(name: str, device: Device = "auto") -> Embed:
    """A pretrained network, ready to be asked.

    Args:
        name: One of `PRETRAINED`.
        device: Where it looks.

    Raises:
        UsageError: No such network, or no such device.
        AssetError: Its weights cannot be had.
    """
    require_pretrained(name)
    where = torch_device(device)
    source, _, network = name.partition(":")
    module, run = _torchvision(network) if source == "torchvision" else _transformers(network)
    module.to(where).eval()

    def embed(
        images: UInt8[np.ndarray, "frame size size 3"],
        before: UInt8[np.ndarray, "frame size size 3"],
    ) -> Float[np.ndarray, "frame n"]:
        import torch

        out = []
        mean, std = (torch.tensor(v, device=where) for v in (_MEAN, _STD))
        with torch.inference_mode():
            for start in range(0, len(images), _BATCH):
                # A copy: pictures may come from a memory map that torch must not write to.
                part = torch.tensor(images[start : start + _BATCH]).to(where)
                pixels = (part.float() / 255 - mean) / std
                out.append(run(pixels.movedim(-1, 1)).cpu().numpy())
        return np.concatenate(out)

    return embed


def _torchvision(network: str) -> tuple[Any, Callable[[torch.Tensor], torch.Tensor]]:
    import torch
    from torchvision import models as networks

    name, at, path = network.partition("@")
    try:
        module = networks.get_model(name, weights=None if at else "DEFAULT")
        if at:
            module.load_state_dict(torch.load(Path(path), map_location="cpu", weights_only=True))
    except (OSError, RuntimeError) as error:
        raise AssetError(
            f"the weights of encoder 'torchvision:{network}' cannot be had: {error}; name a local "
            "file with torchvision:NAME@WEIGHTS.pth"
        ) from error
    # Everything but the last layer, which names classes.
    last = next(n for n in ("fc", "classifier", "heads", "head") if hasattr(module, n))
    setattr(module, last, torch.nn.Identity())
    return module, lambda pixels: module(pixels).flatten(1)


def _transformers(network: str) -> tuple[Any, Callable[[torch.Tensor], torch.Tensor]]:
    from transformers import AutoModel

    try:
        module = AutoModel.from_pretrained(network)
    except (OSError, ValueError) as error:
        raise AssetError(
            f"encoder 'transformers:{network}' cannot be had: {str(error).splitlines()[0]}; name a "
            "local folder or a model of the hub"
        ) from error

    def run(pixels: torch.Tensor) -> torch.Tensor:
        # A mean over patches (or over a grid) says where things are better than a class token.
        state: torch.Tensor = module(pixel_values=pixels).last_hidden_state
        return state.mean(1) if state.ndim == 3 else state.mean((2, 3))

    return module, run
