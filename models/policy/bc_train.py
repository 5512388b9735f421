"""Behavior cloning: a policy that does at every row what the dataset says was done there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rotoscope.models.policy.bc_fit import Fit
from rotoscope.models.policy.bc_policy import BcPolicy, PolicyFacts, decoding, save_policy
from rotoscope.models.policy.config import BcConfig
from rotoscope.models.policy.encoded import frozen_look, latent_of, seen_through
from rotoscope.models.policy.latent_plan import Latents, learn_plan, plan_scores
from rotoscope.models.policy.predicted import predicted, scores
from rotoscope.models.policy.pretraining import pretrained
from rotoscope.models.policy.row_weights import RowWeights
from rotoscope.models.policy.rows import PolicyRows, rows_of
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.checkpoint import remove_checkpoints, work_folder
from rotoscope.models.training.data import LabeledSet
from rotoscope.models.training.events import TrainListener
from rotoscope.models.training.loop import train
from rotoscope.models.training.model_folder import package_versions
from rotoscope.models.training.scaling import Scaling
from rotoscope.pipeline.errors import DatasetError, UsageError


def train_bc(
    data: LabeledSet,
    row_weights: Sequence[RowWeights],
    config: BcConfig,
    out: Path,
    *,
    input_names: Sequence[Sequence[str]],
    latents: Latents | None = None,
    listener: TrainListener | None = None,
) -> BcPolicy:
    """Trains a policy and writes its folder; goes on where a killed training stopped.

    Args:
        data: Labeled episodes.
        row_weights: For each episode, which rows are learned from and how much they count.
        config: Settings.
        out: Folder of the policy; `OUT.training` beside it holds the checkpoint until it is done.
        input_names: For each of `config.inputs`, what its numbers are.
        latents: Of every episode, where the policy plans them; see `latents_of_dataset`.
        listener: Told about progress.

    Raises:
        DatasetError: Fewer than two episodes have rows to learn from.
        UsageError: A checkpoint of another training, no such device, or latents that do not go
            with the settings.
    """
    if (latents is None) != (config.planned_model is None):
        raise UsageError(
            f"plans={config.plans}, and latents of the episodes are "
            f"{'not ' if latents is None else ''}given: see latents_of_dataset"
        )
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
    seen = data.episodes
    parts = [rows_of(e, t, chunk=config.chunk) for e, t in zip(seen, row_weights, strict=True)]
    learned, held_out = _split(parts, config, latents)
    rows, held_rows = (PolicyRows.join([parts[i] for i in some]) for some in (learned, held_out))
    facts = PolicyFacts(
        config=config,
        contract=data.contract,
        input_names=tuple(tuple(names) for names in input_names),
        image_size=data.image_size,
        more_sizes=data.more_sizes,
        num_seen=num_seen,
        latent=latent.facts if latent else None,
        data_sha256=_digest(data, row_weights, latents),
        packages=package_versions(),
    )
    work = work_folder(out)
    fit = Fit(config, space, _scaling(rows, space), facts.data_sha256, latent)
    fitted, stopped, planned = rows, held_rows, None
    if config.pretrain and latent is not None:
        begun = pretrained(latent, pictured, seen, config, fit.scaling,
                           digest=facts.data_sha256, checkpoint=work / "latents.pt",
                           listener=listener)  # fmt: skip
        fit = replace(fit, begun=begun)
    if latents is not None:
        planned = learn_plan(latents, seen, row_weights, held_out, fit, facts,
                             checkpoint=work / "latents.pt", listener=listener)  # fmt: skip
        facts = facts.model_copy(update={"plan": planned.facts})
        fitted, stopped = (
            PolicyRows.join(
                [planned.rows(seen[i], latents.values[i], row_weights[i]) for i in some]
            )
            for some in (learned, held_out)
        )
        fit = replace(fit, config=decoding(config), scaling=_scaling(fitted, space), latent=None)
    done = train(fit.problem(fitted, stopped), config.loop, checkpoint=work / "policy.pt",
                 listener=listener)  # fmt: skip
    weights = {name: value.numpy() for name, value in done.module.state_dict().items()}
    planner = planned.planner if planned else None
    policy = BcPolicy(facts, fit.scaling, weights, {}, config.loop.device, kept, planner)
    policy.metrics = _scores(policy, held_rows) | {
        "steps": done.steps,
        "validation": done.validation,
        "learned_rows": len(fitted),
        "held_out": [seen[i].name for i in held_out],
    }
    if planned is not None and latents is not None:
        held = [(seen[i], latents.values[i], row_weights[i]) for i in held_out]
        policy.metrics["plan"] = plan_scores(policy, planned, held)
    save_policy(policy, out)
    remove_checkpoints(work)
    return policy


def _scaling(rows: PolicyRows, space: ActionSpace) -> Scaling:
    return Scaling.of(rows.inputs, rows.actions[rows.weights > 0], space)


def _split(
    parts: Sequence[PolicyRows], config: BcConfig, latents: Latents | None
) -> tuple[list[int], list[int]]:
    """Episodes to learn from, and those the policy is evaluated on."""
    usable = [
        i
        for i, part in enumerate(parts)
        if len(part) and (latents is None or latents.known(i)[part.frames].any())
    ]
    if len(usable) < 2:
        longer = "" if latents is None else " and are longer than a latent action"
        raise DatasetError(
            f"{len(usable)} of {len(parts)} episodes have rows to learn from{longer}; at least 2 "
            "are needed, one of them to evaluate the policy on"
        )
    order = np.random.default_rng(config.loop.seed).permutation(usable)
    held = min(max(1, round(len(usable) * config.held_out_share)), len(usable) - 1)
    return sorted(order[held:].tolist()), sorted(order[:held].tolist())


def _scores(policy: BcPolicy, rows: PolicyRows) -> dict[str, Any]:
    """How well the first planned action fits held-out episodes."""
    counts = np.flatnonzero(rows.weights[:, 0] > 0)
    if not len(counts):
        return {"rows": 0}
    return scores(predicted(policy, rows, counts), rows.actions[counts, 0], policy.space)


def _digest(data: LabeledSet, row_weights: Sequence[RowWeights], latents: Latents | None) -> str:
    found = hashlib.sha256(data.digest().encode())
    if latents is not None:
        found.update(latents.model_sha256.encode())
        for values in latents.values:
            found.update(np.ascontiguousarray(values).tobytes())
    for one in row_weights:
        found.update(one.weight.tobytes())
    return found.hexdigest()
