"""A policy that plans latent actions, and what makes actions of them.

Which latent comes next is learned from every row of every episode, known actions or not; what a
latent means for this robot, from the rows that count (LAPO, Schmidt and Jiang 2024, 2312.10812,
sections 3.2 and 3.3, whose decoder sees the latent alone; villa-X, 2507.23682, lets it see the
robot's state, too).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rotoscope.models.latent_actions.model import LATENT_FOLDER, LatentModel, usable_latent
from rotoscope.models.latent_actions.read import camera_of
from rotoscope.models.latent_actions.stage import latent_contract
from rotoscope.models.policy.bc_fit import Fit
from rotoscope.models.policy.bc_policy import BcPolicy, PlanFacts, PolicyFacts
from rotoscope.models.policy.config import BcConfig
from rotoscope.models.policy.predicted import ASKED_ROWS, predicted, scores
from rotoscope.models.policy.pretraining import latents_ahead, rows_ahead
from rotoscope.models.policy.row_weights import RowWeights
from rotoscope.models.policy.rows import PolicyRows, rows_of
from rotoscope.models.training.action_space import ActionSpace
from rotoscope.models.training.data import LabeledEpisode
from rotoscope.models.training.events import TrainListener
from rotoscope.models.training.loop import train
from rotoscope.models.training.read import open_once, read_labeled
from rotoscope.models.training.scaling import Scaling
from rotoscope.pipeline.contract import ActionContract, Dimension
from rotoscope.pipeline.errors import DatasetError, UsageError


@dataclass(frozen=True, eq=False)
class Latents:
    """The latents of all episodes, as what is to be planned."""

    contract: ActionContract
    """What they are."""
    values: tuple[Float[np.ndarray, "time latent"], ...]
    """Of every episode; NaN where it ends within a gap."""
    model_sha256: str
    """Hash of the model that they come from."""

    def known(self, episode: int) -> Bool[np.ndarray, " time"]:
        """Rows of an episode that have one."""
        found: np.ndarray = np.isfinite(self.values[episode]).all(axis=1)
        return found

    def some(self, episodes: Sequence[int]) -> Latents:
        """Those of some episodes."""
        return replace(self, values=tuple(self.values[i] for i in episodes))


def planned_model(config: BcConfig, rate_hz: float | None = None) -> LatentModel | None:
    """The latent action model whose latents a policy plans; `None` where it plans actions.

    Args:
        config: Settings.
        rate_hz: Of the rows, where that is known: a chunk must not reach beyond a latent.

    Raises:
        UsageError: There is no such model, its latents tell nothing, or `chunk` is longer than one.
    """
    if config.planned_model is None:
        return None
    model = usable_latent(config.planned_model, config.loop.device)
    if rate_hz is not None:
        most = max(1, round(model.facts.gap_s * rate_hz))
        if config.chunk > most:
            raise UsageError(
                f"chunk={config.chunk} actions are planned, and a latent of {config.plans} spans "
                f"{model.facts.gap_s:g} s, {most} rows: set chunk to at most {most}, or train the "
                "latent action model with a larger gap_s"
            )
    return model


def latents_of_dataset(data: Path, config: BcConfig, rate_hz: float) -> Latents | None:
    """The latents of a dataset's episodes, seen as their model sees; `None` for no such plan.

    Raises:
        UsageError: As `planned_model`.
        DatasetError: The dataset has not the model's camera, or the tracks that it looks at.
    """
    model = planned_model(config, rate_hz)
    if model is None:
        return None
    own = model.facts.config
    camera = camera_of(open_once(data), own.camera)
    shown = read_labeled(data, camera=camera, image_size=own.image_size, focus=own.focus)
    assert config.planned_model is not None
    return latents_of_episodes(model, shown.episodes, LATENT_FOLDER.digest(config.planned_model))


def latents_of_episodes(
    model: LatentModel, episodes: Sequence[LabeledEpisode], model_sha256: str
) -> Latents:
    """The latents of episodes with pictures; known actions are not looked at."""
    found = []
    for episode in episodes:
        assert episode.images is not None
        latents = latents_ahead(model, episode.images, episode.time_s)
        if model.facts.config.latent == "vq":
            known = np.isfinite(latents).all(axis=1)
            codes = np.full((len(latents), model.facts.config.codebook.num_groups), np.nan)
            codes[known] = model.code_index(latents[known])
            latents = codes
        found.append(latents)
    return Latents(_contract(model), tuple(found), model_sha256)


def _contract(model: LatentModel) -> ActionContract:
    contract, config = latent_contract(model), model.facts.config
    if config.latent != "vq":
        return contract
    last, groups = config.codebook.num_codes - 1, range(config.codebook.num_groups)
    codes = tuple(
        Dimension(name=f"code.{i}", quantity="discrete", unit="1", lower=0, upper=last)
        for i in groups
    )
    return contract.model_copy(update={"dimensions": codes})


@dataclass(frozen=True, eq=False)
class Planned:
    """A planner, and the rows from which what decodes its latents is learned."""

    planner: BcPolicy
    """Its actions are latents."""
    facts: PlanFacts
    """What it plans."""
    num_rows: int
    """Rows that it learned from."""
    chunk: int
    """Actions that a latent is decoded to."""

    def rows(
        self,
        seen: LabeledEpisode,
        latents: Float[np.ndarray, "time latent"],
        row_weights: RowWeights,
    ) -> PolicyRows:
        """The rows of an episode that count and have a latent, as what decodes it sees them."""
        known = np.isfinite(latents).all(axis=1) & np.isfinite(seen.features).all(axis=1)
        rows = np.flatnonzero(known)
        num_columns = len(self.planner.scaling.input_mean) + self.facts.num_looked
        columns = np.full((len(known), num_columns + self.planner.space.num_encoded), np.nan)
        for start in range(0, len(rows), ASKED_ROWS):
            some = rows[start : start + ASKED_ROWS]
            images = None if seen.images is None else seen.images[some]
            columns[some] = self.planner.beside(seen.features[some], images, latents[some])
        shown = replace(seen, features=columns, images=None)
        return rows_of(shown, row_weights, chunk=self.chunk)

    def latents(
        self, seen: LabeledEpisode, where: Float[np.ndarray, "time latent"]
    ) -> Float[np.ndarray, "time latent"]:
        """Planned latents, of the rows at which `where` is known."""
        rows = rows_ahead(seen, where)
        out = np.full(where.shape, np.nan)
        out[rows.frames] = predicted(self.planner, rows, np.arange(len(rows)))
        return out


def learn_plan(
    latents: Latents,
    seen: Sequence[LabeledEpisode],
    row_weights: Sequence[RowWeights],
    held_out: Sequence[int],
    fit: Fit,
    facts: PolicyFacts,
    *,
    checkpoint: Path,
    listener: TrainListener | None = None,
) -> Planned:
    """Learns which latent comes next, from every row.

    Args:
        latents: Of every episode.
        seen: The episodes as the policy sees them.
        row_weights: For each episode, which actions count.
        held_out: Episodes that nothing is learned from; a share of those without an action that
            counts is left out, too.
        fit: How; its space and scaling are not looked at.
        facts: Of the policy, without a plan.
        checkpoint: File to go on from.
        listener: Told about progress.

    Raises:
        DatasetError: No episode is left to learn from that is longer than a latent.
    """
    config, space = fit.config, ActionSpace.of(latents.contract)
    parts = [rows_ahead(s, v) for s, v in zip(seen, latents.values, strict=True)]
    fitted, held = _split(parts, row_weights, held_out, config)
    rows = PolicyRows.join([parts[i] for i in fitted])
    scaling = Scaling.of(rows.inputs, rows.actions[:, 0], space)
    one = config.model_copy(update={"chunk": 1, "execute": 1})
    fit = replace(fit, config=one, space=space, scaling=scaling, name="latent actions")
    problem = fit.problem(rows, PolicyRows.join([parts[i] for i in held]))
    done = train(problem, config.loop, checkpoint=checkpoint, listener=listener)
    weights = {name: value.numpy() for name, value in done.module.state_dict().items()}
    num_looked = 0
    if rows.images is not None:
        num_looked = weights["head.0.weight"].shape[1] - len(scaling.input_mean)
    plan = PlanFacts(
        contract=latents.contract, num_looked=num_looked, model_sha256=latents.model_sha256
    )
    own = facts.model_copy(update={"plan": plan}).planner()
    planner = BcPolicy(own, scaling, weights, {}, config.loop.device)
    return Planned(planner, plan, len(rows), config.chunk)


def plan_scores(
    policy: BcPolicy,
    planned: Planned,
    held: Sequence[tuple[LabeledEpisode, Float[np.ndarray, "time latent"], RowWeights]],
) -> dict[str, Any]:
    """Which part is weak: what is planned, or what it is decoded to.

    Actions are decoded from the latents that were there and from the planned ones, at the same
    rows, those that count and have a latent.

    Args:
        policy: Trained.
        planned: Its planner.
        held: Held-out episodes, their latents, and which rows count.
    """
    true, told, there, foreseen = [], [], [], []
    for seen, latents, row_weights in held:
        counts = np.where(row_weights.mask[:, None], latents, np.nan)
        plan = planned.latents(seen, counts)
        known = np.isfinite(plan).all(axis=1)
        there.append(counts[known])
        foreseen.append(plan[known])
        true.append(planned.rows(seen, counts, row_weights))
        told.append(planned.rows(seen, plan, row_weights))
    found = scores(np.concatenate(foreseen), np.concatenate(there), planned.planner.space)
    # Single numbers of a latent mean nothing to anybody.
    means: dict[str, Any] = {key: found[key] for key in ("rows", "mean_r2") if key in found}
    if "accuracy" in found:
        means["accuracy"] = round(float(np.mean(list(found["accuracy"].values()))), 4)
    out: dict[str, Any] = {"learned_rows": planned.num_rows, "latents": means}
    for name, parts in (("from_true_latents", true), ("from_planned_latents", told)):
        rows = PolicyRows.join(parts)
        values = policy.decoded(rows.inputs, None)[:, 0]
        out[name] = scores(values, rows.actions[:, 0], policy.space)
    return out


def _split(
    parts: Sequence[PolicyRows],
    row_weights: Sequence[RowWeights],
    held_out: Sequence[int],
    config: BcConfig,
) -> tuple[list[int], list[int]]:
    """Episodes that the planner learns from, and those on which it stops."""
    others = [i for i, w in enumerate(row_weights) if not w.mask.any() and len(parts[i])]
    order = np.random.default_rng(config.loop.seed).permutation(others)
    held = {*held_out, *order[: round(len(others) * config.held_out_share)].tolist()}
    fitted = [i for i in range(len(parts)) if i not in held and len(parts[i])]
    if not fitted:
        raise DatasetError(
            "no episode that latent actions may be learned from is longer than one: train the "
            "latent action model with a smaller gap_s, or add episodes"
        )
    return fitted, sorted(int(i) for i in held)
