"""What turns a window into an action and its variance: ridge regression, or a small network.

Both give, for every row, the encoded action (see `rotoscope.models.training.action_space`) and the
logarithm of the variance of each dimension's error, as a share of the squared spread of that
dimension.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.inverse_dynamics.config import InverseDynamicsConfig
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.scaling import Scaling, safe
from rotoscope.models.training.sizes import SCALES, NetworkSize, Scale, grid_network
from rotoscope.models.training.views import cameras_of, for_views

if TYPE_CHECKING:
    import torch

LOG_VARIANCE_RANGE = (-9.0, 3.0)
PENALTIES = tuple(10.0**k for k in range(-7, 6))
EMBEDDING_SIZE = 64
"""Numbers that the image network of `size=small` says about a frame."""


@dataclass(frozen=True, eq=False)
class LabelerScaling(Scaling):
    """Scaling that also knows how far each dimension of the action spreads."""

    spread: Float[np.ndarray, " action"]
    """Spread of each dimension of the action in its own unit; 1 where it never moves."""

    @classmethod
    def of_windows(
        cls,
        inputs: Float[np.ndarray, "row input"],
        actions: Float[np.ndarray, "row action"],
        space: ActionSpace,
        *,
        shared: Bool[np.ndarray, " input"],
    ) -> LabelerScaling:
        """From training rows; `shared` inputs get one scale together, which keeps their shape."""
        each = Scaling.of(inputs, actions, space)
        if shared.any():
            each.input_scale[shared] = safe(np.sqrt(inputs[:, shared].var(0).mean()))
        return cls(**vars(each), spread=safe(space.spread(actions)))

    def error_weights(self, space: ActionSpace) -> Float[np.ndarray, "encoded action"]:
        """Squared standardized errors to squared errors in units of the spread."""
        return space.error_weights() * (self.encoded_scale**2)[:, None] / self.spread**2


def fit_ridge(
    inputs: Float[np.ndarray, "row input"],
    encoded: Float[np.ndarray, "row encoded"],
    held_out: tuple[np.ndarray, np.ndarray],
    weights: Float[np.ndarray, "encoded action"],
    *,
    penalty: float | None,
) -> dict[str, np.ndarray]:
    """Least squares in closed form; the variance is fitted to the errors on held-out rows.

    Args:
        inputs: Standardized windows.
        encoded: Standardized encoded actions.
        held_out: The same of rows that were not fitted.
        weights: `LabelerScaling.error_weights`.
        penalty: Weight of the squared coefficients, in rows; the one of `PENALTIES` that does
            best on the held-out rows where `None`.
    """
    choices = PENALTIES if penalty is None else (penalty,)
    solutions = _ridges(inputs, encoded, choices)
    squares = [(with_one(held_out[0]) @ s - held_out[1]) ** 2 @ weights for s in solutions]
    best = int(np.argmin([s.mean() for s in squares]))
    solution, squared = solutions[best], np.maximum(squares[best], 1e-6)
    # Variances are a coarse matter learned from few rows: they get a strong penalty.
    (log_variance,) = _ridges(held_out[0], np.log(squared), [0.1 * len(squared)])
    # E[log e^2] = log sigma^2 + E[log chi^2_1], and E[log chi^2_1] = digamma(1/2) + log 2 = -1.27.
    log_variance[-1] += 1.27
    return {"weight": solution, "log_variance": log_variance}


def _ridges(
    inputs: np.ndarray, targets: np.ndarray, penalties: Sequence[float]
) -> list[Float[np.ndarray, "input_and_one encoded"]]:
    """A solution for each penalty, from one decomposition; the constant, at the end, is free."""
    mean, level = inputs.mean(axis=0), targets.mean(axis=0)
    rows, wanted = inputs - mean, targets - level
    if len(rows) < rows.shape[1]:
        # (X^T X + p)^-1 X^T = X^T (X X^T + p)^-1, the smaller matrix (Saunders et al. 1998).
        squares, basis = np.linalg.eigh(rows @ rows.T)
        left, right = rows.T @ basis, basis.T @ wanted
    else:
        squares, basis = np.linalg.eigh(rows.T @ rows)
        left, right = basis, basis.T @ (rows.T @ wanted)
    found = [left @ (right / (squares + penalty)[:, None]) for penalty in penalties]
    return [np.concatenate([weight, (level - mean @ weight)[None]]) for weight in found]


def with_one(inputs: np.ndarray) -> np.ndarray:
    """Rows with a constant 1 at their end."""
    return np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)


def build_network(
    *,
    num_inputs: int,
    num_taps: int,
    num_encoded: int,
    num_actions: int,
    hidden: int,
    size: NetworkSize = "small",
    num_views: int = 1,
) -> torch.nn.Module:
    """A perceptron beside a linear map; with `num_taps`, an image network in front of it.

    Of several cameras (`num_views`) each has one, and what they say stands side by side.

    The linear map (`base`) is set to the ridge solution and stays: the perceptron learns what is
    left. Differences of differences, such as accelerations, lie in directions of so little
    variance that gradient descent alone takes very long to find them.
    """
    from torch import nn

    scale = SCALES[size]
    hidden = scale.width * hidden
    parts: dict[str, nn.Module] = {}
    if num_inputs:
        parts["base"] = nn.Linear(num_inputs, num_encoded).requires_grad_(False)
        num_inputs += num_encoded
    if num_taps:
        parts["encoder"] = for_views(lambda: _image_network(scale), num_views)
        num_inputs += num_taps * num_views * scale.width * EMBEDDING_SIZE
    parts["head"] = nn.Sequential(
        nn.Linear(num_inputs, hidden),
        nn.SiLU(),
        nn.Linear(hidden, hidden),
        nn.SiLU(),
        nn.Linear(hidden, num_encoded + num_actions),
    )
    return nn.ModuleDict(parts)


def network_for(config: InverseDynamicsConfig, space: ActionSpace, num_inputs: int) -> Any:
    """A network of the size that settings and contract ask for."""
    offsets_s = config.window.offsets_s(space.contract.rate_hz)
    return build_network(
        num_inputs=num_inputs,
        num_taps=len(offsets_s) if config.learns_images else 0,
        num_encoded=space.num_encoded,
        num_actions=len(space.contract.dimensions),
        hidden=config.hidden,
        size=config.size,
        num_views=max(1, len(cameras_of(config.camera))),
    )


def _image_network(scale: Scale) -> torch.nn.Module:
    """Six channels of 64 px or so in, `EMBEDDING_SIZE` numbers out, times the size's width."""
    from torch import nn

    return grid_network(
        (24, 32, 48), nn.SiLU, num_inputs=6, num_outputs=EMBEDDING_SIZE, scale=scale
    )


def with_motion(
    images: torch.Tensor, before: torch.Tensor
) -> Float[torch.Tensor, "frame 6 height size"]:
    """Channels of the image network: the picture, and what changed since the one before.

    Both are uint8, (frame, height, size, 3). Slow motion in small pictures changes few levels, so
    the change is enlarged.
    """
    import torch

    now, then = images.float() / 255, before.float() / 255
    return torch.cat([now - 0.5, 4 * (now - then)], dim=-1).movedim(-1, -3)


def run_network(module: Any, inputs: torch.Tensor, embeddings: torch.Tensor | None) -> torch.Tensor:
    """Encoded actions and log variances, raw. `embeddings`: (row, tap, number)."""
    import torch

    parts = [inputs]
    if "base" in module:
        base = module["base"](inputs)
        parts.append(base)
    if embeddings is not None:
        parts.append(embeddings.flatten(1))
    out: torch.Tensor = module["head"](torch.cat(parts, dim=1))
    if "base" in module:
        out = torch.cat([out[:, : base.shape[1]] + base, out[:, base.shape[1] :]], dim=1)
    return out


def set_base(module: Any, weight: Float[np.ndarray, "input_and_one encoded"]) -> None:
    """Puts a ridge solution into a network's linear map."""
    import torch

    with torch.no_grad():
        module["base"].weight.copy_(torch.from_numpy(weight[:-1].T))
        module["base"].bias.copy_(torch.from_numpy(weight[-1]))


def network_loss(
    out: torch.Tensor, target: torch.Tensor, weights: torch.Tensor, space: ActionSpace
) -> torch.Tensor:
    """Squared error (cross-entropy for choices), and the likelihood of that error.

    The likelihood does not reach the mean (Stirn et al. 2023, 2212.09184): a network must not
    excuse large errors by large variances.
    """
    import torch

    mean, log_variance = out[:, : space.num_encoded], out[:, space.num_encoded :]
    choices = [b.encoded for b in space.blocks if b.kind == "discrete"]
    is_number = torch.ones(space.num_encoded, device=out.device)
    loss = out.new_zeros(())
    for part in choices:
        is_number[part] = 0
        loss = loss + torch.nn.functional.cross_entropy(mean[:, part], target[:, part])
    squared = (mean - target) ** 2 * is_number
    loss = loss + squared.sum(1).mean() / is_number.sum().clamp(min=1)
    # Faithful heteroscedastic regression: -log N(e; 0, s^2) = (e^2 / s^2 + log s^2) / 2 + const.
    log_variance = log_variance.clamp(*LOG_VARIANCE_RANGE)
    expected = squared.detach() @ weights
    return loss + 0.5 * (expected / log_variance.exp() + log_variance).mean()


def probabilities(
    encoded: Float[np.ndarray, "row encoded"], space: ActionSpace, *, are_logits: bool
) -> Float[np.ndarray, "row encoded"]:
    """Encoded actions whose choices are probabilities."""
    out = encoded.copy()
    for block in space.blocks:
        if block.kind == "discrete":
            part = out[:, block.encoded]
            part = np.exp(part - part.max(1, keepdims=True)) if are_logits else part
            part = np.maximum(part, 1e-3)
            out[:, block.encoded] = part / part.sum(1, keepdims=True)
    return out


def predict_ridge(
    arrays: Mapping[str, np.ndarray], inputs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Standardized encoded actions and log variances."""
    rows = with_one(inputs)
    log_variance = rows @ arrays["log_variance"]
    return rows @ arrays["weight"], np.clip(log_variance, *LOG_VARIANCE_RANGE)
