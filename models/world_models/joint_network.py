"""One network of what is seen, what will be seen and what is done; any part of it may be hidden.

As in unified world models (Zhu et al. 2025, 2504.02792), future and action are hidden independently
of each other: which of the two is asked for decides whether it is an inverse model, a policy, a
forward model or a predictor of video. They hide by noise of two levels; here a part is shown or
hidden whole, and what is hidden comes out as its mean (masks as in UniMASK, Carroll et al. 2022,
2211.10869). States are few numbers, of which means suffice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.rows import Batch
from rotoscope.models.training.shares import num_in_all
from rotoscope.models.training.sizes import NetworkSize
from rotoscope.models.world_models.members import perceptron

if TYPE_CHECKING:
    import torch

_LOG_VARIANCE = (-9.0, 4.0)
"""Range of what the network may say of its own errors."""


@dataclass(frozen=True)
class JointSizes:
    """How many numbers each part has."""

    seen: int
    """Of what is seen."""
    offsets: int
    """Moments ahead at which the future is looked at."""
    chunk: int
    """Actions from the row on."""
    encoded: int
    """Of an encoded action."""

    def build(self, size: NetworkSize) -> torch.nn.Module:
        """The network: all parts and what of them is shown, to the parts and log variances."""
        later = self.offsets * self.seen
        actions = self.chunk * self.encoded
        num_inputs = self.seen + 2 * (later + self.offsets) + actions + 1
        return perceptron(num_inputs, later + actions + self.encoded, size)

    def ask(
        self, module: Any, batch: Batch, shows_later: torch.Tensor, shows_action: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The future (row, offset, seen), actions (row, chunk, encoded) and log variances.

        Where several networks are asked together, an axis of them stands before all of these.

        Args:
            module: The network.
            batch: `seen`, `before` and `later` (changes from moment to moment) and `actions`,
                standardized; what is not shown is not looked at. What was before is shown where
                something of the future is: what acts must not copy what it did.
            shows_later: Which moments ahead are shown (row, offset), 0 or 1.
            shows_action: In which rows the actions are (row, 1).
        """
        import torch

        shows_before = batch["before_known"] * shows_later.amax(dim=-1, keepdim=True)
        before = (batch["before"] * shows_before[..., None]).flatten(-2)
        later = (batch["later"] * shows_later[..., None]).flatten(-2)
        actions = batch["actions"].flatten(-2) * shows_action
        parts = [batch["seen"], before, shows_before, later, shows_later, actions, shows_action]
        out = module(torch.cat(parts, dim=-1))
        ends = [self.offsets * self.seen, self.chunk * self.encoded, self.encoded]
        future, done, log_variance = out.split(ends, dim=-1)
        return (
            future.unflatten(-1, (self.offsets, self.seen)),
            done.unflatten(-1, (self.chunk, self.encoded)),
            log_variance.clamp(*_LOG_VARIANCE),
        )

    def loss(
        self, module: Any, batch: Batch, space: ActionSpace, shares: tuple[float, float]
    ) -> torch.Tensor:
        """Mean loss of what is hidden: parts drawn anew for every row while it learns.

        Args:
            module: The network.
            batch: Standardized rows.
            space: Of the actions.
            shares: Of the rows in which the future is shown and the action asked for, and of those
                in which it is the other way round; in the rest both are hidden.
        """
        import torch

        known, done = batch["later_known"], batch["actions_known"]
        num, place = len(known), known.device
        if module.training:
            draw = torch.rand(num, 1, device=place)
            # The first moments ahead up to any are shown: near an end the others are not known.
            until = torch.randint(1, self.offsets + 1, (num, 1), device=place)
            masks = [(draw < shares[0], draw > 1 - shares[1], until)]
        else:
            yes = torch.ones(num, 1, dtype=torch.bool, device=place)
            until = torch.full((num, 1), self.offsets, device=place)
            masks = [(yes, ~yes, until), (~yes, yes, until), (~yes, ~yes, until)]
        losses = []
        for shows_future, shows_action, until in masks:
            first = torch.arange(self.offsets, device=place)[None] < until
            later = (first & shows_future).float() * known
            action = shows_action.float() * done.prod(dim=1, keepdim=True)
            losses.append(self._hidden(module, batch, later, action, space))
        return torch.stack(losses).mean()

    def _hidden(
        self,
        module: Any,
        batch: Batch,
        shows_later: torch.Tensor,
        shows_action: torch.Tensor,
        space: ActionSpace,
    ) -> torch.Tensor:
        future, done, log_variance = self.ask(module, batch, shows_later, shows_action)
        asked = batch["later_known"] * (1 - shows_later)
        squared = ((future - batch["later"]) ** 2).mean(dim=2)
        loss = (squared * asked).sum() / num_in_all(asked.sum())
        asked = batch["actions_known"] * (1 - shows_action)
        error, wrong = _errors(done, batch["actions"], space)
        loss = loss + ((error.sum(dim=2) / space.num_encoded + wrong) * asked).sum() / (
            num_in_all(asked.sum())
        )
        # What it says of its errors does not reach them (Stirn et al. 2023, 2212.09184).
        said = error[:, 0].detach() / log_variance.exp() + log_variance
        return loss + 0.5 * (said.mean(dim=1) * asked[:, 0]).sum() / num_in_all(asked[:, 0].sum())


def _errors(
    out: torch.Tensor, truth: torch.Tensor, space: ActionSpace
) -> tuple[torch.Tensor, torch.Tensor]:
    """Squared errors of numbers (row, chunk, encoded), and cross-entropies of choices."""
    import torch

    is_number = torch.ones(space.num_encoded, device=out.device)
    wrong = torch.zeros(out.shape[:2], device=out.device)
    for block in space.blocks:
        if block.kind == "discrete":
            is_number[block.encoded] = 0
            share = torch.log_softmax(out[..., block.encoded], dim=-1)
            wrong = wrong - (share * truth[..., block.encoded]).sum(-1)
    return (out - truth) ** 2 * is_number, wrong
