"""Actions of an episode as latent variables: what world models that stay as they are make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.world_models.dynamics_network import Dynamics

if TYPE_CHECKING:
    import torch

_STEP = 0.3
"""Step size of Adam at the start, in spreads of the actions; falls along a line to a tenth. Chosen
on Meta-World's push with the default number of steps."""
_NUM_PROBES = 8
"""Random directions in which the curvature is measured."""
_EDGE = 8.0
"""Changes further from 0 than this many times their usual size are held there."""


class Evidence:
    """What several world models say of one episode."""

    def __init__(
        self,
        dynamics: Dynamics,
        module: Any,
        seen: Float[np.ndarray, "time feature"],
        change: Float[np.ndarray, "time offset feature"],
        tells: Bool[np.ndarray, "time offset"],
        scales: dict[str, np.ndarray],
    ) -> None:
        """Standardizes the episode for each of them.

        Args:
            dynamics: Their sizes.
            module: Their networks, together.
            seen: What is seen.
            change: How that changes until each moment ahead.
            tells: Where both are known.
            scales: What numbers are divided by, and their own errors (model, ...).
        """
        import torch

        self.dynamics, self.module = dynamics, module
        place = next(module.parameters()).device

        def tensor(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.nan_to_num(values).astype(np.float32)).to(place)

        one = {name: values[:, None] for name, values in scales.items()}
        scaled_seen = (seen - one["input_mean"]) / one["input_scale"]
        self.seen = tensor(np.clip(scaled_seen, -_EDGE, _EDGE))
        self.change = tensor(np.clip(change / one["later_scale"], -_EDGE, _EDGE))
        self.mean, self.scale = tensor(one["encoded_mean"]), tensor(one["encoded_scale"])
        # Moments share what they tell: together they count as one.
        weight = tells[..., None] / np.maximum(tells.sum(axis=1), 1)[:, None, None]
        self.sharpness = tensor(np.sqrt(weight) / one["error"])

    def residuals(self, actions: torch.Tensor) -> torch.Tensor:
        """How far what is seen is from what is expected, in errors of each model.

        Args:
            actions: What is done in each row, encoded: (time, encoded), or for each model by itself
                (model, time, encoded).

        Returns:
            (model, time, offset, seen).
        """
        import torch

        last = self.dynamics.offsets[-1]
        scaled = (actions - self.mean) / self.scale
        num, _, encoded = scaled.shape
        padded = torch.cat([scaled, scaled.new_zeros(num, last - 1, encoded)], dim=1)
        windows = padded.unfold(1, last, 1).movedim(-1, 2)
        expected = self.dynamics.ask(self.module, self.seen, windows)
        found: torch.Tensor = (expected - self.change) * self.sharpness
        return found


def most_likely(
    evidence: Evidence, space: ActionSpace, *, prior: float, num_steps: int
) -> tuple[Float[np.ndarray, "time encoded"], Float[np.ndarray, "time encoded"]]:
    """Encoded actions that make an episode likeliest, and how far off they may be (variance).

    The mean over models of log N(seen; expected, error), plus `prior` log N(action; usual): maximum
    a posteriori, by Adam; variances are Laplace's, the curvature's diagonal by random signs
    (Hutchinson 1990).

    Args:
        evidence: What each world model says.
        space: Of the actions.
        prior: Weight of usual actions.
        num_steps: Steps of the search.
    """
    import torch

    scale, mean = evidence.scale.mean(dim=0), evidence.mean.mean(dim=0)
    num, rows = evidence.seen.shape[:2]
    latent = scale.new_zeros(rows, space.num_encoded).requires_grad_()
    optimizer = torch.optim.Adam([latent], lr=_STEP)
    for step in range(num_steps):
        optimizer.param_groups[0]["lr"] = _STEP * (1 - 0.9 * step / num_steps)
        actions = _actions(latent, scale, mean, space)
        seen = (evidence.residuals(actions) ** 2).sum() / num
        optimizer.zero_grad()
        (0.5 * (seen + prior * (latent**2).sum())).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    # Every model by itself: what one of them is sure of, others may not know.
    apart = latent.detach().expand(num, -1, -1).clone().requires_grad_()
    found = evidence.residuals(_actions(apart, scale, mean, space))
    curvature = torch.full_like(latent, prior, requires_grad=False)
    random = torch.Generator().manual_seed(0)
    for _ in range(_NUM_PROBES):
        signs = torch.randint(0, 2, found.shape, generator=random).to(found) * 2 - 1
        (slope,) = torch.autograd.grad((found * signs).sum(), apart, retain_graph=True)
        curvature += (slope**2).sum(dim=0) / (_NUM_PROBES * num)
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
        part = latent[..., block.encoded]
        if block.kind == "discrete":
            parts.append(torch.softmax(part, dim=-1))
        else:
            parts.append(part * scale[..., block.encoded] + mean[..., block.encoded])
    return torch.cat(parts, dim=-1)
