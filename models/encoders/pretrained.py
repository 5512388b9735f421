"""Pretrained image networks: what they say about a picture, one row of numbers each.

They stay as they are and see a picture alone; other encoders also see the one before it. Of several
cameras one network sees each, and what it says stands side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8

from rotoscope.models.checkpoints.device import Device, torch_device
from rotoscope.models.training.views import squares_of
from rotoscope.pipeline.assets.digest import sha256_of
from rotoscope.pipeline.errors import AssetError, UsageError
from rotoscope.pipeline.packages import version_of

if TYPE_CHECKING:
    import torch

Embed = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""RGB pictures (frame, height, size, 3), uint8, and for each the one before it, to (frame, n)."""
SMALL_NETWORK = "cnn"
"""Name of the image network that is trained together with the rest."""
COMPONENTS = "pca"
"""Name of the encoder that holds principal components of the training pictures."""
FLOW = "flow"
"""Name of the one that holds those of the motion in them."""
PRETRAINED = ("torchvision:NAME", "torchvision:NAME@WEIGHTS.pth", "transformers:NAME_OR_FOLDER")
"""How a pretrained network is named. With `#N` behind it, it says what is in each of N x N parts of
the picture instead of what is in all of it: where things are is kept (`transformers:DINO#4`)."""
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet mean and standard deviation, which pretrained networks expect to be taken out."""
_BATCH = 32
_SOURCES = ("torchvision", "transformers")
_MOST_PARTS = 16
_LOOK = 2
"""Changes with what a network of `transformers` is given."""


def is_pretrained(name: str) -> bool:
    """Whether a name is that of a pretrained network; not whether there is such a one."""
    source, _, network = name.partition(":")
    return source in _SOURCES and bool(network)


@dataclass(frozen=True)
class _Named:
    """A name taken apart."""

    source: str
    network: str
    """Without `#N`."""
    parts: int
    """Parts of a side; 0 where all of the picture is one."""

    @classmethod
    def of(cls, name: str) -> _Named:
        source, _, network = name.partition(":")
        whole, mark, parts = network.rpartition("#")
        if not mark:
            return cls(source, network, 0)
        if not parts.isdecimal() or not 1 <= int(parts) <= _MOST_PARTS:
            raise UsageError(
                f"encoder {name!r}: {parts!r} parts of a side; a number from 1 to {_MOST_PARTS} "
                "is needed behind '#'"
            )
        return cls(source, whole, int(parts))


def require_pretrained(name: str) -> None:
    """Refuses networks that are known not to be there; a hub's are not asked for.

    Raises:
        UsageError: torchvision has no such network, or a number of parts out of range.
        AssetError: Named weights are not there.
    """
    pretrained_token(name)
    named = _Named.of(name)
    if named.source == "torchvision":
        from torchvision import models as networks

        network = named.network.partition("@")[0]
        if network not in networks.list_models(module=networks):
            raise UsageError(f"unknown encoder 'torchvision:{network}'; see torchvision.models")


def pretrained_token(name: str) -> str:
    """What decides what a network says: its weights, wherever they lie, and who runs them.

    A network of the hub stands for itself by its name.

    Raises:
        UsageError: A number of parts out of range.
        AssetError: Named weights are not there.
    """
    named = _Named.of(name)
    source, network = named.source, named.network
    if source == "torchvision" and "@" in network:
        network, _, weights = network.partition("@")
        if not Path(weights).is_file():
            raise AssetError(f"the weights {weights} of encoder {name!r} are not there")
        network += "@" + sha256_of(Path(weights))
    elif source == "transformers" and Path(network).is_dir():
        network = f"{sha256_of(Path(network))} look {_LOOK}"
    parts = f" #{named.parts}" if named.parts else ""
    return f"{source}=={version_of(source)} {network}{parts}"


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
    named = _Named.of(name)
    opened = (_torchvision if named.source == "torchvision" else _transformers)(named)
    opened.module.to(where).eval()

    def embed(
        images: UInt8[np.ndarray, "frame height size 3"],
        before: UInt8[np.ndarray, "frame height size 3"],
    ) -> Float[np.ndarray, "frame n"]:
        import torch

        out = []
        mean, std = (torch.tensor(v, device=where) for v in (opened.mean, opened.std))
        with torch.inference_mode():
            for start in range(0, len(images), _BATCH):
                # A copy: pictures may come from a memory map that torch must not write to.
                part = torch.tensor(images[start : start + _BATCH]).to(where)
                pixels = ((part.float() / 255 - mean) / std).movedim(-1, 1)
                told = [opened.run(square) for square in squares_of(pixels)]
                out.append(torch.cat(told, dim=1).float().cpu().numpy())
        return np.concatenate(out)

    return embed


@dataclass(frozen=True)
class _Opened:
    """A network and how it is asked."""

    module: Any
    run: Callable[[torch.Tensor], torch.Tensor]
    """Standardized pictures (n, 3, height, width) to (n, numbers)."""
    mean: tuple[float, ...] = _MEAN
    std: tuple[float, ...] = _STD


def _torchvision(named: _Named) -> _Opened:
    import torch
    from torchvision import models as networks

    network = named.network
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
    if not named.parts:
        return _Opened(module, lambda pixels: module(pixels).flatten(1))
    if not hasattr(module, "avgpool"):
        raise UsageError(
            f"encoder 'torchvision:{network}' has no map of the picture to take parts of: leave "
            f"'#{named.parts}' away, or name a convolutional network such as torchvision:resnet18"
        )
    maps: list[torch.Tensor] = []
    module.avgpool.register_forward_pre_hook(lambda _, given: maps.append(given[0]))

    def run(pixels: torch.Tensor) -> torch.Tensor:
        module(pixels)
        return _parts(maps.pop(), named.parts)

    return _Opened(module, run)


def _transformers(named: _Named) -> _Opened:
    from transformers import AutoImageProcessor, AutoModel

    network = named.network
    try:
        module = AutoModel.from_pretrained(network)
    except (OSError, ValueError) as error:
        raise AssetError(
            f"encoder 'transformers:{network}' cannot be had: {str(error).splitlines()[0]}; name a "
            "local folder or a model of the hub"
        ) from error
    # Of those that read text as well (SigLIP, CLIP), what sees.
    module = getattr(module, "vision_model", module)
    try:
        processor = AutoImageProcessor.from_pretrained(network)  # type: ignore[no-untyped-call]
        mean, std = tuple(processor.image_mean), tuple(processor.image_std)
    except (OSError, ValueError, AttributeError, TypeError):
        mean, std = _MEAN, _STD
    sees_video = getattr(module, "main_input_name", "") == "pixel_values_videos"

    def run(pixels: torch.Tensor) -> torch.Tensor:
        if sees_video:
            # A picture that stands still for as long as one token lasts (V-JEPA 2).
            frames = int(module.config.tubelet_size)
            told = module(pixel_values_videos=pixels[:, None].expand(-1, frames, -1, -1, -1))
        else:
            told = module(pixel_values=pixels)
        state: torch.Tensor = told.last_hidden_state
        if named.parts:
            return _parts(_map_of(state, pixels, module), named.parts)
        # A mean over patches (or over a grid) says where things are better than a class token.
        return state.mean(1) if state.ndim == 3 else state.mean((2, 3))

    return _Opened(module, run, mean, std)


def _map_of(state: torch.Tensor, pixels: torch.Tensor, module: Any) -> torch.Tensor:
    """Patch tokens where they belong, (n, channel, row, column); those of no place are left out.

    Raises:
        UsageError: There are fewer tokens than patches.
    """
    if state.ndim == 4:
        return state
    patch = module.config.patch_size
    height, width = (int(patch), int(patch)) if isinstance(patch, int) else map(int, patch)
    rows, columns = pixels.shape[-2] // height, pixels.shape[-1] // width
    if rows * columns > state.shape[1]:
        raise UsageError(
            f"the encoder gives {state.shape[1]} tokens of a picture of {rows} x {columns} "
            "patches: leave '#N' away"
        )
    # Class and register tokens stand before the patches.
    tokens = state[:, state.shape[1] - rows * columns :]
    return tokens.movedim(1, -1).reshape(len(state), -1, rows, columns)


def _parts(maps: torch.Tensor, parts: int) -> torch.Tensor:
    """Means of the parts of maps, (n, part * channel), row by row."""
    from torch.nn.functional import adaptive_avg_pool2d

    return adaptive_avg_pool2d(maps, parts).flatten(2).movedim(1, -1).flatten(1)
