"""What the built-in policy's networks learn: targets, loss, and what they begin as."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rotoscope.models.latent_actions.model import LatentModel
from rotoscope.models.policy.bc_network import policy_loss, run_policy, shifted
from rotoscope.models.policy.bc_policy import network_for
from rotoscope.models.policy.config import BcConfig
from rotoscope.models.policy.encoded import begin_with
from rotoscope.models.policy.pretraining import Weights
from rotoscope.models.policy.rows import PolicyRows
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.loop import Problem
from rotoscope.models.training.rows import Batch, Rows
from rotoscope.models.training.scaling import Scaling


@dataclass(frozen=True, eq=False)
class Fit:
    """What a policy's network is learned from and how; loss and validation share it."""

    config: BcConfig
    space: ActionSpace
    scaling: Scaling
    digest: str
    latent: LatentModel | None = None
    """Whose image network the policy's begins as, where that goes on learning."""
    begun: Weights = field(default_factory=dict)
    """What the network begins with, where it has learned latent actions before."""
    name: str = "policy"
    """What is trained, for events."""

    def problem(self, rows: PolicyRows, held_rows: PolicyRows) -> Problem:
        """What is to be trained, scored on other rows."""
        settings = self.config.model_dump_json(exclude={"loop"})
        return Problem(
            name=self.name,
            build=self._network,
            fitted=self._rows(rows),
            held_out=self._rows(held_rows),
            loss=self._loss,
            fingerprint=f"{self.digest}|{settings}",
        )

    def _network(self) -> Any:
        facts = self.latent.facts if self.latent else None
        made = network_for(self.config, len(self.scaling.input_mean), self.space.num_encoded, facts)
        if self.begun:
            made.load_state_dict(self.begun, strict=False)
        elif self.latent is not None and not self.config.is_frozen:
            begin_with(self.latent, made)
        return made

    def _rows(self, rows: PolicyRows) -> Rows:
        num, chunk = rows.weights.shape
        encoded = self.space.encode(rows.actions.reshape(num * chunk, -1))
        target = self.scaling.encoded(encoded).reshape(num, chunk, -1)
        return rows.batches(self.scaling.inputs(rows.inputs), target)

    def _loss(self, module: Any, batch: Batch) -> Any:
        images = batch.get("images")
        if images is not None and module.training:
            images = shifted(images, self.config.shift_px)
        out = run_policy(module, batch["inputs"], images, chunk=self.config.chunk)
        return policy_loss(out.float(), batch["target"], batch["weights"], self.space)
