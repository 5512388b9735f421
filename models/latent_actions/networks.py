"""Networks of a latent action model: where things are, what moved between two frames, what is next.

A frame becomes a few points: each map of a small convolutional network gives the mean of its place
under a softmax (Finn et al. 2016, 1509.06113). Points move by fractions of a pixel, which is what
slow motion in small pictures is made of; and frames are looked at one by one, so that a clip of
frames costs one look at each, however many pairs are made of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotoscope.models.latent_actions.codebook import build_codebook, quantise
from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.training.sizes import SCALES, NetworkSize, Scale, residual_blocks
from rotoscope.models.training.views import for_views

if TYPE_CHECKING:
    import torch

_NUM_POINTS = 32
"""Points of `size=small`; others have so many times their width."""
_SHARPNESS = 2.0
_GAIN = 16.0
"""Points move by a hundredth of the picture between frames; this brings changes to about 1."""
_EMBODIMENT_SIZE = 8


def build_latent_network(
    config: LatentActionConfig, *, num_features: int, num_embodiments: int, num_targets: int
) -> Any:
    """All parts by name.

    Args:
        config: Settings.
        num_features: Numbers that a frozen encoder says about a frame; 0 where it is trained.
        num_embodiments: Sources of video; each has a vector that the forward model sees.
        num_targets: Columns of the tracks whose change latents must tell.
    """
    from torch import nn

    scale = SCALES[config.size]
    hidden = scale.width * config.hidden
    num_maps = config.num_views * scale.width * _NUM_POINTS
    size = 3 * num_maps if config.learns_images else num_features
    parts: dict[str, nn.Module] = {}
    if config.learns_images:
        parts["backbone"] = for_views(lambda: _backbone(scale), config.num_views)
    parts["motion"] = nn.Linear(size, config.latent_size)
    parts["inverse"] = _perceptron(2 * size, hidden, config.latent_size)
    parts["embodiment"] = nn.Embedding(num_embodiments, _EMBODIMENT_SIZE)
    if config.latent == "vq":
        parts["codebook"] = build_codebook(config.latent_size, config.codebook)
    given = config.latent_size + _EMBODIMENT_SIZE
    if config.objective == "lapo":
        parts |= _pixel_forward(given, scale)
    else:
        parts["next"] = _perceptron(size + given, hidden, size)
        parts["standard"] = nn.BatchNorm1d(size, affine=False)
        if config.learns_images:
            made = for_views(lambda: _backbone(scale), config.num_views)
            parts["target"] = made.requires_grad_(False)
            parts["target"].load_state_dict(parts["backbone"].state_dict())
    if num_targets:
        parts["track_delta"] = nn.Linear(config.latent_size, num_targets, bias=False)
        parts["position"] = nn.Linear(size, num_targets)
    return nn.ModuleDict(parts)


def frame_maps(backbone: Any, images: torch.Tensor) -> torch.Tensor:
    """Logarithms of what every map says about where its thing is, (n, map, side, side).

    Each sums to 1 without the logarithm; images are (n, 3, height, size), 0..1. Of several cameras
    the maps of the first come first.
    """
    return _shares(backbone(images - 0.5))


def _shares(maps: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = (_SHARPNESS * maps).flatten(2).log_softmax(-1).view_as(maps)
    return found


def frame_features(backbone: Any, images: torch.Tensor) -> torch.Tensor:
    """Features of frames by way of their maps."""
    return features_of(frame_maps(backbone, images))


def features_of(maps: torch.Tensor) -> torch.Tensor:
    """Points (x, y, each -1..1) and how sure each map is of its place."""
    import torch

    share = maps.exp()
    num = maps.shape[-1]
    side = (2 * torch.arange(num, device=maps.device) + 1) / num - 1
    across, down = share.sum(2) @ side, share.sum(3) @ side
    return torch.cat([across, down, 0.1 * maps.flatten(2).amax(-1)], dim=1)


def point_network(size: NetworkSize = "small", num_views: int = 1) -> torch.nn.Module:
    """An image network alone: pictures, -.5 to .5, to the features of `frame_features`.

    Its first part is the backbone. Features are standardized by what is seen while it learns.
    """
    from torch import nn

    scale = SCALES[size]

    class Points(nn.Module):
        """Maps to where their things are."""

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            return features_of(_shares(maps))

    features = 3 * num_views * scale.width * _NUM_POINTS
    backbone = for_views(lambda: _backbone(scale), num_views)
    return nn.Sequential(backbone, Points(), nn.BatchNorm1d(features, affine=False))


def found_places(features: torch.Tensor, num: int) -> torch.Tensor:
    """Where the first maps found their thing (n, num, 2), -1..1."""
    import torch

    down = features.shape[1] // 3
    return torch.stack([features[:, :num], features[:, down : down + num]], dim=-1)


def infer(module: Any, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """Latents of transitions between frames given by their features; not yet quantised."""
    import torch

    change = _GAIN * (after - before)
    told: torch.Tensor = module["inverse"](torch.cat([after, change], dim=1))
    latents: torch.Tensor = told + module["motion"](change)
    return latents


def latents_of(
    module: Any, before: torch.Tensor, after: torch.Tensor, config: LatentActionConfig
) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents as they are given out, codes where there are any, and the codebook's loss."""
    latents = infer(module, before, after)
    if config.latent == "vq":
        return quantise(module["codebook"], latents, config.codebook)
    return latents, latents.new_zeros(())


def predict_features(
    module: Any, before: torch.Tensor, latents: torch.Tensor, embodiment: torch.Tensor
) -> torch.Tensor:
    """Standardized features of the frame that a latent leads to."""
    import torch

    given = torch.cat([before, latents, module["embodiment"](embodiment)], dim=1)
    found: torch.Tensor = module["next"](given)
    return found


def predict_change(
    module: Any, before: torch.Tensor, latents: torch.Tensor, embodiment: torch.Tensor
) -> torch.Tensor:
    """By how much pixels change; `before` are images (n, 3, height, s), 0..1."""
    import torch

    given = torch.cat([latents, module["embodiment"](embodiment)], dim=1)
    fine = module["look_fine"](before - 0.5)
    coarse = module["look_coarse"](fine)
    # Every place is told what was done, and answers for itself: scale and shift of its channels.
    scale, shift = module["told"](given)[:, :, None, None].chunk(2, dim=1)
    coarse = module["mix"](coarse * (1 + scale) + shift)
    coarse = torch.nn.functional.interpolate(coarse, scale_factor=2.0)
    change: torch.Tensor = module["draw"](torch.cat([coarse, fine], dim=1))
    return change


def _backbone(scale: Scale) -> torch.nn.Module:
    """Maps of a quarter of the picture's side; normalized, which halves the steps it takes."""
    from torch import nn

    layers: list[nn.Module] = []
    before, width = 3, scale.width
    for channels, side, stride in ((16, 5, 2), (32, 3, 2), (32, 3, 1)):
        after = width * channels
        layers += [
            nn.Conv2d(before, after, side, stride=stride, padding=side // 2),
            *(nn.GroupNorm(4, after), nn.SiLU()),
            *residual_blocks(after, scale.blocks),
        ]
        before = after
    return nn.Sequential(*layers, nn.Conv2d(before, width * _NUM_POINTS, 3, padding=1))


def _perceptron(num_inputs: int, hidden: int, num_outputs: int) -> torch.nn.Module:
    from torch import nn

    return nn.Sequential(nn.Linear(num_inputs, hidden), nn.SiLU(), nn.Linear(hidden, num_outputs))


def _pixel_forward(num_given: int, scale: Scale) -> dict[str, torch.nn.Module]:
    from torch import nn

    fine, mixed, coarse = (scale.width * channels for channels in (16, 32, 48))
    return {
        "look_fine": nn.Sequential(nn.Conv2d(3, fine, 4, stride=4), nn.SiLU()),
        "look_coarse": nn.Sequential(nn.Conv2d(fine, coarse, 3, stride=2, padding=1), nn.SiLU()),
        "told": nn.Linear(num_given, 2 * coarse),
        "mix": nn.Sequential(nn.SiLU(), nn.Conv2d(coarse, mixed, 3, padding=1), nn.SiLU()),
        "draw": nn.Sequential(
            *(nn.Conv2d(mixed + fine, 48, 3, padding=1), nn.SiLU()),
            *(nn.Conv2d(48, 48, 1), nn.PixelShuffle(4)),
        ),
    }
