"""What latent action models are trained to do with a batch of clips of video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rotoscope.models.latent_actions.config import LatentActionConfig
from rotoscope.models.latent_actions.networks import (
    features_of,
    found_places,
    frame_features,
    frame_maps,
    latents_of,
    predict_change,
    predict_features,
)
from rotoscope.models.training.focus import exchanged
from rotoscope.models.training.shares import num_in_all
from rotoscope.models.training.views import squares_of

if TYPE_CHECKING:
    import torch

_POSITION_WEIGHT = 0.5
OUTLIER_STEPS = 10.0
"""Changes beyond this many usual ones are taken for a tracker that jumped."""
HEATMAP_SIGMA = 0.05
"""1-sigma of where a map may say that a point is, as a share of the picture."""
_ROUNDING = 1e-6
"""Mean square of a change of pixels (0..1) that is nothing but compression."""


@dataclass(frozen=True, eq=False)
class VideoTensors:
    """The frames of some clips as tensors on one device; clips point into them."""

    images: torch.Tensor | None
    """Frames (frame, height, size, 3), uint8; `None` where nobody looks at them."""
    features: torch.Tensor | None
    """What a frozen encoder says about each; `None` where the encoder is trained."""
    targets: torch.Tensor
    """Standardized tracks (frame, target); NaN where unknown."""
    target_step: torch.Tensor
    """How far a target usually changes over one gap, in units of its standardized value."""
    points: torch.Tensor
    """Image points (frame, point, 2), shares of width and height; NaN where unknown."""
    point_step: torch.Tensor
    """How far a point usually moves over one gap (point, 2), in the same shares."""
    embodiment: torch.Tensor
    """Source of each frame."""
    near: torch.Tensor | None = None
    """How much each pixel belongs to tracked things (frame, height, size), 0..255; `None` where
    backgrounds stay."""


@dataclass(frozen=True, eq=False)
class Losses:
    """What a batch gave."""

    total: torch.Tensor
    """What is minimized."""
    forward: torch.Tensor
    """Error of the forward model as a share of that of predicting nothing."""
    latents: torch.Tensor
    """Latents of the batch (row, number)."""


def clip_losses(
    module: Any,
    data: VideoTensors,
    frames: torch.Tensor,
    config: LatentActionConfig,
    *,
    gaps: int,
    permutation: torch.Tensor | None = None,
) -> Losses:
    """Losses of all pairs of frames of some clips that are `gaps` steps apart.

    Args:
        module: The network; in training mode pictures are augmented and slow copies follow.
        data: Videos.
        frames: Clips (row, frame), indices into `data`.
        config: Settings.
        gaps: How many frames of a clip lie between the two of a pair.
        permutation: Order in which the forward model gets the latents; each its own if absent.
    """
    images, moved = _pictures(module, data, frames, config)
    maps = None
    if data.features is None:
        maps = frame_maps(module["backbone"], images.flatten(0, 1))
        features = features_of(maps)
    else:
        features = data.features[frames].flatten(0, 1)
    pairs = _Pairs(frames, gaps)
    before, after = pairs.of(features)
    latents, total = latents_of(module, before, after, config)
    permuted = latents if permutation is None else latents[permutation]
    embodiment = data.embodiment[pairs.first]
    if config.objective == "lapo":
        points = data.points[pairs.last] + pairs.per_pair(moved)[:, None]
        forward = _pixel_error(module, points, images, pairs, permuted, embodiment, config)
    else:
        wanted = _wanted_features(module, images, features, pairs, config)
        found = predict_features(module, before, permuted, embodiment)
        forward = (found - wanted).pow(2).mean()
        if config.objective == "dynamo":
            total = total + config.covariance_weight * _correlation(features)
    if "track_delta" in module and config.tracks.weight:
        taught = _track_loss(module, data, pairs, features, latents)
        total = total + config.tracks.weight * taught
    if maps is not None and config.tracks.points:
        points = data.points[pairs.all] + pairs.per_frame(moved)[:, None]
        found = find_points(maps, points)
        steps = _point_steps(features, points, data.point_step, pairs)
        total = total + config.tracks.weight * (found + steps)
    return Losses(total + forward, forward, latents)


class _Pairs:
    """Frames of clips, paired up."""

    def __init__(self, frames: torch.Tensor, gaps: int) -> None:
        self.shape, self.gaps = frames.shape, gaps
        self.all = frames.flatten()
        self.first = frames[:, :-gaps].flatten()
        self.last = frames[:, gaps:].flatten()

    def per_pair(self, values: torch.Tensor) -> torch.Tensor:
        """Values given for each clip, for each of its pairs."""
        return values.repeat_interleave(self.shape[1] - self.gaps, dim=0)

    def per_frame(self, values: torch.Tensor) -> torch.Tensor:
        """Values given for each clip, for each of its frames."""
        return values.repeat_interleave(self.shape[1], dim=0)

    def of(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The first and the last of each pair, of values given for all frames."""
        clips = values.view(*self.shape, *values.shape[1:])
        return clips[:, : -self.gaps].flatten(0, 1), clips[:, self.gaps :].flatten(0, 1)


def _pictures(
    module: Any, data: VideoTensors, frames: torch.Tensor, config: LatentActionConfig
) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (row, frame, 3, height, size), 0..1, and by which share of them each row was moved.

    In training each row is moved, brightened and put before another background by its own, all
    of its frames alike. No pixels
    where neither backbone nor forward model looks.
    """
    import torch

    still = torch.zeros(len(frames), 2, device=frames.device)
    if data.features is not None and config.objective != "lapo":
        return data.targets.new_zeros((*frames.shape, 0)), still
    assert data.images is not None
    pictures = data.images[frames]
    if data.near is not None and module.training:
        pictures = exchanged(pictures, data.near[frames], share=config.exchange)
    images = pictures.movedim(-1, 2).float() / 255
    if not module.training or data.features is not None:
        return images, still
    if config.brightness:
        change = 2 * torch.rand(len(frames), 1, 1, 1, 1) - 1
        images = images * (1 + config.brightness * change.to(images.device))
    return _moved(images, config.shift_px) if config.shift_px else (images, still)


def _moved(images: torch.Tensor, reach_px: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of images moved at random, edges repeated, and by which share, across and down.

    The pictures of all cameras are moved alike.
    """
    import torch

    rows, size = images.shape[0], images.shape[-1]
    moves = torch.randint(-reach_px, reach_px + 1, (2, rows, 1)).to(images.device)
    across, down = (torch.arange(size, device=images.device) + moves).clamp(0, size - 1)
    row = torch.arange(rows, device=images.device)[:, None, None]
    seen = [
        square[row, :, :, down[:, :, None], across[:, None, :]].movedim((3, 4), (1, 2))
        for square in squares_of(images)
    ]
    return torch.cat(seen, dim=-2), -moves[..., 0].T / size


def _wanted_features(
    module: Any,
    images: torch.Tensor,
    features: torch.Tensor,
    pairs: _Pairs,
    config: LatentActionConfig,
) -> torch.Tensor:
    """Standardized features of the last frames, by a copy of the encoder that follows slowly.

    Standardized, and by a copy that no gradient reaches: features that all fall together, which
    would be easiest to predict, gain nothing.
    """
    import torch

    with torch.no_grad():
        if "target" in module:
            if module.training:
                _follow(module["target"], module["backbone"], config.target_decay)
            features = frame_features(module["target"], images.flatten(0, 1))
        standard: torch.Tensor = module["standard"](features.detach())
        return pairs.of(standard)[1]


def _follow(target: Any, backbone: Any, decay: float) -> None:
    for kept, own in zip(target.parameters(), backbone.parameters(), strict=True):
        kept.lerp_(own, 1 - decay)


def _correlation(features: torch.Tensor) -> torch.Tensor:
    """Squared correlations between features: DynaMo's covariances, whatever the features' scale."""
    import torch

    # Off-diagonal entries alone, as VICReg's covariance term (Bardes et al. 2022, equation 4).
    spread = features.std(0).clamp(min=1e-6)
    centered = (features - features.mean(0)) / spread
    correlation = centered.T @ centered / len(centered)
    return (correlation - torch.diag(correlation.diagonal())).pow(2).sum() / len(correlation)


def _pixel_error(
    module: Any,
    points: torch.Tensor,
    images: torch.Tensor,
    pairs: _Pairs,
    latents: torch.Tensor,
    embodiment: torch.Tensor,
    config: LatentActionConfig,
) -> torch.Tensor:
    import torch

    before, after = pairs.of(images.flatten(0, 1))
    change = after - before
    error = (predict_change(module, before, latents, embodiment) - change).pow(2)
    if config.tracks.points:
        near = focus_map(points, images.shape[-1], config)[:, None]
        # What other cameras see counts as what is far from all points.
        weight = torch.cat([near, *[torch.ones_like(near)] * (config.num_views - 1)], dim=-2)
        error, change = error * weight, change * weight.sqrt()
    # A share of the error of predicting no change, so that still and lively videos weigh alike.
    return error.mean() / (change.pow(2).mean() + _ROUNDING)


def focus_map(points: torch.Tensor, size: int, config: LatentActionConfig) -> torch.Tensor:
    """Weight of every pixel (row, size, size): 1, and more near points that are known."""
    import torch

    near = torch.exp(_bumps(points, size, config.tracks.focus_radius))
    known = points.isfinite().all(-1)[..., None, None]
    return 1 + config.tracks.focus_weight * (near * known).amax(1)


def find_points(maps: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """How far the first maps are from saying where the points are (Kullback-Leibler).

    A point's map should be a normal density of `HEATMAP_SIGMA` around it, in cells as fine as the
    map's; that teaches a network to find it much sooner than the distance of the map's mean would.
    """
    known = points.isfinite().all(-1)
    target = _bumps(points, maps.shape[-1], HEATMAP_SIGMA).flatten(2).log_softmax(-1)
    found = maps[:, : points.shape[1]].flatten(2)
    divergence = (target.exp() * (target - found)).sum(-1) * known
    return divergence.sum() / num_in_all(known.sum())


def _bumps(points: torch.Tensor, size: int, sigma: float) -> torch.Tensor:
    """Logarithms of normal densities around points (row, point, size, size), 0 at their top."""
    import torch

    grid = (torch.arange(size, device=points.device) + 0.5) / size
    off = (points.nan_to_num(0.0)[..., None] - grid) / sigma
    return -0.5 * (off[..., 1, :, None] ** 2 + off[..., 0, None, :] ** 2)


def _track_loss(
    module: Any,
    data: VideoTensors,
    pairs: _Pairs,
    features: torch.Tensor,
    latents: torch.Tensor,
) -> torch.Tensor:
    """Latents tell how tracks change, features where they are; unknown numbers cost nothing."""
    change = (data.targets[pairs.last] - data.targets[pairs.first]) / data.target_step
    moved = _step_error(module["track_delta"](latents), change, pairs.gaps)
    there = _known_error(module["position"](features), data.targets[pairs.all])
    return moved + _POSITION_WEIGHT * there


def _point_steps(
    features: torch.Tensor, points: torch.Tensor, point_step: torch.Tensor, pairs: _Pairs
) -> torch.Tensor:
    """How well the places that maps find move along with their points."""
    places = 0.5 + 0.5 * found_places(features, points.shape[1])
    (first, last), (was, now) = pairs.of(places), pairs.of(points)
    return _step_error((last - first) / point_step, (now - was) / point_step, pairs.gaps)


def _step_error(found: torch.Tensor, wanted: torch.Tensor, gaps: int) -> torch.Tensor:
    """Error of changes in usual ones; what is far beyond those is a tracker that jumped."""
    import torch

    believed = torch.where(wanted.abs() <= OUTLIER_STEPS * gaps, wanted, torch.nan)
    return _known_error(found / gaps, believed / gaps)


def _known_error(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Squared where small and linear beyond: trackers err seldom, but then by a lot."""
    import torch

    known = wanted.isfinite()
    error = torch.nn.functional.smooth_l1_loss(found, wanted.nan_to_num(0.0), reduction="none")
    return 2 * (error * known).sum() / num_in_all(known.sum())
