"""Behavior cloning: a policy that does at every row what the dataset says was done there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from rotoscope.models.latent_actions.model import LatentModel
from rotoscope.models.policy.bc_network import policy_loss, run_policy, shifted
from rotoscope.models.policy.bc_policy import (
    BcPolicy,
    PolicyFacts,
    network_for,
    save_policy,
)
from rotoscope.models.policy.config import BcConfig
from rotoscope.models.policy.encoded import begin_with, frozen_look, latent_of, seen_through
from rotoscope.models.policy.pretraining import Weights, pretrained
from rotoscope.models.policy.row_weights import RowWeights
from rotoscope.models.policy.rows import PolicyRows, rows_of
from rotoscope.models.training.action_space import CONSTANT_SPREAD, ActionSpace
from rotoscope.models.training.checkpoint import remove_checkpoints, work_folder
from rotoscope.models.training.data import LabeledSet
from rotoscope.models.training.events import TrainListener
from rotoscope.models.training.loop import Problem, train
from rotoscope.models.training.model_folder import package_versions
from rotoscope.models.training.rows import Batch, Rows
from rotoscope.models.training.scaling import Scaling
from rotoscope.pipeline.errors import DatasetError

_ASKED_ROWS = 4096
"""Rows that a policy is asked about at a time when it is scored."""


def train_bc(
    data: LabeledSet,
    row_weights: Sequence[RowWeights],
    config: BcConfig,
    out: Path,
    *,
    input_names: Sequence[Sequence[str]],
    listener: TrainListener | None = None,
) -> BcPolicy:
    """Trains a policy and writes its folder; goes on where a killed training stopped.

    Args:
        data: Labeled episodes.
        row_weights: For each episode, which rows are learned from and how much they count.
        config: Settings.
        out: Folder of the policy; `OUT.training` beside it holds the checkpoint until it is done.
        input_names: For each of `config.inputs`, what its numbers are.
        listener: Told about progress.

    Raises:
        DatasetError: Fewer than two episodes have rows to learn from.
        UsageError: A checkpoint of another training, or no such device.
    """
    space = ActionSpace.of(data.contract)
    latent, num_seen, pictured = latent_of(config), 0, data.episodes
    kept = latent.weights if latent and config.is_frozen else {}
    if config.is_frozen:
        before = data.episodes[0].features.shape[1]
        look = frozen_look(
            config.encoder, latent.facts if latent else None, kept, config.loop.device
        )
        data = seen_through(look, data)
        num_seen = data.episodes[0].features.shape[1] - before
    parts = [
        rows_of(e, t, chunk=config.chunk) for e, t in zip(data.episodes, row_weights, strict=True)
    ]
    learned, held_out = _split(parts, config)
    rows, held_rows = PolicyRows.join([parts[i] for i in learned]), PolicyRows.join(
        [parts[i] for i in held_out]
    )  # fmt: skip
    known = rows.actions[rows.weights > 0]
    scaling = Scaling.of(rows.inputs, known, space)
    facts = PolicyFacts(
        config=config,
        contract=data.contract,
        input_names=tuple(tuple(names) for names in input_names),
        image_size=data.image_size,
        more_sizes=data.more_sizes,
        num_seen=num_seen,
        latent=latent.facts if latent else None,
        data_sha256=_digest(data, row_weights),
        packages=package_versions(),
    )
    work = work_folder(out)
    begun: Weights = {}
    if config.pretrain and latent is not None:
        begun = pretrained(latent, pictured, data.episodes, config, scaling,
                           digest=facts.data_sha256, checkpoint=work / "latents.pt",
                           listener=listener)  # fmt: skip
    fit = _Fit(config, space, scaling, facts.data_sha256, latent, begun)
    done = train(fit.problem(rows, held_rows), config.loop, checkpoint=work / "policy.pt",
                 listener=listener)  # fmt: skip
    weights = {name: value.numpy() for name, value in done.module.state_dict().items()}
    policy = BcPolicy(facts, scaling, weights, {}, config.loop.device, kept)
    policy.metrics = _scores(policy, held_rows) | {
        "steps": done.steps,
        "validation": done.validation,
        "learned_rows": len(rows),
        "held_out": [data.episodes[i].name for i in held_out],
    }
    save_policy(policy, out)
    remove_checkpoints(work)
    return policy


def _split(parts: Sequence[PolicyRows], config: BcConfig) -> tuple[list[int], list[int]]:
    """Episodes to learn from, and those the policy is evaluated on."""
    usable = [i for i, part in enumerate(parts) if len(part)]
    if len(usable) < 2:
        raise DatasetError(
            f"{len(usable)} of {len(parts)} episodes have rows to learn from; at least 2 are "
            "needed, one of them to evaluate the policy on"
        )
    order = np.random.default_rng(config.loop.seed).permutation(usable)
    held = min(max(1, round(len(usable) * config.held_out_share)), len(usable) - 1)
    return sorted(order[held:].tolist()), sorted(order[:held].tolist())


@dataclass(frozen=True, eq=False)
class _Fit:
    """What loss and validation share."""

    config: BcConfig
    space: ActionSpace
    scaling: Scaling
    digest: str
    latent: LatentModel | None
    """Whose image network the policy's begins as, where that goes on learning."""
    begun: Weights
    """What the network begins with, where it has learned latent actions before."""

    def problem(self, rows: PolicyRows, held_rows: PolicyRows) -> Problem:
        settings = self.config.model_dump_json(exclude={"loop"})
        return Problem(
            name="policy",
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


def _scores(policy: BcPolicy, rows: PolicyRows) -> dict[str, Any]:
    """How well the first planned action fits held-out episodes: R2 and MAE, or accuracy."""
    counts = np.flatnonzero(rows.weights[:, 0] > 0)
    if not len(counts):
        return {"rows": 0}
    truth = rows.actions[counts, 0]
    values = predicted(policy, rows, counts)
    error = policy.space.error(values, truth)
    names, discrete = policy.contract.names, policy.space.is_discrete
    moves = ~discrete & (np.ptp(truth, axis=0) > CONSTANT_SPREAD)
    out: dict[str, Any] = {"rows": len(counts)}
    if moves.any():
        r2 = 1 - (error**2).mean(0)[moves] / policy.space.spread(truth)[moves] ** 2
        out["r2"] = dict(zip(np.array(names)[moves].tolist(), r2.round(4).tolist(), strict=True))
        out["mean_r2"] = round(float(r2.mean()), 4)
    mae = np.abs(error).mean(0)
    out["mae"] = {
        n: round(float(m), 6) for n, m, d in zip(names, mae, discrete, strict=True) if not d
    }
    if discrete.any():
        out["accuracy"] = {
            n: round(1 - float(m), 4) for n, m, d in zip(names, mae, discrete, strict=True) if d
        }
    return out


def predicted(
    policy: BcPolicy, rows: PolicyRows, which: Int[np.ndarray, " some"]
) -> Float[np.ndarray, "some action"]:
    """The first action that is planned at some rows, a few pictures in memory at a time."""
    parts = [which[start : start + _ASKED_ROWS] for start in range(0, len(which), _ASKED_ROWS)]
    return np.concatenate(
        [policy.predict(rows.inputs[part], rows.pictures(part))[:, 0] for part in parts]
    )


def _digest(data: LabeledSet, row_weights: Sequence[RowWeights]) -> str:
    found = hashlib.sha256(data.digest().encode())
    for one in row_weights:
        found.update(one.weight.tobytes())
    return found.hexdigest()
