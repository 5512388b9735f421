"""Actions of an episode as latent variables: what world models that stay as they are make of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.scaling import Scaling
from rotoscope.models.world_models.dynamics_network import Dynamics

if TYPE_CHECKING:
    import torch

_STEP = 0.2
"""Step size of Adam at the start, in spreads of the actions; falls along a line to a tenth."""
_NUM_PROBES = 8
"""Random directions in which the curvature is measured."""
_EDGE = 8.0
"""Changes further from 0 than this many times their usual size are held there."""


class Evidence:
    """What one world model says of one episode."""

    def __init__(
        self,
        dynamics: Dynamics,
        module: Any,
        seen: Float[np.ndarray, "time feature"],
        change: Float[np.ndarray, "time offset feature"],
        tells: Bool[np.ndarray, "time offset"],
        scales: dict[str, np.ndarray],
    ) -> None:
        """Standardizes the episode.

        Args:
            dynamics: Its sizes.
            module: Its networks.
            seen: What is seen.
            change: How that changes until each moment ahead.
            tells: Where both are known.
            scales: What numbers are divided by, and its own errors.
        """
        import torch

        own = {k: v for k, v in scales.items() if k not in ("later_scale", "error")}
        self.dynamics, self.module, self.scaling = dynamics, module, Scaling(**own)
        place = next(module.parameters()).device

        def tensor(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.nan_to_num(values).astype(np.float32)).to(place)

        scaled = np.clip(change / scales["later_scale"], -_EDGE, _EDGE)
        self.seen, self.change = tensor(self.scaling.inputs(seen)), tensor(scaled)
        # Moments share what they tell: together they count as one.
        weight = tells[..., None] / np.maximum(tells.sum(axis=1), 1)[:, None, None]
        self.sharpness = tensor(np.sqrt(weight) / scales["error"])

    def residuals(self, actions: torch.Tensor) -> torch.Tensor:
        """How far what is seen is from what is expected, in errors of the model.

        Args:
            actions: What is done in each row, encoded (time, encoded).
        """
        import torch

        last = self.dynamics.offsets[-1]
        scale, mean = (
            torch.from_numpy(v.astype(np.float32)).to(actions.device)
            for v in (self.scaling.encoded_scale, self.scaling.encoded_mean)
        )
        scaled = (actions - mean) / scale
        padded = torch.cat([scaled, scaled.new_zeros(last - 1, scaled.shape[1])])
        windows = padded.unfold(0, last, 1).movedim(-1, 1)
        expected = self.dynamics.ask(self.module, self.seen, windows)
        found: torch.Tensor = (expected - self.change) * self.sharpness
        return found


def most_likely(
    models: Sequence[Evidence], space: ActionSpace, *, prior: float, num_steps: int
) -> tuple[Float[np.ndarray, "time encoded"], Float[np.ndarray, "time encoded"]]:
    """Encoded actions that make an episode likeliest, and how far off they may be (variance).

    The mean over models of log N(seen; expected, error), plus `prior` log N(action; usual): maximum
    a posteriori, by Adam; variances are Laplace's, the curvature's diagonal by random signs
    (Hutchinson 1990).

    Args:
        models: What each world model says.
        space: Of the actions.
        prior: Weight of usual actions.
        num_steps: Steps of the search.
    """
    import torch

    place = models[0].seen.device
    scale, mean = (
        torch.from_numpy(np.mean([getattr(m.scaling, n) for m in models], axis=0)).float().to(place)
        for n in ("encoded_scale", "encoded_mean")
    )
    latent = torch.zeros(len(models[0].seen), space.num_encoded, device=place, requires_grad=True)
    optimizer = torch.optim.Adam([latent], lr=_STEP)
    for step in range(num_steps):
        optimizer.param_groups[0]["lr"] = _STEP * (1 - 0.9 * step / num_steps)
        actions = _actions(latent, scale, mean, space)
        seen = torch.stack([(m.residuals(actions) ** 2).sum() for m in models]).mean()
        optimizer.zero_grad()
        (0.5 * (seen + prior * (latent**2).sum())).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    curvature = torch.full_like(latent, prior)
    random = torch.Generator().manual_seed(0)
    for _ in range(_NUM_PROBES):
        for model in models:
            found = model.residuals(_actions(latent, scale, mean, space))
            signs = torch.randint(0, 2, found.shape, generator=random).to(found) * 2 - 1
            (slope,) = torch.autograd.grad((found * signs).sum(), latent)
            curvature += slope**2 / (_NUM_PROBES * len(models))
    both = _actions(latent, scale, mean, space).detach(), (scale**2 / curvature).detach()
    encoded, variance = (part.cpu().numpy().astype(float) for part in both)
    return encoded, variance


def _actions(
    latent: torch.Tensor, scale: torch.Tensor, mean: torch.Tensor, space: ActionSpace
) -> torch.Tensor:
    """Encoded actions: numbers around their mean, choices as probabilities."""
    import torch

    parts = []
    for block in space.blocks:
        part = latent[:, block.encoded]
        if block.kind == "discrete":
            parts.append(torch.softmax(part, dim=1))
        else:
            parts.append(part * scale[block.encoded] + mean[block.encoded])
    return torch.cat(parts, dim=1)
